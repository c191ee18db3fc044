"""Operations against the closed forms of layers, attention included; parameters; the peak; compiling."""

import pytest
import torch
from torch import nn

from vid_diffusion_bench.profiling import compile_seconds, count_parameters, count_work, measure_peak


class Attention(nn.Module):
    def forward(self, query, key):
        return nn.functional.scaled_dot_product_attention(query, key, key)


@torch.inference_mode()
def test_operations_are_the_closed_forms():
    linear, convolution, attention = nn.Linear(64, 32), nn.Conv3d(3, 8, 3, padding=1), Attention()
    stages = {"text_encoder": [linear], "denoiser": [attention], "decoder": [convolution]}
    query, key = torch.ones(2, 4, 16, 8), torch.ones(2, 4, 24, 8)
    with count_work(stages) as work:
        linear(torch.ones(5, 64))
        linear(torch.ones(1, 64))
        attention(query, key)
        convolution(torch.ones(2, 3, 5, 6, 7))
        torch.ones(10, 20) @ torch.ones(20, 30)
    assert work.flops == {
        "text_encoder": 2 * (5 + 1) * 64 * 32,
        "denoiser": 2 * (2 * 4) * 16 * 24 * 8 * 2,
        "decoder": 2 * 2 * 8 * (5 * 6 * 7) * 3 * 27,
        "other": 2 * 10 * 20 * 30,
    }


@torch.inference_mode()
def test_masked_attention_is_counted_too():
    attention = nn.MultiheadAttention(16, 2, batch_first=True).eval()
    x, mask = torch.ones(1, 10, 16), torch.zeros(10, 10)
    with count_work({"denoiser": [attention]}) as work:
        attention(x, x, x, attn_mask=mask, need_weights=False)
    projections, products = 4 * 2 * 10 * 16 * 16, 2 * 2 * 10 * 10 * 16
    assert work.flops["denoiser"] == projections + products


@torch.inference_mode()
def test_a_module_inside_another_is_counted_once_and_hooks_go():
    inner = nn.Linear(4, 4)
    outer = nn.Sequential(inner, nn.ReLU())
    with count_work({"text_encoder": [inner], "denoiser": [outer]}) as work:
        outer(torch.ones(3, 4))
    assert work.flops == {"denoiser": 2 * 3 * 4 * 4, "other": 0}
    assert not inner._forward_hooks


def test_parameters_by_stage():
    stages = {"denoiser": [nn.Linear(3, 4), nn.Linear(4, 5, bias=False)], "decoder": [nn.Conv2d(1, 2, 3)], "none": []}
    assert count_parameters(stages) == {"denoiser": 3 * 4 + 4 + 4 * 5, "decoder": 2 * 9 + 2}


def test_the_peak_is_of_the_fastest_product(monkeypatch):
    from vid_diffusion_bench.profiling import work

    marks = iter([0.0, 0.5, 1.0, 1.25, 2.0, 3.0])
    monkeypatch.setattr(work, "_GEMM_RUNS", 3)
    monkeypatch.setattr(work, "_GEMM_SECONDS", 60.0)
    monkeypatch.setattr(work.Clock, "mark", lambda self: next(marks))
    peak = measure_peak("cpu", "fp32")
    assert peak.flops_per_second == 2 * 1024**3 / 0.25
    assert (peak.size, peak.precision, peak.runs) == (1024, "fp32", 3)


def test_time_of_compiling_is_that_of_torch_compile_alone():
    before = compile_seconds()
    function = torch.compile(lambda x: torch.sin(x) * 2 + 1, backend="eager")
    function(torch.ones(3))
    first = compile_seconds()
    function(torch.ones(3))
    assert first > before
    assert compile_seconds() == first


@pytest.mark.gpu
@torch.inference_mode()
def test_operations_of_a_gpus_attention_are_the_closed_form():
    attention = Attention()
    query = torch.ones(2, 4, 128, 64, device="cuda", dtype=torch.bfloat16)
    with count_work({"denoiser": [attention]}) as work:
        attention(query, query)
    assert work.flops["denoiser"] == 2 * (2 * 4) * 128 * 128 * 64 * 2
    assert measure_peak("cuda:0", "bf16").flops_per_second > measure_peak("cuda:0", "fp32").flops_per_second
