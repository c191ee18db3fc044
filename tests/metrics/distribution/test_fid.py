import numpy as np
import pytest
import scipy.linalg
import torch
from torchmetrics.image.fid import _compute_fid

from vid_diffusion_bench.features import FeatureStore
from vid_diffusion_bench.metrics import Context, State
from vid_diffusion_bench.metrics.distribution import fid
from vid_diffusion_bench.metrics.distribution.fid import Fid
from vid_diffusion_bench.metrics.distribution.frechet import frechet_distance_of_moments
from vid_diffusion_bench.metrics.distribution.moments import moments

pytestmark = pytest.mark.usefixtures("pixel_extractors")
INCEPTION = "inception-v3-torchscript"


def computed(generated, real, **context):
    metric, state = Fid(), State()
    for clip in generated:
        metric.update(state, clip)
    for clip in real:
        metric.update(state, clip, reference=True)
    return metric.compute(state, Context("fid", reference="abc", **context))


def sets(small_clip, n=9, m=9, num_frames=5, store=None):
    generated = [small_clip(i, num_frames, store=store) for i in range(n)]
    return generated, [small_clip(i, shift=20, side="r", store=store) for i in range(m)]


def test_it_is_the_distance_between_all_frames_of_both_sets(small_clip):
    generated, real = sets(small_clip)
    result = computed(generated, real)
    frames = [np.concatenate([clip.feature(INCEPTION).features for clip in side]) for side in (generated, real)]
    (m1, s1), (m2, s2) = ((x.mean(axis=0, dtype=float), np.cov(x.astype(float), rowvar=False)) for x in frames)
    expected = np.square(m1 - m2).sum() + np.trace(s1 + s2 - 2 * scipy.linalg.sqrtm(s1 @ s2).real)
    assert result.value == pytest.approx(expected, rel=1e-8)
    assert result.value == pytest.approx(float(_compute_fid(*map(torch.from_numpy, (m1, s1, m2, s2)))), rel=1e-8)
    assert result.label == "fid[inception-v3-torchscript]"
    assert result.protocol["n_per_set"] == 9
    assert result.protocol["frames"] == result.metadata["frames"] == {"generated": 45, "real": 45}
    assert [line for line in result.warnings if "noise floor" not in line] == []


def test_the_number_of_frames_is_part_of_the_protocol(small_clip):
    short, long = computed(*sets(small_clip)), computed(*sets(small_clip, num_frames=6))
    assert short.protocol_fingerprint != long.protocol_fingerprint
    assert long.metadata["frames"] == {"generated": 54, "real": 45}


@pytest.mark.parametrize(("n", "num_frames", "few"), [(2, 3, True), (3, 2, True), (2, 4, False)])
def test_sets_that_cannot_fill_a_covariance_are_compared_without_one(small_clip, monkeypatch, n, num_frames, few):
    """Six features: at six frames and below; both ways give one number."""
    taken = []
    for name in ("frechet_distance", "frechet_distance_of_moments"):
        form = getattr(fid, name)
        monkeypatch.setattr(fid, name, lambda *of, form=form, name=name: taken.append(name) or form(*of))
    generated = [small_clip(i, num_frames) for i in range(n)]
    real = [small_clip(i, num_frames, shift=20, side="r") for i in range(n)]
    result = computed(generated, real)
    assert taken == ["frechet_distance" if few else "frechet_distance_of_moments"]
    frames = [np.concatenate([clip.feature(INCEPTION).features for clip in side]) for side in (generated, real)]
    assert result.value == pytest.approx(frechet_distance_of_moments(*(moments([side]) for side in frames)), rel=1e-9)
    assert result.metadata["frames"] == {"generated": n * num_frames, "real": n * num_frames}
    assert sum("cannot fill a covariance of 6 features" in line for line in result.warnings) == 2 * few


def test_few_frames_and_unequal_sets_are_said(small_clip):
    few = computed(*sets(small_clip, 2, 2, num_frames=3))
    assert any("6 generated frames cannot fill a covariance of 6 features" in line for line in few.warnings)
    assert not any("real frames" in line for line in few.warnings)
    unequal = computed(*sets(small_clip, 4, 7))
    assert unequal.value is None
    assert "4 generated and 7 real" in unequal.reason


def test_equal_sets_are_at_zero_and_order_and_keeping_change_not_a_bit(small_clip, tmp_path):
    generated, real = sets(small_clip)
    whole = computed(generated, real)
    assert computed(generated[::-1], real[::-1]) == whole
    assert computed(*sets(small_clip, store=FeatureStore(tmp_path))) == whole
    same = computed(generated, [small_clip(i, side="") for i in range(9)])
    assert same.value == pytest.approx(0, abs=1e-12)


def test_a_state_holds_places_and_not_features(small_clip, tmp_path):
    metric, state = Fid(), State()
    metric.update(state, small_clip(0, store=FeatureStore(tmp_path)))
    kept = state.generated["clip-0"].value
    assert kept.value is None
    assert kept.path.is_relative_to(tmp_path)


def test_states_of_the_same_clip_merge_where_nothing_is_kept(small_clip):
    metric, first, second = Fid(), State(), State()
    metric.update(first, small_clip(0))
    metric.update(second, small_clip(0))
    assert list(first.merge(second).generated) == ["clip-0"]
