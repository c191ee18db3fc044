"""Feature extractors: frozen functions of one clip, by name."""

from vid_diffusion_bench.features.base import Clip, FeatureExtractor, FeatureRegistry, get_extractor
from vid_diffusion_bench.features.store import FeatureStore, Kept

__all__ = ["Clip", "FeatureExtractor", "FeatureRegistry", "FeatureStore", "Kept", "get_extractor"]
