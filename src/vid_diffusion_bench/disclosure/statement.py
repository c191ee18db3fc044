"""Whether the members agree with the manifest, and with each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pydantic

from vid_diffusion_bench.certification import Certificate
from vid_diffusion_bench.disclosure.archive import Archive, describe, is_clip
from vid_diffusion_bench.disclosure.bundle import Progress
from vid_diffusion_bench.disclosure.comparison import Comparison, leaves
from vid_diffusion_bench.disclosure.contents import CERTIFICATES, MANIFEST, README, RESULTS, BundleManifest, Member
from vid_diffusion_bench.disclosure.derived import derived
from vid_diffusion_bench.disclosure.readme import readme
from vid_diffusion_bench.disclosure.verification import DIFFERS, EXACT, Check, Difference, check_of
from vid_diffusion_bench.results import BenchmarkResult


def unpack(archive: Archive, folder: Path, progress: Progress) -> tuple[dict[str, bytes], dict[str, Member]]:
    """The text members as bytes, and the clips unpacked into ``folder`` with hash and size of each file.

    What is damaged is in neither.
    """
    texts: dict[str, bytes] = {}
    files: dict[str, Member] = {}
    for done, name in enumerate(archive.names, 1):
        if is_clip(name):
            if (member := archive.unpack(name, folder / name)) is not None:
                files[name] = member
        elif (content := archive.read(name)) is not None:
            texts[name] = content
        progress("files", done, len(archive.names))
    return texts, files


def archive_checks(
    manifest: BundleManifest, texts: Mapping[str, bytes], files: Mapping[str, Member], expected: str | None
) -> list[Check]:
    """The members against the manifest, the manifest against its own hash, and that against the published one."""
    found = {name: describe(content) for name, content in texts.items() if name != MANIFEST} | dict(files)
    stated = manifest.members
    told = [
        Difference(what=name, stated=_member_text(stated.get(name)), found=_member_text(found.get(name)))
        for name in sorted(stated.keys() | found.keys())
        if stated.get(name) != found.get(name)
    ]
    own = _own_hash(manifest, texts[MANIFEST])
    checks = [
        check_of("archive", "files against the hashes in bundle.json", len(stated), told),
        check_of("archive", "bundle.json against its own hash", 1, own),
    ]
    if expected is not None:
        wrong = manifest.sha256 != expected.strip().lower()
        apart = [Difference(what=f"sha256 of {MANIFEST}", stated=manifest.sha256, found=expected)] if wrong else []
        checks.append(check_of("archive", "bundle.json against the published hash", 1, apart))
    return checks


def _member_text(member: Member | None) -> str:
    return f"{member.sha256}, {member.size} bytes" if member else "(none)"


def _own_hash(manifest: BundleManifest, content: bytes) -> list[Difference]:
    if (found := manifest.digest()) != manifest.sha256:
        return [Difference(what=f"sha256 of {MANIFEST}", stated=manifest.sha256, found=found)]
    if content != manifest.encoded():
        return [Difference(what=MANIFEST, stated="the bytes that its content has", found="other bytes")]
    return []


def statement_checks(
    result: BenchmarkResult, manifest: BundleManifest, texts: Mapping[str, bytes], files: Mapping[str, Member]
) -> list[Check]:
    """``results.json`` against what it shows twice, and every member that is made of it against itself."""
    seen = Comparison()
    written = json.loads(texts[RESULTS])
    again = dict(leaves(result.model_dump(mode="json")))
    for path, value in leaves(written):
        # Fields that a later version added have their defaults, and are no difference.
        seen.number(f"{RESULTS}: {path}", value, again.get(path, "(no such entry)"))
    clips = {Path(name).stem: member.sha256 for name, member in files.items()}
    others = Comparison()
    made = derived(result, clips) | {README: readme(result, manifest.clips, manifest.made_by.rpartition(" ")[2])}
    for name, content in made.items():
        _member(others, name, texts.get(name), content)
    others.number("benchmark_id", manifest.benchmark_id, result.benchmark_id)
    return [_check(f"{RESULTS} against itself", seen), _check("files that are made of results.json", others)]


def _member(seen: Comparison, name: str, stated: bytes | None, found: bytes) -> None:
    if stated is None:
        seen.number(name, "(missing or damaged)", "a file")
    elif not name.endswith(".json"):
        seen.number(name, _text(stated), _text(found))
    elif (data := parse(stated)) is None:
        seen.number(name, "(no JSON)", "a file")
    else:
        seen.tree(name, data, json.loads(found))


def _check(name: str, seen: Comparison) -> Check:
    outcome = DIFFERS if seen.differences else EXACT
    return Check(part="statement", name=name, outcome=outcome, n=seen.n, differences=seen.differences)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def parse(content: bytes | None) -> Any:
    """JSON as plain data; ``None`` where it is none."""
    try:
        return json.loads(content) if content is not None else None
    except (ValueError, RecursionError):
        return None


def certificate_checks(texts: Mapping[str, bytes]) -> Iterator[Check]:
    """Whether each certificate's verdicts are those of the laws it lists. The laws are not run again."""
    for name in sorted(name for name in texts if name.startswith(f"{CERTIFICATES}/")):
        seen = Comparison()
        data = parse(texts[name])
        try:
            found = Certificate.model_validate(data)
        except pydantic.ValidationError as error:
            told = [Difference(what=name, stated="a certificate", found=str(error.errors()[0]["msg"]))]
            yield check_of("certificates", name, 0, told)
            continue
        again = dict(leaves(found.model_dump(mode="json")))
        for path, value in leaves(data):
            seen.number(f"{name}: {path}", value, again.get(path, "(no such entry)"))
        verdict = "every metric that ran passes" if found.passes else "some metrics fail"
        detail = f"{verdict}; run `vid-bench metrics certify` to check it here"
        yield check_of("certificates", name, seen.n, seen.differences, detail=detail)
