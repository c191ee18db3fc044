"""Result values: nothing is NaN, an absence has a reason, JSON goes round, a run reads as a mapping."""

import pytest
from pydantic import ValidationError

from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
from vid_diffusion_bench.results import (
    BenchmarkResult,
    Failure,
    Manifest,
    MetricResult,
    ModelResult,
    SampleRecord,
    fingerprint,
    utc_now,
)


def record(key: str, *, failed: bool = False) -> SampleRecord:
    return SampleRecord(
        key=key,
        model="m",
        prompt="p",
        prompt_id="0",
        index=0,
        seed=1,
        parameters=GenerationParameters(),
        status="failed" if failed else "completed",
        failure=Failure(code="INVALID_OUTPUT", message="NaN", stage="check") if failed else None,
    )


def result() -> BenchmarkResult:
    metric = MetricResult(name="fvd", value=12.5, interval_reason="no valid bootstrap")
    absent = MetricResult(name="is", value=None, reason="one clip")
    model = ModelResult(
        model_name="m",
        metric_results={"fvd": metric, "is": absent},
        records=[record("a"), record("b", failed=True)],
    )
    return BenchmarkResult(
        benchmark_id="bench_1",
        status="completed",
        execution_time=1.5,
        models=[model],
        config=BenchmarkConfig(models=["m"], prompts=["p"]),
    )


def test_a_run_reads_as_the_reference_prints_it():
    results = result()
    lines = [f"{model}: FVD={metrics['fvd']:.1f}" for model, metrics in results.items()]
    assert lines == ["m: FVD=12.5"]
    assert results["m"] == {"fvd": 12.5, "is": None}
    assert list(results) == ["m"] == list(results.keys())
    assert "m" in results
    assert "other" not in results
    assert len(results) == 1
    with pytest.raises(KeyError):
        results["other"]


def test_failed_samples_stay_in_the_denominator():
    assert result().model("m").success_rate == 0.5
    assert ModelResult(model_name="m").success_rate is None


def test_json_goes_round():
    text = result().model_dump_json(exclude_computed_fields=True)
    assert BenchmarkResult.model_validate_json(text) == result().model_copy(
        update={
            "created_at": BenchmarkResult.model_validate_json(text).created_at,
            "models": BenchmarkResult.model_validate_json(text).models,
        }
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_no_value_is_nan_or_infinite(value):
    with pytest.raises(ValidationError):
        MetricResult(name="x", value=value, interval_reason="none")


def test_an_absent_value_or_interval_needs_a_reason():
    with pytest.raises(ValidationError, match="needs a reason"):
        MetricResult(name="x", value=None)
    with pytest.raises(ValidationError, match="needs a reason"):
        MetricResult(name="x", value=1.0)


def test_fingerprints_follow_content_not_order():
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    one = MetricResult(name="x", value=1.0, interval_reason="n", protocol={"resize": "bilinear"})
    other = MetricResult(name="x", value=1.0, interval_reason="n", protocol={"resize": "bicubic"})
    assert one.protocol_fingerprint != other.protocol_fingerprint


def test_a_manifest_is_named_by_its_content():
    fields = {
        "packages": {"torch": "2.13.0"},
        "python": "3.11",
        "platform": "Linux",
        "processor": "x86_64",
        "cpu_count": 2,
        "memory_gb": None,
        "device": "cpu",
        "precision": "fp32",
        "threads": 1,
    }
    assert Manifest(**fields).id == Manifest(**fields).id != Manifest(**{**fields, "threads": 2}).id


def test_times_are_utc_with_z():
    assert utc_now().endswith("Z")
    assert len(utc_now()) == len("2026-01-01T00:00:00.000Z")
