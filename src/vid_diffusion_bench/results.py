"""What is written down: one record a sample, one result a metric, one a model, one a run.

Nothing here is NaN or infinite: a number that does not exist is ``None`` with a reason beside it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    computed_field,
    field_serializer,
    model_serializer,
    model_validator,
)

from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters

SCHEMA_VERSION = 1
GIB = 1024**3

Status = Literal["completed", "failed"]
RunStatus = Literal["running", "completed", "interrupted", "failed"]


def iso(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 with ``Z``, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc_now() -> str:
    """The time as :func:`iso`."""
    return iso(time.time())


def fingerprint(data: Any) -> str:
    """SHA-256 of plain data in canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Value(BaseModel):
    """Base of every value type: frozen, strict about names, never NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _without_computed(cls, data: Any) -> Any:
        """What a dump shows beside the fields is computed again when it is read."""
        computed = cls.model_computed_fields
        if not isinstance(data, dict) or computed.keys().isdisjoint(data):
            return data
        return {name: value for name, value in data.items() if name not in computed}


class MetricResult(Value):
    """One number, with what is needed to trust it.

    ``value`` is ``None`` when it could not be measured, and ``reason`` then says why; likewise
    ``confidence_interval`` (95 %) and ``interval_reason``. ``n`` clips went into it out of ``total``. ``protocol``
    is everything that decides the number (extractor and weights hash, frame sampling, resize, aggregation,
    versions); results whose :attr:`protocol_fingerprint` differ are not comparable. ``label`` is the honest full
    name (``fvd[shapes-v1]``), ``name`` the one that was asked for.
    """

    name: str
    value: float | None
    confidence_interval: tuple[float, float] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    label: str = ""
    reason: str | None = None
    interval_reason: str | None = None
    n: int = 0
    total: int = 0
    higher_is_better: bool | None = None
    unit: str = ""
    protocol: dict[str, Any] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _absence_has_a_reason(self) -> MetricResult:
        if self.value is None and not self.reason:
            raise ValueError(f"{self.name}: a value that is None needs a reason")
        if self.value is not None and self.confidence_interval is None and not self.interval_reason:
            raise ValueError(f"{self.name}: an interval that is None needs a reason")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def protocol_fingerprint(self) -> str:
        return fingerprint(self.protocol)[:16]


class Score(Value):
    """One metric's value for one clip, or why there is none."""

    value: float | None
    reason: str | None = None


class Failure(Value):
    """Why a sample has no usable clip. ``stage`` is where: ``load``, ``generate``, ``check`` or ``store``."""

    code: str
    message: str
    stage: str
    step: int | None = None


class ClipInfo(Value):
    """A stored clip: the hash of its pixels, and its files relative to the run folder."""

    sha256: str
    path: str | None
    preview: str | None
    num_frames: int
    height: int
    width: int
    fps: float


class Conditions(Value):
    """What went on around one call; ``None`` is not known.

    ``other_load`` is the share of the machine's processor time that other processes took, 0..1; ``throttled`` says what
    lowered a clock under load; ``cpu_mhz`` was read after the call, ``gpu_mhz`` is the mean of its samples.
    """

    other_load: float | None = None
    other_gpu_processes: int | None = None
    throttled: list[str] = Field(default_factory=list)
    cpu_mhz: float | None = None
    gpu_mhz: float | None = None


class Attempt(Value):
    """A try that did not lead to a clip: when it ended, why, and how long was waited before the next, in seconds."""

    ended: float
    reason: str
    waited: float


class Serving(Value):
    """How a server answered one request. Times are seconds of one clock, 0 at the start of the arrivals.

    ``sitting`` names the start of that clock, ``process`` the arrival process. ``scheduled`` is when the request
    arrived, ``sent`` when the client let it go, ``started`` when the server was first seen at work on it, ``ended``
    when the last byte was there or it had failed. ``drift`` is what the client itself was late. A clip found by
    polling was ready before: ``discovery`` is the expected delay, right within ``discovery_error``, and the latency is
    without it. ``form`` is how the server answers; ``stated`` are its own figures, as it gave them.
    """

    sitting: str
    process: dict[str, Any]
    scheduled: float
    sent: float
    ended: float
    started: float | None = None
    drift: float = 0.0
    discovery: float = 0.0
    discovery_error: float = 0.0
    form: str = ""
    media_type: str = ""
    size_bytes: int | None = None
    attempts: list[Attempt] = Field(default_factory=list)
    stated: dict[str, Any] = Field(default_factory=dict)

    @property
    def latency(self) -> float:
        """From the scheduled arrival to the clip, without what polling added."""
        return self.ended - self.scheduled - self.discovery


class Cost(Value):
    """What making one clip took. Seconds and bytes; ``None`` has its reason in ``reasons`` under the field's name.

    ``latency`` is the wall time of the generating call divided by nothing: for a batch, every clip of it waited
    that long. ``stages`` are disjoint parts of it (``text_encoder``, ``denoiser``, ``decoder``, ``post_processing``,
    ``other``). Memory and energy are the whole call's too. ``sampled_rss`` checks ``peak_rss``; ``energy`` splits
    ``energy_joules`` by source (``gpu``, ``package-0``).
    """

    latency: float
    batch_size: int = 1
    stages: dict[str, float] = Field(default_factory=dict)
    steps: list[float] = Field(default_factory=list)
    peak_rss: int | None = None
    sampled_rss: int | None = None
    peak_vram: int | None = None
    peak_vram_reserved: int | None = None
    process_vram: int | None = None
    energy_joules: float | None = None
    energy: dict[str, float] = Field(default_factory=dict)
    conditions: Conditions | None = None
    serving: Serving | None = None
    reasons: dict[str, str] = Field(default_factory=dict)


class SampleRecord(Value):
    """One prompt with one seed on one model: its clip or its failure, its cost, its scores.

    ``key`` is the hash of everything that determines the pixels. ``flags`` are observations that do not make the
    clip a failure (``frozen``). ``inputs`` are what the clip starts from, by name: the SHA-256 of the user's file, or
    the model that made its first frame with the SHA-256 of what it made. ``manifest`` names the software and hardware
    it was made on.
    """

    key: str
    model: str
    prompt: str
    prompt_id: str
    index: int
    seed: int
    parameters: GenerationParameters
    inputs: dict[str, Any] = Field(default_factory=dict)
    status: Status
    failure: Failure | None = None
    clip: ClipInfo | None = None
    cost: Cost | None = None
    flags: list[str] = Field(default_factory=list)
    scores: dict[str, Score] = Field(default_factory=dict)
    manifest: str = ""
    created_at: str = Field(default_factory=utc_now)


class Manifest(Value):
    """The software and hardware a run was made on; ``id`` is its hash.

    ``optimization`` are the switches of the model's profile. It is left out where there are none, so that manifests
    of models as they are loaded keep their hashes.
    """

    packages: dict[str, str]
    python: str
    platform: str
    processor: str
    cpu_count: int
    memory_gb: float | None
    device: str
    device_name: str | None = None
    precision: str
    threads: int
    optimization: dict[str, Any] = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _without_nothing(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = dump(self)
        return data if self.optimization else {name: v for name, v in data.items() if name != "optimization"}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def id(self) -> str:
        return fingerprint(self.model_dump(exclude={"id"}))[:16]


class ModelResult(Value):
    """All that was measured of one model.

    ``metrics`` and ``performance`` map a name to a number or ``None``; ``metric_results`` and
    ``performance_results`` hold the same with interval, reason and protocol.
    """

    model_name: str
    metric_results: dict[str, MetricResult] = Field(default_factory=dict)
    performance_results: dict[str, MetricResult] = Field(default_factory=dict)
    records: list[SampleRecord] = Field(default_factory=list)
    provenance: dict[str, Any] = Field(default_factory=dict)
    load_seconds: float | None = None
    error: Failure | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def metrics(self) -> dict[str, float | None]:
        return {name: result.value for name, result in self.metric_results.items()}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def performance(self) -> dict[str, float | None]:
        return {name: result.value for name, result in self.performance_results.items()}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def success_rate(self) -> float | None:
        """Share of samples with a usable clip, 0..1; ``None`` when none was tried."""
        if not self.records:
            return None
        return sum(record.status == "completed" for record in self.records) / len(self.records)


class BenchmarkResult(Value):
    """One run; reads as a mapping of model name to its metrics.

    ``scoring_threads`` is the number of PyTorch's threads that the metrics were computed with, ``None`` where there are
    none, where they were computed with several numbers, and where nobody noted it.
    """

    benchmark_id: str
    status: RunStatus
    execution_time: float
    models: list[ModelResult] = Field(default_factory=list)
    config: BenchmarkConfig
    manifests: dict[str, Manifest] = Field(default_factory=dict)
    scoring_threads: int | None = None
    error_message: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: str = Field(default_factory=utc_now)
    schema_version: int = SCHEMA_VERSION

    @field_serializer("config")
    def _config_as_stated(self, config: BenchmarkConfig) -> dict[str, Any]:
        """Only what was written, so that what was left to the models stays so when the run is read again."""
        return config.model_dump(mode="json", exclude_unset=True)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def model_results(self) -> dict[str, dict[str, float | None]]:
        return {result.model_name: result.metrics for result in self.models}

    def model(self, name: str) -> ModelResult:
        """The result of one model, by the name it was asked for under."""
        for result in self.models:
            if result.model_name == name:
                return result
        raise KeyError(name)

    def __getitem__(self, name: str) -> dict[str, float | None]:
        return self.model(name).metrics

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        return iter(self.model_results)

    def __len__(self) -> int:
        return len(self.models)

    def __contains__(self, name: object) -> bool:
        return name in self.model_results

    def keys(self) -> KeysView[str]:
        return self.model_results.keys()

    def values(self) -> ValuesView[dict[str, float | None]]:
        return self.model_results.values()

    def items(self) -> ItemsView[str, dict[str, float | None]]:
        return self.model_results.items()
