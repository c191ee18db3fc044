"""The packaged weights answer to what is wrong with a clip."""

import numpy as np
import pytest

from vid_diffusion_bench.scoring import Reference, ScoringClip, score
from vid_diffusion_bench.video import Video
from vid_diffusion_bench.world.captions import VALID, caption
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import sample_scene

CHOSEN = [VALID[i] for i in np.random.default_rng(7).choice(len(VALID), 16, replace=False)]
PROMPTS = [caption(attributes) for attributes in CHOSEN]


def rendered(stream):
    return [render(sample_scene(np.random.default_rng([stream, i]), one)) for i, one in enumerate(CHOSEN)]


def noisy(frames, strength, seed):
    noise = np.random.default_rng(seed).normal(0, strength, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def scored(frames, prompts, metrics, reference=None):
    clips = [
        ScoringClip(str(i), prompt, prompt, lambda one=one: Video(one, 8.0))
        for i, (one, prompt) in enumerate(zip(frames, prompts, strict=True))
    ]
    return {name: result.value for name, result in score(clips, metrics, reference=reference).results.items()}


@pytest.fixture(scope="module")
def reference():
    clips = [ScoringClip(f"r{i}", str(i), None, lambda one=one: Video(one, 8.0)) for i, one in enumerate(rendered(1))]
    return Reference(clips, "rendered", "16 rendered clips")


METRICS = ["fvd", "clip_similarity", "inception_score"]


@pytest.fixture(scope="module")
def truth(reference):
    return scored(rendered(0), PROMPTS, METRICS, reference)


def test_distance_grows_and_similarity_falls_with_noise(reference, truth):
    damaged = [
        scored([noisy(one, strength, i) for i, one in enumerate(rendered(0))], PROMPTS, METRICS, reference)
        for strength in (30, 90)
    ]
    fvd, similarity, inception = ([rung[name] for rung in (truth, *damaged)] for name in METRICS)
    assert fvd == sorted(fvd)
    assert fvd[2] > 2 * fvd[0]
    assert similarity == sorted(similarity, reverse=True)
    assert inception[0] > inception[2]


def test_a_clip_is_nearer_to_its_own_prompt_than_to_anothers(truth):
    others = scored(rendered(0), PROMPTS[1:] + PROMPTS[:1], ["clip_similarity"])["clip_similarity"]
    assert truth["clip_similarity"] > 0.8
    assert others < 0.4


def test_one_class_has_no_variety(truth):
    alike = scored(rendered(0)[:1] * 3, PROMPTS[:3], ["is"])["is"]
    assert alike == pytest.approx(1.0, abs=1e-9)
    assert truth["inception_score"] > 6
