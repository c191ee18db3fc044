import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate
from transformers import BitImageProcessorPil, Dinov2Model, ViTModel

from tiny_networks import assert_close, noise_clip
from vid_diffusion_bench.features import get_extractor
from vid_diffusion_bench.features.networks import dino, preprocessing


def test_dinov2_is_what_transformers_gives_with_its_own_processor(tiny_networks):
    one = noise_clip()
    processor = BitImageProcessorPil(
        size={"shortest_edge": 256}, image_mean=preprocessing.IMAGENET_MEAN, image_std=preprocessing.IMAGENET_STD
    )
    pixels = processor(list(one.video.frames), return_tensors="pt").pixel_values
    network = Dinov2Model.from_pretrained(tiny_networks / "dinov2-base")
    with torch.inference_mode():
        expected = network(pixels).last_hidden_state[:, 0].numpy()
    assert_close(one.feature("dinov2-base"), expected)


@pytest.mark.parametrize("name", ["dinov2-base", "dinov2-large"])
def test_dinov2_for_distances_is_its_own_code_written_out(tiny_networks, name):
    """dgm-eval's transform, and positions on a grid of 11x11 by the factor (8 + 0.1) / 11, not by the size."""
    one = noise_clip(shape=(2, 90, 60, 3))
    network = Dinov2Model.from_pretrained(tiny_networks / name)
    pixels = preprocessing.DINOV2_FD(one.video.frames)
    with torch.inference_mode():
        table = network.embeddings.position_embeddings
        grid = table[:, 1:].reshape(1, 11, 11, -1).permute(0, 3, 1, 2)
        grid = interpolate(grid, scale_factor=(8.1 / 11, 8.1 / 11), mode="bicubic").permute(0, 2, 3, 1)
        patches = network.embeddings.patch_embeddings(pixels)
        tokens = torch.cat([network.embeddings.cls_token.expand(2, -1, -1), patches], 1)
        tokens = tokens + torch.cat([table[:, :1], grid.reshape(1, 64, -1)], 1)
        for layer in network.encoder.layer:
            tokens = layer(tokens)
        expected = network.layernorm(tokens)[:, 0].numpy()
        by_size = network(pixels).pooler_output.numpy()
    seen = one.feature(f"{name}-fd")
    assert_close(seen, expected)
    assert np.abs(seen - by_size).max() > 1e-4


def test_dino_on_square_frames_is_what_transformers_gives(tiny_networks):
    one = noise_clip(shape=(3, 80, 80, 3))
    network = ViTModel.from_pretrained(tiny_networks / "dino-vit-b-16", add_pooling_layer=False)
    with torch.inference_mode():
        expected = network(preprocessing.DINO_VBENCH(one.video.frames)).last_hidden_state[:, 0].numpy()
    assert_close(one.feature("dino-vit-b-16"), expected)


def cubic(grid, size, scale):
    """Bicubic with a = -0.75 of (n, D) along its first axis, at (i + 0.5) / scale - 0.5, edges repeated."""
    positions = (np.arange(size) + 0.5) / scale - 0.5
    base = np.floor(positions).astype(int)
    out = np.zeros((size, *grid.shape[1:]))
    for tap in range(-1, 3):
        x = np.abs(positions - (base + tap))
        near = 1.25 * x**3 - 2.25 * x**2 + 1
        far = -0.75 * (x**3 - 5 * x**2 + 8 * x - 4)
        weight = np.where(x <= 1, near, far).reshape(-1, *[1] * (grid.ndim - 1))
        out += weight * grid[np.clip(base + tap, 0, len(grid) - 1)]
    return out


@pytest.mark.parametrize(("height", "width"), [(80, 130), (150, 80)])
def test_dino_on_other_frames_resamples_positions_as_dinos_own_code(tiny_networks, height, width):
    """The grid of 7x7 positions by the factor (patches + 0.1) / 7 along each side, and no patch beyond the last whole
    one; frames keep their aspect."""
    one = noise_clip(shape=(2, height, width, 3))
    network = ViTModel.from_pretrained(tiny_networks / "dino-vit-b-16", add_pooling_layer=False)
    pixels = preprocessing.DINO_VBENCH(one.video.frames)
    assert pixels.shape[2] == 224 or pixels.shape[3] == 224
    rows, columns = pixels.shape[2] // 32, pixels.shape[3] // 32
    assert rows != columns
    table = network.embeddings.position_embeddings.detach().numpy()[0].astype(float)
    grid = cubic(table[1:].reshape(7, 7, -1), rows, (rows + 0.1) / 7)
    grid = cubic(grid.swapaxes(0, 1), columns, (columns + 0.1) / 7).swapaxes(0, 1)
    positions = np.concatenate([table[:1], grid.reshape(rows * columns, -1)]).astype(np.float32)
    with torch.inference_mode():
        patches = network.embeddings.patch_embeddings.projection(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([network.embeddings.cls_token.expand(2, -1, -1), patches], 1) + torch.from_numpy(positions)
        for layer in network.layers:
            tokens = layer(tokens)
        expected = network.layernorm(tokens)[:, 0].numpy()
        transformers_own = network(pixels, interpolate_pos_encoding=True).last_hidden_state[:, 0].numpy()
    seen = one.feature("dino-vit-b-16")
    assert_close(seen, expected)
    assert np.abs(seen - transformers_own).max() > 1e-3


def test_positions_follow_the_height_before_the_width():
    table = torch.zeros(1, 1 + 16, 1)
    table[0, 1:, 0] = torch.arange(4).repeat_interleave(4)

    class Embeddings:
        position_embeddings, patch_size = table, 16

    tall = dino.resampled_positions(Embeddings, torch.zeros(1, 1 + 8 * 4, 1), 128, 64)[0, 1:, 0].reshape(8, 4)
    assert (tall.diff(dim=1).abs() < 1e-5).all()
    assert (tall.diff(dim=0) > 0).any()


def test_the_aesthetic_score_is_the_linear_head_on_unit_vectors(tiny_networks):
    one = noise_clip(shape=(4, 70, 50, 3))
    state = torch.load(tiny_networks / "sa_0_4_vit_l_14_linear.pth")
    embeddings = one.feature("clip-vit-l-14-vbench").astype(np.float64)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    expected = unit @ state["weight"].numpy()[0].astype(np.float64) + float(state["bias"])
    assert_close(one.feature("laion-aesthetic-l-14"), expected)


def test_the_aesthetic_identity_holds_that_of_the_embeddings(tiny_networks):
    identity = get_extractor("laion-aesthetic-l-14").identity()
    assert identity["reads"] == get_extractor("clip-vit-l-14-vbench").identity()
