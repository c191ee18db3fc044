"""The error tree: the drawing is the tree, and every code is what the API references say."""

import inspect
import re

import pytest

from vid_diffusion_bench import exceptions
from vid_diffusion_bench.exceptions import (
    GenerationTimeoutError,
    InsufficientMemoryError,
    ModelNotFoundError,
    ValidationError,
    VidBenchError,
)


def every_error() -> list[type[VidBenchError]]:
    return [
        value
        for _, value in inspect.getmembers(exceptions, inspect.isclass)
        if issubclass(value, VidBenchError) and value.__module__ == exceptions.__name__
    ]


def test_the_docstring_draws_the_tree_as_it_is():
    drawn, parents = {}, {}
    for line in (exceptions.__doc__ or "").splitlines():
        match = re.match(r"^ {4}([│├└─ ]*)(\w+Error) +([A-Z_]+)(?: +([A-Z]+_\d+))?$", line)
        if match:
            depth = len(match[1]) // 4
            parents[depth] = match[2]
            drawn[match[2]] = (match[3], match[4], parents.get(depth - 1))
    actual = {
        error.__name__: (
            error.code,
            error.reference,
            error.__base__.__name__ if error is not VidBenchError else None,
        )
        for error in every_error()
    }
    assert drawn == actual


def test_codes_are_unique():
    codes = [error.code for error in every_error()]
    assert len(codes) == len(set(codes))


# Values of the second API reference's table of error codes, and of its mapping to the first reference's numbers.
@pytest.mark.parametrize(
    ("name", "code", "status", "reference"),
    [
        ("ValidationError", "INVALID_PARAMETERS", 400, "BENCHMARK_001"),
        ("ModelNotFoundError", "MODEL_NOT_FOUND", 404, None),
        ("InsufficientMemoryError", "INSUFFICIENT_MEMORY", 422, "BENCHMARK_002"),
        ("GenerationTimeoutError", "GENERATION_TIMEOUT", 408, None),
        ("InvalidPromptError", "INVALID_PROMPT", 422, None),
        ("BenchmarkNotFoundError", "BENCHMARK_NOT_FOUND", 404, None),
        ("InvalidVideoError", "INVALID_VIDEO", 422, "METRIC_001"),
        ("MetricComputationError", "METRIC_COMPUTATION_FAILED", 500, "METRIC_002"),
        ("ModelLoadingError", "MODEL_LOADING_FAILED", 500, "BENCHMARK_003"),
    ],
)
def test_codes_and_statuses_are_the_references(name, code, status, reference):
    error = getattr(exceptions, name)
    assert (error.code, error.http_status, error.reference) == (code, status, reference)


def test_the_attributes_of_the_sdk_snippet():
    missing = ModelNotFoundError("invalid-model", ["svd-xt", "cogvideo"], suggestions=["svd-xt"])
    assert (missing.model_name, missing.available_models) == ("invalid-model", ["svd-xt", "cogvideo"])
    assert "svd-xt" in (missing.remedy or "")
    memory = InsufficientMemoryError("too little", required_gb=16.5, available_gb=12.3)
    assert (memory.required_gb, memory.available_gb) == (16.5, 12.3)
    assert GenerationTimeoutError(30, step=4).timeout_seconds == 30
    assert ValidationError("no", details={"field": "x"}).details == {"field": "x"}


def test_to_dict_carries_code_message_details_and_what_is_known():
    body = ValidationError("no", remedy="do", details={"a": 1}).to_dict()
    assert body == {
        "code": "INVALID_PARAMETERS",
        "message": "no",
        "details": {"a": 1},
        "reference": "BENCHMARK_001",
        "remedy": "do",
    }
