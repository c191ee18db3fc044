"""Energy, power and cost by their definitions, and the warnings of what went on meanwhile."""

from __future__ import annotations

import pytest

from vid_diffusion_bench.comparison.clip_costs import money
from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
from vid_diffusion_bench.engine.power import disturbances
from vid_diffusion_bench.engine.summary import performance
from vid_diffusion_bench.prices import MachinePrices
from vid_diffusion_bench.results import ClipInfo, Conditions, Cost, Manifest, SampleRecord

CLIP = ClipInfo(sha256="0", path=None, preview=None, num_frames=16, height=8, width=8, fps=8.0)
MANIFEST = Manifest(
    packages={}, python="3.11", platform="Linux", processor="x", cpu_count=2, memory_gb=8.0, device="cuda:0",
    precision="bf16", threads=1,
)  # fmt: skip


def record(index, **cost):
    return SampleRecord(
        key=str(index), model="m", prompt=f"p{index}", prompt_id=f"p{index}", index=0, seed=1,
        parameters=GenerationParameters(), status="completed", clip=CLIP, cost=Cost(**cost), manifest=MANIFEST.id,
    )  # fmt: skip


def figures(*costs, prices=None):
    records = [record(index, **cost) for index, cost in enumerate(costs)]
    return performance(records, {MANIFEST.id: MANIFEST}, 1.0, prices)


TWO = (
    {"latency": 4.0, "energy_joules": 1000.0, "energy": {"gpu": 900.0, "package-0": 100.0}},
    {"latency": 6.0, "energy_joules": 2000.0, "energy": {"gpu": 1900.0, "package-0": 100.0}, "batch_size": 2},
)


def test_energy_and_power_are_the_definitions_written_out():
    found = figures(*TWO)
    assert found["energy_per_clip_joules"].value == pytest.approx((1000 + 2000 / 2) / 2)
    assert found["energy_per_video_second_joules"].value == pytest.approx((1000 + 1000) / (2 * 16 / 8))
    assert found["avg_power_watts"].value == pytest.approx((1000 + 1000) / (4 + 3))
    assert found["avg_power_watts"].protocol["energy"] == ["gpu", "package-0"]
    assert found["energy_per_clip_joules"].n == 2
    assert "efficiency_score" in found
    assert found["efficiency_score"].value is None


def test_what_was_not_measured_has_the_reason_of_the_clips():
    found = figures({"latency": 1.0, "reasons": {"energy_joules": "no counter here"}})
    for name in ("energy_per_clip_joules", "energy_per_video_second_joules", "avg_power_watts"):
        assert (found[name].value, found[name].reason) == (None, "no counter here")
    assert "cost_per_clip" not in found


def test_cost_by_the_hour_by_the_kwh_and_by_both():
    by_hour = figures(*TWO, prices=MachinePrices(price_per_hour=3.6, currency="EUR"))["cost_per_clip"]
    assert by_hour.value == pytest.approx((4 + 3) / 2 * 3.6 / 3600)
    assert by_hour.unit == "EUR"
    by_kwh = figures(*TWO, prices=MachinePrices(price_per_kwh=0.36))
    assert by_kwh["cost_per_clip"].value == pytest.approx(1000 * 0.36 / 3.6e6)
    assert by_kwh["cost_per_video_second"].value == pytest.approx(2000 * 0.36 / 3.6e6 / 4)
    both = figures(*TWO, prices=MachinePrices(price_per_hour=3.6, price_per_kwh=0.36))["cost_per_clip"]
    assert both.value == pytest.approx(by_hour.value + by_kwh["cost_per_clip"].value)
    assert both.protocol_fingerprint != by_hour.protocol_fingerprint
    assert money(Cost(latency=3600.0), MachinePrices(price_per_hour=2.0)) == 2.0


def test_a_price_of_electricity_without_energy_gives_no_cost():
    cost = {"latency": 1.0, "reasons": {"energy_joules": "no counter here"}}
    found = figures(cost, prices=MachinePrices(price_per_kwh=0.3, price_per_hour=1.0))
    assert (found["cost_per_clip"].value, found["cost_per_clip"].reason) == (None, "no counter here")


def test_memory_of_a_gpu_by_name():
    gib = 1024**3
    found = figures({"latency": 1.0, "peak_rss": gib, "peak_vram": 2 * gib, "peak_vram_reserved": 3 * gib,
                     "process_vram": 4 * gib})  # fmt: skip
    names = ("peak_ram_gb", "peak_vram_gb", "peak_vram_reserved_gb", "peak_process_vram_gb")
    assert [found[name].value for name in names] == [1, 2, 3, 4]


def test_other_work_and_heat_are_warnings_beside_the_latency():
    busy = Conditions(other_load=0.5, other_gpu_processes=2, throttled=["power cap"])
    quiet = Conditions(other_load=0.02, other_gpu_processes=0)
    costs = [Cost(latency=1.0, conditions=busy), Cost(latency=3.0, conditions=quiet)]
    assert disturbances(costs) == [
        "other processes took 14% of the processor meanwhile",
        "2 other processes on the GPU",
        "slowed down in 1 of 2 calls: power cap",
    ]
    assert disturbances([Cost(latency=1.0, conditions=quiet), Cost(latency=1.0)]) == []
    warned = figures({"latency": 1.0, "conditions": busy.model_dump()})
    assert warned["avg_latency_ms"].warnings[1] == "2 other processes on the GPU"


def test_prices_come_with_the_configuration_and_impossible_ones_are_refused():
    config = BenchmarkConfig(models=["a"], prompts=["p"], price_per_hour=2.5, currency="USD")
    assert config.prices == MachinePrices(price_per_hour=2.5, currency="USD")
    assert not BenchmarkConfig(models=["a"], prompts=["p"]).prices.given
    with pytest.raises(ValueError, match="price_per_kwh"):
        MachinePrices(price_per_kwh=-1)
