"""Whether a server works: its database, its folder, its workers, its GPU, each really probed."""

from vid_diffusion_bench.monitoring.probes import Probe, overall, probe_all

__all__ = ["Probe", "overall", "probe_all"]
