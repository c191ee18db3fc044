"""The server's database, as ``vid-bench auth`` opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vid_diffusion_bench.auth.authentication import Auth

ACTOR = "vid-bench auth"
"""Who did it, in the audit log."""


@contextmanager
def opened() -> Iterator[Auth]:
    """Users, keys and tokens of the database of the settings, which is made when there is none."""
    from vid_diffusion_bench.auth.authentication import Auth
    from vid_diffusion_bench.database import Database, upgrade
    from vid_diffusion_bench.server.settings import ServerSettings

    settings = ServerSettings.load()
    database = Database(settings.database)
    try:
        upgrade(database)
        yield Auth(database, settings.auth)
    finally:
        database.close()
