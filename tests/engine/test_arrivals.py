import asyncio
import itertools
import math
import statistics

import pytest

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine.arrivals import constant, plan_arrivals, poisson, read_trace
from vid_diffusion_bench.engine.slots import Slots
from vid_diffusion_bench.exceptions import ValidationError


def _config(**fields):
    return BenchmarkConfig.create(models=["m"], prompts=["p"], **fields)


def test_constant_arrivals_are_evenly_spaced():
    assert constant(4, 5) == (0.0, 0.25, 0.5, 0.75, 1.0)


def test_poisson_gaps_are_exponential_and_repeatable():
    """Mean and standard deviation of an exponential are both 1 / rate; its median is ln 2 / rate."""
    times = poisson(5, 20_000, seed=3)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert times[0] == 0
    assert statistics.fmean(gaps) == pytest.approx(0.2, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(0.2, rel=0.03)
    assert statistics.median(gaps) == pytest.approx(0.2 * math.log(2), rel=0.03)
    assert poisson(5, 100, seed=3) == times[:100]
    assert poisson(5, 100, seed=4) != times[:100]
    assert (poisson(5, 1, 0), poisson(5, 0, 0)) == ((0.0,), ())


@pytest.mark.parametrize("text", ["# seconds\n10\n10.5 # burst\n\n12\n99\n", "[10, 10.5, 12, 99]"])
def test_a_trace_starts_at_its_first_time(tmp_path, text):
    path = tmp_path / "trace.txt"
    path.write_text(text)
    times, sha256 = read_trace(path, 3)
    assert times == (0.0, 0.5, 2.0)
    assert len(sha256) == 64


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\n0\n2", "ascending"),
        ("1\nsoon", "not a trace"),
        ("1\n2", "2 arrivals for 3"),
        ("[1, [2], 3]", "not a trace"),
        ("0\nnan\n1", "finite"),
    ],
)
def test_a_bad_trace_is_refused(tmp_path, text, words):
    path = tmp_path / "trace.txt"
    path.write_text(text)
    with pytest.raises(ValidationError, match=words):
        read_trace(path, 3)
    with pytest.raises(ValidationError, match="not a trace"):
        read_trace(tmp_path / "absent", 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"arrival": "poisson"},
        {"rate": 2},
        {"arrival": "closed", "rate": 2},
        {"arrival": "trace"},
        {"arrival_trace": "t"},
    ],
)
def test_half_an_arrival_process_is_refused(fields):
    with pytest.raises(ValidationError, match="goes with"):
        _config(**fields)


def test_the_process_says_all_that_decides_the_times(tmp_path):
    path = tmp_path / "trace.txt"
    path.write_text("0\n1\n")
    kinds = [
        {},
        {"concurrency": 2},
        {"arrival": "constant", "rate": 2},
        {"arrival": "poisson", "rate": 2},
        {"arrival": "poisson", "rate": 2, "seed": 1},
        {"arrival": "poisson", "rate": 2, "concurrency": 1},
        {"arrival": "trace", "arrival_trace": str(path)},
    ]
    processes = [plan_arrivals(_config(**fields), 2).process for fields in kinds]
    assert len({str(process) for process in processes}) == len(kinds)
    assert processes[0] == {"arrival": "closed", "concurrency": 1, "warmup": 1}
    assert plan_arrivals(_config(**kinds[2]), 2).concurrency is None


def test_slots_are_first_come_first_served_and_say_since_when():
    async def scenario():
        slots, order = Slots(2), []
        assert [await slots.take(), await slots.take()] == [-math.inf, -math.inf]

        async def later(name):
            free = await slots.take()
            order.append((name, free))

        waiting = [asyncio.create_task(later(name)) for name in "abc"]
        await asyncio.sleep(0)
        waiting[0].cancel()
        before = asyncio.get_running_loop().time()
        slots.give_back()
        slots.give_back()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert [name for name, _ in order] == ["b", "c"]
        assert all(before <= free <= asyncio.get_running_loop().time() for _, free in order)
        slots.give_back()
        assert await slots.take() == -math.inf
        assert await Slots(None).take() == -math.inf

    asyncio.run(scenario())
