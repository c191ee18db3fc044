"""What a certificate says, as values that go to JSON and come back."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, computed_field

from vid_diffusion_bench.results import Manifest, Value, utc_now

SCHEMA_VERSION = 1

Held = Literal["holds", "broken", "not applicable"]
Answer = Literal["worse", "better", "moves", "unmoved", "uneven", "not measured"]
Agreement = Literal["agrees", "differs", "not pinned"]
Expected = Literal["worse", "better", "unmoved", "either"]


class LawResult(Value):
    """Whether one law holds for one metric.

    ``difference`` is the largest relative difference seen between what must be equal, ``tolerance`` the largest that
    is allowed; both ``None`` where nothing was compared.
    """

    law: str
    status: Held
    detail: str
    difference: float | None = None
    tolerance: float | None = None


class Rung(Value):
    """One strength of one distortion.

    ``value`` is the metric's; ``change`` is what the distortion did to it over the ``n`` clips that have a value with
    and without, with its 95 % ``interval``; ``size`` is ``change`` in units of the metric's yardstick.
    """

    strength: str
    value: float | None
    n: int
    change: float | None = None
    interval: tuple[float, float] | None = None
    size: float | None = None
    reason: str | None = None


class Response(Value):
    """How one metric answers to one distortion.

    ``answer``: step by step to what the metric calls ``worse`` or ``better``, ``moves`` step by step where it states no
    direction, ``uneven`` there and back, ``unmoved`` not at all. ``surprising`` when that is not what was ``expected``,
    or when a distortion counts as better.
    """

    distortion: str
    expected: Expected
    answer: Answer
    finding: str
    surprising: bool
    rungs: list[Rung]


class ParityResult(Value):
    """The value of the pinned inputs here beside the published one."""

    status: Agreement
    detail: str
    pinned: float | None = None
    value: float | None = None
    tolerance: float | None = None


class MetricCertificate(Value):
    """All that was found out about one metric.

    ``reason`` says why it did not run on these clips. ``yardstick`` is the size that responses are told in,
    ``yardstick_is`` what it is, and ``least`` the smallest change that counts.
    """

    name: str
    label: str
    formula: str
    unit: str
    higher_is_better: bool | None
    reason: str | None = None
    value: float | None = None
    n: int = 0
    warnings: list[str] = Field(default_factory=list)
    yardstick: float | None = None
    yardstick_is: str = ""
    least: float | None = None
    laws: list[LawResult] = Field(default_factory=list)
    responses: list[Response] = Field(default_factory=list)
    parity: ParityResult

    @property
    def failures(self) -> list[str]:
        """The laws that are broken, and ``parity`` where the pinned value is missed."""
        broken = [law.law for law in self.laws if law.status == "broken"]
        return [*broken, "parity"] if self.parity.status == "differs" else broken

    @computed_field  # type: ignore[prop-decorator]
    @property
    def verdict(self) -> str:
        """``passes``, ``fails: ...`` or ``not run: ...``."""
        if self.failures:
            return f"fails: {', '.join(self.failures)}"
        return f"not run: {self.reason}" if self.reason else "passes"


class CertifiedClip(Value):
    """A clip that was used, as it was used: ``sha256`` is of the pixels after the cut that ``note`` tells of."""

    key: str
    sha256: str
    num_frames: int
    height: int
    width: int
    fps: float
    prompt: str | None = None
    note: str = ""


class RungInfo(Value):
    """A distortion as the certificate names it."""

    name: str
    title: str
    description: str
    strengths: list[str]


class Certificate(Value):
    """What ``vid-bench metrics certify`` found."""

    source: str
    clips: list[CertifiedClip]
    notes: list[str] = Field(default_factory=list)
    distortions: list[RungInfo]
    laws: dict[str, str]
    metrics: list[MetricCertificate]
    pinned_origin: str
    manifest: Manifest
    seconds: float
    created_at: str = Field(default_factory=utc_now)
    schema_version: int = SCHEMA_VERSION

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passes(self) -> bool:
        """Whether every metric that ran obeys its laws and agrees with its pinned value."""
        return not any(metric.failures for metric in self.metrics)

    @property
    def ran(self) -> list[MetricCertificate]:
        """The metrics that gave these clips a value."""
        return [metric for metric in self.metrics if not metric.reason]
