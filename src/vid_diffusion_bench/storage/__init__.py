"""Run folders: records, clips and results on disk."""

from vid_diffusion_bench.storage.clips import ClipStore, StoredClip
from vid_diffusion_bench.storage.store import RunStore, StoredModel, check_not_running, last_attempt, load_result

__all__ = ["ClipStore", "RunStore", "StoredClip", "StoredModel", "check_not_running", "last_attempt", "load_result"]
