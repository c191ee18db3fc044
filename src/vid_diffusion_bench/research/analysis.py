"""What the analysis of an experiment says, as frozen values."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vid_diffusion_bench.research.experiment import Level
from vid_diffusion_bench.research.outcome import ExperimentResults
from vid_diffusion_bench.results import MetricResult, Value


class Effect(Value):
    """A main effect or an interaction, tested.

    ``p_value`` is after the ``correction`` for sphericity where there is one, by ``epsilon``; ``p_holm`` is corrected
    for the effects of this metric, ``q_bh`` for those of all metrics. ``aliases`` are effects the design cannot tell it
    from. Without a test all are ``None`` and ``reason`` says why.
    """

    term: str
    df1: float | None = None
    df2: float | None = None
    f: float | None = None
    p_uncorrected: float | None = None
    epsilon: float | None = None
    correction: str | None = None
    p_value: float | None = None
    p_holm: float | None = None
    q_bh: float | None = None
    partial_eta_squared: float | None = None
    significant: bool | None = None
    aliases: list[str] = Field(default_factory=list)
    reason: str | None = None


class Contrast(Value):
    """The difference of two levels' means, ``second`` minus ``first``, with its 95 % interval (not corrected).

    ``p_holm`` is corrected for all contrasts of the metric. ``hedges_g`` is of the prompts' differences.
    """

    factor: str
    first: str
    second: str
    difference: float
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    p_holm: float | None = None
    hedges_g: float | None = None
    significant: bool | None = None
    reason: str | None = None


class LevelMean(Value):
    """The mean at levels of one factor or two, the others averaged.

    ``interval`` (95 %) is of its deviation from the mean of all, so differences between prompts are not in it. ``x`` is
    the first level where it is a number.
    """

    factors: list[str]
    levels: list[str]
    x: float | None = None
    mean: float
    interval: tuple[float, float] | None = None


class Check(Value):
    """An assumption looked at. ``holds`` is ``None`` where it could not be; ``says`` is a sentence for people."""

    name: str
    statistic: float | None = None
    p_value: float | None = None
    holds: bool | None
    says: str


class Residual(Value):
    """What the model does not explain of one prompt under one condition."""

    condition: str
    block: str
    fitted: float
    residual: float


class MetricAnalysis(Value):
    """One metric. ``method`` is ``None`` where nothing could be tested, and ``reason`` then says why.

    ``blocks`` is what the blocks are, ``n_blocks`` how many had values; ``clips`` had values out of ``total``.
    """

    metric: str
    method: str | None = None
    rule: str = ""
    reason: str | None = None
    clips: int = 0
    total: int = 0
    blocks: str = "prompt"
    n_blocks: int = 0
    effects: list[Effect] = Field(default_factory=list)
    contrasts: list[Contrast] = Field(default_factory=list)
    means: list[LevelMean] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list)
    residuals: list[Residual] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    def effect(self, term: str) -> Effect:
        return next(effect for effect in self.effects if effect.term == term)


class ConditionSummary(Value):
    """How one condition went; ``whole_set`` are its metrics of sets, ``means`` those of single clips."""

    id: str
    settings: dict[str, Level]
    completed: int
    planned: int
    not_set: str | None = None
    means: dict[str, float] = Field(default_factory=dict)
    whole_set: dict[str, MetricResult] = Field(default_factory=dict)


class ExperimentAnalysis(Value):
    """The analysis of an experiment, metric by metric.

    ``methods`` is a paragraph for a paper. ``notes`` say what was not as it should be: factors that could not be set or
    that changed nothing, clips that failed.
    """

    results: ExperimentResults
    significance_level: float
    metrics: list[MetricAnalysis]
    conditions: list[ConditionSummary]
    notes: list[str] = Field(default_factory=list)
    methods: str = ""

    def metric(self, name: str) -> MetricAnalysis:
        """The analysis of one metric, by the name it was asked for under."""
        for analysis in self.metrics:
            if analysis.metric == name:
                return analysis
        raise KeyError(name)

    def summary(self, width: int = 110) -> str:
        """The analysis as text for a terminal of ``width`` columns."""
        from vid_diffusion_bench.research.summary import summary

        return summary(self, width)

    def to_html(self, path: Path | str) -> Path:
        """Write the analysis as one page with plots that opens from disk.

        Raises:
            StorageError: The file cannot be written.
        """
        from vid_diffusion_bench.research.page import write_page

        return write_page(self, Path(path))

    def bundle(self, folder: Path | str) -> Path:
        """Write what anyone needs to analyse the data again: long-form CSV, dictionary, design, a plain script.

        Raises:
            StorageError: It cannot be written.
        """
        from vid_diffusion_bench.research.bundle import write_bundle

        return write_bundle(self, Path(folder))
