"""The process that samples memory: its figures against a known allocation, and its end however ours comes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from vid_diffusion_bench.profiling import measure, memory, peak_memory, sample_memory
from vid_diffusion_bench.profiling.sampler import DEVICE_VRAM, RESIDENT

MIB = 1024**2


def near(expected):
    """Within 2 % or 5 MB."""
    return pytest.approx(expected, abs=max(0.02 * expected, 5e6))


def allocate(size, seconds=0.05):
    """Pages that are certainly resident for ``seconds``, and certainly given back."""
    block = np.ones(size, np.uint8)
    time.sleep(seconds)
    del block


def test_the_peak_of_a_known_allocation_by_the_kernel_and_by_samples():
    with sample_memory("cpu") as sampler:
        allocate(10 * MIB)
        resident = psutil.Process().memory_info().rss
        with peak_memory("cpu", sampler) as peak:
            allocate(100 * MIB)
            allocate(300 * MIB)
            allocate(200 * MIB)
        with peak_memory("cpu", sampler) as after:
            time.sleep(0.03)
    assert peak.rss == near(resident + 300 * MIB)
    assert peak.sampled_rss == near(resident + 300 * MIB)
    assert after.sampled_rss == near(resident)
    assert peak.window.reason is None


def test_the_timeline_follows_the_allocations():
    with sample_memory("cpu", 0.005) as sampler, sampler.window() as window:
        time.sleep(0.05)
        allocate(200 * MIB, 0.1)
        time.sleep(0.05)
    times = [sample[0] for sample in window.samples]
    resident = [sample[RESIDENT] for sample in window.samples]
    assert times == sorted(times)
    assert times[0] < 0.02
    assert times[-1] >= 0.2
    assert max(resident) == near(resident[0] + 200 * MIB)
    assert resident[-1] == near(resident[0])
    assert 0 < resident.index(max(resident)) < len(resident) - 1


def test_where_the_kernel_keeps_no_peak_the_samples_stand_in(monkeypatch):
    monkeypatch.setattr(memory, "_reset_rss", lambda: "the peak cannot be reset here")
    with sample_memory("cpu") as sampler, peak_memory("cpu", sampler) as sampled:
        time.sleep(0.02)
    assert sampled.rss == sampled.sampled_rss > 0
    assert "peak_rss" not in sampled.reasons
    with peak_memory("cpu") as without:
        pass
    assert without.rss is None
    assert without.reasons["peak_rss"] == "the peak cannot be reset here; memory was not sampled"


def test_one_process_serves_all_windows_and_is_gone_afterwards():
    with sample_memory("cpu") as sampler:
        assert sampler.pid is None
        pids = set()
        for _ in range(3):
            with sampler.window() as window:
                pass
            pids.add(sampler.pid)
            assert len(window.samples) >= 2
        (pid,) = pids
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)


def test_it_holds_no_torch_and_rests_between_windows():
    with sample_memory("cpu", 0.001) as sampler:
        with sampler.window():
            pass
        process = psutil.Process(sampler.pid)
        assert not any("torch" in entry.path for entry in process.memory_maps())
        before = process.cpu_times()
        time.sleep(0.3)
        assert process.cpu_times() == before


def test_a_sampler_that_dies_leaves_a_reason_and_the_measurement():
    with sample_memory("cpu") as sampler:
        with measure({}, "cpu", sampler) as measured:
            os.kill(sampler.pid, signal.SIGKILL)
        with measure({}, "cpu", sampler) as again:
            pass
    for cost in (measured.cost(1), again.cost(1)):
        assert cost.latency > 0
        assert cost.peak_rss > 0
        assert cost.sampled_rss is None
        assert "sampling process" in cost.reasons["sampled_rss"]


def test_an_error_inside_a_window_ends_it():
    with sample_memory("cpu") as sampler:
        with pytest.raises(KeyError), sampler.window() as window:
            raise KeyError
        assert window.samples
        with sampler.window() as after:
            pass
    assert after.samples
    assert after.samples[-1][0] < 1


def test_a_killed_run_leaves_no_sampling_process():
    program = (
        "import time\n"
        "from vid_diffusion_bench.profiling import sample_memory\n"
        "with sample_memory('cpu') as sampler, sampler.window():\n"
        "    print(sampler.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as run:
        pid = int(run.stdout.readline())
        assert psutil.pid_exists(pid)
        run.kill()
    end = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the sampling process outlived the run"
        time.sleep(0.01)


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf")])
def test_an_impossible_interval_is_refused(interval):
    with pytest.raises(ValueError, match="positive"), sample_memory("cpu", interval):
        pass


@pytest.mark.gpu
def test_what_the_driver_counts_follows_a_tensor_of_known_size():
    import torch

    torch.ones(1, device="cuda")
    with sample_memory("cuda:0") as sampler:
        with peak_memory("cuda:0", sampler) as before:
            time.sleep(0.1)
        with peak_memory("cuda:0", sampler) as during:
            block = torch.ones(512 * MIB, dtype=torch.uint8, device="cuda")
            torch.cuda.synchronize()
            time.sleep(0.1)
        del block
    assert during.vram - before.vram == pytest.approx(512 * MIB, rel=0.02)
    assert during.vram_reserved >= during.vram
    risen = during.window.peak(DEVICE_VRAM) - before.window.peak(DEVICE_VRAM)
    assert risen >= 0.98 * 512 * MIB
    if during.process_vram is not None:
        assert during.process_vram >= during.vram_reserved
