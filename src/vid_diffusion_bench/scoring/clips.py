"""What goes into scoring and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.results import MetricResult, Score
from vid_diffusion_bench.video import Video


@dataclass(frozen=True)
class ScoringClip:
    """One clip to score, not yet decoded.

    ``key`` is unique in its set. Clips of one ``cluster`` (a prompt's id) are resampled together. ``load`` gives the
    frames and raises ``InvalidVideoError`` when it cannot; ``paired`` gives the real clip to compare with.
    """

    key: str
    cluster: str
    prompt: str | None
    load: Callable[[], Video]
    paired: Callable[[], Video] | None = None

    def open(self) -> Clip:
        """The clip for one pass of the metrics."""
        return Clip(self.key, self.cluster, self.load, prompt=self.prompt, paired=self.paired)


@dataclass(frozen=True)
class Reference:
    """The real set. Equal ``fingerprint`` means equal pixels; ``description`` is for people."""

    clips: Sequence[ScoringClip]
    fingerprint: str
    description: str


@dataclass(frozen=True)
class Scores:
    """What came of one pass.

    ``per_clip`` maps metric to clip key to score, ``results`` metric to result, both under the names asked for.
    ``broken`` and ``broken_reference`` map the key of each clip that could not be decoded to why.
    """

    per_clip: dict[str, dict[str, Score]] = field(default_factory=dict)
    results: dict[str, MetricResult] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    broken_reference: dict[str, str] = field(default_factory=dict)
