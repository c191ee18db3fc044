"""``vid-bench weights list / add / fetch``, through the command line."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files

import pytest

from known_weights import CONTENT, sha256
from vid_diffusion_bench.cli.app import run
from vid_diffusion_bench.weights import catalogue, find
from vid_diffusion_bench.weights.digest import read_json


@pytest.fixture
def vid_bench(capsys):
    """Runs one command line: exit code, standard output (read as JSON with --json), standard error."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if "--json" in arguments else printed.out, printed.err

    return call


@pytest.fixture
def alex(tmp_path):
    """The published LPIPS head, as torchmetrics carries it."""
    path = tmp_path / "downloads" / "alex.pth"
    path.parent.mkdir()
    path.write_bytes(files("torchmetrics.functional.image.lpips_models").joinpath("alex.pth").read_bytes())
    return path


def test_the_list_says_what_is_here_what_is_missing_and_where_it_goes(vid_bench, folder, alex):
    shutil.copy(alex, folder)
    (folder / "vgg.pth").write_bytes(b"short")
    (folder / "raft_large_C_T_V1-22a6c225.pth").write_bytes(b"no such network")
    (folder / "c3d_ucf101.pt").write_bytes(b"a file of which no hash is published")
    code, data, _ = vid_bench("weights", "list", "--json")
    rows = {row["name"]: row for row in data["weights"]}
    assert code == 0
    assert list(rows) == [entry.name for entry in catalogue()]
    states = {name: row["status"] for name, row in rows.items() if row["status"] != "missing"}
    assert states == {
        "lpips-alex": "present", "lpips-vgg": "damaged", "raft-large": "hash mismatch", "c3d-ucf101": "present",
    }  # fmt: skip
    assert rows["lpips-alex"]["sha256"] == rows["lpips-alex"]["published_sha256"]
    assert rows["c3d-ucf101"]["verified"] == "recorded"
    assert rows["clip-vit-b-32"]["goes_to"] == str(folder / "clip-vit-b-32")
    _, text, _ = vid_bench("weights", "list")
    assert "hash mismatch" in text
    assert "present, recorded here" in text


def test_a_file_is_recognised_by_its_name_copied_and_found(vid_bench, folder, alex):
    code, data, _ = vid_bench("weights", "add", alex, "--json")
    assert code == 0
    assert data == {
        "name": "lpips-alex", "path": str(folder / "alex.pth"), "sha256": sha256(alex.read_bytes()),
        "verified": "published",
    }  # fmt: skip
    assert find("lpips-alex").path.read_bytes() == alex.read_bytes()
    assert read_json(folder / "manifest.json")["lpips-alex"]["verified"] == "published"


def test_a_file_under_another_name_is_recognised_by_its_hash(vid_bench, folder, alex):
    renamed = alex.rename(alex.with_name("vgg.pth"))
    code, text, _ = vid_bench("weights", "add", renamed)
    assert code == 0
    assert text.startswith("lpips-alex: ")
    assert "the published one" in text
    assert (folder / "alex.pth").exists()


def test_a_file_without_a_published_hash_is_recorded_and_says_so(vid_bench, folder, tmp_path):
    (tmp_path / "i3d_pretrained_400.pt").write_bytes(CONTENT)
    code, text, _ = vid_bench("weights", "add", tmp_path / "i3d_pretrained_400.pt")
    assert code == 0
    assert "recorded here, no published hash" in text
    (folder / "i3d_pretrained_400.pt").write_bytes(CONTENT[::-1])
    _, data, _ = vid_bench("weights", "list", "--json")
    row = next(row for row in data["weights"] if row["name"] == "i3d-kinetics-400")
    assert row["status"] == "damaged"
    assert sha256(CONTENT) in row["reason"]
    assert vid_bench("weights", "add", folder / "i3d_pretrained_400.pt")[0] == 0
    assert find("i3d-kinetics-400").sha256 == sha256(CONTENT[::-1])


def test_a_folder_is_added_by_name_with_its_tokenizer_and_without_subfolders(vid_bench, folder, clip_folder, tmp_path):
    source = shutil.copytree(clip_folder, tmp_path / "downloaded")
    (source / "vocab.json").write_text("{}")
    (source / "original").mkdir()
    code, data, _ = vid_bench("weights", "add", source, "--name", "clip_vit_b_32", "--json")
    assert code == 0
    assert data["path"] == str(folder / "clip-vit-b-32")
    kept = {path.name for path in (folder / "clip-vit-b-32").iterdir()}
    assert kept == {"config.json", "model.safetensors", "vocab.json"}
    assert find("clip-vit-b-32").sha256 == data["sha256"]


@pytest.mark.parametrize(
    ("make", "arguments", "says"),
    [
        (lambda path: None, [], "does not exist"),
        (lambda path: path.write_bytes(b"?"), [], "neither the name nor the content"),
        (lambda path: path.write_bytes(b"?"), ["--name", "nope"], "no weights are known"),
        (lambda path: path.write_bytes(b"?"), ["--name", "dinov2-base"], "is a file"),
        (lambda path: path.mkdir(), [], "does not say which model"),
        (lambda path: path.mkdir(), ["--name", "dinov2-base"], "there is no config.json"),
        (lambda path: path.mkdir(), ["--name", "lpips-alex"], "is a folder"),
    ],
)
def test_what_cannot_be_added_is_wrong_usage_and_leaves_nothing(vid_bench, folder, tmp_path, make, arguments, says):
    make(tmp_path / "given")
    code, _, error = vid_bench("weights", "add", tmp_path / "given", *arguments)
    assert code == 2
    assert says in error
    assert not list(folder.iterdir())


def test_a_wrong_hash_is_refused_with_both_hashes(vid_bench, folder, tmp_path):
    (tmp_path / "inception-2015-12-05.pt").write_bytes(CONTENT)
    code, _, error = vid_bench("weights", "add", tmp_path / "inception-2015-12-05.pt")
    assert code == 1
    assert sha256(CONTENT) in error
    assert "f58cb9b6ec323ed63459aa4fb441fe75" in error
    assert not list(folder.iterdir())


def test_a_file_that_is_offered_and_is_another_is_left_as_it_is(vid_bench, tmp_path):
    path = tmp_path / "inception-2015-12-05.pt"
    path.write_bytes(CONTENT)
    _, _, error = vid_bench("weights", "add", path)
    assert f"{path} is not inception-v3-torchscript, and was not added" in error
    assert "--name" in error
    assert "remove" not in error
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("command", [["list"], ["fetch", "alexnet"], ["add"]])
def test_a_weights_folder_that_is_a_file_is_an_error_with_a_remedy(vid_bench, alex, tmp_path, monkeypatch, command):
    (tmp_path / "weights.pt").write_bytes(CONTENT)
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path / "weights.pt"))
    code, _, error = vid_bench("weights", *command, *([alex] if command == ["add"] else []))
    assert code == 2
    assert f"the weights folder {tmp_path / 'weights.pt'} is a file" in error
    assert "config set weights_dir FOLDER" in error
    assert error.count("\n") == 1


def test_a_metric_says_that_its_weights_folder_is_a_file(vid_bench, tmp_path, monkeypatch):
    (tmp_path / "weights.pt").write_bytes(CONTENT)
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path / "weights.pt"))
    _, data, _ = vid_bench("metrics", "list", "--json")
    rows = {row["name"]: row for row in data["metrics"]}
    assert "is a file" in rows["fid"]["unavailable"]
    assert rows["fvd"]["unavailable"] is None


def test_fetch_prints_where_it_lies(vid_bench, folder, known, site):
    site.files["/net.pt"] = CONTENT
    known(sha256=sha256(CONTENT), urls=(f"{site.address}/net.pt",))
    code, text, error = vid_bench("weights", "fetch", "net")
    assert (code, error) == (0, "")
    assert str(folder / "net.pt") in text
    site.files.clear()
    assert vid_bench("weights", "fetch", "net", "--json")[1]["sha256"] == sha256(CONTENT)


def test_a_fetch_that_fails_is_one_line_with_a_remedy(vid_bench, known, site):
    known(urls=(f"{site.address}/net.pt",))
    code, data, error = vid_bench("weights", "fetch", "net", "--json")
    assert code == 1
    assert data["error"]["code"] == "WEIGHTS_NOT_FOUND"
    assert error.count("\n") == 1
