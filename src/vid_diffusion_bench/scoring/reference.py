"""Which real clips a run is compared with: the user's folder, or the built-in world's where the prompts are of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from vid_diffusion_bench.config import prompt_id
from vid_diffusion_bench.models.oracle import ClipShape, render_prompt
from vid_diffusion_bench.results import SampleRecord, fingerprint
from vid_diffusion_bench.scoring import Reference, ScoringClip, folder_reference
from vid_diffusion_bench.video import Video

Pairs = dict[str, Callable[[], Video]]
"""The real clip of each prompt that has exactly one."""

NO_REFERENCE = (
    "there are no real clips to compare with: give a folder of them with --reference DIR "
    "(the built-in ones are of the built-in world, and every prompt has to name its shape and colour)"
)
_STREAMS = (0x5EED, 0xF100)
"""Second words of the reference's seeds: no sample's seed has one, so no clip is ever compared with itself."""
_DEFAULT_SHAPE: ClipShape = (17, 64, 64, 8.0)


def find_reference(folder: str | None, records: Sequence[SampleRecord]) -> tuple[Reference | None, Pairs]:
    """The real set for the samples of a run, the same for all its models; ``None`` when there is none.

    Raises:
        InvalidVideoError: ``folder`` is missing or holds nothing.
    """
    if folder is not None:
        reference = folder_reference(Path(folder))
        return reference, _pairs(reference)
    samples = list(dict.fromkeys((record.prompt, record.seed) for record in records))
    if not samples or not all(_is_of_the_world(prompt) for prompt, _ in samples):
        return None, {}
    return _built_in(samples, _shape(records)), {}


def _pairs(reference: Reference) -> Pairs:
    counts = Counter(clip.prompt for clip in reference.clips)
    return {clip.prompt: clip.load for clip in reference.clips if clip.prompt and counts[clip.prompt] == 1}


def _is_of_the_world(prompt: str) -> bool:
    from vid_diffusion_bench.world.captions import parse

    attributes = parse(prompt)
    return attributes.shape is not None and attributes.color is not None


def _shape(records: Sequence[SampleRecord]) -> ClipShape:
    """(T, H, W, fps) of the clips where all are alike, else that of the world's own models."""
    clips = (record.clip for record in records if record.clip)
    shapes = {(clip.num_frames, clip.height, clip.width, clip.fps) for clip in clips}
    return shapes.pop() if len(shapes) == 1 else _DEFAULT_SHAPE


def _built_in(samples: list[tuple[str, int]], shape: ClipShape) -> Reference:
    """Two renderings of every sample's prompt, independent of the sample: one to compare, one for the noise floor."""
    from vid_diffusion_bench.world.render import RENDERER_VERSION

    decides = {"renderer": RENDERER_VERSION, "shape": shape, "streams": _STREAMS}
    clips = [
        ScoringClip(
            _key(prompt, seed, stream),
            prompt_id(prompt),
            prompt,
            partial(render_prompt, prompt, [seed, stream], shape),
            content=partial(fingerprint, {**decides, "prompt": prompt, "seed": [seed, stream]}),
        )
        for prompt, seed in samples
        for stream in _STREAMS
    ]
    spare = frozenset(_key(prompt, seed, _STREAMS[1]) for prompt, seed in samples)
    frames, height, width, fps = shape
    description = f"built-in world, {len(clips)} clips of {frames} frames, {width}x{height}, {fps:g} fps"
    return Reference(clips, fingerprint({**decides, "samples": samples}), description, spare=spare)


def _key(prompt: str, seed: int, stream: int) -> str:
    return f"{prompt_id(prompt)}-{seed}-{stream}"
