"""What goes into a bundle, that it is always the same bytes, and which runs are refused."""

import hashlib
import json
import sqlite3
import zipfile

import pytest
from disclosure_answers import told
from filelock import FileLock

from small_models import Painter
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.disclosure import bundle, verify
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.exceptions import (
    BenchmarkNotFoundError,
    InvalidVideoError,
    RunLockedError,
    StorageError,
    ValidationError,
)
from vid_diffusion_bench.models import ModelRegistry
from vid_diffusion_bench.storage import load_result
from vid_diffusion_bench.video import read_video


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(bundled, copied, tmp_path):
    bundle(copied, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == bundled.read_bytes()


def test_every_hash_in_the_manifest_is_that_of_the_member(bundled):
    members = _members(bundled)
    manifest = json.loads(members.pop("bundle.json"))
    assert manifest["members"] == {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} for name, content in members.items()
    }
    own = {name: value for name, value in manifest.items() if name != "sha256"}
    text = json.dumps(own, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert manifest["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_it_holds_what_a_third_party_needs(bundled, shapes_run):
    members, result = _members(bundled), load_result(shapes_run)
    assert members["results.json"] == (shapes_run / "results.json").read_bytes()
    records = [record for model in result.models for record in model.records]
    samples = json.loads(members["samples.json"])
    assert [(s["key"], s["seed"], s["prompt_id"]) for s in samples] == [(r.key, r.seed, r.prompt_id) for r in records]
    for sample in samples:
        content = members[sample["file"]]
        assert hashlib.sha256(content).hexdigest() == sample["file_sha256"]
        stored = shapes_run / sample["file"]
        assert stored.read_bytes() == content
        assert read_video(stored).sha256() == sample["pixels_sha256"]
    assert [entry["prompt"] for entry in json.loads(members["prompts.json"])] == result.config.prompts
    ((name, manifest),) = result.manifests.items()
    lock = members[f"environment/{name}.txt"].decode().splitlines()
    assert {f"{package}=={version}" for package, version in manifest.packages.items()} <= set(lock)
    assert f"# python: {manifest.python}" in lock
    assert f"# device: {manifest.device}" in lock
    weights = json.loads(members["weights.json"])
    assert weights["models"]["shapes-small"]["weights_sha256"] == result.models[1].provenance["weights_sha256"]
    assert set(weights["extractors"]) == {"shapes-v1-video", "shapes-v1-text"}
    reference = json.loads(members["reference.json"])
    assert reference["kind"] == "built-in"
    assert [reference["fingerprint"]] == reference["stated_fingerprints"]
    assert "vid-bench verify" in members["README.md"].decode()


def test_without_clips_it_says_so_inside(shapes_run, tmp_path):
    made = bundle(shapes_run, tmp_path / "thin.zip", clips=False)
    members = _members(tmp_path / "thin.zip")
    assert made.clips == "none"
    assert not [name for name in members if name.startswith("clips/")]
    assert "clips were left out" in members["README.md"].decode()


def test_failed_samples_are_in_it_as_records(tmp_path):
    ModelRegistry.register("painter", Painter)
    try:
        run(BenchmarkConfig.create(
            models=["painter"], prompts=["a thing", "explode now", "black night"], metrics=["sharpness"], warmup=0,
            device="cpu", output_dir=str(tmp_path / "run"),
        ))  # fmt: skip
    finally:
        ModelRegistry.unregister("painter")
    bundle(tmp_path / "run", tmp_path / "b.zip")
    samples = json.loads(_members(tmp_path / "b.zip")["samples.json"])
    assert [(s["status"], s["failure"] and s["failure"]["code"]) for s in samples] == [
        ("completed", None), ("failed", "GENERATION_FAILED"), ("failed", "INVALID_OUTPUT"),
    ]  # fmt: skip
    assert samples[2]["file"], "the black clip is kept to be looked at"
    found = verify(tmp_path / "b.zip")
    assert found.verdict == "verified"


def test_clips_that_the_run_did_not_keep_are_told(tmp_path):
    ModelRegistry.register("painter", Painter)
    try:
        run(BenchmarkConfig.create(
            models=["painter"], prompts=["a thing", "another thing"], metrics=["sharpness"], warmup=0, device="cpu",
            save_videos=False, output_dir=str(tmp_path / "run"),
        ))  # fmt: skip
    finally:
        ModelRegistry.unregister("painter")
    assert bundle(tmp_path / "run", tmp_path / "b.zip").clips == "none"
    found = verify(tmp_path / "b.zip")
    assert not found.differences
    assert found.verdict == "partly verified"


def test_a_certificate_is_packed_and_its_verdicts_are_read(shapes_run, tmp_path, forge):
    from vid_diffusion_bench.certification import certify, world_specimens
    from vid_diffusion_bench.certification.distortions import LADDER

    certificate = certify(world_specimens(2), ["sharpness"], distortions=LADDER[:1])
    (tmp_path / "certificate.json").write_text(certificate.model_dump_json())
    bundle(shapes_run, tmp_path / "b.zip", certificates=[tmp_path / "certificate.json"])
    (check,) = [check for check in verify(tmp_path / "b.zip").checks if check.part == "certificates"]
    assert check.outcome == "bit for bit"
    assert "every metric that ran passes" in check.detail

    forged = forge(tmp_path / "b.zip")
    (name,) = [name for name in forged.members if name.startswith("certificates/")]
    forged.edit(name, lambda data: next(law for law in data["metrics"][0]["laws"]).update(status="broken"))
    assert told(verify(forged.write(rehash=False)))[0] == name
    rehashed = told(verify(forged.write(name="again.zip")))
    assert rehashed
    assert all(line.startswith(f"{name}: ") for line in rehashed), "verdicts that the laws no longer bear out"


def test_what_is_no_certificate_is_refused(shapes_run, tmp_path):
    (tmp_path / "c.json").write_text('{"a": 1}')
    with pytest.raises(ValidationError, match="is no certificate"):
        bundle(shapes_run, tmp_path / "b.zip", certificates=[tmp_path / "c.json"])


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(BenchmarkNotFoundError, match="holds no finished run"):
        bundle(tmp_path, tmp_path / "b.zip")
    with pytest.raises(BenchmarkNotFoundError):
        bundle(tmp_path / "nowhere", tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def test_a_run_that_is_running_is_refused(copied, tmp_path):
    with FileLock(copied / ".lock"), pytest.raises(RunLockedError):
        bundle(copied, tmp_path / "b.zip")


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_a_run_whose_last_attempt_did_not_end_well_is_refused(copied, tmp_path, status):
    with sqlite3.connect(copied / "run.sqlite") as store:
        store.execute("insert into attempts (config, status, started_at) values ('{}', ?, 'now')", (status,))
    store.close()
    with pytest.raises(BenchmarkNotFoundError, match=f"not finished: its last attempt is {status}"):
        bundle(copied, tmp_path / "b.zip")


def test_an_interrupted_result_is_refused(copied, tmp_path):
    result = load_result(copied).model_copy(update={"status": "interrupted"})
    (copied / "results.json").write_text(result.model_dump_json())
    with pytest.raises(BenchmarkNotFoundError, match="interrupted"):
        bundle(copied, tmp_path / "b.zip")


def test_a_run_folder_that_cannot_be_written_is_bundled(copied, bundled, tmp_path):
    """A mounted artifact: SQLite finds no place for the files it keeps beside a database in WAL mode."""
    for leftover in copied.glob("run.sqlite-*"):
        leftover.unlink()
    before = sorted(path.name for path in copied.iterdir())
    bundle(copied, tmp_path / "b.zip")
    assert (tmp_path / "b.zip").read_bytes() == bundled.read_bytes()
    assert sorted(path.name for path in copied.iterdir()) == before, "nothing is left in the run's folder"


@pytest.mark.parametrize("how", ["gone", "damaged", "swapped"])
def test_a_missing_or_damaged_clip_is_refused(copied, tmp_path, how):
    first, second, *_ = sorted((copied / "clips").iterdir())
    if how == "gone":
        first.unlink()
    else:
        first.write_bytes(second.read_bytes() if how == "swapped" else first.read_bytes()[:1000])
    with pytest.raises(InvalidVideoError) as caught:
        bundle(copied, tmp_path / "b.zip")
    assert "--without-clips" in (caught.value.remedy or "")
    assert not (tmp_path / "b.zip").exists()


def test_a_bundle_that_cannot_be_written_leaves_nothing(shapes_run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        bundle(shapes_run, tmp_path / "file" / "b.zip")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".home") == ["file"]
