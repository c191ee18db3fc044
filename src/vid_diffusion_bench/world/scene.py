"""What can be in a clip of the built-in world, and how one is drawn at random.

`Attributes` is what a caption can say; `Scene` is one clip, down to the pixel position.
Lengths are in units of 1/64 of the shorter frame side, times in seconds, angles in radians.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np

from vid_diffusion_bench.exceptions import ValidationError

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 40),
    "orange": (255, 140, 0),
    "yellow": (250, 230, 50),
    "green": (30, 160, 50),
    "cyan": (50, 220, 230),
    "blue": (40, 70, 220),
    "purple": (130, 40, 170),
    "pink": (255, 130, 200),
}
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "black": (10, 10, 10),
    "gray": (120, 120, 120),
    "white": (245, 245, 245),
    "blue": (40, 70, 220),
}
SHAPES = ("circle", "square", "triangle", "star", "cross")
TRANSLATIONS: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
MOTIONS = (*TRANSLATIONS, "growing", "shrinking", "spinning", "still")
SPEEDS: dict[str, float] = {"slowly": 7.0, "quickly": 15.0}
"""Units per second of a translation."""

DURATION = 2.0
"""Seconds after which a motion has ended; longer clips rest."""
CANVAS = 64.0
SMALL_RADIUS, LARGE_RADIUS = 8.0, 16.0
SPIN_RATE = np.pi / 2
"""Radians per second."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a caption says; ``None`` is what it leaves open. A motion without speeds has speed ``None``."""

    shape: str | None = None
    color: str | None = None
    background: str | None = None
    motion: str | None = None
    speed: str | None = None

    def named(self) -> dict[str, str]:
        """The attributes that are said."""
        pairs = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in pairs if value is not None}


@dataclass(frozen=True, slots=True)
class Scene:
    """One clip: every attribute (only ``speed`` may be ``None``), the centre and radius at time 0."""

    attributes: Attributes
    x: float
    y: float
    radius: float

    def at(self, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Centre x, centre y, radius and angle, each (T,), at times (T,) in seconds."""
        time = np.clip(seconds, 0.0, DURATION)
        dx, dy = TRANSLATIONS.get(self.attributes.motion or "", (0, 0))
        speed = SPEEDS.get(self.attributes.speed or "", 0.0)
        radius = self.radius + _growth(self.attributes.motion) * time
        angle = SPIN_RATE * time * (self.attributes.motion == "spinning")
        return self.x + dx * speed * time, self.y + dy * speed * time, radius, angle


def _growth(motion: str | None) -> float:
    sign = {"growing": 1.0, "shrinking": -1.0}.get(motion or "", 0.0)
    return sign * (LARGE_RADIUS - SMALL_RADIUS) / DURATION


def contradiction(attributes: Attributes) -> str | None:
    """Why no scene can have these attributes together, or ``None``."""
    if attributes.color is not None and attributes.color == attributes.background:
        return "the shape and the background have the same colour"
    if attributes.shape == "circle" and attributes.motion == "spinning":
        return "a spinning circle looks still"
    if attributes.speed is not None and attributes.motion not in (None, *TRANSLATIONS):
        return "only a translation has a speed"
    return None


def all_attributes() -> list[Attributes]:
    """Every full combination that a scene can have, in a fixed order."""
    combinations = []
    for shape, color, background, motion in product(SHAPES, COLORS, BACKGROUNDS, MOTIONS):
        speeds = tuple(SPEEDS) if motion in TRANSLATIONS else (None,)
        combinations += [Attributes(shape, color, background, motion, speed) for speed in speeds]
    return [attributes for attributes in combinations if contradiction(attributes) is None]


def sample_scene(rng: np.random.Generator, attributes: Attributes | None = None) -> Scene:
    """A scene with the given attributes; what they leave open is drawn from ``rng``."""
    full = _complete(rng, attributes or Attributes())
    radius = _start_radius(rng, full.motion)
    dx, dy = TRANSLATIONS.get(full.motion or "", (0, 0))
    travel = SPEEDS.get(full.speed or "", 0.0) * DURATION
    x = _start_coordinate(rng, dx * travel)
    y = _start_coordinate(rng, dy * travel)
    return Scene(full, x, y, radius)


def _complete(rng: np.random.Generator, attributes: Attributes) -> Attributes:
    if (reason := contradiction(attributes)) is not None:
        raise ValidationError(f"No scene can show {attributes.named()}: {reason}.")
    motions = tuple(TRANSLATIONS) if attributes.speed else MOTIONS
    for name, values in (
        ("motion", motions),
        ("shape", SHAPES),
        ("color", tuple(COLORS)),
        ("background", tuple(BACKGROUNDS)),
    ):
        if getattr(attributes, name) is None:
            options = [replace(attributes, **{name: value}) for value in values]
            allowed = [option for option in options if contradiction(option) is None]
            attributes = allowed[rng.integers(len(allowed))]
    if attributes.motion in TRANSLATIONS and attributes.speed is None:
        attributes = replace(attributes, speed=tuple(SPEEDS)[rng.integers(len(SPEEDS))])
    return attributes


def _start_radius(rng: np.random.Generator, motion: str | None) -> float:
    fixed = {"growing": SMALL_RADIUS, "shrinking": LARGE_RADIUS}.get(motion or "")
    return float(rng.uniform(10.5, 12.0)) if fixed is None else fixed


def _start_coordinate(rng: np.random.Generator, travel: float) -> float:
    """A start whose path of signed length ``travel`` is centred within 2 units of the frame's middle."""
    return float(CANVAS / 2 - travel / 2 + rng.uniform(-2.0, 2.0))
