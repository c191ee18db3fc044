"""A generation that is stopped or times out ends within one denoising step and gives its memory back."""

from __future__ import annotations

import gc
import threading

import psutil
import pytest
import torch

from small_models import Painter
from vid_diffusion_bench import events
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.models import ModelRegistry, get_model

MIB = 1024**2
STEPS = 30


class Large(Painter):
    """Holds 256 MiB of latents while it denoises, and tells how many steps it has begun."""

    def __init__(self):
        super().__init__()
        self.begun = 0

    def generate(self, requests, on_step):
        latents = torch.ones(256 * MIB, dtype=torch.uint8)
        for step in range(1, STEPS + 1):
            self.begun += 1
            latents.add_(1)
            on_step(step, STEPS)
        return super().generate(requests, lambda _step, _total: None)


@pytest.fixture
def large():
    model = Large()
    ModelRegistry.register("large", lambda: model)
    yield model
    ModelRegistry.unregister("large")


def _config(tmp_path, model, **fields):
    fields = {"prompts": ["a red circle"], "device": "cpu", "warmup": 0, **fields}
    return BenchmarkConfig.create(models=[model], output_dir=str(tmp_path / "run"), **fields)


def _stop_at(step, stop):
    def listener(event):
        if isinstance(event, events.StepCompleted) and event.step == step:
            stop.set()

    return listener


def _tensor_bytes():
    gc.collect()
    tensors = [thing for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def test_a_stop_ends_the_call_after_the_step_that_is_running(tmp_path, large):
    stop = threading.Event()
    result = run(_config(tmp_path, "large"), listener=_stop_at(3, stop), stop=stop, score=False)
    assert result.status == "interrupted"
    assert large.begun == 3


def test_a_time_out_ends_the_call_after_the_step_that_is_running(tmp_path, large):
    result = run(_config(tmp_path, "large", timeout_seconds=1e-6), score=False)
    failure = result.models[0].records[0].failure
    assert (failure.code, failure.step) == ("GENERATION_TIMEOUT", 1)
    assert large.begun == 1


@pytest.mark.parametrize("way", ["stopped", "timed out"])
def test_the_memory_of_an_ended_call_is_given_back(tmp_path, large, way):
    run(_config(tmp_path / "first", "shapes-oracle"), score=False)
    process, stop = psutil.Process(), threading.Event()
    peaks = []

    def listener(event):
        if isinstance(event, events.StepCompleted):
            peaks.append(process.memory_info().rss)
            if way == "stopped" and event.step == 2:
                stop.set()

    limit = {"timeout_seconds": 1e-6} if way == "timed out" else {}
    before, tensors = process.memory_info().rss, _tensor_bytes()
    result = run(_config(tmp_path, "large", **limit), listener=listener, stop=stop, score=False)
    assert result.status in {"interrupted", "failed"}
    assert max(peaks) - before > 200 * MIB
    assert process.memory_info().rss - before < 20 * MIB
    assert _tensor_bytes() == tensors


@pytest.mark.parametrize("way", ["stopped", "timed out"])
def test_a_real_pipeline_leaves_no_tensor_of_the_call_behind(tmp_path, tiny, monkeypatch, way):
    model = get_model(str(tiny("wan")))
    monkeypatch.setattr(model, "load", lambda device, precision: None)
    monkeypatch.setattr(model, "unload", lambda: None)
    type(model).load(model, "cpu", "fp32")
    ModelRegistry.register("held", lambda: model)
    size = {"num_frames": 5, "height": 32, "width": 32, "num_inference_steps": 8}
    calls = []
    watch = model.stages()["denoiser"][0].register_forward_hook(lambda *_: calls.append(1))
    try:
        run(_config(tmp_path / "whole", "held", **size), score=False)
        each, _ = len(calls) // 8, calls.clear()
        tensors, stop = _tensor_bytes(), threading.Event()
        limit = {"timeout_seconds": 1e-6} if way == "timed out" else {}
        listener = _stop_at(2, stop) if way == "stopped" else events.ignore
        run(_config(tmp_path, "held", **size, **limit), listener=listener, stop=stop, score=False)
        assert len(calls) == each * (2 if way == "stopped" else 1)
        # The pipeline remembers the time step it was at, one number; the latents are 512.
        assert _tensor_bytes() - tensors <= 8
    finally:
        watch.remove()
        ModelRegistry.unregister("held")
