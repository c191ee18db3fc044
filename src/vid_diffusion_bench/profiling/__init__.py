"""Time and memory of a generating call, as context managers that yield values."""

from vid_diffusion_bench.profiling.device import device_type, resolve_device
from vid_diffusion_bench.profiling.energy import Energy, measure_energy
from vid_diffusion_bench.profiling.generation import Measurement, measure
from vid_diffusion_bench.profiling.manifest import read_manifest
from vid_diffusion_bench.profiling.memory import PeakMemory, high_water_mark, peak_memory
from vid_diffusion_bench.profiling.sampler import Sampler, Window, sample_memory
from vid_diffusion_bench.profiling.stages import Span, StageTimer, StageTimes, time_stages

__all__ = [
    "Energy",
    "Measurement",
    "PeakMemory",
    "Sampler",
    "Span",
    "StageTimer",
    "StageTimes",
    "Window",
    "device_type",
    "high_water_mark",
    "measure",
    "measure_energy",
    "peak_memory",
    "read_manifest",
    "resolve_device",
    "sample_memory",
    "time_stages",
]
