"""LoRA weights made by peft, laid over a real pipeline."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import MissingDependencyError, ModelLoadingError, ValidationError
from vid_diffusion_bench.models import GenerationRequest, get_model
from vid_diffusion_bench.models.lora import Lora
from vid_diffusion_bench.models.oracle import OracleModel

pytest.importorskip("peft")


@pytest.fixture(scope="module")
def lora(tiny, tmp_path_factory):
    """What ``save_lora_weights`` writes of a transformer that peft gave random adapters."""
    import torch
    from diffusers import LTXPipeline
    from peft import LoraConfig, get_peft_model_state_dict

    pipeline = LTXPipeline.from_pretrained(tiny("ltx"))
    torch.manual_seed(3)
    pipeline.transformer.add_adapter(LoraConfig(r=4, init_lora_weights="gaussian", target_modules=["to_q", "to_v"]))
    state = get_peft_model_state_dict(pipeline.transformer)
    state = {name: torch.randn_like(tensor) for name, tensor in state.items()}
    folder = tmp_path_factory.mktemp("lora")
    LTXPipeline.save_lora_weights(folder, transformer_lora_layers=state)
    return folder / "pytorch_lora_weights.safetensors"


def _pixels(folder, *loras):
    model = get_model(str(folder))
    model.use_loras([Lora.parse(text) for text in loras])
    model.load("cpu", "fp32")
    parameters = GenerationParameters(num_frames=9, height=32, width=32, num_inference_steps=2).over(model.defaults)
    return model.generate([GenerationRequest("a red circle", 7, parameters)], lambda *_: None)[0].frames


def test_a_lora_changes_the_pixels_as_far_as_its_scale_says(tiny, lora):
    plain, full, half, none = (
        _pixels(tiny("ltx"), *given) for given in ([], [str(lora)], [f"{lora}:0.5"], [f"{lora}:0"])
    )
    assert not np.array_equal(plain, full)
    assert not np.array_equal(full, half)
    assert np.array_equal(plain, none)


def test_the_weights_of_a_layer_are_those_of_the_definition(tiny, lora):
    """W x + scale * B A x, with r = alpha."""
    import torch
    from safetensors.torch import load_file

    model = get_model(str(tiny("ltx")))
    model.use_loras([Lora.parse(f"{lora}:0.25")])
    model.load("cpu", "fp32")
    layer = model.stages()["denoiser"][0].transformer_blocks[0].attn1.to_q
    weights = load_file(lora)
    name = "transformer.transformer_blocks.0.attn1.to_q.lora_{}.weight"
    x = torch.randn(2, layer.in_features)
    expected = layer.base_layer(x) + 0.25 * x @ weights[name.format("A")].T @ weights[name.format("B")].T
    with torch.no_grad():
        assert torch.allclose(layer(x), expected, atol=1e-4)


def test_a_lora_is_known_by_content_and_scale(tiny, lora, tmp_path):
    def identity(text):
        model = get_model(str(tiny("ltx")))
        model.use_loras([Lora.parse(text)])
        assert "loras" in model.provenance()
        return model.identity()

    copy = shutil.copy(lora, tmp_path / "copy.safetensors")
    assert identity(str(lora)) == identity(str(copy)) != identity(f"{lora}:0.5")
    assert "loras" not in get_model(str(tiny("ltx"))).identity()


def test_what_takes_no_lora_says_so(tiny, lora):
    for model in (get_model(str(tiny("latte"))), OracleModel()):
        with pytest.raises(ValidationError, match="takes no LoRA"):
            model.use_loras([Lora.parse(str(lora))])


def test_without_peft_the_install_line_is_given(tiny, lora, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError) as caught:
        get_model(str(tiny("ltx"))).use_loras([Lora.parse(str(lora))])
    assert "[lora]" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["/nowhere.safetensors", "/nowhere.safetensors:0.5", "{lora}:much", "{lora}:nan", __file__]
)
def test_what_is_no_file_or_no_scale_is_refused(lora, text):
    with pytest.raises(ValidationError):
        Lora.parse(text.format(lora=lora))


def test_weights_of_another_model_are_refused_and_nothing_stays_loaded(tiny, lora, tmp_path):
    import torch
    from safetensors.torch import save_file

    foreign = tmp_path / "foreign.safetensors"
    save_file(
        {"transformer.other.lora_A.weight": torch.zeros(4, 4), "transformer.other.lora_B.weight": torch.zeros(4, 4)},
        foreign,
    )
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(lora.read_bytes()[:64])
    for path in (foreign, damaged):
        model = get_model(str(tiny("ltx")))
        model.use_loras([Lora.parse(str(path))])
        with pytest.raises(ModelLoadingError, match=path.name):
            model.load("cpu", "fp32")
        with pytest.raises(ModelLoadingError, match="not loaded"):
            model.stages()
