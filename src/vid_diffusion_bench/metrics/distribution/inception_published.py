"""The two published inception scores of video, which are different quantities: of clips by C3D, of frames by Inception.

Both are bit by bit the same in any order and shards: clips are sorted by key before the published shuffle.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Context, Measurement, Metric, State, unmeasured
from vid_diffusion_bench.metrics.distribution.base import hashed
from vid_diffusion_bench.metrics.distribution.inception_score import NO_INTERVAL
from vid_diffusion_bench.metrics.distribution.inception_splits import Probabilities, split_score
from vid_diffusion_bench.results import MetricResult

SPLITS = 10


class PublishedScore(Metric):
    """Mean over 10 parts of exp(mean KL(p(y|x) || p(y))), with their spread in the metadata.

    It depends on N, so N is part of the protocol. More than ``protocol_clips`` are cut to those with the smallest
    SHA-256 of their keys, a fair and repeatable draw.
    """

    unit = "score 1..classes"
    seed: int
    protocol_clips: int | None = None
    sample: str
    """What a sample is, in the plural."""

    @abstractmethod
    def count(self, value: Any) -> int:
        """Samples in a row's value."""

    @abstractmethod
    def probabilities(self, value: Any) -> Probabilities:
        """Class probabilities (T, C) of the samples of a row's value."""

    def compute(self, state: State, context: Context) -> MetricResult:
        values = self._values(state)
        n = sum(map(self.count, values))
        if n < SPLITS:
            reason = f"needs {SPLITS} {self.sample} or more, there are {n}" if values else unmeasured(state.generated)
            return self.result(context, state.generated, value=None, reason=reason)
        found = split_score(self._samples(values), n, SPLITS, self.seed)
        return self.result(
            context,
            state.generated,
            value=found.mean,
            interval_reason=NO_INTERVAL,
            protocol={"n": len(values), self.sample: n},
            metadata={
                "split_std": found.std,
                "splits": SPLITS,
                "classes": found.classes,
                "n_scored": len(values),
                self.sample: n,
            },
            warnings=self._warnings(state, len(values), n, found.classes),
        )

    def _values(self, state: State) -> list[Any]:
        keys = sorted((key for key, row in state.generated.items() if row.value is not None), key=hashed)
        return [state.generated[key].value for key in sorted(keys[: self.protocol_clips])]

    def _samples(self, values: Sequence[Any]) -> Iterator[Probabilities]:
        return (self.probabilities(value) for value in values)

    def _warnings(self, state: State, clips: int, n: int, classes: int) -> list[str]:
        measured = sum(row.value is not None for row in state.generated.values())
        lines = [f"of {measured} clips, {clips} were scored"] if clips < measured else []
        if clips < (self.protocol_clips or 0):
            lines.append(f"{clips} clips are below the {self.protocol_clips} of {self.label}")
        if n < SPLITS * classes:
            lines.append(f"{n // SPLITS} {self.sample} a split cannot show all {classes} classes")
        return lines


class ClipScoreC3d(PublishedScore):
    """StyleGAN-V's ``isv2048_ucf``: each clip a sample, C3D trained on the 101 classes of UCF-101."""

    name = "is_c3d_ucf101"
    extractor = "c3d-ucf101"
    needs = ("c3d-ucf101",)
    formula = "exp(mean KL(p(y|x) || p(y))) of C3D's 101 class probabilities, float64, 0 log 0 = 0"
    aggregation = "clips by key, shuffled by RandomState(42), mean over 10 splits; 2048 clips at most"
    seed = 42
    protocol_clips = 2048
    sample = "clips"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(np.asarray(clip.feature("c3d-ucf101"), np.float64))

    def count(self, value: Any) -> int:  # noqa: ARG002
        return 1

    def probabilities(self, value: Any) -> Probabilities:
        return np.asarray(value[None])


class FrameScore(PublishedScore):
    """EvalCrafter's: each frame a sample, Inception-v3 with 1008 classes; torch-fidelity's order and arithmetic."""

    name = "is_inception_frame"
    extractor = "inception-v3-torchscript"
    needs = ("inception-v3-torchscript",)
    formula = "exp(mean KL(p(y|x) || p(y))) of the softmax of Inception-v3's 1008 logits, float64"
    aggregation = "every frame a sample, clips by key, shuffled by RandomState(2020), mean over 10 splits"
    seed = 2020
    sample = "frames"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(clip.kept("inception-v3-torchscript"))

    def count(self, value: Any) -> int:
        return len(value.load().logits)

    def probabilities(self, value: Any) -> Probabilities:
        from scipy.special import softmax

        return np.asarray(softmax(value.load().logits.astype(np.float64), axis=1))
