"""Video models behind one protocol. Importing this imports no torch."""

from vid_diffusion_bench.models.base import GenerationRequest, StepCallback, VideoModel
from vid_diffusion_bench.models.catalogue import ModelInfo, Requirements, catalogue
from vid_diffusion_bench.models.resolve import (
    ModelRegistry,
    canonical_name,
    download_model,
    get_first_frame_model,
    get_model,
    list_models,
    model_info,
    register_model,
)
from vid_diffusion_bench.models.served import ServedModel

__all__ = [
    "GenerationRequest",
    "ModelInfo",
    "ModelRegistry",
    "Requirements",
    "ServedModel",
    "StepCallback",
    "VideoModel",
    "canonical_name",
    "catalogue",
    "download_model",
    "get_first_frame_model",
    "get_model",
    "list_models",
    "model_info",
    "register_model",
]
