"""The gate on real runs: what passes, what regresses, what does not compare, what is counted."""

from __future__ import annotations

import json
import multiprocessing
import re

import numpy as np
import pytest

from vid_diffusion_bench.exceptions import (
    BenchmarkNotFoundError,
    RunLockedError,
    StorageError,
    ValidationError,
)
from vid_diffusion_bench.gate import CostLimit, GateResult, Limits, gate
from vid_diffusion_bench.gate.markdown import markdown
from vid_diffusion_bench.storage import RunStore, load_result
from worse_models import PROMPTS


def check(found, name, group=None):
    return next(one for one in found.checks if one.name == name and group in (None, one.group))


def test_a_run_against_itself_passes(make_run):
    found = gate(make_run(), make_run())
    assert (found.verdict, found.exit_code, found.cohort_differences) == ("pass", 0, [])
    assert (found.pairing.paired, found.pairing.both_clips, found.pairing.prompts) == (6, 6, 6)
    assert check(found, "identical_clips").outcome == "pass"
    assert check(found, "psnr").candidate == 60
    assert check(found, "ssim").candidate == pytest.approx(1)
    assert check(found, "lpips").candidate is None
    assert "weights" in check(found, "lpips").reason
    assert check(found, "motion_smoothness").bound == 0
    assert {check(found, name).outcome for name in ("motion_smoothness", "avg_latency_ms", "peak_ram_gb")} == {"pass"}
    assert check(found, "p95_latency_ms").outcome == "undecided"
    assert check(found, "dynamic_degree").outcome == "reported"
    assert GateResult.model_validate_json(found.model_dump_json()) == found


def test_noise_upon_the_clips_is_a_regression_whose_numbers_are_the_definitions(make_run):
    baseline, candidate = make_run(), make_run(model={"noise": 40.0})
    found = gate(baseline, candidate, only="quality", limits=Limits.parse(closeness=["psnr=30", "ssim=0.1"]))
    assert (found.verdict, found.exit_code) == ("regression", 3)
    assert check(found, "identical_clips").candidate == 0
    assert check(found, "psnr").outcome == "regression"
    assert check(found, "psnr").bound < check(found, "psnr").candidate < 20
    assert check(found, "ssim").outcome == "pass"
    seen = check(found, "motion_smoothness")
    records = [load_result(folder).models[0].records for folder in (baseline, candidate)]
    by_prompt = [{one.prompt: one.scores["motion_smoothness"].value for one in side} for side in records]
    differences = [by_prompt[1][prompt] - by_prompt[0][prompt] for prompt in PROMPTS]
    assert seen.difference == pytest.approx(np.mean(differences))
    assert seen.bound > -seen.difference
    assert seen.outcome == ("regression" if seen.bound > 0.01 else "pass")
    assert gate(candidate, baseline, only="quality").checks[0].outcome == "pass"


def test_a_margin_decides(make_run):
    baseline, candidate = make_run(), make_run(model={"noise": 40.0})
    bound = check(gate(baseline, candidate, only="quality"), "motion_smoothness").bound
    for factor, outcome in ((0.99, "regression"), (1.01, "pass")):
        limits = Limits(margins={"motion_smoothness": bound * factor})
        found = gate(baseline, candidate, only="quality", limits=limits)
        assert check(found, "motion_smoothness").outcome == outcome
        assert check(found, "clip_similarity").outcome == "reported"
        assert found.exit_code == {"regression": 3, "pass": 0}[outcome]


def test_what_is_slower_regresses_only_past_both_thresholds(make_run):
    baseline, slow = make_run(), make_run(model={"rest": 0.1})
    found = gate(baseline, slow)
    latency = check(found, "avg_latency_ms")
    assert (found.exit_code, latency.outcome) == (3, "regression")
    assert latency.confidence_interval[0] <= latency.difference <= latency.confidence_interval[1]
    assert latency.difference > 90
    assert all(one.outcome != "regression" for one in found.group("quality"))
    for relative, absolute in ((0.0, 1e6), (1e6, 0.0)):
        limits = Limits(cost={"avg_latency_ms": CostLimit(relative=relative, absolute=absolute)})
        assert gate(baseline, slow, limits=limits).exit_code == 0
    assert gate(slow, baseline).exit_code == 0


def test_another_machine_makes_costs_not_comparable_and_says_what_differs(make_run, rewrite):
    def elsewhere(result):
        (manifest,) = result.manifests.values()
        other = manifest.model_copy(update={"processor": "another", "packages": {**manifest.packages, "numpy": "0.1"}})
        models = [
            model.model_copy(
                update={"records": [one.model_copy(update={"manifest": other.id}) for one in model.records]}
            )
            for model in result.models
        ]
        return result.model_copy(update={"manifests": {other.id: other}, "models": models})

    baseline, candidate = make_run(), rewrite(make_run(), elsewhere)
    found = gate(baseline, candidate)
    assert (found.verdict, found.exit_code) == ("not comparable", 4)
    assert (check(found, "avg_latency_ms").outcome, check(found, "identical_clips").outcome) == ("undecided", "pass")
    assert any(re.fullmatch(r"processor: .* against another", line) for line in found.cohort_differences)
    assert any(re.fullmatch(r"packages: numpy .* against 0.1", line) for line in found.cohort_differences)
    assert "costs do not compare" in found.reasons[0]
    assert "--only quality judges quality alone" in found.reasons[1]
    assert gate(baseline, candidate, only="quality").exit_code == 0
    assert gate(baseline, rewrite(make_run(model={"drop": (PROMPTS[0],)}), elsewhere)).exit_code == 3
    assert gate(baseline, candidate, under_test=["processor", "packages"]).exit_code == 0
    assert gate(baseline, candidate, only="cost").exit_code == 4
    assert gate(baseline, candidate, only="cost", under_test=["processor", "packages"]).exit_code == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 7}, "no prompt and seed is in both"),
        ({"prompts": ["something else"]}, "no prompt and seed is in both"),
        ({"num_inference_steps": 5}, "num_inference_steps is 3 against 5"),
    ],
)
def test_without_pairs_nothing_compares(make_run, changes, words):
    found = gate(make_run(), make_run(**{"metrics": [], **changes}))
    assert (found.verdict, found.exit_code, found.checks) == ("not comparable", 4, [])
    assert words in found.reasons[0]


def test_what_is_under_test_need_not_agree(make_run):
    found = gate(make_run(), make_run(metrics=[], num_inference_steps=5), under_test=["num_inference_steps"])
    assert found.pairing.paired == 6
    with pytest.raises(ValidationError, match="cannot be under test"):
        gate(make_run(), make_run(), under_test=["weather"])


def test_other_models_compare_only_when_that_is_said(make_run):
    baseline, candidate = make_run(), make_run(name="other-painter")
    assert gate(baseline, candidate).exit_code == 4
    assert gate(baseline, candidate, candidate_model="other-painter").pairing.paired == 6
    assert gate(baseline, candidate, under_test=["model"]).verdict != "not comparable"
    with pytest.raises(ValidationError, match="no model 'nobody'"):
        gate(baseline, candidate, model="nobody")


def test_different_protocols_for_every_metric_do_not_compare(make_run, rewrite):
    def other_protocol(result):
        (model,) = result.models
        metrics = {
            name: one.model_copy(update={"protocol": {**one.protocol, "decoder": "another"}})
            for name, one in model.metric_results.items()
        }
        return result.model_copy(update={"models": [model.model_copy(update={"metric_results": metrics})]})

    found = gate(make_run(), rewrite(make_run(model={"noise": 1.0}), other_protocol))
    assert (found.verdict, found.exit_code) == ("not comparable", 4)
    assert check(found, "motion_smoothness").outcome == "undecided"
    assert "different protocols: decoder differ" in found.reasons[0]


def test_samples_without_clip_or_partner_are_counted(make_run):
    prompts = [*PROMPTS[:-1], "something new"]
    found = gate(make_run(), make_run(model={"drop": (PROMPTS[0],)}, prompts=prompts), only="quality")
    of = found.pairing
    assert (of.paired, of.both_clips, of.lost, of.only_baseline, of.only_candidate) == (5, 4, 1, 1, 1)
    assert of.lost_to == {"GENERATION_FAILED": 1}
    assert check(found, "lost_clips").outcome == "regression"
    assert check(found, "lost_clips").candidate == pytest.approx(1 / 5)
    assert check(found, "motion_smoothness").total == 4
    allowed = gate(make_run(), make_run(model={"drop": (PROMPTS[0],)}), limits=Limits(max_lost=0.2))
    assert check(allowed, "lost_clips").outcome == "pass"
    assert "1 have no clip in the candidate (1 GENERATION\\_FAILED)" in markdown(allowed)


def test_too_few_prompts_prove_nothing(make_run):
    found = gate(make_run(prompts=PROMPTS[:4]), make_run(prompts=PROMPTS[:4], model={"noise": 1.0}))
    assert found.exit_code == 4
    assert "pairs of 4 prompts prove nothing" in found.reasons[0]
    assert gate(make_run(prompts=PROMPTS[:4]), make_run(prompts=PROMPTS[:4])).exit_code == 0


def test_clips_that_are_gone_or_damaged_are_counted(make_run, rewrite):
    folder = rewrite(make_run(), lambda result: result)
    first, second, *_ = load_result(folder).models[0].records
    (folder / first.clip.path).unlink()
    (folder / second.clip.path).write_bytes(b"nothing")
    psnr = check(gate(make_run(), folder), "psnr")
    assert (psnr.n, psnr.total) == (4, 6)
    assert any("2 of 6 pairs cannot be read: the candidate's" in warning for warning in psnr.warnings)
    psnr = check(gate(folder, make_run()), "psnr")
    assert any("the baseline's" in warning for warning in psnr.warnings)


def test_clips_that_were_not_kept_are_said_so(make_run):
    psnr = check(gate(make_run(), make_run(save_videos=False)), "psnr")
    assert psnr.candidate is None
    assert psnr.reason == "the candidate's: the clip was not kept"


@pytest.mark.parametrize("content", ["", "[]", "{", '{"benchmark_id": 1}', "\0"])
def test_a_damaged_result_is_a_clear_error(make_run, rewrite, content):
    folder = rewrite(make_run(), lambda result: result)
    (folder / "results.json").write_text(content)
    with pytest.raises(StorageError, match="cannot be read"):
        gate(make_run(), folder)


def test_a_folder_without_a_run_is_a_clear_error(make_run, tmp_path):
    with pytest.raises(BenchmarkNotFoundError):
        gate(tmp_path / "nowhere", make_run())


def _hold(folder, held, done):
    with RunStore(folder):
        held.set()
        done.wait(60)


def test_a_run_still_being_written_is_refused(make_run, rewrite):
    folder = rewrite(make_run(), lambda result: result)
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    writer = context.Process(target=_hold, args=(folder, held, done))
    writer.start()
    try:
        assert held.wait(60)
        with pytest.raises(RunLockedError):
            gate(make_run(), folder)
    finally:
        done.set()
        writer.join()
    assert gate(make_run(), folder).exit_code == 0


@pytest.mark.parametrize(
    "given",
    [
        {"margins": ["clip_similarity"]},
        {"margins": ["clip_similarity=-1"]},
        {"margins": ["clip_similarity=nan"]},
        {"closeness": ["fvd=3"]},
        {"cost": ["avg_latency_ms=10"]},
        {"cost": ["elegance=10%,3"]},
        {"max_lost": 2.0},
    ],
)
def test_limits_that_make_no_sense_are_refused(given):
    with pytest.raises(ValidationError):
        Limits.parse(**given)


def test_limits_are_read_as_written(make_run):
    limits = Limits.parse(["clipsim=0.5", "clip_score:clip-vit-b-32=3"], ["lpips=0.1"], ["peak_ram_gb=12.5%,2"])
    assert limits.margin("clip_similarity") == 0.5
    assert (limits.margin("clip_score:clip-vit-b-32"), limits.margin("clip_score:clip-vit-b-16")) == (3.0, 1.0)
    assert limits.cost["peak_ram_gb"] == CostLimit(relative=0.125, absolute=2.0)
    assert limits.margin("dynamic_degree") is None
    with pytest.raises(ValidationError, match="neither run measured"):
        gate(make_run(), make_run(), limits=Limits.parse(["fvdd=3"]))


def test_the_command_answers_with_code_table_summary_and_json(make_run, vid_bench, tmp_path):
    asked = ("gate", "--baseline", make_run(), "--candidate", make_run(model={"drop": (PROMPTS[0],)}))
    answer = vid_bench(*asked, "--markdown", tmp_path / "new" / "gate.md")
    assert answer.code == 3
    assert answer.out.startswith("Regression\nworse than allowed: lost_clips")
    lines = (tmp_path / "new" / "gate.md").read_text().splitlines()
    assert lines[0] == "## ❌ Regression"
    rows = [line for line in lines if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    answer = vid_bench(*asked, "--json")
    assert answer.code == 3
    assert GateResult.model_validate(json.loads(answer.out)).verdict == "regression"
    assert vid_bench(*asked, "--max-lost", "2").code == 2
    assert vid_bench("gate", "--baseline", tmp_path, "--candidate", make_run()).code == 2
