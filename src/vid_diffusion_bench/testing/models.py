"""What the engine counts on in a model."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.models import GenerationRequest, VideoModel
from vid_diffusion_bench.results import fingerprint

STAGES = frozenset({"text_encoder", "denoiser", "decoder"})


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
