"""Which clips the page shows, and each of them as bytes inside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vid_diffusion_bench.report.numbers import compact, duration
from vid_diffusion_bench.results import BenchmarkResult, SampleRecord

SCORES_ON_A_TILE = 3
FIRST_ON_A_TILE = ("overall_score", "clip_similarity", "temporal_consistency")


@dataclass(frozen=True)
class Tile:
    """One clip beside the others of its prompt: ``source`` is a data URI, or ``None`` with ``absence`` saying why."""

    model: str
    seed: int
    source: str | None
    absence: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class PromptCard:
    """The clips of one prompt."""

    prompt: str
    tiles: list[Tile]


@dataclass(frozen=True)
class Gallery:
    """The prompts on the page; ``total`` is how many there are, ``size`` the bytes of the clips put in."""

    cards: list[PromptCard]
    total: int
    size: int


def gallery(result: BenchmarkResult, models: list[str], folder: Path, *, max_prompts: int, max_bytes: int) -> Gallery:
    """Cards of at most ``max_prompts`` prompts, spread evenly over the run, in at most ``max_bytes`` of video.

    Of several samples a prompt the first is shown. ``models`` gives the order of the tiles.
    """
    first = {(record.prompt, record.model): record for record in reversed(_records(result))}
    prompts = list(dict.fromkeys(record.prompt for record in _records(result)))
    cards: list[PromptCard] = []
    used = 0
    for prompt in _spread(prompts, max_prompts):
        records = [first[prompt, model] for model in models if (prompt, model) in first]
        weight = sum(_weight(record, folder) for record in records)
        if used + weight > max_bytes:
            break
        used += weight
        cards.append(PromptCard(prompt, [_tile(record, folder) for record in records]))
    return Gallery(cards, len(prompts), used)


def _records(result: BenchmarkResult) -> list[SampleRecord]:
    """Every record, by repeat first, so that sample 0 of a prompt comes before sample 1."""
    return sorted((record for model in result.models for record in model.records), key=lambda record: record.index)


def _spread(prompts: list[str], count: int) -> Iterable[str]:
    if len(prompts) <= count:
        return prompts
    return [prompts[index * len(prompts) // count] for index in range(count)]


def _preview(record: SampleRecord, folder: Path) -> Path | None:
    """The preview file of a record, if it lies inside the run folder."""
    if record.clip is None or record.clip.preview is None:
        return None
    path = (folder / record.clip.preview).resolve()
    return path if path.is_relative_to(folder.resolve()) and path.is_file() else None


def _weight(record: SampleRecord, folder: Path) -> int:
    path = _preview(record, folder)
    return path.stat().st_size * 4 // 3 if path else 0


def _tile(record: SampleRecord, folder: Path) -> Tile:
    path = _preview(record, folder)
    source = f"data:video/mp4;base64,{base64.b64encode(path.read_bytes()).decode()}" if path else None
    return Tile(record.model, record.seed, source, _absence(record), _facts(record))


def _absence(record: SampleRecord) -> str:
    if record.failure:
        return f"{record.failure.code}: {record.failure.message}"
    return "no preview was kept of this clip"


def _facts(record: SampleRecord) -> list[tuple[str, str]]:
    names = dict.fromkeys([*FIRST_ON_A_TILE, *record.scores])
    scores = [(name, record.scores[name].value) for name in names if name in record.scores]
    measured = [(name, value) for name, value in scores if value is not None]
    facts = [(name, compact(value)) for name, value in measured[:SCORES_ON_A_TILE]]
    if record.cost:
        facts.append(("latency", duration(record.cost.latency)))
    return [*facts, *(("flag", flag) for flag in record.flags)]
