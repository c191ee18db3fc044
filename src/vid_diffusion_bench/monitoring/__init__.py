"""Whether a server works, and how much it does: every part really probed, every figure measured or ``None``."""

from vid_diffusion_bench.monitoring.alerts import RULES, Finding, Rule, look
from vid_diffusion_bench.monitoring.instruments import Instruments
from vid_diffusion_bench.monitoring.load import Load, read_load
from vid_diffusion_bench.monitoring.monitor import Monitor
from vid_diffusion_bench.monitoring.probes import Probe, overall, probe_all
from vid_diffusion_bench.monitoring.system import System, read_system
from vid_diffusion_bench.monitoring.traffic import Traffic

__all__ = [
    "RULES",
    "Finding",
    "Instruments",
    "Load",
    "Monitor",
    "Probe",
    "Rule",
    "System",
    "Traffic",
    "look",
    "overall",
    "probe_all",
    "read_load",
    "read_system",
]
