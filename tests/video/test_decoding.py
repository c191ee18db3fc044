"""Decoding is PyAV's own rgb24 bit for bit, in bounded memory; colours and turns are those of the definitions."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
import threading
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest

from broken_videos import WHOLE, whole
from odd_videos import TURNS, encode, odd_cases, picture, turned
from vid_diffusion_bench.exceptions import InvalidVideoError
from vid_diffusion_bench.video import Video, decode, limits, pictures, read_video, traits


def plain(path):
    """The frames as PyAV gives them when asked for nothing else."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_every_frame_is_pyavs_own_bit_for_bit(tmp_path):
    compared = 0
    for case in odd_cases():
        if case.value and not case.name.startswith(("turned", "eight-k")):
            case.make(tmp_path / case.name)
            np.testing.assert_array_equal(
                read_video(tmp_path / case.name).frames, plain(tmp_path / case.name), case.name
            )
            compared += 1
    assert compared > 150


def flat_yuv(path, yuv, matrix, full):
    """An FFV1 file of the samples (N, 3) as one row of 4:4:4 pixels, tagged."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("ffv1", rate=8)
        stream.height, stream.width, stream.pix_fmt = 2, len(yuv), "yuv444p"
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, full
        frame = av.VideoFrame.from_ndarray(np.repeat(yuv.T[:, None], 2, axis=1), format="yuv444p")
        frame.colorspace, frame.color_range = matrix, full
        file.mux([*stream.encode(frame), *stream.encode(None)])


def rgb_by_definition(yuv, red, blue, *, full):
    """R'G'B' in 0..255 from Y'CbCr of 8 bits by the luma weights of red and blue (ITU-R BT.601, 709, 2020)."""
    y, cb, cr = yuv.T.astype(float)
    luma = y / 255 if full else (y - 16) / 219
    scale = 255 if full else 224
    r = luma + 2 * (1 - red) * (cr - 128) / scale
    b = luma + 2 * (1 - blue) * (cb - 128) / scale
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return 255 * np.stack([r, g, b], axis=-1)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("matrix", "red", "blue"),
    [
        (1, 0.2126, 0.0722),  # BT.709
        (5, 0.299, 0.114),  # BT.601, 625 lines
        (6, 0.299, 0.114),  # BT.601, 525 lines
        (7, 0.212, 0.087),  # SMPTE 240M
        (9, 0.2627, 0.0593),  # BT.2020
        (2, 0.299, 0.114),  # no tag
    ],
)
def test_colours_follow_the_tags(tmp_path, matrix, red, blue, full):
    rng = np.random.default_rng(matrix)
    rgb = rng.uniform(0, 1, (400, 3))
    luma = rgb @ [red, 1 - red - blue, blue]
    chroma = np.stack([(rgb[:, 2] - luma) / (2 - 2 * blue), (rgb[:, 0] - luma) / (2 - 2 * red)])
    yuv = np.stack([luma * 255 if full else 16 + luma * 219, *(128 + chroma * (255 if full else 224))], axis=-1)
    yuv = np.clip(np.rint(yuv), 0, 255).astype(np.uint8)
    flat_yuv(tmp_path / "a.mkv", yuv, matrix, 2 if full else 0 if matrix == 2 else 1)
    wanted = np.clip(rgb_by_definition(yuv, red, blue, full=full), 0, 255)
    assert np.abs(read_video(tmp_path / "a.mkv").frames[0, 0] - wanted).max() <= 2
    other = rgb_by_definition(yuv, *((0.299, 0.114) if matrix in (1, 7, 9) else (0.2126, 0.0722)), full=full)
    assert np.abs(other - wanted).max() > 15


def test_large_frames_without_a_tag_are_noted(tmp_path):
    encode(tmp_path / "hd.mp4", picture(1, 720, 1280))
    encode(tmp_path / "sd.mp4", picture(1, 480, 640))
    assert "colour: no matrix is tagged, BT.601 assumed" in read_video(tmp_path / "hd.mp4").notes
    assert read_video(tmp_path / "sd.mp4").notes == ()


@pytest.mark.parametrize("label", TURNS)
def test_frames_are_turned_as_the_display_matrix_says(tmp_path, label):
    turned(tmp_path / "a.mp4", TURNS[label])
    encode(tmp_path / "b.mp4")
    a, b, c, d = (int(value) for value in TURNS[label])
    stored = plain(tmp_path / "b.mp4")
    q, p = np.mgrid[:48, :64]
    x, y = a * p + c * q, b * p + d * q
    x, y = x - x.min(), y - y.min()
    wanted = np.empty((3, y.max() + 1, x.max() + 1, 3), np.uint8)
    wanted[:, y, x] = stored[:, q, p]
    np.testing.assert_array_equal(read_video(tmp_path / "a.mp4").frames, wanted)


@pytest.mark.parametrize("label", ["quarter", "half", "three-quarters"])
def test_a_turn_that_only_its_angle_tells_is_the_same(tmp_path, label, monkeypatch):
    turned(tmp_path / "a.mp4", TURNS[label])
    by_matrix = read_video(tmp_path / "a.mp4")

    class Unlisted:
        def __init__(self, frame):
            self.rotation = frame.rotation

        @property
        def side_data(self):
            raise ValueError("31 is not a valid Type")

    monkeypatch.setattr(pictures, "orientation", lambda frame: traits.orientation(Unlisted(frame)))
    by_angle = read_video(tmp_path / "a.mp4")
    np.testing.assert_array_equal(by_angle.frames, by_matrix.frames)
    assert by_angle.notes == by_matrix.notes


@pytest.mark.parametrize(("name", "codec", "pixels"), [("counted.mov", "qtrle", "rgb24"), ("not.mkv", "ffv1", "bgr0")])
def test_a_clip_beyond_the_limit_is_refused_before_it_is_allocated(tmp_path, name, codec, pixels, monkeypatch):
    encode(tmp_path / name, np.zeros((40, 100, 100, 3), np.uint8), codec, pixels)
    monkeypatch.setattr(limits, "MAX_CLIP_BYTES", 20 * 30_000)
    tracemalloc.start()
    with pytest.raises(InvalidVideoError, match=f"{name} is too large to decode: .* frames of 100x100, and 20 may be"):
        read_video(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 21 * 30_000 + 200_000
    monkeypatch.setattr(limits, "MAX_CLIP_BYTES", 40 * 30_000)
    assert read_video(tmp_path / name).num_frames == 40
    monkeypatch.setattr(limits, "MAX_FRAMES", 39)
    with pytest.raises(InvalidVideoError, match="too large"):
        read_video(tmp_path / name)


def test_a_frame_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    encode(tmp_path / "a.mp4")
    monkeypatch.setattr(limits, "MAX_PIXELS_PER_FRAME", 48 * 64 - 1)
    with pytest.raises(InvalidVideoError, match=r"a\.mp4 is too large to decode: 64x48"):
        read_video(tmp_path / "a.mp4")


def test_a_folder_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    from PIL import Image

    for number in range(3):
        Image.new("RGB", (10, 10)).save(tmp_path / f"{number}.png")
    monkeypatch.setattr(limits, "MAX_CLIP_BYTES", 2 * 300)
    with pytest.raises(InvalidVideoError, match="too large"):
        read_video(tmp_path)


def test_a_stream_that_gives_no_pictures_ends(tmp_path, monkeypatch):
    encode(tmp_path / "a.mp4", picture(9), options={"preset": "medium", "bf": "3"})
    monkeypatch.setattr(decode, "MAX_SILENT_PACKETS", 1)
    with pytest.raises(InvalidVideoError, match="gives no picture for 1 packets"):
        read_video(tmp_path / "a.mp4")


@pytest.mark.parametrize("reserved", [1, 10_000, 1 << 30])
def test_frames_do_not_depend_on_how_many_were_expected(tmp_path, reserved, monkeypatch):
    encode(tmp_path / "a.mkv", picture(37), "ffv1", "bgr0")
    monkeypatch.setattr(pictures, "RESERVED_BYTES", reserved)
    video = read_video(tmp_path / "a.mkv")
    np.testing.assert_array_equal(video.frames, picture(37))
    assert video.frames.flags.owndata
    assert video.frames.flags.c_contiguous


def test_pixels_that_are_not_square_stay_as_stored_and_are_noted(tmp_path):
    encode(tmp_path / "a.mp4", sample_aspect_ratio=Fraction(4, 3))
    video = read_video(tmp_path / "a.mp4")
    assert video.frames.shape == (3, 48, 64, 3)
    assert video.notes == ("pixels: not square (4:3), frames as stored",)


def test_notes_are_no_part_of_what_a_clip_is():
    frames = picture()
    silent, noted = Video(frames, 8), Video(frames, 8, ("alpha: dropped",))
    assert silent.notes == ()
    assert silent == noted
    assert silent.sha256() == noted.sha256()
    with pytest.raises(dataclasses.FrozenInstanceError):
        noted.notes = ()


def test_a_matrix_written_in_a_track_header_is_where_the_test_thinks(tmp_path):
    turned(tmp_path / "a.mp4", (1.0, 0.0, 0.0, 1.0))
    encode(tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert struct.calcsize(">9i") == 36


@pytest.mark.parametrize("suffix", WHOLE)
def test_what_a_cut_file_gives_are_the_first_frames_of_the_whole(tmp_path, suffix):
    (tmp_path / f"whole.{suffix}").write_bytes(whole(suffix))
    frames, lengths = read_video(tmp_path / f"whole.{suffix}").frames, set()
    for cut in np.linspace(0.2, 0.99, 12):
        path = tmp_path / f"cut.{suffix}"
        path.write_bytes(whole(suffix)[: int(len(whole(suffix)) * cut)])
        try:
            video = read_video(path)
        except InvalidVideoError:
            continue
        lengths.add(video.num_frames)
        np.testing.assert_array_equal(video.frames, frames[: video.num_frames])
    assert len(lengths) > 2 or suffix in ("mp4", "mov"), "an MP4 without its index, which lies at the end, is no video"


def test_two_transport_streams_joined_are_one_clip(tmp_path):
    (tmp_path / "a.ts").write_bytes(whole("ts") * 2)
    frames = plain(tmp_path / "a.ts")
    video = read_video(tmp_path / "a.ts")
    np.testing.assert_array_equal(video.frames, frames)
    assert video.num_frames == 16


class Listener:
    """A local server that counts who calls."""

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.3)
        self.port = self.socket.getsockname()[1]
        self.calls = 0
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        return self

    def _serve(self):
        with contextlib.suppress(TimeoutError):
            while True:
                self.socket.accept()[0].close()
                self.calls += 1

    def __exit__(self, *_):
        self.thread.join()
        self.socket.close()


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "list.mp4": "ffconcat version 1.0\nfile http://127.0.0.1:{port}/a.mp4\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_never_reaches_for_the_network(tmp_path, name):
    with Listener() as listener:
        (tmp_path / name).write_text(PLAYLISTS[name].format(port=listener.port))
        with pytest.raises(InvalidVideoError, match=name):
            read_video(tmp_path / name)
    assert listener.calls == 0


def test_the_listener_notices_a_reader_that_may(tmp_path):
    with Listener() as listener:
        path = tmp_path / "list.m3u8"
        path.write_text(PLAYLISTS["list.m3u8"].format(port=listener.port))
        with contextlib.suppress(av.FFmpegError):
            av.open(str(path), container_options={"protocol_whitelist": "file,http,tcp"})
    assert listener.calls > 0
