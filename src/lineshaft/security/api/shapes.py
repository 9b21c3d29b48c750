"""What people, keys and audit rows look like in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.http import unpack_cursor
from lineshaft.security.model import AuditEntry, Device, Grant, Role, Token, User, Who

RoleName = Literal["viewer", "operator", "engineer", "admin"]


class Body(BaseModel):
    """What somebody sends; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class GrantShape(Body):
    """A role on a subtree; the empty subtree is everything."""

    role: RoleName
    subtree: str = ""

    def grant(self) -> Grant:
        return Grant(role=Role[self.role.upper()], subtree=self.subtree)


class SignInBody(Body):
    login: str = Field(max_length=200)
    password: str = Field(max_length=1000, repr=False)


class NewUserBody(Body):
    login: str = Field(max_length=100)
    password: str = Field(max_length=1000, repr=False)
    name: str = Field(default="", max_length=100)
    grants: list[GrantShape] = []
    home: str | None = None
    language: str = Field(default="", max_length=10)


class UserBody(Body):
    """What is given is changed."""

    name: str | None = Field(default=None, max_length=100)
    grants: list[GrantShape] | None = None
    home: str | None = None
    language: str | None = Field(default=None, max_length=10)
    disabled: bool | None = None


class PasswordBody(Body):
    password: str = Field(max_length=1000, repr=False)


class OwnPasswordBody(Body):
    old: str = Field(max_length=1000, repr=False)
    new: str = Field(max_length=1000, repr=False)


class NewTokenBody(Body):
    name: str = Field(max_length=100)
    grants: list[GrantShape]
    ends_at: datetime | None = None


class NewDeviceBody(Body):
    name: str
    path: str
    publish: list[str] | None = None
    subscribe: list[str] = []


class DeviceBody(Body):
    """What is given is changed."""

    publish: list[str] | None = None
    subscribe: list[str] | None = None


class WhoShape(BaseModel):
    """Who somebody is to the platform."""

    id: str
    name: str
    kind: str
    grants: list[GrantShape]

    @classmethod
    def of(cls, who: Who) -> WhoShape:
        return cls(id=who.id, name=who.name, kind=who.kind.value, grants=grant_shapes(who.grants))


class UserShape(BaseModel):
    """An account."""

    id: str
    login: str
    name: str
    home: str
    grants: list[GrantShape]
    language: str
    disabled: bool
    created_at: datetime
    signed_in_at: datetime | None

    @classmethod
    def of(cls, user: User) -> UserShape:
        return cls(**_fields(user, "grants"), grants=grant_shapes(user.grants))


class TokenShape(BaseModel):
    """A token without its secret."""

    id: str
    name: str
    owner: str
    grants: list[GrantShape]
    created_at: datetime
    ends_at: datetime | None
    used_at: datetime | None

    @classmethod
    def of(cls, token: Token) -> TokenShape:
        return cls(**_fields(token, "grants", "owner_id", "revoked_at"), grants=grant_shapes(token.grants))


class NewTokenShape(TokenShape):
    """A token just made; `secret` is its whole text and is never shown again."""

    secret: str


class DeviceShape(BaseModel):
    """An MQTT device without its password."""

    id: str
    name: str
    path: str
    publish: list[str]
    subscribe: list[str]
    created_at: datetime
    rotated_at: datetime | None

    @classmethod
    def of(cls, device: Device) -> DeviceShape:
        return cls(**_fields(device, "revoked_at"))


class NewDeviceShape(DeviceShape):
    """A device just made or rotated; its password is never shown again."""

    password: str


class AuditShape(BaseModel):
    """One row of the audit log."""

    seq: int
    at: datetime
    actor_id: str
    actor: str
    kind: str
    owner: str
    origin: str
    action: str
    subject: str
    outcome: str
    count: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditShape:
        return cls(**_fields(entry))


def grant_shapes(grants: tuple[Grant, ...]) -> list[GrantShape]:
    """Grants as JSON."""
    return [GrantShape.model_validate({"role": g.role.name.lower(), "subtree": g.subtree}) for g in grants]


def grants_of(shapes: list[GrantShape]) -> list[Grant]:
    """Grants as sent."""
    return [shape.grant() for shape in shapes]


def key_in(cursor: str) -> str:
    """The key of the last row shown; '' without a cursor."""
    keys = unpack_cursor(cursor) if cursor else [""]
    if len(keys) != 1:
        raise Invalid(f"{cursor!r} is not a cursor of ours.", hint="Pass `next` of the page before, unchanged.")
    return str(keys[0])


def _fields(noun: Any, *without: str) -> dict[str, Any]:
    return {name: getattr(noun, name) for name in noun.__dataclass_fields__ if name not in without}
