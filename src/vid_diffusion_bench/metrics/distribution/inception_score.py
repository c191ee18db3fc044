"""Inception score of clips: sure of each clip's class, varied over the set."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.base import Context, Measurement, Metric, State, unmeasured
from vid_diffusion_bench.results import MetricResult

NO_INTERVAL = "the bootstrap repeats clips and so lowers the score of a set"


class InceptionScore(Metric):
    """exp of the mean over clips of KL(p(class | clip) || p(class)), 1 to the smaller of N and the number of classes.

    In one split: splitting only biases small sets (Barratt and Sharma 2018). It depends on N, so N is part of the
    protocol.
    """

    name = "inception_score"
    extractor = "shapes-v1:shape-motion"
    unit = "score 1..classes"
    needs = ("shapes-v1-video",)
    formula = "exp(mean KL(p(y|x) || p(y))), log-softmax in float64"
    aggregation = "all clips in one split"

    def measure(self, clip: Clip) -> Measurement:
        return Measurement(clip.feature("shapes-v1-video").logits)

    def compute(self, state: State, context: Context) -> MetricResult:
        logits = [row.value for _, row in sorted(state.generated.items()) if row.value is not None]
        if len(logits) < 2:
            reason = f"needs two clips or more, there is {len(logits)}" if logits else unmeasured(state.generated)
            return self.result(context, state.generated, value=None, reason=reason)
        few = len(logits) < logits[0].size
        return self.result(
            context,
            state.generated,
            value=inception_score(np.stack(logits)),
            interval_reason=NO_INTERVAL,
            protocol={"n": len(logits)},
            metadata={"classes": logits[0].size},
            warnings=[f"{len(logits)} clips cannot show all {logits[0].size} classes"] if few else [],
        )


def inception_score(logits: npt.NDArray[np.float64]) -> float:
    """The score of logits (N, C), in one split."""
    from scipy.special import log_softmax, logsumexp

    log_p = log_softmax(logits.astype(np.float64), axis=1)
    log_marginal = logsumexp(log_p, axis=0) - np.log(len(log_p))
    divergence = (np.exp(log_p) * (log_p - log_marginal)).sum(axis=1)
    return float(np.exp(divergence.mean()))
