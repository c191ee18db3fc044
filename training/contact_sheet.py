"""The picture of prompts against frames of the oracle, ``shapes-base`` and ``shapes-small`` for the documentation."""

from __future__ import annotations

import cv2
import numpy as np

from training.common import ROOT
from training.evaluate import Generate, diffusion, oracle

PROMPTS = (
    "a red circle moving left quickly on a white background",
    "a yellow star spinning on a black background",
    "a green square growing on a gray background",
    "a pink triangle moving up slowly on a blue background",
    "a blue cross shrinking on a white background",
    "a cyan square moving down quickly on a black background",
    "a purple star moving right on a gray background",
    "an orange triangle standing still on a blue background",
)
SHOWN = (0, 4, 8, 12, 16)
TEXT_HEIGHT, GAP = 16, 8


def strip(clip: np.ndarray) -> np.ndarray:
    return np.concatenate([clip[index] for index in SHOWN], axis=1)


def sheet(makers: dict[str, Generate], seed: int = 3) -> np.ndarray:
    """RGB picture: one row a prompt, one strip of five frames a model."""
    clips = {name: generate(PROMPTS, seed) for name, generate in makers.items()}
    gap = np.full((64, GAP, 3), 255, np.uint8)
    rows = [_title("   |   ".join(makers), (64 * len(SHOWN) + GAP) * len(makers))]
    for index, prompt in enumerate(PROMPTS):
        strips = [np.concatenate([strip(clips[name][index]), gap], axis=1) for name in makers]
        row = np.concatenate(strips, axis=1)
        rows += [_title(prompt, row.shape[1]), row]
    return np.concatenate(rows)


def _title(text: str, width: int) -> np.ndarray:
    canvas = np.full((TEXT_HEIGHT, width, 3), 255, np.uint8)
    cv2.putText(canvas, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def main() -> None:
    makers = {
        "shapes-oracle": oracle,
        "shapes-base": diffusion("shapes-base"),
        "shapes-small": diffusion("shapes-small"),
    }
    path = ROOT / "docs/images/builtin-models.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet(makers)[..., ::-1])


if __name__ == "__main__":
    main()
