from __future__ import annotations

import pytest
from aiopt_models import Glow, Lamp

from vid_diffusion_bench import BenchmarkSuite
from vid_diffusion_bench.ai_optimization import AIOptimizationEngine
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.models import ModelRegistry, register_model


@pytest.fixture
def lamp():
    """Registers lamps: call it with how the lamp behaves."""

    def register(**behaviour):
        Lamp.made = Lamp.loads = 0
        ModelRegistry.register("lamp", lambda: Lamp(**behaviour))

    register_model("lamp")(Lamp)
    MetricRegistry.register("glow", Glow())
    Lamp.made = Lamp.loads = 0
    yield register
    ModelRegistry.unregister("lamp")
    MetricRegistry.unregister("glow")


@pytest.fixture(autouse=True)
def _not_in_turn(request, monkeypatch):
    """Fresh seeds in one go, which takes a quarter of the runs; what taking turns is has a test of its own."""
    if "in_turn" not in request.keywords:
        monkeypatch.setattr("vid_diffusion_bench.ai_optimization.confirm.IN_TURN", 1)


@pytest.fixture
def heard():
    return []


@pytest.fixture
def optimizer(tmp_path, heard):
    return AIOptimizationEngine(BenchmarkSuite(device="cpu", output_dir=tmp_path / "out", listener=heard.append))
