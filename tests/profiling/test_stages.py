import time

import pytest
import torch
from torch import nn

from vid_diffusion_bench.profiling import measure, time_stages


class Timed(nn.Module):
    """A module that takes its own time: the independent witness."""

    def __init__(self, seconds, inner=None):
        super().__init__()
        self.seconds, self.inner, self.spent = seconds, inner, 0.0

    def forward(self, x):
        started = time.perf_counter()
        time.sleep(self.seconds)
        if self.inner is not None:
            self.inner(x)
        self.spent += time.perf_counter() - started
        return x

    def decode(self, x):
        return self.forward(x)


def test_stages_are_disjoint_and_add_up_to_the_call():
    text, denoiser, decoder = Timed(0.004), Timed(0.003), Timed(0.005)
    stages = {"text_encoder": [text], "denoiser": [denoiser], "decoder": [decoder]}
    with time_stages(stages, "cpu") as (timer, times):
        text(1)
        for _ in range(3):
            denoiser(1)
            denoiser(1)
            timer.step()
        decoder.decode(1)
        time.sleep(0.002)
    assert sum(times.stages.values()) == pytest.approx(times.total, rel=1e-9)
    assert times.total > text.spent + denoiser.spent + decoder.spent + 0.002
    for stage, module in (("text_encoder", text), ("denoiser", denoiser), ("decoder", decoder)):
        # What is seen from outside contains what is seen from inside, and little else.
        assert module.spent <= times.stages[stage] <= module.spent + 0.25 * times.total
    assert len(times.steps) == 3
    assert denoiser.spent <= sum(times.steps) <= times.total - text.spent - decoder.spent


def test_a_module_inside_another_is_counted_once():
    inner = Timed(0.003)
    outer = Timed(0.001, inner)
    with time_stages({"text_encoder": [inner], "denoiser": [outer]}, "cpu") as (_, times):
        outer(1)
    assert "text_encoder" not in times.stages
    assert times.stages["denoiser"] >= outer.spent


def test_no_hook_stays_also_after_an_error():
    module = Timed(0.0)
    seen = []

    def fail():
        with time_stages({"denoiser": [module], "decoder": [module]}, "cpu") as (timer, times):
            seen.append(times)
            module(1)
            timer.step()
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        fail()
    assert not module._forward_hooks
    assert not module._forward_pre_hooks
    assert "decode" not in vars(module)
    assert len(seen[0].steps) == 1
    assert seen[0].total > 0


def test_a_call_that_raises_inside_a_stage_ends_that_stage():
    class Broken(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    broken, after = Broken(), Timed(0.002)
    with time_stages({"text_encoder": [broken], "denoiser": [after]}, "cpu") as (_, times):
        with pytest.raises(ValueError, match="no"):
            broken(1)
        after(1)
    assert times.stages["denoiser"] >= after.spent


def test_stages_of_a_real_pipeline_add_up_and_steps_agree_with_its_own_callback(tiny):
    from vid_diffusion_bench.config import GenerationParameters
    from vid_diffusion_bench.models import GenerationRequest, get_model

    model = get_model(str(tiny("wan")))
    parameters = GenerationParameters(num_frames=5, height=32, width=32, num_inference_steps=4).over(model.defaults)
    model.load("cpu", "fp32")
    moments = []
    with measure(model.stages(), "cpu") as measured:

        def on_step(step, total):
            measured.timer.step()
            moments.append(time.perf_counter())

        model.generate([GenerationRequest("a red circle", 1, parameters)], on_step)
    cost = measured.cost(1)
    assert set(cost.stages) == {"text_encoder", "denoiser", "decoder", "post_processing", "other"}
    assert min(cost.stages.values()) > 0
    assert sum(cost.stages.values()) == pytest.approx(cost.latency, rel=1e-9)
    independent = moments[-1] - moments[0]
    assert sum(cost.steps[1:]) == pytest.approx(independent, rel=0.02, abs=1e-3)
    assert cost.reasons["peak_vram"] == "no CUDA device"
    assert cost.energy_joules is None
    assert "energy_joules" in cost.reasons


@pytest.mark.gpu
def test_stage_times_on_a_gpu_are_the_devices():
    layer = nn.Linear(4096, 4096).cuda()
    x = torch.ones(4096, 4096, device="cuda")
    with time_stages({"denoiser": [layer]}, "cuda:0") as (timer, times):
        for _ in range(20):
            layer(x)
        timer.step()
    assert times.stages["denoiser"] == pytest.approx(times.total, rel=0.5)
    assert sum(times.stages.values()) == pytest.approx(times.total, rel=1e-6)
