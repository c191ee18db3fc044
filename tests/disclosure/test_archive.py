"""What is no bundle, and what would do harm, is refused before anything is unpacked."""

import json
import stat
import struct
import zipfile

import pytest
from disclosure_answers import told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.disclosure import verify
from vid_diffusion_bench.disclosure.contents import BundleManifest
from vid_diffusion_bench.exceptions import InvalidBundleError, ValidationError, VidBenchError


def test_no_such_file(tmp_path):
    with pytest.raises(ValidationError, match="there is no file"):
        verify(tmp_path / "b.zip")


def test_a_run_folder_is_no_bundle(shapes_run):
    with pytest.raises(ValidationError, match="there is no file"):
        verify(shapes_run)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + b"\0" * 100])
def test_not_a_zip(tmp_path, content):
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(InvalidBundleError, match="no zip archive"):
        verify(tmp_path / "b.zip")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated(tmp_path, bundled, share):
    content = bundled.read_bytes()
    (tmp_path / "b.zip").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InvalidBundleError, match="cut off"):
        verify(tmp_path / "b.zip")


def _zip(path, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return path


@pytest.mark.parametrize("missing", ["bundle.json", "results.json"])
def test_what_everything_rests_on_is_missing(forgery, missing):
    del forgery.members[missing]
    with pytest.raises(InvalidBundleError, match=f"holds no {missing}"):
        verify(forgery.write(rehash=missing == "results.json"))


@pytest.mark.parametrize("missing", ["samples.json", "README.md", "clips"])
def test_another_member_that_is_missing_is_named(forgery, missing):
    name = forgery.clips[0] if missing == "clips" else missing
    del forgery.members[name]
    assert name in told(verify(forgery.write(rehash=False, name="named.zip")))
    assert told(verify(forgery.write(rehash=True))), "also when the manifest no longer speaks of it"


@pytest.mark.parametrize("name", [
    "../evil", "/etc/evil", "clips/../../evil", "clips\\evil.mkv", "C:evil", "clips/evil.mkv", "evil.py",
    "clips/" + "0" * 64 + ".mkv/..", "certificates/../x.json", "certificates/.json", "bundle.json ",
])  # fmt: skip
def test_a_name_that_no_bundle_has_is_refused(tmp_path, forgery, name):
    path = _zip(tmp_path / "b.zip", [*forgery.members.items(), (name, b"x")])
    with pytest.raises(InvalidBundleError, match="no bundle has a member called"):
        verify(path)
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR])
def test_a_link_or_a_device_is_refused(tmp_path, forgery, kind):
    name = forgery.clips[0]
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    del forgery.members[name]
    path = _zip(tmp_path / "b.zip", [*forgery.members.items(), (info, b"/etc/passwd")])
    with pytest.raises(InvalidBundleError, match="a link or a device"):
        verify(path)


def test_a_zip_bomb_is_refused_unopened(tmp_path, forgery):
    forgery.members["samples.json"] = b"[" + b" " * 50_000_000 + b"]"
    path = _zip(tmp_path / "b.zip", forgery.members.items(), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2_000_000
    with pytest.raises(InvalidBundleError, match="compressed"):
        verify(path)


def test_members_that_share_their_bytes_are_refused(tmp_path, forgery):
    """The bomb that needs no compression: many entries of the table of contents over the same bytes."""
    path = _zip(tmp_path / "b.zip", [(name, b"x" * 100_000) for name in forgery.clips])
    content = bytearray(path.read_bytes())
    at, offsets = 0, []
    while (at := content.find(b"PK\x01\x02", at)) >= 0:
        offsets.append(at + 42)
        at += 46
    for offset in offsets:
        struct.pack_into("<I", content, offset, 0)
    first = content.find(b"PK\x01\x02")
    directory = first - sum(100_000 + 30 + len(name) for name in forgery.clips[1:])
    del content[directory:first]
    struct.pack_into("<I", content, len(content) - 6, directory)
    path.write_bytes(content)
    with pytest.raises(InvalidBundleError, match="larger than the file itself"):
        verify(path)


def test_two_members_of_one_name_are_refused(tmp_path, forgery):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = _zip(tmp_path / "b.zip", [*forgery.members.items(), ("README.md", b"other")])
    with pytest.raises(InvalidBundleError, match="two members are called"):
        verify(path)


@pytest.mark.parametrize("member", ["bundle.json", "results.json"])
def test_a_later_version_is_told(forgery, member):
    forgery.edit(member, lambda data: data.update(schema_version=99))
    with pytest.raises(InvalidBundleError, match="version 99; this program reads version 1") as caught:
        verify(forgery.write(rehash=member == "results.json"))
    assert "later version" in caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"members": {"a": 1}}', b"9" * 9000])
def test_a_manifest_that_is_none(forgery, content):
    forgery.members["bundle.json"] = content
    with pytest.raises(InvalidBundleError, match=r"bundle\.json"):
        verify(forgery.write(rehash=False))


@pytest.mark.parametrize("content", [b"", b"[]", b"[" * 100_000, b'{"a": NaN, "b": "\\ud800"}'])
@pytest.mark.parametrize("member", ["results.json", "samples.json", "reference.json", "certificates/0.json"])
def test_a_member_that_is_no_json_or_another_is_named(forgery, content, member):
    forgery.members[member] = content
    found = verify(forgery.write())
    assert any(member.split("/")[-1] in line for line in told(found)) or member == "reference.json"


CLAIMS = {
    "frames": lambda record: record["clip"].update(num_frames=10**12),
    "size": lambda record: record["clip"].update(height=10**6, width=10**6),
    "rate": lambda record: record["clip"].update(fps=1e300),
    "path": lambda record: record["clip"].update(path="../../../etc/passwd"),
    "absolute path": lambda record: record["clip"].update(path="/etc/passwd"),
    "index": lambda record: record.update(index=10**15),
    "latency": lambda record: record["cost"].update(latency=1e308),
    "no latency": lambda record: record["cost"].update(latency=0),
    "peak": lambda record: record["cost"].update(peak_rss=10**4000),
    "score": lambda record: record["scores"]["sharpness"].update(value=1e308),
}


@pytest.mark.parametrize("what", CLAIMS)
def test_huge_and_foreign_claims_are_named_and_not_believed(forgery, what):
    forgery.edit_result(lambda data: CLAIMS[what](data["models"][1]["records"][0]))
    assert any("shapes-small" in line for line in told(verify(forgery.write())))


def test_many_samples_claimed_by_the_configuration_are_not_made(forgery):
    forgery.edit_result(lambda data: data["config"].update(samples_per_prompt=10_000, prompts=["x"] * 99_999))
    assert "number of samples of shapes-small" in told(verify(forgery.write()))


def test_a_reference_folder_that_the_bundle_names_is_not_read(forgery, tmp_path):
    """What is on the machine of who verifies is no business of the bundle."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "a.mkv").write_bytes(b"secret")
    forgery.edit_result(lambda data: data["config"].update(reference=str(tmp_path / "private")))
    assert "a.mkv" not in verify(forgery.write()).model_dump_json()


def test_a_huge_member_in_the_manifest_alone_is_named(forgery):
    stated = BundleManifest.model_validate_json(forgery.members["bundle.json"])
    members = {**stated.members, "weights.json": stated.members["weights.json"].model_copy(update={"size": 10**18})}
    forgery.members["bundle.json"] = stated.model_copy(update={"members": members}).sealed().encoded()
    assert "weights.json" in told(verify(forgery.write(rehash=False)))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipping_a_byte_of_the_file_itself_never_goes_unseen(bundled, tmp_path, data):
    """Either the archive is refused, or a file is named, or nothing that is in the bundle has changed."""
    content = bytearray(bundled.read_bytes())
    in_directory = content.find(b"PK\x01\x02")
    at = data.draw(st.one_of(st.integers(0, len(content) - 1), st.integers(in_directory, len(content) - 1)))
    content[at] ^= data.draw(st.integers(1, 255))
    (tmp_path / "b.zip").write_bytes(content)
    try:
        found = verify(tmp_path / "b.zip")
    except VidBenchError:
        return
    if not found.differences:
        with zipfile.ZipFile(bundled) as first, zipfile.ZipFile(tmp_path / "b.zip") as second:
            assert {name: first.read(name) for name in first.namelist()} == {
                name: second.read(name) for name in second.namelist()
            }


def test_the_table_of_contents_alone_is_json(bundled):
    with zipfile.ZipFile(bundled) as archive:
        assert archive.namelist()[0] == "bundle.json"
        assert json.loads(archive.read("bundle.json"))["schema_version"] == 1
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
