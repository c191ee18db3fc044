"""kill -9 at random moments: what was committed stays, nothing is made twice, the records end up the same."""

import multiprocessing
import os
import random
import signal
import time

import pytest
import torch  # noqa: F401 - imported here, the killed processes have it already

from vid_diffusion_bench import events
from vid_diffusion_bench.engine import run

PROMPTS = ["a red circle moving left", "a blue square growing", "explode", "a green star spinning", "black", "freeze"]


def _without_times(result):
    return [record.model_dump(exclude={"cost", "created_at"}) for model in result.models for record in model.records]


def _child(config, log, happened):
    def listener(event):
        _log(event, log)
        happened.release()

    run(config, listener=listener, score=False)


def _log(event, log):
    if isinstance(event, events.SampleCompleted):
        with log.open("a") as file:
            file.write(event.record.key + "\n")


def _killed_until_done(config, log, kills, seed, most):
    """Run in a process that is killed ``kills`` times, each after another number of events and some milliseconds."""
    context, draw = multiprocessing.get_context("fork"), random.Random(seed)
    alive = 0
    for _ in range(kills):
        happened = context.Semaphore(0)
        process = context.Process(target=_child, args=(config, log, happened))
        process.start()
        wanted = draw.randint(1, most)
        while wanted and process.is_alive():
            wanted -= happened.acquire(timeout=0.1)
        time.sleep(draw.uniform(0, 0.03))
        alive += process.is_alive()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    return alive


@pytest.mark.parametrize(("kills", "batch_size"), [(3, 1), (3, 2)])
def test_a_killed_run_goes_on_where_it_was(configure, tmp_path, kills, batch_size):
    shape = {"samples_per_prompt": 2, "models": ["painter", "shapes-oracle"], "batch_size": batch_size}
    config = configure(*PROMPTS, **shape)
    log = tmp_path / "log"
    alive = _killed_until_done(config, log, kills, seed=batch_size, most=24)
    resumed = run(config, score=False, listener=lambda event: _log(event, log))
    whole = run(configure(*PROMPTS, **shape, output_dir=str(tmp_path / "whole")), score=False)
    assert alive == kills
    assert _without_times(resumed) == _without_times(whole)
    keys = log.read_text().split()
    assert len(keys) == len(set(keys)) <= 24
    assert not list((tmp_path / "run").rglob(".unfinished*"))


@pytest.mark.slow
def test_twenty_kills_of_a_diffusion_pipeline(configure, tmp_path, tiny):
    shape = {
        "models": [str(tiny("ltx")), "painter"],
        "samples_per_prompt": 3,
        "num_frames": 9,
        "height": 32,
        "width": 32,
        "num_inference_steps": 2,
        "metrics": ["motion_smoothness", "temporal_flickering"],
    }
    config = configure(*PROMPTS, **shape)
    log = tmp_path / "log"
    alive = _killed_until_done(config, log, 20, seed=0, most=12)
    resumed = run(config)
    whole = run(configure(*PROMPTS, **shape, output_dir=str(tmp_path / "whole")))
    assert alive >= 15
    assert _without_times(resumed) == _without_times(whole)
    for one, other in zip(resumed.models, whole.models, strict=True):
        assert one.metric_results == other.metric_results
    keys = log.read_text().split()
    assert len(keys) == len(set(keys))
