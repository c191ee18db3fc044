"""Files that are damaged, dangerous or no videos at all, and names and entries that are none to rely on."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import struct
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from PIL import Image

from odd_videos import Case, encode, gif, picture

SUFFIXES = ("mp4", "mkv", "webm", "mov", "avi", "gif", "m4v", "ts", "bin", "png", "jpg", "webp", "bmp")
WHOLE: dict[str, Callable[[Path], object]] = {
    "mp4": partial(encode, frames=picture(8), codec="h264", options={"preset": "medium"}),
    "fast.mp4": partial(encode, frames=picture(8), codec="mpeg4", container_options={"movflags": "+faststart"}),
    "mkv": partial(encode, frames=picture(8), codec="ffv1", pixels="bgr0"),
    "webm": partial(encode, frames=picture(8), codec="vp9"),
    "mov": partial(encode, frames=picture(8), codec="png", pixels="rgb24"),
    "avi": partial(encode, frames=picture(8), codec="mjpeg", pixels="yuvj420p"),
    "gif": partial(gif, frames=picture(8)),
    "ts": partial(encode, frames=picture(8), codec="mpeg2video", rate=25),
    "flv": partial(encode, frames=picture(8), codec="h264", rate=25),
    "wmv": partial(encode, frames=picture(8), codec="wmv2", rate=25),
}
CUTS = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
FLIPS = range(8)


@cache
def whole(suffix: str) -> bytes:
    """A sound clip of eight frames."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"whole.{suffix}"
        WHOLE[suffix](path)
        return path.read_bytes()


def written(data: bytes | str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data.encode() if isinstance(data, str) else data)


def truncated_cases() -> Iterator[Case]:
    for suffix in WHOLE:
        for cut in CUTS:
            name = f"cut-{round(cut * 100):02}.{suffix}"
            yield Case(
                name, lambda path, s=suffix, c=cut: path.write_bytes(whole(s)[: int(len(whole(s)) * c)]), value=None
            )


def flipped_cases() -> Iterator[Case]:
    """One to sixteen bytes changed, anywhere and in the headers."""
    for suffix in WHOLE:
        for seed in FLIPS:
            yield Case(f"flipped-{seed}.{suffix}", partial(_flip, suffix=suffix, seed=seed), value=None)


def _flip(path: Path, suffix: str, seed: int) -> None:
    rng = np.random.default_rng([seed, len(suffix)])
    data = np.frombuffer(whole(suffix), np.uint8).copy()
    reach = len(data) if seed % 2 else min(200, len(data))
    places = rng.integers(0, reach, 1 << rng.integers(0, 5))
    data[places] ^= rng.integers(1, 256, len(places)).astype(np.uint8)
    path.write_bytes(data.tobytes())


def empty_cases() -> Iterator[Case]:
    for suffix in SUFFIXES:
        yield Case(f"empty.{suffix}", written(b""), value=False, says="is empty")
        noise = np.random.default_rng(len(suffix)).bytes(5000)
        yield Case(
            f"noise.{suffix}", written(noise), value=False, says="cannot be decoded|no video|no frames|no known picture"
        )
    for suffix in ("mp4", "gif", "ts"):
        yield Case(f"zeros.{suffix}", written(bytes(5000)), value=False, says="cannot be decoded|no video|no frames")


TEXTS = {
    "plain": "this is not a video\n" * 20,
    "html": "<!doctype html><html><body><h1>404 Not Found</h1></body></html>",
    "json": json.dumps({"error": "access denied"}),
    "pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nrenamed-mp4.mkv\n#EXT-X-ENDLIST\n",
    "web-playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://192.0.2.1/a.ts\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile renamed-mp4.mkv\n",
    "concat-web": "ffconcat version 1.0\nfile 'http://192.0.2.1/a.mp4'\n",
    "session": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period/></MPD>',
    "subtitles": "1\n00:00:00,000 --> 00:00:02,000\nHello\n",
    "terminal": "\x1b[2J\x1b[1;1H\x1b[31mred\x1b[0m\n" * 20,
    "metadata": ";FFMETADATA1\ntitle=x\n",
}


def text_cases() -> Iterator[Case]:
    for label, text in TEXTS.items():
        for suffix in ("mp4", "gif", "m3u8" if "playlist" in label else "ans" if label == "terminal" else "mkv"):
            yield Case(
                f"text-{label}.{suffix}",
                written(text),
                value=False,
                says="cannot be decoded|is no video|no video stream|cannot decode|no streams",
            )


def renamed_cases() -> Iterator[Case]:
    frame = Image.fromarray(picture(1)[0])

    def still(form: str) -> bytes:
        buffer = io.BytesIO()
        frame.save(buffer, form)
        return buffer.getvalue()

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "x" * 1000)
    for label, data in (
        ("zip", buffer.getvalue()),
        ("gz", gzip.compress(bytes(3000), mtime=0)),
        ("pdf", b"%PDF-1.7\n%%EOF"),
    ):
        yield Case(f"renamed-{label}.mp4", written(data), value=False, says="cannot be decoded|no video")
    for form in ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF"):
        yield Case(f"renamed-{form.lower()}.mp4", written(still(form)), value=None)
    for suffix in ("mkv", "avi", "gif", "bin"):
        yield Case(f"renamed-mp4.{suffix}", lambda path: path.write_bytes(whole("mp4")), shape=(8, 48, 64, 3))
    for suffix in ("png", "jpg"):
        yield Case(
            f"renamed-mp4.{suffix}", lambda path: path.write_bytes(whole("mp4")), value=False, says="no known picture"
        )
    yield Case("still.png", written(still("PNG")), shape=(1, 48, 64, 3))
    yield Case("still-moving.png", partial(_animated, form="PNG"), shape=(4, 48, 64, 3))
    yield Case("still-moving.webp", partial(_animated, form="WEBP"), value=False, says="animated WebP")
    yield Case("twice.mp4", lambda path: path.write_bytes(whole("mp4") * 2), value=None)
    yield Case("trailing.mp4", lambda path: path.write_bytes(whole("mp4") + b"junk" * 500), value=None)
    yield Case("leading.mp4", lambda path: path.write_bytes(b"junk" * 50 + whole("mp4")), value=None)
    yield Case(
        "holes.mkv", lambda path: path.write_bytes(whole("mkv")[:900] + bytes(900) + whole("mkv")[1800:]), value=None
    )


def _animated(path: Path, form: str) -> None:
    first, *rest = map(Image.fromarray, picture(4))
    first.save(path, form, save_all=True, append_images=rest, duration=100)


def bomb_cases() -> Iterator[Case]:
    """A few bytes that claim 65,000 x 65,000 pixels, or frames without end."""
    side = 65000
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(9999)))
        + _chunk(b"IEND", b"")
    )
    gif_bytes = (
        b"GIF89a"
        + struct.pack("<HH", side, side)
        + b"\x80\0\0"
        + bytes(6)
        + b","
        + struct.pack("<HHHH", 0, 0, side, side)
    )
    gif_bytes += b"\0\2\2D\1\0;"
    bmp = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(99)
    y4m = f"YUV4MPEG2 W{side} H{side} F8:1 Ip A1:1 C420jpeg\nFRAME\n".encode() + bytes(999)
    for name, data in (("png", png), ("gif", gif_bytes), ("bmp", bmp), ("y4m", y4m)):
        for suffix in (name, "mp4"):
            yield Case(
                f"bomb-{name}.{suffix}",
                written(data),
                value=False,
                says="too large|cannot be decoded|no frames|decompression",
            )
    yield Case("bomb-frames.mp4", _many_frames, value=False, says="too large")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _many_frames(path: Path) -> None:
    """An MP4 whose sample table says that one sample size holds for two thousand million frames."""
    encode(path, codec="rawvideo", pixels="rgb24", container="mov", frames=picture(3))
    data = bytearray(path.read_bytes())
    count, times = data.index(b"stsz") + 12, data.index(b"stts") + 12
    data[count : count + 4] = data[times : times + 4] = struct.pack(">I", 2_000_000_000)
    path.write_bytes(data)


def stream_cases() -> Iterator[Case]:
    yield Case("audio.wav", _sound, value=False, says="no video stream, only audio")
    yield Case("audio-renamed.mp4", _sound, value=False, says="no video stream, only audio")
    yield Case("audio-aac.mp4", partial(_audio, codec="aac"), value=False, says="no video stream, only audio")
    yield Case("audio-opus.webm", partial(_audio, codec="libopus"), value=False, says="no video stream, only audio")
    yield Case("audio-cover.mp3", _cover, value=False, says="only a cover picture")
    yield Case("two-sizes.ts", _two_sizes, value=False, says="changes its size at frame 3")
    yield Case("garbage-packets.avi", _garbage_packets, value=False, says="no frames|damaged")
    yield Case("damaged-middle.avi", partial(_garbage_packets, spoilt=(4,)), value=False, says="damaged at frame 4")
    yield Case("damaged-end.avi", partial(_garbage_packets, spoilt=(7,)), says="cut off", shape=(7, 48, 64, 3))
    yield Case("no-key-frame.ts", lambda path: path.write_bytes(whole("ts")[188 * 12 :]), value=None)


def _sound(path: Path) -> None:
    with path.open("wb") as target, wave.open(target, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))


def _audio(path: Path, codec: str) -> None:
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as file:
        stream = file.add_stream(codec, rate=48000)
        frame = av.AudioFrame(format="fltp" if codec == "aac" else "s16", layout="mono", samples=960)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.time_base, frame.pts = 48000, Fraction(1, 48000), 0
        file.mux([*stream.encode(frame), *stream.encode(None)])


def _cover(path: Path) -> None:
    """Silent MPEG audio frames behind an ID3 tag with a picture."""
    buffer = io.BytesIO()
    Image.fromarray(picture(1)[0]).save(buffer, "JPEG")
    body = b"\0image/jpeg\0\3\0" + buffer.getvalue()
    tag = b"APIC" + struct.pack(">I", len(body)) + b"\0\0" + body
    size = bytes((len(tag) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    sound = (b"\xff\xfb\x90\xc4" + bytes(413)) * 20
    path.write_bytes(b"ID3\3\0\0" + size + tag + sound)


def _two_sizes(path: Path) -> None:
    parts = []
    for number, (height, width) in enumerate(((48, 64), (64, 96))):
        part = path.with_name(f".{path.name}-{number}.ts")
        encode(part, picture(3, height, width), "h264", rate=25)
        parts.append(part.read_bytes())
        part.unlink()
    path.write_bytes(b"".join(parts))


def _garbage_packets(path: Path, spoilt: tuple[int, ...] = tuple(range(8))) -> None:
    """An AVI of JPEG pictures, some of which are filled with zeros."""
    data = bytearray(whole("avi"))
    start, found = data.index(b"movi"), []
    while (start := data.find(b"00dc", start)) >= 0 and len(found) < 8:
        found.append((start + 8, struct.unpack_from("<I", data, start + 4)[0]))
        start += 8
    for number in spoilt:
        place, size = found[number]
        data[place : place + size] = bytes(size)
    path.write_bytes(data)


def folder_cases() -> Iterator[Case]:
    def folder(*files: tuple[str, Callable[[Path], object]]) -> Callable[[Path], object]:
        def make(path: Path) -> None:
            path.mkdir()
            for name, maker in files:
                maker(path / name)

        return make

    def still(mode: str = "RGB", size: tuple[int, int] = (64, 48), **options: object) -> Callable[[Path], object]:
        return lambda path: Image.new(mode, size).save(path, **options)

    def half(path: Path) -> None:
        Image.fromarray(picture(1, 200, 200)[0]).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    two = (("0.png", still()), ("1.png", still()))
    yield Case("folder-good", folder(*two), shape=(2, 48, 64, 3))
    yield Case("folder-empty", folder(), value=False, says="no still frames")
    yield Case("folder-text.mp4", folder(("a.txt", written("x"))), value=False, says="no still frames")
    yield Case("folder-sizes", folder(*two, ("2.png", still(size=(32, 48)))), value=False, says="differ in size")
    yield Case("folder-deep", folder(("0.png", still("I;16"))), value=False, says="more than 8 bits")
    yield Case("folder-alpha", folder(("0.png", still("RGBA"))), says="alpha: dropped", shape=(1, 48, 64, 3))
    yield Case("folder-grey", folder(("0.png", still("L")), ("1.png", still("1"))), shape=(2, 48, 64, 3))
    yield Case("folder-nested", folder(*two, ("2.png", Path.mkdir)), value=False, says="no regular file")
    yield Case("folder-fifo", folder(*two, ("2.png", os.mkfifo)), value=False, says="no regular file")
    yield Case(
        "folder-lost-link",
        folder(*two, ("2.png", lambda p: p.symlink_to("gone.png"))),
        value=False,
        says="no regular file",
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    yield Case("folder-turned", folder(("0.jpg", still(exif=exif))), says="rotation: applied", shape=(1, 64, 48, 3))
    for suffix in ("png", "jpg", "webp", "bmp"):
        yield Case(f"folder-half-{suffix}", folder((f"0.{suffix}", half)), value=False, says="cannot be decoded")
    bomb = next(case for case in bomb_cases() if case.name == "bomb-png.png")
    yield Case("folder-bomb", folder(("0.png", bomb.make)), value=False, says="too large|decompression")


def entry_cases() -> Iterator[Case]:
    """Entries of a folder that are no regular files, and names that could mislead."""
    yield Case("fifo.mp4", os.mkfifo, value=False, says="no regular file")
    yield Case("socket.mp4", _socket, value=False, says="no regular file")
    yield Case("device.mp4", lambda path: path.symlink_to("/dev/zero"), value=False, says="no regular file")
    yield Case("loop.mp4", lambda path: path.symlink_to(path.name), value=False, says="cannot be opened")
    yield Case("lost-link.mp4", lambda path: path.symlink_to("gone.mp4"), value=False, says="does not exist")
    yield Case("locked.mp4", _locked, value=None)
    for name in (
        "naïve 視頻 🎬.mp4",
        "new\nline.mp4",
        "tab\tquote'\".mp4",
        "bytes-\udcff\udcfe.mp4",
        "percent%03d.mp4",
        "http:colon.mp4",
        "concat:a|b.mp4",
        "-y.mp4",
        "no-suffix",
        "long-" + "x" * 200 + ".mp4",
    ):
        yield Case(name, lambda path: path.write_bytes(whole("mp4")), shape=(8, 48, 64, 3))
    yield Case("pattern-%d.png", lambda path: Image.new("RGB", (9, 9)).save(path), shape=(1, 9, 9, 3))


def _locked(path: Path) -> None:
    path.write_bytes(whole("mp4"))
    path.chmod(0)


def _socket(path: Path) -> None:
    """Bound by a short relative name: the whole path of a socket may have about 100 bytes."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)


def broken_cases() -> list[Case]:
    """All of them."""
    parts = (truncated_cases, flipped_cases, empty_cases, text_cases, renamed_cases, bomb_cases, stream_cases)
    return [case for part in (*parts, folder_cases, entry_cases) for case in part()]
