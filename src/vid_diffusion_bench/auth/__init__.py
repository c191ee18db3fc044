"""Users, keys and tokens: who asks, and what they may do."""

from vid_diffusion_bench.auth.oauth2_client import OAuth2Client
from vid_diffusion_bench.auth.oauth2_token import OAuth2Token
from vid_diffusion_bench.auth.permissions import PERMISSIONS, READ_ONLY, TIERS, Permission, Principal, Tier

__all__ = ["PERMISSIONS", "READ_ONLY", "TIERS", "OAuth2Client", "OAuth2Token", "Permission", "Principal", "Tier"]
