"""The pinned values: of the inputs made here, of every metric that runs here, and a wrong one is seen."""

from __future__ import annotations

import copy

import pytest

from broken_metrics import Brightness
from vid_diffusion_bench.certification import parity
from vid_diffusion_bench.certification.inputs import pinned_inputs
from vid_diffusion_bench.metrics import MetricRegistry, unavailable
from vid_diffusion_bench.metrics.built_in import BUILT_IN


@pytest.fixture
def pinned(monkeypatch):
    """The published values, to be spoilt."""
    own = copy.deepcopy(parity.read_pinned())
    monkeypatch.setattr(parity, "read_pinned", lambda: own)
    return own


def test_the_inputs_are_those_that_were_pinned():
    assert pinned_inputs()[2] == parity.read_pinned()["inputs_sha256"]


def test_every_metric_that_runs_here_is_pinned_and_agrees():
    """After adding or changing a metric: ``python -m vid_diffusion_bench.certification.pin`` on pinned.json."""
    metrics = {name: MetricRegistry.get(name) for name in BUILT_IN}
    running = {name: metric for name, metric in metrics.items() if unavailable(metric) is None}
    found = parity.check_parity(running)
    assert {name: result.detail for name, result in found.items() if result.status == "differs"} == {}
    without = {name for name, result in found.items() if result.status == "not pinned" and result.value is not None}
    assert without == set(), "write pinned.json again: python -m vid_diffusion_bench.certification.pin FILE"


def test_pixel_metrics_are_held_to_a_millionth_and_networks_to_a_thousandth():
    assert parity.tolerance(MetricRegistry.get("psnr")) == 1e-6
    assert parity.tolerance(MetricRegistry.get("fvd")) == 1e-3


@pytest.mark.parametrize(("factor", "status"), [(1 + 1e-5, "differs"), (1 + 1e-7, "agrees")])
def test_a_value_that_is_missed_differs(factor, status, pinned):
    pinned["values"]["psnr"]["value"] *= factor
    result = parity.check_parity({"psnr": MetricRegistry.get("psnr")})["psnr"]
    assert (result.status, result.tolerance) == (status, 1e-6)


def test_a_changed_metric_or_another_input_is_not_compared(pinned):
    metrics = {"psnr": MetricRegistry.get("psnr"), "brightness": Brightness()}
    pinned["values"]["psnr"]["version"] = 0
    assert {result.status for result in parity.check_parity(metrics).values()} == {"not pinned"}
    pinned["inputs_sha256"] = "0" * 64
    assert "another renderer" in parity.check_parity(metrics)["psnr"].detail
