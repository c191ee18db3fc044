"""Scoring: clips in, metric results out, in one pass that decodes each clip once."""

from vid_diffusion_bench.scoring.clips import Reference, Scores, ScoringClip
from vid_diffusion_bench.scoring.folders import score_folders
from vid_diffusion_bench.scoring.one_pass import score

__all__ = ["Reference", "Scores", "ScoringClip", "score", "score_folders"]
