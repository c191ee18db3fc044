"""Keys from the environment. A key is read when a connection is opened, and kept nowhere."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vid_diffusion_bench.exceptions import ModelLoadingError
from vid_diffusion_bench.settings import load_settings

if TYPE_CHECKING:
    from vid_diffusion_bench.models.catalogue import QueueService


@dataclass(frozen=True)
class Credentials:
    """A key and how it is said. Never shown."""

    scheme: str
    key: str

    def __repr__(self) -> str:
        return "Credentials(…)"


def read_key(variable: str, scheme: str = "Bearer") -> Credentials | None:
    """The key in an environment variable, or ``None`` where it holds none."""
    key = os.environ.get(variable, "").strip()
    return Credentials(scheme, key) if key else None


def check_key(name: str, service: QueueService) -> None:
    """See that there is a key for the model ``name`` of ``service``.

    Raises:
        ModelLoadingError: There is none.
    """
    if read_key(service.key_variable) is None:
        raise ModelLoadingError(
            f"{name} is a hosted service, and {service.key_variable} holds no key",
            remedy=f"set {service.key_variable}; see {service.documentation}",
        )


def variable_of(named: str | None) -> str:
    """The variable a reference names, else the one of the settings."""
    return named or load_settings().key_variable
