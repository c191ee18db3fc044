"""The analysis of experiments: against statsmodels, pingouin and definitions, and what it says where it cannot test."""

import json
import math
import runpy
import subprocess
import sys

import numpy as np
import pandas as pd
import pingouin
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.multitest import multipletests

from simulated_experiments import clustered, designed, results_of
from vid_diffusion_bench.exceptions import BenchmarkNotFoundError, StorageError, ValidationError
from vid_diffusion_bench.research import ExperimentalFramework, ExperimentResults
from vid_diffusion_bench.research.fits import BOTH
from vid_diffusion_bench.results import MetricResult

EXACT = {"rel": 1e-10, "abs": 1e-12}


def analyse(results, **more):
    return ExperimentalFramework().analyze_results(results, **more)


def slope(settings):
    return 0.1 * settings["num_inference_steps"] + 0.2 * (settings["guidance_scale"] == 4.0)


@pytest.fixture(scope="module")
def complete():
    """Steps x guidance, 9 prompts of 2 seeds: results, and the cell means that a witness starts from."""
    results = results_of(designed(prompts=9, sample_size=18), clustered(np.random.default_rng(1), slope))
    frame = results.frame()
    cells = frame.groupby(["prompt", "num_inference_steps", "guidance_scale"], as_index=False)["quality"].mean()
    return results, cells


def test_effects_are_those_of_statsmodels_repeated_measures(complete):
    results, cells = complete
    table = AnovaRM(cells, "quality", "prompt", within=["num_inference_steps", "guidance_scale"]).fit().anova_table
    analysis = analyse(results).metric("quality")
    assert analysis.method == "repeated measures"
    for effect in analysis.effects:
        row = table.loc[effect.term]
        assert effect.f == pytest.approx(row["F Value"], **EXACT)
        assert (effect.df1, effect.df2) == (row["Num DF"], row["Den DF"])
        assert effect.p_uncorrected == pytest.approx(row["Pr > F"], **EXACT)


def test_the_correction_for_sphericity_and_eta_are_pingouins(complete):
    results, cells = complete
    effects = {effect.term: effect for effect in analyse(results).metric("quality").effects}
    one_way = cells.groupby(["prompt", "guidance_scale"], as_index=False)["quality"].mean()
    row = pingouin.rm_anova(one_way, dv="quality", within="guidance_scale", subject="prompt", effsize="np2").iloc[0]
    ours = effects["guidance_scale"]
    about = {"dv": "quality", "within": "guidance_scale", "subject": "prompt"}
    lower, upper = (pingouin.epsilon(one_way, correction=kind, **about) for kind in ("gg", "hf"))
    assert ours.epsilon == pytest.approx((lower + upper) / 2 if lower < 0.75 else upper, **EXACT)
    assert ours.p_value == pytest.approx(stats.f.sf(ours.f, ours.epsilon * 2, ours.epsilon * 16), **EXACT)
    assert ours.partial_eta_squared == pytest.approx(row["np2"], **EXACT)
    both = pingouin.rm_anova(
        cells, dv="quality", within=["num_inference_steps", "guidance_scale"], subject="prompt", effsize="np2"
    )
    for (_, row), effect in zip(both.iterrows(), effects.values(), strict=True):
        assert effect.partial_eta_squared == pytest.approx(row["np2"], **EXACT)


@pytest.mark.parametrize(("spread", "correction"), [(1.0, "Huynh–Feldt"), (12.0, BOTH)])
def test_both_corrections_are_pingouins(spread, correction):
    rng = np.random.default_rng(3)
    results = results_of(
        designed({"num_inference_steps": [2, 4, 6]}, 25),
        lambda s, p, i: float(rng.normal() * (spread if s["num_inference_steps"] == 6 else 1.0)),
    )
    effect = analyse(results).metric("quality").effects[0]
    about = {"dv": "quality", "within": "num_inference_steps", "subject": "prompt"}
    lower, upper = (pingouin.epsilon(results.frame(), correction=kind, **about) for kind in ("gg", "hf"))
    assert effect.correction == correction
    assert effect.epsilon == pytest.approx((lower + upper) / 2 if correction == BOTH else upper, **EXACT)


def test_contrasts_are_paired_t_tests_of_the_prompts_means(complete):
    results, cells = complete
    analysis = analyse(results).metric("quality")
    means = cells.groupby(["prompt", "guidance_scale"])["quality"].mean().unstack()
    contrast = next(c for c in analysis.contrasts if (c.first, c.second) == ("1", "8"))
    test = stats.ttest_rel(means[8.0], means[1.0])
    assert contrast.p_value == pytest.approx(test.pvalue, **EXACT)
    assert contrast.difference == pytest.approx((means[8.0] - means[1.0]).mean(), **EXACT)
    assert contrast.interval == pytest.approx(tuple(test.confidence_interval()), **EXACT)
    d = (means[8.0] - means[1.0]).mean() / (means[8.0] - means[1.0]).std(ddof=1)
    assert contrast.hedges_g == pytest.approx(d * (1 - 3 / (4 * 8 - 1)), rel=1e-2)


def test_p_values_are_corrected_within_a_metric_and_across():
    rng = np.random.default_rng(2)
    one, two = clustered(rng, slope), clustered(rng)
    results = results_of(
        designed(prompts=8, metrics=["first", "second"]),
        lambda s, p, i: {"first": one(s, p, i), "second": two(s, p, i)},
    )
    analysis = analyse(results, significance_level=0.01)
    raw = [effect.p_value for metric in analysis.metrics for effect in metric.effects]
    found = [effect.q_bh for metric in analysis.metrics for effect in metric.effects]
    assert found == pytest.approx(multipletests(raw, method="fdr_bh")[1].tolist(), **EXACT)
    for metric in analysis.metrics:
        for family in (metric.effects, metric.contrasts):
            expected = multipletests([entry.p_value for entry in family], method="holm")[1]
            assert [entry.p_holm for entry in family] == pytest.approx(expected.tolist(), **EXACT)
            assert [entry.significant for entry in family] == [entry.p_holm <= 0.01 for entry in family]


def test_means_are_the_cells_means_and_their_intervals_are_within_prompts(complete):
    results, cells = complete
    means = cells.groupby(["prompt", "guidance_scale"])["quality"].mean().unstack()
    found = {mean.levels[0]: mean for mean in analyse(results).metric("quality").means if len(mean.factors) == 1}
    deviation = means[4.0] - means.mean(axis=1)
    half = stats.t.isf(0.025, 8) * deviation.std(ddof=1) / 3
    assert found["4"].mean == pytest.approx(means[4.0].mean(), **EXACT)
    assert found["4"].interval == pytest.approx((means[4.0].mean() - half, means[4.0].mean() + half), **EXACT)


def with_gaps(seed=3):
    value = clustered(np.random.default_rng(seed), slope)
    return results_of(
        designed(prompts=9),
        lambda s, p, i: None if p == "prompt 4" and s["guidance_scale"] == 8.0 else value(s, p, i),
    )


def test_with_gaps_it_is_statsmodels_mixed_model():
    results = with_gaps()
    analysis = analyse(results).metric("quality")
    assert analysis.method == "mixed model"
    frame = results.frame().dropna(subset=["quality"])
    centre, spread = frame["quality"].mean(), frame["quality"].std(ddof=0)
    frame["y"] = (frame["quality"] - centre) / spread
    formula = "y ~ C(num_inference_steps, Sum) * C(guidance_scale, Sum)"
    fit = smf.mixedlm(formula, frame, groups=frame["prompt"]).fit(reml=True)
    effect = analysis.effect("num_inference_steps")
    t = fit.tvalues["C(num_inference_steps, Sum)[S.2]"]
    assert effect.f == pytest.approx(t**2, rel=1e-6)
    # Within blocks: cells - blocks + 1 - columns.
    assert effect.df2 == len(frame) - 9 + 1 - 6
    assert effect.p_value == pytest.approx(stats.f.sf(effect.f, 1, effect.df2), **EXACT)
    contrast = next(c for c in analysis.contrasts if c.factor == "num_inference_steps")
    # Sum coding: the first level's coefficient is minus half of the difference of two.
    assert contrast.difference == pytest.approx(-2 * fit.params["C(num_inference_steps, Sum)[S.2]"] * spread, rel=1e-6)
    assert contrast.p_value == pytest.approx(effect.p_value, rel=1e-9)


def test_an_incomplete_design_without_a_difference_between_prompts_is_still_tested():
    """The prompts' variance is at its bound of zero; blocks are fixed then, and least squares is the witness."""
    rng = np.random.default_rng(11)
    results = results_of(
        designed({"num_inference_steps": [2, 4, 6]}, 6, 4),
        lambda s, p, i: float(rng.normal() - 3 * int(p.split()[1]) % 2),
    )
    analysis = analyse(results).metric("quality")
    frame = results.frame()
    if analysis.method == "fixed blocks":
        fit = smf.ols("quality ~ C(num_inference_steps, Sum) + C(prompt, Sum)", frame).fit()
        names = [name for name in fit.params.index if "steps" in name]
        test = fit.f_test(np.eye(len(fit.params))[[list(fit.params.index).index(name) for name in names]])
        assert analysis.effects[0].f == pytest.approx(float(test.fvalue), rel=1e-9)
    assert analysis.effects[0].df2 == len(frame) - 6 + 1 - 3
    assert analysis.effects[0].p_value is not None


@pytest.mark.parametrize("kind", ["factorial", "gaps", "hypercube", "fraction", "one prompt"])
def test_the_bundles_plain_script_finds_the_same_numbers(tmp_path, kind):
    value = clustered(np.random.default_rng(7))
    switches = {f"x{number}": [-1, 1] for number in range(4)}
    experiment = {
        "factorial": lambda: designed(prompts=7, sample_size=10),
        "gaps": lambda: designed({"num_inference_steps": [2, 4, 6], "scheduler": ["a", "b"]}, 9, 4),
        "hypercube": lambda: designed(
            {"guidance_scale": [1.0, 9.0], "extra:x": [0.0, 1.0]}, 6, design="latin_hypercube", points=8
        ),
        "fraction": lambda: designed(switches, 6, design="fractional_factorial"),
        "one prompt": lambda: designed(prompts=1, sample_size=6),
    }[kind]()
    analysis = analyse(results_of(experiment, value))
    folder = analysis.bundle(tmp_path / "bundle")
    if kind == "factorial":
        subprocess.run([sys.executable, "-I", "reanalyse.py"], cwd=folder, check=True, capture_output=True)
    else:
        runpy.run_path(str(folder / "reanalyse.py"), run_name="__main__")
    found = json.loads((folder / "reanalysis.json").read_text())["quality"]
    ours = analysis.metric("quality")
    tested = [effect for effect in ours.effects if effect.f is not None]
    assert tested
    assert set(found["effects"]) == {effect.term for effect in tested}
    for effect in tested:
        again = found["effects"][effect.term]
        assert (again["df1"], again["df2"]) == (effect.df1, effect.df2)
        assert again["f"] == pytest.approx(effect.f, **EXACT)
        assert again["p"] == pytest.approx(effect.p_uncorrected, **EXACT)
    for again, contrast in zip(found["contrasts"], ours.contrasts, strict=False):
        assert again["p"] == pytest.approx(contrast.p_value, **EXACT)
        assert again["difference"] == pytest.approx(contrast.difference, **EXACT)


def test_the_bundle_holds_every_clip_and_says_what_each_column_is(complete, tmp_path):
    results, _ = complete
    folder = analyse(results).bundle(tmp_path)
    data = pd.read_csv(folder / "data.csv")
    assert len(data) == len(results.clips)
    assert set(json.loads((folder / "dictionary.json").read_text())) == set(data.columns)
    assert pd.read_parquet(folder / "data.parquet")["quality"].tolist() == data["quality"].tolist()
    assert json.loads((folder / "design.json").read_text())["fingerprint"] == results.experiment.fingerprint
    assert "Holm" in (folder / "methods.txt").read_text()


def test_a_fraction_names_what_an_effect_cannot_be_told_from():
    experiment = designed({name: [-1, 1] for name in "abcd"}, 8, design="fractional_factorial")
    analysis = analyse(results_of(experiment, clustered(np.random.default_rng(4), lambda s: s["a"] * s["b"])))
    effects = {effect.term: effect for effect in analysis.metric("quality").effects}
    assert effects["a:b"].significant
    assert effects["a:b"].aliases == ["c:d"]
    assert effects["c:d"].reason
    assert effects["c:d"].p_value is None
    assert "a × b = c × d" in analysis.summary()


def test_a_latin_hypercube_tests_slopes():
    experiment = designed({"guidance_scale": [1.0, 9.0], "x": [0, 20]}, 8, design="latin_hypercube", points=9)
    results = results_of(experiment, clustered(np.random.default_rng(5), lambda s: 0.5 * s["guidance_scale"]))
    analysis = analyse(results, interactions=1).metric("quality")
    assert analysis.effect("guidance_scale").significant
    frame = results.frame().assign(
        g=lambda d: (d["guidance_scale"] - 5) / 4, x2=lambda d: (d["x"].astype(float) - 10) / 10
    )
    slopes = [smf.ols("quality ~ g + x2", part).fit().params["g"] for _, part in frame.groupby("prompt")]
    contrast = next(c for c in analysis.contrasts if c.factor == "guidance_scale")
    assert contrast.difference == pytest.approx(2 * np.mean(slopes), **EXACT)
    assert contrast.p_value == pytest.approx(stats.ttest_1samp(slopes, 0).pvalue, **EXACT)


def reason_of(results):
    (metric,) = analyse(results).metrics
    assert metric.method is None
    return metric.reason


def test_what_cannot_be_tested_says_why():
    rng = np.random.default_rng(0)
    assert "no clip was completed" in reason_of(results_of(designed(), lambda s, p, i: None))
    assert "every value is the same" in reason_of(results_of(designed(), lambda s, p, i: 0.25))
    assert "no repeat" in reason_of(results_of(designed(prompts=1), lambda s, p, i: float(rng.normal())))
    absent = results_of(designed(), lambda s, p, i: {"quality": None})
    clips = [clip.model_copy(update={"reasons": {"quality": "it was NaN"}}) for clip in absent.clips]
    assert reason_of(absent.model_copy(update={"clips": clips})) == "no clip has a value: it was NaN"
    with pytest.raises(ValueError, match="finite"):
        results_of(designed(), lambda s, p, i: math.nan)
    one = results_of(
        designed(), lambda s, p, i: 1.0 if s == {"num_inference_steps": 2, "guidance_scale": 1.0} else None
    )
    assert "only one condition" in reason_of(one)


def test_one_level_left_is_said_and_the_other_factor_is_tested():
    value = clustered(np.random.default_rng(8), slope)
    results = results_of(designed(), lambda s, p, i: value(s, p, i) if s["num_inference_steps"] == 2 else None)
    effects = {effect.term: effect for effect in analyse(results).metric("quality").effects}
    assert "only one of its levels" in effects["num_inference_steps"].reason
    assert effects["guidance_scale"].p_value is not None


def test_a_difference_without_any_spread_is_no_test_and_no_infinity():
    results = results_of(designed(), lambda s, p, i: float(len(p)) + 3.0 * (s["num_inference_steps"] == 6))
    analysis = analyse(results).metric("quality")
    assert "no error to test" in analysis.effect("num_inference_steps").reason
    assert "no value differs" in analysis.effect("guidance_scale").reason
    assert next(c for c in analysis.contrasts if c.factor == "num_inference_steps").difference == pytest.approx(3.0)
    assert all(contrast.p_value is None for contrast in analysis.contrasts)
    json.loads(analyse(results).model_dump_json())


def test_a_metric_of_sets_and_an_unknown_one_stand_in_the_analysis(tmp_path):
    experiment = designed(prompts=6, metrics=["quality", "fvd", "perceptual_quality"])
    bare = results_of(experiment, clustered(np.random.default_rng(6)))
    fvd = MetricResult(name="fvd", value=12.5, interval_reason="a number of the whole set")
    results = bare.model_copy(
        update={
            "whole_set": {condition.id: {"fvd": fvd} for condition in experiment.conditions},
            "absent": {"perceptual_quality": "metric 'perceptual_quality' is not known"},
        }
    )
    analysis = analyse(results)
    assert "whole sets" in analysis.metric("fvd").reason
    assert "not known" in analysis.metric("perceptual_quality").reason
    assert "12.50" in analysis.summary()
    page = analysis.to_html(tmp_path / "page.html").read_text()
    assert "perceptual_quality" in page
    assert "12.50" in page
    assert page.count('class="plot') == 2 + 1 + 2


def test_the_checks_see_what_is_wrong():
    rng = np.random.default_rng(9)
    skewed = results_of(designed(prompts=30), lambda s, p, i: float(rng.exponential() ** 3))
    spread = results_of(designed(prompts=30), lambda s, p, i: float(rng.normal() * s["guidance_scale"] ** 2))
    fine = results_of(designed(prompts=30), clustered(rng))

    def held(results):
        return {check.name: check.holds for check in analyse(results).metric("quality").checks}

    assert held(skewed)["residuals are normal"] is False
    assert held(spread)["conditions spread alike"] is False
    assert held(fine)["residuals are normal"]
    assert held(fine)["conditions spread alike"]
    assert held(results_of(designed(prompts=3), clustered(rng)))["enough blocks"] is False
    assert held(with_gaps())["the mixed model converged"]


def test_one_prompt_is_analysed_over_its_seeds_and_says_so():
    analysis = analyse(results_of(designed(prompts=1, sample_size=8), clustered(np.random.default_rng(10), slope)))
    metric = analysis.metric("quality")
    assert (metric.blocks, metric.n_blocks) == ("seed", 8)
    assert "of that prompt only" in metric.notes[0]


def test_the_methods_paragraph_is_of_this_experiment(complete):
    results, _ = complete
    said = analyse(results, significance_level=0.01).methods
    for words in (
        "full factorial of 6 conditions",
        "num_inference_steps (2, 6)",
        "9 prompts",
        "Of 108 clips 108",
        "0.01",
    ):
        assert words in said
    assert (
        "incomplete blocks" in analyse(results_of(designed({"num_inference_steps": [2, 4, 6]}, 6, 4), slopes)).methods
    )


def test_the_methods_paragraph_claims_no_test_where_there_was_none():
    said = analyse(results_of(designed(), lambda s, p, i: None)).methods
    assert "no clip was completed" in said
    assert "Holm" not in said
    assert "SciPy" not in said


def test_few_prompts_are_told_what_the_correction_costs():
    def sphericity(prompts):
        results = results_of(designed(prompts=prompts), clustered(np.random.default_rng(1)))
        return next(c.says for c in analyse(results).metric("quality").checks if c.name == "sphericity")

    assert "err on the safe side" in sphericity(8)
    assert "err on the safe side" not in sphericity(20)


def slopes(settings, prompt, index):
    return float(settings["num_inference_steps"] * (1 + len(prompt) % 2) + hash((prompt, str(settings))) % 97 / 97)


def test_results_survive_the_disk(complete, tmp_path):
    results, _ = complete
    results.save(tmp_path / "experiment-results.json")
    assert ExperimentResults.load(tmp_path) == results
    with pytest.raises(BenchmarkNotFoundError, match="no results"):
        ExperimentResults.load(tmp_path / "nothing.json")
    (tmp_path / "experiment-results.json").write_text("{")
    with pytest.raises(StorageError, match="cannot be read"):
        ExperimentResults.load(tmp_path)


@pytest.mark.parametrize(
    ("more", "said"), [({"significance_level": 0}, "level"), ({"interactions": 0}, "interactions")]
)
def test_an_impossible_level_is_refused(complete, more, said):
    with pytest.raises(ValidationError, match=said):
        analyse(complete[0], **more)
