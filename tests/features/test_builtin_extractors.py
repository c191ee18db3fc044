import numpy as np
import pytest
import torch

from tiny_extractors import save_extractors
from vid_diffusion_bench.exceptions import WeightsNotFoundError
from vid_diffusion_bench.features import Clip, builtin, get_extractor
from vid_diffusion_bench.features.shapes import ShapesDualEncoder, ShapesVideoNet, preprocess
from vid_diffusion_bench.video import Video


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setattr(builtin, "WEIGHTS", save_extractors(tmp_path / "weights"))
    return tmp_path / "weights"


def clip(seed=0, shape=(20, 48, 40, 3), prompt="a red circle"):
    frames = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    return Clip(str(seed), str(seed), lambda: Video(frames, 8.0), prompt=prompt)


def test_features_are_what_the_network_gives_its_preprocessed_clip(weights):
    seen = clip().feature("shapes-v1-video")
    network = ShapesVideoNet.from_pretrained(weights / "video-net")
    frames = torch.from_numpy(clip().video.frames).permute(0, 3, 1, 2)[None].float() / 255
    with torch.inference_mode():
        expected = network(preprocess(frames))
    np.testing.assert_allclose(seen.features, expected.features[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(seen.logits, expected.logits[0].numpy(), atol=1e-6)
    assert seen.features.dtype == np.float64
    assert seen.features.flags.owndata


def test_a_clip_always_has_the_same_features_bit_for_bit(weights):
    first = [clip(seed).feature("shapes-v1-video").features for seed in (0, 1, 2)]
    second = [clip(seed).feature("shapes-v1-video").features for seed in (2, 0, 1)]
    for seed, again in zip((2, 0, 1), second, strict=True):
        assert np.array_equal(first[seed], again)
    assert not np.array_equal(first[0], first[1])


def test_short_and_odd_clips_have_features(weights):
    for shape in ((1, 1, 1, 3), (3, 5, 7, 3), (40, 65, 33, 3)):
        assert np.isfinite(clip(shape=shape).feature("shapes-v1-video").features).all()


@pytest.mark.parametrize("one_trunk", [False, True])
def test_the_cosine_is_that_of_the_two_embeddings(tmp_path, monkeypatch, one_trunk):
    folder = save_extractors(tmp_path / "weights", one_trunk=one_trunk)
    monkeypatch.setattr(builtin, "WEIGHTS", folder)
    encoder = ShapesDualEncoder.from_pretrained(folder / "dual-encoder")
    frames = torch.from_numpy(clip().video.frames).permute(0, 3, 1, 2)[None].float() / 255
    with torch.inference_mode():
        expected = float(encoder(preprocess(frames), ["a red circle"]))
    seen = clip()
    assert seen.feature("shapes-v1-text").cosine == pytest.approx(expected, abs=1e-6)
    assert ("shapes-v1-video" in seen._features) == one_trunk


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a red circle", 0.0),
        ("A RED, circle!", 0.0),
        ("a cat on a mat", 2 / 5),
        ("猫 red", 1 / 2),
        ("!!!", 1.0),
        ("a a a a a a a a a a", 2 / 10),
    ],
)
def test_words_the_encoder_never_learned_are_counted(weights, prompt, unknown):
    assert clip(prompt=prompt).feature("shapes-v1-text").unknown_word_share == pytest.approx(unknown)


def test_the_identity_names_the_weights(weights):
    import hashlib

    identity = get_extractor("shapes-v1-video").identity()
    content = (weights / "video-net" / "model.safetensors").read_bytes()
    assert identity["weights_sha256"] == hashlib.sha256(content).hexdigest()


def test_missing_weights_are_an_error_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(builtin, "WEIGHTS", tmp_path)
    with pytest.raises(WeightsNotFoundError) as caught:
        get_extractor("shapes-v1-text").identity()
    assert caught.value.remedy


def test_threads_of_torch_are_left_alone(weights):
    before = torch.get_num_threads()
    clip().feature("shapes-v1-text")
    assert torch.get_num_threads() == before
