"""Configurations: the reference's fields and defaults, YAML forms, prompts that are refused, seeds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vid_diffusion_bench.config import (
    BenchmarkConfig,
    GenerationParameters,
    check_prompt,
    derive_seed,
    prompt_id,
)
from vid_diffusion_bench.exceptions import InvalidPromptError, ValidationError

# The data model printed in the first API reference.
REFERENCE_DEFAULTS = {
    "batch_size": 1,
    "num_inference_steps": 50,
    "guidance_scale": 7.5,
    "height": 512,
    "width": 512,
    "num_frames": 16,
    "fps": 8,
    "seed": None,
    "output_dir": "./outputs",
}


def test_the_references_fields_and_defaults():
    config = BenchmarkConfig(models=["a"], prompts=["p"], metrics=["fvd"])
    assert {name: getattr(config, name) for name in REFERENCE_DEFAULTS} == REFERENCE_DEFAULTS


def test_only_parameters_that_were_written_are_asked_of_a_model():
    assert BenchmarkConfig(models=["a"], prompts=["p"]).parameters_set() == GenerationParameters()
    written = BenchmarkConfig(models=["a"], prompts=["p"], height=512, guidance_scale=3)
    assert written.parameters_set() == GenerationParameters(height=512, guidance_scale=3)


def test_parameters_over_defaults():
    defaults = GenerationParameters(height=64, width=64, num_inference_steps=12, extra={"a": 1, "b": 1})
    merged = GenerationParameters(height=32, extra={"b": 2}).over(defaults)
    assert merged == GenerationParameters(height=32, width=64, num_inference_steps=12, extra={"a": 1, "b": 2})


def test_the_yaml_of_the_reference(tmp_path):
    path = tmp_path / "benchmark_config.yaml"
    path.write_text(
        "models:\n  - svd_xt_1_1\n  - stable_video\n"
        'prompts:\n  - "A cat playing with a ball"\n  - "Ocean waves at sunset"\n'
        "metrics:\n  - fvd\n  - is\n  - clip_similarity\n"
        "config:\n  batch_size: 4\n  num_inference_steps: 25\n"
    )
    config = BenchmarkConfig.from_yaml(path)
    assert config.models == ["svd_xt_1_1", "stable_video"]
    assert config.metrics == ["fvd", "is", "clip_similarity"]
    assert (config.batch_size, config.num_inference_steps) == (4, 25)


@pytest.mark.parametrize("text", ["- a\n- b\n", "models: [", "models: [a]\n", "models: [a]\nprompts: [p]\nhight: 3\n"])
def test_bad_yaml_is_one_clear_error(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ValidationError):
        BenchmarkConfig.from_yaml(path)


def test_a_missing_file_and_a_value_said_twice(tmp_path):
    with pytest.raises(ValidationError, match="cannot be read"):
        BenchmarkConfig.from_yaml(tmp_path / "none.yaml")
    with pytest.raises(ValidationError, match="batch_size is given twice"):
        BenchmarkConfig.create(models=["a"], prompts=["p"], batch_size=2, config={"batch_size": 4})


@pytest.mark.parametrize(
    "fields",
    [
        {"num_frames": 0},
        {"height": -1},
        {"fps": 0},
        {"fps": float("nan")},
        {"guidance_scale": float("inf")},
        {"num_inference_steps": 0},
        {"batch_size": 0},
        {"models": []},
        {"models": [" "]},
        {"prompts": []},
        {"seed": -1},
        {"timeout_seconds": 0},
    ],
)
def test_impossible_values_are_refused_by_name(fields):
    with pytest.raises(ValidationError) as caught:
        BenchmarkConfig.create(**{"models": ["a"], "prompts": ["p"], **fields})
    assert next(iter(fields)) in str(caught.value)


@pytest.mark.parametrize("prompt", ["", "  \n", "x" * 100_000, "a\0b", "\ud800"])
def test_prompts_that_are_not_prompts(prompt):
    with pytest.raises(InvalidPromptError):
        check_prompt(prompt)
    with pytest.raises(ValidationError):
        BenchmarkConfig.create(models=["a"], prompts=[prompt])


@given(st.text(min_size=1, max_size=200))
def test_a_prompt_id_is_always_a_plain_file_name(prompt):
    assert prompt_id(prompt.encode("utf-8", "ignore").decode()).isalnum()


def test_seeds_differ_by_prompt_and_repeat_and_never_change():
    # Pinned: the first four bytes, little-endian, of sha256("7\n0\na cat").
    assert derive_seed(7, "a cat", 0) == 403202240
    seeds = {derive_seed(base, prompt, i) for base in (0, 1) for prompt in ("a", "b") for i in range(50)}
    assert len(seeds) == 200


@pytest.mark.parametrize("text", ["models: [a]\nprompts: [b]\nconfig: [1]\n", "1: 2\nmodels: [a]\n"])
def test_a_file_of_another_form_is_one_clear_error(text, tmp_path):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ValidationError):
        BenchmarkConfig.from_yaml(tmp_path / "c.yaml")
