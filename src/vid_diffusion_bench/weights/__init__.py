"""Weights of published feature extractors: found by name on this machine, checked by SHA-256. No network, no torch."""

from vid_diffusion_bench.weights.catalogue import WeightsEntry, catalogue
from vid_diffusion_bench.weights.store import WeightsFile, find

__all__ = ["WeightsEntry", "WeightsFile", "catalogue", "find"]
