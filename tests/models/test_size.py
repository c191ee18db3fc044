"""What is counted before anything is loaded, against the loaded pipelines."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading

import pytest
from safetensors.torch import load_file, save_file

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.engine.starts import draw_starts
from vid_diffusion_bench.exceptions import ModelLoadingError
from vid_diffusion_bench.models import GenerationRequest, get_model, snapshot
from vid_diffusion_bench.models.activations import (
    ClipShape,
    _autocast_on_meta,
    decoder_bytes,
    denoiser_bytes,
    live_bytes,
)
from vid_diffusion_bench.models.size import component_sizes

PARTS = ["animatediff", "cogvideox", "hunyuan_video", "latte", "ltx", "sana_video", "svd", "wan_i2v"]


def _pipeline(folder):
    import diffusers

    return diffusers.DiffusionPipeline.from_pretrained(folder)


@pytest.mark.parametrize("family", PARTS)
def test_parameters_are_those_of_the_loaded_components(tiny, family):
    """Numbers in the state of each component, one that is tied or shared counted once."""
    from torch import nn

    pipeline = _pipeline(tiny(family))
    modules = {name: part for name, part in pipeline.components.items() if isinstance(part, nn.Module)}
    expected = {}
    for name, module in modules.items():
        tensors = {tensor.data_ptr(): tensor for tensor in module.state_dict().values()}
        expected[name] = sum(tensor.numel() for tensor in tensors.values())
    counted = {size.name: size.parameters for size in component_sizes(tiny(family))}
    assert counted == expected
    assert sum(counted.values()) > 10_000


def test_bytes_follow_the_precision(tiny):
    for size in component_sizes(tiny("wan")):
        assert size.stored_as == ("F32",)
        assert size.stored_bytes == size.bytes_in("fp32") == 2 * size.bytes_in("bf16") == 4 * size.parameters


def test_shards_are_added_and_a_copy_in_another_precision_is_not(tiny, tmp_path):
    folder = shutil.copytree(tiny("wan"), tmp_path / "wan")
    before = component_sizes(folder)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    shutil.copy(weights, weights.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert component_sizes(folder) == before
    shutil.copy(weights, weights.with_name("diffusion_pytorch_model-00002-of-00002.safetensors"))
    (part,) = (size for size in component_sizes(folder) if size.name == "transformer")
    assert part.parameters == 2 * next(size.parameters for size in before if size.name == "transformer")


@pytest.mark.parametrize("content", [b"", b"\xff" * 8 + b"{}", b"\x05\0\0\0\0\0\0\0[1,2]", b"\x02\0\0\0\0\0\0\0{x"])
def test_a_damaged_header_says_so(tiny, tmp_path, content):
    folder = shutil.copytree(tiny("wan"), tmp_path / "wan")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(content)
    with pytest.raises(ModelLoadingError, match="not whole safetensors"):
        component_sizes(folder)


def test_the_bytes_alive_at_once_are_counted():
    """a and b (8,000 bytes) are alive together, then b and c; a view costs nothing, nor does what was there before."""
    import torch

    layer = torch.nn.Linear(10, 10)
    counter = live_bytes(layer)
    with torch.no_grad(), counter:
        a = torch.ones(1000)
        b = a + 1
        views = b.view(10, 100), layer.weight.T
        del a
        c = b * 2
        assert counter.live == 8000
        del b, c, views
    assert (counter.live, counter.peak) == (0, 8000)


@pytest.mark.parametrize("family", ["animatediff", "hunyuan_video", "ltx", "svd", "wan"])
def test_the_decoder_takes_what_the_loaded_one_takes(tiny, family):
    """The same decoding with weights and content, its tensors counted; attention is fused on this machine too."""
    import torch

    frames = 4 if family in {"animatediff", "svd"} else 9
    vae = _pipeline(tiny(family)).vae
    sides, channels = _latents(family, vae)
    image = family in {"animatediff", "svd"}
    latents = torch.randn(*((frames, channels) if image else (1, channels, 3)), *sides)
    counter = live_bytes(vae)
    with torch.no_grad(), counter:
        vae.decode(latents, **({"num_frames": frames} if family == "svd" else {}))
    estimated = decoder_bytes(tiny(family), ClipShape(frames, 64, 64), "fp32")
    assert estimated == pytest.approx(counter.peak, rel=0.05)
    assert decoder_bytes(tiny(family), ClipShape(frames, 64, 64), "bf16") < estimated
    assert decoder_bytes(tiny(family), ClipShape(frames, 128, 64), "fp32") > 1.5 * estimated


def _latents(family, vae):
    side = {"animatediff": 32, "svd": 32}.get(family, 8)
    ratio = {"ltx": 8}.get(family, 8)
    return (64 // ratio,) * 2 if side == 8 else (side,) * 2, vae.config.get("latent_channels") or vae.config.z_dim


def test_an_image_decoder_takes_less_by_chunks_and_by_tiles(tiny):
    folder = tiny("latte")
    whole = decoder_bytes(folder, ClipShape(8, 64, 64), "fp32")
    assert decoder_bytes(folder, ClipShape(8, 64, 64, chunk=2), "fp32") < whole / 2
    assert decoder_bytes(folder, ClipShape(8, 64, 64), "fp32", tiled=True) < whole
    assert decoder_bytes(tiny("svd"), ClipShape(4, 64, 64), "fp32", tiled=True) is None


TWO_PER_CENT = (
    "allegro", "animatediff", "cogvideox", "cogvideox_i2v", "hunyuan_skyreels_i2v", "hunyuan_video", "latte", "ltx",
    "ltx_i2v", "sana_video", "skyreels_v2", "svd", "text_to_video_sd", "wan", "wan_i2v",
)  # fmt: skip
SIZES = {"allegro": (24, 128), "cogvideox_i2v": (9, 32), "mochi": (7, 128),
         **dict.fromkeys(("animatediff", "latte", "svd", "text_to_video_sd"), (4, 64))}  # fmt: skip


@pytest.mark.parametrize(
    ("family", "factor"), [*((family, 1.02) for family in TWO_PER_CENT), ("ltx_condition", 2), ("mochi", 2)]
)
def test_the_denoiser_is_estimated_by_a_pass_without_content(tiny, family, factor, tmp_path):
    """Against the tensors of a real step, counted. Mochi decides by content and is estimated from its configuration;
    LTXCondition has a time step a token only where it starts from something, and is estimated so."""
    import torch

    frames, side = SIZES.get(family, (9, 128))
    model = get_model(str(tiny(family)))
    model.load("cpu", "fp32")
    sizes = {"num_frames": frames, "height": side, "width": side, "num_inference_steps": 2, "guidance_scale": 5.0}
    extra = {"use_resolution_binning": False} if family == "sana_video" else {}
    parameters = GenerationParameters(**sizes, extra=extra).over(model.defaults)
    parameters = parameters.model_copy(update=draw_starts(model, parameters, tmp_path))
    denoiser, calls = model.stages()["denoiser"][0], []

    def seen(_, arguments, named):
        calls.append((arguments, named))
        raise InterruptedError("that is all there is to see")

    hook = denoiser.register_forward_pre_hook(seen, with_kwargs=True)
    with pytest.raises(InterruptedError):
        model.generate([GenerationRequest("a red circle", 1, parameters)], lambda *_: None)
    hook.remove()
    counter = live_bytes(denoiser)
    with torch.no_grad(), counter:
        denoiser(*calls[0][0], **calls[0][1])
    estimated = denoiser_bytes(tiny(family), ClipShape(frames, side, side), "fp32")
    assert counter.peak / factor <= estimated <= factor * counter.peak


def test_autocast_is_what_it_was_after_an_estimate(tiny):
    import torch

    before = torch.autocast
    assert denoiser_bytes(tiny("wan"), ClipShape(9, 32, 32), "fp32") > 0
    assert torch.autocast is before


def test_without_guidance_the_batch_is_not_doubled_and_wan_never_doubles_it(tiny):
    for family, ratio in (("ltx", 2), ("wan", 1)):
        halves = [denoiser_bytes(tiny(family), ClipShape(9, 64, 64, guided=guided), "fp32") for guided in (True, False)]
        assert halves[0] / halves[1] == pytest.approx(ratio, rel=0.1)


def test_what_a_configuration_does_not_say_is_not_guessed(tiny, tmp_path):
    folder = shutil.copytree(tiny("wan"), tmp_path / "wan")
    config = json.loads((folder / "transformer" / "config.json").read_text())
    config.pop("num_attention_heads")
    config["_class_name"] = "NothingOfDiffusers"
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "transformer": ["diffusers", "NothingOfDiffusers"]}))
    (folder / "transformer" / "config.json").write_text(json.dumps(config))
    assert denoiser_bytes(folder, ClipShape(9, 32, 32), "fp32") is None


def test_the_stored_precision_is_that_of_the_files_that_loading_reads(tiny, tmp_path):
    folder = shutil.copytree(tiny("ltx"), tmp_path / "ltx")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    whole = load_file(weights)
    half = {name: tensor.half() for name, tensor in whole.items()}
    save_file(half, folder / "transformer" / "diffusion_pytorch_model.fp16.safetensors")
    assert get_model(str(folder)).default_precision("cuda") == "fp32"
    save_file(half, weights)
    assert get_model(str(folder)).default_precision("cuda") == "fp16"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelLoadingError, match="not whole safetensors"):
        get_model(str(folder)).default_precision("cuda")


def test_the_hash_of_a_large_file_is_computed_once(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "_LARGE", 1000)
    folder = shutil.copytree(tiny("ltx"), tmp_path / "ltx")
    expected, read = get_model(str(folder)).identity()["weights_sha256"], []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, name: (read.append(file.name), digest(file, name))[1])
    assert get_model(str(folder)).identity()["weights_sha256"] == expected
    assert read == []
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert get_model(str(folder)).identity()["weights_sha256"] != expected
    assert read == [str(weights)]


def test_autocast_is_what_it_was_after_two_estimates_at_once():
    """The one that began first ends first, while the other is under way."""
    import torch

    before, second_inside, first_over = torch.autocast, threading.Event(), threading.Event()

    def second():
        with _autocast_on_meta():
            second_inside.set()
            first_over.wait(10)

    thread = threading.Thread(target=second)
    with _autocast_on_meta():
        thread.start()
        second_inside.wait(0.2)
    first_over.set()
    thread.join()
    assert torch.autocast is before
