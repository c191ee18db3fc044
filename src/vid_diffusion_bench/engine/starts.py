"""What a model starts from where only its time or its health is asked, and nobody gave an image or a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vid_diffusion_bench.config import GenerationParameters
from vid_diffusion_bench.models import VideoModel

PROMPT: Final = "a red circle moving left on a black background"
SEED: Final = 0
DRAWN: Final = f"the built-in world: {PROMPT!r}"
"""How such an image is written down."""
_FRAMES, _SIDE, _FPS = 17, 64, 8.0


def draw_starts(model: VideoModel, parameters: GenerationParameters, folder: Path) -> dict[str, str]:
    """Files in ``folder``, by the parameter, of what ``model`` needs and ``parameters`` lack: rendered by the built-in
    world at the size and length asked for.
    """
    lacking = [name for name in model.needs if getattr(parameters, name) is None]
    if not lacking:
        return {}
    from PIL import Image

    from vid_diffusion_bench.models.oracle import render_prompt
    from vid_diffusion_bench.video import write_lossless

    asked = parameters
    shape = (asked.num_frames or _FRAMES, asked.height or _SIDE, asked.width or _SIDE, asked.fps or _FPS)
    video = render_prompt(PROMPT, SEED, shape)
    files = {"image": folder / "start.png", "video": folder / "start.mkv"}
    Image.fromarray(video.frames[0]).save(files["image"])
    write_lossless(files["video"], video)
    return {name: str(files[name]) for name in lacking}
