"""What a sample is called when something is said of it."""

from __future__ import annotations

from typing import Final

from vid_diffusion_bench.results import SampleRecord

SHOWN_PROMPT: Final = 60


def name_of(record: SampleRecord) -> str:
    """A sample as a person finds it again."""
    text = record.prompt if len(record.prompt) <= SHOWN_PROMPT else f"{record.prompt[:SHOWN_PROMPT]}…"
    return f"{record.model}, prompt {record.prompt_id} {text!r}, sample {record.index}, seed {record.seed}"
