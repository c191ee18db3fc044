"""Prompts: the standard sets, and files of one's own."""

from vid_diffusion_bench.prompts.files import read_prompts, read_prompts_and_images
from vid_diffusion_bench.prompts.sets import PromptSet, StandardPrompts, list_prompt_sets, prompt_set, prompt_set_for

__all__ = [
    "PromptSet",
    "StandardPrompts",
    "list_prompt_sets",
    "prompt_set",
    "prompt_set_for",
    "read_prompts",
    "read_prompts_and_images",
]
