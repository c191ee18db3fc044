"""VideoMAE-v2 ViT-g (Wang et al. 2023), fine-tuned on Something-Something-v2: the features of cd-fvd (Ge et al. 2024).

The published file holds the original code's state dict; here it becomes the layout of transformers' VideoMAE, whose
blocks compute the same. The numbers are those of ``forward_features`` in cd-fvd's
``third_party/VideoMAEv2/videomaev2_finetune.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vid_diffusion_bench.features.i3d_pixels import CDFVD_LOADER, cdfvd_loaded
from vid_diffusion_bench.features.networks import preprocessing
from vid_diffusion_bench.features.networks.base import ClipNetwork
from vid_diffusion_bench.features.networks.sampling import Sampling
from vid_diffusion_bench.features.networks.videomae import OUTPUT, embed
from vid_diffusion_bench.video import Frames

if TYPE_CHECKING:
    import torch
    from transformers import VideoMAEConfig

    State = Mapping[str, torch.Tensor]

EPSILON = 1e-6
"""Of every layer norm of the original, the last one included."""
NUM_HEADS, IMAGE_SIZE, NUM_FRAMES = 16, 224, 16
"""Of ``vit_giant_patch14_224`` as cd-fvd builds it; the other sizes are those of the weights."""

_RENAMED = {
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.output.dense",
    "attn.q_bias": "attention.attention.query.bias",
    "attn.v_bias": "attention.attention.value.bias",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
    "head": "classifier",
    "fc_norm": "fc_norm",
}


def load(path: Path) -> Any:
    """The network of the published file.

    Raises:
        ValueError, KeyError: It holds something else.
        RuntimeError: Its tensors do not fit together.
    """
    import torch
    from transformers import VideoMAEForVideoClassification

    state = _state(torch.load(path, map_location="cpu", weights_only=True))
    config = configuration(state)
    with torch.device("meta"):
        network = VideoMAEForVideoClassification(config)
    network.load_state_dict({name: value.float() for name, value in converted(state).items()}, assign=True)
    # Positions are no part of the state dict, so that on the meta device nobody has computed them.
    network.videomae.embeddings.position_embeddings = _positions(config)
    network.fc_norm.eps = EPSILON
    return network


def configuration(state: State) -> VideoMAEConfig:
    """The sizes of the network whose original state dict this is."""
    from transformers import VideoMAEConfig

    hidden, _, tubelet, patch, _ = state["patch_embed.proj.weight"].shape
    blocks = {name.split(".")[1] for name in state if name.startswith("blocks.")}
    return VideoMAEConfig(
        image_size=IMAGE_SIZE,
        patch_size=patch,
        num_frames=NUM_FRAMES,
        tubelet_size=tubelet,
        hidden_size=hidden,
        num_hidden_layers=len(blocks),
        num_attention_heads=NUM_HEADS,
        intermediate_size=state["blocks.0.mlp.fc1.weight"].shape[0],
        layer_norm_eps=EPSILON,
        num_labels=state["head.weight"].shape[0],
        use_mean_pooling=True,
    )


def converted(state: State) -> dict[str, torch.Tensor]:
    """The original's tensors under the names of ``VideoMAEForVideoClassification``.

    Raises:
        ValueError: A tensor has no place there.
    """
    renamed: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        block = re.match(r"blocks\.(\d+)\.(.+)", name)
        prefix, rest = (f"videomae.encoder.layer.{block[1]}.", block[2]) if block else ("", name)
        if rest == "attn.qkv.weight":
            parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
            renamed |= {f"{prefix}attention.attention.{part}.weight": weight for part, weight in parts}
        else:
            renamed[prefix + _renamed(rest)] = value
    return renamed


def _renamed(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    if name in _RENAMED:
        return _RENAMED[name]
    if stem not in _RENAMED:
        raise ValueError(f"{name} is no tensor of VideoMAE-v2")
    outer = "videomae." if stem == "patch_embed.proj" else ""
    return f"{outer}{_RENAMED[stem]}.{kind}"


def _state(loaded: Mapping[str, Any]) -> State:
    """The state dict itself, which training code puts under a name of its own."""
    return next((loaded[key] for key in ("model", "module") if key in loaded), loaded)


def _positions(config: VideoMAEConfig) -> torch.Tensor:
    from transformers.models.videomae.modeling_videomae import get_sinusoid_encoding_table

    side = config.image_size // config.patch_size
    table: torch.Tensor = get_sinusoid_encoding_table(
        side * side * (config.num_frames // config.tubelet_size), config.hidden_size
    )
    return table


class Loaded(preprocessing.Preprocessing):
    """What cd-fvd's folder loader does to frames, and then the preprocessing itself."""

    def __call__(self, frames: Frames) -> torch.Tensor:
        return super().__call__(cdfvd_loaded(frames))

    def describe(self) -> str:
        """Both, in words."""
        return f"{CDFVD_LOADER}; {super().describe()}"


_NETWORK = ClipNetwork(
    "videomae-v2-giant-ssv2",
    "videomae-v2-giant-ssv2",
    preprocessing.VIDEOMAE_V2,
    load,
    embed,
    f"{OUTPUT}; forward_features of cd-fvd",
    Sampling(NUM_FRAMES, "first"),
)
GIANT_SSV2 = _NETWORK.extractor()
GIANT_SSV2_CDFVD = replace(
    _NETWORK, name="videomae-v2-giant-ssv2-cdfvd", preprocessing=Loaded(**vars(preprocessing.VIDEOMAE_V2))
).extractor()
"""From video files, as cd-fvd reads them."""
