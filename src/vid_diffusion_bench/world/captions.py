"""The caption grammar: attributes to text and any text back to attributes.

``parse`` reads only the words it knows, so every prompt parses; what it does not name stays ``None``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from vid_diffusion_bench.world.scene import (
    BACKGROUNDS,
    COLORS,
    MOTIONS,
    SHAPES,
    SPEEDS,
    TRANSLATIONS,
    Attributes,
    all_attributes,
    contradiction,
)

VALID: tuple[Attributes, ...] = tuple(all_attributes())
"""Every full combination."""

HELD_OUT_SHARE = 0.1
NUM_TEMPLATES = 4
_BACKGROUND_NOUNS = ("background", "backdrop")
_SYNONYMS = {
    "grey": "gray",
    "rotating": "spinning",
    "magenta": "pink",
    "slow": "slowly",
    "fast": "quickly",
    "quick": "quickly",
}


def _held_out(attributes: Attributes) -> bool:
    """Whether this shape, colour and motion are never shown together in training."""
    key = f"{attributes.shape}/{attributes.color}/{attributes.motion}"
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT_SHARE


HELD_OUT: tuple[Attributes, ...] = tuple(attributes for attributes in VALID if _held_out(attributes))
TRAINED: tuple[Attributes, ...] = tuple(attributes for attributes in VALID if not _held_out(attributes))


def caption(attributes: Attributes, template: int = 0) -> str:
    """The sentence for ``attributes``; ``template`` picks one of ``NUM_TEMPLATES`` word orders."""
    subject = " ".join(filter(None, (attributes.color, attributes.shape or "shape")))
    motion = _motion_phrase(attributes)
    ground = f"on {_article(attributes.background)} background" if attributes.background else ""
    parts: tuple[str, ...]
    match template % NUM_TEMPLATES:
        case 0:
            parts = (_article(subject), motion, ground)
        case 1:
            parts = (ground, _article(subject), motion)
        case 2:
            parts = ("a video of", _article(subject), ground, motion)
        case _:
            parts = (subject, motion, f"{attributes.background} background" if attributes.background else "")
    return " ".join(filter(None, parts))


def _article(noun: str | None) -> str:
    return f"an {noun}" if noun and noun[0] in "aeiou" else f"a {noun}"


def _motion_phrase(attributes: Attributes) -> str:
    motion = attributes.motion
    if motion is None:
        return f"moving {attributes.speed}" if attributes.speed else ""
    if motion in TRANSLATIONS:
        return " ".join(filter(None, ("moving", motion, attributes.speed)))
    return "standing still" if motion == "still" else motion


def parse(prompt: str) -> Attributes:
    """The attributes that ``prompt`` names, first mention first; a contradicting later one is left out."""
    words = [_SYNONYMS.get(word, word) for word in re.findall(r"[a-z]+", prompt.lower())]
    ground = _background_index(words)
    found = Attributes(background=words[ground] if ground is not None else None)
    for index, word in enumerate(words):
        if index != ground:
            found = _with_word(found, word)
    return found


def _background_index(words: list[str]) -> int | None:
    """Where a background colour stands: before "background", or after "on" with no shape behind it."""
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        previous = words[index - 1] if index else ""
        if word in BACKGROUNDS and (following in _BACKGROUND_NOUNS or (previous == "on" and following not in SHAPES)):
            return index
    return None


def _with_word(found: Attributes, word: str) -> Attributes:
    vocabulary = {"shape": SHAPES, "color": tuple(COLORS), "motion": MOTIONS, "speed": tuple(SPEEDS)}
    for name, values in vocabulary.items():
        if word in values and getattr(found, name) is None:
            option = replace(found, **{name: word})
            return found if contradiction(option) else option
    return found


def vocabulary() -> list[str]:
    """Every word that ``caption`` can produce, sorted."""
    sentences = (caption(attributes, template) for attributes in VALID for template in range(NUM_TEMPLATES))
    extra = f"shape {' '.join(_BACKGROUND_NOUNS)}"
    return sorted({word for sentence in (*sentences, extra) for word in sentence.split()})
