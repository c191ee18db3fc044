"""What every training script shares: where things lie, the clip pool, Muon, EMA, checkpoints."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from vid_diffusion_bench.world.captions import NUM_TEMPLATES, TRAINED, caption
from vid_diffusion_bench.world.render import render
from vid_diffusion_bench.world.scene import Attributes, Scene, sample_scene

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / ".train"
MODEL_WEIGHTS = ROOT / "src/vid_diffusion_bench/models/weights"
FEATURE_WEIGHTS = ROOT / "src/vid_diffusion_bench/features/weights"
NUM_FRAMES, FPS = 17, 8


def trained_scene(rng: np.random.Generator) -> Scene:
    """A scene of a uniformly drawn trained motion, shape and colour; the held-out combinations never occur."""
    while True:
        scene = sample_scene(rng)
        if scene.attributes in _TRAINED:
            return scene


_TRAINED = frozenset(TRAINED)


def random_caption(rng: np.random.Generator, attributes: Attributes) -> str:
    """A caption in a random template that drops background and speed once in five times, the rest once in 20."""
    said = attributes.named()
    for name in list(said):
        if rng.random() < (0.2 if name in ("background", "speed") else 0.05):
            said.pop(name)
    return caption(Attributes(**said), int(rng.integers(NUM_TEMPLATES)))


class Pool:
    """Rendered training clips (N, T, H, W, C) uint8 and their scenes."""

    def __init__(self, size: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.scenes = [trained_scene(rng) for _ in range(size)]
        self.frames = np.stack([render(scene) for scene in self.scenes])

    def clips(self, rng: np.random.Generator, batch: int, num_frames: int) -> Tensor:
        """Random windows (B, C, T, H, W) in -1..1."""
        rows = rng.integers(len(self.frames), size=batch)
        starts = rng.integers(NUM_FRAMES - num_frames + 1, size=batch)
        windows = np.stack([self.frames[r, s : s + num_frames] for r, s in zip(rows, starts, strict=True)])
        return to_tensor(windows)

    def whole(self, rows: Sequence[int]) -> Tensor:
        """The whole clips (B, C, T, H, W) at ``rows`` in -1..1."""
        return to_tensor(self.frames[list(rows)])


def to_tensor(frames: np.ndarray) -> Tensor:
    """(B, T, H, W, C) uint8 to (B, C, T, H, W) in -1..1, channels last in memory."""
    return torch.from_numpy(frames).permute(0, 4, 1, 2, 3).float().div(127.5).sub(1.0)


class Muon(torch.optim.Optimizer):
    """Muon (orthogonalised momentum) for matrices and convolutions; wide outputs in blocks of ``BLOCK`` rows."""

    BLOCK = 64

    def __init__(
        self, params: list[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002 - the base class's signature
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(buffer, group["momentum"])
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(self._orthogonal(update), alpha=-group["lr"])

    def _orthogonal(self, update: Tensor) -> Tensor:
        """Update of root mean square 0.2, as AdamW's, so that both share one learning rate."""
        matrix = update.flatten(1)
        rows, columns = matrix.shape
        block = self.BLOCK if update.ndim > 2 and rows % self.BLOCK == 0 else rows
        blocks = matrix.reshape(rows // block, block, columns)
        scale = 0.2 * math.sqrt(max(block, columns))
        return (newton_schulz(blocks.bfloat16()).float() * scale).reshape(update.shape)


def newton_schulz(g: Tensor, steps: int = 5) -> Tensor:
    """The nearest orthogonal matrices to ``g`` (B, M, N), approximately."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (g.norm(dim=(1, 2), keepdim=True) + 1e-7)
    flip = x.shape[1] > x.shape[2]
    x = x.mT if flip else x
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if flip else x


class Optimizers:
    """Muon for what has two dimensions or more, AdamW for the rest and for ``adam_names``; warm-up then cosine."""

    def __init__(
        self, model: nn.Module, lr: float, total: float, adam_names: tuple[str, ...] = (), warmup: float = 0.02
    ) -> None:
        matrices, others = [], []
        for name, p in model.named_parameters():
            if p.requires_grad:
                wide = p.ndim >= 2 and not any(part in name for part in adam_names)
                (matrices if wide else others).append(p)
        self.all: list[torch.optim.Optimizer] = [Muon(matrices, lr)] if matrices else []
        self.all.append(torch.optim.AdamW(others, lr, betas=(0.9, 0.99), weight_decay=0.0))
        self.lr, self.total, self.warmup = lr, total, warmup

    def step(self, progress: float) -> None:
        """One update at ``progress`` in 0..1 of the training."""
        ramp = min(1.0, (progress + 1e-3) / self.warmup)
        scale = ramp * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))
        for optimizer in self.all:
            for group in optimizer.param_groups:
                group["lr"] = self.lr * scale
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> list[Any]:
        return [optimizer.state_dict() for optimizer in self.all]

    def load_state_dict(self, states: list[Any]) -> None:
        for optimizer, state in zip(self.all, states, strict=True):
            optimizer.load_state_dict(state)


class Ema:
    """Exponential moving average of a model's parameters, with a warm-up of its decay."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay, self.count = model, decay, 0
        self.values = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self) -> None:
        self.count += 1
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        for name, p in self.model.named_parameters():
            self.values[name].lerp_(p, 1 - decay)

    def copy_to(self, model: nn.Module) -> None:
        model.load_state_dict(self.values, strict=False)

    def state_dict(self) -> dict[str, Any]:
        return {"values": self.values, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.values, self.count = state["values"], state["count"]


class Run:
    """One training run: the clock that decides its progress, checkpoints it resumes from, its log."""

    def __init__(self, name: str, seconds: float, save_every: float = 120.0) -> None:
        self.folder = WORK / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seconds, self.save_every = seconds, save_every
        self.spent, self.step_count = 0.0, 0
        self._parts: dict[str, Any] = {}

    def track(self, **parts: Any) -> None:
        """Parts with ``state_dict``; restored at once if a checkpoint exists."""
        self._parts = parts
        path = self.folder / "checkpoint.pt"
        if path.exists():
            state = torch.load(path, weights_only=False)
            self.spent, self.step_count = state["spent"], state["step_count"]
            for name, part in parts.items():
                part.load_state_dict(state[name])

    def steps(self) -> Iterator[tuple[int, float]]:
        """(step, progress in 0..1) until the budget of training seconds is spent."""
        saved = last = time.monotonic()
        while self.spent < self.seconds:
            yield self.step_count, self.spent / self.seconds
            now = time.monotonic()
            self.spent, last = self.spent + now - last, now
            self.step_count += 1
            if now - saved > self.save_every:
                self.save()
                saved = last = time.monotonic()
        self.save()

    def save(self) -> None:
        state = {name: part.state_dict() for name, part in self._parts.items()}
        path = self.folder / "checkpoint.pt"
        torch.save({"spent": self.spent, "step_count": self.step_count, **state}, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)

    def log(self, **values: float) -> None:
        line = {
            "step": self.step_count,
            "seconds": round(self.spent, 1),
            **{k: round(float(v), 5) for k, v in values.items()},
        }
        print(json.dumps(line), flush=True)
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


def save_network(model: nn.Module, config: dict[str, Any], folder: Path) -> None:
    """Weights as float16 in ``model.safetensors``, the constructor's arguments in ``config.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
