"""A model behind a real server on loopback: every form of the interface, and everything a server can do wrong."""

import json
import logging

import numpy as np
import pytest

from vid_diffusion_bench import engine
from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError
from vid_diffusion_bench.models import GenerationRequest, get_model, model_info
from vid_diffusion_bench.models.endpoint import connection, transport
from vid_diffusion_bench.models.endpoint.dialects import request_body
from vid_diffusion_bench.models.endpoint.reference import EndpointReference, parse_reference
from vid_diffusion_bench.models.oracle import render_prompt
from vid_diffusion_bench.storage import ClipStore
from vid_diffusion_bench.testing import VideoModelContract
from video_server import MODEL, serving

PROMPT = "a red circle moving left on a black background"
SMALL = {"num_frames": 5, "height": 32, "width": 48, "fps": 8}
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(transport, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setenv("VIDBENCH_API_KEY", KEY)


def _run(folder, reference, *prompts, **fields):
    given = {"metrics": ["temporal_consistency"], "warmup": 0, "device": "cpu", **SMALL, **fields}
    config = BenchmarkConfig.create(
        models=[reference], prompts=list(prompts) or [PROMPT], output_dir=str(folder), **given
    )
    return engine.run(config)


def _request(**parameters):
    return GenerationRequest(PROMPT, 7, GenerationParameters(**parameters))


class TestContract(VideoModelContract):
    parameters = SMALL
    same_in_a_batch = 0

    @pytest.fixture(autouse=True)
    def _server(self):
        with serving("job") as self.server:
            yield

    def make_model(self):
        return get_model(self.server.reference)


@pytest.mark.parametrize(
    ("kind", "form", "posts"),
    [
        ("sync", "sync", ["/v1/videos/sync", "/v1/videos/sync"]),
        ("job", "job", ["/v1/videos"]),
        ("inline", "inline", ["/v1/videos"]),
        ("generations", "inline", ["/v1/videos", "/v1/videos/generations"]),
    ],
)
def test_every_form_gives_the_servers_pixels(tmp_path, kind, form, posts):
    """The path and the encoding are found out: what was refused on the way is in the record."""
    with serving(kind) as server:
        result = _run(tmp_path, server.reference)
        seen = [path for method, path in server.seen if method == "POST"]
    (record,) = result.models[0].records
    assert record.status == "completed", record.failure
    assert (record.cost.serving.form, seen) == (form, posts)
    assert len(record.cost.serving.attempts) == len(posts) - 1
    direct = render_prompt(PROMPT, record.seed, (5, 32, 48, 8.0))
    assert np.array_equal(ClipStore(tmp_path).read(record.clip).frames, direct.frames)
    assert server.bodies[-1]["model"] == MODEL
    assert result.models[0].metrics["temporal_consistency"] is not None


@pytest.mark.parametrize(("kind", "prompt"), [("inline", PROMPT), ("job", f"moved {PROMPT}")])
def test_a_clip_at_another_address_is_fetched_without_the_key(tmp_path, kind, prompt):
    with serving(kind) as server, serving(kind) as media:
        server.media = media
        result = _run(tmp_path, server.reference, prompt)
        assert result.models[0].success_rate == 1
        assert {value for _, value in server.authorizations} == {f"Bearer {KEY}"}
        assert {value for _, value in media.authorizations} == {None}


WRONG = {
    "fail": ("GENERATION_FAILED", "the GPU fell over"),
    "short": ("INVALID_OUTPUT", "num_frames 2 instead of 5"),
    "fast": ("INVALID_OUTPUT", "fps 16 instead of 8"),
    "large": ("INVALID_OUTPUT", "height 64 instead of 32"),
    "empty": ("INVALID_OUTPUT", "0 bytes"),
    "truncated": ("INVALID_OUTPUT", ""),
    "garbage": ("INVALID_OUTPUT", "no whole video"),
    "html": ("INVALID_OUTPUT", "a web page instead of a video"),
    "json": ("INVALID_OUTPUT", "application/json instead of a video"),
    "huge": ("INVALID_OUTPUT", "more than 1 MiB"),
    "cut": ("GENERATION_FAILED", "(4 attempts)"),
    "broken": ("GENERATION_FAILED", "answered 503: a web page (4 attempts)"),
    "later": ("GENERATION_FAILED", "no more today; it asks to come back in 86400 s"),
    "loop": ("GENERATION_FAILED", "redirects more than 5 times"),
    "hang": ("GENERATION_TIMEOUT", "2 s"),
    "echo": ("GENERATION_FAILED", "answered 400: bad: Bearer …"),
}


@pytest.fixture(scope="module")
def troubled(tmp_path_factory):
    """One run of every kind of trouble, and what the log said at its loudest."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("troubled")
    patch.setattr(transport, "FIRST_WAIT_SECONDS", 0.01)
    patch.setattr(connection, "MAX_VIDEO_BYTES", 2**20)
    patch.setenv("VIDBENCH_API_KEY", KEY)
    patch.setenv("XDG_CONFIG_HOME", str(folder))
    patch.setenv("VIDBENCH_CACHE_DIR", str(folder / "cache"))
    lines: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda entry: lines.append(entry.getMessage())
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        with serving("job", workers=20, key=KEY) as server:
            prompts = [f"{word} {PROMPT}" for word in (*WRONG, "busy")]
            result = _run(folder / "run", server.reference, *prompts, concurrency=20, timeout_seconds=2)
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(logging.WARNING)
        patch.undo()
    return result, lines, server, folder / "run"


@pytest.mark.parametrize("word", WRONG)
def test_each_trouble_is_a_failed_record_that_says_what_happened(troubled, word):
    (record,) = [record for record in troubled[0].models[0].records if record.prompt.startswith(f"{word} ")]
    code, text = WRONG[word]
    assert (record.status, record.failure.code) == ("failed", code)
    assert text in record.failure.message
    assert record.clip is None


def test_a_busy_server_is_asked_again_and_that_is_written_down(troubled):
    (record,) = [record for record in troubled[0].models[0].records if record.prompt.startswith("busy ")]
    assert record.status == "completed"
    (attempt,) = record.cost.serving.attempts
    assert "answered 429: slow down" in attempt.reason
    assert troubled[0].models[0].performance["retries"] >= 1


def test_failed_requests_stay_in_the_denominator(troubled):
    figures = troubled[0].models[0].performance_results
    assert figures["success_rate"].value == pytest.approx(1 / (len(WRONG) + 1))
    assert any("failed and have no latency" in text for text in figures["avg_latency_ms"].warnings)


def test_a_job_that_timed_out_is_taken_back(troubled):
    server = troubled[2]
    assert [server.jobs[name].word for name in server.deleted] == ["hang"]


def test_the_key_is_sent_and_shown_nowhere(troubled):
    _, lines, server, folder = troubled
    assert any(value == f"Bearer {KEY}" for _, value in server.authorizations)
    assert lines, "the log was heard"
    assert not [line for line in lines if KEY in line]
    for path in folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_a_wrong_key_is_told_before_anything_is_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("MINE", "another-secret")
    with serving("job", key=KEY) as server:
        reference = server.reference.replace("/v1#", "/v1?key=MINE#")
        result = _run(tmp_path, reference)
        assert server.bodies == []
    error = result.models[0].error
    assert (error.code, "wrong key: Bearer …" in error.message) == ("MODEL_LOADING_FAILED", True)
    assert "MINE" in error.message
    assert "another-secret" not in result.model_dump_json()


def test_a_server_that_is_down_is_one_clear_error(tmp_path):
    with serving("job") as server:
        reference = server.reference
    assert model_info(reference).status == "unconfigured"
    assert "cannot be used" in model_info(reference).status_reason
    result = _run(tmp_path, reference)
    assert (result.status, result.models[0].error.stage) == ("failed", "load")
    assert "check that the server is running" in result.models[0].error.message


def test_status_is_what_the_server_says_now():
    with serving("job") as server:
        assert model_info(server.reference).status == "available"
    with serving("website") as server:
        info = model_info(server.reference)
        assert (info.status, "a web page" in info.status_reason) == ("unconfigured", True)
    with serving("job") as server, pytest.raises(ModelLoadingError, match="serves no other"):
        get_model(server.reference.replace(f"#{MODEL}", "#other")).load("cpu", "remote")


def test_the_same_run_again_asks_for_nothing(tmp_path):
    """A clip is named by the address, the model and what was asked: another model is another clip."""
    with serving("job") as server:
        first = _run(tmp_path, server.reference)
        again = _run(tmp_path, server.reference)
        assert len(server.bodies) == 1
        assert [record.key for record in again.models[0].records] == [record.key for record in first.models[0].records]
        other = _run(tmp_path, server.reference.replace(f"#{MODEL}", ""))
        assert len(server.bodies) == 2
        assert other.models[0].records[0].key != first.models[0].records[0].key
    about = first.models[0].provenance
    assert (about["url"], about["model"]) == (f"{server.root}/v1", MODEL)
    assert "server sent" in about["pixels"]


def test_times_of_completion_with_fractions_replace_the_guess(tmp_path):
    with serving("job", service_seconds=0.15, fine_times=True) as server:
        fine = _run(tmp_path / "fine", server.reference).models[0].records[0].cost.serving
    with serving("job", service_seconds=0.15) as server:
        whole = _run(tmp_path / "whole", server.reference).models[0].records[0].cost.serving
    assert 0 < whole.discovery == whole.discovery_error
    assert fine.discovery_error < whole.discovery_error
    assert fine.latency < fine.ended - fine.scheduled


def test_dialects_spell_the_same_request():
    request = _request(**SMALL, num_inference_steps=4, extra={"flow_shift": 3})
    extended = request_body("extended", "m", request)
    size = {"size": "48x32", "height": 32, "width": 48}
    length = {"num_frames": 5, "fps": 8}
    rest = {"num_inference_steps": 4, "seed": 7, "flow_shift": 3}
    assert extended == {"model": "m", "prompt": PROMPT} | size | length | rest
    assert request_body("dynamo", "m", request)["nvext"] == {
        "num_frames": 5,
        "fps": 8,
        "num_inference_steps": 4,
        "seed": 7,
    }
    plain = GenerationRequest(PROMPT, 7, GenerationParameters(height=720, width=1280, extra={"seconds": "4"}))
    assert request_body("openai", "sora-2", plain) == {
        "model": "sora-2",
        "prompt": PROMPT,
        "size": "1280x720",
        "seconds": "4",
    }
    assert json.dumps(extended)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("endpoint:http://a:8000/v1/#m/n", EndpointReference("http://a:8000/v1", "m/n")),
        ("endpoint:https://api.openai.com/v1#s", EndpointReference("https://api.openai.com/v1", "s", dialect="openai")),
        (
            "endpoint:http://a/v1?form=job&encoding=json&dialect=dynamo&key=K",
            EndpointReference("http://a/v1", "", "job", "json", "dynamo", "K"),
        ),
    ],
)
def test_a_reference_says_where_and_how(text, expected):
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "endpoint:",
        "endpoint:localhost:8000/v1",
        "endpoint:ftp://a/v1",
        "endpoint:http://user:pw@a/v1",
        "endpoint:http://a:port/v1",
        "endpoint:http://a/v1?form=maybe",
        "endpoint:http://a/v1?colour=red",
        "endpoint:http://a/v1?key=sk-123",
    ],
)
def test_a_bad_reference_is_refused_without_repeating_a_secret(text):
    with pytest.raises(ValidationError) as caught:
        get_model(text)
    assert "pw" not in str(caught.value.to_dict())
    assert "sk-123" not in str(caught.value.to_dict())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"batch_size": 2}, "--concurrency 2"),
        ({"width": 48, "height": None}, "give both"),
        ({"scheduler": "EulerDiscreteScheduler"}, "leave scheduler out"),
    ],
)
def test_what_a_server_cannot_be_asked_is_refused_before(tmp_path, fields, words):
    fields = {name: value for name, value in {**SMALL, **fields}.items() if value is not None}
    config = BenchmarkConfig.create(
        models=["endpoint:http://127.0.0.1:9/v1"], prompts=[PROMPT], output_dir=str(tmp_path), device="cpu", **fields
    )
    with pytest.raises(ValidationError) as caught:
        engine.run(config)
    assert words in caught.value.remedy


def test_the_precision_is_the_servers(tmp_path):
    with serving("job") as server:
        result = _run(tmp_path, server.reference, precision="bf16")
    assert "not bf16" in result.models[0].error.message
