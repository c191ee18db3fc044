"""Put a trained pipeline into the package: float16 safetensors in the diffusers layout, with its defaults."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch

from training.common import FPS, MODEL_WEIGHTS, NUM_FRAMES
from training.denoiser import SIZES, pipeline

DEFAULTS = {
    "num_frames": NUM_FRAMES,
    "fps": FPS,
    "height": 64,
    "width": 64,
    "num_inference_steps": 12,
    "guidance_scale": 3.0,
}


def package(name: str) -> Path:
    """Save pipeline ``name`` in the package's weights folder; its card is kept."""
    folder = MODEL_WEIGHTS / name
    card = (folder / "README.md").read_text() if (folder / "README.md").exists() else ""
    shutil.rmtree(folder, ignore_errors=True)
    pipe = pipeline(name).to(torch.float16)
    # transformers loads a float16 file as float16 while diffusers loads one as float32; the pipeline needs one type.
    pipe.text_encoder.float()
    pipe.save_pretrained(folder, safe_serialization=True)
    for config in folder.glob("*/config.json"):
        fields = json.loads(config.read_text())
        fields.pop("_name_or_path", None)
        config.write_text(json.dumps(fields, indent=2) + "\n")
    (folder / "generation_defaults.json").write_text(json.dumps(DEFAULTS, indent=1) + "\n")
    if card:
        (folder / "README.md").write_text(card)
    return folder


def megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    for one in sys.argv[1:] or SIZES:
        print(one, f"{megabytes(package(one)):.2f} MB")
