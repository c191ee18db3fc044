"""Third-party metrics whose code raises, or that cannot be had: they lose their own numbers and no others."""

from __future__ import annotations

import numpy as np
import pytest

import broken_plugins
from vid_diffusion_bench.certification import Specimens, certify
from vid_diffusion_bench.certification.specimens import Specimen
from vid_diffusion_bench.cli.app import run
from vid_diffusion_bench.exceptions import MissingDependencyError, ValidationError
from vid_diffusion_bench.metrics import MetricRegistry
from vid_diffusion_bench.research import NovelVideoMetrics
from vid_diffusion_bench.scoring import Reference, ScoringClip, score
from vid_diffusion_bench.testing import noise_clip
from vid_diffusion_bench.video import write_lossless

BROKEN = {
    "missing_module": ("no_such_package.metrics:Thing", MissingDependencyError, "No module named 'no_such_package'"),
    "missing_thing": ("broken_plugins:Thing", MissingDependencyError, "has no attribute 'Thing'"),
    "raises": ("raises_at_import:Thing", MissingDependencyError, "RuntimeError: its own fault"),
    "demanding": ("broken_plugins:Demanding", ValidationError, "TypeError: .*'threshold'"),
    "no_metric": ("broken_plugins:NoMetric", ValidationError, "broken_plugins.NoMetric, which is no metric"),
    "number": ("broken_plugins:NUMBER", ValidationError, "builtins.int, which is no metric"),
    "nameless": ("broken_plugins:Nameless", ValidationError, "which has no name"),
}


@pytest.fixture
def registered():
    """Registers metrics for one test."""
    names = []

    def add(name, entry):
        names.append(name)
        MetricRegistry.register(name, entry)

    yield add
    for name in names:
        MetricRegistry.unregister(name)


@pytest.fixture
def raising(registered):
    for metric in broken_plugins.RAISING:
        registered(metric.name, metric)
    return [metric.name for metric in broken_plugins.RAISING]


@pytest.fixture
def broken(registered):
    for name, (place, _, _) in BROKEN.items():
        registered(name, place)


def clips(count=3, prefix="clip"):
    return [
        ScoringClip(f"{prefix}-{i}", f"{i}", None, lambda i=i: noise_clip(i), lambda i=i: noise_clip(i + 50))
        for i in range(count)
    ]


def test_what_a_metric_class_raises_is_its_reason_and_the_others_go_on(raising):
    reference = Reference(clips(3, "real"), "abc", "three")
    alone = score(clips(), ["psnr", "dynamic_degree"], reference=reference)
    scores = score(clips(), ["psnr", *raising, "dynamic_degree"], reference=reference)
    assert {name: scores.results[name] for name in alone.results} == alone.results
    assert {name: scores.per_clip[name] for name in alone.per_clip} == alone.per_clip
    choosy = scores.results["choosy"]
    assert (choosy.value, choosy.n, choosy.total) == (1.0, 2, 3)
    said = "broken_plugins.Choosy raised ZeroDivisionError: float division by zero"
    assert choosy.metadata["missing"] == {said: 1}
    assert scores.per_clip["choosy"]["clip-1"].reason == said
    assert scores.per_clip["choosy"]["clip-2"].value == 1.0
    assert scores.results["bad_update"].value is None
    assert scores.per_clip["bad_update"]["clip-0"].reason == "broken_plugins.BadUpdate raised KeyError: 'clip-0'"
    compared = scores.results["bad_compute"]
    assert (compared.value, compared.n, compared.metadata["coverage"]) == (None, 3, 1.0)
    assert compared.reason == "broken_plugins.BadCompute raised IndexError: no third column"
    assert scores.results["forgets"].reason == "broken_plugins.ForgetsToReturn returned NoneType, no MetricResult"
    assert scores.results["bad_check"].reason == "broken_plugins.BadCheck raised RuntimeError: no licence server"


def test_want_of_memory_still_ends_the_pass(registered):
    registered("hungry", broken_plugins.Hungry)
    with pytest.raises(MemoryError):
        score(clips(), ["hungry", "dynamic_degree"])


def test_metrics_that_raise_do_not_end_a_certificate(raising):
    specimens = Specimens(tuple(Specimen(f"clip-{i}", None, noise_clip(i)) for i in range(3)), "noise")
    found = {metric.name: metric for metric in certify(specimens, [*raising, "psnr"], distortions=[]).metrics}
    assert found["psnr"].verdict == "passes"
    assert "IndexError" in found["bad_compute"].reason
    assert "RuntimeError" in found["bad_check"].reason


@pytest.mark.parametrize("name", list(BROKEN))
@pytest.mark.usefixtures("broken")
def test_a_broken_plugin_that_is_asked_for_is_a_clear_error(name):
    _, error, said = BROKEN[name]
    with pytest.raises(error, match=said) as caught:
        score(clips(), [name])
    assert f"the metric {name} is registered as" in caught.value.message
    assert caught.value.remedy


def test_a_broken_plugin_is_a_missing_part_of_a_total_with_its_reason(registered):
    registered("imaging_quality:vbench-0.1.5", "raises_at_import:Musiq")
    reason = score(clips(), ["vbench_quality_score"]).results["vbench_quality_score"].reason
    assert "imaging_quality (the metric imaging_quality:vbench-0.1.5 is registered as raises_at_import:Musiq" in reason
    assert "motion_smoothness (no metric motion_smoothness:vbench-0.1.5 is registered)" in reason


def test_what_is_no_metric_is_refused_when_it_is_registered():
    with pytest.raises(ValidationError, match="which is no metric"):
        MetricRegistry.register("no_metric", broken_plugins.NoMetric)
    assert "no_metric" not in MetricRegistry


@pytest.mark.usefixtures("broken")
def test_broken_plugins_are_rows_of_the_list_with_their_reasons(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["metrics", "list"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if " broken " in line] == list(BROKEN)
    assert [line.split(":")[0] for line in out.splitlines() if "is registered as" in line] == list(BROKEN)
    assert "its own fault" in out
    assert run(["metrics", "info", "demanding"]) == 2
    assert "demanding is registered as broken_plugins.Demanding" in capsys.readouterr().err


@pytest.mark.usefixtures("broken")
def test_broken_plugins_leave_every_metric_at_once_and_runs_alone(tmp_path):
    paths = []
    for seed in range(2):
        paths.append(tmp_path / f"{seed}.mkv")
        write_lossless(paths[-1], noise_clip(seed, 4, 16, 16))
    results = NovelVideoMetrics().compute_comprehensive_metrics(paths, paths)
    assert set(BROKEN) <= set(results)
    assert "its own fault" in results["raises"].reason
    assert results["psnr"].value == 60.0
    assert np.isfinite(score(clips(), ["dynamic_degree"]).results["dynamic_degree"].value)


@pytest.mark.usefixtures("broken")
def test_a_run_that_asks_for_a_broken_plugin_makes_no_clip_before_it_says_so(tmp_path, capsys):
    code = run(
        [
            "benchmark",
            "shapes-oracle",
            "--prompts",
            "a red circle",
            "--metrics",
            "number",
            "--output",
            str(tmp_path / "r"),
        ]
    )
    assert code == 2
    assert "number is registered as builtins.int" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


@pytest.mark.usefixtures("broken")
def test_a_certificate_of_all_names_the_broken_ones(monkeypatch):
    kept = {name: metric for name, metric in MetricRegistry.every().items() if name in {*BROKEN, "psnr"}}
    monkeypatch.setattr(MetricRegistry, "every", lambda: kept)
    specimens = Specimens(tuple(Specimen(f"clip-{i}", None, noise_clip(i)) for i in range(2)), "noise")
    found = {metric.name: metric.verdict for metric in certify(specimens, distortions=[]).metrics}
    assert found.pop("psnr") == "passes"
    assert all(verdict.startswith("not run: the metric ") for verdict in found.values())
