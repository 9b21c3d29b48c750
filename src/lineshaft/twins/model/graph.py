"""What can be said about things and how they hang together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from .repository import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a bill of materials."""

    depth: int
    whole: str
    part: str
    count: float
    """How many of the part are in one of the whole."""
    quantity: float
    """How many of it there are along the way to here: counts multiplied from the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A bill of materials in columns, level by level; one line for each part of each whole on a level."""

    top: str
    depths: list[int]
    wholes: list[str]
    parts: list[str]
    counts: list[float]
    quantities: list[float]

    def __len__(self) -> int:
        return len(self.parts)

    def lines(self) -> Iterator[Line]:
        """The lines one by one."""
        columns = (self.depths, self.wholes, self.parts, self.counts, self.quantities)
        for depth, whole, part, count, quantity in zip(*columns, strict=True):
            yield Line(depth=depth, whole=whole, part=part, count=count, quantity=quantity)

    def totals(self) -> dict[str, float]:
        """How many of each part there are, over all ways it gets in."""
        found: dict[str, float] = {}
        for part, quantity in zip(self.parts, self.quantities, strict=True):
            found[part] = found.get(part, 0.0) + quantity
        return found


@dataclass(frozen=True, slots=True)
class Own:
    """Relations by the name people gave them; upper and lower case are one."""

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", " ".join(self.name.split()).casefold())


Tie: TypeAlias = Edge | Own
"""A kind of relation that a question follows."""


class Direction(StrEnum):
    """Which way relations are followed.

    Forward leads from a whole to its parts, from what feeds to what is fed, and along any other relation from where
    it begins to where it ends.
    """

    FORWARD = "forward"
    BACKWARD = "backward"
    BOTH = "both"


class Compare(StrEnum):
    """How a value is compared."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A property of a thing's submodels compared with a value: by semantic id, by idShortPath, or both.

    A number is compared with numeric properties (moments as seconds since 1970 UTC), text with text.
    """

    semantic: str = ""
    path: str = ""
    compare: Compare = Compare.EQ
    value: float | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which elements are meant, by what is given, and how their values must compare.

    `shape` is the idShortPath with `[]` for every index; comparisons are eq, ne, lt, le, gt, ge and starts-with.
    """

    semantic: str = ""
    shape: str = ""
    id_short: str = ""
    compared: tuple[tuple[str, float | str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A thing that fits, with the property that makes it fit."""

    thing: str
    hops: int
    submodel: str
    path: str
    text: str | None
    number: float | None

    @property
    def rank(self) -> Rank:
        """Where it stands among all that fit: the nearest first."""
        return self.hops, self.thing, self.submodel, self.path


Rank: TypeAlias = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """One relation as people say it: the source is part of, feeds, is located in … the target."""

    name: str
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """Things near one, the nearest first, with what relates them to each other."""

    things: tuple[str, ...]
    hops: tuple[int, ...]
    bonds: tuple[Bond, ...]
    left_out: int = 0
    """Things that are as near but more than were asked for."""
