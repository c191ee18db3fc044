"""User settings: a TOML file in the user's configuration folder, overridden by ``VIDBENCH_*`` variables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import platformdirs
import pydantic
from pydantic import BaseModel, ConfigDict, Field

from vid_diffusion_bench.exceptions import StorageError, ValidationError
from vid_diffusion_bench.optimization import BASELINE, LevelName
from vid_diffusion_bench.prices import PriceTable

APP = "vid-diffusion-bench"
_PREFIX = "VIDBENCH_"


def settings_file() -> Path:
    """Where ``vid-bench config set`` writes."""
    return Path(platformdirs.user_config_dir(APP)) / "settings.toml"


class Settings(BaseModel):
    """What a user sets once. Each name is also an environment variable, upper case, after ``VIDBENCH_``.

    Made by :func:`load_settings`. Every command reads them, and pydantic-settings takes a fifth of a short one's time.
    """

    model_config = ConfigDict(extra="forbid", validate_default=True)

    cache_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_cache_dir(APP)),
        description="its folder models/ holds diffusers folders, each named like a model of the list",
    )
    weights_dir: Path | None = Field(
        None, description="holds the weights of feature extractors; weights/ in cache_dir when not set"
    )
    output_dir: Path = Field(Path("outputs"), description="where runs are written by default")
    keep_features: bool = Field(
        default=True, description="keep the features of clips in cache_dir/features, so that no pass repeats them"
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$", description="auto, cpu, cuda, cuda:N or mps")
    price_per_hour: float | None = Field(None, ge=0, description="what an hour of this machine costs, for cost a clip")
    price_per_kwh: float | None = Field(None, ge=0, description="what a kWh costs, for cost a clip")
    currency: str = Field("", max_length=16, description="the word beside a cost, such as EUR")
    key_variable: str = Field(
        "VIDBENCH_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="the environment variable that holds the key for endpoint:URL models; the key itself is never kept",
    )
    price: PriceTable = Field(
        default_factory=dict, description="what served models cost: MODEL=0.20 USD/clip, MODEL=0.04 USD/second"
    )
    optimization_level: LevelName = Field(
        "baseline", description="the level models are run at when no command or configuration says one"
    )
    default_locale: str = Field("en", description="kept for a later version; nothing reads it yet")
    gpu_memory_fraction: float = Field(1.0, gt=0, le=1, description="kept for a later version; nothing reads it yet")

    def prices(self) -> dict[str, Any]:
        """The prices that are set, by the names they have in a configuration."""
        named = {name: getattr(self, name) for name in ("price_per_hour", "price_per_kwh", "currency")}
        return {name: value for name, value in named.items() if value not in (None, "")}

    def level(self) -> dict[str, Any]:
        """The optimisation level by the name it has in a configuration; nothing for models as they are."""
        return {} if self.optimization_level == BASELINE else {"optimization": self.optimization_level}


def load_settings() -> Settings:
    """The settings in force.

    Raises:
        ValidationError: The file or a variable holds a value that is not allowed.
    """
    return _in_force({})


def _in_force(given: dict[str, str]) -> Settings:
    """``given`` over the environment over the user's file.

    Raises:
        ValidationError: One of them holds a value that is not allowed.
    """
    try:
        return Settings.model_validate({**_stored(), **_environment(), **given})
    except pydantic.ValidationError as error:
        raise _explained(error) from error
    except ValueError as error:
        raise _not_toml(error) from error


def _environment() -> dict[str, str]:
    """The settings that are variables, in upper or lower case."""
    variables = {name.upper(): value for name, value in os.environ.items()}
    wanted = {name: _PREFIX + name.upper() for name in Settings.model_fields}
    return {name: variables[variable] for name, variable in wanted.items() if variable in variables}


def save_setting(name: str, value: str) -> Settings:
    """Write one setting to the user's file, after checking it.

    Raises:
        ValidationError: No such setting, or a value that is not allowed.
        StorageError: The file cannot be written.
    """
    import tomli_w

    if name not in Settings.model_fields:
        raise ValidationError(f"no setting {name!r}", remedy=f"settings are {', '.join(Settings.model_fields)}")
    checked = _in_force({name: value})
    stored = _stored()
    stored[name] = checked.model_dump(mode="json")[name]
    try:
        settings_file().parent.mkdir(parents=True, exist_ok=True)
        settings_file().write_text(tomli_w.dumps(stored), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{settings_file()} cannot be written: {error}") from error
    return checked


def reset_settings() -> None:
    """Forget what the user's file says.

    Raises:
        StorageError: The file cannot be removed.
    """
    try:
        settings_file().unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{settings_file()} cannot be removed: {error}") from error


def _not_toml(error: ValueError) -> ValidationError:
    return ValidationError(f"{settings_file()} is not valid TOML: {error}", remedy="vid-bench config reset")


def _stored() -> dict[str, Any]:
    import tomllib

    file = settings_file()
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _explained(error: pydantic.ValidationError) -> ValidationError:
    lines = [f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors(include_url=False)]
    remedy = f"see {settings_file()} and the VIDBENCH_ variables; `vid-bench config reset` clears the file"
    return ValidationError("; ".join(lines), remedy=remedy, details={"problems": lines})
