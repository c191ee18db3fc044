"""Intervals, tests, effect sizes, ranks, the Pareto front and plans: plain numbers in, plain numbers out.

Nothing here reads a file or imports torch; SciPy is imported on use. Which test is used when, and how each was
calibrated, is in ``docs/statistics.md``.
"""

from vid_diffusion_bench.statistics.correction import benjamini_hochberg, holm
from vid_diffusion_bench.statistics.coverage import clusters_needed, interval_caution, skewness
from vid_diffusion_bench.statistics.effects import cliffs_delta, cohens_d, hedges_g, rank_biserial
from vid_diffusion_bench.statistics.equivalence import Equivalence, equivalence
from vid_diffusion_bench.statistics.intervals import (
    FEWEST_CLUSTERS,
    NonInferiority,
    cluster_bootstrap,
    lower_bound,
    mean,
    non_inferiority,
    percentile,
    wilson_interval,
)
from vid_diffusion_bench.statistics.paired import (
    FEWEST_TWO_SIDED,
    PairedTest,
    paired_t,
    paired_test,
    sign_flip,
    wilcoxon,
)
from vid_diffusion_bench.statistics.pareto import (
    best_at_budget,
    cost_at_quality,
    front_probability,
    hypervolume,
    pareto_front,
)
from vid_diffusion_bench.statistics.permutation import Permutation, permutation_test
from vid_diffusion_bench.statistics.power import Planned, Variance, power_of, samples_needed, variance_components
from vid_diffusion_bench.statistics.ranks import Rank, rank_models
from vid_diffusion_bench.statistics.sequential import Look, SequentialPlan

__all__ = [
    "FEWEST_CLUSTERS",
    "FEWEST_TWO_SIDED",
    "Equivalence",
    "Look",
    "NonInferiority",
    "PairedTest",
    "Permutation",
    "Planned",
    "Rank",
    "SequentialPlan",
    "Variance",
    "benjamini_hochberg",
    "best_at_budget",
    "cliffs_delta",
    "cluster_bootstrap",
    "clusters_needed",
    "cohens_d",
    "cost_at_quality",
    "equivalence",
    "front_probability",
    "hedges_g",
    "holm",
    "hypervolume",
    "interval_caution",
    "lower_bound",
    "mean",
    "non_inferiority",
    "paired_t",
    "paired_test",
    "pareto_front",
    "percentile",
    "permutation_test",
    "power_of",
    "rank_biserial",
    "rank_models",
    "samples_needed",
    "sign_flip",
    "skewness",
    "variance_components",
    "wilcoxon",
    "wilson_interval",
]
