"""Keys from the environment. A key is read when a connection is opened, and kept nowhere."""

from __future__ import annotations

import os

from vid_diffusion_bench.models.endpoint.transport import Credentials
from vid_diffusion_bench.settings import load_settings


def read_key(variable: str, scheme: str = "Bearer") -> Credentials | None:
    """The key in an environment variable, or ``None`` where it holds none."""
    key = os.environ.get(variable, "").strip()
    return Credentials(scheme, key) if key else None


def variable_of(named: str | None) -> str:
    """The variable a reference names, else the one of the settings."""
    return named or load_settings().key_variable
