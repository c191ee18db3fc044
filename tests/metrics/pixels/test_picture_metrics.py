"""Natural content with known damage; the laws that the formulas imply."""

import io

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from natural import KINDS, natural_clip
from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Context, MetricRegistry, State
from vid_diffusion_bench.video import Video

SIDE = 128
CLIPS = [natural_clip(kind, seed, 4, SIDE, SIDE)[0].frames for kind in KINDS for seed in (0, 1)]
FRAMEWISE = ("sharpness", "colorfulness", "exposure", "blockiness", "black_share")
PAIRWISE = ("frozen_share", "duplicate_frame_share", "loop_score")

clips = arrays(np.uint8, st.tuples(st.integers(3, 6), st.just(12), st.just(13), st.just(3)))


def measured(name, frames):
    return MetricRegistry.get(name).measure(Clip("k", "c", lambda: Video(np.ascontiguousarray(frames), 8.0)))


def value(name, frames):
    return measured(name, frames).value


def each(change, frames):
    return np.stack([change(frame) for frame in frames])


def jpeg(quality):
    def change(frame):
        _, data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]

    return lambda frames: each(change, frames)


def h264(quantiser):
    """Without the loop filter, whose task is to remove block edges."""

    def change(frames):
        file, options = io.BytesIO(), {"qp": str(quantiser), "x264-params": "no-deblock=1:log-level=none"}
        with av.open(file, "w", format="mp4") as container:
            stream = container.add_stream("h264", rate=8, options=options)
            stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuv420p"
            for frame in [*frames, None]:
                picture = None if frame is None else av.VideoFrame.from_ndarray(frame, format="rgb24")
                for packet in stream.encode(picture):
                    container.mux(packet)
        file.seek(0)
        with av.open(file) as container:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])

    return change


@pytest.mark.parametrize(
    "ladder", [[jpeg(q) for q in (90, 60, 30, 10)], [h264(q) for q in (24, 32, 40, 48)]], ids=["jpeg", "h264"]
)
def test_coarser_quantisation_is_blockier_and_clean_clips_have_no_blocks(ladder):
    for frames in CLIPS:
        clean = value("blockiness", frames)
        assert clean < 0.03
        steps = [value("blockiness", coarse(frames)) for coarse in ladder]
        assert np.diff(steps).min() > 0.02
        assert steps[-1] > clean + 0.3


def test_blocks_are_looked_for_where_the_grid_is():
    blocks = np.kron(np.random.default_rng(0).integers(0, 256, (2, 5, 6, 3)), np.ones((1, 8, 8, 1))).astype(np.uint8)
    assert value("blockiness", blocks) == 1.0
    assert value("blockiness", np.roll(blocks, 4, axis=(1, 2))) == 0.0
    assert value("blockiness", np.zeros_like(blocks)) == 0.0
    with pytest.raises(MetricComputationError, match="12 pixels"):
        value("blockiness", blocks[:, :11])


def test_blur_lowers_sharpness_and_noise_raises_it():
    noise = np.random.default_rng(0).normal(0, 8, CLIPS[0].shape)
    for frames in CLIPS:
        soft = [value("sharpness", each(lambda f, s=s: cv2.GaussianBlur(f, (0, 0), s), frames)) for s in (0.8, 1.6, 3)]
        ladder = [value("sharpness", np.clip(frames + noise, 0, 255).astype(np.uint8)), value("sharpness", frames)]
        assert np.diff([*ladder, *soft]).max() < 0


def test_colour_fades_to_nothing():
    for frames in CLIPS:
        grey = np.repeat(frames.mean(axis=3, keepdims=True), 3, axis=3)
        ladder = [value("colorfulness", (grey + (frames - grey) * s).astype(np.uint8)) for s in (1, 0.6, 0.3, 0)]
        coloured = value("colorfulness", frames) > 5
        assert not coloured or np.diff(ladder).max() < 0
        assert value("colorfulness", np.rint(grey).astype(np.uint8)) == 0


def test_exposure_says_which_end_is_clipped():
    for frames in CLIPS:
        facts = [
            measured("exposure", np.clip(frames * gain, 0, 255).astype(np.uint8)).facts for gain in (0.01, 1.0, 8.0)
        ]
        assert facts[0]["dark_share"] > 0.99
        assert facts[0]["mean_luma"] < facts[1]["mean_luma"] < facts[2]["mean_luma"]
        assert facts[2]["bright_share"] > facts[1]["bright_share"]
    half = np.zeros((1, 4, 4, 3), np.uint8)
    half[:, :1] = 255
    half[:, 1:3] = 128
    assert measured("exposure", half).value == 0.5
    assert measured("exposure", half).facts == {"dark_share": 0.25, "bright_share": 0.25, "mean_luma": 127.75}


def test_repeated_frames_are_counted():
    frames = CLIPS[0]
    assert value("duplicate_frame_share", frames) == 0
    assert value("duplicate_frame_share", frames[[0, 0, 1, 1, 1, 2]]) == 3 / 5
    assert value("frozen_share", frames[[0, 0, 0]]) == 1
    assert value("frozen_share", frames[[0, 0, 0, 1]]) == 0


def test_a_slow_fade_repeats_frames_but_is_not_frozen():
    fade = np.full((6, 4, 4, 3), 50, np.uint8) + np.arange(6, dtype=np.uint8).reshape(-1, 1, 1, 1)
    assert value("duplicate_frame_share", fade) == 1
    assert value("frozen_share", fade) == 0


def test_black_frames_are_counted():
    frames = CLIPS[0].copy()
    frames[1] = 4
    assert value("black_share", frames) == 1 / 4
    frames[1, 0, 0, 0] = 5
    assert value("black_share", frames) == 0


def test_a_loop_is_told_from_a_pan():
    pan = natural_clip("pan", 1, 9, 64, 64)[0].frames
    there_and_back = np.concatenate([pan, pan[-2:0:-1]])
    assert value("loop_score", there_and_back) > 0.85
    assert value("loop_score", np.concatenate([there_and_back, pan[:1]])) == 1
    assert value("loop_score", pan) < 0.6


def test_a_frozen_clip_does_not_loop_in_silence():
    metric, state = MetricRegistry.get("loop_score"), State()
    for key, frames in {"a": CLIPS[0], "b": CLIPS[1][[0, 0, 0]]}.items():
        metric.update(state, Clip(key, key, lambda frames=frames: Video(frames, 8.0)))
    result = metric.compute(state, Context("loop_score"))
    assert result.metadata["frozen_share"] == 0.5
    assert any("frozen" in line for line in result.warnings)


@pytest.mark.parametrize(("name", "least"), [("frozen_share", 2), ("duplicate_frame_share", 2), ("loop_score", 3)])
def test_too_few_frames_have_no_value(name, least):
    value(name, CLIPS[0][:least])
    with pytest.raises(MetricComputationError):
        value(name, CLIPS[0][: least - 1])


@settings(max_examples=30, deadline=None)
@given(frames=clips, data=st.data())
def test_the_order_of_frames_leaves_what_single_frames_show(frames, data):
    order = data.draw(st.permutations(range(len(frames))))
    for name in FRAMEWISE:
        assert value(name, frames[order]) == pytest.approx(value(name, frames), rel=1e-9, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(frames=clips)
def test_time_reversed_is_the_same(frames):
    for name in ("duplicate_frame_share", "loop_score"):
        assert value(name, frames[::-1]) == pytest.approx(value(name, frames), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(frames=clips)
def test_mirrored_pictures_have_the_same_changes_and_colours(frames):
    for name in ("sharpness", "colorfulness", "exposure", "black_share", *PAIRWISE):
        assert value(name, frames[:, :, ::-1]) == pytest.approx(value(name, frames), rel=1e-9)


@settings(max_examples=30, deadline=None)
@given(frame=arrays(np.uint8, (1, 12, 13, 3)), count=st.integers(3, 6))
def test_a_constant_clip_is_frozen_repeats_itself_loops_and_does_not_flicker(frame, count):
    frames = np.repeat(frame, count, axis=0)
    expected = {"frozen_share": 1, "duplicate_frame_share": 1, "loop_score": 1, "temporal_flickering": 1}
    assert {name: value(name, frames) for name in expected} == expected
    for name in FRAMEWISE:
        assert value(name, frames) == pytest.approx(value(name, frame), rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(frames=clips)
def test_every_value_is_in_its_range(frames):
    for name in (*FRAMEWISE[2:], *PAIRWISE):
        assert 0 <= value(name, frames) <= 1
    assert value("sharpness", frames) >= 0
    assert value("colorfulness", frames) >= 0
