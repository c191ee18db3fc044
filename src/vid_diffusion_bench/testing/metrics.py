"""What scoring counts on in a metric."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from multiprocessing.reduction import ForkingPickler

import numpy as np

from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics import Context, Metric, State
from vid_diffusion_bench.results import MetricResult
from vid_diffusion_bench.testing.clips import noise_clip


class MetricContract(ABC):
    """What scoring counts on in every :class:`~vid_diffusion_bench.metrics.Metric`.

    ``make_clips`` gives clips that the metric can measure, at least three, of two prompts or more; the default is
    noise of 8 frames of 32 x 40 pixels, each with a real clip of its own. Real sets are the same number of other clips.
    """

    @abstractmethod
    def make_metric(self) -> Metric:
        """A new metric."""

    def make_clips(self) -> list[Clip]:
        """Clips to measure, new ones at each call, the same each time."""
        return [self._clip(index) for index in range(4)]

    def make_real_clips(self) -> list[Clip]:
        """As many real clips; looked at only where the metric compares sets."""
        return [self._clip(index) for index in range(10, 14)]

    @staticmethod
    def _clip(index: int) -> Clip:
        video, other = (noise_clip(seed, 8, 32, 40) for seed in (index, 100 + index))
        prompt = ("a red circle moving left on a black background", "a blue square growing")[index % 2]
        return Clip(f"clip-{index}", f"prompt-{index % 2}", lambda: video, prompt=prompt, paired=lambda: other)

    def _states(self) -> list[State]:
        """A state of its own for each clip."""
        metric, states = self.make_metric(), []
        sides = ((self.make_clips(), False), (self.make_real_clips() if metric.uses_reference else [], True))
        for clips, reference in sides:
            for clip in clips:
                states.append(metric.empty())
                metric.update(states[-1], clip, reference=reference)
        return states

    def _result(self, states: Sequence[State]) -> MetricResult:
        merged = reduce(State.merge, states, State())
        return self.make_metric().compute(merged, Context(self.make_metric().name, reference="the real set"))

    def test_it_says_what_it_is(self) -> None:
        metric = self.make_metric()
        assert metric.name
        assert metric.unit, "a number without a unit cannot be read"
        assert metric.label.startswith(metric.name.partition(":")[0]) or metric.label.startswith("custom:")
        assert metric.higher_is_better in {True, False, None}

    def test_its_protocol_is_plain_and_repeatable(self) -> None:
        first, second = self.make_metric().protocol(), self.make_metric().protocol()
        assert json.loads(json.dumps(first, allow_nan=False)) == second

    def test_it_has_a_finite_value_with_an_interval_or_its_reason(self) -> None:
        result = self._result(self._states())
        assert result.value is not None, result.reason
        assert np.isfinite(result.value)
        assert result.confidence_interval is not None or result.interval_reason

    def test_order_and_shards_change_not_a_bit(self) -> None:
        states = self._states()
        whole = self._result(states)
        assert self._result(states[::-1]) == whole
        assert self._result([reduce(State.merge, states[::2]), reduce(State.merge, states[1::2])]) == whole
        assert self._result([*states, states[0]]) == whole

    def test_measuring_again_gives_the_same_bits(self) -> None:
        assert self._result(self._states()) == self._result(self._states())

    def test_a_state_travels_between_processes(self) -> None:
        states = self._states()
        assert self._result([ForkingPickler.loads(ForkingPickler.dumps(state)) for state in states]) == self._result(
            states
        )

    def test_measuring_leaves_the_clip_as_it_was(self) -> None:
        metric, clip = self.make_metric(), self.make_clips()[0]
        before = clip.video.sha256()
        metric.update(metric.empty(), clip)
        assert clip.video.sha256() == before

    def test_no_clip_is_a_reason_and_no_number(self) -> None:
        result = self.make_metric().compute(State(), Context(self.make_metric().name, total=3))
        assert (result.value, result.n, result.total) == (None, 0, 3)
        assert result.reason
