"""Feature extractors: frozen functions of one clip, by name."""

from vid_diffusion_bench.features.base import Clip, FeatureExtractor, FeatureRegistry, get_extractor

__all__ = ["Clip", "FeatureExtractor", "FeatureRegistry", "get_extractor"]
