"""``models download``: ``huggingface_hub`` itself against a server on loopback that answers as the hub does."""

from __future__ import annotations

import pytest

from hub import COMMIT, OLDER, Hub, serve
from vid_diffusion_bench.exceptions import ModelLoadingError, ModelNotFoundError, StorageError, WeightsNotFoundError
from vid_diffusion_bench.models import download_model, get_model, model_info
from vid_diffusion_bench.models.download import wanted_files
from vid_diffusion_bench.models.snapshot import downloads


@pytest.fixture
def hub(tiny, monkeypatch):
    """A tiny real pipeline with what repositories hold beside it."""
    folder = tiny("ltx")
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    beside = {
        "transformer/diffusion_pytorch_model.fp16.safetensors": b"half",
        "text_encoder/pytorch_model.bin": b"pickle",
        "whole-model-in-one-file.safetensors": b"x" * 1000,
        "transformer/custom.py": b"print('never')",
        "README.md": b"# net",
        "examples/clip.mp4": b"clip",
    }
    here = Hub({**files, **beside})
    here.beside = set(beside)
    with serve(here) as address:
        import huggingface_hub.constants

        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        monkeypatch.setattr(
            huggingface_hub.constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        yield here


def test_what_is_downloaded_is_what_loading_reads_and_it_runs(hub, tiny):
    told = []
    found = download_model("hf:org/net", progress=lambda done, total: told.append((done, total)))
    assert found.commit == found.folder.name == COMMIT
    names = {path.relative_to(found.folder).as_posix() for path in found.folder.rglob("*") if path.is_file()}
    assert names == set(hub.files) - hub.beside
    assert found.size_bytes == sum(len(hub.files[name]) for name in names)
    assert told[-1] == (found.size_bytes, found.size_bytes)
    assert model_info("hf:org/net").status == "available"
    model = get_model("hf:org/net")
    assert model.provenance()["revision"] == COMMIT
    assert model.identity() == get_model(str(tiny("ltx"))).identity()
    model.load("cpu", "fp32")


def test_what_is_here_is_not_fetched_again(hub):
    download_model("hf:org/net")
    hub.asked.clear()
    download_model("hf:org/net")
    assert not [path for method, path, _ in hub.asked if method == "GET" and "/resolve/" in path]


def test_the_commit_is_written_down_and_stays(hub):
    download_model("hf:org/net")
    assert downloads()["org/net"]["commit"] == COMMIT
    hub.commits["main"] = OLDER
    assert get_model("hf:org/net").provenance()["revision"] == COMMIT
    download_model("hf:org/net")
    assert get_model("hf:org/net").provenance()["revision"] == OLDER


def test_a_revision_and_a_cache_folder_are_taken_and_found_again(hub, tmp_path):
    found = download_model("hf:org/net", "older", cache_dir=tmp_path / "mine")
    assert found.commit == OLDER
    assert tmp_path / "mine" in found.folder.parents
    assert get_model("hf:org/net").folder == get_model("hf:org/net@older").folder == found.folder


def test_a_file_that_breaks_off_goes_on_where_it_stopped(hub, monkeypatch):
    """At the last whole chunk, which is 10 MB unless it is said otherwise."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 250)
    name = "transformer/diffusion_pytorch_model.safetensors"
    hub.cut = {name}
    found = download_model("hf:org/net")
    assert (found.folder / name).read_bytes() == hub.files[name]
    ranges = [wanted for method, path, wanted in hub.asked if method == "GET" and path.endswith(name)]
    assert ranges == [None, "bytes=1000-"]


def test_after_a_failure_the_same_command_fetches_what_is_lacking(hub):
    hub.broken = {"vae/diffusion_pytorch_model.safetensors"}
    with pytest.raises(WeightsNotFoundError, match="cannot be downloaded"):
        download_model("hf:org/net")
    assert model_info("hf:org/net").status == "not_downloaded"
    had = {path for method, path, _ in hub.asked if method == "GET" and path.endswith(".safetensors")}
    hub.broken, hub.asked = set(), []
    download_model("hf:org/net")
    fetched = {path for method, path, _ in hub.asked if method == "GET" and path.endswith(".safetensors")}
    assert not fetched & had
    assert model_info("hf:org/net").status == "available"


def test_a_gated_repository_says_what_to_accept(hub):
    hub.gated = True
    with pytest.raises(WeightsNotFoundError, match="gated") as caught:
        download_model("hf:org/net")
    assert "https://huggingface.co/org/net" in caught.value.remedy
    assert "HF_TOKEN" in caught.value.remedy


@pytest.mark.parametrize(
    ("reference", "revision", "words"),
    [("hf:org/other", None, "has no model"), ("hf:org/net", "gone", "no revision gone")],
)
def test_what_the_hub_does_not_have_is_told_apart(hub, reference, revision, words):
    with pytest.raises(WeightsNotFoundError, match=words):
        download_model(reference, revision)


def test_no_network_says_so(monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsNotFoundError, match="cannot be downloaded") as caught:
        download_model("hf:org/net")
    assert "network" in caught.value.remedy


def test_what_is_no_pipeline_or_only_pickled_is_refused(hub):
    index = hub.files.pop("model_index.json")
    with pytest.raises(ModelLoadingError, match=r"no model_index\.json"):
        download_model("hf:org/net")
    hub.files["model_index.json"] = index
    for name in [name for name in hub.files if name.startswith("vae/") and name.endswith(".safetensors")]:
        hub.files[name.replace(".safetensors", ".bin")] = hub.files.pop(name)
    with pytest.raises(WeightsNotFoundError, match="vae"):
        download_model("hf:org/net")


def test_a_folder_that_cannot_be_written_says_so(hub, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        download_model("hf:org/net", cache_dir=tmp_path / "file")


def test_what_is_not_on_the_hub_is_not_downloaded():
    for name in ("shapes-base", "pika", "animatediff"):
        with pytest.raises(ModelLoadingError, match="cannot be downloaded"):
            download_model(name)
    with pytest.raises(ModelNotFoundError):
        download_model("no-such-model")


def test_of_two_precisions_the_plain_one_is_taken_and_a_lone_variant_kept():
    index = {"_class_name": "P", "vae": ["diffusers", "A"], "unet": ["diffusers", "B"], "safety_checker": [None, None]}
    kept = {"vae/config.json", "vae/model-00001-of-00002.safetensors", "unet/model.fp16.safetensors"}
    dropped = {
        "vae/model.fp16-00001-of-00002.safetensors",
        "vae/model.safetensors.index.fp16.json",
        "safety_checker/model.safetensors",
        "vae/deep/x.json",
        "other/x.json",
    }
    assert set(wanted_files(kept | dropped, index)) == kept | {"model_index.json"}


def test_the_command_says_where_it_is(hub, vid_bench):
    answer = vid_bench("models", "download", "hf:org/net", "--json")
    assert (answer.code, answer.json["commit"]) == (0, COMMIT)
    answer = vid_bench("models", "download", "hf:org/other")
    assert answer.code == 1
    assert "WEIGHTS_NOT_FOUND" in answer.err
