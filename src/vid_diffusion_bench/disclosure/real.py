"""The real clips to score against again: rebuilt, or given, or not at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vid_diffusion_bench.disclosure.reference import built_in, fingerprint_of, stated_fingerprints
from vid_diffusion_bench.disclosure.verification import CANNOT, Check, Difference, check_of
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.results import BenchmarkResult
from vid_diffusion_bench.scoring import Reference
from vid_diffusion_bench.scoring.reference import NO_REFERENCE, Pairs, find_reference

_NOT_GIVEN = "the run compared with a folder of real clips, which is not in the bundle: give it with --reference DIR"


@dataclass(frozen=True)
class Real:
    """The real set; ``reason`` says why there is none. ``given``: by the user, as a folder."""

    reference: Reference | None
    pairs: Pairs = field(default_factory=dict)
    reason: str | None = None
    is_lacking: bool = False
    given: bool = False


def find_real(result: BenchmarkResult, about: Any, folder: Path | None) -> tuple[Real, list[Check]]:
    """The real set, and whether it is the stated one; ``about`` is ``reference.json``.

    Raises:
        ValidationError: A folder is given and the run compared with none.
        InvalidVideoError: The folder given is missing or holds nothing.
    """
    stated = stated_fingerprints(result)
    if result.config.reference is None:
        if folder is not None:
            raise ValidationError("the run compared with no folder of real clips", remedy="leave --reference out")
        return _built_in(result, stated)
    checks = [_listing(about, stated)]
    if folder is None:
        return Real(None, reason=_NOT_GIVEN, is_lacking=True), [*checks, _cannot(_NOT_GIVEN)]
    reference, pairs = find_reference(str(folder), [])
    assert reference is not None
    if stated and stated != [reference.fingerprint]:
        why = f"{folder} holds other real clips than the run's: {_apart(about, reference)}"
        return Real(None, reason=why, is_lacking=True), [*checks, _cannot(why)]
    checks.append(check_of("reference", "the folder given", len(reference.clips), []))
    return Real(reference, pairs, given=True), checks


def _built_in(result: BenchmarkResult, stated: list[str]) -> tuple[Real, list[Check]]:
    reference, pairs = built_in(result)
    found = reference.fingerprint if reference else None
    apart = [
        Difference(what="fingerprint of the real clips, rebuilt from the samples", stated=name, found=found)
        for name in stated
        if name != found
    ]
    real = Real(reference, pairs, None if reference else NO_REFERENCE)
    return real, [check_of("reference", "the built-in real clips", len(stated), apart)] if stated else []


def _cannot(why: str) -> Check:
    return Check(part="reference", name="the real clips", outcome=CANNOT, detail=why)


def _listing(about: Any, stated: list[str]) -> Check:
    """Whether the listed hashes of the real clips make the fingerprint that the metrics name."""
    name = "the listing of the real clips"
    clips = _listed(about)
    if clips is None:
        why = about.get("reason") if isinstance(about, dict) else None
        return Check(part="reference", name=name, outcome=CANNOT, detail=str(why or "the bundle holds none"))
    found = fingerprint_of(clips)
    apart = [
        Difference(what="fingerprint of the real clips", stated=one, found=found) for one in stated if one != found
    ]
    return check_of("reference", name, len(clips), apart)


def _listed(about: Any) -> list[dict[str, Any]] | None:
    """The real clips by name and content, as ``reference.json`` lists them."""
    clips = about.get("clips") if isinstance(about, dict) else None
    listed = isinstance(clips, list) and all(isinstance(c, dict) and {"name", "content"} <= c.keys() for c in clips)
    return clips if listed else None


def _apart(about: Any, reference: Reference) -> str:
    listed = _listed(about)
    if listed is None:
        return "their fingerprint is another"
    there = {str(clip["name"]): clip["content"] for clip in listed}
    here = {clip.key: clip.content() if clip.content else None for clip in reference.clips}
    names = sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
    return f"{', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
