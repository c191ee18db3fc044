"""What metrics make of the ladder: changes, yardsticks and words, on metrics whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from broken_metrics import Brightness, Lopsided
from vid_diffusion_bench.certification.distortions import LADDER, distortion
from vid_diffusion_bench.certification.ladder import climb, steps
from vid_diffusion_bench.certification.observe import natures
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.metrics.paired.psnr import psnr


def climbed(metrics, specimens, names=("blur", "flicker", "reverse")):
    entries = [distortion(name) for name in names]
    chosen = {metric.name: metric for metric in metrics}
    count = 0

    def tick():
        nonlocal count
        count += 1

    found = climb(chosen, specimens, natures(chosen, specimens), tick, entries)
    assert count <= steps(entries) * len(specimens)
    return found


def test_the_change_is_the_mean_over_the_clips_and_told_in_spreads(specimens):
    found = climbed([Brightness()], specimens)
    values = [clip.video.frames.mean() for clip in specimens]
    assert found.yardsticks["brightness"].size == pytest.approx(np.std(values, ddof=1))
    flicker = found.responses["brightness"][1]
    for rung, strength in zip(flicker.rungs, distortion("flicker").strengths, strict=True):
        spoilt = [distortion("flicker").apply(c.video, strength, c.key).frames.mean() for c in specimens]
        assert rung.change == pytest.approx(np.mean(spoilt) - np.mean(values))
        assert rung.size == pytest.approx(rung.change / np.std(values, ddof=1))
        assert rung.interval[0] <= rung.change <= rung.interval[1]


def test_time_reversed_leaves_an_image_metric_unmoved(specimens):
    reverse = climbed([Brightness()], specimens).responses["brightness"][2]
    assert (reverse.answer, reverse.surprising) == ("unmoved", False)
    assert reverse.rungs[0].change == pytest.approx(0, abs=1e-9)


def test_a_paired_metric_takes_the_undistorted_clip_as_its_pair(specimens):
    found = climbed([MetricRegistry.get("psnr")], specimens)
    blur = distortion("blur")
    spoilt = [blur.apply(clip.video, 6.0, clip.key).frames for clip in specimens]
    expected = np.mean([
        np.mean([psnr(a, b) for a, b in zip(frames, clip.video.frames, strict=True)])
        for frames, clip in zip(spoilt, specimens, strict=True)
    ])  # fmt: skip
    response = found.responses["psnr"][0]
    assert response.rungs[-1].value == pytest.approx(expected)
    assert (response.answer, response.expected) == ("worse", "worse")
    assert "paired with another clip" in found.yardsticks["psnr"].what
    assert 10 < found.yardsticks["psnr"].size < 60


def test_a_set_metric_takes_the_undistorted_clips_as_the_real_set(specimens):
    found = climbed([Lopsided()], specimens, ["blur"])
    assert found.undistorted["lopsided"].value == 0
    deviations = [clip.video.frames.std() for clip in specimens]
    assert found.yardsticks["lopsided"].what.endswith("(N = 3)")
    apart = np.mean(deviations[::2]) - np.mean(deviations[1::2])
    assert found.yardsticks["lopsided"].size == pytest.approx(2 * apart if apart > 0 else -apart)
    assert found.responses["lopsided"][0].answer == "worse"


def test_a_metric_of_one_set_has_a_jackknife_error(specimens):
    found = climbed([MetricRegistry.get("inception_score")], specimens, ["reverse"])
    assert found.yardsticks["inception_score"].size > 0
    assert "jackknife" in found.yardsticks["inception_score"].what


def test_a_metric_without_a_value_is_not_run_and_has_no_response(specimens):
    silent = [type(clip)(clip.key, None, clip.video) for clip in specimens]
    found = climbed([MetricRegistry.get("clip_score")], silent, ["blur"])
    assert found.undistorted["clip_score"].value is None
    assert found.responses["clip_score"] == []


def test_natures_are_found_by_taking_things_away(specimens):
    chosen = {name: MetricRegistry.get(name) for name in ("psnr", "clip_score", "fvd", "temporal_consistency")}
    found = natures(chosen, specimens)
    assert {name for name, nature in found.items() if nature.reads_pair} == {"psnr"}
    assert {name for name, nature in found.items() if nature.reads_prompt} == {"clip_score"}
    assert {name for name, nature in found.items() if not nature.per_clip} == {"fvd"}


def test_names_of_distortions_differ():
    assert len({entry.name for entry in LADDER}) == len(LADDER)
