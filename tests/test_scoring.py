import json
import tracemalloc
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tiny_extractors import save_extractors
from vid_diffusion_bench.exceptions import (
    InvalidVideoError,
    MetricComputationError,
    MetricNotFoundError,
    ValidationError,
)
from vid_diffusion_bench.features import FeatureRegistry, FeatureStore, builtin
from vid_diffusion_bench.metrics import Context, MetricRegistry, unavailable
from vid_diffusion_bench.scoring import Reference, ScoringClip, accumulate, score, score_folders, summarize
from vid_diffusion_bench.video import Video, write_lossless, write_preview
from vid_diffusion_bench.world.captions import caption
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import sample_scene

RAFT = {name for name in MetricRegistry.names() if any("raft" in need for need in MetricRegistry.get(name).needs)}
"""Their network is torchvision's and not among the tiny ones."""
VBENCH = {"vbench_quality_score", "vbench_semantic_score", "vbench_total_score"}
"""Some of their parts are nobody's here."""
EVERY = [name for name in MetricRegistry.names() if name not in RAFT | VBENCH]


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory):
    return save_extractors(tmp_path_factory.mktemp("extractors") / "weights", one_trunk=True)


@pytest.fixture(autouse=True)
def tiny_extractors(tiny_weights, tiny_networks, monkeypatch):
    monkeypatch.setattr(builtin, "WEIGHTS", tiny_weights)


def rendered(index, size=24, num_frames=5):
    scene = sample_scene(np.random.default_rng(index))
    return caption(scene.attributes), Video(render(scene, num_frames, size, size), 8.0)


class Shelf:
    """Clips that count how often each is decoded."""

    def __init__(self, count=4, start=0, prefix="clip"):
        self.decodes = dict.fromkeys((f"{prefix}-{i}" for i in range(start, start + count)), 0)
        self.clips = [self._clip(key, int(key.split("-")[1])) for key in self.decodes]

    def _clip(self, key, index):
        prompt, video = rendered(index)

        def load():
            self.decodes[key] += 1
            return video

        return ScoringClip(key, f"prompt-{index // 2}", prompt, load, lambda: rendered(index)[1])


def broken_clip(key="broken"):
    def load():
        raise InvalidVideoError(f"{key}.mp4 is empty (0 bytes)")

    return ScoringClip(key, key, "a red circle", load)


def test_all_metrics_cost_one_decode_and_each_feature_once(monkeypatch):
    computed = []
    for name in FeatureRegistry.names():
        extractor = FeatureRegistry.get(name)

        def compute(clip, name=name, extractor=extractor):
            computed.append((clip.key, name))
            return extractor.compute(clip)

        monkeypatch.setitem(FeatureRegistry._entries, name, replace(extractor, compute=compute))
    generated, real = Shelf(16), Shelf(16, start=20, prefix="real")
    scores = score(generated.clips, EVERY, reference=Reference(real.clips, "abc", "sixteen clips"))
    assert set(generated.decodes.values()) == {1}
    assert set(real.decodes.values()) == {1}
    assert len(computed) == len(set(computed))
    running = [metric for metric in map(MetricRegistry.get, EVERY) if unavailable(metric) is None]
    needed = {name for metric in running for name in metric.needs}
    assert {name for key, name in computed if key == "clip-0"} >= needed - {"i3d-styleganv-offset"}
    assert {"shapes-v1-text", "motion", "dino-vit-b-16", "x-clip-base-32"} <= needed
    of_sets = {name for metric in running if metric.uses_reference for name in metric.needs}
    of_real = {name for key, name in computed if key == "real-20"}
    assert {"form", "shapes-v1-video"} <= of_real <= {"form", *of_sets}
    absent = {name for name, result in scores.results.items() if result.value is None}
    # These refuse clips of five frames of 24 pixels; the others of sixteen clips have a number.
    sixteen_frames = {
        name
        for name in EVERY
        if any(need.startswith(("i3d", "c3d", "videomae-v2")) for need in MetricRegistry.get(name).needs)
    }
    assert absent - {"temporal_flickering"} == {"ms_ssim", "lpips"} | sixteen_frames


def test_scoring_again_gives_the_same_bits_in_any_order():
    def run(clips):
        scores = score(clips, EVERY, reference=Reference(Shelf(5, 10, "real").clips, "abc", "five"))
        return {name: result.model_dump_json() for name, result in scores.results.items()}, scores.per_clip

    shelf = Shelf(5)
    first, again, backwards = run(shelf.clips), run(shelf.clips), run(shelf.clips[::-1])
    assert first == again
    assert first[0] == backwards[0]
    assert first[1] == {name: dict(values) for name, values in backwards[1].items()}


def test_results_carry_the_names_that_were_asked_for():
    scores = score(Shelf(3).clips, ["is", "Dynamic-Degree"])
    assert list(scores.results) == ["is", "Dynamic-Degree"]
    assert [result.name for result in scores.results.values()] == ["is", "Dynamic-Degree"]
    assert set(scores.per_clip["Dynamic-Degree"]) == {"clip-0", "clip-1", "clip-2"}
    assert scores.per_clip["is"]["clip-0"].value is None
    assert "set" in scores.per_clip["is"]["clip-0"].reason


def test_a_broken_clip_is_named_counted_and_skipped():
    shelf = Shelf(3)
    whole = score(shelf.clips, EVERY)
    scores = score([shelf.clips[0], broken_clip(), *shelf.clips[1:]], EVERY)
    assert scores.broken == {"broken": "broken.mp4 is empty (0 bytes)"}
    for name, result in scores.results.items():
        assert result.value == whole.results[name].value
        assert result.total == 4
        assert scores.per_clip[name]["broken"].value is None
    consistency = scores.results["temporal_consistency"]
    assert (consistency.n, consistency.metadata["coverage"]) == (3, 0.75)
    assert consistency.metadata["missing"] == {"the clip cannot be decoded": 1}


def test_nothing_but_broken_clips_is_a_reason():
    scores = score([broken_clip("a"), broken_clip("b")], EVERY, total=5)
    assert set(scores.broken) == {"a", "b"}
    for result in scores.results.values():
        assert result.value is None
        assert "decoded" in result.reason
        assert result.total == 5


def test_failed_samples_lower_the_coverage():
    result = score(Shelf(3).clips, ["motion_smoothness"], total=10).results["motion_smoothness"]
    assert (result.n, result.total, result.metadata["coverage"]) == (3, 10, 0.3)


def test_an_unknown_metric_stops_before_any_work():
    shelf = Shelf(2)
    with pytest.raises(MetricNotFoundError, match="fdv"):
        score(shelf.clips, ["motion_smoothness", "fdv"])
    assert set(shelf.decodes.values()) == {0}


def test_two_clips_of_one_key_are_refused():
    clip = Shelf(1).clips[0]
    with pytest.raises(ValidationError, match="clip-0"):
        score([clip, clip], ["motion_smoothness"])


def test_without_a_reference_the_reason_is_given():
    result = score(Shelf(3).clips, ["fvd"], reference_reason="prompts outside the built-in world").results["fvd"]
    assert (result.value, result.reason) == (None, "prompts outside the built-in world")


def test_kept_features_save_the_second_pass_its_decodes_and_networks(tmp_path, monkeypatch):
    generated, real = Shelf(3), Shelf(3, 10, "real")
    clips = [replace(clip, content=partial(str, clip.key)) for clip in [*generated.clips, *real.clips]]
    reference, store = Reference(clips[3:], "abc", "three"), FeatureStore(tmp_path)
    names = ["fvd", "clip_similarity", "temporal_consistency", "is", "dynamic_degree", "overall_score"]
    first = score(clips[:3], names, reference=reference, store=store)
    for name in ("shapes-v1-video", "shapes-v1-text", "motion"):
        monkeypatch.setitem(FeatureRegistry._entries, name, replace(FeatureRegistry.get(name), compute=forbidden))
    again = score(clips[:3], names, reference=reference, store=store)
    assert set(generated.decodes.values()) == set(real.decodes.values()) == {1}
    assert {name: result.model_dump_json() for name, result in again.results.items()} == {
        name: result.model_dump_json() for name, result in first.results.items()
    }
    assert again.per_clip == first.per_clip


def forbidden(clip):
    raise AssertionError(f"{clip.key} was computed again")


def test_another_prompt_or_other_pixels_are_other_features(tmp_path):
    store, (clip, other) = FeatureStore(tmp_path), Shelf(2).clips
    kept = replace(clip, content=lambda: "pixels")
    first = score([kept], ["clip_similarity"], store=store).per_clip["clip_similarity"][clip.key]
    asked = replace(kept, prompt="a blue square growing on a white background")
    assert score([asked], ["clip_similarity"], store=store).per_clip["clip_similarity"][clip.key] != first
    pixels = replace(other, key=clip.key, prompt=clip.prompt, content=lambda: "other pixels")
    assert score([pixels], ["clip_similarity"], store=store).per_clip["clip_similarity"][clip.key] != first
    unknown = replace(kept, content=lambda: None)
    assert score([unknown], ["clip_similarity"], store=store).per_clip["clip_similarity"][clip.key] == first


def test_shards_merge_to_the_same_bits():
    clips, names = Shelf(6).clips, [*EVERY]
    reference = Reference(Shelf(6, 10, "real").clips, "abc", "six")
    metrics = {name: MetricRegistry.get(name) for name in names}
    whole = score(clips, names, reference=reference)
    shards = [accumulate(clips[start::3], metrics) for start in (2, 0, 1)]
    seen = shards[0].merge(shards[1]).merge(shards[2])
    real = accumulate(reference.clips[3:], metrics, reference=True).merge(
        accumulate(reference.clips[:3], metrics, reference=True)
    )
    merged = summarize(clips, metrics, seen, real, lambda name: Context(name, 6, "abc", "six"))
    for name in names:
        assert merged.results[name].model_dump_json() == whole.results[name].model_dump_json()


def test_processes_give_the_same_bits_and_name_the_same_broken_clips(tmp_path):
    for number in range(5):
        write_lossless(tmp_path / f"{number}.mkv", rendered(number)[1])
    (tmp_path / "broken.mp4").write_text("no video")
    names = ["temporal_consistency", "dynamic_degree", "motion_smoothness"]
    counted = []
    alone = score_folders(None, tmp_path, names)
    several = score_folders(None, tmp_path, names, workers=2, progress=lambda *count: counted.append(count))
    assert several == alone
    assert counted[-1] == (6, 6)
    assert list(several.broken) == ["broken.mp4"]


def test_a_killed_process_is_an_error_with_a_remedy(tmp_path):
    write_lossless(tmp_path / "clip.mkv", rendered(0)[1])
    MetricRegistry.register("deadly", "deadly_metric:Deadly")
    try:
        with pytest.raises(MetricComputationError, match="killed") as caught:
            score_folders(None, tmp_path, ["deadly"], workers=2)
    finally:
        MetricRegistry.unregister("deadly")
    assert "fewer workers" in caught.value.remedy


def test_what_cannot_travel_is_refused():
    with pytest.raises(ValidationError, match="another process"):
        score(Shelf(2).clips, ["dynamic_degree"], workers=2)
    with pytest.raises(ValidationError, match="at least 1"):
        score([], ["dynamic_degree"], workers=0)


def test_broken_real_clips_are_named_too():
    reference = Reference([*Shelf(3, 10, "real").clips, broken_clip()], "abc", "four")
    scores = score(Shelf(3).clips, ["fvd"], reference=reference)
    assert scores.broken == {}
    assert list(scores.broken_reference) == ["broken"]
    assert any("1 real clip could not be decoded" in line for line in scores.results["fvd"].warnings)


def test_missing_weights_leave_the_other_metrics(tmp_path, monkeypatch):
    monkeypatch.setattr(builtin, "WEIGHTS", tmp_path)
    scores = score(Shelf(2).clips, ["fvd", "clip_similarity", "motion_smoothness"])
    assert scores.results["motion_smoothness"].value is not None
    for name in ("fvd", "clip_similarity"):
        assert scores.results[name].value is None
        assert "missing" in scores.results[name].reason
        assert set(scores.per_clip[name]) == {"clip-0", "clip-1"}


def test_progress_counts_every_clip():
    seen, seen_real = [], []
    score(
        [*Shelf(2).clips, broken_clip()],
        ["fvd"],
        reference=Reference(Shelf(2, 10, "real").clips, "abc", "two"),
        progress=lambda done, total: seen.append((done, total)),
        reference_progress=lambda done, total: seen_real.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert seen_real == [(1, 2), (2, 2)]


def test_memory_does_not_grow_with_the_number_of_clips():
    def fresh(index):
        def load():
            frames = np.zeros((6, 128, 128, 3), np.uint8)
            frames[:, :, index % 128] = index % 251
            return Video(frames, 8.0)

        return ScoringClip(str(index), str(index), None, load)

    def peak(count):
        tracemalloc.start()
        score([fresh(i) for i in range(count)], ["fvd", "temporal_flickering", "psnr"])
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(2)
    one_clip = 6 * 128 * 128 * 3
    assert peak(60) < peak(10) + one_clip


@pytest.fixture
def folders(tmp_path):
    real, generated = tmp_path / "real", tmp_path / "generated"
    real.mkdir()
    generated.mkdir()
    for index in range(3):
        _, video = rendered(index, size=32)
        write_lossless(real / f"{index}.mkv", video)
        write_preview(generated / f"{index}.mp4", video)
    return real, generated


def test_folders_of_files_are_scored_and_paired_by_name(folders):
    real, generated = folders
    (generated / "empty.mp4").touch()
    (generated / "notes.mp4").write_text("this is no video")
    stills = generated / "stills"
    stills.mkdir()
    for number, frame in enumerate(rendered(7, size=32)[1].frames):
        Image.fromarray(frame).save(stills / f"{number:03}.png")
    scores = score_folders(real, generated, EVERY, subsample=True)
    assert set(scores.broken) == {"empty.mp4", "notes.mp4"}
    assert scores.results["fvd"].metadata["n_per_set"] == 3
    assert scores.results["fvd"].total == 6
    assert scores.results["ssim"].n == 0
    assert "differs in frames or size" in scores.per_clip["ssim"]["0.mp4"].reason
    assert "no real clip" in scores.per_clip["ssim"]["stills"].reason
    assert "prompt" in scores.results["clip_similarity"].reason
    assert scores.results["dynamic_degree"].n == 4


def test_pairs_of_equal_size_are_compared(tmp_path, folders):
    real, _ = folders
    copies = tmp_path / "copies"
    copies.mkdir()
    for path in real.iterdir():
        write_lossless(copies / path.name, rendered(int(path.stem), size=32)[1])
    scores = score_folders(real, copies, ["psnr", "ssim"])
    assert scores.results["psnr"].value == 60.0
    assert scores.results["ssim"].value == pytest.approx(1.0)


def test_prompts_come_from_a_file_or_beside_the_clip(folders):
    _, generated = folders
    (generated / "prompts.json").write_text(json.dumps({"0": "a red circle", "1.mp4": "a blue square"}))
    (generated / "2.txt").write_text("a red circle\n")
    scores = score_folders(None, generated, ["clip_similarity", "fvd"])
    assert scores.results["clip_similarity"].n == 3
    assert scores.results["clip_similarity"].metadata["interval_method"] == "bootstrap of 2 prompts"
    assert scores.results["fvd"].reason == "no folder of real videos was given"


def test_prompts_of_clips_that_are_not_there_are_told(folders):
    real, generated = folders
    (generated / "prompts.json").write_text(json.dumps({"0": "a red circle", "1.mp4": "x", "9.mp4": "y", "clip": "z"}))
    (real / "prompts.json").write_text(json.dumps({f"no-{i}": "x" for i in range(9)}))
    scores = score_folders(real, generated, ["dynamic_degree"])
    assert scores.notes == {"prompts.json has a prompt for 9.mp4, clip, which is not in the folder": ["9.mp4", "clip"]}
    ((said, keys),) = scores.notes_reference.items()
    assert said.endswith("no-3, no-4, ..., which is not in the folder")
    assert len(keys) == 9


def test_prompts_that_are_no_mapping_are_refused(folders):
    _, generated = folders
    (generated / "prompts.json").write_text("[1, 2]")
    with pytest.raises(ValidationError, match="mapping"):
        score_folders(None, generated, ["clip_similarity"])


def test_the_real_set_is_known_by_its_bytes(folders):
    real, generated = folders
    first = score_folders(real, generated, ["fvd"]).results["fvd"]
    assert score_folders(real, generated, ["fvd"]).results["fvd"] == first
    write_lossless(real / "0.mkv", rendered(9, size=32)[1])
    assert score_folders(real, generated, ["fvd"]).results["fvd"].protocol_fingerprint != first.protocol_fingerprint


@pytest.mark.parametrize("missing", ["real", "generated"])
def test_a_missing_or_empty_folder_is_an_error(folders, tmp_path, missing):
    real, generated = folders
    empty = tmp_path / "empty"
    empty.mkdir()
    for bad in (empty, Path("no-such-folder")):
        arguments = {"real": real, "generated": generated, missing: bad}
        with pytest.raises(InvalidVideoError):
            score_folders(metrics=["fvd"], **arguments)


def test_what_the_reader_noted_is_told_with_and_without_decoding(tmp_path):
    noted = Video(rendered(0)[1].frames, 8.0, ("alpha: dropped",))
    clips = [ScoringClip(key, key, None, lambda: noted, content=lambda: "noted") for key in ("b", "a")]
    plain = ScoringClip("c", "c", None, lambda: rendered(0)[1])
    store = FeatureStore(tmp_path)
    for _ in range(2):
        scores = score([*clips, plain], ["dynamic_degree"], store=store)
        assert scores.notes == {"alpha: dropped": ["a", "b"]}
        clips = [replace(clip, load=forbidden) for clip in clips]


def test_a_renamed_file_is_known_by_its_bytes(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    write_lossless(tmp_path / "one" / "a.mkv", rendered(0)[1])
    first = score_folders(None, tmp_path / "one", ["temporal_consistency"])
    (tmp_path / "one" / "a.mkv").rename(tmp_path / "one" / "b.mkv")
    monkeypatch.setattr("vid_diffusion_bench.scoring.files.read_video", forbidden)
    again = score_folders(None, tmp_path / "one", ["temporal_consistency"])
    assert again.results["temporal_consistency"].value == first.results["temporal_consistency"].value
