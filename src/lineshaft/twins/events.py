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


class DocumentChanged(Fact, frozen=True, kw_only=True):
    """A shell, submodel or other document was created, changed or deleted; `kind` as in model.repository.Kind."""

    kind: int
    id: str
    place: str
    verb: str
    version: int


class DocumentsTaken(Fact, frozen=True, kw_only=True):
    """Many documents came at once; the lines of the feed from `first` to `last` name them."""

    first: int
    last: int
    count: int
