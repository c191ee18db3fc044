"""How many attributes of sampled captions a model's clips show, read from their pixels; with Wilson intervals."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from diffusers import DiffusionPipeline

from training.common import MODEL_WEIGHTS, WORK
from vid_diffusion_bench.statistics import wilson_interval
from vid_diffusion_bench.world.analysis import analyse
from vid_diffusion_bench.world.captions import HELD_OUT, TRAINED, caption, parse
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import Attributes, sample_scene

NAMES = ("color", "background", "shape", "motion", "speed")
Generate = Callable[[Sequence[str], int], np.ndarray]
"""Prompts and a seed to clips (B, T, H, W, C) uint8."""


def oracle(prompts: Sequence[str], seed: int) -> np.ndarray:
    rngs = (np.random.default_rng([seed, index]) for index in range(len(prompts)))
    return np.stack([render(sample_scene(rng, parse(prompt))) for rng, prompt in zip(rngs, prompts, strict=True)])


def diffusion(name: str, **changes: float) -> Generate:
    """The packaged pipeline ``name`` at its defaults, but for ``changes``."""
    folder = MODEL_WEIGHTS / name
    settings = json.loads((folder / "generation_defaults.json").read_text()) | changes
    pipe = DiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    settings["frame_rate"] = settings.pop("fps")

    def generate(prompts: Sequence[str], seed: int) -> np.ndarray:
        generators = [torch.Generator().manual_seed(seed + index) for index in range(len(prompts))]
        frames = pipe(list(prompts), generator=generators, output_type="np", **settings).frames
        return np.rint(np.asarray(frames) * 255).astype(np.uint8)

    return generate


def drawn(attributes: Sequence[Attributes], count: int, seed: int) -> list[Attributes]:
    """``count`` of ``attributes`` at random, without repetition where there are enough."""
    rng = np.random.default_rng(seed)
    return [attributes[index] for index in rng.choice(len(attributes), count, replace=count > len(attributes))]


def share(right: int, count: int) -> list[float]:
    """The share and its 95 % Wilson interval."""
    return [round(value, 3) for value in (right / count, *wilson_interval(right, count))]


def accuracy(generate: Generate, wanted: Sequence[Attributes], seed: int = 1000, batch: int = 20) -> dict[str, object]:
    """Right answers an attribute and of all at once (speed only where it is said), and seconds a clip."""
    prompts = [caption(attributes, index) for index, attributes in enumerate(wanted)]
    started, seen = time.monotonic(), []
    for start in range(0, len(prompts), batch):
        seen += [analyse(clip).attributes for clip in generate(prompts[start : start + batch], seed + start)]
    seconds = (time.monotonic() - started) / len(prompts)
    table: dict[str, object] = {"clips": len(prompts), "seconds_a_clip": round(seconds, 3)}
    for name in NAMES:
        pairs = [(getattr(a, name), getattr(b, name)) for a, b in zip(wanted, seen, strict=True)]
        said = [pair for pair in pairs if pair[0] is not None]
        table[name] = share(sum(a == b for a, b in said), len(said))
    table["all"] = share(sum(a == b for a, b in zip(wanted, seen, strict=True)), len(wanted))
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", nargs="+", default=["shapes-oracle", "shapes-base", "shapes-small"])
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--held-out", type=int, default=120)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--save", default="accuracy.json")
    given = parser.parse_args(arguments)
    changes = {"num_inference_steps": given.steps, "guidance_scale": given.guidance}
    changes = {name: value for name, value in changes.items() if value is not None}
    tables: dict[str, object] = {}
    for name in given.models:
        generate = oracle if name == "shapes-oracle" else diffusion(name, **changes)
        for part, attributes, count in (("trained", TRAINED, given.count), ("held out", HELD_OUT, given.held_out)):
            if count:
                tables[f"{name}, {part}"] = table = accuracy(generate, drawn(attributes, count, seed=7))
                print(name, part, json.dumps(table), flush=True)
    (WORK / given.save).write_text(json.dumps(tables, indent=1))


if __name__ == "__main__":
    main()
