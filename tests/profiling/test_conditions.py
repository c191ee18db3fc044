import subprocess
import sys
import time

import pytest

from vid_diffusion_bench.profiling import conditions
from vid_diffusion_bench.profiling.conditions import gpu_clock, gpu_neighbours, gpu_throttling, watch_surroundings
from vid_diffusion_bench.profiling.sampler import Window


def test_the_load_of_others_is_their_share_of_all_processors(monkeypatch):
    busy, own, clock = iter([100.0, 104.0]), iter([10.0, 11.5]), iter([0.0, 2.0])
    monkeypatch.setattr(conditions, "_busy", lambda: next(busy))
    monkeypatch.setattr(conditions, "_own", lambda: next(own))
    monkeypatch.setattr(conditions.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(conditions.os, "cpu_count", lambda: 4)
    with watch_surroundings() as seen:
        pass
    assert seen.other_load == pytest.approx((4.0 - 1.5) / (2.0 * 4))


def test_a_busy_neighbour_is_seen():
    spin = [sys.executable, "-c", "while True: pass"]
    with subprocess.Popen(spin) as neighbour:
        time.sleep(0.1)
        with watch_surroundings() as seen:
            time.sleep(0.5)
        neighbour.kill()
    assert seen.other_load > 0.25 / (conditions.os.cpu_count() or 1)


def test_a_short_block_tells_nothing_of_others():
    with watch_surroundings() as seen:
        pass
    assert seen.other_load is None


def test_heat_that_slowed_the_processor_is_told(tmp_path, monkeypatch):
    counter = tmp_path / "cpu0" / "thermal_throttle"
    counter.mkdir(parents=True)
    (counter / "core_throttle_count").write_text("7\n")
    monkeypatch.setattr(conditions, "_PROCESSORS", tmp_path)
    with watch_surroundings() as cool:
        pass
    with watch_surroundings() as hot:
        (counter / "core_throttle_count").write_text("8\n")
    assert cool.throttled == []
    assert hot.throttled == ["thermal limit of the processor"]


def test_what_the_samples_say_of_a_gpu():
    window = Window([(0.0, 1, 2, 3, 1000, 0x1, 0), (0.01, 1, 2, 3, 1200, 0x40, 2), (0.02, 1, 2, 3, -1, 0x4, -1)])
    assert gpu_clock(window) == 1100
    assert gpu_throttling(window) == ["power cap", "thermal limit (hardware)"]
    assert gpu_neighbours(window) == 2
    nothing = Window([(0.0, 1, -1, -1, -1, -1, -1)])
    assert (gpu_clock(nothing), gpu_throttling(nothing), gpu_neighbours(nothing)) == (None, [], None)
