"""Who is ranked, by what, beside whom, and what is said about it."""

from __future__ import annotations

from example_run import make_run, metric, model_result
from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.report import Board
from vid_diffusion_bench.report.headline import headline, scope, verdict
from vid_diffusion_bench.results import BenchmarkResult, ModelResult


def of(**values):
    """A result of models with one metric each: name to MetricResult."""
    models = [ModelResult(model_name=name, metric_results={cell.name: cell}) for name, cell in values.items()]
    config = BenchmarkConfig(models=list(values), prompts=["p"])
    return Board.of(
        BenchmarkResult(benchmark_id="b", status="completed", execution_time=1, models=models, config=config)
    )


def test_models_are_ordered_by_overall_score_best_first(run):
    board = Board.of(run.result)
    assert board.models == ["shapes-oracle", "shapes-base", "shapes-small"]
    assert board.ranked_by.name == "overall_score"


def test_lower_is_better_ranks_upwards():
    board = of(a=metric("fvd", 30.0, higher_is_better=False), b=metric("fvd", 10.0, higher_is_better=False))
    assert board.models == ["b", "a"]
    assert board.ranked_by.best == {"b"}


def test_a_metric_without_a_better_direction_never_ranks():
    assert of(a=metric("dynamic_degree", 0.2, higher_is_better=None)).ranked_by is None


def test_a_model_without_a_value_comes_last():
    assert of(a=metric("m", None), b=metric("m", 0.1, 0.01)).models == ["b", "a"]


def test_different_protocols_never_share_a_column():
    board = of(a=metric("m", 1.0, protocol={"extractor": "x"}), b=metric("m", 2.0, protocol={"extractor": "y"}))
    assert [list(column.cells) for column in board.columns] == [["a"], ["b"]]
    assert len({column.title for column in board.columns}) == 2
    assert not any(column.best for column in board.columns)


def test_a_value_that_was_not_measured_splits_no_column():
    board = of(a=metric("m", 1.0, protocol={"extractor": "x"}), b=metric("m", None, protocol={}))
    assert [set(column.cells) for column in board.columns] == [{"a", "b"}]
    assert board.columns[0].title == "m"


def test_equal_values_have_no_best():
    assert not of(a=metric("m", 1.0), b=metric("m", 1.0)).columns[0].best


def test_the_frontier_is_who_nobody_beats_in_both(run):
    board = Board.of(run.result)
    quality, latency = board.column("overall_score"), board.column("avg_latency_ms")
    assert board.frontier(quality, latency) == ["shapes-oracle"]
    without = make_run(run.folder, ("shapes-base", "shapes-small"))
    board = Board.of(without.result)
    assert board.frontier(board.column("overall_score"), board.column("avg_latency_ms")) == [
        "shapes-base",
        "shapes-small",
    ]


def test_the_headline_says_leads_only_where_intervals_are_apart():
    apart = of(a=metric("m", 2.0, 0.1), b=metric("m", 1.0, 0.1))
    assert headline(apart).startswith("a leads")
    assert "do not overlap" in verdict(apart)
    touching = of(a=metric("m", 2.0, 0.6), b=metric("m", 1.0, 0.6))
    assert headline(touching) == "a is first by m, not clearly ahead of b"
    assert verdict(touching).endswith("overlap.")


def test_without_intervals_nothing_is_claimed():
    board = of(a=metric("m", 2.0), b=metric("m", 1.0))
    assert "not clearly ahead" in headline(board)
    assert "may be chance" in verdict(board)


def test_nothing_measured_is_said():
    assert headline(of(a=metric("m", None))) == "Nothing could be measured"


def test_the_scope_counts_failed_clips(run):
    assert scope(run.result) == "3 models × 5 prompts: 14 of 15 clips usable"


def test_one_reason_or_warning_for_all_is_shared(tmp_path):
    models = [model_result(name, ["a red circle"], tmp_path) for name in ("shapes-base", "shapes-small")]
    config = BenchmarkConfig(models=["shapes-base", "shapes-small"], prompts=["a red circle"])
    result = BenchmarkResult(benchmark_id="b", status="completed", execution_time=1, models=models, config=config)
    columns = {column.name: column for column in Board.of(result).columns}
    assert columns["fvd"].shared_warnings == models[0].metric_results["fvd"].warnings
    assert columns["motion_smoothness"].shared_reason == "one clip where many are needed"
    assert columns["avg_latency_ms"].unit == ""
    assert columns["throughput_fps"].unit == "frames/s"
