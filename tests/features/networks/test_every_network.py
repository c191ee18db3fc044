"""What holds for every published network."""

import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tiny_networks import noise_clip
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError, WeightsNotFoundError
from vid_diffusion_bench.features import FeatureStore, get_extractor
from vid_diffusion_bench.features.networks import base
from vid_diffusion_bench.features.networks.device import exact_arithmetic, network_device

FRAMES = (
    *(f"clip-vit-{size}{suffix}" for size in ("b-32", "b-16", "l-14") for suffix in ("", "-vbench")),
    "dino-vit-b-16",
    "dinov2-base",
    "dinov2-base-fd",
    "dinov2-large-fd",
    "laion-aesthetic-l-14",
)
CLIPS = ("videomae-base", "videomae-v2-giant-ssv2", "vjepa2-vit-l", "x-clip-base-32")
TEXTS = ("clip-vit-b-32-text", "clip-vit-b-16-text", "clip-vit-l-14-text")
ALL = (*FRAMES, *CLIPS, *TEXTS)


def arrays(feature):
    return [feature] if isinstance(feature, np.ndarray) else [v for v in vars(feature).values() if np.ndim(v)]


@pytest.mark.parametrize("name", ALL)
def test_absent_weights_are_an_error_that_says_where_they_go(name, tmp_path, monkeypatch):
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path / "empty"))
    with pytest.raises(WeightsNotFoundError) as caught:
        get_extractor(name).identity()
    assert str(tmp_path / "empty") in caught.value.remedy
    assert "vid-bench weights fetch" in caught.value.remedy


@pytest.mark.parametrize("name", ALL)
def test_the_same_clip_has_the_same_features_bit_for_bit(name, tiny_networks):
    shape = (18, 40, 56, 3)
    first, other, again = (noise_clip(seed, shape).feature(name) for seed in (0, 1, 0))
    for one, two, three in zip(arrays(first), arrays(other), arrays(again), strict=True):
        assert one.dtype == np.float32
        assert one.flags.owndata
        assert np.isfinite(one).all()
        assert np.array_equal(one, three)
        assert name in TEXTS or not np.array_equal(one, two)


@pytest.mark.parametrize("name", FRAMES)
def test_the_size_of_a_batch_changes_rounding_only(name, tiny_networks, monkeypatch):
    shape = (18, 40, 56, 3)
    expected = noise_clip(shape=shape).feature(name)
    assert len(expected) == 18
    for size in (1, 5, 64):
        monkeypatch.setattr(base, "BATCH", size)
        seen = noise_clip(shape=shape).feature(name)
        assert np.abs(seen - expected).max() <= 1e-6 * max(1, np.abs(expected).max())


def test_a_pass_holds_sixteen_frames_however_long_the_clip_is(tiny_networks):
    from vid_diffusion_bench.features.networks import clip, preprocessing

    seen = []

    def embed(network, pixels):
        seen.append(len(pixels))
        return clip.embed_frames(network, pixels)

    network = base.FrameNetwork("recorded", "clip-vit-b-32", preprocessing.CLIP, clip.load, embed, "")
    assert len(network.compute(noise_clip(shape=(50, 20, 30, 3)))) == 50
    assert seen == [16, 16, 16, 2]


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_has_the_same_features_wherever_it_stands(name, tiny_networks):
    whole = noise_clip(shape=(18, 40, 56, 3))
    part = noise_clip()
    part.__dict__["video"] = type(whole.video)(whole.video.frames[15:], 8.0)
    difference = np.abs(part.feature(name) - whole.feature(name)[15:]).max()
    assert difference <= 1e-6 * max(1, np.abs(whole.feature(name)).max())


@pytest.mark.parametrize("name", ALL)
def test_identities_are_complete_plain_and_do_not_load_the_network(name, tiny_networks):
    base._loaded.cache_clear()
    identity = get_extractor(name).identity()
    assert base._loaded.cache_info().misses == 0
    assert identity["name"] == name
    assert len(identity["weights_sha256"]) == 64
    assert "torch" in identity
    if name != "laion-aesthetic-l-14":
        assert identity["precision"] == "float32, TF32 off"
        assert identity["preprocessing"]


def test_no_two_extractors_have_one_identity(tiny_networks):
    identities = [str(get_extractor(name).identity()) for name in ALL]
    assert len(set(identities)) == len(ALL)


@pytest.mark.parametrize("name", ["clip-vit-b-32", "clip-vit-b-32-text", "x-clip-base-32"])
def test_features_come_back_from_the_store(name, tiny_networks, tmp_path):
    from vid_diffusion_bench.features import Clip

    store = FeatureStore(tmp_path / "store")
    source = noise_clip()
    one, again = (
        Clip("k", "k", lambda: source.video, prompt=source.prompt, content="pixels", store=store) for _ in range(2)
    )
    computed = one.feature(name)
    base._loaded.cache_clear()
    kept = again.feature(name)
    assert base._loaded.cache_info().misses == 0
    for first, second in zip(arrays(computed), arrays(kept), strict=True):
        assert np.array_equal(first, second)
    assert getattr(kept, "truncated_share", 0.0) == getattr(computed, "truncated_share", 0.0)


@pytest.mark.parametrize("name", ["clip-vit-b-32", "dino-vit-b-16", "dinov2-base", "videomae-base", "vjepa2-vit-l"])
def test_a_weight_that_is_missing_is_never_filled_at_random(name, tiny_networks, tmp_path, monkeypatch):
    shutil.copytree(tiny_networks / name, tmp_path / name)
    state = load_file(tmp_path / name / "model.safetensors")
    lost = next(key for key in state if key.endswith("weight") and "embed" not in key)
    del state[lost]
    save_file(state, tmp_path / name / "model.safetensors", metadata={"format": "pt"})
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(ModelLoadingError, match="missing") as caught:
        noise_clip().feature(name)
    assert f"fetch {name}" in caught.value.remedy


def test_a_folder_of_another_model_is_refused(tiny_networks, tmp_path, monkeypatch):
    shutil.copytree(tiny_networks / "dinov2-base", tmp_path / "clip-vit-b-32")
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(ModelLoadingError, match="clip-vit-b-32"):
        noise_clip().feature("clip-vit-b-32")


def test_changed_weights_change_the_identity(tiny_networks, tmp_path, monkeypatch):
    before = get_extractor("dinov2-base").identity()
    shutil.copytree(tiny_networks / "dinov2-base", tmp_path / "dinov2-base")
    state = load_file(tmp_path / "dinov2-base" / "model.safetensors")
    state["layernorm.bias"] += 1
    save_file(state, tmp_path / "dinov2-base" / "model.safetensors", metadata={"format": "pt"})
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path))
    after = get_extractor("dinov2-base").identity()
    assert {key for key in before if before[key] != after[key]} == {"weights_sha256"}


def test_a_metric_without_its_weights_is_none_and_names_the_file(tmp_path, monkeypatch):
    from vid_diffusion_bench.metrics import unavailable
    from vid_diffusion_bench.metrics.base import Measurement
    from vid_diffusion_bench.metrics.per_clip import PerClipMetric

    class Score(PerClipMetric):
        name, extractor, needs = "aesthetic", "laion-aesthetic-l-14", ("laion-aesthetic-l-14",)

        def measure(self, clip):
            return Measurement(float(clip.feature("laion-aesthetic-l-14").mean()))

    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path))
    reason = unavailable(Score())
    assert "sa_0_4_vit_l_14_linear.pth" in reason
    assert str(tmp_path) in reason


@pytest.mark.parametrize(
    ("setting", "count", "expected"),
    [("auto", 0, "cpu"), ("auto", 2, "cuda:0"), ("cpu", 2, "cpu"), ("mps", 0, "cpu"), ("cuda", 1, "cuda:0")],
)
def test_the_device_is_the_settings(monkeypatch, setting, count, expected):
    monkeypatch.setenv("VIDBENCH_DEVICE", setting)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert str(network_device()) == expected


def test_a_device_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setenv("VIDBENCH_DEVICE", "cuda:3")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValidationError, match="cuda:3"):
        network_device()


def test_arithmetic_is_exact_inside_and_the_callers_own_outside():
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    try:
        with exact_arithmetic():
            assert not torch.backends.cuda.matmul.allow_tf32
            assert not torch.backends.cudnn.allow_tf32
            assert torch.is_inference_mode_enabled()
        assert torch.backends.cuda.matmul.allow_tf32
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def test_importing_the_registry_loads_no_heavy_library():
    import subprocess

    code = (
        "import sys; from vid_diffusion_bench.features.networks import clip, x_clip, videomae_v2; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_document_names_every_extractor_and_protocol():
    from pathlib import Path

    from vid_diffusion_bench.features.networks import preprocessing

    text = (Path(__file__).parents[3] / "docs" / "extractors.md").read_text(encoding="utf-8")
    protocols = [name for name, value in vars(preprocessing).items() if isinstance(value, preprocessing.Preprocessing)]
    assert [name for name in (*ALL, *protocols) if f"`{name}`" not in text] == []
