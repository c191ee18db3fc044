"""Reading and resizing of clips against other Python libraries, one thread each. Prints, never asserts.

OMP_NUM_THREADS=1 python benchmarks/decode.py [--rounds 9] [--files 4]

Readers that are not installed, or do not load, are reported so and left out. Candidates take turns; figures are the
median frames a CPU second (and a second of wall time) over the rounds, and the ratio to the limit: decoding alone,
without conversion to RGB.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

Frames = np.ndarray[Any, np.dtype[np.uint8]]
SIZES = {"256x256": (256, 256, 32), "720p": (720, 1280, 16)}
"""Height, width, frames of a clip."""
NOISE = 4.0
"""Standard deviation in grey levels: as hard to code as a camera's pictures, so that decoding has work to do."""


def make_clips(folder: Path, label: str, count: int) -> list[Path]:
    """H.264 at CRF 18 of smooth coloured waves that drift, with noise."""
    import av

    height, width, frames = SIZES[label]
    y, x = np.mgrid[:height, :width] / 40.0
    paths = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        path = folder / f"{label}-{seed}.mp4"
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream("h264", rate=8, options={"crf": "18"})
            stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
            for index in range(frames):
                wave = [np.sin(x * (1 + c / 3) + y / (1 + seed) + index / 4 + c) for c in range(3)]
                picture = 127 + 90 * np.stack(wave, axis=-1) + rng.normal(0, NOISE, (height, width, 3))
                frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        paths.append(path)
    return paths


def _decoded(path: Path) -> Iterator[Any]:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count, stream.thread_type = 1, "NONE"
        yield from container.decode(stream)


def limit(path: Path) -> int:
    return sum(1 for _ in _decoded(path))


def ours(path: Path) -> Frames:
    from vid_diffusion_bench.video import read_video

    return read_video(path).frames


def plain_pyav(path: Path) -> Frames:
    """As most scripts use it: its default threads, one array a frame, stacked."""
    import av

    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def opencv(path: Path) -> Frames:
    import cv2

    capture, frames = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1]), []
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return np.stack(frames)


def decord(path: Path) -> Frames:
    from decord import VideoReader

    reader = VideoReader(str(path), num_threads=1)
    return reader.get_batch(range(len(reader))).asnumpy()


def torchcodec(path: Path) -> Frames:
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=1, seek_mode="approximate")
    return decoder[:].numpy()


def imageio(path: Path) -> Frames:
    from imageio import v3

    return v3.imread(path, plugin="pyav")


READERS: tuple[Callable[[Path], Frames], ...] = (ours, plain_pyav, opencv, torchcodec, decord, imageio)


def spent(work: Callable[[], object]) -> tuple[float, float, float]:
    """CPU, user and wall seconds of one call. CPU less user is the kernel's, which clears the pages of new arrays."""
    user, cpu, wall = resource.getrusage(resource.RUSAGE_SELF).ru_utime, time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu, resource.getrusage(resource.RUSAGE_SELF).ru_utime - user, wall


def in_turn(candidates: dict[str, Callable[[], object]], rounds: int, frames: int) -> dict[str, dict[str, float]]:
    """Median frames a second of each; the order turns with every round."""
    seconds: dict[str, list[tuple[float, float, float]]] = {name: [] for name in candidates}
    names = list(candidates)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            seconds[name].append(spent(candidates[name]))
    kinds = ("frames_per_cpu_s", "frames_per_user_s", "frames_per_s")
    return {
        name: {
            kind: frames / statistics.median(column)
            for kind, column in zip(kinds, zip(*rows, strict=True), strict=True)
        }
        for name, rows in seconds.items()
    }


def reading(label: str, rounds: int, files: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        paths = make_clips(Path(folder), label, files)
        wanted = [plain_pyav(path) for path in paths]
        missing, differs = {}, {}
        able: dict[str, Callable[[], object]] = {"limit": lambda: [limit(path) for path in paths]}
        for reader in READERS:
            try:
                found = [reader(path) for path in paths]
            except (ImportError, OSError, RuntimeError) as error:
                missing[reader.__name__] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
                continue
            differs[reader.__name__] = max(
                int(np.abs(a.astype(int) - b).max()) for a, b in zip(found, wanted, strict=True)
            )
            able[reader.__name__] = lambda reader=reader: [reader(path) for path in paths]
        rates = in_turn(able, rounds, sum(map(len, wanted)))
    for figures in rates.values():
        for kind in ("cpu", "user"):
            figures[f"of_limit_{kind}"] = figures[f"frames_per_{kind}_s"] / rates["limit"][f"frames_per_{kind}_s"]
    return {"readers": rates, "grey_levels_from_pyav": differs, "not_run": missing}


def resizing(label: str, rounds: int) -> dict[str, Any]:
    import torch

    from vid_diffusion_bench.video import resize, resize_8bit, resize_tf1

    height, width, count = SIZES[label]
    frames = np.random.default_rng(0).integers(0, 256, (count // 2, height, width, 3), dtype=np.uint8)

    def interpolate(mode: str, antialias: bool, dtype: torch.dtype = torch.float32) -> Frames:
        planes = torch.from_numpy(frames).permute(0, 3, 1, 2).to(dtype).contiguous()
        options = {"mode": mode, "antialias": antialias, "align_corners": False}
        return torch.nn.functional.interpolate(planes, (224, 224), **options).permute(0, 2, 3, 1).numpy()

    found = {}
    for mode in ("bilinear", "bicubic"):
        for antialias in (False, True):
            ours_, theirs = (
                lambda m=mode, a=antialias: resize(frames, 224, 224, filter=m, antialias=a),
                lambda m=mode, a=antialias: interpolate(m, a),
            )
            exact = interpolate(mode, antialias, torch.float64)
            rates = in_turn({"ours": ours_, "torch": theirs, "torch_again": theirs}, rounds, len(frames))
            found[f"{mode}{' antialias' if antialias else ''}"] = {
                name: figures["frames_per_cpu_s"] for name, figures in rates.items()
            } | {
                "ratio": rates["ours"]["frames_per_cpu_s"] / rates["torch"]["frames_per_cpu_s"],
                "grey_levels_ours_from_torch": float(np.abs(ours_() - theirs()).max()),
                "grey_levels_ours_from_float64": float(np.abs(ours_() - exact).max()),
                "grey_levels_torch_from_float64": float(np.abs(theirs() - exact).max()),
            }
    others = {"8bit bicubic": lambda: resize_8bit(frames, 224, 224), "tf1": lambda: resize_tf1(frames, 224, 224)}
    alone = in_turn(others, rounds, len(frames))
    return found | {name: {"ours": figures["frames_per_cpu_s"]} for name, figures in alone.items()}


def _versions() -> dict[str, str]:
    names = ("av", "opencv-python-headless", "torchcodec", "decord", "imageio", "torch", "numpy", "pillow")
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--files", type=int, default=4)
    options = parser.parse_args()
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    report = {
        "machine": {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()},
        "versions": _versions(),
        "reading": {label: reading(label, options.rounds, options.files) for label in SIZES},
        "resizing_to_224": {label: resizing(label, options.rounds) for label in SIZES},
        "goals": {"ours_of_limit_cpu": 0.85, "bilinear_ratio": {"256x256": 2.5, "720p": 10}, "grey_levels": 0.02},
    }
    print(json.dumps(_rounded(report), indent=1))


if __name__ == "__main__":
    main()
