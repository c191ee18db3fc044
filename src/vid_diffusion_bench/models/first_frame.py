"""The first frame of models that start from an image, made by a text-to-image pipeline of diffusers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.models.base import GenerationRequest, StepCallback
from vid_diffusion_bench.models.diffusers import DiffusersModel, to_uint8
from vid_diffusion_bench.models.pipeline_call import PipelineCall
from vid_diffusion_bench.video import Video


class FirstFrameModel(DiffusersModel):
    """A text-to-image pipeline as a model of clips of one frame, loaded and known by its weights as any other."""

    @cached_property
    def call(self) -> PipelineCall:
        return PipelineCall.of_images(self.pipeline_class)

    def request(self, clip: GenerationRequest) -> GenerationRequest:
        """The image that ``clip`` starts from: its prompt, its seed, its size; all else is the pipeline's own."""
        size = GenerationParameters(height=clip.parameters.height, width=clip.parameters.width)
        return GenerationRequest(clip.prompt, clip.seed, size.over(self.defaults))

    def generate(self, requests: Sequence[GenerationRequest], on_step: StepCallback) -> list[Video]:
        output = self.run_pipeline(requests, on_step)
        return [Video(to_uint8(image)[None], 1.0) for image in output.images]
