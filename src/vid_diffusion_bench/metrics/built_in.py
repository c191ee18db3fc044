"""The metrics of this package, as data: name to home (module below this one, and attribute) and aliases."""

from __future__ import annotations

Entries = dict[str, tuple[str, tuple[str, ...]]]

DISTRIBUTION: Entries = {
    "fvd": ("distribution.fvd:SHAPES", ()),
    "inception_score": ("distribution.inception_score:InceptionScore", ("is",)),
}

LEARNED: Entries = {
    "clip_similarity": ("learned.clip_text:ClipSimilarity", ("clip_sim", "clipsim")),
    "clip_score": ("learned.clip_text:ClipScore", ("clipscore",)),
}

PIXELS: Entries = {
    "temporal_consistency": ("pixels.temporal_consistency:TemporalConsistency", ()),
    "temporal_flickering": ("pixels.temporal_flickering:TemporalFlickering", ()),
    "dynamic_degree": ("pixels.dynamic_degree:DynamicDegree", ()),
    "motion_smoothness": ("pixels.motion_smoothness:MotionSmoothness", ()),
}

PAIRED: Entries = {
    "psnr": ("paired.psnr:Psnr", ()),
    "ssim": ("paired.ssim:Ssim", ()),
}

TOTALS: Entries = {
    "overall_score": ("totals.overall_score:OverallScore", ()),
}

BUILT_IN: Entries = DISTRIBUTION | LEARNED | PIXELS | PAIRED | TOTALS
