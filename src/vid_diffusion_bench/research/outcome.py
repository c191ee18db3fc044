"""What an executed experiment leaves: a row a clip, a value a condition for metrics of sets, and why others lack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import pydantic
from pydantic import Field

from vid_diffusion_bench.exceptions import BenchmarkNotFoundError, StorageError
from vid_diffusion_bench.research.experiment import Experiment, Level
from vid_diffusion_bench.results import Manifest, MetricResult, Value

if TYPE_CHECKING:
    import pandas as pd

RESULTS = "experiment-results.json"


class ClipOutcome(Value):
    """One trial as it ended. ``order`` counts from 1 in the order it was planned in.

    ``values`` are a metric's value for this clip, or ``None`` with its reason in ``reasons``. ``status`` ``not run`` is
    of an experiment that was stopped.
    """

    order: int
    condition: str
    settings: dict[str, Level]
    prompt: str
    index: int
    seed: int | None = None
    status: Literal["completed", "failed", "not run"]
    failure: str | None = None
    values: dict[str, float | None] = Field(default_factory=dict)
    reasons: dict[str, str] = Field(default_factory=dict)
    clip_sha256: str | None = None
    key: str | None = None
    created_at: str | None = None


class ExperimentResults(Value):
    """All that was measured in an experiment.

    ``whole_set`` maps a condition to its metrics of whole sets, ``absent`` a metric that has no value anywhere to the
    reason, ``not_set`` a condition to why it could not be set up at all.
    """

    experiment: Experiment
    status: Literal["completed", "interrupted", "failed"]
    clips: list[ClipOutcome]
    whole_set: dict[str, dict[str, MetricResult]] = Field(default_factory=dict)
    absent: dict[str, str] = Field(default_factory=dict)
    not_set: dict[str, str] = Field(default_factory=dict)
    manifests: dict[str, Manifest] = Field(default_factory=dict)
    execution_time: float = 0.0
    output_dir: str | None = None
    schema_version: int = 1

    @property
    def failed(self) -> list[ClipOutcome]:
        return [clip for clip in self.clips if clip.status == "failed"]

    @property
    def measured(self) -> list[str]:
        """Metrics that some clip has a value of, in the order asked for."""
        return [
            name for name in self.experiment.metrics if any(clip.values.get(name) is not None for clip in self.clips)
        ]

    def frame(self) -> pd.DataFrame:
        """The clips in long form: a row a clip, a column a variable and a metric; what is absent is NaN."""
        import pandas as pd

        rows = [
            {
                **clip.model_dump(include={"order", "condition", "prompt", "index", "seed", "status", "failure"}),
                **clip.settings,
                **{name: clip.values.get(name) for name in self.experiment.metrics},
            }
            for clip in self.clips
        ]
        return pd.DataFrame(rows)

    def save(self, path: Path | str) -> Path:
        """Write the results as JSON, whole or not at all.

        Raises:
            StorageError: The file cannot be written.
        """
        return write_text(Path(path), self.model_dump_json(indent=1))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read what :meth:`save` wrote; a folder is that of an executed experiment.

        Raises:
            BenchmarkNotFoundError: There is none.
            StorageError: It is damaged or of a later version.
        """
        path = Path(path) / RESULTS if Path(path).is_dir() else Path(path)
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise BenchmarkNotFoundError(
                f"there are no results of an experiment at {path}", remedy="execute it; it goes on where it stopped"
            ) from error
        except (OSError, ValueError, pydantic.ValidationError) as error:
            raise StorageError(f"{path} cannot be read: {error}", remedy="execute it again: clips are kept") from error


def write_text(path: Path, text: str) -> Path:
    """Write a file, whole or not at all, with the folders above it.

    Raises:
        StorageError: It cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8", errors="replace")
        unfinished.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from error
    return path
