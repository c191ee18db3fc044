"""A comparison where people look: command line, terminal, page, exports, SDK."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from compared_runs import Grained, clips_of, model_of, run_of
from vid_diffusion_bench import BenchmarkSuite, report
from vid_diffusion_bench.comparison import Question, compare
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models import ModelRegistry
from vid_diffusion_bench.report.comparison_exports import comparison_latex, comparison_markdown
from vid_diffusion_bench.report.comparison_plots import frontier_plot
from vid_diffusion_bench.storage import RunStore
from worse_models import Worse

RNG = np.random.default_rng(11)
COMMON = RNG.normal(50, 10, 16)
VALUES = {"<b>good</b>": COMMON + RNG.normal(5, 2, 16), "plain|x": COMMON + RNG.normal(0, 2, 16)}


@pytest.fixture
def result(tmp_path):
    folder = tmp_path / "run"
    made = run_of([model_of(name, clips_of(values)) for name, values in VALUES.items()], folder)
    with RunStore(folder) as store:
        store.write_result(made)
    return made


@pytest.fixture
def found(result):
    return compare([result], question=Question(margins={"score": 1.0}, budgets={"avg_latency_ms": 500}))


def test_the_terminal_shows_difference_interval_p_and_verdict(found):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(report.comparison_table(found))
    text, one = console.export_text(), found.figure("score").differences[0]
    assert "Is the difference real?" in text
    assert f"▲ +{one.difference:.3g}, p < 0.0001" in text
    assert f"[+{one.confidence_interval[0]:.3g}, +{one.confidence_interval[1]:.3g}]" in text
    assert "best score with avg_latency_ms at most 500: <b>good</b>" in text
    assert "not shown equivalent within ±1, <b>good</b> not worse" in " ".join(text.split())


def test_where_there_is_no_interval_every_view_says_why(tmp_path):
    models = [model_of("a", clips_of([5.0, 6.0, 7.0, 8.5])), model_of("b", clips_of([1.0, 1.5, 1.0, 2.0]))]
    few = compare([run_of(models, tmp_path)])
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(report.comparison_table(few))
    page = report.html(run_of(models, tmp_path), tmp_path, tmp_path / "page.html").read_text()
    for text in (console.export_text(), page, comparison_markdown(few), comparison_latex(few)):
        assert "4 prompts are too few for an interval" in " ".join(text.split())


@pytest.mark.parametrize(
    ("objectives", "shape"), [(["score", "avg_latency_ms"], "hv"), (["avg_latency_ms", "score"], "vh")]
)
def test_the_frontier_steps_to_where_a_model_is_beaten(result, objectives, shape):
    found = compare([result], question=Question(objectives=objectives))
    assert frontier_plot(found)["data"][0]["line"]["shape"] == shape


def test_the_page_has_the_part_with_plots_and_hostile_names_are_text(result, tmp_path):
    page = report.html(result, tmp_path / "run", tmp_path / "page.html").read_text()
    figures = json.loads(page.split('<script type="application/json" id="figures">')[1].split("</script>")[0])
    assert "Is the difference real?" in page
    assert [item["metric"] for item in figures["differences"]] == ["score", "avg_latency_ms", "success_rate"]
    assert figures["plots"]["frontier-plot"]["data"][1]["text"] == ["&lt;b&gt;good&lt;/b&gt; 100 %"]
    assert "<b>good</b>" not in page


def test_a_page_of_one_model_has_no_such_part(tmp_path):
    alone = run_of([model_of("a", clips_of(COMMON))], tmp_path)
    assert 'id="differences"' not in report.html(alone, tmp_path, tmp_path / "page.html").read_text()


def test_exports_hold_the_differences(result, tmp_path):
    rows = list(csv.DictReader(report.export(result, "csv", tmp_path / "d.csv", rows="differences").open()))
    one = compare([result]).figure("score").differences[0]
    assert [row["metric"] for row in rows] == ["score", "avg_latency_ms", "success_rate"]
    assert float(rows[0]["difference"]) == one.difference
    assert float(rows[0]["p_holm"]) == one.p_holm
    markdown = report.export(result, "markdown", tmp_path / "d.md", rows="differences").read_text()
    assert "plain\\|x" in markdown
    assert f"**▲ +{one.difference:.3g}**" in markdown
    latex = report.export(result, "latex", tmp_path / "d.tex", rows="differences").read_text()
    assert rf"$\mathbf{{+{one.difference:.3g}}}$" in latex
    assert json.loads(report.export(result, "json", tmp_path / "d.json", rows="differences").read_text())["figures"]
    with pytest.raises(ValidationError, match="one model alone"):
        report.export(run_of(result.models[:1], tmp_path), "csv", tmp_path / "e.csv", rows="differences")


def test_compare_models_keeps_its_keys_and_adds_the_tests(result, tmp_path):
    told = BenchmarkSuite(output_dir=tmp_path).compare_models(result)
    assert {"ranked_by", "ranking", "pareto_frontier", "pareto_axes", "metrics"} <= told.keys()
    assert told["ranked_by"] == "score"
    assert [entry["model"] for entry in told["ranking"]] == ["<b>good</b>", "plain|x"]
    assert told["figures"][0]["differences"][0]["better"] == "<b>good</b>"
    assert json.loads(json.dumps(told)) == told


def test_compare_models_takes_several_runs_and_paths(tmp_path):
    folders = []
    for seed, (name, values) in enumerate(VALUES.items()):
        folders.append(tmp_path / f"r{seed}")
        with RunStore(folders[-1]) as store:
            store.write_result(run_of([model_of("m", clips_of(values))], folders[-1], benchmark_id=name))
    told = BenchmarkSuite(output_dir=tmp_path).compare_models(*folders, metrics=["score"])
    assert list(told["metrics"]["score"]) == ["m (r0)", "m (r1)"]
    assert told["pareto_frontier"]
    with pytest.raises(ValidationError, match="no option 'metric'"):
        BenchmarkSuite(output_dir=tmp_path).compare_models(*folders, metric="score")
    with pytest.raises(ValidationError, match="given twice"):
        BenchmarkSuite(output_dir=tmp_path).compare_models(folders[0], folders[0])


def test_runs_at_hand_are_compared_and_written(vid_bench, result, tmp_path):
    answer = vid_bench("compare", "--runs", "run", "--metrics", "score", "--output", "c.json", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out) == json.loads(Path("c.json").read_text())
    assert [figure["name"] for figure in json.loads(answer.out)["figures"]] == ["score"]
    assert vid_bench("compare", "--runs", "run", "--output", "c.md").code == 0
    assert "| score ↑ |" in Path("c.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["compare", "--runs", "run", "--prompts", "a"], "--runs makes none"),
        (["compare", "--runs", "run", "--seed", "1"], "--seed is for making clips"),
        (["compare", "--runs", "nothing"], "no finished run"),
        (["compare", "--runs", "run", "--metrics", "nonsense"], "nonsense"),
        (["compare", "--runs", "run", "--margin", "score"], "no NAME=VALUE"),
        (["compare", "--runs", "run", "--budget", "score=nan"], "no NAME=VALUE"),
        (["compare", "--runs", "run", "--output", "c.docx"], "no kind of file"),
        (["compare", "plain|x", "--runs", "run"], "one model alone"),
        (["compare", "a", "b", "--prompts", "a", "--margin", "fvd=1", "--metrics", "is"], "not among the metrics"),
        (["compare", "a", "--prompts", "a"], "one model alone"),
        (["compare", "a", "b", "--prompts", "a", "--margin", "success_rate=-1"], "above zero"),
        (["compare", "a", "b", "--prompts", "a", "--stop-early", "is", "--no-score"], "cannot stop early"),
        (["plan", "run", "--metric", "score", "--difference", "0"], "cannot be planned"),
        (["plan", "--metric", "score", "--difference", "1"], "no runs are given"),
    ],
)
def test_wrong_usage_is_said_in_one_line(vid_bench, result, arguments, says):
    answer = vid_bench(*arguments)
    assert answer.code == 2
    assert says in answer.err
    assert len(answer.err.splitlines()) == 1


def test_plan_prints_how_many(vid_bench, result):
    answer = vid_bench("plan", "run", "--metric", "score", "--difference", "2")
    assert answer.code == 0, answer.err
    assert "To see a difference of 2 in score" in " ".join(answer.out.split())
    data = json.loads(vid_bench("plan", "run", "--metric", "score", "--difference", "2", "--json").out)
    assert data["sizes"][0]["prompts"] >= 6


def test_compare_runs_stores_its_comparison(vid_bench):
    ModelRegistry.register("plain", Worse)
    ModelRegistry.register("noisy", lambda: Grained(noise=25.0))
    prompts = [f"{colour} thing moves" for colour in ("red", "blue", "green", "white", "pink", "black", "gray", "cyan")]
    try:
        answer = vid_bench(
            "compare", "plain", "noisy", "--prompts", *prompts, "--metrics", "motion_smoothness", "--warmup", "0",
            "--stop-early", "motion_smoothness", "--looks", "2", "--output", "c.json",
        )  # fmt: skip
    finally:
        ModelRegistry.unregister("plain")
        ModelRegistry.unregister("noisy")
    assert answer.code == 0, answer.err
    assert "Is the difference real?" in answer.out
    assert "Sequential on motion_smoothness" in answer.out
    stored = json.loads(Path("c/comparison.json").read_text())
    assert json.loads(Path("c.json").read_text())["metadata"]["comparison"] == stored
    assert stored["sequential"]["metric"] == "motion_smoothness"
    assert "Sequential on motion_smoothness" in Path("c/report.html").read_text()
