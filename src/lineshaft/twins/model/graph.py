"""What can be said about things and how they hang together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


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
