"""``models health-check``: a real load and a real clip, and every way it can be unwell."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta

import pytest

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.engine import health as health_module
from vid_diffusion_bench.engine.health import VALID_SECONDS, check_health
from vid_diffusion_bench.exceptions import ModelNotFoundError, ValidationError
from vid_diffusion_bench.models.diffusers import DiffusersModel
from video_server import serving

SMALL = GenerationParameters(num_frames=9, height=32, width=32)
REFERENCE = {
    *("model_name", "status", "last_check", "load_time_ms", "memory_usage_gb", "test_generation_ms", "details"),
}


def test_a_healthy_model_has_the_figures_of_the_reference(tiny):
    found = check_health(str(tiny("ltx")), device="cpu", parameters=SMALL)
    assert found.status == "healthy"
    assert set(found.model_dump()) >= REFERENCE
    assert {"model_loaded", "gpu_available", "dependencies_ok"} <= set(found.details)
    assert found.load_time_ms > 0
    assert found.test_generation_ms > 0
    assert 0.05 < found.memory_usage_gb < 64
    assert found.details["num_inference_steps"] == 1


def test_a_check_is_believed_for_an_hour(tiny, monkeypatch):
    name, loads = str(tiny("ltx")), []
    load = DiffusersModel.load
    monkeypatch.setattr(DiffusersModel, "load", lambda self, *given: (loads.append(1), load(self, *given))[1])
    first = check_health(name, device="cpu", parameters=SMALL)
    assert check_health(name, device="cpu", parameters=SMALL) == first
    assert len(loads) == 1
    assert check_health(name, device="cpu", parameters=SMALL, refresh=True).last_check >= first.last_check
    check_health(name, device="cpu", parameters=SMALL.model_copy(update={"num_frames": 17}))
    assert len(loads) == 3
    until = datetime.fromisoformat(first.valid_until) - datetime.fromisoformat(first.last_check)
    assert until == pytest.approx(timedelta(seconds=VALID_SECONDS), abs=timedelta(seconds=1))

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=VALID_SECONDS + 1)

    monkeypatch.setattr(health_module, "datetime", Later)
    check_health(name, device="cpu", parameters=SMALL)
    assert len(loads) == 4


@pytest.mark.parametrize("family", ["svd", "wan_v2v"])
def test_what_a_model_starts_from_is_drawn_for_it(tiny, family):
    size = SMALL.model_copy(update={"num_frames": 4 if family == "svd" else 9})
    assert check_health(str(tiny(family)), device="cpu", parameters=size).status == "healthy"


def test_a_server_is_asked_for_a_clip_and_its_memory_is_not_known():
    with serving("job") as server:
        found = check_health(server.reference, parameters=GenerationParameters(num_frames=5, height=32, width=48))
    assert (found.status, found.memory_usage_gb) == ("healthy", None)
    assert found.test_generation_ms > 0


def test_damaged_weights_are_unhealthy_and_say_so(tiny, tmp_path):
    folder = shutil.copytree(tiny("ltx"), tmp_path / "ltx")
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    found = check_health(str(folder), device="cpu", parameters=SMALL)
    assert (found.status, found.failure.code) == ("unhealthy", "MODEL_LOADING_FAILED")
    assert (found.details["model_loaded"], found.load_time_ms, found.memory_usage_gb) == (False, None, None)


def test_missing_weights_are_unhealthy_and_say_how_to_get_them():
    found = check_health("cogvideox-2b", device="cpu")
    assert (found.status, found.failure.code) == ("unhealthy", "WEIGHTS_NOT_FOUND")
    assert "models download" in found.failure.message


def test_a_model_that_fails_in_its_first_step_is_unhealthy(tiny, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of order")

    monkeypatch.setattr(DiffusersModel, "generate", fail)
    found = check_health(str(tiny("ltx")), device="cpu", parameters=SMALL)
    assert (found.status, found.failure.stage, found.details["model_loaded"]) == ("unhealthy", "generate", True)
    assert found.load_time_ms > 0
    assert found.test_generation_ms is None


def test_what_cannot_be_asked_is_an_error_and_no_finding(tiny, monkeypatch):
    with pytest.raises(ModelNotFoundError):
        check_health("no-such-model", device="cpu")
    with pytest.raises(ValidationError):
        check_health(str(tiny("ltx")), device="cpu", parameters=SMALL.model_copy(update={"num_frames": 10}))
    with pytest.raises(ValidationError, match="no precision"):
        check_health(str(tiny("ltx")), device="cpu", parameters=SMALL, precision="int4")
    assert check_health("pika", device="cpu").failure.code == "MODEL_LOADING_FAILED"
    monkeypatch.setenv("FAL_KEY", "a key")
    with pytest.raises(ValidationError, match="may charge"):
        check_health("pika", device="cpu")


@pytest.mark.parametrize(
    "wrong", [["--precision", "int4"], ["--num-frames", "-1"], ["--batch-size", "0"], ["--num-frames", "10"]]
)
def test_a_size_that_cannot_be_is_wrong_usage(tiny, vid_bench, wrong):
    answer = vid_bench("models", "fit", tiny("ltx"), "--height", "32", "--width", "32", "--device", "cpu", *wrong)
    assert answer.code == 2
    assert answer.err.startswith("INVALID_PARAMETERS")
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        (
            "vae/config.json",
            '{"_class_name": "AutoencoderKLLTXVideo", "block_out_channels": "x"}',
            "makes no autoencoder",
        ),
        ("transformer/config.json", '{"_class_name": "LTXVideoTransformer3DModel", "patch_size": "x"}', "or denoiser"),
        ("transformer/diffusion_pytorch_model.safetensors", "cut", "not whole safetensors"),
    ],
)
def test_a_damaged_pipeline_is_told_by_info_and_refused_by_fit(tiny, tmp_path, vid_bench, file, content, says):
    folder = shutil.copytree(tiny("ltx"), tmp_path / "ltx")
    (folder / file).write_text(content)
    info = vid_bench("models", "info", folder, "--json")
    assert (info.code, info.json["status"], info.json["fit"]) == (0, "unconfigured", None)
    assert says in info.json["status_reason"]
    answer = vid_bench("models", "fit", folder, "--num-frames", "9", "--height", "32", "--width", "32")
    assert answer.code == 1
    assert answer.err.startswith("MODEL_LOADING_FAILED")


def test_the_commands(tiny, vid_bench):
    folder, size = tiny("ltx"), ["--num-frames", "9", "--height", "32", "--width", "32", "--device", "cpu"]
    answer = vid_bench("models", "health-check", folder, *size, "--json")
    assert (answer.code, answer.json["status"]) == (0, "healthy")
    answer = vid_bench("models", "health-check", "cogvideox-2b", "--device", "cpu")
    assert answer.code == 1
    assert "WEIGHTS_NOT_FOUND" in answer.out
    answer = vid_bench("models", "fit", folder, *size)
    assert answer.code == 0
    assert "estimated peak" in answer.out
    answer = vid_bench("models", "fit", "shapes-oracle", "--json")
    assert (answer.code, answer.json["fit"]) == (0, None)
    answer = vid_bench("models", "info", folder, "--json")
    assert answer.code == 0
    info = answer.json
    assert (info["status"], info["fit"]["parameters"] > 10_000) == ("available", True)
