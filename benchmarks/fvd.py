"""FVD from video files: this package against cd-fvd and a plain implementation of its steps. Prints, never asserts.

The same files and the same random I3D weights for all; each in a process of its own, one thread, in turns; CPU seconds
(children included), peak memory, medians and ratios. Then memory at growing N, a second run over the same real clips,
and the I3D forward pass against eager PyTorch and the fastest matrix product measured on this machine.

    python benchmarks/fvd.py [--rounds 3] [--clips 16] [--growth 16 32 64] [--site FOLDER]

cd-fvd is compared with where FOLDER (or BENCH_SITE) holds it; it needs torchvision to import:

    pip install --no-deps --target FOLDER cd-fvd==0.1.1 torchvision==0.25.0 einops

torchvision 0.25.0 is the newest that was found to read video files itself, by PyAV.

cd-fvd draws where a clip begins; clips of exactly its 16 frames leave it one choice. Its loader runs in the process
itself (num_workers=0), so that its memory and seconds are counted, and compares all clips (n_fake='full').
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
TESTS = HERE.parents[1] / "tests"
I3D_FILE = "i3d_pretrained_400.pt"
METRIC = "fvd:cdfvd-i3d"
GFLOP = 55.58
"""Multiplications and additions of the convolutions for one clip of 16x224x224."""


def make_corpus(folder: Path, clips: int) -> None:
    """``clips`` real and as many generated clips of 16 frames of 256x256, H.264: a camera over photographs.

    The generated ones move faster, are a little blurred and have less contrast.
    """
    import cv2
    import numpy as np

    sys.path.insert(0, str(TESTS))
    from natural import KINDS, natural_clip
    from vid_diffusion_bench.video import Video, write_preview

    for name, first, speed in (("real", 0, 1.0), ("generated", 10_000, 2.0)):
        (folder / name).mkdir(parents=True)
        for index in range(clips):
            kind = KINDS[index % len(KINDS)]
            video, _ = natural_clip(kind, first + index, 16, 256, 256, speed=speed)
            if name == "generated":
                blurred = [cv2.GaussianBlur(frame, (5, 5), 0) * 0.7 + 30 for frame in video.frames]
                video = Video(np.rint(np.stack(blurred)).astype(np.uint8), video.fps)
            write_preview(folder / name / f"{index:04d}.mp4", video)


def make_weights(folder: Path) -> None:
    """A random I3D of full width, as a state dict."""
    import torch

    sys.path.insert(0, str(TESTS))
    from tiny_i3d import random_i3d

    folder.mkdir(parents=True, exist_ok=True)
    torch.save(random_i3d(narrower=1).state_dict(), folder / I3D_FILE)


def ours(corpus: Path, weights: Path) -> dict[str, Any]:
    """From files to the number by the package's own scoring."""
    os.environ["VIDBENCH_WEIGHTS_DIR"] = str(weights)
    from vid_diffusion_bench.features import FeatureRegistry
    from vid_diffusion_bench.scoring import score_folders

    extractor = FeatureRegistry.get("i3d-cdfvd")
    passes = 0
    compute = extractor.compute

    def counted(clip: Any) -> Any:
        nonlocal passes
        passes += 1
        return compute(clip)

    object.__setattr__(extractor, "compute", counted)
    result = score_folders(corpus / "real", corpus / "generated", [METRIC]).results[METRIC]
    if result.value is None:
        raise SystemExit(result.reason)
    return {"value": result.value, "network_passes": passes}


def plain(corpus: Path, weights: Path) -> dict[str, Any]:
    """The steps of cd-fvd written out: PyAV, PyTorch's resizes, eager I3D in batches of 16, matrix root by SciPy."""
    import av
    import numpy as np
    import scipy.linalg
    import torch
    from torch.nn.functional import interpolate

    from vid_diffusion_bench.features.networks.i3d import I3D

    network = I3D.from_state(torch.load(weights / I3D_FILE, weights_only=True))

    def loaded(path: Path) -> Any:
        with av.open(str(path)) as container:
            frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])[:16]
        unit = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
        unit = interpolate(unit, size=(256, 256), mode="bilinear", align_corners=False, antialias=True)
        return (unit * 255).byte()

    def features(folder: Path) -> Any:
        rows, paths = [], sorted(folder.iterdir())
        for start in range(0, len(paths), 16):
            batch = torch.stack([loaded(path) for path in paths[start : start + 16]])
            stretched = interpolate(batch.flatten(0, 1).float(), (224, 224), mode="bilinear", align_corners=False)
            clips = stretched.view(len(batch), 16, 3, 224, 224).transpose(1, 2).contiguous()
            with torch.no_grad():
                rows.append(network(2.0 * clips / 255.0 - 1).numpy().astype(np.float64))
        return np.concatenate(rows)

    real, generated = features(corpus / "real"), features(corpus / "generated")
    s1, s2 = (np.cov(rows, rowvar=False, ddof=0) for rows in (real, generated))
    gap = np.square(real.mean(axis=0) - generated.mean(axis=0)).sum()
    root = scipy.linalg.sqrtm(s1 @ s2)
    value = float(gap + np.trace(s1 + s2) - 2 * np.trace(root).real)
    return {"value": value, "value_by_exact_root": exact(real, generated)}


def exact(first: Any, second: Any) -> float:
    """The same distance of the same features, with the trace of the root as a nuclear norm, exact to rounding.

    SciPy's matrix root of the singular product that N <= 400 clips give is off by about 1e-6 of the traces.
    """
    import numpy as np

    first, second = np.float64(first), np.float64(second)
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    gap = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    traces = np.square(a).sum() / len(a) + np.square(b).sum() / len(b)
    return float(gap + traces - 2 * np.linalg.norm(a @ b.T, "nuc") / np.sqrt(len(a) * len(b)))


def cdfvd(corpus: Path, weights: Path) -> dict[str, Any]:
    """cd-fvd itself. torchvision without its compiled operators imports once two of them are declared."""
    import torch

    operators = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from cdfvd import fvd

    evaluator = fvd.cdfvd(
        "i3d", n_real="full", n_fake="full", ckpt_path=str(weights / I3D_FILE), device="cpu", compute_feats=True
    )
    how = {"data_type": "video_folder", "resolution": 256, "sequence_length": 16, "num_workers": 0}
    evaluator.compute_real_stats(evaluator.load_videos(str(corpus / "real"), **how))
    evaluator.compute_fake_stats(evaluator.load_videos(str(corpus / "generated"), **how))
    real, generated = evaluator.real_stats.get_all(), evaluator.fake_stats.get_all()
    return {"value": float(evaluator.compute_fvd_from_stats()), "value_by_exact_root": exact(real, generated)}


WORKERS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {"ours": ours, "plain": plain, "cd-fvd": cdfvd}


def work(name: str, corpus: Path, weights: Path) -> None:
    """What a process of its own does: one measurement, as one line of JSON."""
    started = time.perf_counter()
    found = WORKERS[name](corpus, weights)
    wall = time.perf_counter() - started
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(part.ru_utime + part.ru_stime for part in usage)
    print(json.dumps({**found, "cpu_s": cpu, "wall_s": wall, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """Peak resident memory of this process. (``ru_maxrss`` starts at what its parent held.)"""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def measured(name: str, corpus: Path, weights: Path, cache: Path, site: str | None) -> dict[str, Any]:
    """One run of ``name`` in a process of its own, on a copy of the files: cd-fvd writes beside them."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(corpus, Path(folder) / "corpus"))
        paths = [part for part in (os.environ.get("PYTHONPATH"), site) if part]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths), "VIDBENCH_CACHE_DIR": str(cache)}
        command = [sys.executable, str(HERE), "--worker", name, str(copy), str(weights)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def compare(names: list[str], corpus: Path, weights: Path, rounds: int, site: str | None) -> dict[str, Any]:
    """Every worker once a round, in alternating order, each with an empty feature store."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else names[::-1]:
            with tempfile.TemporaryDirectory() as cache:
                runs[name].append(measured(name, corpus, weights, Path(cache), site))
    table = {name: {key: round(median(runs[name], key), 3) for key in ("cpu_s", "wall_s", "peak_mb")} for name in names}
    for name in names:
        table[name]["value"] = runs[name][0]["value"]
        table[name]["cpu_runs"] = [round(run["cpu_s"], 2) for run in runs[name]]
    return {"table": table, "against_ours": {name: against(runs[name], runs["ours"]) for name in names[1:]}}


def against(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the ratios round by round (above 1: ours is better by that factor), and how far values are apart."""

    def ratio(key: str) -> float:
        return statistics.median(other[key] / own[key] for other, own in zip(theirs, ours, strict=True))

    values = {key: theirs[0][key] for key in ("value", "value_by_exact_root")}
    return {
        "cpu_ratio": round(ratio("cpu_s"), 2),
        "memory_share": round(1 / ratio("peak_mb"), 3),
        **{f"{key}_apart": abs(ours[0]["value"] - value) / abs(value) for key, value in values.items()},
    }


def median(runs: list[dict[str, Any]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def growth(sizes: list[int], folder: Path, weights: Path) -> dict[str, Any]:
    """Peak memory and CPU seconds at N clips a set, then again with the same real clips kept in the feature store."""
    table = {}
    for n in sizes:
        corpus = folder / f"corpus-{n}"
        make_corpus(corpus, n)
        cache = folder / f"cache-{n}"
        first, second = (measured("ours", corpus, weights, cache, None) for _ in range(2))
        shutil.rmtree(corpus / "generated")
        shutil.copytree(corpus / "real", corpus / "generated")
        third = measured("ours", corpus, weights, cache, None)
        table[n] = {
            "peak_mb": round(first["peak_mb"], 1),
            "cpu_s": round(first["cpu_s"], 2),
            "network_passes": first["network_passes"],
            "second_run": {key: round(second[key], 3) for key in ("cpu_s", "peak_mb", "network_passes")},
            "real_against_itself": {key: third[key] for key in ("value", "network_passes")},
        }
    return table


def forward(weights: Path, rounds: int) -> dict[str, Any]:
    """The forward pass of one clip, in CPU seconds: prepacked, eager, in turns, beside matrix products."""
    import torch

    from vid_diffusion_bench.features.networks.i3d import I3D
    from vid_diffusion_bench.features.networks.prepacked import PrepackedI3D, usable

    torch.set_num_threads(1)
    network = I3D.from_state(torch.load(weights / I3D_FILE, weights_only=True))
    clips = torch.rand(1, 16, 224, 224, 3).mul_(2).sub_(1).permute(0, 4, 1, 2, 3)
    if not usable():
        return {"prepacked": "PyTorch's oneDNN operators are not usable here"}
    fast = PrepackedI3D(network)
    with torch.inference_mode():
        exact = I3D.from_state(network.state_dict()).double()(clips.double())
        error = {
            name: float((form(clips) - exact).norm() / exact.norm())
            for name, form in (("prepacked", fast), ("eager", network))
        }
        times: dict[str, list[float]] = {"prepacked": [], "eager": []}
        peaks: dict[str, list[float]] = {name: [] for name in products(1024)}
        for _ in range(rounds):
            for name, call in products(2048).items():
                peaks[name].append(2 * 2048**3 / cpu(call) / 1e9)
            times["prepacked"].append(cpu(lambda: fast(clips)))
            times["eager"].append(cpu(lambda: network(clips)))
    seconds = {name: statistics.median(values) for name, values in times.items()}
    peak = {name: statistics.median(values) for name, values in peaks.items()}
    reached = {name: GFLOP / value for name, value in seconds.items()}
    return {
        "cpu_s": {name: round(value, 4) for name, value in seconds.items()},
        "eager_over_prepacked": round(seconds["eager"] / seconds["prepacked"], 2),
        "gflop_a_second": {name: round(value, 1) for name, value in reached.items()},
        "matrix_product_gflop_a_second": {name: round(value, 1) for name, value in peak.items()},
        "share_of_torch_sgemm": {name: round(value / peak["torch"], 3) for name, value in reached.items()},
        "share_of_fastest_sgemm": {name: round(value / max(peak.values()), 3) for name, value in reached.items()},
        "relative_error_against_float64": error,
    }


def products(n: int) -> dict[str, Callable[[], object]]:
    """The same product of n x n float32 matrices by PyTorch's library, NumPy's and oneDNN."""
    import torch

    first, second = torch.randn(n, n), torch.randn(n, n)
    a, b = first.numpy(), second.numpy()
    linear = torch.ops.mkldnn._linear_pointwise
    return {
        "torch": lambda: first @ second,
        "numpy": lambda: a @ b,
        "onednn": lambda: linear(first, second, None, "none", [], ""),
    }


def cpu(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=16, help="clips in each set")
    parser.add_argument("--growth", type=int, nargs="*", default=[16, 32, 64], help="sizes of the sets for memory")
    parser.add_argument("--site", default=os.environ.get("BENCH_SITE"), help="folder that cd-fvd is installed in")
    options = parser.parse_args()
    names = ["ours", "plain", "cd-fvd"]
    if not options.site or not (Path(options.site) / "cdfvd").is_dir():
        print("cd-fvd is not compared with: install it as --help says and give --site FOLDER", file=sys.stderr)
        names.remove("cd-fvd")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_corpus(folder / "corpus", options.clips)
        make_weights(folder / "weights")
        report = {
            "forward": forward(folder / "weights", max(5, options.rounds)),
            "fvd_from_files": compare(names, folder / "corpus", folder / "weights", options.rounds, options.site),
            "growth": growth(options.growth, folder, folder / "weights"),
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
