"""Schedulers by name: what a solver does to an exact model, and which are refused."""

from __future__ import annotations

import pytest
import torch

from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models.schedulers import SHORT_NAMES, choose

FLOW, NOISE = "FlowMatchEulerDiscreteScheduler", "DDIMScheduler"


class Plain:
    def __call__(self, prompt=None): ...


class WithSigmas:
    def __call__(self, prompt=None):
        sigmas = [1.0]
        del sigmas


@pytest.mark.parametrize("name", ["euler", "heun", "lcm", "dpm", "dpm_single", "unipc"])
def test_a_solver_of_a_flow_lands_on_the_data_of_an_exact_model(name):
    """On x = (1 - s) data + s noise the flow is noise - data, wherever one is: every solver ends at the data."""
    import diffusers

    own = diffusers.FlowMatchEulerDiscreteScheduler(shift=2.0)
    wanted, changes = choose(name, FLOW, dict(own.config), Plain)
    scheduler = wanted.from_config(own.config, **changes)
    scheduler.set_timesteps(6)
    generator = torch.Generator().manual_seed(0)
    data, noise = (torch.randn(1, 4, 3, 3, generator=generator) for _ in range(2))
    sample = noise.clone()
    start = float(scheduler.sigmas[0])
    sample = (1 - start) * data + start * noise
    for index, step in enumerate(scheduler.timesteps):
        sigma = scheduler.sigmas[scheduler.step_index or index]
        sample = scheduler.step(_velocity(sample, data, sigma), step, sample).prev_sample
    assert torch.allclose(sample, data, atol=0.02)


def _velocity(sample, data, sigma):
    """The flow at ``sample``, from what of it is not data: the noise in it, less the data."""
    return (sample - data) / sigma


@pytest.mark.parametrize(
    ("name", "own", "pipeline", "said"),
    [
        ("ddim", FLOW, Plain, "no ddim for models that predict a flow"),
        ("DEISMultistepScheduler", FLOW, Plain, "does not end at the data"),
        ("LMSDiscreteScheduler", FLOW, Plain, "integrates noise"),
        ("FlowMatchEulerDiscreteScheduler", NOISE, Plain, "integrates a flow"),
        ("heun", FLOW, WithSigmas, "sets the noise levels itself"),
        ("dpmm", NOISE, Plain, "no scheduler 'dpmm'"),
        ("AutoencoderKL", NOISE, Plain, "no scheduler"),
    ],
)
def test_what_the_model_cannot_be_sampled_with_is_refused(name, own, pipeline, said):
    with pytest.raises(ValidationError, match=said) as caught:
        choose(name, own, {}, pipeline)
    assert caught.value.remedy


def test_short_names_mean_classes_of_diffusers():
    import diffusers

    for name, classes in SHORT_NAMES.items():
        for flow, expected in enumerate(classes):
            if expected is None:
                continue
            found, _ = choose(name, (NOISE, FLOW)[flow], {}, Plain)
            assert found is getattr(diffusers, expected)


def test_a_model_that_came_with_a_flow_solver_of_the_other_kind_counts_as_a_flow():
    found, changes = choose("euler", "UniPCMultistepScheduler", {"use_flow_sigmas": True}, Plain)
    assert found.__name__ == FLOW
    assert changes == {}
    found, changes = choose("dpm", "UniPCMultistepScheduler", {"use_flow_sigmas": True, "flow_shift": 3.0}, Plain)
    assert changes == {"use_flow_sigmas": True, "prediction_type": "flow_prediction", "flow_shift": 3.0}
