"""How well a clip shows its prompt: cosine between the embeddings of a text-clip dual encoder."""

from __future__ import annotations

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class ClipSimilarity(PerClipMetric):
    """Cosine of a clip's and its prompt's embedding, -1 to 1, mean over clips."""

    name = "clip_similarity"
    extractor = "shapes-v1"
    unit = "cosine -1..1"
    needs = ("shapes-v1-text",)
    formula = "cos(clip embedding, prompt embedding)"

    def measure(self, clip: Clip) -> Measurement:
        if clip.prompt is None:
            raise MetricComputationError("the prompt of this clip is not known")
        match = clip.feature("shapes-v1-text")
        return Measurement(match.cosine, {"unknown_word_share": match.unknown_word_share})


class ClipScore(ClipSimilarity):
    """100 max(cosine, 0) of each clip, then the mean; 0 to 100.

    The maximum is taken of each clip, not of the mean as torchmetrics does, so that clips against their prompt cannot
    cancel others.
    """

    name = "clip_score"
    unit = "score 0..100"
    formula = "100 max(cos(clip embedding, prompt embedding), 0) for each clip"

    def measure(self, clip: Clip) -> Measurement:
        seen = super().measure(clip)
        return Measurement(100.0 * max(seen.value, 0.0), seen.facts)
