import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

from tiny_networks import assert_close, noise_clip
from vid_diffusion_bench.exceptions import MetricComputationError, WeightsNotFoundError
from vid_diffusion_bench.features import get_extractor
from vid_diffusion_bench.features.networks import base

NAMES = ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14")


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_what_transformers_gives_with_its_own_processor(tiny_networks, name):
    one = noise_clip()
    pixels = CLIPImageProcessorPil()(list(one.video.frames), return_tensors="pt").pixel_values
    with torch.inference_mode():
        expected = CLIPModel.from_pretrained(tiny_networks / name).get_image_features(pixels).pooler_output.numpy()
    seen = one.feature(name)
    assert_close(seen, expected)
    assert np.abs(seen[0] - seen[1]).max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_is_what_transformers_gives(tiny_networks, name):
    tokenizer = CLIPTokenizer.from_pretrained(tiny_networks / name)
    tokens = tokenizer(["a red circle moving left"], return_tensors="pt")
    with torch.inference_mode():
        expected = CLIPModel.from_pretrained(tiny_networks / name).get_text_features(**tokens).pooler_output.numpy()
    seen = noise_clip().feature(f"{name}-text")
    assert_close(seen.embedding, expected[0])
    assert seen.truncated_share == 0.0


def test_a_long_prompt_keeps_its_end_token(tiny_networks):
    prompt = " ".join(["a red cat and a blue dog"] * 20)
    name = "clip-vit-b-32"
    tokens = CLIPTokenizer.from_pretrained(tiny_networks / name)(
        [prompt], truncation=True, max_length=77, return_tensors="pt"
    )
    assert tokens.input_ids.shape == (1, 77)
    with torch.inference_mode():
        expected = CLIPModel.from_pretrained(tiny_networks / name).get_text_features(**tokens).pooler_output.numpy()
    seen = noise_clip(prompt=prompt).feature(f"{name}-text")
    assert_close(seen.embedding, expected[0])
    assert seen.truncated_share == pytest.approx(1 - 75 / 140)


@pytest.mark.parametrize(("words", "cut"), [(75, 0.0), (76, 1 / 76)])
def test_the_share_counts_the_words_beyond_the_context(tiny_networks, words, cut):
    seen = noise_clip(prompt=" ".join(["cat"] * words)).feature("clip-vit-l-14-text")
    assert seen.truncated_share == pytest.approx(cut)


@pytest.mark.parametrize("prompt", [None, "", "  "])
def test_a_clip_without_prompt_has_no_text(tiny_networks, prompt):
    with pytest.raises(MetricComputationError, match="not known"):
        noise_clip(prompt=prompt).feature("clip-vit-b-32-text")


def test_vbench_reads_other_pixels(tiny_networks):
    one = noise_clip(shape=(2, 300, 401, 3))
    assert np.abs(one.feature("clip-vit-b-32") - one.feature("clip-vit-b-32-vbench")).max() > 1e-3


def test_one_network_serves_all_three_extractors(tiny_networks):
    base._loaded.cache_clear()
    one = noise_clip()
    for name in ("clip-vit-b-32", "clip-vit-b-32-vbench", "clip-vit-b-32-text"):
        one.feature(name)
    assert base._loaded.cache_info().misses == 1


def test_absent_weights_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path))
    for name in ("clip-vit-b-32", "clip-vit-b-32-vbench", "clip-vit-b-32-text"):
        with pytest.raises(WeightsNotFoundError, match="clip-vit-base-patch32") as caught:
            get_extractor(name).identity()
        assert str(tmp_path / "clip-vit-b-32") in caught.value.remedy


def test_a_folder_without_tokenizer_has_frames_and_no_text(tmp_path, tiny_networks, monkeypatch):
    import shutil

    shutil.copytree(
        tiny_networks / "clip-vit-b-32", tmp_path / "clip-vit-b-32", ignore=shutil.ignore_patterns("token*", "vocab*")
    )
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path))
    assert get_extractor("clip-vit-b-32").identity()
    with pytest.raises(WeightsNotFoundError, match=r"tokenizer\.json"):
        get_extractor("clip-vit-b-32-text").identity()
