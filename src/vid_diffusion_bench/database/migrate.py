"""Bringing a database up to the tables of this version, by the steps in ``migrations/versions``."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from vid_diffusion_bench.database.connect import Database

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Make the tables, or change those of an earlier version; nothing when they are as they should be.

    Raises:
        StorageError: The database cannot be reached or changed.
    """
    with database.exclusive() as connection:
        command.upgrade(configuration(connection), "head")


def configuration(connection: Connection) -> Config:
    """Alembic's, for a connection in a transaction."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
