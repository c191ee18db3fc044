"""The example plug-in, installed as a stranger's would be: its own tests pass and the commands know its metric."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vid_diffusion_bench.testing import noise_clip
from vid_diffusion_bench.video import write_lossless

PLUGIN = Path(__file__).parent / "plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of a process that finds the plug-in."""
    folder = tmp_path_factory.mktemp("plugin")
    source, target = folder / "source", folder / "site"
    shutil.copytree(PLUGIN, source)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*command, "--no-deps", "--no-build-isolation", "--target", target, source], check=True)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), *filter(None, [os.environ.get("PYTHONPATH")])])}


def bench(installed, *arguments):
    code = "from vid_diffusion_bench.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments), "--json"],
        env=installed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_own_tests_pass(installed):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", PLUGIN / "tests", "--rootdir", PLUGIN]
    done = subprocess.run(command, env=installed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout


def test_the_commands_know_it_and_measure_with_it(installed, tmp_path):
    assert "contrast" in {metric["name"] for metric in bench(installed, "metrics", "list")["metrics"]}
    clips = [noise_clip(seed) for seed in range(3)]
    for number, clip in enumerate(clips):
        write_lossless(tmp_path / f"{number}.mkv", clip)
    result = bench(installed, "metrics", "compute", "--generated", tmp_path, "--metrics", "contrast")
    value = result["results"]["contrast"]["value"]
    assert value == pytest.approx(sum(clip.frames.std() for clip in clips) / 3, rel=1e-12)
    assert result["results"]["contrast"]["confidence_interval"]
