"""Fetching a file: a real HTTP server on loopback that breaks off, lies, refuses and sends web pages."""

from __future__ import annotations

import socket

import pytest

from known_weights import CONTENT, sha256
from vid_diffusion_bench.exceptions import StorageError, WeightsNotFoundError
from vid_diffusion_bench.weights import find
from vid_diffusion_bench.weights.digest import read_json
from vid_diffusion_bench.weights.fetch import fetch
from vid_diffusion_bench.weights.places import weights_folder


@pytest.fixture
def offered(known, site):
    """A published file that the site has."""
    site.files["/net.pt"] = CONTENT
    return known(sha256=sha256(CONTENT), size=len(CONTENT), urls=(f"{site.address}/net.pt",))


def test_a_file_is_fetched_checked_recorded_and_found(offered):
    told = []
    found = fetch("net", lambda done, total: told.append((done, total)))
    assert found.path.read_bytes() == CONTENT
    assert (found.sha256, found.verified) == (sha256(CONTENT), "published")
    assert found == find("net")
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert read_json(weights_folder() / "manifest.json")["net"]["url"] == offered.urls[0]
    assert {path.name for path in weights_folder().glob("[!.]*")} == {"net.pt", "manifest.json"}


def test_what_is_there_is_not_fetched_again(offered, site):
    fetch("net")
    fetch("net")
    assert len(site.asked) == 1


def test_a_download_that_breaks_off_goes_on_where_it_stopped(offered, site):
    site.break_after = 300_000
    with pytest.raises(WeightsNotFoundError, match=f"broke off after 300000 of {len(CONTENT)} bytes"):
        fetch("net")
    assert not (weights_folder() / "net.pt").exists()
    site.break_after = None
    assert fetch("net").path.read_bytes() == CONTENT
    assert site.asked[-1] == ("/net.pt", "bytes=300000-")


def test_a_server_without_ranges_is_read_from_the_start(offered, site):
    weights_folder().mkdir(parents=True)
    (weights_folder() / "net.pt.part").write_bytes(b"x" * 1000)
    site.ranges = False
    assert fetch("net").path.read_bytes() == CONTENT


def test_a_part_that_is_already_whole_is_taken(offered, site):
    weights_folder().mkdir(parents=True)
    (weights_folder() / "net.pt.part").write_bytes(CONTENT)
    assert fetch("net").path.read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(offered, site):
    weights_folder().mkdir(parents=True)
    (weights_folder() / "net.pt.part").write_bytes(CONTENT + b"more")
    assert fetch("net").path.read_bytes() == CONTENT


def test_bytes_are_only_joined_where_a_hash_can_tell(known, site):
    site.files["/net.pt"] = CONTENT
    known(urls=(f"{site.address}/net.pt",))
    weights_folder().mkdir(parents=True)
    (weights_folder() / "net.pt.part").write_bytes(b"of another server")
    found = fetch("net")
    assert found.path.read_bytes() == CONTENT
    assert found.verified == "recorded"
    assert site.asked == [("/net.pt", None)]


def test_other_content_of_the_same_length_is_refused_and_removed(offered, site):
    site.files["/net.pt"] = CONTENT[::-1]
    with pytest.raises(WeightsNotFoundError) as caught:
        fetch("net")
    assert sha256(CONTENT) in caught.value.message
    assert sha256(CONTENT[::-1]) in caught.value.message
    assert not list(weights_folder().glob("net*"))


def test_the_second_address_is_tried_when_the_first_has_nothing(known, site):
    site.files["/b/net.pt"] = CONTENT
    known(sha256=sha256(CONTENT), urls=(f"{site.address}/a/net.pt", f"{site.address}/b/net.pt"))
    assert fetch("net").path.read_bytes() == CONTENT
    assert [path for path, _ in site.asked] == ["/a/net.pt", "/b/net.pt"]


def test_a_file_that_is_gone_names_the_answer_and_the_way_without_a_network(offered, site):
    site.files.clear()
    with pytest.raises(WeightsNotFoundError, match="404") as caught:
        fetch("net")
    assert str(weights_folder() / "net.pt") in caught.value.remedy
    assert "vid-bench weights add" in caught.value.remedy


def test_a_web_page_is_not_taken_for_the_file(known, site):
    site.files["/net.pt"] = b"\n<!DOCTYPE html><html><body>Please confirm the download</body></html>"
    known(urls=(f"{site.address}/net.pt",))
    with pytest.raises(WeightsNotFoundError, match="web page"):
        fetch("net")
    assert not list(weights_folder().glob("net*"))


def test_no_network_says_so(known):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        known(urls=(f"http://127.0.0.1:{free.getsockname()[1]}/net.pt",))
        with pytest.raises(WeightsNotFoundError, match="cannot be read") as caught:
            fetch("net")
    assert "on another machine" in caught.value.remedy


def test_a_server_that_says_nothing_is_given_up(known, monkeypatch):
    monkeypatch.setattr("vid_diffusion_bench.weights.download.TIMEOUT_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        known(urls=(f"http://127.0.0.1:{silent.getsockname()[1]}/net.pt",))
        with pytest.raises(WeightsNotFoundError, match="timed out"):
            fetch("net")


def test_a_weights_folder_that_cannot_be_made_is_a_storage_error(offered, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path / "file" / "weights"))
    with pytest.raises(StorageError, match="cannot be written"):
        fetch("net")
