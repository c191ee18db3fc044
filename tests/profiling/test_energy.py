"""Energy: counters of a powercap folder as Linux lays it out, and NVML's, in their own units."""

import sys
import types

import pytest
import torch

from vid_diffusion_bench.profiling import energy as room
from vid_diffusion_bench.profiling import measure_energy, nvml

RANGE = 262_143_328_850
"""Microjoules after which the counter of a real package starts again."""


@pytest.fixture
def powercap(tmp_path):
    """Two packages with their memory and cores, and the whole platform, which counts them again."""

    def zone(name, label, energy):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "name").write_text(f"{label}\n")
        (folder / "energy_uj").write_text(f"{energy}\n")
        (folder / "max_energy_range_uj").write_text(f"{RANGE}\n")

    zone("intel-rapl:0", "package-0", 1_000_000)
    zone("intel-rapl:0:0", "core", 500_000)
    zone("intel-rapl:0:1", "dram", 2_000_000)
    zone("intel-rapl:1", "package-1", RANGE - 1_000_000)
    zone("intel-rapl:2", "psys", 9_000_000)
    zone("intel-rapl-mmio:0", "package-0", 1_000_000)

    def set_energy(name, energy):
        (tmp_path / name / "energy_uj").write_text(f"{energy}\n")

    return tmp_path, set_energy


def test_packages_and_memory_are_counted_once_and_counters_that_go_round(powercap):
    folder, set_energy = powercap
    with measure_energy("cpu", folder) as energy:
        set_energy("intel-rapl:0", 4_500_000)
        set_energy("intel-rapl:0:0", 3_500_000)
        set_energy("intel-rapl:0:1", 2_250_000)
        set_energy("intel-rapl:1", 2_000_000)
        set_energy("intel-rapl:2", 99_000_000)
    assert energy.joules == pytest.approx({"package-0": 3.5, "dram (intel-rapl:0:1)": 0.25, "package-1": 3.0})
    assert energy.total == pytest.approx(6.75)
    assert energy.reason is None


def test_a_block_in_which_a_counter_may_have_gone_round_twice_has_no_energy(powercap, monkeypatch):
    moments = iter([0.0, 263.0])
    monkeypatch.setattr(room.time, "perf_counter", lambda: next(moments))
    with measure_energy("cpu", powercap[0]) as energy:
        pass
    assert energy.total is None
    assert "go round" in energy.reason


def test_a_counter_that_may_not_be_read_is_a_reason_not_a_zero(powercap):
    folder, _ = powercap
    (folder / "intel-rapl:0" / "energy_uj").unlink()
    with measure_energy("cpu", folder) as energy:
        pass
    assert energy.total is None
    assert "cannot be read" in energy.reason


def test_a_machine_without_counters_says_so(tmp_path):
    with measure_energy("cpu", tmp_path / "no such folder") as energy:
        pass
    assert (energy.total, energy.joules) == (None, {})
    assert "RAPL" in energy.reason
    with measure_energy("mps", tmp_path) as energy:
        pass
    assert "mps" in energy.reason


class NvmlError(Exception):
    pass


@pytest.fixture
def driver(monkeypatch):
    """A stand-in for the driver, which a machine without a GPU lacks: the calls, units and errors of its interface."""
    library = types.ModuleType("pynvml")
    library.NVMLError = NvmlError
    library.counted, library.lacking = 5_000_000, False
    library.nvmlInit = lambda: None
    library.nvmlDeviceGetHandleByUUID = lambda uuid: {"uuid": uuid}

    def total_energy(_handle):
        if library.lacking:
            raise NvmlError("Not Supported")
        return library.counted

    library.nvmlDeviceGetTotalEnergyConsumption = total_energy
    library.nvmlDeviceGetPowerUsage = lambda _handle: 245_700
    monkeypatch.setitem(sys.modules, "pynvml", library)
    monkeypatch.setattr(nvml, "device_uuid", lambda device: "GPU-1")
    return library


def test_a_gpus_counter_is_in_millijoules(driver, powercap):
    folder, set_energy = powercap
    with measure_energy("cuda:0", folder) as energy:
        driver.counted += 12_345
        set_energy("intel-rapl:0", 2_000_000)
    assert energy.joules["gpu"] == pytest.approx(12.345)
    assert energy.joules["package-0"] == pytest.approx(1.0)
    assert nvml.Nvml("cuda:0").power_watts() == pytest.approx(245.7)


def test_a_card_without_the_counter_has_no_energy_although_the_processor_has(driver, powercap):
    driver.lacking = True
    with measure_energy("cuda:0", powercap[0]) as energy:
        pass
    assert energy.total is None
    assert energy.reason == "NVML: Not Supported"


def test_a_gpu_is_enough_where_the_processor_tells_nothing(driver, tmp_path):
    with measure_energy("cuda:0", tmp_path) as energy:
        driver.counted += 1000
    assert energy.joules == {"gpu": 1.0}
    assert energy.total == 1.0


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_the_real_library_without_a_driver_is_a_reason(monkeypatch):
    pytest.importorskip("pynvml")
    monkeypatch.setattr(nvml, "device_uuid", lambda device: "GPU-1")
    device = nvml.Nvml("cuda:0")
    assert device.energy_joules() is None
    assert device.reasons["energy"].startswith("NVML: ")


def test_reasons_for_a_lower_clock_are_told_in_words_and_idling_is_none():
    assert nvml.throttle_reasons(0x1) == []
    assert nvml.throttle_reasons(0x4 | 0x40) == ["power cap", "thermal limit (hardware)"]
    pynvml = pytest.importorskip("pynvml")
    names = {
        "SwPowerCap": "power cap", "HwSlowdown": "hardware slowdown", "SwThermalSlowdown": "thermal limit (software)",
        "HwThermalSlowdown": "thermal limit (hardware)", "HwPowerBrakeSlowdown": "power brake",
    }  # fmt: skip
    assert {getattr(pynvml, f"nvmlClocksEventReason{name}"): word for name, word in names.items()} == nvml.THROTTLING


@pytest.mark.gpu
def test_a_gpu_at_work_draws_what_its_power_says():
    import time

    a = torch.rand(8192, 8192, device="cuda")
    device, watts = nvml.Nvml("cuda:0"), []
    with measure_energy("cuda:0") as energy:
        started = time.perf_counter()
        while time.perf_counter() - started < 5:
            for _ in range(10):
                a @ a
            torch.cuda.synchronize()
            watts.append(device.power_watts())
    if "gpu" not in energy.joules:
        assert energy.reason
        return
    assert energy.joules["gpu"] / 5 == pytest.approx(sorted(watts)[len(watts) // 2], rel=0.25)
