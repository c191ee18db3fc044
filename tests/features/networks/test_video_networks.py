import math

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import (
    CLIPTokenizer,
    VideoMAEForVideoClassification,
    VideoMAEImageProcessorPil,
    VJEPA2Model,
    XCLIPModel,
)

from tiny_networks import assert_close, noise_clip, videomae_v2_state
from vid_diffusion_bench.exceptions import MetricComputationError, ModelLoadingError
from vid_diffusion_bench.features.networks import preprocessing, videomae_v2
from vid_diffusion_bench.features.networks.sampling import Sampling
from vid_diffusion_bench.weights.catalogue import get_entry

PROCESSOR = VideoMAEImageProcessorPil(image_mean=preprocessing.IMAGENET_MEAN, image_std=preprocessing.IMAGENET_STD)


def processed(frames):
    return PROCESSOR(list(frames), return_tensors="pt").pixel_values


def test_videomae_is_what_its_classifier_reads(tiny_networks):
    one = noise_clip(shape=(31, 60, 90, 3))
    network = VideoMAEForVideoClassification.from_pretrained(tiny_networks / "videomae-base")
    read = []
    network.classifier.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    with torch.inference_mode():
        network(processed(one.video.frames[np.arange(16) * 2]))
    assert_close(one.feature("videomae-base"), read[0][0].numpy())


def test_a_short_clip_repeats_frames_evenly(tiny_networks):
    one = noise_clip(shape=(5, 60, 90, 3))
    longer = noise_clip(shape=(5, 60, 90, 3))
    indices = np.round(np.linspace(0, 4, 16)).astype(int)
    longer.__dict__["video"] = type(one.video)(one.video.frames[indices], 8.0)
    assert np.array_equal(one.feature("videomae-base"), longer.feature("videomae-base"))


def written_out(state, pixels, heads):
    """VideoMAE-v2's forward_features on (T, 3, H, W): cube embedding, sine-cosine positions, pre-norm blocks, mean,
    norm. Checked by hand against cd-fvd's own class: 1e-7."""
    hidden = state["patch_embed.proj.bias"].numel()
    cubes = functional.conv3d(
        pixels.transpose(0, 1)[None],
        state["patch_embed.proj.weight"],
        state["patch_embed.proj.bias"],
        stride=state["patch_embed.proj.weight"].shape[2:],
    )
    x = cubes.flatten(2).transpose(1, 2)[0]
    place = np.arange(len(x))[:, None] / 10000 ** (2 * (np.arange(hidden)[None] // 2) / hidden)
    place[:, 0::2], place[:, 1::2] = np.sin(place[:, 0::2]), np.cos(place[:, 1::2])
    x = x + torch.from_numpy(place).float()

    def norm(x, name):
        return functional.layer_norm(x, (hidden,), state[f"{name}.weight"], state[f"{name}.bias"], eps=1e-6)

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    for block in (f"blocks.{number}" for number in range(2)):
        qkv = norm(x, f"{block}.norm1") @ state[f"{block}.attn.qkv.weight"].T
        q, k, v = qkv.split(hidden, dim=1)
        q, v = q + state[f"{block}.attn.q_bias"], v + state[f"{block}.attn.v_bias"]
        mixed = []
        for head in range(heads):
            part = slice(head * hidden // heads, (head + 1) * hidden // heads)
            attention = (q[:, part] @ k[:, part].T / math.sqrt(hidden // heads)).softmax(-1)
            mixed.append(attention @ v[:, part])
        x = x + linear(torch.cat(mixed, 1), f"{block}.attn.proj")
        inner = functional.gelu(linear(norm(x, f"{block}.norm2"), f"{block}.mlp.fc1"))
        x = x + linear(inner, f"{block}.mlp.fc2")
    return norm(x.mean(0), "fc_norm")


def test_videomae_v2_is_forward_features_of_the_original(tiny_networks):
    one = noise_clip(shape=(19, 60, 90, 3))
    frames = torch.from_numpy(one.video.frames[:16]).permute(3, 0, 1, 2).float() / 255
    resized = functional.interpolate(frames, size=(224, 224), mode="bilinear", align_corners=False)
    expected = written_out(videomae_v2_state(), resized.transpose(0, 1), heads=16)
    assert_close(one.feature("videomae-v2-giant-ssv2"), expected.numpy())


def test_videomae_v2_refuses_a_clip_of_fewer_frames(tiny_networks):
    with pytest.raises(MetricComputationError, match="16 frames are needed, the clip has 15"):
        noise_clip(shape=(15, 60, 90, 3)).feature("videomae-v2-giant-ssv2")


def test_videomae_v2_as_published_is_half_precision_and_becomes_float32(tmp_path):
    state = {name: value.half() for name, value in videomae_v2_state().items()}
    torch.save({"module": state}, tmp_path / "file.pth")
    network = videomae_v2.load(tmp_path / "file.pth")
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert network.fc_norm.eps == network.videomae.encoder.layer[0].layernorm_before.eps == 1e-6
    assert not any(value.is_meta for value in network.parameters())


def test_the_giant_has_the_published_sizes():
    """ViT-g/14: 1408 wide, 40 blocks, 6144 in between, 174 classes; at two bytes each the weights fill the published
    file but for the names and the alignment of its tensors."""
    with torch.device("meta"):
        state = videomae_v2_state(hidden=1408, patch=14, depth=40, mlp=6144, classes=174)
    config = videomae_v2.configuration(state)
    assert (config.hidden_size, config.num_hidden_layers, config.intermediate_size) == (1408, 40, 6144)
    assert (config.num_attention_heads, config.image_size, config.num_frames) == (16, 224, 16)
    half = 2 * sum(value.numel() for value in videomae_v2.converted(state).values())
    assert half < get_entry("videomae-v2-giant-ssv2").size < half + 256 * len(state)


@pytest.mark.parametrize("change", [{"blocks.0.attn.unknown": torch.zeros(3)}, {"fc_norm.weight": torch.zeros(3)}])
def test_another_file_in_its_place_is_refused(tmp_path, tiny_networks, monkeypatch, change):
    torch.save(videomae_v2_state() | change, tmp_path / "vit_g_hybrid_pt_1200e_ssv2_ft.pth")
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(ModelLoadingError, match="videomae-v2-giant-ssv2"):
        noise_clip(shape=(16, 32, 32, 3)).feature("videomae-v2-giant-ssv2")


def test_vjepa2_is_the_mean_of_its_encoders_tokens(tiny_networks):
    one = noise_clip(shape=(70, 60, 90, 3))
    indices = np.round(np.linspace(0, 69, 64)).astype(int)
    network = VJEPA2Model.from_pretrained(tiny_networks / "vjepa2-vit-l")
    with torch.inference_mode():
        tokens = network(preprocessing.VJEPA2(one.video.frames[indices])[None]).last_hidden_state
    assert tokens.shape == (1, 32 * 4 * 4, 48)
    assert_close(one.feature("vjepa2-vit-l"), tokens[0].mean(0).numpy())


@pytest.mark.parametrize(("length", "indices"), [(16, [1, 3, 5, 7, 9, 11, 13, 15]), (3, [0, 0, 0, 1, 1, 2, 2, 2])])
def test_x_clip_is_what_transformers_gives(tiny_networks, length, indices):
    one = noise_clip(shape=(length, 60, 90, 3))
    network = XCLIPModel.from_pretrained(tiny_networks / "x-clip-base-32")
    tokens = CLIPTokenizer.from_pretrained(tiny_networks / "x-clip-base-32")([one.prompt], return_tensors="pt")
    with torch.inference_mode():
        expected = network(**tokens, pixel_values=processed(one.video.frames[indices]))
    seen = one.feature("x-clip-base-32")
    assert_close(seen.video, expected.video_embeds[0].numpy())
    assert_close(seen.text, expected.text_embeds[0, 0].numpy())
    assert seen.truncated_share == 0
    cosine = float(expected.logits_per_video[0, 0].item() / network.logit_scale.detach().exp())
    assert float(seen.video @ seen.text) == pytest.approx(cosine, abs=1e-5)


def test_x_clip_keeps_the_end_of_a_long_prompt(tiny_networks):
    one = noise_clip(prompt=" ".join(["a red cat and a blue dog"] * 20))
    tokens = CLIPTokenizer.from_pretrained(tiny_networks / "x-clip-base-32")(
        [one.prompt], truncation=True, max_length=77, return_tensors="pt"
    )
    network = XCLIPModel.from_pretrained(tiny_networks / "x-clip-base-32")
    frames = one.video.frames[Sampling(8, "middles")(5)]
    with torch.inference_mode():
        expected = network(**tokens, pixel_values=processed(frames))
    seen = one.feature("x-clip-base-32")
    assert_close(seen.text, expected.text_embeds[0, 0].numpy())
    assert seen.truncated_share == pytest.approx(1 - 75 / 140)


def test_samplings():
    assert Sampling(4, "even")(10).tolist() == [0, 3, 6, 9]
    assert Sampling(4, "even")(1).tolist() == [0, 0, 0, 0]
    assert Sampling(4, "middles")(8).tolist() == [1, 3, 5, 7]
    assert Sampling(4, "middles")(2).tolist() == [0, 0, 1, 1]
    assert Sampling(4, "first")(9).tolist() == [0, 1, 2, 3]
