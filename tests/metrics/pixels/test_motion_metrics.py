"""Witnesses: VBench's formulas written out; the answer to known damage of rendered clips."""

import cv2
import numpy as np
import pytest

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Context, MetricRegistry, Row, State
from vid_diffusion_bench.metrics.pixels.skill import skill
from vid_diffusion_bench.metrics.pixels.temporal_flickering import flickering
from vid_diffusion_bench.video import Video
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import Attributes, sample_scene

SCENES = [
    sample_scene(np.random.default_rng(i), Attributes(motion=motion, speed=speed))
    for i, (motion, speed) in enumerate(
        [("left", "quickly"), ("down", "slowly"), ("growing", None), ("spinning", None)]
    )
]
CLIPS = [render(scene) for scene in SCENES]


def measured(name, frames, fps=8.0):
    return MetricRegistry.get(name).measure(Clip("k", "c", lambda: Video(frames, fps)))


FOLLOWED = ("temporal_consistency", "motion_smoothness")


def means(damage):
    """The mean of each metric of FOLLOWED over the damaged clips."""
    clips = [damage(frames, np.random.default_rng(i)) for i, frames in enumerate(CLIPS)]
    opened = [Clip("k", "c", lambda frames=frames: Video(frames, 8.0)) for frames in clips]
    return [np.mean([MetricRegistry.get(name).measure(clip).value for clip in opened]) for name in FOLLOWED]


def noise(strength):
    return lambda frames, rng: np.clip(frames + rng.normal(0, strength, frames.shape), 0, 255).astype(np.uint8)


def jitter(reach):
    return lambda frames, rng: np.stack([np.roll(f, rng.integers(-reach, reach + 1, 2), axis=(0, 1)) for f in frames])


def shuffle(frames, rng):
    return frames[rng.permutation(len(frames))]


def model_like(blur, strength):
    """What a weaker model does to the truth: softer edges and pixels that do not hold still."""

    def damage(frames, rng):
        soft = np.stack([cv2.GaussianBlur(frame, (0, 0), blur) for frame in frames])
        return noise(strength)(soft, rng)

    return damage


def untouched(frames, _rng):
    return frames


@pytest.mark.parametrize(
    "ladder",
    [
        [untouched, noise(2), noise(6), noise(20)],
        [untouched, model_like(0.6, 1.5), model_like(1.2, 4.0)],
        [untouched, shuffle],
    ],
    ids=["noise", "model", "shuffle"],
)
def test_more_damage_scores_lower(ladder):
    drops = -np.diff([means(damage) for damage in ladder], axis=0)
    assert drops.min() > 1e-3


def test_jitter_is_not_smooth():
    smoothness = [means(damage)[1] for damage in (untouched, jitter(1), jitter(3))]
    assert smoothness == sorted(smoothness, reverse=True)


def test_soft_pale_or_frozen_clips_gain_little():
    """Blur and fading scale error and change alike; a smooth error alone would rise with both."""

    def soft(frames, rng):
        return model_like(1.2, 1.5)(frames, rng)

    def pale(frames, rng):
        return (model_like(0.6, 1.5)(frames, rng) // 4 + 96).astype(np.uint8)

    crisp = means(model_like(0.6, 1.5))
    for damage in (soft, pale):
        assert (np.subtract(means(damage), crisp) < 0.02).all()


def test_the_skill_is_its_formula():
    assert skill(0.0, 0.0) == 1.0
    assert skill(3.0, 8.0) == pytest.approx(1 - 3 / 9)
    assert skill(30.0, 8.0) == 0.0


def vbench_flickering(frames):
    """``cal_score`` of VBench's temporal_flickering.py, written out."""
    pairs = zip(frames[:-1].astype(np.float64), frames[1:].astype(np.float64), strict=True)
    return (255.0 - np.mean([np.mean(np.abs(a - b)) for a, b in pairs])) / 255.0


def test_flickering_is_vbenchs():
    frames = np.random.default_rng(0).integers(0, 256, (6, 17, 23, 3), np.uint8)
    changes = Clip("k", "c", lambda: Video(frames, 8.0)).feature("frame-changes")
    assert flickering(changes) == pytest.approx(vbench_flickering(frames), rel=1e-14)


def test_flickering_leaves_out_what_moves():
    with pytest.raises(MetricComputationError, match="moves"):
        measured("temporal_flickering", CLIPS[0])
    still = render(sample_scene(np.random.default_rng(0), Attributes(motion="still")))
    assert measured("temporal_flickering", still).value == 1.0
    pulse = np.clip(still.astype(int) + np.arange(17).reshape(-1, 1, 1, 1) % 2 * 4, 0, 255).astype(np.uint8)
    assert measured("temporal_flickering", pulse).value == pytest.approx(vbench_flickering(pulse))


def vbench_moves(speeds, short_side, num_frames):
    """``check_move`` of VBench's dynamic_degree.py, written out."""
    threshold, count_num, count = 6.0 * (short_side / 256.0), round(4 * (num_frames / 16.0)), 0
    for value in speeds:
        count += value > threshold
        if count >= count_num:
            return True
    return False


def test_the_dynamic_degree_is_vbenchs_from_three_frames_on():
    rng, verdicts = np.random.default_rng(0), set()
    for _ in range(300):
        pairs, side = int(rng.integers(2, 40)), int(rng.choice([64, 256, 480]))
        speeds = rng.exponential(3 * side / 256 * rng.choice([0.3, 1, 3]), pairs)
        clip = Clip("k", "c", lambda side=side: Video(np.zeros((2, side, side + 9, 3), np.uint8), 8.0))
        clip._features["motion-8fps"] = speeds
        value = MetricRegistry.get("dynamic_degree").measure(clip).value
        verdicts.add(value)
        assert value == vbench_moves(speeds, side, pairs + 1)
    assert verdicts == {0.0, 1.0}


def test_vbenchs_own_dynamic_degree_is_unmended_for_short_clips():
    rng, metric, verdicts = np.random.default_rng(0), MetricRegistry.get("dynamic_degree:vbench-0.1.5"), []
    for pairs in [1, 1, 1, *range(1, 40)]:
        clip = Clip("k", "c", lambda: Video(np.zeros((2, 128, 137, 3), np.uint8), 8.0))
        clip._features["raft-motion-8fps"] = rng.exponential(2, pairs)
        verdicts.append(metric.measure(clip).value)
        assert verdicts[-1] == vbench_moves(clip._features["raft-motion-8fps"], 128, pairs + 1)
    assert set(verdicts) == {0.0, 1.0}


def test_a_fast_clip_moves_and_a_frozen_one_does_not():
    assert measured("dynamic_degree", CLIPS[0]).value == 1.0
    assert measured("dynamic_degree", np.repeat(CLIPS[0][:1], 17, axis=0)).value == 0.0
    assert measured("dynamic_degree", np.repeat(CLIPS[0][:1], 2, axis=0)).value == 0.0


@pytest.mark.parametrize("name", ["temporal_consistency", "motion_smoothness"])
def test_frozen_clips_do_not_score_in_silence(name):
    metric, state = MetricRegistry.get(name), State()
    for i, frames in enumerate([CLIPS[0], np.repeat(CLIPS[1][:1], 17, axis=0)]):
        metric.update(state, Clip(str(i), str(i), lambda frames=frames: Video(frames, 8.0)))
    result = metric.compute(state, Context(name))
    assert result.metadata["static_share"] == 0.5
    assert any("hardly move" in line for line in result.warnings)


def shares(ones, clusters):
    rows = {str(i): Row(cluster, float(one)) for i, (one, cluster) in enumerate(zip(ones, clusters, strict=True))}
    return MetricRegistry.get("dynamic_degree").compute(State(rows), Context("dynamic_degree"))


def test_the_interval_of_a_share_follows_the_prompts():
    from vid_diffusion_bench.statistics import cluster_bootstrap, wilson_interval

    assert shares([1, 0, 1], "abc").confidence_interval == wilson_interval(2, 3)
    assert shares([1, 0, 1, 1], "aabb").confidence_interval == cluster_bootstrap([1, 0, 1, 1], "aabb")
    assert shares([1, 1, 1, 1], "aabb").confidence_interval == wilson_interval(2, 2)
    assert shares([0, 0, 0, 0], "aabb").confidence_interval == wilson_interval(0, 2)
