"""User settings: a TOML file in the user's configuration folder, overridden by ``VIDBENCH_*`` variables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import platformdirs
import pydantic
import tomli_w
from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from vid_diffusion_bench.exceptions import StorageError, ValidationError
from vid_diffusion_bench.optimization import BASELINE, LevelName
from vid_diffusion_bench.prices import PriceTable

APP = "vid-diffusion-bench"


def settings_file() -> Path:
    """Where ``vid-bench config set`` writes."""
    return Path(platformdirs.user_config_dir(APP)) / "settings.toml"


class Settings(BaseSettings):
    """What a user sets once. Each name is also an environment variable, upper case, after ``VIDBENCH_``."""

    model_config = SettingsConfigDict(env_prefix="VIDBENCH_", extra="forbid", validate_default=True)

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
    price: Annotated[PriceTable, NoDecode] = Field(
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

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())


def load_settings() -> Settings:
    """The settings in force.

    Raises:
        ValidationError: The file or a variable holds a value that is not allowed.
    """
    try:
        return Settings()
    except pydantic.ValidationError as error:
        raise _explained(error) from error
    except ValueError as error:
        raise _not_toml(error) from error


def save_setting(name: str, value: str) -> Settings:
    """Write one setting to the user's file, after checking it.

    Raises:
        ValidationError: No such setting, or a value that is not allowed.
        StorageError: The file cannot be written.
    """
    if name not in Settings.model_fields:
        raise ValidationError(f"no setting {name!r}", remedy=f"settings are {', '.join(Settings.model_fields)}")
    try:
        checked = Settings(**{name: value})  # type: ignore[arg-type]
    except pydantic.ValidationError as error:
        raise _explained(error) from error
    except ValueError as error:
        raise _not_toml(error) from error
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

    try:
        return tomllib.loads(settings_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _explained(error: pydantic.ValidationError) -> ValidationError:
    lines = [f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors(include_url=False)]
    remedy = f"see {settings_file()} and the VIDBENCH_ variables; `vid-bench config reset` clears the file"
    return ValidationError("; ".join(lines), remedy=remedy, details={"problems": lines})
