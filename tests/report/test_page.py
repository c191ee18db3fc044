"""The HTML page, as a parser sees it."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from example_run import HOSTILE, make_run
from vid_diffusion_bench import BenchmarkConfig, report
from vid_diffusion_bench.exceptions import StorageError

VOID = {"meta", "link", "input", "br", "img", "line", "rect", "hr"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._stack = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._stack.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._stack.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self._stack):
            self.text += data

    def all(self, name):
        return [attrs for tag, attrs in self.tags if tag == name]


def page(run, **options):
    with TemporaryDirectory() as folder:
        path = report.html(run.result, run.folder, Path(folder) / "report.html", **options)
        return Page(path.read_text("utf-8"))


def test_every_tag_closes_and_nothing_is_loaded_from_anywhere(run):
    seen = page(run)
    assert seen._stack == []
    for tag, attrs in seen.tags:
        for name in ("src", "href", "data-src", "poster", "action"):
            if value := attrs.get(name):
                assert value.startswith(("data:", "#")), (tag, value[:60])


def test_a_policy_forbids_every_load(run):
    policy = next(a["content"] for a in page(run).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_hostile_prompts_are_text(run):
    seen = page(run)
    assert not seen.all("img")
    assert len(seen.all("script")) == 3  # the figures' data, Plotly, and the page's own
    for prompt in HOSTILE:
        assert prompt.strip() in seen.text


def test_the_clips_on_the_page_are_the_previews_byte_for_byte(run):
    sources = [attrs["data-src"] for attrs in page(run).all("video")]
    embedded = {base64.b64decode(source.removeprefix("data:video/mp4;base64,")) for source in sources}
    assert len(sources) == 14
    assert embedded == {path.read_bytes() for path in (run.folder / "previews").iterdir()}


def test_a_failed_clip_has_its_reason_in_its_place(run):
    assert "GENERATION_TIMEOUT: passed its <b>time-out</b>" in page(run).text


def test_too_many_prompts_are_cut_evenly_and_it_says_so(tmp_path):
    run = make_run(tmp_path / "run", ("shapes-base",), prompts=[f"prompt number {i}" for i in range(9)])
    seen = page(run, max_prompts=3)
    assert "3 of 9 prompts" in seen.text
    assert [attrs["data-prompt"][-1] for attrs in seen.all("article")] == ["0", "3", "6"]
    assert any(attrs["href"].endswith("run/previews") for attrs in seen.all("a"))


def test_previews_outside_the_run_folder_are_not_read(run, tmp_path):
    (run.folder.parent / "secret.mp4").write_bytes(b"secret")
    model = run.result.model("shapes-base")
    clip = model.records[0].clip.model_copy(update={"preview": "../secret.mp4"})
    record = model.records[0].model_copy(update={"clip": clip})
    models = [model.model_copy(update={"records": [record]})]
    path = report.html(run.result.model_copy(update={"models": models}), run.folder, tmp_path / "r.html")
    assert base64.b64encode(b"secret").decode() not in path.read_text("utf-8")


def test_every_number_has_its_provenance(run):
    seen = page(run)
    for model in run.result.models:
        for result in [*model.metric_results.values(), *model.performance_results.values()]:
            assert result.protocol_fingerprint in seen.text
            assert result.reason is None or result.reason in seen.text
    assert "mean overall_score" in seen.text  # the formula, from the protocol
    assert "Xeon <test>" in seen.text


def test_the_configuration_on_the_page_runs_again(run, tmp_path):
    href = next(attrs["href"] for attrs in page(run).all("a") if attrs.get("download"))
    path = tmp_path / "benchmark.yaml"
    path.write_bytes(base64.b64decode(href.partition("base64,")[2]))
    assert BenchmarkConfig.from_yaml(path) == run.result.config
    assert set(yaml.safe_load(path.read_text("utf-8"))) == run.result.config.model_fields_set


def test_the_figures_hold_the_numbers(run, tmp_path):
    text = report.html(run.result, run.folder, tmp_path / "r.html").read_text("utf-8")
    figures = json.loads(text.partition('id="figures">')[2].partition("</script>")[0])
    first = figures["trade_offs"][0]
    assert (first["quality"], first["cost"]) == ("overall_score", "avg_latency_ms")
    points = {trace["name"]: (trace["x"][0], trace["y"][0]) for trace in first["figure"]["data"][1:]}
    assert points["shapes-base"] == (512.4, 85.0)
    bar = next(trace["error_y"] for trace in first["figure"]["data"] if trace["name"] == "shapes-base")
    assert (bar["array"][0], bar["arrayminus"][0]) == pytest.approx((1.234, 1.234))
    stages = {trace["name"]: dict(zip(trace["y"], trace["x"], strict=True)) for trace in figures["stages"]["data"]}
    records = run.result.model("shapes-base").records
    expected = sum(record.cost.stages["denoiser"] for record in records) / len(records)
    assert stages["denoiser"]["shapes-base"] == pytest.approx(expected)
    assert figures["untimed"] == ["shapes-oracle"]


def test_a_run_without_one_clip_still_has_a_page(tmp_path):
    run = make_run(tmp_path / "run", ("shapes-base",))
    model = run.result.models[0].model_copy(update={"records": [], "metric_results": {}, "performance_results": {}})
    empty = run.result.model_copy(update={"models": [model], "status": "failed", "error_message": "no <disk>"})
    seen = Page(report.html(empty, run.folder, tmp_path / "r.html").read_text("utf-8"))
    assert "Nothing could be measured" in seen.text
    assert "no <disk>" in seen.text


def test_a_page_that_cannot_be_written_is_an_error(run):
    with pytest.raises(StorageError, match="cannot be written"):
        report.html(run.result, run.folder, run.folder / "previews")
