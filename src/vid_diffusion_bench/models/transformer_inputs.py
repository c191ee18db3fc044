"""What a pipeline gives its transformer at a step: shapes, from the signatures of both and their configurations.

Nothing here knows a family. A transformer says by its forward pass what it takes, its configuration how wide that is,
and the pipeline's call how long a text may be; how the latents lie is tried in turn.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from vid_diffusion_bench.models.snapshot import components, read_config, read_index

Shape = tuple[int, ...]
TEXT_WIDTHS: Final = ("text_embed_dim", "text_dim", "caption_channels", "cross_attention_dim")
"""What configurations call the width of the text they take, the outermost first."""
_MASK: Final = "encoder_attention_mask"
_OWN_MOMENTS = "conditioning_mask"
"""In the source of calls that give every token its own time step, as what a clip starts from is not noisy."""
_DOUBLED = re.compile(r"torch\.cat\(\s*\[(latents|latent_model_input)\] \* 2|torch\.cat\(\[latents, latents\]")


@dataclass(frozen=True)
class Latents:
    """(T, H, W) of the latents of ``batch`` clips."""

    frames: int
    height: int
    width: int
    batch: int


def pipeline_class(folder: Path) -> Any:
    """The class that the folder's index names, ``None`` where diffusers has none of that name."""
    import diffusers

    return getattr(diffusers, read_index(folder)["_class_name"], None)


def doubles_its_batch(folder: Path) -> bool:
    """Whether guidance computes both halves in one call: then the pipeline's call lays its latents side by side.

    Others call the denoiser twice. Taken for granted where the source cannot be read: it is the larger of the two.
    """
    source = _source(folder)
    return source is None or bool(_DOUBLED.search(source))


def _source(folder: Path) -> str | None:
    try:
        return inspect.getsource(pipeline_class(folder).__call__)
    except (OSError, TypeError, AttributeError):
        return None


def transformer_inputs(folder: Path, forward: Any, latents: Latents) -> Iterator[dict[str, Any]]:
    """Arguments of ``forward`` to be tried in turn: shapes of tensors as tuples, numbers and ``None`` as they are.

    With a mask of the text and, where it may be left out, without.
    """
    config, taken = read_config(folder, "transformer"), inspect.signature(forward).parameters
    others = _others(folder, config, latents)
    optional = _MASK in taken and taken[_MASK].default is not inspect.Parameter.empty
    for left_out in ((), (_MASK,)) if optional else ((),):
        for hidden in _layouts(config, latents):
            given = {"hidden_states": hidden, **others}
            yield {name: value for name, value in given.items() if name in taken and name not in left_out}


def _layouts(config: dict[str, Any], latents: Latents) -> list[Shape]:
    channels, rest = int(config.get("in_channels") or 0), (latents.height, latents.width)
    return [
        (latents.batch, channels, latents.frames, *rest),
        (latents.batch, latents.frames, channels, *rest),
        (latents.batch, tokens(config, latents), channels),
    ]


def tokens(config: dict[str, Any], latents: Latents) -> int:
    """How many patches a clip has."""
    patch = config.get("patch_size") or 1
    in_space = math.prod(patch[-2:]) if isinstance(patch, list) else int(patch) ** 2
    in_time = patch[0] if isinstance(patch, list) and len(patch) == 3 else int(config.get("patch_size_t") or 1)
    cells = latents.frames * latents.height * latents.width
    return math.ceil(cells / (in_space * min(in_time, latents.frames)))


def _others(folder: Path, config: dict[str, Any], latents: Latents) -> dict[str, Any]:
    batch, length = latents.batch, text_length(folder, config)
    width = next((int(config[name]) for name in TEXT_WIDTHS if config.get(name)), 0)
    given: dict[str, Any] = {
        "encoder_hidden_states": (batch, length, width),
        _MASK: (batch, length),
        "timestep": (batch, tokens(config, latents)) if _has_moments(folder) else (batch,),
        "num_frames": latents.frames,
        "height": latents.height,
        "width": latents.width,
        "video_coords": (batch, 3, tokens(config, latents)),
        "guidance": (batch,) if config.get("guidance_embeds") else None,
    }
    if config.get("pooled_projection_dim"):
        given["pooled_projections"] = (batch, int(config["pooled_projection_dim"]))
    if seen := _image_tokens(folder, config):
        given["encoder_hidden_states_image"] = (batch, *seen)
    return given


def _has_moments(folder: Path) -> bool:
    return bool(read_index(folder).get("expand_timesteps")) or _OWN_MOMENTS in (_source(folder) or "")


def text_length(folder: Path, config: dict[str, Any]) -> int:
    """Tokens of a prompt: what the pipeline's call pads to, else what the configuration says, else one."""
    found = pipeline_class(folder)
    said = inspect.signature(found.__call__).parameters.get("max_sequence_length") if found else None
    default = said.default if said is not None and isinstance(said.default, int) else None
    return int(default or config.get("max_text_seq_length") or 1)


def _image_tokens(folder: Path, config: dict[str, Any]) -> Shape | None:
    """(N, D) of the picture that some start from, by its encoder."""
    if not config.get("image_dim") or "image_encoder" not in components(folder):
        return None
    encoder = read_config(folder, "image_encoder")
    side, patch = encoder.get("image_size"), encoder.get("patch_size")
    return ((side // patch) ** 2 + 1, int(config["image_dim"])) if side and patch else None
