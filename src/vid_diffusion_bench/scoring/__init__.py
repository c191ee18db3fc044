"""Scoring: clips in, metric results out, in one pass that decodes each clip once."""

from vid_diffusion_bench.scoring.clips import Reference, Scores, ScoringClip
from vid_diffusion_bench.scoring.files import score_files
from vid_diffusion_bench.scoring.folders import folder_reference, score_folders
from vid_diffusion_bench.scoring.kept import feature_store
from vid_diffusion_bench.scoring.one_pass import (
    Pass,
    absent_result,
    accumulate,
    computed,
    summarize,
)
from vid_diffusion_bench.scoring.score import score

__all__ = [
    "Pass",
    "Reference",
    "Scores",
    "ScoringClip",
    "absent_result",
    "accumulate",
    "computed",
    "feature_store",
    "folder_reference",
    "score",
    "score_files",
    "score_folders",
    "summarize",
]
