"""What edge announces."""

from __future__ import annotations

from lineshaft.kernel.facts import Fact


class ConnectionChanged(Fact, frozen=True, kw_only=True):
    """A connection was added or changed; the edge box takes it up at once."""

    name: str
    version: int


class ConnectionRemoved(Fact, frozen=True, kw_only=True):
    """A connection was removed."""

    name: str


class SetpointWritten(Fact, frozen=True, kw_only=True):
    """Somebody wrote a value to a machine, which took it; `id` tells it from every other."""

    id: str
    path: str
    value: str
    by: str
    at_us: int


class ConnectionLost(Fact, frozen=True, kw_only=True):
    """A machine stopped answering; said once per loss."""

    name: str
    path: str
    error: str
    at_us: int


class ConnectionBack(Fact, frozen=True, kw_only=True):
    """A machine answers again; said once per return."""

    name: str
    path: str
    at_us: int
    away_s: float
