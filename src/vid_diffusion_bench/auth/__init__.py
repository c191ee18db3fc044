"""Users, keys and tokens: who asks, and what they may do."""

from vid_diffusion_bench.auth.permissions import PERMISSIONS, READ_ONLY, TIERS, Permission, Principal, Tier

__all__ = ["PERMISSIONS", "READ_ONLY", "TIERS", "Permission", "Principal", "Tier"]
