"""X-CLIP: a video encoder and a text encoder that were trained together."""

from __future__ import annotations

from collections.abc import Mapping

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.learned.clip_text import cut_prompts
from vid_diffusion_bench.metrics.learned.frames import cosines_to
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


class VideoTextSimilarity(PerClipMetric):
    """Cosine of X-CLIP's embeddings of a clip and its prompt, -1 to 1, mean over clips."""

    name = "video_text_similarity"
    extractor = "x-clip-base-32"
    unit = "cosine -1..1"
    needs = ("x-clip-base-32",)
    formula = "cos(video embedding, prompt embedding conditioned on the video)"

    def measure(self, clip: Clip) -> Measurement:
        if clip.prompt is None:
            raise MetricComputationError("the prompt of this clip is not known")
        pair = clip.feature(self.extractor)
        (cosine,) = cosines_to(pair.text, pair.video[None])
        return Measurement(float(cosine), {"truncated_share": float(pair.truncated_share)})

    def warnings(self, facts: Mapping[str, float]) -> list[str]:
        return [*super().warnings(facts), *cut_prompts(self.extractor, facts)]
