"""Who acts, with which role, on which part of the plant: nouns and pure rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from lineshaft.kernel.terms import PlantPath


class Role(IntEnum):
    """What somebody may do on a subtree; each role includes those before it."""

    VIEWER = 1
    """See values, trends and structure."""
    OPERATOR = 2
    """Also write setpoints marked writable."""
    ENGINEER = 3
    """Also change connections, twins and data."""
    ADMIN = 4
    """Also change users, tokens, devices and settings, and read the audit log."""


class WhoKind(StrEnum):
    """What sort of actor acts."""

    USER = "user"
    TOKEN = "token"  # noqa: S105
    DEVICE = "device"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role on a subtree of the plant; the empty subtree is everything."""

    role: Role
    subtree: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """The actor of a request: the first argument of every service method."""

    id: str
    name: str
    kind: WhoKind
    grants: tuple[Grant, ...] = ()
    origin: str = ""
    """Where the request came from (address, `console`, `cli`), for the audit log."""
    owner: str = ""
    """The user a token acts for."""
    credential: str = ""
    """The session or token it came with, so that a guard sees when that has ended."""

    def role_on(self, path: str) -> Role | None:
        """The highest role held on a path, None without any."""
        place = PlantPath(path)
        roles = [g.role for g in self.grants if place.within(g.subtree)]
        return max(roles, default=None)

    def may(self, role: Role, path: str) -> bool:
        """Whether at least `role` is held on `path`; path '' asks for the whole platform."""
        held = self.role_on(path)
        return held is not None and held >= role

    def sees(self) -> tuple[str, ...]:
        """The subtrees this actor may read, outermost only; ('',) is everything."""
        trees = sorted({g.subtree for g in self.grants}, key=len)
        return tuple(t for i, t in enumerate(trees) if not any(PlantPath(t).within(o) for o in trees[:i]))


def intersect(held: Iterable[Grant], limit: Iterable[Grant]) -> tuple[Grant, ...]:
    """What remains of grants when nobody may hold more than `limit`: a token never exceeds its owner."""
    bounds = tuple(limit)
    pairs = ((g, b) for g in held for b in bounds)
    found: dict[str, Role] = {}
    for grant, bound in pairs:
        narrow = _narrower(grant.subtree, bound.subtree)
        if narrow is not None:
            found[narrow] = max(found.get(narrow, Role.VIEWER), min(grant.role, bound.role))
    return tuple(Grant(role=role, subtree=subtree) for subtree, role in sorted(found.items()))


def _narrower(one: str, other: str) -> str | None:
    """The smaller of two subtrees when one holds the other, None when they have nothing in common."""
    if PlantPath(one).within(other):
        return one
    return other if PlantPath(other).within(one) else None


class Outcome(StrEnum):
    """How an audited deed ended."""

    DONE = "done"
    DENIED = "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row of the audit log: who did what, to what, with which result. Never changed, never removed."""

    seq: int
    at: datetime
    actor_id: str
    actor: str
    kind: WhoKind
    owner: str
    origin: str
    action: str
    subject: str
    outcome: Outcome
    count: int
    """How many equal denials this row stands for."""
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    hash: str
    """SHA-256 of the hash before and of everything above, in hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which rows of the audit log somebody wants; what is empty does not filter."""

    actor: str = ""
    """Id of the actor or of the user a token acts for, or a part of the actor's name."""
    action: str = ""
    """An action or the beginning of one: `edge.` is everything done to connections."""
    subject: str = ""
    """A subject; a plant path also finds what lies below it."""
    text: str = ""
    """A part of the actor's name, the action or the subject, in any case."""
    outcome: Outcome | None = None
    start: datetime | None = None
    end: datetime | None = None


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[tuple[str, Any, Any]]:
    """What differs between two states, as (name, before, after); nested names are joined by dots."""
    old, new = _flat(before or {}), _flat(after or {})
    names = dict.fromkeys([*old, *new])
    return [(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{prefix}{name or '*'}.")
        else:
            found[f"{prefix}{name or '*'}"] = value
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What checking the audit log's chain found."""

    rows: int
    broken_at: int | None = None
    """The first row that does not follow from the one before."""
    reason: str = ""

    @property
    def intact(self) -> bool:
        return self.broken_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who may sign in."""

    id: str
    login: str
    name: str
    home: str
    """The subtree whose administrators look after the account; '' is the platform's own."""
    grants: tuple[Grant, ...]
    language: str
    disabled: bool
    created_at: datetime
    signed_in_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A browser somebody has signed in with."""

    id: str
    user_id: str
    origin: str
    agent: str
    """What the browser calls itself."""
    created_at: datetime
    seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A key for programs; never holds more than its owner does at that moment."""

    id: str
    name: str
    owner_id: str
    owner: str
    grants: tuple[Grant, ...]
    created_at: datetime
    ends_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What an MQTT device signs in as, and the topics it may use."""

    id: str
    name: str
    path: str
    """Where in the plant it belongs; its administrators look after it."""
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    created_at: datetime
    rotated_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A fresh session with the secret that goes into the cookie; the secret is kept nowhere."""

    session: Session
    user: User
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A fresh token with its whole text, shown this once."""

    token: Token
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """A fresh or rotated device with its password, shown this once."""

    device: Device
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLogin:
    """The administrator made at the first start, with the password shown this once."""

    login: str
    password: str = field(repr=False)


PLATFORM = Who(id="platform", name="Lineshaft", kind=WhoKind.SERVICE, grants=(Grant(role=Role.ADMIN),), origin="worker")
"""The platform itself, for work nobody asked for: subscriptions, schedules, start-up."""
