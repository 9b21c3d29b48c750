"""What twins announce: twins made, changed, moved or retired; what is desired of them; documents that changed."""

from __future__ import annotations

from lineshaft.kernel.facts import Fact
from lineshaft.kernel.terms import Value


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


class DesireMade(Fact, frozen=True, kw_only=True):
    """Somebody wants a property to have a value; `number` grows with each desire of its series."""

    path: str
    series: str
    number: int
    value: Value
    by: str


class DesireOverdue(Fact, frozen=True, kw_only=True):
    """A machine has not acknowledged a desire in time; it is still pending."""

    path: str
    series: str
    number: int
    value: Value
    by: str
    message: str


class DesireSettled(Fact, frozen=True, kw_only=True):
    """A desire is no longer pending: `stage` is acknowledged, refused or timed_out."""

    path: str
    series: str
    number: int
    value: Value
    stage: str
    reported: Value | None
    by: str
    message: str


class DocumentChanged(Fact, frozen=True, kw_only=True):
    """A shell, submodel or other document was created, changed or deleted; `kind` as in model.repository.Kind."""

    kind: int
    id: str
    place: str
    verb: str
    version: int
    seq: int = 0
    """The line of the feed that tells of it."""
    by: str = ""
    """The id of who did it."""


class ModelChanged(Fact, frozen=True, kw_only=True):
    """A twin carries another mechanism model now; `verb` is saved or removed."""

    path: str
    name: str
    mechanism: str
    verb: str
    by: str
    at_us: int


class DocumentsTaken(Fact, frozen=True, kw_only=True):
    """Many documents came at once; the lines of the feed from `first` to `last` name them."""

    first: int
    last: int
    count: int
