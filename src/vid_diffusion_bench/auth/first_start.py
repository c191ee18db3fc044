"""The administrator that a server makes when it starts for the first time."""

from __future__ import annotations

from sqlalchemy import select

from vid_diffusion_bench.auth.audit import Audit
from vid_diffusion_bench.auth.keys import new_key
from vid_diffusion_bench.auth.permissions import PERMISSIONS
from vid_diffusion_bench.auth.users import new_user
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import api_keys, users

NAME = "admin"


def first_admin(database: Database) -> str | None:
    """Make the user ``admin`` if there is nobody yet, and give their API key, which only the caller ever sees.

    Of processes that start at once, one makes it and the others get ``None``.

    Raises:
        StorageError: The database cannot be reached or written.
    """
    with database.exclusive() as connection:
        if connection.execute(select(users.c.id).limit(1)).first() is not None:
            return None
        admin = new_user(NAME, PERMISSIONS, tier="enterprise")
        connection.execute(users.insert().values(**admin))
        row, secret = new_key(admin["id"], "first start", PERMISSIONS, tier="enterprise")
        connection.execute(api_keys.insert().values(**row))
    log = Audit(database)
    log.add("user.make", actor="first start", target=NAME, permissions=list(PERMISSIONS))
    log.add("key.make", actor="first start", target=row["id"], owner=NAME, prefix=row["prefix"])
    return secret
