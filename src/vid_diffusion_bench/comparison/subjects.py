"""Whom a comparison compares: models of one or several runs, each under a name of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vid_diffusion_bench.comparison.result import SubjectInfo
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.results import BenchmarkResult, ModelResult
from vid_diffusion_bench.storage import check_not_running, load_result

Run = BenchmarkResult | tuple[BenchmarkResult, Path] | Path | str
"""A result, whose clips lie in its ``output_dir``; a result and the folder they lie in; or the folder of a run."""
RESULTS = "results.json"


@dataclass(frozen=True)
class Subject:
    """One model of one run; ``folder`` is where its clips would lie."""

    name: str
    result: ModelResult
    run: BenchmarkResult
    folder: Path

    def info(self) -> SubjectInfo:
        """What a reader is told of it."""
        made = sum(record.status == "completed" for record in self.result.records)
        return SubjectInfo(
            name=self.name,
            model=self.result.model_name,
            run=str(self.folder),
            benchmark_id=self.run.benchmark_id,
            samples=len(self.result.records),
            clips=made,
        )


def find_subjects(runs: Sequence[Run], models: Sequence[str] | None = None) -> list[Subject]:
    """Every model of every run; of ``models`` only, where given. A name that two runs share gets its run's beside it.

    Args:
        runs: Results, folders of runs, or the ``.json`` files that ``vid-bench compare --output`` writes.
        models: Names as the runs have them.

    Raises:
        BenchmarkNotFoundError: A folder holds no finished run.
        StorageError: A folder's result is damaged, or a run is writing to it.
        ValidationError: No run was given, the same one twice, or no run has such a model.
    """
    if not runs:
        raise ValidationError("no runs are given", remedy="give the folders of one run or more")
    loaded = [_load(run) for run in runs]
    folders = [folder.resolve() for run, (_, folder) in zip(runs, loaded, strict=True) if isinstance(run, Path | str)]
    if twice := [folder for folder, count in Counter(folders).items() if count > 1]:
        raise ValidationError(f"run {twice[0]} is given twice", remedy="give each run once")
    found = [(model, run, folder) for run, folder in loaded for model in run.models]
    known = list(dict.fromkeys(model.model_name for model, _, _ in found))
    for name in models or ():
        if name not in known:
            raise ValidationError(f"no run has a model {name!r}", remedy=f"the runs have {', '.join(known)}")
    chosen = [entry for entry in found if not models or entry[0].model_name in models]
    names = _names([(model.model_name, folder, run.benchmark_id) for model, run, folder in chosen])
    return [Subject(name, model, run, folder) for name, (model, run, folder) in zip(names, chosen, strict=True)]


def joined(runs: Sequence[Run], models: Sequence[str] | None = None) -> BenchmarkResult:
    """All subjects as one result, under the names they have in the comparison; the first run's in all else.

    Raises:
        As :func:`find_subjects`.
    """
    subjects = find_subjects(runs, models)
    first = subjects[0].run
    manifests = {name: manifest for subject in subjects for name, manifest in subject.run.manifests.items()}
    results = [_renamed(subject) for subject in subjects]
    return first.model_copy(update={"models": results, "manifests": manifests})


def _renamed(subject: Subject) -> ModelResult:
    if subject.name == subject.result.model_name:
        return subject.result
    records = [record.model_copy(update={"model": subject.name}) for record in subject.result.records]
    return subject.result.model_copy(update={"model_name": subject.name, "records": records})


def _load(run: Run) -> tuple[BenchmarkResult, Path]:
    if isinstance(run, tuple):
        return run
    if isinstance(run, BenchmarkResult):
        return run, Path(run.config.output_dir)
    folder = run_folder(run)
    check_not_running(folder)
    return load_result(folder), folder


def run_folder(path: Path | str) -> Path:
    """The folder of a run: itself, that of its ``results.json``, or the one beside ``NAME.json``.

    Raises:
        ValidationError: It is no path.
    """
    if not isinstance(path, str | os.PathLike):
        raise ValidationError(
            f"a {type(path).__name__} is no run of models",
            remedy="give what `run` or `evaluate_multiple_models` returned, or the folder of a run",
        )
    path = Path(path)
    if path.suffix.lower() != ".json" or path.is_dir():
        return path
    return path.parent if path.name == RESULTS else path.with_suffix("")


def _names(found: Sequence[tuple[str, Path, str]]) -> list[str]:
    """Model names; with the run's folder where two are alike, with the run's id where the folders are too."""
    names = [model for model, _, _ in found]
    for about in (lambda folder, _: folder.name, lambda folder, benchmark: f"{folder.name}, {benchmark}"):
        counts = Counter(names)
        if max(counts.values(), default=0) < 2:
            break
        names = [
            f"{model} ({about(folder, benchmark)})" if counts[name] > 1 else name
            for name, (model, folder, benchmark) in zip(names, found, strict=True)
        ]
    counts, seen = Counter(names), Counter[str]()
    for at, name in enumerate(names):
        seen[name] += 1
        names[at] = f"{name} #{seen[name]}" if counts[name] > 1 else name
    return names
