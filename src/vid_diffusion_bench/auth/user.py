"""A user, and the names they can have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Row

from vid_diffusion_bench.auth.permissions import Permission, Tier, known
from vid_diffusion_bench.exceptions import ValidationError

USERNAME: Final = r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,253}"
_USERNAME = re.compile(USERNAME)
ID: Final = r"[0-9a-f]{32}"


@dataclass(frozen=True)
class User:
    """Somebody who may ask. ``issuer`` and ``subject`` name a user of an OIDC issuer, who has no password here.

    Tokens signed before ``tokens_valid_after`` (seconds since 1970) are not theirs any more.
    """

    id: str
    username: str
    permissions: frozenset[Permission]
    tier: Tier
    disabled: bool
    has_password: bool
    issuer: str | None
    subject: str | None
    tokens_valid_after: float
    created_at: float

    @property
    def is_admin(self) -> bool:
        return "users.manage" in self.permissions and not self.disabled

    @classmethod
    def of(cls, row: Row[tuple[object, ...]]) -> User:
        """A row of the table."""
        values = row._mapping
        names = ("id", "username", "tier", "disabled", "issuer", "subject", "tokens_valid_after", "created_at")
        return cls(
            **{name: values[name] for name in names},
            permissions=known(values["permissions"]),
            has_password=values["password_hash"] is not None,
        )


def username_of(text: str) -> str:
    """A name as it is stored: names that differ in case only are one name.

    Raises:
        ValidationError: It is none.
    """
    if not _USERNAME.fullmatch(text):
        raise ValidationError(
            f"{text[:64]!r} is no user name",
            remedy="1 to 254 letters, digits and . _ @ + - of ASCII, a letter or digit first; an e-mail address is one",
        )
    return text.lower()
