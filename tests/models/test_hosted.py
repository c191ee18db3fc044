"""A hosted service behind a queue: the catalogue's adapter against a real server that speaks the same interface."""

import numpy as np
import pytest

from vid_diffusion_bench import engine
from vid_diffusion_bench.config import BenchmarkConfig, GenerationParameters
from vid_diffusion_bench.exceptions import ModelLoadingError, ValidationError
from vid_diffusion_bench.models import ModelRegistry, catalogue, get_model, list_models, model_info
from vid_diffusion_bench.models.endpoint import transport
from vid_diffusion_bench.models.endpoint.queue import QueueModel
from vid_diffusion_bench.models.oracle import DEFAULTS, render_prompt
from vid_diffusion_bench.storage import ClipStore
from video_server import QUEUE_PATH, serving

PROMPT = "a red circle moving left on a black background"
KEY = "fal-very-secret-42"
PIKA = next(info for info in catalogue() if info.name == "pika")


@pytest.fixture
def hosted(monkeypatch):
    """Registers ``acme``, which is pika's entry with the address of a server of ours; gives the run of a prompt."""
    monkeypatch.setattr(transport, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setenv("FAL_KEY", KEY)

    def run(server, folder, *prompts, **fields):
        service = PIKA.service.model_copy(update={"url": server.root, "model": QUEUE_PATH.lstrip("/")})
        info = PIKA.model_copy(update={"name": "acme", "service": service})
        ModelRegistry.register("acme", lambda: QueueModel(info))
        given = {"metrics": ["temporal_consistency"], "warmup": 0, "device": "cpu", **fields}
        return engine.run(
            BenchmarkConfig.create(models=["acme"], prompts=list(prompts or [PROMPT]), output_dir=str(folder), **given)
        )

    yield run
    ModelRegistry.unregister("acme")


def test_without_a_key_pika_is_unconfigured(monkeypatch):
    monkeypatch.delenv("FAL_KEY", raising=False)
    info = model_info("pika_labs")
    assert (info.status, "FAL_KEY holds no key" in info.status_reason) == ("unconfigured", True)
    with pytest.raises(ModelLoadingError) as caught:
        get_model("pika")
    assert "set FAL_KEY" in caught.value.remedy


def test_with_a_key_pika_is_available(monkeypatch):
    monkeypatch.setenv("FAL_KEY", KEY)
    assert [info.status for info in list_models() if info.name == "pika"] == ["available"]
    model = get_model("pika")
    assert model.provenance()["url"] == "https://queue.fal.run"
    assert KEY not in repr([vars(model), model.provenance(), model.identity()])


@pytest.mark.parametrize("events", [True, False])
def test_a_clip_comes_through_the_queue(tmp_path, hosted, events):
    """By events where there are any, else by asking; the clip lies elsewhere, and the key does not go there."""
    with serving("queue", service_seconds=0.1, key=KEY, events=events) as server, serving("queue") as media:
        server.media = media
        result = hosted(
            server, tmp_path, extra={"duration": 5}, negative_prompt="rain", price={"acme": "0.20 USD/clip"}
        )
        polled = [path for _, path in server.seen if path.endswith("/status")]
        assert {value for _, value in server.authorizations} == {f"Key {KEY}"}
        assert {value for _, value in media.authorizations} == {None}
    (record,) = result.models[0].records
    # The oracle's own length is far from the 5 s that were asked for.
    assert (record.status, record.failure.code) == ("failed", "INVALID_OUTPUT")
    assert "2.12 s instead of 5 s" in record.failure.message
    assert bool(polled) is not events
    assert server.bodies == [{"prompt": PROMPT, "seed": record.seed, "negative_prompt": "rain", "duration": 5}]
    serving_record = record.cost.serving
    assert serving_record.form == "queue"
    assert serving_record.started is not None
    assert (serving_record.discovery == 0) is events


def test_the_pixels_and_the_price_are_those_given(tmp_path, hosted):
    with serving("queue") as server:
        result = hosted(server, tmp_path, PROMPT, "a blue square moving up on a white background", price=["0.5/second"])
    first = result.models[0].records[0]
    shape = (DEFAULTS.num_frames, DEFAULTS.height, DEFAULTS.width, DEFAULTS.fps)
    assert np.array_equal(ClipStore(tmp_path).read(first.clip).frames, render_prompt(PROMPT, first.seed, shape).frames)
    figures = result.models[0].performance_results
    assert figures["cost_per_clip"].value == pytest.approx(0.5 * 17 / 8)
    assert figures["cost_per_video_second"].value == pytest.approx(0.5)
    assert figures["cost_per_clip"].protocol["price"] == {"amount": 0.5, "currency": "", "unit": "second"}
    assert figures["peak_vram_gb"].value is None


def test_failures_and_foreign_addresses_are_records(tmp_path, hosted):
    with serving("queue") as server:
        result = hosted(server, tmp_path, f"fail {PROMPT}", f"odd {PROMPT}")
    messages = [record.failure.message for record in result.models[0].records]
    assert "the GPU fell over" in messages[0]
    assert "the key is sent nowhere else" in messages[1]


def test_a_request_given_up_is_cancelled_at_the_service(tmp_path, hosted):
    with serving("queue") as server:
        result = hosted(server, tmp_path, f"hang {PROMPT}", timeout_seconds=0.5)
        assert server.deleted == ["video-0"]
    assert result.models[0].records[0].failure.code == "GENERATION_TIMEOUT"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"num_frames": 17}, "takes no num_frames"),
        ({"extra": {"duration": 7}}, "duration is not 7"),
        ({"extra": {"camera": "pan"}}, "no option camera"),
    ],
)
def test_what_the_service_does_not_take_is_refused(parameters, words):
    with pytest.raises(ValidationError) as caught:
        QueueModel(PIKA).check(GenerationParameters(**parameters), 1)
    assert words in caught.value.message
    assert "resolution" in caught.value.remedy
