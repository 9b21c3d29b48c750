"""Who acts, with which role, on which part of the plant: nouns and pure rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

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
    TOKEN = "token"
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


PLATFORM = Who(id="platform", name="Lineshaft", kind=WhoKind.SERVICE, grants=(Grant(role=Role.ADMIN),), origin="worker")
"""The platform itself, for work nobody asked for: subscriptions, schedules, start-up."""
