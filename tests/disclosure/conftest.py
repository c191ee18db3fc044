"""One real run of the built-in models, bundled once, and what a forger does to a bundle."""

from __future__ import annotations

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import pytest

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.disclosure import bundle
from vid_diffusion_bench.disclosure.archive import describe, write_archive
from vid_diffusion_bench.disclosure.contents import MANIFEST, RESULTS, BundleManifest
from vid_diffusion_bench.disclosure.derived import derived
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.results import BenchmarkResult

PROMPTS = [
    "a red circle moving left on a black background",
    "a blue square moving right on a white background",
]
METRICS = ["kvd", "clip_similarity", "motion_smoothness", "sharpness", "video_text_similarity"]


@pytest.fixture(scope="session")
def shapes_run(tmp_path_factory):
    """A finished run; nobody may change it."""
    folder = tmp_path_factory.mktemp("disclosure") / "shapes"
    config = BenchmarkConfig.create(
        models=["shapes-oracle", "shapes-small"], prompts=PROMPTS, metrics=METRICS, num_inference_steps=2,
        num_frames=9, warmup=0, device="cpu", output_dir=str(folder),
    )  # fmt: skip
    assert run(config).status == "completed"
    return folder


@pytest.fixture(scope="session")
def bundled(shapes_run, tmp_path_factory):
    """Its bundle; nobody may change it."""
    path = tmp_path_factory.mktemp("bundle") / "shapes.zip"
    bundle(shapes_run, path)
    return path


@dataclasses.dataclass
class Forgery:
    """The members of a bundle as bytes, to be changed and written again."""

    members: dict[str, bytes]
    folder: Path

    @property
    def result(self):
        return BenchmarkResult.model_validate_json(self.members[RESULTS])

    @property
    def clips(self):
        return sorted(name for name in self.members if name.startswith("clips/"))

    def edit(self, member, change):
        """Change a JSON member in place, and it alone."""
        data = json.loads(self.members[member])
        change(data)
        self.members[member] = json.dumps(data).encode()

    def edit_result(self, change):
        """Change the run as a careful forger does: every member that is made of it is made of it again."""
        data = json.loads(self.members[RESULTS])
        change(data)
        forged = BenchmarkResult.model_validate(data)
        self.members[RESULTS] = forged.model_dump_json(indent=1).encode()
        files = {Path(name).stem: describe(self.members[name]).sha256 for name in self.clips}
        self.members |= derived(forged, files)

    def write(self, *, rehash=True, name="forged.zip", **fields):
        """The bundle, its manifest made to fit or left as it was."""
        if rehash:
            stated = BundleManifest.model_validate_json(self.members[MANIFEST])
            described = {name: describe(self.members[name]) for name in sorted(self.members) if name != MANIFEST}
            manifest = stated.model_copy(update={"members": described, **fields}).sealed()
            self.members[MANIFEST] = manifest.encoded()
        path = self.folder / name
        write_archive(path, self.members, {})
        return path


@pytest.fixture
def forge(tmp_path):
    def opened(path):
        with zipfile.ZipFile(path) as archive:
            return Forgery({name: archive.read(name) for name in archive.namelist()}, tmp_path)

    return opened


@pytest.fixture
def forgery(forge, bundled):
    """The bundle of the built-in models, opened to be forged."""
    return forge(bundled)


@pytest.fixture
def copied(shapes_run, tmp_path):
    """The run, to be changed."""
    return shutil.copytree(shapes_run, tmp_path / "copied")
