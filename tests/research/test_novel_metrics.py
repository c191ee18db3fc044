"""The snippet of the first API reference, and what stands behind it."""

import numpy as np
import pytest

from vid_diffusion_bench.exceptions import InvalidVideoError, ValidationError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.research import NovelVideoMetrics
from vid_diffusion_bench.video import Video, write_lossless
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import sample_scene

OFFLINE = ["psnr", "ssim", "fvd", "clip_similarity", "sharpness", "dynamic_degree", "lpips", "kvd"]


@pytest.fixture
def videos(tmp_path, monkeypatch):
    """Two real and two generated files in the working folder, named as in the reference."""
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        frames = render(sample_scene(np.random.default_rng(number)), 5, 32, 32)
        write_lossless(f"real{number}.mp4", Video(frames, 8.0))
        write_lossless(f"gen{number}.mp4", Video(np.clip(frames.astype(int) + number, 0, 255).astype(np.uint8), 8.0))


@pytest.mark.usefixtures("videos")
def test_the_snippet_of_reference_1_runs_as_printed():
    def custom_temporal_consistency(real_videos, generated_videos):
        return {"temporal_consistency": 0.85}

    with pytest.warns(UserWarning, match="replaces the built-in"):
        MetricRegistry.register("temporal_consistency", custom_temporal_consistency)
    try:
        results = NovelVideoMetrics().compute_comprehensive_metrics(
            real_videos=["real1.mp4"], generated_videos=["gen1.mp4"]
        )
    finally:
        MetricRegistry.register(
            "temporal_consistency",
            "vid_diffusion_bench.metrics.pixels.temporal_consistency:TemporalConsistency",
        )
    assert list(results) == MetricRegistry.names()
    assert results["temporal_consistency"].value == 0.85
    assert results["psnr"].value == pytest.approx(10 * np.log10(255**2), abs=0.2)
    assert all(result.value is not None or result.reason for result in results.values())
    assert "2 clips" in results["fvd"].reason


@pytest.mark.usefixtures("videos")
def test_pairs_are_by_place_and_prompts_are_read():
    metrics = NovelVideoMetrics(OFFLINE)
    given = ["real1.mp4", "real2.mp4"], ["gen1.mp4", "gen2.mp4"]
    results = metrics.compute_comprehensive_metrics(*given, prompts=["a red circle", "a blue square growing"])
    assert results["psnr"].n == 2
    assert results["clip_similarity"].value is not None
    assert results["fvd"].value is not None
    assert "weights" in results["lpips"].reason
    crossed = metrics.compute_comprehensive_metrics(given[0][::-1], given[1])
    assert crossed["psnr"].value < results["psnr"].value
    assert "prompt" in crossed["clip_similarity"].reason
    unpaired = metrics.compute_comprehensive_metrics(given[0], given[1][:1])
    assert "no real clip" in unpaired["psnr"].reason


@pytest.mark.usefixtures("videos")
@pytest.mark.parametrize(
    ("real", "generated", "prompts", "error", "said"),
    [
        (["real1.mp4"], [], None, InvalidVideoError, "no generated"),
        (["nothing.mp4"], ["gen1.mp4"], None, InvalidVideoError, "nothing.mp4"),
        (["real1.mp4"], ["gen1.mp4", "gen1.mp4"], None, ValidationError, "share a key"),
        ("real1.mp4", ["gen1.mp4"], None, ValidationError, "one path"),
        ([], ["gen1.mp4"], ["a", "b"], ValidationError, "2 prompts"),
    ],
)
def test_what_cannot_be_compared_is_said(real, generated, prompts, error, said):
    with pytest.raises(error, match=said):
        NovelVideoMetrics(["sharpness"]).compute_comprehensive_metrics(real, generated, prompts=prompts)
