"""``vid-bench profile`` as the reference prints it (C09)."""

from __future__ import annotations

import json

import pytest

from small_models import Painter
from vid_diffusion_bench.cli.profile import _prompts
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.models import ModelRegistry
from vid_diffusion_bench.profiling import ProfileReport
from vid_diffusion_bench.prompts import StandardPrompts


@pytest.fixture
def painter():
    model = Painter()
    ModelRegistry.register("painter", lambda: model)
    yield model
    ModelRegistry.unregister("painter")


def test_the_command_of_the_reference_with_the_level_there_is(vid_bench, tmp_path, named):
    answer = vid_bench(
        "profile", "svd-xt", "--test-prompts", "2", "--optimization-levels", "baseline", "--detailed",
        "--output", "out/profile_report.json", "--device", "cpu",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "svd-xt" in answer.out
    assert "denoiser" in answer.out
    written = ProfileReport.model_validate_json((tmp_path / "out" / "profile_report.json").read_text())
    assert [call.kind for call in written.levels[0].calls] == ["load", "first", "steady", "steady"]
    assert written.levels[0].calls[0].memory
    assert (tmp_path / "out" / "profile_report.html").stat().st_size > 4_000_000
    assert json.loads((tmp_path / "out" / "profile_report.trace.json").read_text())["traceEvents"]


def test_levels_that_are_not_there_are_refused_and_nothing_is_written(vid_bench, tmp_path, painter):
    levels = ["baseline", "turbo"]
    answer = vid_bench("profile", "painter", "--optimization-levels", *levels, "--output", "report.json")
    assert answer.code == 2
    assert "'turbo'" in answer.err
    assert "there is baseline, balanced, performance" in answer.err
    assert painter.made == []
    assert not (tmp_path / "report.json").exists()


def test_without_output_nothing_is_written_and_json_is_the_report(vid_bench, tmp_path, painter):
    answer = vid_bench("profile", "painter", "--test-prompts", "a red circle", "a blue square", "--json")
    report = ProfileReport.model_validate(answer.json)
    assert [call.prompts for call in report.levels[0].calls[2:]] == [["a red circle"], ["a blue square"]]
    assert not [path for path in tmp_path.iterdir() if path.name != ".home"]


def test_the_page_does_not_take_the_place_of_the_report(vid_bench, painter):
    answer = vid_bench("profile", "painter", "--test-prompts", "a", "--detailed", "--output", "report.html")
    assert answer.code == 2
    assert ".json" in answer.err
    assert painter.made == []


def test_a_price_gives_a_cost(vid_bench, painter):
    answer = vid_bench(
        "profile", "painter", "--test-prompts", "a red circle", "--price-per-hour", "3600", "--json", "--height", "16"
    )
    level = ProfileReport.model_validate(answer.json).levels[0]
    assert level.performance["cost_per_clip"].value == pytest.approx(level.calls[2].cost.latency)
    assert ProfileReport.model_validate(answer.json).parameters["height"] == 16


def test_test_prompts_are_a_number_a_file_or_words(tmp_path):
    assert _prompts("shapes-base", ["3"]) == StandardPrompts.SHAPES_V1[:3]
    assert _prompts("svd-xt", ["2"]) == StandardPrompts.DIVERSE_SET_V2[:2]
    (tmp_path / "p.txt").write_text("one\ntwo\n")
    assert _prompts("x", [str(tmp_path / "p.txt")]) == ["one", "two"]
    assert _prompts("x", ["a cat"]) == ["a cat"]
    for wrong in ("0", "100000"):
        with pytest.raises(ValidationError, match="has"):
            _prompts("x", [wrong])
    with pytest.raises(ValidationError):
        _prompts("x", [str(tmp_path / "missing.txt")])
