"""The user's own store of features."""

from __future__ import annotations

from vid_diffusion_bench.features import FeatureStore
from vid_diffusion_bench.settings import load_settings


def feature_store() -> FeatureStore | None:
    """The store in the user's cache folder; ``None`` when the setting ``keep_features`` is off."""
    settings = load_settings()
    return FeatureStore(settings.cache_dir / "features") if settings.keep_features else None
