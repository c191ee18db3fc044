"""Scoring: clips in, metric results out, in one pass that decodes each clip once."""

from vid_diffusion_bench.scoring.clips import Reference, Scores, ScoringClip
from vid_diffusion_bench.scoring.folders import folder_reference, score_folders
from vid_diffusion_bench.scoring.one_pass import score

__all__ = ["Reference", "Scores", "ScoringClip", "folder_reference", "score", "score_folders"]
