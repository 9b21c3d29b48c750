"""Turns stretches of samples into one value per bucket: aggregates, means over time, filled gaps.

The store sums up every series in parts that cross no bucket's edge (from raw rows or rollups, whatever
is nearest). Here the parts are put together with numpy, all series at once.

What holds between two parts is a straight line of the integral over time, so the integral is kept as
knots and read at the edges of the buckets; that splits a value that holds over many buckets rightly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .model import Aggregate, Fill

Floats: TypeAlias = NDArray[np.float64]
Longs: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
_BY_VALUE = (Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.FIRST, Aggregate.LAST)
OVER_TIME = frozenset({Aggregate.TIME_WEIGHTED, Aggregate.DURATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Sums over stretches of rows, any order; each lies in one bucket, or wholly before the range.

    Times are µs. `good` counts the rows that pass the quality filter and carry a number; min … last are
    theirs. `first_at` and `last_at` are of rows of any quality; `opens` and `open` say whether the first
    and the last row is good. `area` is the sum of value times µs held between rows, `held` those µs.
    """

    series: Longs
    first_at: Longs
    last_at: Longs
    good: Longs
    min: Floats
    max: Floats
    sum: Floats
    first: Floats
    last: Floats
    held: Floats
    area: Floats
    opens: Bools
    open: Bools

    def __len__(self) -> int:
        return len(self.series)

    def joined(self, other: Parts) -> Parts:
        """These and others."""
        return Parts(**{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__slots__})

    def take(self, rows: Longs | Bools) -> Parts:
        """Some of the parts, in the order given."""
        return Parts(**{name: getattr(self, name)[rows] for name in self.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How the answer is cut: which buckets, how long values hold, what fills the gaps."""

    edges: Longs
    """Starts of the buckets and the end of the last, µs."""
    start: int
    """Samples before count only for what they hold into the range, µs."""
    until: int
    """Nothing holds beyond: the end of the range or now, whichever is earlier, µs."""
    max_gap: int | None
    fill: Fill

    @property
    def buckets(self) -> int:
        return len(self.edges) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stitched:
    """One row per series and bucket that is shown, ordered by both; NaN is null."""

    series: Longs
    bucket: Longs
    columns: dict[Aggregate, Floats]


def stitch(parts: Parts, series: int, cut: Cut, aggregates: Sequence[Aggregate]) -> Stitched:
    """Aggregate the parts of `series` series, numbered from 0, into buckets."""
    ordered = parts.take(np.lexsort((parts.first_at, parts.series)))
    grid = _grid(ordered, series, cut)
    if not OVER_TIME.isdisjoint(aggregates):
        _weigh(grid, ordered, series, cut)
    if cut.fill in {Fill.PREVIOUS, Fill.LINEAR}:
        _fill(grid, ordered, series, cut)
    shown = np.ones(series * cut.buckets, dtype=bool) if cut.fill is not Fill.NONE else _known(grid, aggregates)
    rows = np.flatnonzero(shown)
    return Stitched(
        series=rows // max(cut.buckets, 1),
        bucket=rows % max(cut.buckets, 1),
        columns={aggregate: grid[aggregate][rows] for aggregate in aggregates},
    )


def _known(grid: dict[Aggregate, Floats], aggregates: Sequence[Aggregate]) -> Bools:
    known: Bools = grid[Aggregate.COUNT] > 0
    return known if OVER_TIME.isdisjoint(aggregates) else known | (grid[Aggregate.DURATION] > 0)


def _grid(ordered: Parts, series: int, cut: Cut) -> dict[Aggregate, Floats]:
    """Every aggregate of values for every series and bucket, empty ones as NaN."""
    cells = series * cut.buckets
    grid = {aggregate: np.full(cells, np.nan) for aggregate in (*_BY_VALUE, Aggregate.SUM)}
    grid[Aggregate.COUNT] = np.zeros(cells)
    inside = ordered.take((ordered.first_at >= cut.start) & (ordered.good > 0))
    if len(inside) == 0:
        return grid
    cell = inside.series * cut.buckets + np.searchsorted(cut.edges, inside.first_at, side="right") - 1
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    ends = np.append(begins[1:], len(cell)) - 1
    at = cell[begins]
    count, total = np.add.reduceat(inside.good, begins), np.add.reduceat(inside.sum, begins)
    grid[Aggregate.COUNT][at] = count
    grid[Aggregate.SUM][at] = total
    grid[Aggregate.MEAN][at] = total / count
    grid[Aggregate.MIN][at] = np.minimum.reduceat(inside.min, begins)
    grid[Aggregate.MAX][at] = np.maximum.reduceat(inside.max, begins)
    grid[Aggregate.FIRST][at] = inside.first[begins]
    grid[Aggregate.LAST][at] = inside.last[ends]
    return grid


def _weigh(grid: dict[Aggregate, Floats], ordered: Parts, series: int, cut: Cut) -> None:
    """Add the means over time and how long values were known."""
    held_us, area = np.zeros((series, cut.buckets)), np.zeros((series, cut.buckets))
    edges = np.clip(cut.edges, cut.start, max(cut.until, cut.start))
    begins = np.searchsorted(ordered.series, np.arange(series + 1))
    ends_at = _hold(ordered, cut)
    for number, (low, high) in enumerate(pairwise(begins)):
        if low < high:
            held_us[number], area[number] = _integrate(ordered, slice(low, high), ends_at, edges)
    mean = np.full((series, cut.buckets), np.nan)
    np.divide(area, held_us, out=mean, where=held_us > 0)
    grid[Aggregate.TIME_WEIGHTED], grid[Aggregate.DURATION] = mean.ravel(), held_us.ravel() / 1e6


def _hold(ordered: Parts, cut: Cut) -> Longs:
    """Until when the last value of each part holds."""
    ends = np.append(ordered.first_at[1:], cut.until)
    ends[np.append(ordered.series[1:] != ordered.series[:-1], True)] = cut.until
    if cut.max_gap is not None:
        ends = np.minimum(ends, ordered.last_at + cut.max_gap)
    return np.where(ordered.open, np.maximum(ends, ordered.last_at), ordered.last_at)


def _integrate(ordered: Parts, rows: slice, ends_at: Longs, edges: Longs) -> tuple[Floats, Floats]:
    """µs held and area per bucket of one series, from knots of the running integrals."""
    first_at, last_at, end_at = ordered.first_at[rows], ordered.last_at[rows], ends_at[rows]
    held, area = ordered.held[rows], ordered.area[rows]
    carried = (end_at - last_at).astype(np.float64)
    value = np.where(carried > 0, ordered.last[rows], 0.0)
    knots = np.stack((first_at, last_at, end_at), axis=1).ravel()
    origin = knots[0]
    return (
        np.diff(np.interp(edges - origin, knots - origin, _running(held, carried))),
        np.diff(np.interp(edges - origin, knots - origin, _running(area, carried * value))),
    )


def _running(inside: Floats, carried: Floats) -> Floats:
    """The running sum at the three knots of each part: its first row, its last row, the end of its hold."""
    steps = np.stack((np.zeros(len(inside)), inside, carried), axis=1).ravel()
    return np.cumsum(steps)


def _fill(grid: dict[Aggregate, Floats], ordered: Parts, series: int, cut: Cut) -> None:
    """Give empty buckets the value that held when they began, or the one on the line between the neighbours."""
    begins = np.searchsorted(ordered.series, np.arange(series + 1))
    begun = cut.edges[:-1] < cut.until
    for number, (low, high) in enumerate(pairwise(begins)):
        if low == high:
            continue
        first = number * cut.buckets
        empty = np.flatnonzero((grid[Aggregate.COUNT][first : first + cut.buckets] == 0) & begun)
        after = low + np.searchsorted(ordered.first_at[low:high], cut.edges[empty])
        held = (after > low) & ordered.open[after - 1]
        empty, after = empty[held], after[held]
        if cut.fill is Fill.PREVIOUS:
            value, known = _held(ordered, after - 1, cut, empty)
        else:
            value, known = _on_line(ordered, after, high, cut, empty)
        for aggregate in _BY_VALUE:
            grid[aggregate][first + empty[known]] = value[known]


def _held(ordered: Parts, before: Longs, cut: Cut, bucket: Longs) -> tuple[Floats, Bools]:
    return ordered.last[before], _near(cut.edges[bucket] - ordered.last_at[before], cut)


def _on_line(ordered: Parts, after: Longs, high: int, cut: Cut, bucket: Longs) -> tuple[Floats, Bools]:
    """Values at the middle of buckets on the line from the last row before to the first row after."""
    known = after < high
    after = np.minimum(after, high - 1)
    from_at, to_at = ordered.last_at[after - 1], ordered.first_at[after]
    middle = (cut.edges[bucket] + cut.edges[bucket + 1]) / 2
    share = (middle - from_at) / np.maximum(to_at - from_at, 1)
    value = ordered.last[after - 1] + (ordered.first[after] - ordered.last[after - 1]) * share
    return value, known & ordered.opens[after] & _near(to_at - from_at, cut)


def _near(distance: Longs, cut: Cut) -> Bools:
    return np.full(len(distance), True) if cut.max_gap is None else distance <= cut.max_gap
