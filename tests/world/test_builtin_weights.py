"""The shipped weights do what their cards say, on a handful of clips."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import vid_diffusion_bench
from vid_diffusion_bench.features.shapes import ShapesDualEncoder, ShapesVideoNet, preprocess
from vid_diffusion_bench.world.analysis import analyse
from vid_diffusion_bench.world.captions import VALID, caption, parse
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import sample_scene

PACKAGE = Path(vid_diffusion_bench.__file__).parent
MODELS, FEATURES = PACKAGE / "models/weights", PACKAGE / "features/weights"


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


@pytest.fixture(scope="module")
def described() -> tuple[list[str], torch.Tensor]:
    rng = np.random.default_rng(0)
    drawn = [VALID[index] for index in rng.choice(len(VALID), 40, replace=False)]
    clips = np.stack([render(sample_scene(rng, attributes)) for attributes in drawn])
    return [caption(attributes) for attributes in drawn], torch.from_numpy(clips).permute(0, 1, 4, 2, 3).float() / 255


def test_weights_are_small_and_have_cards() -> None:
    assert _megabytes(MODELS) <= 24
    assert _megabytes(FEATURES) <= 12
    for folder in (*MODELS.iterdir(), *FEATURES.iterdir()):
        assert "nothing" in (folder / "README.md").read_text(), "a card says what its weights do not know"
        assert list(folder.rglob("*.safetensors"))


@torch.no_grad()
def test_the_video_network_knows_its_classes_whatever_the_batch(described) -> None:
    prompts, clips = described
    network = ShapesVideoNet.from_pretrained(FEATURES / "video-net")
    output = network(clips)
    expected = [network.classes.index(f"{a.shape} {a.motion}") for a in map(parse, prompts)]
    assert (output.logits.argmax(1) == torch.tensor(expected)).float().mean() >= 0.95
    assert torch.allclose(network(clips[3:4]).features, output.features[3:4], atol=1e-4)


@torch.no_grad()
def test_the_dual_encoder_finds_each_caption(described) -> None:
    prompts, clips = described
    encoder = ShapesDualEncoder.from_pretrained(FEATURES / "dual-encoder")
    similarity = encoder.encode_clips(clips) @ encoder.encode_text(prompts).T
    assert (similarity.argmax(1) == torch.arange(len(prompts))).float().mean() >= 0.9
    assert similarity.abs().max() <= 1.0 + 1e-5
    assert encoder.encode_text(["zebra \N{SNOWMAN} 42", ""]).isfinite().all()


@pytest.mark.parametrize("shape", [(1, 3, 3, 20, 30), (2, 33, 3, 64, 64), (1, 1, 3, 128, 128)])
def test_other_sizes_are_brought_to_the_networks_own(shape: tuple[int, ...]) -> None:
    assert preprocess(torch.rand(shape)).shape == (shape[0], 17, 3, 64, 64)


@pytest.mark.parametrize("name", ["shapes-base", "shapes-small"])
def test_a_pipeline_loads_and_follows_the_colours(name: str) -> None:
    from diffusers import DiffusionPipeline

    settings = json.loads((MODELS / name / "generation_defaults.json").read_text())
    pipeline = DiffusionPipeline.from_pretrained(MODELS / name, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    prompts = ["a red square growing on a white background", "a green circle standing still on a black background"]
    generators = [torch.Generator().manual_seed(seed) for seed in (0, 1)]
    fps = settings.pop("fps")
    frames = pipeline(prompts, generator=generators, frame_rate=fps, output_type="np", **settings).frames
    clips = np.rint(np.asarray(frames) * 255).astype(np.uint8)
    assert clips.shape == (2, 17, 64, 64, 3)
    for prompt, clip in zip(prompts, clips, strict=True):
        seen, said = analyse(clip, fps).attributes, parse(prompt)
        assert (seen.color, seen.background) == (said.color, said.background)
