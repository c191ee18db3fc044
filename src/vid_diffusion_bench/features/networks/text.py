"""Prompts as the tokens of CLIP's text towers: cut to the context length with the end-of-text token kept.

The towers read their sentence off the end-of-text token; cut with the rest, the similarity of a long prompt falls by
a third (torchmetrics#2883).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.exceptions import MetricComputationError, WeightsNotFoundError
from vid_diffusion_bench.features.base import Clip
from vid_diffusion_bench.weights.digest import combined_sha256, file_sha256

if TYPE_CHECKING:
    import torch

FILES = ("tokenizer.json", "vocab.json", "merges.txt")
"""What a tokenizer can be made of: the first alone, or the other two."""


@dataclass(frozen=True)
class Tokens:
    """``ids`` (1, L) with both special tokens, and the share of the prompt's own tokens that were cut."""

    ids: torch.Tensor
    truncated_share: float


def tokenize(clip: Clip, folder: Path, context: int) -> Tokens:
    """The prompt of ``clip`` as at most ``context`` tokens of the tokenizer in ``folder``.

    Raises:
        MetricComputationError: The prompt is not known, or blank.
    """
    import torch

    if clip.prompt is None or not clip.prompt.strip():
        raise MetricComputationError("the prompt of this clip is not known")
    tokenizer = _tokenizer(folder, tokenizer_sha256(folder))
    words = tokenizer(clip.prompt, add_special_tokens=False, verbose=False)["input_ids"]
    read = words[: context - 2]
    ids = torch.tensor([[tokenizer.bos_token_id, *read, tokenizer.eos_token_id]])
    return Tokens(ids, 1 - len(read) / len(words) if words else 0.0)


def tokenizer_sha256(folder: Path) -> str:
    """One hash of the tokenizer's files in ``folder``.

    Raises:
        WeightsNotFoundError: They are not all there.
    """
    present = [folder / name for name in FILES if (folder / name).is_file()]
    names = {path.name for path in present}
    if "tokenizer.json" not in names and not names.issuperset(FILES[1:]):
        raise WeightsNotFoundError(
            f"the tokenizer of {folder.name} is missing: tokenizer.json, or vocab.json and merges.txt",
            remedy=f"put those files of the same repository into {folder}",
            details={"path": str(folder)},
        )
    return combined_sha256({path.name: file_sha256(path) for path in present})


@cache
def _tokenizer(folder: Path, sha256: str) -> Any:  # noqa: ARG001 - part of the key
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
