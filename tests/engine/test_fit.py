"""Will it fit: what is said before a run, and when it is refused."""

from __future__ import annotations

import pytest

from small_models import Painter
from vid_diffusion_bench import events
from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.engine import fit as fit_module
from vid_diffusion_bench.engine import foresee as foresee_module
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.engine.fit import GIB, estimate_fit
from vid_diffusion_bench.engine.pace import pace
from vid_diffusion_bench.models import get_model
from vid_diffusion_bench.models.size import component_sizes
from vid_diffusion_bench.optimization import OptimizationProfile

SMALL = {"height": 32, "width": 32, "num_frames": 9, "num_inference_steps": 1, "metrics": ["dynamic_degree"]}


@pytest.fixture
def memory(monkeypatch):
    """Lets a device have so many bytes, free and in all."""

    def has(free, total=None):
        for module in (fit_module, foresee_module):
            monkeypatch.setattr(module, "memory_of", lambda _: (free, total or free))

    return has


def _fit(model, device="cpu", precision="fp32", **changes):
    asked = GenerationParameters(num_frames=9, height=64, width=64).model_copy(update=changes)
    return estimate_fit(model, asked.over(model.defaults), device, precision)


def test_the_estimate_adds_weights_and_the_larger_of_the_two(tiny, memory):
    memory(10 * GIB)
    model = get_model(str(tiny("wan")))
    fit = _fit(model)
    weights = 4 * sum(size.parameters for size in component_sizes(tiny("wan"))) / GIB
    assert fit.estimated_weights_gb == pytest.approx(weights)
    assert fit.estimated_peak_gb == pytest.approx(weights + max(fit.estimated_denoiser_gb, fit.estimated_decoder_gb))
    assert (fit.estimated_fits, fit.remedies, fit.cheapest, fit.certain_not_to_fit) == (True, [], None, False)
    assert fit.parameters == sum(part.parameters for part in fit.components)
    estimates = {name for name in type(fit).model_fields if "estimated" in name}
    assert {"estimated_fits", "estimated_peak_gb", "estimated_seconds_a_clip"} < estimates


def test_half_the_precision_is_half_the_memory(tiny, memory):
    memory(10 * GIB)
    model = get_model(str(tiny("cogvideox")))
    assert _fit(model, precision="bf16").estimated_peak_gb == pytest.approx(_fit(model).estimated_peak_gb / 2, rel=0.05)


def test_the_cheapest_remedy_that_fits_is_named(tiny, memory):
    model = get_model(str(tiny("latte")))
    memory(10 * GIB)
    whole = _fit(model, num_frames=4).estimated_peak_gb
    cheapest = []
    for share in (0.99, 0.4, 0.001):
        memory(int(share * whole * GIB))
        fit = _fit(model, device="mps", num_frames=4)
        assert fit.estimated_fits is False
        cheapest.append(fit.cheapest and fit.cheapest.changes)
        peaks = [remedy.estimated_peak_gb for remedy in fit.remedies]
        assert min(peaks) == peaks[-1]
        assert fit.cheapest == next((remedy for remedy in fit.remedies if remedy.estimated_fits), None)
        assert all(remedy.estimated_fits == (remedy.estimated_peak_gb <= fit.available_gb) for remedy in fit.remedies)
    assert cheapest[0] == ["precision bf16"]
    assert cheapest[1] is None or len(cheapest[1]) > 1
    assert cheapest[2] is None


def test_no_offload_from_a_processor_and_no_lower_precision_below_bf16(tiny, memory):
    model = get_model(str(tiny("latte")))
    memory(1)
    changes = {change for remedy in _fit(model, num_frames=4).remedies for change in remedy.changes}
    assert changes == {"precision bf16", "tiled decoding"}
    changes = {c for remedy in _fit(model, precision="bf16", num_frames=4).remedies for c in remedy.changes}
    assert changes == {"tiled decoding"}


@pytest.mark.parametrize(
    ("switches", "share"), [({"precision": "fp8"}, 1 / 2), ({"quantization": "torchao-int8"}, 1 / 2), ({}, 1)]
)
def test_fewer_bits_of_the_denoiser_are_counted(tiny, memory, switches, share):
    memory(10 * GIB)
    model = get_model(str(tiny("wan")))
    fit = estimate_fit(model, model.defaults, "cpu", "bf16", 1, OptimizationProfile(**switches))
    sizes = {size.name: size.bytes_in("bf16") for size in component_sizes(tiny("wan"))}
    expected = {name: count * (share if name == "transformer" else 1) / GIB for name, count in sizes.items()}
    assert {part.name: part.estimated_gb for part in fit.components} == pytest.approx(expected)
    assert fit.estimated_weights_gb == pytest.approx(sum(expected.values()))
    assert set(fit.switches) == set(switches)


def test_offload_and_tiling_that_are_on_are_counted_and_no_remedy(tiny, memory):
    model = get_model(str(tiny("latte")))
    memory(1000)
    asked = GenerationParameters(num_frames=4, height=64, width=64).over(model.defaults)
    plain = estimate_fit(model, asked, "mps", "bf16")
    saved = OptimizationProfile(memory_efficient=("offload", "tiling"))
    fit = estimate_fit(model, asked, "mps", "bf16", 1, saved)
    (both,) = (one for one in plain.remedies if set(one.changes) == {"tiled decoding", "offload to the processor"})
    assert fit.estimated_peak_gb == both.estimated_peak_gb < plain.estimated_peak_gb
    assert fit.remedies == []
    largest = max(size.bytes_in("bf16") for size in component_sizes(tiny("latte")))
    for total, certain in ((largest + 1, False), (largest - 1, True)):
        memory(1, total)
        assert estimate_fit(model, asked, "mps", "bf16", 1, saved).certain_not_to_fit is certain


def test_a_model_with_switches_is_warned_of_too(tiny, configure, memory):
    memory(10 * GIB)
    model = get_model(str(tiny("cogvideox")))
    memory(int(0.7 * _fit(model).estimated_peak_gb * GIB), GIB)
    seen = []
    asked = {**SMALL, "height": 64, "width": 64, "optimization": {"memory_efficient": ["slicing"]}}
    run(configure(models=[str(tiny("cogvideox"))], **asked), listener=seen.append)
    assert [event for event in seen if isinstance(event, events.Warned) and "may not fit" in event.message]


def test_another_kind_of_model_is_not_estimated():
    assert estimate_fit(Painter(), Painter().defaults, "cpu", "fp32") is None


def test_a_model_that_certainly_does_not_fit_is_a_failure_and_never_loaded(tiny, configure, memory, monkeypatch):
    from vid_diffusion_bench.models.diffusers import DiffusersModel

    monkeypatch.setattr(DiffusersModel, "load", lambda *_: pytest.fail("it was loaded"))
    memory(1000)
    result = run(configure(models=[str(tiny("wan")), "painter"], metrics=["dynamic_degree"], height=32, width=32))
    first, second = result.models
    assert first.error.code == "INSUFFICIENT_MEMORY"
    assert "weights" in first.error.message
    assert {record.failure.code for record in first.records} == {"INSUFFICIENT_MEMORY"}
    assert second.success_rate == 1


def test_a_model_that_may_not_fit_is_warned_of_and_run(tiny, configure, memory):
    memory(10 * GIB)
    model = get_model(str(tiny("cogvideox")))
    memory(int(0.7 * _fit(model).estimated_peak_gb * GIB), GIB)
    seen = []
    asked = {**SMALL, "height": 64, "width": 64}
    result = run(configure(models=[str(tiny("cogvideox"))], **asked), listener=seen.append)
    (warning,) = [event.message for event in seen if isinstance(event, events.Warned)]
    assert "may not fit" in warning
    assert "cheapest remedy: precision bf16" in warning
    assert result.status == "completed"


def test_a_duration_is_estimated_from_what_was_measured(configure, painter):
    seen = []
    run(configure("one", "two", metrics=["dynamic_degree"]), listener=seen.append)
    assert not [event for event in seen if isinstance(event, events.DurationEstimated)]
    known = pace(painter, "cpu", "fp32", painter.defaults)
    assert (known.clips, known.method) == (2, "measured at this size")
    longer = pace(painter, "cpu", "fp32", painter.defaults.model_copy(update={"num_frames": 10}))
    assert longer.seconds == pytest.approx(2 * known.seconds)
    assert "another size" in longer.method
    assert pace(painter, "cpu", "bf16", painter.defaults) is None
    run(configure("three", "four", "five", metrics=["dynamic_degree"], warmup=1), listener=seen.append)
    (said,) = [event for event in seen if isinstance(event, events.DurationEstimated)]
    assert said.clips == 4
    assert said.seconds == pytest.approx(4 * known.seconds)
