"""From a bundle to what agrees: bit for bit, within tolerance, or not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pydantic

from vid_diffusion_bench.disclosure.archive import Archive, open_archive
from vid_diffusion_bench.disclosure.bundle import Progress, no_progress
from vid_diffusion_bench.disclosure.clips import clip_check
from vid_diffusion_bench.disclosure.contents import BUNDLE_SCHEMA, MANIFEST, RESULTS, BundleManifest
from vid_diffusion_bench.disclosure.figures import figure_checks
from vid_diffusion_bench.disclosure.notes import notes_of
from vid_diffusion_bench.disclosure.real import find_real
from vid_diffusion_bench.disclosure.records import record_checks
from vid_diffusion_bench.disclosure.regenerate import regenerate_checks
from vid_diffusion_bench.disclosure.scores import score_checks
from vid_diffusion_bench.disclosure.statement import (
    archive_checks,
    certificate_checks,
    parse,
    statement_checks,
    unpack,
)
from vid_diffusion_bench.disclosure.verification import Check, Difference, Verification, check_of
from vid_diffusion_bench.exceptions import InvalidBundleError, ValidationError
from vid_diffusion_bench.profiling import threads_used
from vid_diffusion_bench.results import SCHEMA_VERSION, BenchmarkResult


def verify(
    path: Path | str,
    *,
    sha256: str | None = None,
    reference: Path | str | None = None,
    regenerate: int = 0,
    models: Mapping[str, str] | None = None,
    progress: Progress = no_progress,
) -> Verification:
    """Check a bundle: its files, its records, its clips, and every score by scoring the clips again.

    Nothing of the bundle is believed: what is unpacked lies in a temporary folder, no path in it is opened, and no
    feature is taken from the user's store.

    Args:
        path: What :func:`~vid_diffusion_bench.disclosure.bundle` wrote.
        sha256: The hash that was published with the bundle.
        reference: Folder of the real clips, where the run compared with one.
        regenerate: Clips of each model to make again. Opens the models that the bundle names.
        models: What a model of the bundle is called on this machine.
        progress: Called with the part that is in work, things done, and their number.

    Raises:
        ValidationError: There is no such file, or something asked for is impossible.
        InvalidBundleError: It is no bundle, is cut off, unsafe to unpack, or of a later version.
        StorageError: The disk is full.
    """
    if regenerate < 0:
        raise ValidationError(f"regenerate is {regenerate}", remedy="0 or more")
    with open_archive(Path(path)) as archive, TemporaryDirectory(prefix="vid-bench-verify-") as folder:
        manifest = _manifest(archive)
        texts, files = unpack(archive, Path(folder), progress)
        checks = archive_checks(manifest, texts, files, sha256)
        result = _result(texts, archive)
        if isinstance(result, Check):
            return _verification(path, manifest, [*checks, result], [])
        checks += statement_checks(result, manifest, texts, files)
        checks += [*record_checks(result), *figure_checks(result)]
        clips, sound = clip_check(result, manifest.clips, Path(folder), files.keys(), progress)
        real, found = find_real(result, parse(texts.get("reference.json")), Path(reference) if reference else None)
        made_with = _threads_of(result)
        with _threads(result.scoring_threads or made_with):
            checks += [clips, *found, *score_checks(result, sound, real, progress), *certificate_checks(texts)]
        with _threads(made_with):
            if regenerate:
                checks += regenerate_checks(result, sound, regenerate, models or {}, manifest.sha256, progress)
            return _verification(path, manifest, checks, notes_of(result, checks))


def _threads_of(result: BenchmarkResult) -> int:
    """As many threads as the clips were made with; 0 where that is no one number."""
    stated = {manifest.threads for manifest in result.manifests.values()}
    return stated.pop() if len(stated) == 1 else 0


def _threads(count: int) -> AbstractContextManager[None]:
    """So many threads where this machine has them: then its sums are those of the run, to the bit."""
    return threads_used(count) if 1 <= count <= (os.cpu_count() or 1) else nullcontext()


def _verification(path: Path | str, manifest: BundleManifest, checks: list[Check], notes: list[str]) -> Verification:
    return Verification(
        bundle=str(path), sha256=manifest.sha256, benchmark_id=manifest.benchmark_id, checks=checks, notes=notes
    )


def _manifest(archive: Archive) -> BundleManifest:
    """``bundle.json``, without which there is nothing to hold the bundle against."""
    data = parse(archive.read(MANIFEST))
    _check_version(data, BUNDLE_SCHEMA, archive, MANIFEST)
    try:
        return BundleManifest.model_validate(data)
    except pydantic.ValidationError as error:
        raise InvalidBundleError(
            f"{MANIFEST} of {archive.path} cannot be read: {_first(error)}",
            remedy="ask for the bundle again, or make it again with `vid-bench bundle`",
        ) from error


def _result(texts: Mapping[str, bytes], archive: Archive) -> BenchmarkResult | Check:
    """The run, or the check that says why there is none."""
    if RESULTS not in archive.names:
        raise InvalidBundleError(f"{archive.path} holds no {RESULTS}", remedy="ask for the bundle again")
    data = parse(texts.get(RESULTS))
    _check_version(data, SCHEMA_VERSION, archive, RESULTS)
    try:
        # As JSON, so that nothing is taken for a number or a list that was written as something else.
        return BenchmarkResult.model_validate_json(json.dumps(data))
    except pydantic.ValidationError as error:
        told = [Difference(what=RESULTS, stated="the result of a run", found=_first(error))]
        return check_of("statement", f"{RESULTS} can be read", 1, told)


def _check_version(data: Any, known: int, archive: Archive, name: str) -> None:
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > known:
        raise InvalidBundleError(
            f"{name} of {archive.path} is of version {version}; this program reads version {known}",
            remedy="verify it with a later version of vid-diffusion-bench",
        )


def _first(error: pydantic.ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in problem['loc']) or 'it'}: {problem['msg']}"
