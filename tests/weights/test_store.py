"""Finding weights on this machine: where, in which order, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from known_weights import CONTENT, into_hub_cache, sha256
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError, WeightsNotFoundError
from vid_diffusion_bench.weights import catalogue, digest, find
from vid_diffusion_bench.weights.places import hub_cache


def test_the_layout_is_the_one_of_huggingface_hub(clip_folder):
    from huggingface_hub import snapshot_download

    snapshot = into_hub_cache(clip_folder, "org/name", "a" * 40)
    found = snapshot_download("org/name", local_files_only=True, cache_dir=hub_cache())
    assert snapshot.samefile(found)


@pytest.mark.parametrize("place", ["net.pt", "net/net.pt"])
def test_a_published_file_is_found_in_both_places(published, folder, place):
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_bytes(CONTENT)
    found = find("NET")
    assert (found.name, found.path, found.sha256) == ("net", folder / place, sha256(CONTENT))
    assert found.verified == "published"


def test_the_setting_chooses_the_folder(published, tmp_path, monkeypatch):
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "net.pt").write_bytes(CONTENT)
    with pytest.raises(WeightsNotFoundError):
        find("net")
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path / "share"))
    assert find("net").path == tmp_path / "share" / "net.pt"


def test_missing_weights_say_which_file_goes_where_and_how_to_get_it(known, folder):
    entry = known(urls=("https://example.org/net.pt",))
    with pytest.raises(WeightsNotFoundError, match=r"net\.pt") as caught:
        find("net")
    for part in ("fetch net", "add net.pt", entry.urls[0], str(folder / "net.pt")):
        assert part in caught.value.remedy


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ValidationError) as caught:
        find("i3d_torchskript")
    assert "i3d-torchscript" in caught.value.remedy


def test_a_wrong_file_names_both_hashes(known, folder):
    known(sha256=sha256(CONTENT))
    (folder / "net.pt").write_bytes(b"something else")
    with pytest.raises(ModelLoadingError) as caught:
        find("net")
    assert not isinstance(caught.value, WeightsNotFoundError)
    assert sha256(CONTENT) in caught.value.message
    assert sha256(b"something else") in caught.value.message


def test_a_short_file_is_damage(published, folder):
    (folder / "net.pt").write_bytes(CONTENT[:-1])
    with pytest.raises(ModelLoadingError, match=f"{len(CONTENT) - 1} bytes, published are {len(CONTENT)}"):
        find("net")


def test_a_published_prefix_is_checked_and_the_rest_recorded(known, folder):
    (folder / "net.pt").write_bytes(CONTENT)
    known(sha256_prefix=sha256(CONTENT)[:8])
    assert find("net").verified == "recorded"
    known(sha256_prefix="00000000")
    with pytest.raises(ModelLoadingError, match="begins with 00000000"):
        find("net")


def test_without_a_published_hash_the_first_is_recorded_and_a_change_is_damage(known, folder):
    known()
    (folder / "net.pt").write_bytes(CONTENT)
    assert find("net").verified == "recorded"
    assert find("net").sha256 == sha256(CONTENT)
    (folder / "net.pt").write_bytes(CONTENT[::-1])
    with pytest.raises(ModelLoadingError, match="recorded here") as caught:
        find("net")
    assert sha256(CONTENT) in caught.value.message
    assert sha256(CONTENT[::-1]) in caught.value.message


def test_a_folder_as_save_pretrained_writes_it_is_found(clip_folder, folder):
    shutil.copytree(clip_folder, folder / "clip-vit-b-32")
    found = find("clip-vit-b-32")
    lines = "".join(
        f"{sha256((clip_folder / name).read_bytes())}  {name}\n" for name in ("config.json", "model.safetensors")
    )
    assert found.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert (found.path, found.verified) == (folder / "clip-vit-b-32", "recorded")
    from transformers import CLIPModel

    assert CLIPModel.from_pretrained(found.path, local_files_only=True).config.projection_dim == 4


@pytest.mark.parametrize("changed", ["config.json", "model.safetensors"])
def test_a_change_in_a_folder_is_damage(clip_folder, folder, changed):
    shutil.copytree(clip_folder, folder / "clip-vit-b-32")
    find("clip-vit-b-32")
    with (folder / "clip-vit-b-32" / changed).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ModelLoadingError, match="recorded here"):
        find("clip-vit-b-32")


def test_a_sharded_folder_needs_all_its_shards(folder, clip_folder):
    from transformers import CLIPModel

    CLIPModel.from_pretrained(clip_folder).save_pretrained(folder / "clip-vit-b-32", max_shard_size="4KB")
    shards = sorted((folder / "clip-vit-b-32").glob("model-*.safetensors"))
    assert len(shards) > 1
    before = find("clip-vit-b-32").sha256
    assert before != sha256(shards[0].read_bytes())
    shards[-1].unlink()
    with pytest.raises(ModelLoadingError, match=f"1 of {len(shards)} shards are missing"):
        find("clip-vit-b-32")


@pytest.mark.parametrize(
    ("removed", "added", "reason"),
    [
        ("config.json", None, "no config.json"),
        ("model.safetensors", None, "no model.safetensors"),
        ("model.safetensors", "pytorch_model.bin", "pickle"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(clip_folder, folder, removed, added, reason):
    own = shutil.copytree(clip_folder, folder / "clip-vit-b-32")
    (own / removed).unlink()
    if added:
        (own / added).write_bytes(b"\x80\x04")
    with pytest.raises(ModelLoadingError, match=reason):
        find("clip-vit-b-32")


def test_an_index_that_names_a_file_outside_is_damage(clip_folder, folder):
    own = shutil.copytree(clip_folder, folder / "clip-vit-b-32")
    (own / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../../other.safetensors"}}))
    with pytest.raises(ModelLoadingError, match="is damaged"):
        find("clip-vit-b-32")


def test_the_hugging_face_cache_comes_after_the_weights_folder(clip_folder, folder, known):
    known(kind="hub", file=None, hub="org/net")
    cached = into_hub_cache(clip_folder, "org/net", "b" * 40)
    assert find("net").path == cached
    own = shutil.copytree(clip_folder, folder / "net")
    assert find("net").path == own


def test_the_snapshot_of_the_known_revision_goes_before_main(clip_folder, known):
    weights = sha256((clip_folder / "model.safetensors").read_bytes())
    known(kind="hub", file=None, hub="org/net", revision="c" * 40, sha256=weights)
    into_hub_cache(clip_folder, "org/net", "b" * 40)
    wanted = into_hub_cache(clip_folder, "org/net", "c" * 40, main=False)
    found = find("net")
    assert (found.path, found.verified) == (wanted, "published")


def test_a_snapshot_of_the_known_revision_has_to_be_what_was_published(clip_folder, known):
    known(kind="hub", file=None, hub="org/net", revision="c" * 40, sha256="0" * 64)
    into_hub_cache(clip_folder, "org/net", "c" * 40)
    with pytest.raises(ModelLoadingError, match="published one is 0000"):
        find("net")


def test_a_damaged_blob_of_the_cache_is_noticed(clip_folder, known):
    known(kind="hub", file=None, hub="org/net")
    snapshot = into_hub_cache(clip_folder, "org/net", "b" * 40)
    with (snapshot / "model.safetensors").resolve().open("r+b") as blob:
        blob.seek(-1, os.SEEK_END)
        blob.write(b"\xff")
    with pytest.raises(ModelLoadingError, match="the Hugging Face cache says"):
        find("net")


def test_a_hash_is_computed_once_and_again_after_a_change(published, folder, monkeypatch):
    (folder / "net.pt").write_bytes(CONTENT)
    find("net")
    read = []
    real = hashlib.file_digest
    monkeypatch.setattr(digest.hashlib, "file_digest", lambda *given: read.append(given) or real(*given))
    find("net")
    assert not read
    os.utime(folder / "net.pt", ns=(1, 1))
    find("net")
    assert len(read) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"PATH": [1, 2]}', '{"PATH": "x"}', '{"PATH": [SIZE, TIME, "abc"]}'])
def test_a_damaged_index_only_costs_time(published, folder, text):
    (folder / "net.pt").write_bytes(CONTENT)
    stat = (folder / "net.pt").stat()
    filled = text.replace("PATH", str(folder / "net.pt")).replace("SIZE", str(stat.st_size))
    digest.index_file().write_text(filled.replace("TIME", str(stat.st_mtime_ns)))
    assert find("net").sha256 == sha256(CONTENT)


def test_the_published_hashes_are_those_of_the_files_that_torchmetrics_carries(folder):
    """An independent distribution of the LPIPS heads: the catalogue's hash and size are the real files'."""
    from importlib.resources import files

    for network in ("alex", "vgg"):
        source = files("torchmetrics.functional.image.lpips_models").joinpath(f"{network}.pth")
        (folder / f"{network}.pth").write_bytes(source.read_bytes())
        assert find(f"lpips-{network}").verified == "published"


def test_the_catalogue_is_whole():
    names = [entry.name for entry in catalogue()]
    assert {"i3d-torchscript", "clip-vit-b-32", "raft-large", "lpips-alex", "c3d-ucf101"} <= set(names)
    files = [entry.file for entry in catalogue() if entry.file]
    assert len(set(files)) == len(files)
    for entry in catalogue():
        assert (entry.kind == "hub") == bool(entry.hub) == (not entry.file)
        assert entry.hub or all(url.startswith("https://") for url in entry.urls)
        assert entry.source
        assert entry.source.startswith("https://")
        assert (entry.sha256 is None) or (len(bytes.fromhex(entry.sha256)) == 32 and entry.hash_source)
        assert bool(entry.sha256 or entry.sha256_prefix) == bool(entry.hash_source)


@pytest.mark.parametrize("entry", [e for e in catalogue() if e.file], ids=lambda entry: entry.name)
def test_a_hash_begins_with_the_digits_pytorch_wrote_into_the_name(entry):
    stem, _, digits = entry.file.removesuffix(".pth").rpartition("-")
    if stem and len(digits) == 8 and "pytorch.org" in entry.urls[0]:
        assert (entry.sha256 or entry.sha256_prefix).startswith(digits)


def test_finding_imports_no_torch():
    code = "import sys; from vid_diffusion_bench.weights import catalogue, find; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
