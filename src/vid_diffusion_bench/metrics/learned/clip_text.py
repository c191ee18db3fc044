"""How well a clip shows its prompt: cosine between embeddings of what is seen and of what was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Measurement
from vid_diffusion_bench.metrics.learned.frames import cosines_to
from vid_diffusion_bench.metrics.per_clip import PerClipMetric


@dataclass(frozen=True)
class Encoder:
    """Two towers into one space: ``cosine`` gives that of a clip and its prompt, with facts about the prompt."""

    name: str
    needs: tuple[str, ...]
    cosine: Callable[[Clip], Measurement]
    formula: str


def _of_the_clip(clip: Clip) -> Measurement:
    match = clip.feature("shapes-v1-text")
    return Measurement(match.cosine, {"unknown_word_share": match.unknown_word_share})


SHAPES = Encoder("shapes-v1", ("shapes-v1-text",), _of_the_clip, "cos(clip embedding, prompt embedding)")


def frame_by_frame(model: str) -> Encoder:
    """The CLIP ``model``: every frame against the prompt."""

    def cosine(clip: Clip) -> Measurement:
        text = clip.feature(f"{model}-text")
        cosines = cosines_to(text.embedding, clip.feature(model))
        return Measurement(float(cosines.mean()), {"truncated_share": float(text.truncated_share)})

    needs = (model, f"{model}-text")
    return Encoder(model, needs, cosine, "mean over all frames of cos(frame embedding, prompt embedding)")


class ClipSimilarity(PerClipMetric):
    """Cosine of a clip's and its prompt's embedding, -1 to 1, mean over clips.

    ``shapes-v1`` embeds a clip as a whole; the CLIP models embed each frame, and the clip has the mean of the cosines.
    """

    metric = "clip_similarity"
    unit = "cosine -1..1"
    of_cosine = "{}"

    def __init__(self, encoder: Encoder = SHAPES) -> None:
        self.name = self.metric if encoder is SHAPES else f"{self.metric}:{encoder.name}"
        self.extractor, self.needs = encoder.name, encoder.needs
        self.formula = self.of_cosine.format(encoder.formula)
        self._cosine = encoder.cosine

    def measure(self, clip: Clip) -> Measurement:
        if clip.prompt is None:
            raise MetricComputationError("the prompt of this clip is not known")
        return self._cosine(clip)

    def warnings(self, facts: Mapping[str, float]) -> list[str]:
        return [*super().warnings(facts), *cut_prompts(self.extractor, facts)]


class ClipScore(ClipSimilarity):
    """100 max(cosine, 0) of each clip, then the mean; 0 to 100.

    The maximum is taken of each clip, not of the mean as torchmetrics does, so that clips against their prompt cannot
    cancel others. With the CLIP models the clip's cosine is the mean over its frames.
    """

    metric = "clip_score"
    unit = "score 0..100"
    of_cosine = "100 max({}, 0) for each clip"

    def measure(self, clip: Clip) -> Measurement:
        seen = super().measure(clip)
        return Measurement(100.0 * max(seen.value, 0.0), seen.facts)


def cut_prompts(extractor: str, facts: Mapping[str, float]) -> list[str]:
    """The warning that ``extractor`` did not read all of the prompts, if so."""
    if not (cut := facts.get("truncated_share", 0.0)):
        return []
    return [f"{cut:.1%} of the prompts' tokens come after the last that {extractor} reads and were cut"]


CLIP_MODELS = ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14")

SIMILARITY_B_32, SIMILARITY_B_16, SIMILARITY_L_14 = (ClipSimilarity(frame_by_frame(model)) for model in CLIP_MODELS)
SCORE_B_32, SCORE_B_16, SCORE_L_14 = (ClipScore(frame_by_frame(model)) for model in CLIP_MODELS)
