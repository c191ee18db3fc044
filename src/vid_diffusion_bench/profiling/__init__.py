"""Time and memory of a generating call, as context managers that yield values."""

from vid_diffusion_bench.profiling.device import device_type, resolve_device
from vid_diffusion_bench.profiling.generation import Measurement, measure
from vid_diffusion_bench.profiling.manifest import read_manifest
from vid_diffusion_bench.profiling.memory import PeakMemory, high_water_mark, peak_memory
from vid_diffusion_bench.profiling.stages import StageTimer, StageTimes, time_stages

__all__ = [
    "Measurement",
    "PeakMemory",
    "StageTimer",
    "StageTimes",
    "device_type",
    "high_water_mark",
    "measure",
    "peak_memory",
    "read_manifest",
    "resolve_device",
    "time_stages",
]
