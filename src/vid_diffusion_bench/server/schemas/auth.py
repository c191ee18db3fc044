"""Logins, keys, users and the audit log: R20."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field, SecretStr, StrictBool, StringConstraints

from vid_diffusion_bench.auth import Permission, Tier
from vid_diffusion_bench.auth.audit import AuditEntry
from vid_diffusion_bench.auth.keys import ApiKey
from vid_diffusion_bench.auth.passwords import MAX_LENGTH, MIN_LENGTH
from vid_diffusion_bench.auth.permissions import in_order
from vid_diffusion_bench.auth.user import ID, USERNAME, User
from vid_diffusion_bench.server.schemas.base import Body, Moment, Question, When

IdOfPath = Annotated[str, StringConstraints(pattern=f"^{ID}$")]
PRINTABLE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=PRINTABLE, examples=["production-key"])]
_Username = Annotated[str, Field(pattern=f"^{USERNAME}$", examples=["user@example.com"])]
_NewPassword = Annotated[SecretStr, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
_Password = Annotated[SecretStr, Field(min_length=1, max_length=MAX_LENGTH, examples=["correct horse battery staple"])]
_Permissions = Annotated[list[Permission], Field(max_length=64, examples=[["benchmark.create", "models.read"]])]


class LoginRequest(Question):
    """R20."""

    username: str = Field(min_length=1, max_length=254, examples=["user@example.com"])
    password: _Password


class LoginAnswer(Body):
    """R20. ``expires_in`` is in seconds."""

    access_token: str = Field(examples=["eyJhbGciOiJIUzI1NiIsImtpZCI6IjQ2…"])
    token_type: str = "bearer"  # noqa: S105 - its kind
    expires_in: int = Field(examples=[3600])


class LogoutRequest(Question):
    """``everywhere`` ends every token of the user."""

    everywhere: StrictBool = False


class PasswordChange(Question):
    """A new password of one's own."""

    current_password: _Password
    new_password: _NewPassword


class Me(Body):
    """Who asks. ``key_id`` is the API key they ask with, ``null`` with a token."""

    user_id: str
    username: str
    permissions: list[Permission]
    tier: Tier
    key_id: str | None


class KeyRequest(Question):
    """R20. ``tier`` is the user's when not given; a key without ``expires_at`` lasts until it is revoked."""

    name: _Name
    permissions: _Permissions
    tier: Tier | None = None
    expires_at: When | None = Field(None, examples=["2027-01-01T00:00:00Z"])


class Key(Body):
    """What is known of an API key; ``prefix`` is its beginning."""

    id: str
    user_id: str
    name: str
    prefix: str = Field(examples=["vdb_Zk3x8aQ1"])
    permissions: list[Permission]
    tier: Tier
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None

    @classmethod
    def of(cls, key: ApiKey) -> Key:
        """As the API shows it."""
        return cls.model_validate({**vars(key), "permissions": in_order(key.permissions)})


class NewKey(Key):
    """A key as it is shown once."""

    api_key: str = Field(examples=["vdb_Zk3x8aQ1…"], description="the key itself; no other answer ever holds it")


class UserRequest(Question):
    """Without a password the user comes by API keys only."""

    username: _Username
    permissions: _Permissions
    password: _NewPassword | None = None
    tier: Tier = "standard"


class UserChange(Question):
    """What is left out stays as it is. A new password, or ``disabled``, ends every token of the user."""

    permissions: _Permissions | None = None
    tier: Tier | None = None
    password: _NewPassword | None = None
    disabled: StrictBool | None = None


class UserAnswer(Body):
    """A user. ``issuer`` and ``subject`` are of one who comes from an OIDC issuer."""

    id: str
    username: str
    permissions: list[Permission]
    tier: Tier
    disabled: bool
    has_password: bool
    issuer: str | None
    subject: str | None
    created_at: Moment

    @classmethod
    def of(cls, user: User) -> UserAnswer:
        """As the API shows them."""
        return cls.model_validate({**vars(user), "permissions": in_order(user.permissions)})


class RotationRequest(Question):
    """``immediately``: tokens of the old key end now, as they must when it has become known."""

    immediately: StrictBool = False


class Rotation(Body):
    """The key that signs now."""

    kid: str
    created_at: Moment


class AuditAnswer(Body):
    """An entry of the audit log."""

    id: int
    at: Moment
    action: str = Field(examples=["login"])
    outcome: str = Field(examples=["ok"])
    actor: str | None
    target: str | None
    address: str | None
    request_id: str | None
    details: dict[str, Any]

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditAnswer:
        """As the API shows it."""
        return cls.model_validate(vars(entry))


class AuditPage(Body):
    """``before`` of the next page is ``next``; ``null`` on the last."""

    entries: list[AuditAnswer]
    next: int | None


class Keys(Body):
    """The newest first."""

    api_keys: list[Key]


class UsersPage(Body):
    """By name. ``after`` of the next page is ``next``; ``null`` on the last."""

    users: list[UserAnswer]
    next: str | None
