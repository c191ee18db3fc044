"""The registry of metrics, where built-ins, plug-ins and a user's own functions are the same kind of thing."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

from vid_diffusion_bench.exceptions import MetricNotFoundError, ValidationError, VidBenchError
from vid_diffusion_bench.foreign import foreign
from vid_diffusion_bench.metrics.base import Metric
from vid_diffusion_bench.metrics.broken import BrokenMetric
from vid_diffusion_bench.metrics.built_in import BUILT_IN
from vid_diffusion_bench.metrics.function import FunctionMetric, SetFunction
from vid_diffusion_bench.registry import Registry, fold


class _Metrics(Registry[Any]):
    """Names to metrics; entries are Metric classes or instances, or functions of two lists of videos.

    A name is ``metric`` or ``metric:variant``; ``metric[variant]``, the spelling of the labels, is the same.
    """

    def fold(self, name: str) -> str:
        """The metric in snake case, its variant in kebab case with the dots of versions: ``fvd:a-b``, ``x:v-0.1.5``."""
        metric, _, variant = name.replace("[", ":").removesuffix("]").partition(":")
        return fold(metric, "_") + (f":{'.'.join(map(fold, variant.split('.')))}" if variant else "")

    def resolve(self, name: str) -> str:
        """As every registry; the label of a metric without a variant, ``fvd[shapes-v1]``, is a spelling of it too."""
        folded = self.fold(name)
        metric, _, variant = folded.partition(":")
        if variant and folded not in self and metric in self and self.fold(self.get(metric).label) == folded:
            return super().resolve(metric)
        return super().resolve(name)

    def register(self, name: str, entry: Any, *, aliases: Iterable[str] = ()) -> None:
        """Add a metric: a :class:`Metric`, a lazy ``"module:attribute"``, or ``fn(real_videos, generated_videos)``.

        A function gets two sequences of :class:`~vid_diffusion_bench.video.Video` and returns ``{name: value}``.
        Replacing a built-in warns: its results say ``custom:`` and never mix with the built-in's.
        """
        if self.fold(name) in BUILT_IN and self.fold(name) in self._entries:
            warnings.warn(f"{name} now replaces the built-in metric of that name", UserWarning, stacklevel=2)
        super().register(name, entry if isinstance(entry, str) else _adapted(self.fold(name), entry), aliases=aliases)

    def get(self, name: str) -> Metric:
        """The metric registered as ``name``.

        Raises:
            MetricNotFoundError: There is none.
            MissingDependencyError: What is registered cannot be imported.
            ValidationError: What is registered is no metric, or cannot be made.
        """
        return _adapted(self.resolve(name), super().get(name))

    def every(self) -> dict[str, Metric]:
        """All metrics by name; in place of one that cannot be had, one whose ``check`` raises why."""
        return {name: self._or_broken(name) for name in self.names()}

    def _or_broken(self, name: str) -> Metric:
        try:
            return self.get(name)
        except VidBenchError as error:
            return BrokenMetric(name, error)


def _adapted(name: str, entry: Metric | type[Metric] | SetFunction) -> Metric:
    """The metric that ``entry`` is or makes.

    Raises:
        ValidationError: It is none, or cannot be made.
    """
    made = entry
    if isinstance(entry, type):
        with foreign(f"the metric {name} is registered as {_place(entry)}, which cannot be made:", _no_metric):
            made = entry()
    elif not isinstance(entry, Metric) and callable(entry):
        return FunctionMetric(name, entry, replaces_built_in=name in BUILT_IN)
    if not isinstance(made, Metric):
        raise _no_metric(f"the metric {name} is registered as {_place(entry)}, which is no metric")
    if not isinstance(getattr(made, "name", None), str):
        raise _no_metric(f"the metric {name} is registered as {_place(entry)}, which has no name")
    return made


def _place(entry: object) -> str:
    named = entry if isinstance(entry, type) else type(entry)
    return f"{named.__module__}.{named.__qualname__}"


_no_metric = partial(
    ValidationError, remedy="register a Metric with a name, a class that needs no arguments, or a function"
)


def _unknown(name: str, known: list[str], nearest: list[str]) -> MetricNotFoundError:
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    return MetricNotFoundError(
        f"metric {name!r} is not known",
        remedy=f"{hint}`vid-bench metrics list` lists all",
        details={"metric": name, "available_metrics": known, "suggestions": nearest},
    )


MetricRegistry = _Metrics("metric", group="vid_diffusion_bench.metrics", error=_unknown, separator="_")
"""Every metric by name."""

for _name, (_home, _aliases) in BUILT_IN.items():
    MetricRegistry.register(_name, f"vid_diffusion_bench.metrics.{_home}", aliases=_aliases)
