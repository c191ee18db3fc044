"""What goes into scoring and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vid_diffusion_bench.features import Clip, FeatureStore
from vid_diffusion_bench.results import MetricResult, Score
from vid_diffusion_bench.video import Video


@dataclass(frozen=True)
class ScoringClip:
    """One clip to score, not yet decoded.

    ``key`` is unique in its set. Clips of one ``cluster`` (a prompt's id) are resampled together. ``load`` gives the
    frames and raises ``InvalidVideoError`` when it cannot; ``paired`` gives the real clip to compare with. ``content``
    gives a text that is equal only for equal pixels at an equal rate, or ``None``; it names the clip's kept features.
    """

    key: str
    cluster: str
    prompt: str | None
    load: Callable[[], Video]
    paired: Callable[[], Video] | None = None
    content: Callable[[], str | None] | None = None

    def open(self, store: FeatureStore | None = None) -> Clip:
        """The clip for one pass of the metrics, its features looked up and kept in ``store``."""
        content = self.content() if self.content else None
        return Clip(
            self.key, self.cluster, self.load, prompt=self.prompt, paired=self.paired, content=content, store=store
        )


@dataclass(frozen=True)
class Reference:
    """The real set. Equal ``fingerprint`` means equal pixels; ``description`` is for people.

    ``spare`` are the keys of clips that are there for the noise floor, to be compared with the others.
    """

    clips: Sequence[ScoringClip]
    fingerprint: str
    description: str
    spare: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scores:
    """What came of one pass.

    ``per_clip`` maps metric to clip key to score, ``results`` metric to result, both under the names asked for.
    ``broken`` and ``broken_reference`` map the key of each clip that could not be decoded to why. ``notes`` and
    ``notes_reference`` map a decision of the reader (``docs/reading-videos.md``) to the keys of its clips, and what
    else there is to say of clips to theirs.
    """

    per_clip: dict[str, dict[str, Score]] = field(default_factory=dict)
    results: dict[str, MetricResult] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    broken_reference: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    notes_reference: dict[str, list[str]] = field(default_factory=dict)
