"""Designs: which conditions, which prompts, which order, what power (S09)."""

import json
import math
from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy import stats

from simulated_experiments import designed, results_of
from vid_diffusion_bench import StandardPrompts
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.research import Experiment, ExperimentalFramework

SNIPPET = {"compression_ratio": [0.1, 0.3, 0.5, 0.7], "model": ["svd_xt_1_1", "stable_video"]}


def two_level(count):
    return {f"extra:x{number}": [-1, 1] for number in range(count)}


def test_the_snippets_design_is_a_full_factorial_over_a_hundred_prompts():
    experiment = ExperimentalFramework().design_experiment(
        research_question="Does context compression improve generation quality?",
        variables=SNIPPET,
        metrics=["fvd", "is", "perceptual_quality"],
        sample_size=100,
    )
    settings = {(c.settings["compression_ratio"], c.settings["model"]) for c in experiment.conditions}
    assert settings == {(ratio, model) for ratio in SNIPPET["compression_ratio"] for model in SNIPPET["model"]}
    assert Counter(trial.condition for trial in experiment.trials) == {c.id: 100 for c in experiment.conditions}
    assert {factor.name: factor.target for factor in experiment.factors} == {
        "compression_ratio": "extra",
        "model": "model",
    }
    assert experiment.prompt_set == "diverse-v2"
    assert set(experiment.prompts) <= set(StandardPrompts.DIVERSE_SET_V2)


def test_an_experiment_survives_json_and_its_fingerprint_is_of_its_content():
    experiment = designed(seed=3)
    again = Experiment.model_validate(json.loads(experiment.model_dump_json()))
    assert again == experiment
    assert again.fingerprint == experiment.fingerprint
    assert designed(seed=3) == experiment
    assert designed(seed=4).fingerprint != experiment.fingerprint
    with pytest.raises(ValueError, match="frozen"):
        experiment.seed = 1


def test_every_prompt_and_seed_is_met_by_every_condition():
    experiment = designed(prompts=3, sample_size=7)
    assert experiment.blocking.complete
    met = {}
    for trial in experiment.trials:
        met.setdefault((trial.prompt, trial.index), set()).add(trial.condition)
    assert len(met) == 7
    assert all(len(conditions) == 6 for conditions in met.values())


@pytest.mark.parametrize(("conditions", "prompts", "size", "pairs"), [(3, 6, 4, 2), (4, 6, 3, 1), (7, 7, 3, 1)])
def test_a_balanced_incomplete_block_design_is_found_where_there_is_one(conditions, prompts, size, pairs):
    """lambda (v - 1) = r (k - 1), with v conditions, r = size prompts each, k = v r / b conditions a prompt."""
    experiment = designed({"num_inference_steps": list(range(1, conditions + 1))}, prompts, size)
    per_prompt = conditions * size // prompts
    assert experiment.blocking.conditions_per_prompt == (per_prompt, per_prompt)
    assert pairs * (conditions - 1) == size * (per_prompt - 1)
    seen = {}
    for trial in experiment.trials:
        seen.setdefault(trial.prompt, set()).add(trial.condition)
    names = [condition.id for condition in experiment.conditions]
    met = Counter(pair for group in seen.values() for pair in combinations(sorted(group), 2))
    assert experiment.blocking.concurrence == (min(met.get(p, 0) for p in combinations(names, 2)), max(met.values()))
    assert experiment.blocking.concurrence == (pairs, pairs)


def test_prompts_that_could_compare_nothing_are_left_out():
    experiment = designed({"num_inference_steps": [2, 6]}, 12, 5)
    assert experiment.blocking.complete
    assert experiment.blocking.prompts == 5
    assert any("7 prompts are not used" in note for note in experiment.notes)


def test_the_order_is_random_within_a_loaded_model_or_wholly():
    variables = {"model": ["shapes-base", "shapes-small"], "num_inference_steps": [2, 6]}
    within = designed(variables, seed=1)
    models = [within.condition(trial.condition).settings["model"] for trial in within.trials]
    assert sum(a != b for a, b in pairwise(models)) == 1
    conditions = [trial.condition for trial in within.trials[:16]]
    assert sum(a != b for a, b in pairwise(conditions)) > 3
    wholly = designed(variables, seed=1, fully_randomised=True)
    models = [wholly.condition(trial.condition).settings["model"] for trial in wholly.trials]
    assert sum(a != b for a, b in pairwise(models)) > 5
    firsts = {designed(variables, seed=seed).trials[0].condition for seed in range(12)}
    assert len(firsts) > 2


@pytest.mark.parametrize(
    ("count", "runs", "resolution"),
    [(3, 4, 3), (4, 8, 4), (5, 16, 5), (5, 8, 3), (6, 16, 4), (6, 8, 3), (7, 16, 4), (7, 8, 3), (8, 16, 4)],
)
def test_fractions_have_the_resolution_of_the_tables(count, runs, resolution):
    """Box, Hunter and Hunter 2005, table 6.22."""
    experiment = designed(two_level(count), design="fractional_factorial", runs=runs)
    assert len(experiment.conditions) == runs
    assert experiment.fraction.resolution == resolution
    signs = np.array([list(c.settings.values()) for c in experiment.conditions])
    assert not signs.sum(axis=0).any()
    assert np.array_equal(signs.T @ signs, runs * np.eye(count))


def test_aliases_are_the_columns_that_are_equal():
    experiment = designed(two_level(5), design="fractional_factorial", generators=["D=AB", "E=-AC"])
    rows = [c.settings for c in experiment.conditions]
    columns = {
        ":".join(names): np.prod([[row[name] for name in names] for row in rows], axis=1)
        for size in (1, 2)
        for names in combinations(experiment.fraction.letters.values(), size)
    }

    def same(first):
        return [o for o, column in columns.items() if o != first and abs(int(column @ columns[first])) == len(rows)]

    expected = {name: same(name) for name in columns if same(name)}
    assert {k: sorted(v) for k, v in experiment.fraction.aliases.items()} == {k: sorted(v) for k, v in expected.items()}
    assert experiment.fraction.relation[0] == "I=ABD"


def test_a_latin_hypercube_meets_each_part_of_each_range_once():
    variables = {"guidance_scale": [1.0, 9.0], "num_inference_steps": [1, 40], "scheduler": ["a", "b", "c"]}
    experiment = designed(variables, design="latin_hypercube", points=12, seed=5)
    scales = sorted(c.settings["guidance_scale"] for c in experiment.conditions)
    assert [math.floor((scale - 1) / 8 * 12) for scale in scales] == list(range(12))
    steps = [c.settings["num_inference_steps"] for c in experiment.conditions]
    assert all(isinstance(step, int) and 1 <= step <= 40 for step in steps)
    assert Counter(c.settings["scheduler"] for c in experiment.conditions) == {"a": 4, "b": 4, "c": 4}
    assert len(designed({"guidance_scale": [1.0, 9.0]}, design="latin_hypercube").conditions) == 10


def test_power_is_that_of_the_paired_t_test():
    power = designed(prompts=27, effect=0.5).power[0]
    shift, limit = 0.5 * math.sqrt(27), stats.t.isf(0.025, 26)
    assert power.power == pytest.approx(stats.nct.sf(limit, 26, shift) + stats.nct.cdf(-limit, 26, shift), abs=1e-12)
    assert power.basis == "standardised"
    assert "no pilot" in power.statement


def test_a_pilot_gives_the_power_in_the_metrics_own_units():
    rng = np.random.default_rng(0)
    offsets = rng.normal(0, 2.0, (8, 2))
    pilot_design = designed({"num_inference_steps": [2, 6]}, 8)
    pilot = results_of(
        pilot_design, lambda s, p, i: float(offsets[int(p.split()[1]), int(s["num_inference_steps"] == 6)])
    )
    power = designed({"num_inference_steps": [2, 6]}, 20, pilot=pilot, effect=1.5).power[0]
    spread = (offsets[:, 1] - offsets[:, 0]).std(ddof=1)
    shift, limit = 1.5 / spread * math.sqrt(20), stats.t.isf(0.025, 19)
    assert power.power == pytest.approx(stats.nct.sf(limit, 19, shift) + stats.nct.cdf(-limit, 19, shift), abs=1e-12)
    assert power.metric == "quality"


def test_a_binding_says_what_a_variable_means_and_the_design_holds_it():
    framework = ExperimentalFramework(factors={"length": lambda level: {"num_frames": 8 * level}})
    framework.bind("compression_ratio", lambda ratio: {"extra": {"merge": ratio}})
    experiment = framework.design_experiment(
        "q", {"model": ["shapes-base"], "length": [1, 2], "compression_ratio": [0.1, 0.5]}, ["sharpness"], 2
    )
    assert [condition.fields for condition in experiment.conditions[:2]] == [
        {"model": "shapes-base", "num_frames": 8, "extra": {"merge": 0.1}},
        {"model": "shapes-base", "num_frames": 8, "extra": {"merge": 0.5}},
    ]


def test_optimisation_switches_are_variables():
    experiment = designed({"compile_model": [False, True], "feature_caching": [None, "first_block_cache"]})
    assert experiment.conditions[-1].fields["optimization"] == {
        "compile_model": True,
        "feature_caching": "first_block_cache",
    }
    assert experiment.conditions[0].fields["optimization"] == {}


@pytest.mark.parametrize(
    ("variables", "more", "said"),
    [
        ({}, {}, "needs a variable"),
        ({"num_inference_steps": []}, {}, "no values"),
        ({"num_inference_steps": [4]}, {}, "nothing varies"),
        ({"num_inference_steps": [4, 4]}, {}, "twice"),
        ({"num_inference_steps": 4}, {}, "not a list"),
        ({"guidance_scale": [1.0, math.nan]}, {}, "nan"),
        ({"guidance_scale": [[1], [2]]}, {}, "no number"),
        ({"num_inference_steps": [0, 4]}, {}, "num_inference_steps"),
        ({"extra:fps": [8, 16]}, {}, "set by the benchmark"),
        ({"a:b": [8, 16]}, {}, "cannot be called"),
        ({"prompt": ["a", "b"]}, {}, "cannot be called"),
        ({"extra:x": [1, 2], "x": [3, 4]}, {}, "given twice"),
        ({"sharpness": [1, 2]}, {}, "a metric"),
        ({"models": ["a", "b"]}, {}, "cannot be a variable"),
        ({"seed": [1, 2]}, {}, "cannot be called"),
        ({"precision": ["fp32", "fp7"]}, {}, "fp7"),
        ({"optimization": ["baseline", "balanced"], "compile_model": [False, True]}, {}, "set twice"),
        ({"num_inference_steps": [1, 2]}, {"sample_size": 0}, "sample_size is 0"),
        ({"num_inference_steps": [1, 2]}, {"sample_size": -3}, "sample_size"),
        ({"num_inference_steps": [1, 2]}, {"sample_size": 2.5}, "sample_size"),
        ({"num_inference_steps": [1, 2]}, {"sample_size": 10, "prompts": ["a", "b"], "seeds_per_prompt": 2}, "4 clips"),
        ({"num_inference_steps": [1, 2]}, {"sample_size": 3, "prompts": ["a", "b"], "seeds_per_prompt": 2}, "sample"),
        ({"num_inference_steps": [1, 2]}, {"prompts": ["a", "a"]}, "given twice"),
        ({"num_inference_steps": [1, 2]}, {"prompts": []}, "missing"),
        ({"num_inference_steps": [1, 2]}, {"metrics": []}, "metrics"),
        ({"num_inference_steps": [1, 2]}, {"research_question": " "}, "question"),
        ({"num_inference_steps": [1, 2]}, {"design": "half"}, "no design"),
        ({"num_inference_steps": [1, 2]}, {"points": 4}, "Latin"),
        ({"num_inference_steps": [1, 2]}, {"effect": 0}, "effect"),
        ({"num_inference_steps": [1, 2]}, {"alpha": 1.5}, "alpha"),
        ({"a": [1, 2], "b": [1, 2]}, {"design": "fractional_factorial"}, "3 to"),
        ({"a": [1, 2], "b": [1, 2], "c": [1, 2, 3]}, {"design": "fractional_factorial"}, "two levels"),
        ({"a": [1, 2], "b": [1, 2], "c": [1, 2]}, {"design": "fractional_factorial", "runs": 5}, "not 5"),
        ({"a": [1, 2], "b": [1, 2], "c": [1, 2]}, {"design": "fractional_factorial", "generators": ["C=A"]}, "C=A"),
        ({"a": [1, 2], "b": [1, 2]}, {"design": "latin_hypercube", "points": 1}, "points"),
        ({f"x{n}": [1, 2] for n in range(14)}, {}, "16,384"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(variables, more, said):
    asked = {"research_question": "q", "metrics": ["sharpness"], "sample_size": 2, **more}
    with pytest.raises(ValidationError, match=said):
        ExperimentalFramework().design_experiment(
            variables={**variables, "model": ["shapes-base"]} if variables else variables, **asked
        )


def test_no_model_is_an_error_with_the_remedy():
    with pytest.raises(ValidationError, match="no model") as caught:
        ExperimentalFramework().design_experiment("q", {"num_frames": [5, 9]}, ["sharpness"], 1)
    assert "shapes-base" in caught.value.remedy


def test_a_binding_that_means_nothing_is_refused():
    framework = ExperimentalFramework()
    with pytest.raises(ValidationError, match="no function"):
        framework.bind("x", 3)
    framework.bind("x", lambda level: {"num_framez": level})
    with pytest.raises(ValidationError, match="num_framez"):
        framework.design_experiment("q", {"model": ["shapes-base"], "x": [1, 2]}, ["sharpness"], 1)


def test_numpy_levels_are_numbers():
    for levels in (np.arange(2, 5), list(np.arange(2, 5))):
        assert designed({"num_inference_steps": levels}).factors[0].levels == [2, 3, 4]


@pytest.mark.parametrize(
    "call",
    [
        lambda framework: framework.execute_experiment("experiment.json"),
        lambda framework: framework.analyze_results(designed()),
        lambda framework: framework.analyze_results("folder"),
        lambda framework: designed(pilot="folder"),
    ],
)
def test_something_else_in_place_of_a_design_or_results_is_refused(call):
    with pytest.raises(ValidationError, match="is needed"):
        call(ExperimentalFramework())
