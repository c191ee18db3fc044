"""The metrics of this package, as data: name to home (module below this one, and attribute) and aliases."""

from __future__ import annotations

Entries = dict[str, tuple[str, tuple[str, ...]]]

DISTRIBUTION: Entries = {
    "fvd": ("distribution.fvd:SHAPES", ()),
    "fvd:tf-hub-2019": ("distribution.fvd:TF_HUB", ()),
    "fvd:styleganv-2048x16": ("distribution.fvd:STYLEGANV", ()),
    "fvd:cdfvd-i3d": ("distribution.fvd:CDFVD_I3D", ()),
    "fvd:cdfvd-videomae": ("distribution.fvd:CDFVD_VIDEOMAE", ()),
    "fvd_infinity": ("distribution.fd_infinity:ON_SHAPES", ()),
    "fvd_infinity:styleganv": ("distribution.fd_infinity:ON_STYLEGANV", ("fvd_infinity:i3d-styleganv",)),
    "fid": ("distribution.fid:Fid", ("fid:inception-v3-torchscript",)),
    "fid:dinov2": ("distribution.fid:DINOV2", ("fid:dinov2-large", "fd_dinov2")),
    "fid:dinov2-base": ("distribution.fid:DINOV2_BASE", ()),
    "kvd": ("distribution.kvd:ON_SHAPES", ()),
    "kvd:styleganv": ("distribution.kvd:ON_STYLEGANV", ("kvd:i3d-styleganv",)),
    "kvd:videomae": ("distribution.kvd:ON_VIDEOMAE", ("kvd:videomae-base",)),
    "jedi": ("distribution.jedi:ON_SHAPES", ()),
    "jedi:vjepa2": ("distribution.jedi:ON_VJEPA2", ("jedi:vjepa2-vit-l",)),
    "jedi_unbiased": ("distribution.jedi:UNBIASED_ON_SHAPES", ()),
    "jedi_unbiased:vjepa2": ("distribution.jedi:UNBIASED_ON_VJEPA2", ("jedi_unbiased:vjepa2-vit-l",)),
    "precision": ("distribution.prdc:PRECISION", ()),
    "precision:styleganv": ("distribution.prdc:PRECISION_STYLEGANV", ("precision:i3d-styleganv",)),
    "recall": ("distribution.prdc:RECALL", ()),
    "recall:styleganv": ("distribution.prdc:RECALL_STYLEGANV", ("recall:i3d-styleganv",)),
    "density": ("distribution.prdc:DENSITY", ()),
    "density:styleganv": ("distribution.prdc:DENSITY_STYLEGANV", ("density:i3d-styleganv",)),
    "coverage": ("distribution.prdc:COVERAGE", ()),
    "coverage:styleganv": ("distribution.prdc:COVERAGE_STYLEGANV", ("coverage:i3d-styleganv",)),
    "inception_score": ("distribution.inception_score:InceptionScore", ("is",)),
    "is_c3d_ucf101": ("distribution.inception_published:ClipScoreC3d", ("is_c3d_ucf101:c3d-ucf101",)),
    "is_inception_frame": (
        "distribution.inception_published:FrameScore",
        ("is_inception_frame:inception-v3-torchscript",),
    ),
}

LEARNED: Entries = {
    "clip_similarity": ("learned.clip_text:ClipSimilarity", ("clip_sim", "clipsim")),
    "clip_similarity:clip-vit-b-32": ("learned.clip_text:SIMILARITY_B_32", ()),
    "clip_similarity:clip-vit-b-16": ("learned.clip_text:SIMILARITY_B_16", ()),
    "clip_similarity:clip-vit-l-14": ("learned.clip_text:SIMILARITY_L_14", ()),
    "clip_score": ("learned.clip_text:ClipScore", ("clipscore",)),
    "clip_score:clip-vit-b-32": ("learned.clip_text:SCORE_B_32", ()),
    "clip_score:clip-vit-b-16": ("learned.clip_text:SCORE_B_16", ()),
    "clip_score:clip-vit-l-14": ("learned.clip_text:SCORE_L_14", ()),
    "clip_temporal_consistency": (
        "learned.clip_temporal_consistency:ClipTemporalConsistency",
        ("clip_temporal_consistency:clip-vit-b-32", "clip_temp"),
    ),
    "clip_temporal_consistency:clip-vit-b-16": ("learned.clip_temporal_consistency:B_16", ()),
    "clip_temporal_consistency:clip-vit-l-14": ("learned.clip_temporal_consistency:L_14", ()),
    "subject_consistency": ("learned.consistency:SUBJECT", ("subject_consistency:dino-vit-b-16",)),
    "subject_consistency:vbench-0.1.5": ("learned.consistency:SUBJECT_VBENCH", ()),
    "background_consistency": ("learned.consistency:BACKGROUND", ("background_consistency:clip-vit-b-32",)),
    "background_consistency:vbench-0.1.5": ("learned.consistency:BACKGROUND_VBENCH", ()),
    "aesthetic_quality": (
        "learned.aesthetic_quality:AestheticQuality",
        ("aesthetic_quality:vbench-0.1.5", "aesthetic_quality:laion-aesthetic-l-14"),
    ),
    "video_text_similarity": (
        "learned.video_text_similarity:VideoTextSimilarity",
        ("video_text_similarity:x-clip-base-32",),
    ),
    "i2v_subject": ("learned.i2v_subject:I2vSubject", ("i2v_subject:dino-vit-b-16",)),
}

PIXELS: Entries = {
    "temporal_consistency": ("pixels.temporal_consistency:TemporalConsistency", ()),
    "temporal_flickering": ("pixels.temporal_flickering:DIS", ()),
    "temporal_flickering:vbench-0.1.5": ("pixels.temporal_flickering:VBENCH", ()),
    "dynamic_degree": ("pixels.dynamic_degree:DIS", ()),
    "dynamic_degree:raft": ("pixels.dynamic_degree:RAFT", ()),
    "dynamic_degree:vbench-0.1.5": ("pixels.dynamic_degree:VBENCH", ()),
    "motion_smoothness": ("pixels.motion_smoothness:MotionSmoothness", ()),
    "sharpness": ("pixels.sharpness:Sharpness", ()),
    "colorfulness": ("pixels.colorfulness:Colorfulness", ("colourfulness",)),
    "exposure": ("pixels.exposure:Exposure", ()),
    "blockiness": ("pixels.blockiness:Blockiness", ()),
    "frozen_share": ("pixels.frozen_share:FrozenShare", ()),
    "black_share": ("pixels.black_share:BlackShare", ()),
    "duplicate_frame_share": ("pixels.duplicate_frame_share:DuplicateFrameShare", ()),
    "loop_score": ("pixels.loop_score:LoopScore", ()),
}

PAIRED: Entries = {
    "psnr": ("paired.psnr:Psnr", ()),
    "ssim": ("paired.ssim:Ssim", ()),
    "ms_ssim": ("paired.ms_ssim:MsSsim", ("msssim",)),
    "lpips": ("paired.lpips:ALEX", ()),
    "lpips:vgg": ("paired.lpips:VGG", ()),
}

TOTALS: Entries = {
    "overall_score": ("totals.overall_score:OverallScore", ()),
    "vbench_quality_score": ("totals.vbench:QUALITY", ()),
    "vbench_semantic_score": ("totals.vbench:SEMANTIC", ()),
    "vbench_total_score": ("totals.vbench:TOTAL", ("vbench",)),
}

BUILT_IN: Entries = DISTRIBUTION | LEARNED | PIXELS | PAIRED | TOTALS
