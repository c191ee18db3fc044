"""What the routes of logins, keys and users take and give."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictBool, StringConstraints

from vid_diffusion_bench.auth import Permission, Tier
from vid_diffusion_bench.auth.audit import AuditEntry
from vid_diffusion_bench.auth.keys import ApiKey
from vid_diffusion_bench.auth.passwords import MAX_LENGTH, MIN_LENGTH
from vid_diffusion_bench.auth.permissions import in_order
from vid_diffusion_bench.auth.user import ID, USERNAME, User
from vid_diffusion_bench.server.schemas.base import When

IdOfPath = Annotated[str, StringConstraints(pattern=f"^{ID}$")]
PRINTABLE: Final = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
_Name = Annotated[str, Field(min_length=1, max_length=128, pattern=PRINTABLE, examples=["production-key"])]
_Username = Annotated[str, Field(pattern=f"^{USERNAME}$", examples=["user@example.com"])]
_NewPassword = Annotated[SecretStr, Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH)]
_Password = Annotated[SecretStr, Field(min_length=1, max_length=MAX_LENGTH, examples=["correct horse battery staple"])]
_Permissions = Annotated[list[Permission], Field(max_length=64, examples=[["benchmark.create", "models.read"]])]


class Body(BaseModel):
    """A body of a request: a name that it should not have is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class LoginRequest(Body):
    """R20."""

    username: str = Field(min_length=1, max_length=254, examples=["user@example.com"])
    password: _Password


class LoginAnswer(BaseModel):
    """R20. ``expires_in`` is in seconds."""

    access_token: str = Field(examples=["eyJhbGciOiJIUzI1NiIsImtpZCI6IjQ2…"])
    token_type: str = "bearer"  # noqa: S105 - its kind
    expires_in: int = Field(examples=[3600])


class LogoutRequest(Body):
    """``everywhere`` ends every token of the user."""

    everywhere: StrictBool = False


class PasswordChange(Body):
    """A new password of one's own."""

    current_password: _Password
    new_password: _NewPassword


class Me(BaseModel):
    """Who asks. ``key_id`` is the API key they ask with, ``null`` with a token."""

    user_id: str
    username: str
    permissions: list[Permission]
    tier: Tier
    key_id: str | None


class KeyRequest(Body):
    """R20. ``tier`` is the user's when not given; a key without ``expires_at`` lasts until it is revoked."""

    name: _Name
    permissions: _Permissions
    tier: Tier | None = None
    expires_at: When | None = Field(None, examples=["2027-01-01T00:00:00Z"])


class Key(BaseModel):
    """What is known of an API key; ``prefix`` is its beginning."""

    id: str
    user_id: str
    name: str
    prefix: str = Field(examples=["vdb_Zk3x8aQ1"])
    permissions: list[Permission]
    tier: Tier
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey, **more: Any) -> Key:
        """As the API shows it."""
        times = {n: moment(getattr(key, n)) for n in ("created_at", "expires_at", "revoked_at", "last_used_at")}
        return cls.model_validate({**vars(key), **times, "permissions": in_order(key.permissions), **more})


class NewKey(Key):
    """A key as it is shown once."""

    api_key: str = Field(examples=["vdb_Zk3x8aQ1…"], description="the key itself; no other answer ever holds it")


class UserRequest(Body):
    """Without a password the user comes by API keys only."""

    username: _Username
    permissions: _Permissions
    password: _NewPassword | None = None
    tier: Tier = "standard"


class UserChange(Body):
    """What is left out stays as it is. A new password, or ``disabled``, ends every token of the user."""

    permissions: _Permissions | None = None
    tier: Tier | None = None
    password: _NewPassword | None = None
    disabled: StrictBool | None = None


class UserAnswer(BaseModel):
    """A user. ``issuer`` and ``subject`` are of one who comes from an OIDC issuer."""

    id: str
    username: str
    permissions: list[Permission]
    tier: Tier
    disabled: bool
    has_password: bool
    issuer: str | None
    subject: str | None
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> UserAnswer:
        """As the API shows them."""
        known = {"permissions": in_order(user.permissions), "created_at": moment(user.created_at)}
        return cls.model_validate({**vars(user), **known})


class RotationRequest(Body):
    """``immediately``: tokens of the old key end now, as they must when it has become known."""

    immediately: StrictBool = False


class Rotation(BaseModel):
    """The key that signs now."""

    kid: str
    created_at: datetime


class AuditAnswer(BaseModel):
    """An entry of the audit log."""

    id: int
    at: datetime
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
        return cls.model_validate({**vars(entry), "at": moment(entry.at)})


class AuditPage(BaseModel):
    """``before`` of the next page is ``next``; ``null`` on the last."""

    entries: list[AuditAnswer]
    next: int | None


class Keys(BaseModel):
    """The newest first."""

    api_keys: list[Key]


class UsersPage(BaseModel):
    """By name. ``after`` of the next page is ``next``; ``null`` on the last."""

    users: list[UserAnswer]
    next: str | None


def moment(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as a time of UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
