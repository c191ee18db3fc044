"""The learned metrics through the real network classes at tiny random weights, frames of photographs."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from natural import natural_clip
from vid_diffusion_bench import weights
from vid_diffusion_bench.exceptions import WeightsNotFoundError
from vid_diffusion_bench.features import Clip, FeatureStore
from vid_diffusion_bench.features.networks import preprocessing
from vid_diffusion_bench.metrics.built_in import LEARNED
from vid_diffusion_bench.scoring import ScoringClip, score
from vid_diffusion_bench.video import Video

CLIP_MODELS = ("clip-vit-b-32", "clip-vit-b-16", "clip-vit-l-14")
PROMPTS = ("a red circle moving left", "cat and dog over a square background " * 12)
VIDEOS = [natural_clip(kind, seed, frames, 60, 80)[0] for kind, seed, frames in (("pan", 0, 4), ("zoom", 1, 7))]

pytestmark = pytest.mark.usefixtures("tiny_networks", "tiny_extractors")


def opened(index):
    return Clip(str(index), str(index), lambda: VIDEOS[index], prompt=PROMPTS[index], paired=lambda: real(index))


def real(index):
    return Video(VIDEOS[index].frames[::-1].copy(), 8.0)


def scored(names, store=None):
    clips = [
        ScoringClip(
            str(i), str(i), PROMPTS[i], lambda i=i: VIDEOS[i], lambda i=i: real(i), lambda i=i: f"pixels of {i}"
        )
        for i in range(len(VIDEOS))
    ]
    return score(clips, list(names), store=store).results


def units(name):
    features = [np.asarray(opened(i).feature(name), np.float64) for i in range(len(VIDEOS))]
    return [each / np.sqrt((each * each).sum(axis=1))[:, None] for each in features]


@pytest.mark.parametrize("model", CLIP_MODELS)
def test_similarity_and_score_are_torchmetrics(tiny_networks, model):
    """torchmetrics with transformers' own model and processors, one clip at a time."""
    from torchmetrics.multimodal.clip_score import CLIPScore
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    network = CLIPModel.from_pretrained(tiny_networks / model).eval()
    tokenizer = CLIPTokenizer.from_pretrained(tiny_networks / model)
    # transformers 5 wraps the embeddings that torchmetrics takes as they are, and splits its processor in two.
    two_towers = SimpleNamespace(
        to=lambda _device: two_towers,
        parameters=network.parameters,
        get_image_features=lambda pixels: network.get_image_features(pixels).pooler_output,
        get_text_features=lambda ids, mask: network.get_text_features(ids, mask).pooler_output,
        config=network.config,
    )

    def processor(text=None, images=None, **_options):
        if images is not None:
            return CLIPImageProcessorPil()([i.permute(1, 2, 0).numpy() for i in images], return_tensors="pt")
        return tokenizer(text, truncation=True, max_length=77, padding=True, return_tensors="pt")

    expected = []
    for video, prompt in zip(VIDEOS, PROMPTS, strict=True):
        witness = CLIPScore(model_name_or_path=lambda: (two_towers, processor))
        frames = list(torch.from_numpy(video.frames).permute(0, 3, 1, 2))
        with torch.inference_mode():
            expected.append(float(witness(frames, [prompt] * len(frames))))
    assert max(expected) > 10
    results = scored([f"clip_score:{model}", f"clip_similarity:{model}"])
    assert results[f"clip_score:{model}"].value == pytest.approx(np.mean(expected), abs=1e-3)
    assert 0 < results[f"clip_similarity:{model}"].metadata["truncated_share"] < 0.5
    assert any("cut" in line for line in results[f"clip_similarity:{model}"].warnings)


@pytest.mark.parametrize(
    ("name", "extractor"),
    [
        ("subject_consistency", "dino-vit-b-16"),
        ("subject_consistency:vbench-0.1.5", "dino-vit-b-16"),
        ("background_consistency", "clip-vit-b-32"),
        ("background_consistency:vbench-0.1.5", "clip-vit-b-32-vbench"),
    ],
)
def test_consistency_is_the_formula_on_the_networks_features(name, extractor):
    sums = []
    for features in units(extractor):
        pairs = np.maximum((features[1:] * features[:-1]).sum(axis=1), 0) + np.maximum(features[1:] @ features[0], 0)
        sums.append((pairs.sum() / 2, len(pairs)))
    micro = sum(total for total, _ in sums) / sum(pairs for _, pairs in sums)
    macro = np.mean([total / pairs for total, pairs in sums])
    assert micro != pytest.approx(macro, abs=1e-6)
    expected = micro if name.endswith("0.1.5") else macro
    assert scored([name])[name].value == pytest.approx(expected, abs=1e-12)


def test_clip_temporal_consistency_and_i2v_subject_are_their_formulas_on_the_networks_features():
    adjacent = [(f[1:] * f[:-1]).sum(axis=1).mean() for f in units("clip-vit-b-32")]
    assert scored(["clip_temp"])["clip_temp"].value == pytest.approx(np.mean(adjacent), abs=1e-12)
    expected = []
    for index, features in enumerate(units("dino-vit-b-16")):
        whole = Clip("real", "real", lambda index=index: real(index)).feature("dino-vit-b-16")[0].astype(float)
        steps = np.maximum((features[1:] * features[:-1]).sum(axis=1), 0)
        to_image = np.maximum(features @ (whole / np.linalg.norm(whole)), 0)
        expected.append(0.4 * to_image.max() + 0.3 * steps.mean() + 0.3 * steps.min())
    assert scored(["i2v_subject"])["i2v_subject"].value == pytest.approx(np.mean(expected), abs=1e-6)


def test_aesthetic_quality_is_the_head_on_unit_vectors(tiny_networks):
    head = torch.load(tiny_networks / "sa_0_4_vit_l_14_linear.pth", weights_only=True)
    weight, bias = head["weight"].numpy().astype(float)[0], float(head["bias"])
    expected = [(features @ weight + bias).mean() / 10 for features in units("clip-vit-l-14-vbench")]
    assert scored(["aesthetic_quality"])["aesthetic_quality"].value == pytest.approx(np.mean(expected), abs=1e-6)


def test_x_clip_similarity_is_the_networks_own_logit(tiny_networks):
    from transformers import CLIPTokenizer, XCLIPModel

    network = XCLIPModel.from_pretrained(tiny_networks / "x-clip-base-32").eval()
    tokenizer = CLIPTokenizer.from_pretrained(tiny_networks / "x-clip-base-32")
    video = natural_clip("pan", 0, 8, 60, 80)[0]
    tokens = tokenizer([PROMPTS[0]], return_tensors="pt")
    with torch.inference_mode():
        seen = network(**tokens, pixel_values=preprocessing.VIDEOMAE(video.frames)[None])
        expected = float(seen.logits_per_video / network.logit_scale.exp())
    clips = [ScoringClip("a", "a", PROMPTS[0], lambda: video)]
    result = score(clips, ["video_text_similarity"]).results["video_text_similarity"]
    assert result.value == pytest.approx(expected, abs=1e-5)


def test_every_learned_metric_in_one_pass_and_again_from_what_was_kept(tmp_path):
    fresh, kept = scored(LEARNED, FeatureStore(tmp_path)), scored(LEARNED, FeatureStore(tmp_path))
    for name in LEARNED:
        assert fresh[name].value is not None, fresh[name].reason
        assert kept[name] == fresh[name]
    assert {path.name for path in tmp_path.iterdir()} >= {"dino-vit-b-16", "laion-aesthetic-l-14", "x-clip-base-32"}


def test_absent_weights_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("VIDBENCH_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    results = scored(LEARNED)
    for name in LEARNED:
        assert (results[name].value is None) == (name not in {"clip_similarity", "clip_score"})
    with pytest.raises(WeightsNotFoundError) as absent:
        weights.find("dino-vit-b-16")
    assert results["subject_consistency"].reason.startswith(absent.value.message)
    total = scored(["vbench_quality_score"])["vbench_quality_score"]
    for part in ("subject_consistency", "background_consistency", "imaging_quality", "aesthetic_quality"):
        assert part in total.reason
