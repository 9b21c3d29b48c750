"""Groups tags into few requests and remembers what a device refuses.

Spans of one unit and table are sorted and merged while the gap between them, the length of the
request and what was learned allow it:

    tags        ██ ██  ████      ░ refused       ██
    blocks     [██▒██▒▒████]     buried         [██]      ▒ read and thrown away

A *cut* is an address no request may reach across, because one that did was refused although its
two sides were not. A *buried* span was refused on its own: only its tags are bad, and it is asked
again after a while. Both are kept per link, so a split is paid for once.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.terms import Quality

from .address import Address, Table
from .codec import Cell, Decoder
from .settings import MOST_COILS, MOST_REGISTERS

Place: TypeAlias = tuple[int, Table]
"""A table of a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may be."""

    max_gap: int = 10
    max_registers: int = MOST_REGISTERS
    max_coils: int = MOST_COILS

    def most(self, table: Table) -> int:
        return self.max_coils if table.bits else self.max_registers


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Registers that must be read together, and the rows decoded from them."""

    unit: int
    table: Table
    start: int
    count: int
    rows: tuple[int, ...] = field(default=(), compare=False)

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def place(self) -> Place:
        return self.unit, self.table


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One request. `at` is where its bytes lie among all bytes of the poll."""

    unit: int
    table: Table
    start: int
    count: int
    at: int
    spans: tuple[Span, ...]
    rows: NDArray[np.intp]

    @property
    def size(self) -> int:
        return self.count * self.table.width

    def offset(self, start: int) -> int:
        """Where an address of this block lies among all bytes of the poll."""
        return self.at + (start - self.start) * self.table.width


@dataclass(frozen=True, slots=True)
class Grave:
    """Why a span is not asked, and when (monotonic seconds) it will be again."""

    retry_at: float
    quality: Quality
    message: str
    hint: str


class Lessons:
    """What one link has learned about its units; `version` grows with every lesson."""

    def __init__(self) -> None:
        self.version = 0
        self.graves: dict[Span, Grave] = {}
        self._cuts: dict[Place, list[int]] = {}

    def cut(self, place: Place, at: int) -> None:
        """Never again read across this address."""
        cuts = self._cuts.setdefault(place, [])
        if at not in cuts:
            insort(cuts, at)
            self.version += 1

    def bury(self, span: Span, grave: Grave) -> None:
        """Leave this span out; requests keep to its left or right."""
        self.graves[span] = grave
        self.version += 1
        self.cut(span.place, span.start)
        self.cut(span.place, span.end)

    def dig_up(self, span: Span) -> None:
        """The span answers again."""
        if self.graves.pop(span, None):
            self.version += 1

    def parted(self, place: Place, start: int, end: int) -> bool:
        """Whether a request for start..end would reach across a cut."""
        cuts = self._cuts.get(place)
        if not cuts:
            return False
        after = bisect_right(cuts, start)
        return after < len(cuts) and cuts[after] < end


def spans_of(addresses: Iterable[tuple[int, Address]]) -> list[Span]:
    """The distinct spans of (row, address) pairs, sorted by unit, table and place."""
    rows: dict[Span, list[int]] = {}
    for row, a in addresses:
        rows.setdefault(Span(a.unit, a.table, a.start, a.count), []).append(row)
    return sorted(Span(s.unit, s.table, s.start, s.count, tuple(r)) for s, r in rows.items())


def group(spans: Iterable[Span], limits: Limits, lessons: Lessons) -> list[list[Span]]:
    """Merge sorted spans into the spans of single requests."""
    groups: list[list[Span]] = []
    end = 0
    for span in spans:
        if groups and _joins(span, groups[-1][0], end, limits, lessons):
            groups[-1].append(span)
            end = max(end, span.end)
        else:
            groups.append([span])
            end = span.end
    return groups


def _joins(span: Span, first: Span, end: int, limits: Limits, lessons: Lessons) -> bool:
    reach = max(end, span.end)
    return (
        span.place == first.place
        and span.start - end <= limits.max_gap
        and reach - first.start <= limits.most(span.table)
        and not lessons.parted(span.place, first.start, reach)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The requests of one poll and how their bytes become rows. `size` is all their bytes."""

    blocks: tuple[Block, ...]
    decoder: Decoder
    size: int
    buried: tuple[Span, ...]
    version: int


def lay_out(
    addresses: dict[int, Address], limits: Limits, lessons: Lessons, *, encodings: dict[int, str] | None = None
) -> Layout:
    """Plan the requests for these rows."""
    spans = spans_of(addresses.items())
    blocks, at = [], 0
    for members in group((s for s in spans if s not in lessons.graves), limits, lessons):
        block = _block(members, at)
        blocks.append(block)
        at += block.size
    cells = (
        Cell(row=row, at=block.offset(span.start), address=addresses[row], encoding=(encodings or {}).get(row, "utf-8"))
        for block in blocks
        for span in block.spans
        for row in span.rows
    )
    return Layout(
        blocks=tuple(blocks),
        decoder=Decoder.of(cells),
        size=at,
        buried=tuple(s for s in spans if s in lessons.graves),
        version=lessons.version,
    )


def _block(spans: list[Span], at: int) -> Block:
    first = spans[0]
    return Block(
        unit=first.unit,
        table=first.table,
        start=first.start,
        count=max(s.end for s in spans) - first.start,
        at=at,
        spans=tuple(spans),
        rows=np.array([row for s in spans for row in s.rows], dtype=np.intp),
    )
