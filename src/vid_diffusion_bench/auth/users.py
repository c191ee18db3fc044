"""The users of a server."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.dialects import postgresql, sqlite

from vid_diffusion_bench.auth.passwords import Passwords, check_password
from vid_diffusion_bench.auth.permissions import READ_ONLY, Permission, Tier, in_order
from vid_diffusion_bench.auth.user import User, username_of
from vid_diffusion_bench.database import Database
from vid_diffusion_bench.database.tables import users
from vid_diffusion_bench.exceptions import ConflictError, NotFoundError


class Users:
    """Makes, finds and changes users."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    def make(
        self,
        username: str,
        permissions: Iterable[Permission],
        *,
        password: str | None = None,
        tier: Tier = "standard",
    ) -> User:
        """A new user; without a password they come by API keys only.

        Raises:
            ValidationError: The name or the password is none.
            ConflictError: The name is taken.
        """
        row = new_user(username, permissions, tier=tier) | {"password_hash": self._hash(password)}
        with self._database.writing() as connection:
            if not _inserted(self._database, connection, row):
                raise ConflictError(f"there is a user {row['username']} already", remedy="choose another name")
        return self.get(row["id"])

    def get(self, user_id: str) -> User:
        """One user.

        Raises:
            NotFoundError: There is none of that id.
        """
        return self._one(users.c.id == user_id, user_id)

    def named(self, username: str) -> User:
        """One user, by name.

        Raises:
            ValidationError: That is no name.
            NotFoundError: There is none of that name.
        """
        return self._one(users.c.username == username_of(username), username)

    def all(self, *, after: str = "", limit: int = 1000) -> list[User]:
        """Users in the order of their names, those after the name ``after``."""
        query = select(users).where(users.c.username > after).order_by(users.c.username).limit(limit)
        with self._database.reading() as connection:
            return [User.of(row) for row in connection.execute(query)]

    def matching(self, username: str, password: str) -> User | None:
        """Who has this name and this password; takes as long for a name that nobody has."""
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(users.c.username == username.lower())).first()
        right, newer = self._passwords.matches(password, row.password_hash if row else None)
        if row is None or not right or row.disabled:
            return None
        if newer:
            with self._database.writing() as connection:
                connection.execute(update(users).where(users.c.id == row.id).values(password_hash=newer))
        return User.of(row)

    def name_if_known(self, username: str) -> str | None:
        """The name, if somebody has it."""
        with self._database.reading() as connection:
            return connection.execute(select(users.c.username).where(users.c.username == username.lower())).scalar()

    def change(
        self,
        user_id: str,
        *,
        permissions: Iterable[Permission] | None = None,
        tier: Tier | None = None,
        password: str | None = None,
        disabled: bool | None = None,
    ) -> User:
        """Change what is given. A new password or being disabled ends every token of theirs.

        Raises:
            NotFoundError: There is none of that id.
            ValidationError: The password is none.
            ConflictError: Nobody would be left who may manage users.
        """
        given = {"tier": tier, "disabled": disabled, "password_hash": self._hash(password)}
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if permissions is not None:
            values["permissions"] = in_order(permissions)
        if password is not None or disabled:
            values["tokens_valid_after"] = time.time()
        with self._database.writing() as connection:
            # The rows are held, so that two admins who remove each other do so one after the other.
            rows = connection.execute(select(users).order_by(users.c.id).with_for_update()).all()
            after = [_changed(row._mapping, values if row.id == user_id else {}) for row in rows]
            if any(User.of(row).is_admin for row in rows) and not any(_manages(row) for row in after):
                raise ConflictError(
                    "nobody would be left who may manage users", remedy="give another user users.manage first"
                )
            if values:
                connection.execute(update(users).where(users.c.id == user_id).values(**values))
        return self.get(user_id)

    def end_tokens(self, user_id: str) -> None:
        """Refuse every token that the user has now, in every process, at once."""
        with self._database.writing() as connection:
            changed = update(users).where(users.c.id == user_id).values(tokens_valid_after=time.time())
            if not connection.execute(changed).rowcount:
                raise NotFoundError(f"there is no user {user_id}")

    def of_issuer(self, issuer: str, subject: str) -> tuple[User, bool]:
        """The user whom an OIDC issuer calls ``subject``, and whether they are new: then they may read only."""
        theirs = (users.c.issuer == issuer) & (users.c.subject == subject)
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(theirs)).first()
        if row is not None:
            return User.of(row), False
        name = "oidc-" + hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:24]
        new = new_user(name, READ_ONLY) | {"issuer": issuer, "subject": subject}
        with self._database.writing() as connection:
            made = _inserted(self._database, connection, new)
        return self._one(theirs, name), made

    def _one(self, condition: Any, said: str) -> User:
        with self._database.reading() as connection:
            row = connection.execute(select(users).where(condition)).first()
        if row is None:
            raise NotFoundError(f"there is no user {said}")
        return User.of(row)

    def _hash(self, password: str | None) -> str | None:
        if password is None:
            return None
        check_password(password)
        return self._passwords.hash(password)


def new_user(username: str, permissions: Iterable[Permission], *, tier: Tier = "standard") -> dict[str, Any]:
    """A row of somebody who has no password.

    Raises:
        ValidationError: The name is none.
    """
    return {
        "id": uuid4().hex,
        "username": username_of(username),
        "permissions": in_order(permissions),
        "tier": tier,
        "disabled": False,
        "tokens_valid_after": 0.0,
        "created_at": time.time(),
    }


def _inserted(database: Database, connection: Connection, row: dict[str, Any]) -> bool:
    insert = sqlite.insert if database.is_sqlite else postgresql.insert
    adding = insert(users).values(**row).on_conflict_do_nothing().returning(users.c.id)
    return connection.execute(adding).first() is not None


def _changed(row: RowMapping, values: dict[str, Any]) -> dict[str, Any]:
    return {**row, **values}


def _manages(row: dict[str, Any]) -> bool:
    return "users.manage" in row["permissions"] and not row["disabled"]
