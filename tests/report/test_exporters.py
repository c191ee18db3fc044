"""Files of numbers, read back by other programs."""

from __future__ import annotations

import csv
import json
import re
import sys

import pytest

from example_run import HOSTILE
from vid_diffusion_bench import report
from vid_diffusion_bench.exceptions import MissingDependencyError, StorageError, ValidationError
from vid_diffusion_bench.results import BenchmarkResult


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_json_is_the_whole_result(run, tmp_path):
    path = report.export(run.result, "json", tmp_path / "r.json")
    assert BenchmarkResult.model_validate(json.loads(path.read_text())) == run.result


def test_csv_has_a_row_for_every_number_and_an_empty_cell_for_none(run, tmp_path):
    rows = rows_of(report.export(run.result, "csv", tmp_path / "new" / "r.csv"))
    numbers = sum(len(m.metric_results) + len(m.performance_results) for m in run.result.models)
    assert len(rows) == numbers
    by = {(row["model"], row["metric"]): row for row in rows}
    base = run.result.model("shapes-base").metric_results["overall_score"]
    assert float(by["shapes-base", "overall_score"]["value"]) == base.value
    assert float(by["shapes-base", "overall_score"]["ci_low"]) == base.confidence_interval[0]
    assert by["shapes-base", "peak_vram_gb"]["value"] == ""
    assert by["shapes-base", "peak_vram_gb"]["reason"] == "this machine has no GPU"


def test_csv_of_samples_gives_hostile_prompts_back_unchanged(run, tmp_path):
    rows = rows_of(report.export(run.result, "csv", tmp_path / "r.csv", rows="samples"))
    assert {row["prompt"] for row in rows} >= set(HOSTILE)
    assert len(rows) == 15
    failed = [row for row in rows if row["status"] == "failed"]
    assert [row["failure_code"] for row in failed] == ["GENERATION_TIMEOUT"]
    assert failed[0]["latency_s"] == failed[0]["clip_similarity"] == ""


def test_parquet_holds_the_same_rows_as_csv(run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(report.export(run.result, "parquet", tmp_path / "r.parquet", rows="samples"))
    rows = rows_of(report.export(run.result, "csv", tmp_path / "r.csv", rows="samples"))
    assert table.column_names == list(rows[0])
    assert table["seed"].to_pylist() == [int(row["seed"]) for row in rows]
    assert table["latency_s"].null_count == 1


def test_parquet_without_pyarrow_says_how_to_get_it(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError) as caught:
        report.export(run.result, "parquet", tmp_path / "r.parquet")
    assert caught.value.remedy == "pip install pyarrow"
    assert not (tmp_path / "r.parquet").exists()


def test_markdown_is_a_table_with_the_best_in_bold(run, tmp_path):
    lines = report.export(run.result, "markdown", tmp_path / "r.md").read_text().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert "| overall_score ↑ | **95.0** [93.8, 96.2] | 85.0 [83.8, 86.2] | 55.0 [53.8, 56.2] |" in table
    assert "- `motion_smoothness`: one clip where many are needed" in lines


def test_latex_is_booktabs_with_every_special_character_escaped(run, tmp_path):
    models = [run.result.models[0].model_copy(update={"model_name": r"a_b%c&d#e$f{g}~h^i\j"})]
    result = run.result.model_copy(update={"models": models})
    text = report.export(result, "latex", tmp_path / "r.tex").read_text()
    escaped = r"a\_b\%c\&d\#e\$f\{g\}\textasciitilde{}h\textasciicircum{}i\textbackslash{}j"
    assert rf"Metric & {escaped} \\" in text
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {1}


def test_an_unknown_format_names_those_there_are(run, tmp_path):
    with pytest.raises(ValidationError) as caught:
        report.export(run.result, "xls", tmp_path / "r.xls")
    assert all(name in caught.value.remedy for name in report.FORMATS)


def test_a_folder_that_cannot_be_written_is_an_error(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        report.export(run.result, "csv", tmp_path / "file" / "r.csv")
