"""The published FVD protocols: normaliser, N, sampling of real clips, and the number from files."""

import numpy as np
import pytest
import scipy.linalg

from natural import natural_clip
from vid_diffusion_bench.features import Clip, FeatureRegistry, get_extractor
from vid_diffusion_bench.metrics import Context, MetricRegistry, Row, State
from vid_diffusion_bench.scoring import score_folders
from vid_diffusion_bench.video import Video, read_video, write_lossless

I3D_VARIANTS = ("fvd:tf-hub-2019", "fvd:styleganv-2048x16", "fvd:cdfvd-i3d")
NORMALISERS = {**dict.fromkeys(I3D_VARIANTS, 0), "fvd:tf-hub-2019": 1, "fvd": 1}


def written_out(first, second, ddof):
    s1, s2 = (np.cov(x, rowvar=False, ddof=ddof) for x in (first, second))
    gap = np.square(first.mean(0) - second.mean(0)).sum()
    return gap + np.trace(s1 + s2) - 2 * np.trace(scipy.linalg.sqrtm(s1 @ s2)).real


def drawn(seed, n, d=6):
    return np.random.default_rng(seed).normal(seed, 1 + seed, (n, d)).astype(np.float32)


def state(generated, real):
    sides = (
        {f"{side}{i}": Row(str(i), row) for i, row in enumerate(rows)} for side, rows in (("g", generated), ("r", real))
    )
    return State(*sides)


@pytest.mark.usefixtures("tiny_networks")
@pytest.mark.parametrize(("name", "ddof"), NORMALISERS.items())
def test_each_protocol_has_its_own_normaliser(name, ddof):
    generated, real = drawn(0, 20), drawn(1, 20)
    result = MetricRegistry.get(name).compute(state(generated, real), Context(name, reference="abc"))
    assert result.value == pytest.approx(written_out(generated.astype(float), real.astype(float), ddof), rel=1e-9)
    assert f"over {'N-1' if ddof else 'N'}," in result.protocol["formula"]


@pytest.mark.usefixtures("tiny_networks")
def test_styleganv_compares_2048_clips_whatever_there_are_more():
    metric = MetricRegistry.get("fvd:styleganv-2048x16")
    result = metric.compute(state(drawn(0, 2050, 2), drawn(1, 2060, 2)), Context(metric.name, reference="abc"))
    assert result.metadata["n_per_set"] == 2048
    assert not any("below" in line for line in result.warnings)
    few = metric.compute(state(drawn(0, 20, 2), drawn(1, 20, 2)), Context(metric.name, reference="abc"))
    assert any("below the 2048" in line for line in few.warnings)


@pytest.mark.usefixtures("tiny_networks")
def test_styleganv_reads_real_clips_from_an_offset_and_generated_from_their_start():
    video = natural_clip("pan", 3, 24, 40, 40)[0]
    metric = MetricRegistry.get("fvd:styleganv-2048x16")
    clip = Clip("a", "a", lambda: video)
    assert np.array_equal(metric.measure(clip).value, clip.feature("i3d-styleganv"))
    assert np.array_equal(metric.measure_real(clip).value, clip.feature("i3d-styleganv-offset"))
    assert not np.array_equal(metric.measure(clip).value, metric.measure_real(clip).value)
    assert set(metric.protocol()["features"]) == {"i3d-styleganv", "i3d-styleganv-offset"}


@pytest.mark.usefixtures("tiny_networks")
def test_protocols_are_told_apart():
    protocols = [MetricRegistry.get(name).protocol() for name in I3D_VARIANTS]
    assert len({str(protocol) for protocol in protocols}) == len(protocols)
    assert [MetricRegistry.get(name).label for name in I3D_VARIANTS] == [
        "fvd[tf-hub-2019]", "fvd[styleganv-2048x16]", "fvd[cdfvd-i3d]",
    ]  # fmt: skip
    assert MetricRegistry.get("fvd[cdfvd-i3d]").name == "fvd:cdfvd-i3d"


def save_clips(folder, seeds, num_frames=16):
    folder.mkdir()
    for seed in seeds:
        write_lossless(folder / f"{seed:02d}.mkv", natural_clip("rotation", seed, num_frames, 40, 48)[0])
    return folder


@pytest.mark.usefixtures("tiny_networks")
def test_from_files_to_the_number_and_again_without_a_network(tmp_path, monkeypatch):
    real, generated = save_clips(tmp_path / "real", range(3)), save_clips(tmp_path / "generated", range(10, 13))
    write_lossless(generated / "13.mkv", Video(read_video(generated / "10.mkv").frames[:15], 8.0))
    passes = []
    extractor = get_extractor("i3d-cdfvd")
    compute = extractor.compute
    counted = type(extractor)(
        extractor.name, lambda clip: (passes.append(clip.key), compute(clip))[1], extractor.identity, extractor.output
    )
    monkeypatch.setitem(FeatureRegistry._entries, "i3d-cdfvd", counted)
    first = score_folders(real, generated, ["fvd:cdfvd-i3d"]).results["fvd:cdfvd-i3d"]
    features = [
        np.stack([compute(Clip(path.name, "", lambda p=path: read_video(p))) for path in sorted(folder.iterdir())[:3]])
        for folder in (real, generated)
    ]
    assert first.value == pytest.approx(written_out(*(x.astype(float) for x in features), 0), rel=1e-5)
    assert first.n == 3
    assert first.metadata["missing"] == {"this FVD reads 16 frames, the clip has 15": 1}
    assert len(passes) == 7
    again = score_folders(real, generated, ["fvd:cdfvd-i3d"]).results["fvd:cdfvd-i3d"]
    assert again.value == first.value
    # Only the clip that has no feature is looked at again.
    assert passes[7:] == ["13.mkv"]


@pytest.mark.parametrize("name", I3D_VARIANTS)
def test_absent_weights_are_the_reason(name, tmp_path):
    clips = save_clips(tmp_path / "real", range(2))
    result = score_folders(clips, clips, [name]).results[name]
    assert result.value is None
    assert "i3d" in result.reason
