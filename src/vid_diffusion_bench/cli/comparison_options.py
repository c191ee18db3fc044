"""Options of what is asked of a comparison, and how they become a :class:`~vid_diffusion_bench.comparison.Question`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from vid_diffusion_bench.cli.options import Names
from vid_diffusion_bench.exceptions import ValidationError

if TYPE_CHECKING:
    from vid_diffusion_bench.comparison import Question

_COMPARING = Group("Comparing", sort_key=0)


@Parameter(name="*")
@dataclass(frozen=True)
class ComparisonOptions:
    """What is asked of the comparison."""

    objectives: Annotated[Names, Parameter(group=_COMPARING)] = None
    """Axes of the Pareto frontier: overall_score avg_latency_ms peak_ram_gb. Default: the first rank and latency."""

    margin: Annotated[Names, Parameter(group=_COMPARING)] = None
    """Difference that would not matter, for equivalence and non-inferiority: clip_similarity=0.02."""

    budget: Annotated[Names, Parameter(group=_COMPARING)] = None
    """Who is best with at most that much: avg_latency_ms=500."""

    floor: Annotated[Names, Parameter(group=_COMPARING)] = None
    """Who is cheapest among those that reach it: overall_score=60."""

    alpha: Annotated[float, Parameter(group=_COMPARING)] = 0.05
    """Chance of finding a difference where there is none, within one metric."""

    test: Annotated[str, Parameter(group=_COMPARING)] = "auto"
    """Test of figures of single clips: auto (by the data), t, wilcoxon or sign-flip."""

    compute_features: Annotated[bool, Parameter(group=_COMPARING, negative=())] = False
    """Compute the features that tests of set metrics need where they are not kept."""

    def question(self, metrics: list[str] | None = None) -> Question:
        """What is asked, of ``metrics`` only where given.

        Raises:
            ValidationError: Something given is impossible.
        """
        from vid_diffusion_bench.comparison import Question

        asked = Question(
            metrics=metrics,
            objectives=self.objectives,
            margins=_numbers("margin", self.margin or ()),
            budgets=_numbers("budget", self.budget or ()),
            floors=_numbers("floor", self.floor or ()),
            alpha=self.alpha,
            test=self.test,
            compute_features=self.compute_features,
        )
        asked.check()
        return asked

    def check_names(self, metrics: Sequence[str]) -> None:
        """Refuse what no run of ``metrics`` will have, before anything is made.

        Raises:
            ValidationError: A name is neither one of them nor a figure of time, memory or reliability.
        """
        from vid_diffusion_bench.comparison import OF_CLIPS
        from vid_diffusion_bench.metrics import MetricRegistry

        known = {MetricRegistry.resolve(name) for name in metrics}
        asked = [*(self.objectives or ()), *(text.rpartition("=")[0] for text in self._conditions())]
        for name in asked:
            if name not in OF_CLIPS and MetricRegistry.resolve(name) not in known:
                raise ValidationError(
                    f"{name} is not among the metrics of this run",
                    remedy=f"add it: --metrics {' '.join(metrics)} {name}",
                )

    def _conditions(self) -> list[str]:
        return [*(self.margin or ()), *(self.budget or ()), *(self.floor or ())]


def _numbers(option: str, given: Iterable[str]) -> dict[str, float]:
    """``NAME=VALUE`` of each."""
    found = {}
    for text in given:
        name, _, value = text.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not name or not abs(number) < float("inf"):
            raise ValidationError(f"--{option} {text!r} is no NAME=VALUE", remedy=f"write --{option} overall_score=5")
        found[name] = number
    return found
