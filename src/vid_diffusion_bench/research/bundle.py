"""A data bundle that anyone can analyse again: clips in long form, what each column is, the design, a plain script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vid_diffusion_bench.exceptions import StorageError
from vid_diffusion_bench.research.analysis import ExperimentAnalysis
from vid_diffusion_bench.research.execute import COSTS
from vid_diffusion_bench.research.experiment import Experiment
from vid_diffusion_bench.research.outcome import write_text

SCRIPT = "reanalyse.py"
_COLUMNS = {
    "order": "place in the planned order of all clips, from 1",
    "condition": "name of the condition; its settings are in the columns of the variables",
    "prompt": "the prompt, which is the block",
    "index": "number of the seed within the prompt, from 0; the same seed in every condition",
    "seed": "seed of the clip; empty where nothing was made",
    "status": "completed, failed, or not run",
    "failure": "why the clip failed",
}
_READ_ME = """# {question}

`data.csv`{parquet}: a row a clip. `dictionary.json`: what each column is. `design.json`: the experiment.
`analysis.json`: what was found. `methods.txt`: a paragraph for a paper. `plan.json`: what the script reads.

`reanalyse.py` needs pandas, SciPy and statsmodels, and not vid-diffusion-bench: `python reanalyse.py` computes the
tests again from `data.csv` and writes `reanalysis.json`.
"""


def write_bundle(analysis: ExperimentAnalysis, folder: Path) -> Path:
    """Write the bundle into ``folder``, with Parquet beside the CSV where pyarrow is installed.

    Raises:
        StorageError: It cannot be written.
    """
    frame, experiment = analysis.results.frame(), analysis.results.experiment
    with_parquet = find_spec("pyarrow") is not None
    write_text(folder / "data.csv", frame.to_csv(index=False, lineterminator="\n"))
    if with_parquet:
        try:
            _plain_columns(frame).to_parquet(folder / "data.parquet", index=False)
        except OSError as error:
            raise StorageError(f"{folder / 'data.parquet'} cannot be written: {error}") from error
    write_text(folder / "dictionary.json", json.dumps(dictionary(experiment), indent=1, ensure_ascii=False))
    write_text(folder / "design.json", experiment.model_dump_json(indent=1))
    write_text(folder / "analysis.json", analysis.model_dump_json(indent=1, exclude={"results"}))
    write_text(folder / "methods.txt", analysis.methods + "\n")
    write_text(folder / "plan.json", json.dumps(_plan(analysis), indent=1, ensure_ascii=False))
    script = files("vid_diffusion_bench.research").joinpath("reanalyse_script.py.txt").read_text(encoding="utf-8")
    write_text(folder / SCRIPT, script)
    parquet = " and `data.parquet`" if with_parquet else ""
    write_text(folder / "README.md", _READ_ME.format(question=experiment.research_question, parquet=parquet))
    return folder


def _plain_columns(frame: Any) -> Any:
    """Levels of mixed kinds as text: a Parquet column has one type."""
    mixed = [name for name in frame.columns if frame[name].map(type).nunique() > 1 and frame[name].dtype == object]
    return frame.assign(
        **{name: frame[name].map(lambda level: None if level is None else str(level)) for name in mixed}
    )


def dictionary(experiment: Experiment) -> dict[str, str]:
    """What each column of the data is."""
    factors = {
        factor.name: f"variable ({factor.target}): "
        + (f"range {factor.levels[0]} to {factor.levels[1]}" if factor.continuous else f"levels {factor.levels}")
        for factor in experiment.factors
    }
    metrics = {name: _about(name) for name in experiment.metrics}
    return {**_COLUMNS, **factors, **metrics}


def _about(name: str) -> str:
    if name in COSTS:
        return "cost of making this clip, in the unit of the name"
    return "metric of this clip as vid-diffusion-bench computes it; empty where it has no value or is of whole sets"


def _plan(analysis: ExperimentAnalysis) -> Mapping[str, Any]:
    """What the script needs to know: levels in their order, and the terms of each metric's model."""
    experiment = analysis.results.experiment
    return {
        "factors": [factor.model_dump(mode="json") for factor in experiment.factors],
        "conditions": {condition.id: condition.settings for condition in experiment.conditions},
        "prompts": experiment.prompts,
        "metrics": {
            metric.metric: {
                "method": metric.method,
                "by_seed": metric.blocks == "seed",
                "terms": [effect.term for effect in metric.effects if effect.f is not None or effect.reason is None],
            }
            for metric in analysis.metrics
            if metric.method
        },
    }
