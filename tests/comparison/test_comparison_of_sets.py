"""A p-value for a Fréchet distance, from the features of real clips, against every labelling by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from vid_diffusion_bench.comparison import Question, compare
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.engine import run
from vid_diffusion_bench.features import Clip
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance
from vid_diffusion_bench.models import ModelRegistry
from vid_diffusion_bench.models.oracle import OracleModel
from vid_diffusion_bench.prompts import prompt_set
from vid_diffusion_bench.scoring.reference import find_reference
from vid_diffusion_bench.storage import ClipStore
from vid_diffusion_bench.video import Video

PROMPTS = list(prompt_set("shapes-demo"))[:8]


class Noisy(OracleModel):
    """The oracle under grain of so many grey levels."""

    grain = 12.0

    def identity(self):
        return {**super().identity(), "grain": self.grain}

    def generate(self, requests, on_step):
        clips = super().generate(requests, on_step)
        return [self._grained(clip, request.seed) for clip, request in zip(clips, requests, strict=True)]

    def _grained(self, clip, seed):
        noise = np.random.default_rng(seed).normal(0, self.grain, clip.frames.shape)
        return Video(np.clip(clip.frames + noise, 0, 255).astype(np.uint8), clip.fps)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder, cache = tmp_path_factory.mktemp("sets"), tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDBENCH_CACHE_DIR", str(cache))
        ModelRegistry.register("noisy", Noisy)
        try:
            fields = {"models": ["shapes-oracle", "noisy"], "prompts": PROMPTS, "metrics": ["fvd", "inception_score"]}
            result = run(BenchmarkConfig.create(**fields, output_dir=str(folder), device="cpu", warmup=0, seed=3))
        finally:
            ModelRegistry.unregister("noisy")
        yield result, folder, cache


def _features(result, folder):
    """Of both models' clips and of the real ones, computed anew, (8, D) each."""
    store = ClipStore(folder)

    def of(clips):
        return np.stack([clip.feature("shapes-v1-video").features for clip in clips]).astype(np.float64)

    sets = [[Clip(r.key, r.prompt_id, lambda r=r: store.read(r.clip)) for r in m.records] for m in result.models]
    reference, _ = find_reference(None, [record for model in result.models for record in model.records])
    real = [entry.open() for entry in sorted(reference.clips, key=lambda c: c.key) if entry.key not in reference.spare]
    return of(sets[0]), of(sets[1]), of(real)


def test_the_p_value_is_the_share_of_labellings_at_least_as_far_apart(made, monkeypatch):
    result, folder, cache = made
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", str(cache))
    one = compare([result], question=Question(metrics=["fvd"])).figure("fvd").differences[0]
    first, second, real = _features(result, folder)
    assert one.first_value == pytest.approx(frechet_distance(first, real), rel=1e-9)
    assert one.first_value == pytest.approx(result.models[0].metrics["fvd"], rel=1e-9)
    assert one.difference == pytest.approx(frechet_distance(first, real) - frechet_distance(second, real), rel=1e-9)

    def apart(coins):
        swap = np.array(coins, bool)[:, None]
        mixed = np.where(swap, second, first), np.where(swap, first, second)
        return abs(frechet_distance(mixed[0], real) - frechet_distance(mixed[1], real))

    observed = abs(one.difference)
    exact = np.mean([apart(coins) >= observed * (1 - 1e-9) for coins in product((0, 1), repeat=8)])
    assert one.p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 999) + 1 / 1000)
    assert "exchange" in " ".join(compare([result], question=Question(metrics=["fvd"])).methods)


def test_an_inception_score_has_one_too(made, monkeypatch):
    result, _, cache = made
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", str(cache))
    one = compare([result], question=Question(metrics=["is"])).figure("inception_score").differences[0]
    assert one.first_value == pytest.approx(result.models[0].metrics["inception_score"])
    assert 0 < one.p_value <= 1


def test_features_that_are_gone_are_computed_only_when_asked(made, monkeypatch, tmp_path):
    result, _, _ = made
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", str(tmp_path))
    refused = compare([result], question=Question(metrics=["fvd"])).figure("fvd").differences[0]
    assert refused.p_value is None
    assert "--compute-features" in refused.reason
    monkeypatch.setattr("vid_diffusion_bench.comparison.whole_sets.RESAMPLES", 19)
    computed = compare([result], question=Question(metrics=["fvd"], compute_features=True)).figure("fvd").differences[0]
    assert computed.p_value is not None


def test_few_prompts_have_a_difference_and_no_p_value(made, monkeypatch):
    result, _, cache = made
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", str(cache))
    first, second = result.models
    cut = second.model_copy(update={"records": second.records[:4]})
    whole = result.model_copy(update={"models": [first, cut]})
    one = compare([whole], question=Question(metrics=["inception_score"])).figure("inception_score").differences[0]
    assert one.n == 4
    assert "6 are needed" in one.reason
