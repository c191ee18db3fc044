"""Time, memory, energy and work of a generating call, as context managers that yield values."""

from vid_diffusion_bench.profiling.compilation import compile_seconds
from vid_diffusion_bench.profiling.device import device_type, resolve_device
from vid_diffusion_bench.profiling.energy import Energy, measure_energy
from vid_diffusion_bench.profiling.generation import Measurement, measure
from vid_diffusion_bench.profiling.manifest import read_manifest
from vid_diffusion_bench.profiling.memory import PeakMemory, high_water_mark, peak_memory
from vid_diffusion_bench.profiling.profile import (
    CallProfile,
    LevelProfile,
    MemorySample,
    PeakRate,
    ProfileReport,
    StageProfile,
    TimedSpan,
    memory_samples,
)
from vid_diffusion_bench.profiling.sampler import INTERVAL, Sampler, Window, sample_memory
from vid_diffusion_bench.profiling.stages import Span, StageTimer, StageTimes, time_stages
from vid_diffusion_bench.profiling.threads import thread_count, threads_used
from vid_diffusion_bench.profiling.work import COUNTED, Peak, Work, count_parameters, count_work, measure_peak

__all__ = [
    "COUNTED",
    "INTERVAL",
    "CallProfile",
    "Energy",
    "LevelProfile",
    "Measurement",
    "MemorySample",
    "Peak",
    "PeakMemory",
    "PeakRate",
    "ProfileReport",
    "Sampler",
    "Span",
    "StageProfile",
    "StageTimer",
    "StageTimes",
    "TimedSpan",
    "Window",
    "Work",
    "compile_seconds",
    "count_parameters",
    "count_work",
    "device_type",
    "high_water_mark",
    "measure",
    "measure_energy",
    "measure_peak",
    "memory_samples",
    "peak_memory",
    "read_manifest",
    "resolve_device",
    "sample_memory",
    "thread_count",
    "threads_used",
    "time_stages",
]
