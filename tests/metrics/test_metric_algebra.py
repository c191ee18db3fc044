"""The merge law, for every registered metric: order, batching and sharding change not a bit."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import MetricComputationError
from vid_diffusion_bench.features import Clip, FeatureRegistry
from vid_diffusion_bench.metrics import Context, Measurement, MetricRegistry, PerClipMetric, Row, State
from vid_diffusion_bench.metrics.built_in import BUILT_IN
from vid_diffusion_bench.metrics.totals.vbench import DIMENSIONS, PROTOCOL
from vid_diffusion_bench.video import Video
from vid_diffusion_bench.world.captions import caption
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import sample_scene

COUNT = 12
"""More than the ten splits of the published inception scores."""


@functools.cache
def opened(index):
    """A clip, the same for all metrics: what one has computed of it the next finds there."""
    scene = sample_scene(np.random.default_rng(index))
    frames = render(scene, 5, 24, 24)
    other = np.clip(frames.astype(int) + index, 0, 255).astype(np.uint8)
    return Clip(
        f"clip-{index}", f"prompt-{index // 2}", lambda: Video(frames, 8.0), prompt=caption(scene.attributes),
        paired=lambda: Video(other, 8.0),
    )  # fmt: skip


class Part(PerClipMetric):
    """A dimension of VBench that this package does not measure, as a third party would register it."""

    unit = "grey levels"
    extractor = PROTOCOL

    def __init__(self, dimension):
        self.name = f"{dimension}:{PROTOCOL}"

    def measure(self, clip):
        return Measurement(float(clip.video.frames.mean()))


@pytest.fixture
def everything(tiny_extractors, tiny_networks, monkeypatch):
    """Whatever a registered metric needs: tiny networks, DIS for RAFT's flow, VBench's other dimensions."""
    for raft, dis in (("raft-motion", "motion"), ("raft-motion-8fps", "motion-8fps")):
        monkeypatch.setitem(FeatureRegistry._entries, raft, FeatureRegistry.get(dis))
    for dimension in DIMENSIONS:
        if f"{dimension}:{PROTOCOL}" not in MetricRegistry:
            monkeypatch.setitem(MetricRegistry._entries, f"{dimension}:{PROTOCOL}", Part(dimension))


@functools.cache
def single_states(name):
    """One state a clip (real and generated alike where both are read), and the result of all clips in one state."""
    metric, whole, states = MetricRegistry.get(name), State(), []
    for index in range(COUNT):
        state = metric.empty()
        for reference in (False, True)[: 1 + metric.uses_reference]:
            metric.update(state, opened(index), reference=reference)
            metric.update(whole, opened(index), reference=reference)
        states.append(state)
    return states, metric.compute(whole, Context(name, reference="abc"))


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("name", list(BUILT_IN))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(COUNT)), cuts=st.lists(st.integers(0, COUNT), max_size=4))
def test_any_shards_in_any_order_give_the_same_result(name, order, cuts):
    states, whole = single_states(name)
    edges = [0, *sorted(cuts), COUNT]
    shards = [
        functools.reduce(State.merge, (states[i] for i in order[start:stop]), State())
        for start, stop in itertools.pairwise(edges)
    ]
    merged = functools.reduce(lambda right, left: left.merge(right), shards, State())
    assert MetricRegistry.get(name).compute(merged, Context(name, reference="abc")) == whole


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("name", list(BUILT_IN))
def test_every_result_says_what_it_is(name):
    _, whole = single_states(name)
    assert whole.label.startswith(name.partition(":")[0])
    assert whole.unit
    assert whole.protocol["formula"]
    assert whole.metadata["coverage"] == whole.n / COUNT
    assert not whole.n or whole.metadata["clips"]["num_frames"] == [5, 5]
    assert whole.value is not None or whole.reason


def test_merging_is_idempotent_and_refuses_two_values_of_one_clip():
    state = State({"a": Row("p", np.array([1.0, 2.0]))})
    assert list(state.merge(state).generated) == ["a"]
    with pytest.raises(MetricComputationError, match="'a'"):
        state.merge(State({"a": Row("p", np.array([1.0, 2.5]))}))


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("name", list(BUILT_IN))
def test_no_clips_have_no_value_and_a_reason(name):
    result = MetricRegistry.get(name).compute(State(), Context(name, total=3))
    assert result.value is None
    assert result.reason == "no clip to score"
    assert (result.n, result.total, result.metadata["coverage"]) == (0, 3, 0.0)


def test_the_interval_is_clustered_on_the_prompt():
    from vid_diffusion_bench.statistics import cluster_bootstrap

    values, clusters = [0.1, 0.2, 0.9, 0.8], ["a", "a", "b", "b"]
    rows = {str(i): Row(c, v) for i, (v, c) in enumerate(zip(values, clusters, strict=True))}
    result = MetricRegistry.get("temporal_consistency").compute(State(rows), Context("x"))
    assert result.value == pytest.approx(0.5)
    assert result.confidence_interval == cluster_bootstrap(values, clusters)
    one = MetricRegistry.get("temporal_consistency").compute(State({"0": rows["0"], "1": rows["1"]}), Context("x"))
    assert one.confidence_interval is None
    assert "two prompts" in one.interval_reason
