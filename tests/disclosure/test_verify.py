"""A whole bundle verifies anywhere; a bundle with one changed number, prompt or clip does not, and says which."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from disclosure_answers import outcomes, told
from hypothesis import given, settings
from hypothesis import strategies as st

from vid_diffusion_bench.config import derive_seed, prompt_id
from vid_diffusion_bench.disclosure import bundle, verify
from vid_diffusion_bench.disclosure.contents import BundleManifest
from vid_diffusion_bench.disclosure.statement import archive_checks
from vid_diffusion_bench.video import Video, read_video, write_lossless

AGREES = {"bit for bit", "within tolerance"}
"""Of a score: how many threads torch had decides the last bits of a network's output."""


def test_a_bundle_verifies_in_a_fresh_process_elsewhere(bundled, tmp_path):
    """Another working folder, other caches, other settings: nothing but the file and the package."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("VIDBENCH_", "XDG_", "HF_"))}
    folders = {name: str(tmp_path / name.lower()) for name in ("VIDBENCH_CACHE_DIR", "VIDBENCH_WEIGHTS_DIR", "HOME")}
    (tmp_path / "elsewhere").mkdir()
    code = "import sys; from vid_diffusion_bench.cli.app import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(bundled), "--json"],
        cwd=tmp_path / "elsewhere", env={**own, **folders}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "verified"
    outcomes_of = {(check["part"] == "scores", check["outcome"]) for check in found["checks"]}
    assert outcomes_of <= {(False, "bit for bit"), *((True, outcome) for outcome in AGREES)}
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not list(tmp_path.glob("vidbench_cache_dir/features/**/*.npz")), "no feature is kept of what is not trusted"


def test_threads_here_do_not_matter_where_the_machine_has_those_of_the_run(tmp_path):
    """The bits of a network's output depend on them, so a bundle is scored with as many as its run had."""
    from vid_diffusion_bench.config import BenchmarkConfig
    from vid_diffusion_bench.engine import run
    from vid_diffusion_bench.profiling import threads_used

    config = BenchmarkConfig.create(
        models=["shapes-oracle"], prompts=["a red circle moving left on a black background"], num_frames=9,
        metrics=["clip_similarity"], warmup=0, device="cpu", output_dir=str(tmp_path / "run"),
    )  # fmt: skip
    with threads_used(1):
        run(config)
    bundle(tmp_path / "run", tmp_path / "b.zip")
    with threads_used(2):
        found = verify(tmp_path / "b.zip")
    assert outcomes(found, "scores") == {"shapes-oracle: clip_similarity": "bit for bit"}
    assert found.notes == []


def test_a_scoring_later_with_other_threads_is_scored_with_those(tmp_path, monkeypatch):
    from vid_diffusion_bench.config import BenchmarkConfig
    from vid_diffusion_bench.engine import rescore, run
    from vid_diffusion_bench.profiling import thread_count, threads_used

    config = BenchmarkConfig.create(
        models=["shapes-oracle"], prompts=["a red circle moving left on a black background"], num_frames=9,
        metrics=["clip_similarity"], warmup=0, device="cpu", output_dir=str(tmp_path / "run"),
    )  # fmt: skip
    with threads_used(1):
        assert run(config).scoring_threads == 1
    monkeypatch.setenv("VIDBENCH_CACHE_DIR", str(tmp_path / "cache"))
    with threads_used(2):
        assert rescore(tmp_path / "run").scoring_threads == 2
    bundle(tmp_path / "run", tmp_path / "b.zip")
    seen = []
    module = sys.modules["vid_diffusion_bench.disclosure.verify"]
    score = module.score_checks
    monkeypatch.setattr(module, "score_checks", lambda *asked: (seen.append(thread_count()), score(*asked))[1])
    with threads_used(1):
        found = verify(tmp_path / "b.zip")
    assert outcomes(found, "scores") == {"shapes-oracle: clip_similarity": "bit for bit"}
    assert seen == [2]
    with threads_used(1):
        assert rescore(tmp_path / "run", metrics=["sharpness"]).scoring_threads is None, "one was computed by another"


def test_a_score_that_is_only_near_is_explained(forgery):
    """The environment is the run's own, so nobody would expect another last digit."""

    def change(data):
        scores = [record["scores"]["clip_similarity"] for record in data["models"][1]["records"]]
        for score in (*scores, data["models"][1]["metric_results"]["clip_similarity"]):
            score["value"] = float(np.nextafter(score["value"], 10))

    forgery.edit_result(change)
    found = verify(forgery.write())
    assert outcomes(found)["shapes-small: clip_similarity"] == "within tolerance"
    assert len(found.notes) == 1
    assert "number of threads" in found.notes[0]
    assert "a change" in found.notes[0]


def test_more_threads_than_this_machine_has_are_not_started(forgery):
    def change(data):
        (manifest,) = data["manifests"].values()
        manifest["threads"] = 10**9

    forgery.edit_result(change)
    assert any("threads 1000000000 (here" in note for note in verify(forgery.write()).notes)


def test_every_metric_that_runs_here_verifies(copied, tmp_path):
    """No false alarm from what a metric adds to its protocol or its metadata."""
    from vid_diffusion_bench.engine import rescore
    from vid_diffusion_bench.metrics import MetricRegistry, unavailable

    names = [name for name in MetricRegistry.names() if unavailable(MetricRegistry.get(name)) is None]
    assert {"fvd", "inception_score", "blockiness", "coverage"} <= set(names)
    rescore(copied, metrics=names)
    bundle(copied, tmp_path / "b.zip")
    found = verify(tmp_path / "b.zip")
    assert found.verdict == "verified", told(found)
    assert {check.outcome for check in found.checks if check.part != "scores"} == {"bit for bit"}
    assert {check.outcome for check in found.checks if check.part == "scores"} <= AGREES


def test_the_published_hash_is_held_against_it(bundled, forgery):
    sha256 = verify(bundled).sha256
    assert verify(bundled, sha256=sha256.upper()).verdict == "verified"
    forgery.edit_result(lambda data: data["models"][0]["records"][0]["cost"].update(latency=1e-6))
    forged = verify(forgery.write(), sha256=sha256)
    assert "sha256 of bundle.json" in told(forged)


def _set(metric, **fields):
    return lambda data: data["models"][1]["metric_results"][metric].update(fields)


NUMBERS = {
    "mean": (_set("clip_similarity", value=0.9), "shapes-small: clip_similarity: value"),
    "mean in the last digits": (_set("sharpness", value=None), "sharpness"),
    "interval": (_set("clip_similarity", confidence_interval=[0.1, 0.2]), "clip_similarity: confidence_interval[0]"),
    "set metric": (_set("kvd", value=1.5), "shapes-small: kvd: value"),
    "noise floor": (
        lambda data: data["models"][1]["metric_results"]["kvd"]["metadata"].update(noise_floor=7.0),
        "shapes-small: kvd: metadata.noise_floor",
    ),
    "count": (_set("clip_similarity", n=4, total=4), "shapes-small: clip_similarity: n"),
    "latency": (
        lambda data: data["models"][1]["performance_results"]["avg_latency_ms"].update(value=1.0),
        "shapes-small: avg_latency_ms: value",
    ),
    "success": (
        lambda data: data["models"][1]["performance_results"]["success_rate"].update(value=0.5),
        "shapes-small: success_rate: value",
    ),
    "formula": (
        lambda data: data["models"][1]["metric_results"]["sharpness"]["protocol"].update(formula="mine"),
        "shapes-small: sharpness: protocol: formula",
    ),
}


@pytest.mark.parametrize("rehash", [True, False], ids=["rehashed", "not rehashed"])
@pytest.mark.parametrize("what", NUMBERS)
def test_a_changed_number_of_the_results_is_named(forgery, what, rehash):
    change, name = NUMBERS[what]

    def changed(data):
        change(data)
        if what == "mean in the last digits":
            stated = json.loads(original)["models"][1]["metric_results"]["sharpness"]["value"]
            data["models"][1]["metric_results"]["sharpness"]["value"] = float(np.nextafter(stated, 10))

    original = forgery.members["results.json"]
    forgery.edit_result(changed)
    found = verify(forgery.write(rehash=rehash))
    assert found.verdict == "does not agree"
    assert any(name in line for line in told(found)), told(found)
    assert ("results.json" in told(found)) is not rehash


def test_a_score_changed_with_its_mean_is_found_by_scoring_again(forgery):
    """A careful forger: the score of one clip, the mean and the interval of all, every file and hash made to fit."""
    from vid_diffusion_bench.statistics import cluster_bootstrap, mean

    def change(data):
        model = data["models"][1]
        model["records"][1]["scores"]["clip_similarity"]["value"] += 0.01
        rows = sorted((r["key"], r["scores"]["clip_similarity"]["value"], r["prompt_id"]) for r in model["records"])
        values, clusters = [row[1] for row in rows], [row[2] for row in rows]
        model["metric_results"]["clip_similarity"].update(
            value=mean(values), confidence_interval=list(cluster_bootstrap(values, clusters))
        )

    forgery.edit_result(change)
    found = verify(forgery.write())
    by_name = outcomes(found)
    assert by_name["shapes-small: means, intervals and counts of the records' scores"] == "bit for bit"
    record = forgery.result.models[1].records[1]
    name = f"clip_similarity of shapes-small, prompt {record.prompt_id} {record.prompt!r}, sample 0, seed {record.seed}"
    assert name in told(found)
    assert by_name["shapes-small: clip_similarity"] == "differs"
    assert by_name["shapes-oracle: clip_similarity"] in AGREES


@pytest.mark.parametrize("rehash", [True, False], ids=["rehashed", "not rehashed"])
def test_a_score_of_one_record_is_named(forgery, rehash):
    forgery.edit_result(lambda data: data["models"][0]["records"][1]["scores"]["motion_smoothness"].update(value=1.0))
    found = verify(forgery.write(rehash=rehash))
    record = forgery.result.models[0].records[1]
    assert any("motion_smoothness of shapes-oracle" in line and record.prompt_id in line for line in told(found))
    assert "shapes-oracle: motion_smoothness: value" in told(found)


NEW = "a yellow circle moving down on a black background"


def _other_prompt(data, *, seeds=False):
    old = data["config"]["prompts"][0]
    data["config"]["prompts"][0] = NEW
    for model in data["models"]:
        for record in model["records"]:
            if record["prompt"] == old:
                record.update(prompt=NEW, prompt_id=prompt_id(NEW))
                if seeds:
                    record["seed"] = derive_seed(0, NEW, record["index"])


@pytest.mark.parametrize("rehash", [True, False], ids=["rehashed", "not rehashed"])
def test_a_changed_prompt_with_its_id_is_named(forgery, rehash):
    forgery.edit_result(_other_prompt)
    found = verify(forgery.write(rehash=rehash))
    assert any(line.startswith("seed of shapes-small") and NEW in line for line in told(found))
    assert any(line.startswith("key of shapes-oracle") and NEW in line for line in told(found))
    assert any(line.startswith("clip_similarity of shapes-small") and NEW in line for line in told(found))


def test_a_changed_prompt_with_id_and_seed_and_key_is_found_by_scoring_again(forgery):
    from vid_diffusion_bench.disclosure.keys import _keys

    forgery.edit_result(lambda data: _other_prompt(data, seeds=True))
    forged = forgery.result
    keys = {r.key: next(iter(_keys(r, [r], model, forged))) for model in forged.models for r in model.records}

    def change(data):
        for model in data["models"]:
            for record in model["records"]:
                record["key"] = keys[record["key"]]

    forgery.edit_result(change)
    found = verify(forgery.write())
    assert set(outcomes(found, "records").values()) == {"bit for bit"}, "all of it fits together"
    assert any(line.startswith("clip_similarity of shapes-small") and NEW in line for line in told(found))
    assert any("fingerprint of the real clips" in line for line in told(found))


def test_a_prompt_changed_in_its_own_file_alone_is_named(forgery):
    forgery.edit("prompts.json", lambda data: data[1].update(prompt="a dog"))
    assert "prompts.json: [1].prompt" in told(verify(forgery.write()))


@pytest.mark.parametrize("field", ["seed", "num_inference_steps", "guidance_scale", "precision"])
def test_changed_parameters_are_named(forgery, field):
    def change(data):
        record = data["models"][1]["records"][0]
        if field == "precision":
            (manifest,) = data["manifests"].values()
            manifest["precision"] = "fp16"
        elif field == "seed":
            record["seed"] += 1
        else:
            record["parameters"][field] = 4

    forgery.edit_result(change)
    found = verify(forgery.write())
    assert any(line.startswith("key of shapes-small") for line in told(found))


@pytest.mark.parametrize("rehash", [True, False], ids=["rehashed", "not rehashed"])
def test_a_swapped_clip_is_named(forgery, rehash):
    """The file of one clip in the place of another's: its pixels are not those of the record."""
    record = forgery.result.models[1].records[0]
    forgery.members[record.clip.path] = forgery.members[forgery.result.models[1].records[1].clip.path]
    found = verify(forgery.write(rehash=rehash))
    assert any(line.startswith("clip of shapes-small") and record.prompt_id in line for line in told(found))
    assert (record.clip.path in told(found)) is not rehash


def test_a_better_clip_with_its_hash_updated_is_found_by_scoring_again(forgery):
    """The oracle's clip under the small model's name, every hash made to fit."""
    better, worse = (forgery.result.models[index].records[0] for index in (0, 1))
    del forgery.members[worse.clip.path]
    forgery.edit_result(
        lambda data: data["models"][1]["records"][0].update(clip=json.loads(better.clip.model_dump_json()))
    )
    found = verify(forgery.write())
    assert outcomes(found, "clips") == {"pixels of the clips": "bit for bit"}
    assert any(line.startswith("clip_similarity of shapes-small") and worse.prompt_id in line for line in told(found))


def test_one_changed_pixel_with_its_hash_updated_is_found_by_scoring_again(forgery, tmp_path):
    record = forgery.result.models[1].records[0]
    (tmp_path / "clip.mkv").write_bytes(forgery.members.pop(record.clip.path))
    video = read_video(tmp_path / "clip.mkv")
    frames = video.frames.copy()
    frames[4, 30, 30] ^= 0x80
    write_lossless(tmp_path / "changed.mkv", Video(frames, video.fps))
    sha256 = Video(frames, video.fps).sha256()
    forgery.members[f"clips/{sha256}.mkv"] = (tmp_path / "changed.mkv").read_bytes()
    clip = {**json.loads(record.clip.model_dump_json()), "sha256": sha256, "path": f"clips/{sha256}.mkv"}
    forgery.edit_result(lambda data: data["models"][1]["records"][0].update(clip=clip))
    found = verify(forgery.write())
    assert any(line.startswith("sharpness of shapes-small") for line in told(found))


def test_what_is_shown_twice_must_be_the_same(forgery):
    """A number that is computed when the result is read again, and that a person would read in the file."""

    def change(data):
        data["model_results"]["shapes-small"]["clip_similarity"] = 0.99
        data["models"][1]["metrics"]["kvd"] = 0.0

    forgery.edit("results.json", change)
    found = told(verify(forgery.write()))
    assert "results.json: model_results.shapes-small.clip_similarity" in found
    assert "results.json: models[1].metrics.kvd" in found


def test_a_sample_that_was_left_out_is_missed(forgery):
    forgery.edit_result(lambda data: data["models"][1]["records"].pop(1))
    assert "number of samples of shapes-small" in told(verify(forgery.write()))


def test_a_number_for_what_was_never_measured_is_found(forgery):
    def change(data):
        data["models"][1]["metric_results"]["video_text_similarity"].update(
            value=0.9, reason=None, interval_reason="none"
        )

    forgery.edit_result(change)
    assert any("video_text_similarity: without a protocol" in line for line in told(verify(forgery.write())))


def test_a_score_beside_the_metrics_is_found(forgery):
    forgery.edit_result(lambda data: data["models"][1]["records"][0]["scores"].update(fvd={"value": 1.0}))
    assert any("the run has no such metric" in line for line in told(verify(forgery.write())))


def test_other_weights_cannot_be_checked_and_are_told(forgery):
    def change(data):
        for model in data["models"]:
            features = model["metric_results"]["kvd"]["protocol"]["features"]
            features["shapes-v1-video"]["weights_sha256"] = "0" * 64

    forgery.edit_result(change)
    found = verify(forgery.write())
    (check,) = [check for check in found.checks if check.name == "shapes-small: kvd"]
    assert check.outcome == "cannot be checked here"
    assert "weights_sha256" in check.detail
    assert found.verdict == "partly verified"


def test_other_library_versions_widen_the_tolerance_and_are_told(forgery):
    def change(data):
        for model in data["models"]:
            result = model["metric_results"]["clip_similarity"]
            result["protocol"]["features"]["shapes-v1-text"]["torch"] = "2.9.0"
            result["value"] *= 1 + 1e-4
            for record in model["records"]:
                record["scores"]["clip_similarity"]["value"] *= 1 + 1e-4

    forgery.edit_result(change)
    (check,) = [check for check in verify(forgery.write()).checks if check.name == "shapes-small: clip_similarity"]
    assert check.outcome == "within tolerance"
    assert check.tolerance == 1e-3
    assert "torch 2.9.0" in check.detail
    assert 5e-5 < check.largest < 2e-4


def test_a_metric_that_is_not_known_here_cannot_be_checked(forgery):
    def change(data):
        for model in data["models"]:
            result = model["metric_results"].pop("sharpness")
            model["metric_results"]["beauty"] = {**result, "name": "beauty"}
            for record in model["records"]:
                record["scores"]["beauty"] = record["scores"].pop("sharpness")

    forgery.edit_result(change)
    assert outcomes(verify(forgery.write()))["shapes-small: beauty"] == "cannot be checked here"


def test_without_clips_the_records_are_still_held_against_each_other(shapes_run, forge, tmp_path):
    bundle(shapes_run, tmp_path / "thin.zip", clips=False)
    found = verify(tmp_path / "thin.zip")
    assert found.verdict == "partly verified"
    assert not found.differences
    assert outcomes(found, "scores") == {"scores of the clips": "cannot be checked here"}
    forged = forge(tmp_path / "thin.zip")
    forged.edit_result(_set("clip_similarity", value=0.9))
    assert "shapes-small: clip_similarity: value" in told(verify(forged.write()))


def test_a_clip_taken_out_is_missed(forgery):
    record = forgery.result.models[0].records[0]
    del forgery.members[record.clip.path]
    forgery.edit_result(lambda data: None)
    found = told(verify(forgery.write()))
    assert any(line.startswith("clip of shapes-oracle") and record.prompt_id in line for line in found)


def test_a_folder_of_real_clips_is_given_or_missed(tmp_path):
    from vid_diffusion_bench.config import BenchmarkConfig
    from vid_diffusion_bench.engine import run
    from vid_diffusion_bench.world.reference import ReferenceSet

    def folder(name, seed):
        (tmp_path / name).mkdir()
        for index, (_, frames) in enumerate(ReferenceSet(4, seed, num_frames=9)):
            write_lossless(tmp_path / name / f"{index}.mkv", Video(frames, 8.0))
        return tmp_path / name

    real, other = folder("real", 1), folder("other", 2)
    prompts = [f"a {colour} circle" for colour in ("red", "blue", "green", "white")]
    run(BenchmarkConfig.create(
        models=["shapes-oracle"], prompts=prompts, metrics=["fvd"], num_frames=9, warmup=0, device="cpu",
        reference=str(real), output_dir=str(tmp_path / "run"),
    ))  # fmt: skip
    bundle(tmp_path / "run", tmp_path / "b.zip")
    title = "shapes-oracle: fvd"
    assert outcomes(verify(tmp_path / "b.zip"))[title] == "cannot be checked here"
    moved = real.rename(tmp_path / "moved")
    assert verify(tmp_path / "b.zip", reference=moved).verdict == "verified"
    wrong = verify(tmp_path / "b.zip", reference=other)
    assert outcomes(wrong)[title] == "cannot be checked here"
    assert any("0.mkv" in check.detail for check in wrong.checks if check.part == "reference")


@pytest.fixture(scope="module")
def contents(bundled):
    import zipfile

    with zipfile.ZipFile(bundled) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_flipping_any_bits_of_any_byte_of_any_member_is_found(contents, data):
    """As the archive's check sees it, so that hundreds can be tried; one of them goes through a file below."""
    from vid_diffusion_bench.disclosure.archive import describe, is_clip
    from vid_diffusion_bench.exceptions import VidBenchError

    name = data.draw(st.sampled_from(sorted(contents)))
    at = data.draw(st.integers(0, len(contents[name]) - 1))
    mask = data.draw(st.integers(1, 255))
    changed = bytearray(contents[name])
    changed[at] ^= mask
    members = {**contents, name: bytes(changed)}
    texts = {name: content for name, content in members.items() if not is_clip(name)}
    files = {name: describe(content) for name, content in members.items() if is_clip(name)}
    try:
        manifest = BundleManifest.model_validate_json(texts["bundle.json"])
        checks = archive_checks(manifest, texts, files, None)
    except (ValueError, VidBenchError):
        assert name == "bundle.json"
        return
    assert any(check.outcome == "differs" for check in checks), (name, at, mask)


@pytest.mark.parametrize("member", ["results.json", "samples.json", "README.md", "clips"])
def test_a_flipped_byte_is_named_by_its_file(forgery, member):
    name = forgery.clips[0] if member == "clips" else member
    changed = bytearray(forgery.members[name])
    changed[len(changed) // 2] ^= 1
    forgery.members[name] = bytes(changed)
    assert name in told(verify(forgery.write(rehash=False)))


@pytest.mark.parametrize("version", ["0.0.1", None])
def test_sentences_of_another_version_may_be_worded_otherwise_and_numbers_may_not(forgery, version):
    def reworded(data):
        for manifest in data["manifests"].values():
            manifest["packages"]["vid-diffusion-bench"] = version or manifest["packages"]["vid-diffusion-bench"]
        for model in data["models"]:
            model["performance_results"]["peak_vram_gb"]["reason"] = "in other words"
            model["metric_results"]["kvd"]["warnings"] = ["in other words"]

    forgery.edit_result(reworded)
    found = verify(forgery.write())
    named = " ".join(difference.what for difference in found.differences)
    assert ("peak_vram_gb: reason" in named, "kvd: warnings" in named) == (version is None,) * 2
    if version:
        forgery.edit_result(lambda data: data["models"][0]["performance_results"]["avg_latency_ms"].update(value=1.0))
        assert "avg_latency_ms: value" in " ".join(d.what for d in verify(forgery.write()).differences)
