"""Whole searches on a model whose best setting is known."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from aiopt_models import NOISE, PROMPTS, Lamp

from vid_diffusion_bench import events
from vid_diffusion_bench.ai_optimization import OptimizationResult, Options, SearchSpace, read_result
from vid_diffusion_bench.ai_optimization.optimizer import PAGE, RESULT
from vid_diffusion_bench.exceptions import (
    GenerationCancelledError,
    GenerationError,
    ModelLoadingError,
    ModelNotFoundError,
    StorageError,
    ValidationError,
)
from vid_diffusion_bench.storage import load_result

GUIDANCE = SearchSpace({}, {"guidance_scale": [3, 4, 6, 8]})
WIDE = SearchSpace({}, {"guidance_scale": [1, 2, 3, 4, 5, 6, 7, 8, 9]})
GLOW = Options(quality_metric="glow", top=1)


def _search(optimizer, *, objective="quality", strategy="grid", space=GUIDANCE, budget=4, options=GLOW, **more):
    more = {"prompts": PROMPTS[:5], **more}
    return optimizer.optimize_benchmark_parameters("lamp", objective, strategy, space, budget, options=options, **more)


def _with(**changes):
    return Options(**{"quality_metric": "glow", "top": 1, **changes})


def test_a_grid_finds_the_known_best_and_says_so_on_fresh_seeds(optimizer, lamp, heard, tmp_path):
    found = _search(optimizer, output_dir=tmp_path / "o")
    assert found.best_parameters == {"guidance_scale": 6}
    assert len(found.trials) == 4
    assert found.stopped_because == "max_evaluations"
    # The three measurements are of disjoint seeds.
    seeds = [found.default.seed, found.selection[0].seed, found.confirmation[0].seed]
    assert len(set(seeds)) == 3
    # best_score is glow on the last seeds: 1 less the mean size of the errors that those seeds draw.
    last = found.confirmation[-1].measured
    assert found.best_score == pytest.approx(sum(s.quality for s in last.samples) / 5)
    assert 1 - 5 * NOISE < found.best_score < 1
    assert found.best_interval[0] <= found.best_score <= found.best_interval[1]
    assert found.search_score == max(trial.values[0] for trial in found.trials)
    assert found.search_score != found.best_score
    assert found.default_score == pytest.approx(0.6, abs=0.05)
    assert found.beats_default is True
    assert found.comparisons[0].difference == pytest.approx(found.best_score - found.default_score)
    done = [event for event in heard if isinstance(event, events.TrialCompleted)]
    assert [event.done for event in done if event.phase == "search"] == list(range(1, 5))
    assert {event.phase for event in done} == {"search", "confirmation"}


def test_the_result_survives_json_and_is_in_the_folder_with_its_page(optimizer, lamp, tmp_path):
    found = _search(optimizer, output_dir=tmp_path / "o", budget=3)
    assert read_result(tmp_path / "o" / RESULT) == found
    assert OptimizationResult.model_validate(json.loads(found.model_dump_json())) == found
    page = (tmp_path / "o" / PAGE).read_text()
    assert "guidance_scale" in page
    assert "https://" not in page.split("<script")[0]


def test_the_model_is_loaded_once_for_all_settings_and_clips_are_made_once(optimizer, lamp, tmp_path):
    found = _search(optimizer, output_dir=tmp_path / "o")
    assert Lamp.loads == 1
    warm_up = 1
    fresh = len(found.selection) + len(found.confirmation)
    assert Lamp.made == warm_up + 5 * (1 + 4 + fresh)
    again = _search(optimizer, output_dir=tmp_path / "o")
    assert Lamp.made == warm_up + 5 * (1 + 4 + fresh)
    assert again.trials == found.trials
    assert (again.best_score, again.best_parameters) == (found.best_score, found.best_parameters)


@pytest.mark.in_turn
def test_on_fresh_seeds_settings_take_turns(optimizer, lamp, monkeypatch, tmp_path):
    from vid_diffusion_bench.ai_optimization.evaluation import Evaluator

    asked, honest = [], Evaluator.measure

    def measure(self, setting, seed, *, prompts=None):
        asked.append((setting.get("guidance_scale"), seed, prompts))
        return honest(self, setting, seed, prompts=prompts)

    monkeypatch.setattr(Evaluator, "measure", measure)
    _search(optimizer, space=SearchSpace({}, {"guidance_scale": [6]}), prompts=PROMPTS[:8], output_dir=tmp_path)
    assert [entry for entry in asked if entry[1] == 1] == [(g, 1, n) for n in (2, 4, 6, 8) for g in (None, 6)]


def test_all_settings_share_prompts_and_seeds(optimizer, lamp, tmp_path):
    _search(optimizer, output_dir=tmp_path / "o", budget=2, options=_with(repeats=2))
    made = [load_result(folder).models[0].records for folder in (tmp_path / "o" / "settings").iterdir()]
    seeds = [{(r.prompt, r.index): r.seed for r in records} for records in made]
    assert len(seeds) == 3
    assert all(len(found) == 10 for found in seeds)
    results = read_result(tmp_path / "o" / RESULT)
    assert {trial.measured.seed for trial in results.trials} == {0}


def test_a_search_goes_on_with_a_larger_budget(optimizer, lamp, tmp_path):
    first = _search(optimizer, strategy="random", budget=2, output_dir=tmp_path / "o")
    second = _search(optimizer, strategy="random", budget=4, output_dir=tmp_path / "o")
    assert second.trials[:2] == first.trials
    settings = [trial.setting["guidance_scale"] for trial in second.trials]
    assert len(set(settings)) == 4


def test_a_folder_with_another_search_is_refused(optimizer, lamp, tmp_path):
    _search(optimizer, budget=2, output_dir=tmp_path / "o")
    with pytest.raises(ValidationError, match="another objective"):
        _search(optimizer, budget=2, objective="balanced", output_dir=tmp_path / "o")
    with pytest.raises(ValidationError, match="another prompts"):
        _search(optimizer, budget=2, prompts=PROMPTS[:6], output_dir=tmp_path / "o")


@pytest.mark.parametrize("strategy", ["bayesian", "gp", "evolutionary", "random"])
def test_every_strategy_tries_different_settings_and_ends(optimizer, lamp, strategy, tmp_path):
    found = _search(optimizer, strategy=strategy, budget=4, output_dir=tmp_path / "o")
    tried = [trial.setting["guidance_scale"] for trial in found.trials]
    assert len(tried) == len(set(tried)) == 4


def test_a_space_smaller_than_the_budget_ends_the_search(optimizer, lamp, tmp_path):
    space = SearchSpace({}, {"guidance_scale": [4, 6]})
    found = _search(optimizer, strategy="bayesian", space=space, budget=50, output_dir=tmp_path / "o")
    assert found.stopped_because == "every setting of the space was tried"
    assert len(found.trials) == 2
    assert found.best_parameters == {"guidance_scale": 6}


def test_the_same_sampler_seed_tries_the_same_settings(optimizer, lamp, tmp_path):
    tried = [
        [
            t.setting
            for t in _search(optimizer, strategy="bayesian", space=WIDE, budget=5, output_dir=tmp_path / n).trials
        ]
        for n in ("a", "b")
    ]
    assert tried[0] == tried[1]


def test_nothing_better_than_the_models_own_is_said_to_be_nothing(optimizer, lamp, tmp_path):
    lamp(default=6.0)
    found = _search(optimizer, space=SearchSpace({}, {"guidance_scale": [1, 2]}), output_dir=tmp_path / "o")
    assert found.best_parameters == {}
    assert found.beats_default is False
    assert found.best_score == found.default_score
    assert "Nothing that was tried" in (tmp_path / "o" / PAGE).read_text()


def test_pareto_gives_a_front_and_a_setting_of_it(optimizer, lamp, tmp_path):
    found = _search(
        optimizer,
        objective="pareto",
        strategy="multi_objective",
        options=_with(top=5),
        budget=6,
        space=WIDE,
        output_dir=tmp_path / "o",
    )
    assert found.sampler == "tpe"
    points = [(e.measured.quality, -e.measured.latency_ms) for e in found.selection]
    by_hand = [not any(all(b >= a for a, b in zip(p, q, strict=True)) and p != q for q in points) for p in points]
    assert [entry.on_front for entry in found.selection] == by_hand
    assert found.best_parameters in [entry.setting for entry in found.front]
    assert found.score.startswith("balanced")
    assert found.hypervolume >= 0
    assert set(found.importance) <= {"quality", "latency"}
    assert found.pruner == "none"


def test_a_hopeless_setting_is_given_up_on_part_of_the_prompts(optimizer, lamp, tmp_path):
    space = SearchSpace({}, {"guidance_scale": [0.5, 6]})
    # The sampler's seed is one that asks for the good setting first.
    options = next(o for o in (_with(pruner="wilcoxon", seed=n) for n in range(9)) if _first(o.seed) == 6)
    found = _search(optimizer, space=space, options=options, prompts=PROMPTS, output_dir=tmp_path / "o")
    state = {trial.setting["guidance_scale"]: trial for trial in found.trials}
    assert state[6].state == "complete"
    assert state[0.5].state == "pruned"
    assert state[0.5].measured.clips < len(PROMPTS)
    assert found.best_parameters == {"guidance_scale": 6}


def _first(seed):
    import random

    return random.Random(seed).choice([0.5, 6])


@pytest.mark.parametrize("pruner", ["wilcoxon", "median"])
def test_pruning_needs_a_mean_over_clips_and_one_objective(optimizer, lamp, pruner):
    with pytest.raises(ValidationError, match="several objectives"):
        _search(optimizer, objective="pareto", strategy="bayesian", options=_with(pruner=pruner))
    with pytest.raises(ValidationError, match="no mean over clips"):
        _search(optimizer, objective="memory", options=_with(pruner=pruner, memory_metric="peak_ram_gb"))


def test_settings_that_fail_are_written_down_and_do_not_win(optimizer, lamp, tmp_path):
    lamp(fails_at=lambda guidance: guidance == 6)
    found = _search(optimizer, output_dir=tmp_path / "o")
    broken = [trial for trial in found.trials if trial.state == "failed"]
    assert [trial.setting for trial in broken] == [{"guidance_scale": 6}]
    assert "the lamp is broken" in broken[0].reason
    assert found.best_parameters["guidance_scale"] in (4, 8)
    assert any("1 of 4 settings failed" in warning for warning in found.warnings)


def test_when_every_setting_fails_the_first_reason_is_told(optimizer, lamp, tmp_path):
    lamp(fails_at=lambda guidance: guidance != 2.0)
    with pytest.raises(GenerationError, match=r"none of 3 settings could be measured.*the lamp is broken"):
        _search(optimizer, space=SearchSpace({}, {"guidance_scale": [1, 3, 4]}), output_dir=tmp_path)


def test_when_the_default_fails_nothing_is_searched(optimizer, lamp, heard, tmp_path):
    lamp(fails_at=lambda guidance: guidance == 2.0)
    with pytest.raises(GenerationError, match="the lamp is broken"):
        _search(optimizer, output_dir=tmp_path)
    assert not [event for event in heard if isinstance(event, events.TrialCompleted)]


def test_a_model_that_cannot_load_is_an_error_of_loading(optimizer, lamp, monkeypatch, tmp_path):
    def torn(self, device, precision):
        raise ModelLoadingError("the bulb is torn")

    monkeypatch.setattr(Lamp, "load", torn)
    with pytest.raises(ModelLoadingError, match="the bulb is torn"):
        _search(optimizer, output_dir=tmp_path)


def test_a_metric_that_has_no_value_here_is_refused_before_the_first_setting(optimizer, lamp, heard, tmp_path):
    with pytest.raises(ValidationError, match=r"cannot be measured here: fvd"):
        _search(optimizer, options=_with(quality_metric="fvd"), output_dir=tmp_path)
    assert not [event for event in heard if isinstance(event, events.TrialCompleted)]


def test_a_figure_that_is_not_finite_is_a_failed_setting(optimizer, lamp, monkeypatch, tmp_path):
    from vid_diffusion_bench.ai_optimization.objectives import Axis

    honest = Axis.value

    def value(self, measured, default):
        return math.nan if measured.setting.get("guidance_scale") == 6 else honest(self, measured, default)

    monkeypatch.setattr(Axis, "value", value)
    found = _search(optimizer, output_dir=tmp_path)
    assert [t.reason for t in found.trials if t.state == "failed"] == [
        "its quality could not be measured: it is not a finite number"
    ]


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"strategy": "guess"}, ValidationError, "no strategy"),
        ({"objective": "fame"}, ValidationError, "no objective"),
        ({"budget": 0}, ValidationError, "max_evaluations=0 allows nothing"),
        *(({"budget": budget}, ValidationError, "max_evaluations is") for budget in (2.5, True, "3", None)),
        ({"objective": None}, ValidationError, "no objective None"),
        ({"space": {"guidance_scale": [1, 2]}}, ValidationError, "search_space is a dict"),
        ({"space": SearchSpace({"num_frames": (2, 8)})}, ValidationError, "impossible: num_frames"),
        ({"space": SearchSpace({}, {"num_frames": [0, 4]})}, ValidationError, "impossible: num_frames"),
        ({"guidance_scale": 3.0}, ValidationError, "guidance_scale is both given and searched"),
        ({"objective": "memory"}, ValidationError, "no GPU"),
        ({"prompts": []}, ValidationError, "prompts"),
        ({"prompts": "a lamp"}, ValidationError, "one text, not a list"),
        ({"space": SearchSpace({}, {}, {"scheduler": ["ddim"]})}, ValidationError, "takes nothing of the search space"),
        ({"space": SearchSpace({}, {}, {"scheduler": ["dimm"]})}, ValidationError, "no scheduler 'dimm'"),
        ({"nonsense": 1}, ValidationError, "nonsense"),
    ],
)
def test_impossible_requests_are_refused(optimizer, lamp, changes, error, said):
    with pytest.raises(error, match=said) as caught:
        _search(optimizer, **changes)
    assert caught.value.remedy or not {"budget", "space"} & changes.keys()


@pytest.mark.parametrize(
    ("field", "value"),
    [("pruner", "shears"), ("repeats", 0), ("repeats", math.nan), ("top", 0), ("top", "3"), ("top", 2.5),
     ("grid_points", 0), ("seed", "a")],
)  # fmt: skip
def test_impossible_options_are_refused(field, value):
    with pytest.raises(ValidationError, match=field):
        Options(**{field: value})


def test_an_unknown_model_is_said_to_be_unknown(optimizer):
    with pytest.raises(ModelNotFoundError):
        optimizer.optimize_benchmark_parameters("no-such-model")


def test_stopping_keeps_what_was_measured_and_goes_on(optimizer, lamp, tmp_path):
    stop, seen = threading.Event(), []

    def listener(event):
        seen.append(event)
        if sum(isinstance(e, events.TrialCompleted) for e in seen) == 2:
            stop.set()

    with pytest.raises(GenerationCancelledError, match="stopped"):
        _search(optimizer, output_dir=tmp_path / "o", listener=listener, stop=stop)
    made = Lamp.made
    found = _search(optimizer, output_dir=tmp_path / "o")
    assert len(found.trials) == 4
    fresh = 5 * (len(found.selection) + len(found.confirmation))
    # The two settings and the default are not made again; a process warms up once.
    assert Lamp.made - made == 1 + 5 * 2 + fresh


def test_when_the_time_is_over_the_best_so_far_is_confirmed(optimizer, lamp, monkeypatch, tmp_path):
    from vid_diffusion_bench.ai_optimization import study

    class Timer:
        """Rings when the second setting is told, whatever the clock says."""

        def __init__(self, seconds, ring):
            Timer.seconds, Timer.ring = seconds, staticmethod(ring)

        def start(self): ...
        def cancel(self): ...

    monkeypatch.setattr(study.threading, "Timer", Timer)
    told = []

    def listener(event):
        told.append(event)
        if sum(isinstance(e, events.TrialCompleted) for e in told) == 2:
            Timer.ring()

    found = _search(optimizer, options=_with(max_seconds=77.0), output_dir=tmp_path / "o", listener=listener)
    assert Timer.seconds == 77.0
    assert found.stopped_because == "max_seconds"
    assert len(found.trials) == 2
    assert len(found.confirmation) >= 1


_WORKER = """
import sys, os
sys.path[:0] = {path!r}
os.environ["OMP_NUM_THREADS"] = "1"
from aiopt_models import PROMPTS, Glow, Lamp
from vid_diffusion_bench import BenchmarkSuite, events
from vid_diffusion_bench.ai_optimization import AIOptimizationEngine, Options, SearchSpace
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.models import register_model
register_model("lamp")(Lamp)
MetricRegistry.register("glow", Glow())
def hear(event):
    if isinstance(event, events.TrialCompleted) and event.phase == "search" and event.done >= {die}:
        os._exit(9)
found = AIOptimizationEngine(BenchmarkSuite(device="cpu", listener=hear)).optimize_benchmark_parameters(
    "lamp", "quality", "random", SearchSpace({{}}, {{"guidance_scale": [3, 4, 6, 8]}}), 4,
    prompts=PROMPTS[:5], options=Options(quality_metric="glow", top=1), output_dir={folder!r})
print(found.model_dump_json())
"""


def _process(folder: Path, *, die=99):
    code = _WORKER.format(path=[p for p in sys.path if p], die=die, folder=str(folder))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_share_one_search(tmp_path):
    both = [_process(tmp_path / "o") for _ in range(2)]
    printed = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    results = [OptimizationResult.model_validate_json(out.splitlines()[-1]) for out, _ in printed]
    assert results[0].trials == results[1].trials
    tried = [trial.setting["guidance_scale"] for trial in results[0].trials]
    assert len(tried) == len(set(tried)) == 4
    assert results[0].best_score == results[1].best_score


def test_a_killed_search_goes_on_and_loses_nothing_that_was_told(tmp_path, optimizer, lamp):
    killed = _process(tmp_path / "o", die=2)
    killed.communicate()
    assert killed.returncode == 9
    found = _search(optimizer, strategy="random", budget=4, output_dir=tmp_path / "o")
    assert len(found.trials) == 4
    # The default and the two settings of the killed process are taken from its folder.
    fresh = 5 * (len(found.selection) + len(found.confirmation))
    assert Lamp.made == 1 + 5 * 2 + fresh


def test_a_trial_whose_process_died_is_given_up_and_its_setting_tried_again(optimizer, lamp, tmp_path):
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    _search(optimizer, strategy="random", budget=1, output_dir=tmp_path / "o", space=GUIDANCE)
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "o" / "study.journal")))
    study = optuna.load_study(study_name="optimize", storage=storage)
    wanted = next(g for g in (4, 6) if g != study.trials[0].user_attrs["setting"]["guidance_scale"])
    left = study.ask()
    left.suggest_int("guidance_scale", 0, 3)
    left.set_user_attr("setting", {"guidance_scale": wanted})
    left.set_user_attr("worker", 17)
    found = _search(optimizer, strategy="random", budget=2, output_dir=tmp_path / "o")
    assert found.trials[-1].setting == {"guidance_scale": wanted}
    assert found.trials[-1].number > left.number


def test_a_folder_that_cannot_be_used_is_an_error_of_storage(optimizer, lamp, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        _search(optimizer, output_dir=tmp_path / "file" / "o")
