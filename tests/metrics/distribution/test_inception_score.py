import numpy as np
import pytest

from vid_diffusion_bench.metrics import Context, MetricRegistry, Row, State
from vid_diffusion_bench.metrics.distribution.inception_score import inception_score


def by_definition(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    marginal = p.mean(axis=0)
    return np.exp(np.mean([sum(pi * np.log(pi / qi) for pi, qi in zip(row, marginal, strict=True)) for row in p]))


@pytest.mark.parametrize(("n", "classes"), [(2, 3), (50, 10), (7, 40)])
def test_it_is_the_definition(n, classes):
    logits = np.random.default_rng(n).normal(scale=2, size=(n, classes))
    assert inception_score(logits) == pytest.approx(by_definition(logits), rel=1e-10)


def test_sure_and_varied_clips_reach_the_number_of_classes():
    assert inception_score(1000.0 * np.eye(8)) == pytest.approx(8, rel=1e-12)


def test_clips_all_alike_have_one():
    assert inception_score(np.tile([3.0, -1.0, 0.5], (9, 1))) == pytest.approx(1, rel=1e-12)


@pytest.mark.usefixtures("tiny_extractors")
def test_the_result_names_its_class_set_and_its_n():
    logits = np.random.default_rng(0).normal(size=(5, 6))
    state = State({str(i): Row(str(i), row) for i, row in enumerate(logits)})
    result = MetricRegistry.get("is").compute(state, Context("is", total=7))
    assert result.value == pytest.approx(by_definition(logits))
    assert (result.name, result.label) == ("is", "inception_score[shapes-v1:shape-motion]")
    assert (result.n, result.total, result.protocol["n"]) == (5, 7, 5)
    assert result.metadata["coverage"] == pytest.approx(5 / 7)
    assert any("cannot show all 6" in line for line in result.warnings)


@pytest.mark.usefixtures("tiny_extractors")
def test_one_clip_has_no_score():
    result = MetricRegistry.get("is").compute(State({"a": Row("a", np.zeros(3))}), Context("is"))
    assert result.value is None
    assert "two clips" in result.reason


@pytest.mark.usefixtures("tiny_extractors")
def test_the_order_of_the_clips_changes_not_a_bit():
    rows = {str(i): Row(str(i), row) for i, row in enumerate(np.random.default_rng(0).normal(scale=3, size=(97, 7)))}
    metric = MetricRegistry.get("is")
    backwards = dict(reversed(rows.items()))
    assert metric.compute(State(backwards), Context("is")) == metric.compute(State(rows), Context("is"))
