"""What twins announce: one fact for each twin that was made, changed, moved or retired."""

from __future__ import annotations

from lineshaft.kernel.facts import Fact


class TwinCreated(Fact, frozen=True, kw_only=True):
    """A twin exists now, also after a retirement was undone."""

    id: str
    path: str
    version: int


class TwinChanged(Fact, frozen=True, kw_only=True):
    """A twin is different now; `was` is the path it had before, which differs after a move."""

    id: str
    path: str
    version: int
    was: str


class TwinRetired(Fact, frozen=True, kw_only=True):
    """A twin is no longer part of the plant; its series and its history stay."""

    id: str
    path: str
    version: int
