"""Everything together: metrics and clips in, a certificate out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from vid_diffusion_bench.certification.certificate import (
    Certificate,
    LawResult,
    MetricCertificate,
    ParityResult,
    RungInfo,
)
from vid_diffusion_bench.certification.distortions import LADDER, Distortion
from vid_diffusion_bench.certification.ladder import Climbed, climb, steps
from vid_diffusion_bench.certification.laws import LAWS, MAX_CLIPS, PASSES, check_laws
from vid_diffusion_bench.certification.observe import natures
from vid_diffusion_bench.certification.parity import check_parity, read_pinned
from vid_diffusion_bench.certification.specimens import Specimens
from vid_diffusion_bench.metrics import Metric, MetricRegistry, unavailable
from vid_diffusion_bench.profiling import read_manifest

Progress = Callable[[str, int, int], None]
"""Called with the part that is in work, passes over a clip done, and about how many there will be."""


def no_progress(_part: str, _done: int, _total: int) -> None:
    """The progress listener that does nothing."""


def certify(
    specimens: Specimens, names: Sequence[str] | None = None, *, distortions: Sequence[Distortion] = LADDER,
    progress: Progress = no_progress,
) -> Certificate:  # fmt: skip
    """Certify the metrics ``names`` (default: every registered one) on ``specimens``.

    Raises:
        MetricNotFoundError: An unknown metric.
        MissingDependencyError, ValidationError: One of ``names`` cannot be loaded.
    """
    began = time.perf_counter()
    chosen = {name: MetricRegistry.get(name) for name in names} if names else MetricRegistry.every()
    absent = {name: reason for name, metric in chosen.items() if (reason := unavailable(metric)) is not None}
    running = {name: metric for name, metric in chosen.items() if name not in absent}
    count = len(specimens.clips)
    kinds = natures(running, specimens.clips)
    laws = check_laws(running, specimens.clips, kinds, _ticker(progress, "laws", PASSES * min(count, MAX_CLIPS)))
    climbed = climb(
        running, specimens.clips, kinds, _ticker(progress, "ladder", steps(distortions) * count), distortions
    )
    parity = check_parity(running, _ticker(progress, "pinned values", 12))
    return Certificate(
        source=specimens.source,
        clips=[clip.describe() for clip in specimens.clips],
        notes=list(specimens.notes),
        distortions=[_described(entry) for entry in distortions],
        laws=LAWS,
        metrics=[
            _absent(name, metric, absent[name])
            if name in absent
            else _certified(name, metric, laws[name], climbed, parity[name])
            for name, metric in chosen.items()
        ],
        pinned_origin=_origin(),
        manifest=read_manifest("cpu", "fp32"),
        seconds=time.perf_counter() - began,
    )


def _ticker(progress: Progress, part: str, total: int) -> Callable[[], None]:
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        progress(part, min(done, total), total)

    return tick


def _described(entry: Distortion) -> RungInfo:
    strengths = [entry.spelled(strength) for strength in entry.strengths]
    return RungInfo(name=entry.name, title=entry.title, description=entry.description, strengths=strengths)


def _certified(
    name: str, metric: Metric, laws: list[LawResult], climbed: Climbed, parity: ParityResult
) -> MetricCertificate:
    base, unit = climbed.undistorted[name], climbed.yardsticks.get(name)
    return MetricCertificate(
        name=name, label=base.label, formula=metric.formula, unit=metric.unit, higher_is_better=metric.higher_is_better,
        reason=base.reason if base.value is None else None, value=base.value, n=base.n, warnings=list(base.warnings),
        yardstick=unit.size if unit else None, yardstick_is=unit.what if unit else "",
        least=unit.least if unit else None, laws=laws,
        responses=climbed.responses[name], parity=parity,
    )  # fmt: skip


def _absent(name: str, metric: Metric, reason: str) -> MetricCertificate:
    return MetricCertificate(
        name=name, label=metric.label, formula=metric.formula, unit=metric.unit,
        higher_is_better=metric.higher_is_better, reason=reason,
        parity=ParityResult(status="not pinned", detail="it cannot run here"),
    )  # fmt: skip


def _origin() -> str:
    pinned = read_pinned()
    packages: Mapping[str, str] = pinned["packages"]
    versions = ", ".join(f"{name} {packages[name]}" for name in sorted(packages))
    return f"{pinned['origin']}; Python {pinned['python']}, {versions}"
