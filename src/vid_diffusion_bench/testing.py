"""Contract tests for those who write a model or a store: inherit, give the thing, and pytest collects the rest.

::

    from vid_diffusion_bench.testing import VideoModelContract

    class TestMyModel(VideoModelContract):
        parameters = {"num_frames": 9, "height": 32, "width": 32, "num_inference_steps": 2}

        def make_model(self):
            return MyModel()
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.exceptions import InvalidVideoError, RunLockedError
from vid_diffusion_bench.models import GenerationRequest, VideoModel
from vid_diffusion_bench.results import Failure, SampleRecord, fingerprint
from vid_diffusion_bench.storage import RunStore
from vid_diffusion_bench.video import Video

STAGES = frozenset({"text_encoder", "denoiser", "decoder"})


def noise_clip(seed: int = 0, num_frames: int = 4, height: int = 16, width: int = 24) -> Video:
    """A clip of independent uniform noise (T, H, W, 3) at 8 frames a second, the same for the same seed."""
    frames = np.random.default_rng(seed).integers(0, 256, (num_frames, height, width, 3), np.uint8)
    return Video(frames, 8.0)


class VideoModelContract(ABC):
    """What the engine counts on in every :class:`~vid_diffusion_bench.models.VideoModel`.

    ``parameters`` make the clips small, ``prompt`` is one the model understands, ``same_in_a_batch`` is how far (of
    255) a pixel may differ when a clip is made beside another.
    """

    parameters: ClassVar[dict[str, Any]] = {}
    prompt: ClassVar[str] = "a red circle moving left on a black background"
    same_in_a_batch: ClassVar[int] = 2

    @abstractmethod
    def make_model(self) -> VideoModel:
        """A new model, not loaded."""

    def _loaded(self) -> VideoModel:
        model = self.make_model()
        model.check(self._request(model).parameters, 1)
        model.load("cpu", model.default_precision("cpu"))
        return model

    def _request(self, model: VideoModel, seed: int = 1) -> GenerationRequest:
        return GenerationRequest(self.prompt, seed, GenerationParameters(**self.parameters).over(model.defaults))

    def test_a_clip_is_what_was_asked_for(self) -> None:
        model = self._loaded()
        request = self._request(model)
        (video,) = model.generate([request], lambda _step, _total: None)
        asked = request.parameters
        shape = (asked.num_frames, asked.height, asked.width, 3)
        assert all(got == want for got, want in zip(video.frames.shape, shape, strict=True) if want is not None)
        assert asked.fps is None or video.fps == asked.fps

    def test_the_seed_decides_the_pixels(self) -> None:
        model = self._loaded()
        first, again, other = (
            model.generate([self._request(model, seed)], lambda _step, _total: None)[0].frames for seed in (1, 1, 2)
        )
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_loading_again_changes_nothing(self) -> None:
        model = self._loaded()
        before = model.generate([self._request(model)], lambda _step, _total: None)[0].frames
        model.unload()
        model.load("cpu", model.default_precision("cpu"))
        after = model.generate([self._request(model)], lambda _step, _total: None)[0].frames
        assert np.array_equal(before, after)

    def test_a_batch_keeps_the_order_of_its_requests(self) -> None:
        model = self._loaded()
        requests = [self._request(model, seed) for seed in (1, 2)]
        together = model.generate(requests, lambda _step, _total: None)
        assert len(together) == 2
        for request, video in zip(requests, together, strict=True):
            alone = model.generate([request], lambda _step, _total: None)[0].frames
            difference = np.abs(alone.astype(np.int16) - video.frames.astype(np.int16))
            assert int(difference.max()) <= self.same_in_a_batch

    def test_steps_are_told_and_can_abort(self) -> None:
        model = self._loaded()
        steps: list[int] = []
        model.generate([self._request(model)], lambda step, _total: steps.append(step))
        assert steps == list(range(1, len(steps) + 1))
        assert steps, "a model that tells no step cannot be stopped or timed out"

        def abort(_step: int, _total: int) -> None:
            raise InterruptedError

        try:
            model.generate([self._request(model)], abort)
        except InterruptedError:
            return
        raise AssertionError("an error raised in on_step has to end the call")

    def test_stages_have_known_names(self) -> None:
        assert set(self._loaded().stages()) <= STAGES

    def test_provenance_and_identity_are_plain_and_repeatable(self) -> None:
        first, second = self.make_model(), self.make_model()
        assert json.loads(json.dumps(first.provenance())) == second.provenance()
        assert fingerprint(first.identity()) == fingerprint(second.identity())


class RunStoreContract(ABC):
    """What the engine counts on in a store of runs. pytest gives each test a ``tmp_path`` of its own."""

    @abstractmethod
    def open_store(self, folder: Path) -> RunStore:
        """The store of ``folder``, not entered."""

    def test_what_is_committed_is_there_when_opened_again(self, tmp_path: Path) -> None:
        record = failed_record()
        with self.open_store(tmp_path) as store:
            name = store.benchmark_id
            store.commit([(record, None)])
        with self.open_store(tmp_path) as store:
            assert store.benchmark_id == name
            assert store.samples() == {record.key: (record, None)}

    def test_a_sample_of_the_same_key_is_replaced(self, tmp_path: Path) -> None:
        with self.open_store(tmp_path) as store:
            store.commit([(failed_record(), None)])
            store.commit([(failed_record(seed=2), None)])
            assert [record.seed for record, _ in store.samples().values()] == [2]

    def test_a_clip_comes_back_bit_for_bit_and_damage_is_noticed(self, tmp_path: Path) -> None:
        video = noise_clip()
        with self.open_store(tmp_path) as store:
            stored = store.clips.write("key", video, preview=True)
            assert np.array_equal(store.clips.read(stored.info).frames, video.frames)
            assert store.clips.is_intact(stored.info, stored.file_sha256)
            store.clips.discard(stored.info)
            assert not store.clips.is_intact(stored.info, stored.file_sha256)
            try:
                store.clips.read(stored.info)
            except InvalidVideoError:
                return
        raise AssertionError("a clip that is gone cannot be read")

    def test_a_second_writer_is_turned_away(self, tmp_path: Path) -> None:
        with self.open_store(tmp_path):
            try:
                self.open_store(tmp_path).__enter__()
            except RunLockedError:
                return
        raise AssertionError("two writers were let in")


def failed_record(seed: int = 1) -> SampleRecord:
    """A small record of a sample that failed, always under the same key."""
    return SampleRecord(
        key="a" * 64,
        model="model",
        prompt="a red circle",
        prompt_id="0" * 12,
        index=0,
        seed=seed,
        parameters=GenerationParameters(num_frames=3),
        status="failed",
        failure=Failure(code="GENERATION_FAILED", message="it broke", stage="generate"),
    )
