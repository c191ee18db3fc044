"""The server's database, as commands open it that work on it themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vid_diffusion_bench.auth.authentication import Auth
    from vid_diffusion_bench.database import Database
    from vid_diffusion_bench.server.settings import ServerSettings

ACTOR = "vid-bench auth"
"""Who did it, in the audit log."""


@contextmanager
def opened_auth() -> Iterator[Auth]:
    """Users, keys and tokens of the database of the settings, which is made when there is none."""
    from vid_diffusion_bench.auth.authentication import Auth
    from vid_diffusion_bench.server.settings import ServerSettings

    settings = ServerSettings.load()
    with _opened(settings) as database:
        yield Auth(database, settings.auth)


@contextmanager
def opened_history() -> Iterator[Database]:
    """The database of the settings, which must be there: what is said of a new one would be of nothing.

    Raises:
        NotFoundError: It is not.
    """
    from vid_diffusion_bench.exceptions import NotFoundError
    from vid_diffusion_bench.server.settings import ServerSettings

    settings = ServerSettings.load()
    file = settings.database.removeprefix("sqlite:///")
    if file != settings.database and not Path(file).exists():
        raise NotFoundError(
            f"there is no database {file}", remedy="set VIDBENCH_DATABASE_URL or VIDBENCH_DATA_ROOT to the server's"
        )
    with _opened(settings) as database:
        yield database


@contextmanager
def _opened(settings: ServerSettings) -> Iterator[Database]:
    from vid_diffusion_bench.database import Database, upgrade

    database = Database(settings.database)
    try:
        upgrade(database)
        yield database
    finally:
        database.close()
