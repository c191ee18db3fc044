"""Fetching a hub model: ``huggingface_hub`` itself, against a server on loopback that answers as the hub does."""

from __future__ import annotations

import pytest

from hub import COMMIT, Hub, serve
from known_weights import sha256
from vid_diffusion_bench.exceptions import ModelLoadingError, WeightsNotFoundError
from vid_diffusion_bench.weights import find
from vid_diffusion_bench.weights.digest import read_json
from vid_diffusion_bench.weights.fetch import fetch
from vid_diffusion_bench.weights.places import weights_folder


@pytest.fixture
def hub(monkeypatch, clip_folder):
    """The hub with the files of ``org/net``, to be changed by a test."""
    files = {path.name: path.read_bytes() for path in clip_folder.iterdir()}
    hub = Hub(files | {"original/model.pth": b"pickle", "README.md": b"# net", "training_args.bin": b"pickle"})
    with serve(hub) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield hub


def test_the_pinned_revision_is_fetched_without_what_is_not_needed(hub, known):
    known(kind="hub", file=None, hub="org/net", revision=COMMIT, sha256=sha256(hub.files["model.safetensors"]))
    found = fetch("net")
    assert (found.path, found.verified) == (weights_folder() / "net", "published")
    assert {path.name for path in found.path.iterdir()} == {"config.json", "model.safetensors"}
    assert found == find("net")
    assert read_json(weights_folder() / "manifest.json")["net"]["revision"] == COMMIT


def test_what_main_means_is_looked_up_and_recorded(hub, known):
    known(kind="hub", file=None, hub="org/net")
    assert fetch("net").verified == "recorded"
    recorded = read_json(weights_folder() / "manifest.json")["net"]
    assert (recorded["revision"], recorded["hub"]) == (COMMIT, "org/net")
    assert recorded["sha256"] == find("net").sha256


def test_other_weights_than_the_published_are_refused(hub, known):
    known(kind="hub", file=None, hub="org/net", revision=COMMIT, sha256="0" * 64)
    with pytest.raises(ModelLoadingError, match="0000"):
        fetch("net")
    with pytest.raises(WeightsNotFoundError):
        find("net")


def test_a_revision_with_a_pickle_only_says_how_to_make_safetensors(hub, known):
    del hub.files["model.safetensors"]
    known(kind="hub", file=None, hub="org/net", revision=COMMIT)
    with pytest.raises(WeightsNotFoundError, match=r"no model\.safetensors") as caught:
        fetch("net")
    assert "save_pretrained" in caught.value.remedy


def test_a_model_that_the_hub_does_not_have_says_so(hub, known):
    known(kind="hub", file=None, hub="org/other")
    with pytest.raises(WeightsNotFoundError, match="answered 404"):
        fetch("net")


def test_a_file_that_cannot_be_had_is_asked_for_again(hub, known):
    known(kind="hub", file=None, hub="org/net", revision=COMMIT)
    hub.broken.add("model.safetensors")
    with pytest.raises(WeightsNotFoundError, match="org/net cannot be downloaded"):
        fetch("net")
    hub.broken.clear()
    assert fetch("net").path == weights_folder() / "net"


@pytest.mark.parametrize("revision", [COMMIT, None])
def test_no_hub_says_so_and_how_to_do_without(known, monkeypatch, revision):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    known(kind="hub", file=None, hub="org/net", revision=revision)
    with pytest.raises(WeightsNotFoundError, match="cannot be read") as caught:
        fetch("net")
    assert str(weights_folder() / "net") in caught.value.remedy
    assert "on another machine" in caught.value.remedy
