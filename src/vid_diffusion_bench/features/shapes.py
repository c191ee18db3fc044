"""The two small feature extractors of the built-in world, ``shapes-v1``.

`ShapesVideoNet` gives clip features for Fréchet distances and class probabilities for the Inception Score;
`ShapesDualEncoder` puts clips and captions into one space for a CLIP-style similarity. Both work clip by clip, so a
clip's features do not depend on the batch it is in. Their weights are made by ``training/`` and know only the
built-in world: figures from them are not the published metrics of the same names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

NUM_FRAMES = 17
SIZE = 64


def preprocess(clips: Tensor) -> Tensor:
    """(B, T, C, H, W) in 0..1 of any size to (B, 17, C, 64, 64).

    Frames are taken at evenly spaced positions, rounded to the nearest frame, first and last included; a shorter clip
    repeats frames. Pictures are resized bilinearly with anti-aliasing, without keeping their aspect ratio.
    """
    num_frames, size = clips.shape[1], clips.shape[-2:]
    if num_frames != NUM_FRAMES:
        positions = torch.linspace(0, num_frames - 1, NUM_FRAMES, device=clips.device).round().long()
        clips = clips[:, positions]
    if size != (SIZE, SIZE):
        flat = functional.interpolate(clips.flatten(0, 1), (SIZE, SIZE), mode="bilinear", antialias=True)
        clips = flat.reshape(-1, NUM_FRAMES, *flat.shape[1:])
    return clips


class _Block(nn.Module):
    """A residual (2+1)D block: group norm, spatial and temporal convolution; ``stride`` halves space and time."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, channels_in), nn.GroupNorm(8, channels)
        self.spatial = nn.Conv3d(channels_in, channels, (1, 3, 3), (1, stride, stride), (0, 1, 1))
        self.temporal = nn.Conv3d(channels, channels, (3, 1, 1), (stride, 1, 1), (1, 0, 0))
        self.skip = nn.Conv3d(channels_in, channels, 1, stride) if stride > 1 or channels != channels_in else None

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.spatial(functional.silu(self.norm1(x)))
        hidden = self.temporal(functional.silu(self.norm2(hidden)))
        total: Tensor = hidden + (x if self.skip is None else self.skip(x))
        return total


class _Trunk(nn.Module):
    """(B, T, C, H, W) in 0..1 to features (B, D): mean and maximum of the last map, projected."""

    def __init__(self, channels: Sequence[int], feature_dim: int) -> None:
        super().__init__()
        first, *others = channels
        self.stem = nn.Conv3d(3, first, (1, 6, 6), (1, 4, 4), (0, 1, 1))
        blocks = [_Block(first, first, 1)]
        for before, after in zip(channels[:-1], others, strict=True):
            blocks += [_Block(before, after, 2), _Block(after, after, 1)]
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.GroupNorm(8, channels[-1])
        self.project = nn.Linear(2 * channels[-1], feature_dim)

    def forward(self, clips: Tensor) -> Tensor:
        x = preprocess(clips).movedim(2, 1).mul(2.0).sub(1.0).contiguous(memory_format=torch.channels_last_3d)
        x = functional.silu(self.norm(self.blocks(self.stem(x)))).flatten(2)
        features: Tensor = self.project(torch.cat([x.mean(2), x.amax(2)], dim=1))
        return features


@dataclass(frozen=True, slots=True)
class VideoNetOutput:
    """Of B clips: ``features`` (B, D), ``logits`` (B, K) of the joint classes, ``heads`` name to logits (B, n)."""

    features: Tensor
    logits: Tensor
    heads: dict[str, Tensor]


class _Loadable(nn.Module):
    """A network whose constructor's arguments lie in ``config.json`` beside its ``model.safetensors``."""

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """The network in evaluation mode, its float16 weights as float32."""
        folder = Path(folder)
        model = cls(**json.loads((folder / "config.json").read_text()))
        weights: dict[str, Tensor] = load_file(folder / "model.safetensors")
        model.load_state_dict({name: value.float() for name, value in weights.items()})
        return model.eval()


class ShapesVideoNet(_Loadable):
    """A (2+1)D classifier of the world's clips.

    ``classes`` are the joint classes of ``logits``; ``heads`` maps every further head to its classes.
    """

    def __init__(
        self, channels: Sequence[int], feature_dim: int, classes: Sequence[str], heads: dict[str, list[str]]
    ) -> None:
        super().__init__()
        self.classes, self.head_classes = tuple(classes), dict(heads)
        self.trunk = _Trunk(channels, feature_dim)
        self.joint = nn.Linear(feature_dim, len(classes))
        self.heads = nn.ModuleDict({name: nn.Linear(feature_dim, len(values)) for name, values in heads.items()})

    def forward(self, clips: Tensor) -> VideoNetOutput:
        """``clips`` (B, T, C, H, W) in 0..1, any size."""
        features = self.trunk(clips)
        active = functional.silu(features)
        return VideoNetOutput(features, self.joint(active), {name: head(active) for name, head in self.heads.items()})


class ShapesDualEncoder(_Loadable):
    """A clip tower and a text tower into one space of unit vectors; their dot product is the similarity in -1..1."""

    def __init__(
        self,
        channels: Sequence[int],
        feature_dim: int,
        vocabulary: Sequence[str],
        text_width: int,
        text_layers: int,
        max_words: int,
        embedding_dim: int,
    ) -> None:
        super().__init__()
        self.word_ids = {word: index + 2 for index, word in enumerate(vocabulary)}
        self.max_words = max_words
        self.trunk = _Trunk(channels, feature_dim)
        self.clip_head = nn.Sequential(
            nn.LayerNorm(feature_dim), nn.Linear(feature_dim, 256), nn.GELU(), nn.Linear(256, embedding_dim)
        )
        self.words = nn.Embedding(len(vocabulary) + 2, text_width)
        self.positions = nn.Parameter(torch.zeros(max_words + 1, text_width))
        layer: dict[str, Any] = {"dropout": 0.0, "batch_first": True, "norm_first": True, "activation": "gelu"}
        self.text = nn.ModuleList(
            nn.TransformerEncoderLayer(text_width, 4, 2 * text_width, **layer) for _ in range(text_layers)
        )
        self.text_head = nn.Sequential(nn.LayerNorm(text_width), nn.Linear(text_width, embedding_dim))
        self.logit_scale = nn.Parameter(torch.tensor(2.5))

    def tokenize(self, prompts: Sequence[str]) -> Tensor:
        """Word ids (B, L): lower-case letters only, 1 for an unknown word and for the first place, 0 for padding."""
        rows = [re.findall(r"[a-z]+", prompt.lower())[: self.max_words] for prompt in prompts]
        ids = torch.zeros(len(rows), self.max_words + 1, dtype=torch.long)
        for index, words in enumerate(rows):
            ids[index, : len(words) + 1] = torch.tensor([1, *(self.word_ids.get(word, 1) for word in words)])
        return ids

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        """Unit vectors (B, E) of ``prompts``."""
        ids = self.tokenize(prompts).to(self.positions.device)
        hidden = self.words(ids) + self.positions
        for layer in self.text:
            hidden = layer(hidden, src_key_padding_mask=ids == 0)
        return functional.normalize(self.text_head(hidden[:, 0]), dim=-1)

    def encode_clips(self, clips: Tensor) -> Tensor:
        """Unit vectors (B, E) of ``clips`` (B, T, C, H, W) in 0..1, any size."""
        return self.project(self.trunk(clips))

    def project(self, features: Tensor) -> Tensor:
        """Unit vectors (B, E) of trunk features (B, D)."""
        return functional.normalize(self.clip_head(features), dim=-1)

    def forward(self, clips: Tensor, prompts: Sequence[str]) -> Tensor:
        """Similarity (B,) of each clip with its own prompt, in -1..1."""
        return (self.encode_clips(clips) * self.encode_text(prompts)).sum(-1)
