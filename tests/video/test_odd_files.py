"""Hundreds of odd, broken and hostile files: each gives a clip or an InvalidVideoError that names it and why.

They are read in processes of their own under a time limit, so that a crash or a hang is laid to its file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from broken_videos import bomb_cases, broken_cases
from odd_videos import Case, odd_cases

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes, sockets and links of Unix")

LIMIT_S = 120
READ = """
import json, resource, sys
from vid_diffusion_bench.exceptions import InvalidVideoError
from vid_diffusion_bench.video import read_video
read_video(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in json.load(sys.stdin):
    try:
        video = read_video(path)
        told = {"value": True, "shape": video.frames.shape, "fps": video.fps, "says": " | ".join(video.notes)}
    except InvalidVideoError as error:
        told = {"value": False, "says": error.message, "remedy": error.remedy}
    except BaseException as error:
        told = {"value": None, "says": repr(error)}
    print(json.dumps(told), flush=True)
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""
SCORE = """
import json, sys
from pathlib import Path
from vid_diffusion_bench.scoring import score_folders
scores = score_folders(None, Path(sys.argv[1]), json.loads(sys.argv[2]))
per_clip = {name: {key: [score.value, score.reason] for key, score in clips.items()}
            for name, clips in scores.per_clip.items()}
print(json.dumps({"per_clip": per_clip, "broken": scores.broken,
                  "results": {name: result.value for name, result in scores.results.items()}}))
"""
METRICS = ["temporal_consistency", "temporal_flickering"]


def names(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [*odd_cases(), *broken_cases()]


@pytest.fixture(scope="module")
def folder(cases, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("odd")
    for case in cases:
        case.make(root / case.name)
    return root


def read_all(paths: list[Path], sound: Path, code: str = READ, limit_s: float = LIMIT_S) -> tuple[list[dict], int]:
    """What became of each file, and by how many KiB the last process grew; one that ends the process is told so."""
    outcomes: list[dict] = []
    while True:
        waiting = [str(path) for path in paths[len(outcomes) :]]
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(sound)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            out, _ = process.communicate(json.dumps(waiting), timeout=limit_s)
            end = f"process ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            out, end = process.communicate()[0], "hangs"
        lines = [json.loads(line) for line in (out or "").splitlines()]
        if len(lines) == len(waiting) + 1:
            return [*outcomes, *lines[:-1]], lines[-1]
        outcomes += [*lines, {"value": None, "says": end}]


@pytest.fixture(scope="module")
def outcomes(cases, folder) -> dict[str, dict]:
    found, _ = read_all([folder / case.name for case in cases], folder / "one-frame.mp4")
    return dict(zip(names(cases), found, strict=True))


def test_a_crash_and_a_hang_are_laid_to_their_files():
    code = """
import json, os, sys, time
for name in json.load(sys.stdin):
    if name == "crash": os._exit(9)
    if name == "hang": time.sleep(60)
    print(json.dumps({"value": True}), flush=True)
print(0)
"""
    order = ["a", "crash", "b", "hang", "c"]
    told, _ = read_all([Path(name) for name in order], Path("a"), code, limit_s=1)
    assert [outcome.get("says") for outcome in told] == [None, "process ended with 9", None, "hangs", None]


def test_there_are_hundreds_of_files_each_with_its_own_name(cases):
    assert len(cases) == len(set(names(cases)))
    assert len(cases) >= 300


def test_each_file_gives_a_clip_or_an_error_and_none_crashes_or_hangs(cases, outcomes):
    assert set(outcomes) == set(names(cases))
    assert {name: told for name, told in outcomes.items() if told["value"] is None} == {}


def test_whole_files_are_read_and_others_refused_as_each_must(cases, outcomes):
    wrong = {
        case.name: outcomes[case.name]
        for case in cases
        if case.value not in (None, outcomes[case.name]["value"])
        or not re.search(case.says, outcomes[case.name]["says"])
        or (case.shape and list(case.shape) != outcomes[case.name].get("shape"))
    }
    assert wrong == {}


def test_an_error_names_its_file_and_a_reason_on_one_line(cases, outcomes):
    for case in cases:
        told = outcomes[case.name]
        if told["value"]:
            continue
        shown = case.name if case.name.isprintable() else ascii(case.name)[1:-1]
        assert told["says"].startswith(f"{shown} ")
        assert len(told["says"]) > len(shown) + 10
        assert "\n" not in told["says"]


def test_a_clip_has_frames_and_a_rate(outcomes):
    for told in outcomes.values():
        if told["value"]:
            assert len(told["shape"]) == 4
            assert min(told["shape"]) >= 1
            assert told["fps"] > 0


def test_bombs_are_refused_without_their_memory(tmp_path):
    bombs = list(bomb_cases())
    for case in bombs:
        case.make(tmp_path / case.name)
    sound = next(case for case in odd_cases() if case.name == "one-frame.mp4")
    sound.make(tmp_path / sound.name)
    told, grown = read_all([tmp_path / case.name for case in bombs], tmp_path / sound.name)
    assert {outcome["value"] for outcome in told} == {False}
    assert grown < 100 * 1024


def test_scoring_the_folder_leaves_no_file_out(cases, folder):
    command = [sys.executable, "-c", SCORE, str(folder), json.dumps(METRICS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr[-2000:]
    scores = json.loads(done.stdout.splitlines()[-1])
    for metric in METRICS:
        assert set(scores["per_clip"][metric]) == set(names(cases))
        assert scores["results"][metric] is not None
        for name, (value, reason) in scores["per_clip"][metric].items():
            assert (value is None) == bool(reason), name
            assert value is not None or name not in scores["broken"] or scores["broken"][name]
    assert all(scores["broken"].values())
    must_fail = {case.name for case in cases if case.value is False}
    assert must_fail <= set(scores["broken"])
    assert not set(scores["broken"]) & {case.name for case in cases if case.value}
