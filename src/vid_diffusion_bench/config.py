"""What a user asks for: :class:`BenchmarkConfig` and :class:`GenerationParameters`. Old spellings end here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.optimization import BASELINE, OptimizationProfile, check_level
from vid_diffusion_bench.prices import ANY_MODEL, MachinePrices, Price, PriceTable
from vid_diffusion_bench.prompts.check import check_prompt

DEFAULT_METRICS: Final = (
    "fvd",
    "inception_score",
    "clip_similarity",
    "clip_score",
    "temporal_consistency",
    "temporal_flickering",
    "dynamic_degree",
    "motion_smoothness",
    "overall_score",
)


class GenerationParameters(BaseModel):
    """How a clip is made. ``None`` means: the model's own default.

    ``num_frames`` frames of ``height`` x ``width`` pixels at ``fps`` frames a second, in ``num_inference_steps``
    denoising steps with classifier-free ``guidance_scale``. ``image`` and ``video`` are files that an image-to-video
    and a video-to-video model start from. ``extra`` goes to the pipeline call as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num_frames: int | None = Field(None, ge=1, le=100_000)
    fps: float | None = Field(None, gt=0, le=1000)
    height: int | None = Field(None, ge=1, le=16384)
    width: int | None = Field(None, ge=1, le=16384)
    num_inference_steps: int | None = Field(None, ge=1, le=10_000)
    guidance_scale: float | None = Field(None, ge=0, le=1000)
    negative_prompt: str | None = None
    scheduler: str | None = None
    image: str | None = None
    video: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def create(cls, **fields: Any) -> GenerationParameters:
        """As the constructor, but a mistake raises this package's :class:`ValidationError` with one line a mistake."""
        try:
            return cls(**fields)
        except pydantic.ValidationError as error:
            raise _explained(error) from error

    def over(self, defaults: GenerationParameters) -> GenerationParameters:
        """These parameters, with what they leave open taken from ``defaults``."""
        own = {name: value for name, value in self if value is not None and name != "extra"}
        merged = {**dict(defaults), **own, "extra": {**defaults.extra, **self.extra}}
        return GenerationParameters(**merged)


ArrivalName = Literal["closed", "constant", "poisson", "trace"]


class BenchmarkConfig(BaseModel):
    """One benchmark: which models, which prompts, which metrics, how.

    The fields and defaults of the API reference. A generation parameter that is *not set* gives way to the model's
    own default (see :meth:`parameters_set`), so ``height=512`` is asked of a model only when written.

    ``seed`` is the base that each sample's seed is derived from; ``None`` means 0, so that runs are repeatable and
    can be resumed by default. ``samples_per_prompt`` clips are made of each prompt, each with a seed of its own.
    ``images`` gives prompts an image of their own to start from, before ``image``. Without either, a model that starts
    from an image gets its first frame from ``first_frame_model``, a text-to-image pipeline, with the prompt and seed of
    the clip. ``lora`` are files of LoRA weights, ``FILE`` or ``FILE:SCALE``, laid over every model of the run.
    ``reference`` is a folder of real videos for the set metrics; without one the built-in reference set is used for
    prompts of the built-in world and for no others. Set metrics have no value for sets of unequal size unless
    ``subsample`` lets them cut the larger one.

    ``optimization`` is the name of a level (``baseline``, ``balanced``, ``performance``) or a profile of its own.
    ``precision`` goes before a level's, and must not contradict a profile's.

    ``arrival`` says when requests are sent to a served model: ``closed`` (the default: each when another ended, at most
    ``concurrency`` at once, by default one), or open loop: ``constant`` and ``poisson`` at ``rate`` requests a second,
    or ``trace``, at the times in the file ``arrival_trace``; then ``concurrency`` only holds requests back, and they
    wait. ``slo_seconds`` is the latency a request should keep. ``price`` maps a served model to what it costs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    models: list[str] = Field(min_length=1)
    prompts: list[str] = Field(min_length=1, max_length=100_000)
    metrics: list[str] = Field(default_factory=lambda: list(DEFAULT_METRICS))
    batch_size: int = Field(1, ge=1, le=1024)
    num_inference_steps: int = Field(50, ge=1, le=10_000)
    guidance_scale: float = Field(7.5, ge=0, le=1000)
    height: int = Field(512, ge=1, le=16384)
    width: int = Field(512, ge=1, le=16384)
    num_frames: int = Field(16, ge=1, le=100_000)
    fps: float = Field(8, gt=0, le=1000)
    seed: int | None = Field(None, ge=0, lt=2**63)
    output_dir: str = "./outputs"

    name: str | None = None
    prompt_set: str | None = None
    negative_prompt: str | None = None
    scheduler: str | None = None
    image: str | None = None
    video: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    images: dict[str, str] = Field(default_factory=dict)
    first_frame_model: str | None = None
    lora: list[str] = Field(default_factory=list)
    samples_per_prompt: int = Field(1, ge=1, le=10_000)
    warmup: int = Field(1, ge=0, le=100)
    timeout_seconds: float | None = Field(None, gt=0)
    device: str = "auto"
    precision: str | None = None
    optimization: str | OptimizationProfile | None = None
    reference: str | None = None
    subsample: bool = False
    save_videos: bool = True
    price_per_hour: float | None = Field(None, ge=0)
    price_per_kwh: float | None = Field(None, ge=0)
    currency: str = Field("", max_length=16)

    arrival: ArrivalName | None = None
    rate: float | None = Field(None, gt=0, le=10_000)
    arrival_trace: str | None = None
    concurrency: int | None = Field(None, ge=1, le=10_000)
    slo_seconds: float | None = Field(None, gt=0)
    price: PriceTable = Field(default_factory=dict)

    @field_validator("models", "metrics")
    @classmethod
    def _without_repeats(cls, names: list[str]) -> list[str]:
        if any(not name.strip() for name in names):
            raise ValueError("a name is empty")
        return list(dict.fromkeys(names))

    @field_validator("prompts")
    @classmethod
    def _prompts_are_text(cls, prompts: list[str]) -> list[str]:
        for number, prompt in enumerate(prompts, 1):
            check_prompt(prompt, number)
        return prompts

    @model_validator(mode="before")
    @classmethod
    def _flatten(cls, data: Any) -> Any:
        """Accept the nested ``config:`` block of the YAML form; a value said twice must be the same."""
        if not isinstance(data, dict) or "config" not in data:
            return data
        nested = data["config"] or {}
        if not isinstance(nested, dict):
            raise ValueError("`config:` is a block of options by their names")
        flat = {key: value for key, value in data.items() if key != "config"}
        for key, value in nested.items():
            if flat.setdefault(key, value) != value:
                raise ValueError(f"{key} is given twice with different values: {flat[key]!r} and {value!r}")
        return flat

    @field_validator("optimization", mode="before")
    @classmethod
    def _level_or_profile(cls, value: Any) -> Any:
        try:
            if isinstance(value, dict):
                return OptimizationProfile.create(**{str(name): given for name, given in value.items()})
            return check_level(value) if isinstance(value, str) else value
        except ValidationError as error:
            raise ValueError(f"{error.message}; {error.remedy}") from error

    @model_validator(mode="after")
    def _precision_is_one(self) -> BenchmarkConfig:
        profile = self.optimization if isinstance(self.optimization, OptimizationProfile) else OptimizationProfile()
        if self.precision and profile.precision and profile.precision != self.precision:
            raise ValueError(f"precision is given twice: {self.precision} and, in optimization, {profile.precision}")
        return self

    @model_validator(mode="after")
    def _arrivals_are_whole(self) -> BenchmarkConfig:
        paced = self.arrival in ("constant", "poisson")
        if paced != (self.rate is not None):
            raise ValueError("rate goes with arrival constant or poisson, and they with it")
        if (self.arrival == "trace") != (self.arrival_trace is not None):
            raise ValueError("arrival_trace goes with arrival trace, and it with that")
        return self

    def price_of(self, model: str) -> Price | None:
        """The price of a model in the user's table, if it has one."""
        text = self.price.get(model, self.price.get(ANY_MODEL))
        return Price.parse(text) if text else None

    @classmethod
    def create(cls, **fields: Any) -> BenchmarkConfig:
        """As the constructor, but a mistake raises this package's :class:`ValidationError` with one line a mistake."""
        try:
            return cls(**fields)
        except pydantic.ValidationError as error:
            raise _explained(error) from error

    @classmethod
    def from_yaml(cls, path: Path | str) -> BenchmarkConfig:
        """Read a YAML (or JSON) file.

        Raises:
            ValidationError: The file is missing, is not YAML, or holds something that is not a configuration.
        """
        import yaml

        try:
            data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ValidationError(f"{path} cannot be read as YAML: {error}") from error
        if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
            raise ValidationError(
                f"{path} holds no mapping of option names", remedy="write `models:`, `prompts:` and `metrics:`"
            )
        return cls.create(**data)

    @property
    def prices(self) -> MachinePrices:
        hour, kwh = self.price_per_hour, self.price_per_kwh
        return MachinePrices(price_per_hour=hour, price_per_kwh=kwh, currency=self.currency)

    def profile_on(self, device: str) -> OptimizationProfile:
        """What is switched on, on a device; its precision gives way to ``precision``.

        Raises:
            ValidationError: The level is not defined on such a device.
        """
        asked = self.optimization or BASELINE
        profile = asked if isinstance(asked, OptimizationProfile) else OptimizationProfile.of(asked, device)
        return profile.model_copy(update={"precision": None}) if self.precision else profile

    @property
    def base_seed(self) -> int:
        return self.seed or 0

    def parameters_set(self) -> GenerationParameters:
        """The generation parameters the user wrote; the others stay ``None``."""
        names = set(GenerationParameters.model_fields) & self.model_fields_set
        return GenerationParameters(**{name: getattr(self, name) for name in names})


def prompt_id(prompt: str) -> str:
    """A short name of a prompt that is safe as a file name: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(prompt.encode()).hexdigest()[:12]


def derive_seed(base_seed: int, prompt: str, index: int) -> int:
    """The seed of one sample, 32 bits: the same for every model, independent between prompts and repeats."""
    text = f"{base_seed}\n{index}\n{prompt}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def _explained(error: pydantic.ValidationError) -> ValidationError:
    problems = error.errors(include_url=False, include_input=False)
    lines = [f"{'.'.join(str(part) for part in p['loc']) or 'config'}: {p['msg']}" for p in problems]
    return ValidationError("; ".join(lines), details={"problems": lines})
