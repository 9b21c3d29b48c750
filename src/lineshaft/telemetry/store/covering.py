"""Decides which table answers for which stretch of time, so that wide buckets read few rows and stay exact.

A rollup row may only be used when it lies in one bucket and in the range. The moments where buckets
begin and end therefore decide it: every rollup row that one of them cuts is read finer, level by
level, down to the raw rows.

    1 h   |------|------|--x---|------|--x---|       x  an edge that cuts an hour
    1 m                 |||||||       |||||||           those hours, minute by minute
    raw                    .             .              those minutes, row by row
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.clock import MICROS

RAW = 0
MOST_CUT = 20_000
"""Rollup rows of one level cut by edges; with more the level is not worth its while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """What a level of rollups knows: all rows with a `seq` up to this in buckets that start before `closed` (s)."""

    seq: int = 0
    closed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Levels from coarse to fine (seconds per row, without raw) and what of each is read finer."""

    start: int
    end: int
    """Half-open, µs."""
    levels: tuple[int, ...]
    cut: dict[int, tuple[int, ...]]
    """Per level the starts of rows, in seconds, that an edge or an end of the range cuts."""
    frontiers: Mapping[int, Frontier]

    @property
    def coarsest(self) -> int:
        return self.levels[0] if self.levels else RAW

    def above(self, level: int) -> int | None:
        """The next coarser level in use, None for the coarsest."""
        coarser = [other for other in self.levels if other > level]
        return coarser[-1] if coarser else None

    def without(self, level: int) -> Cover:
        """The same, one level less."""
        return replace(self, levels=tuple(other for other in self.levels if other != level))


def cover(edges: NDArray[np.int64], start: int, end: int, frontiers: Mapping[int, Frontier]) -> Cover:
    """Cover `start <= t < end` (µs) cut at `edges`, from the levels (seconds) there are, where they help."""
    inner = edges[(edges > start) & (edges < end)]
    moments = np.concatenate([inner, np.array([start, end], dtype=np.int64)])
    typical = np.median(np.diff(edges)) if len(edges) > 1 else 0
    used: list[int] = []
    cut: dict[int, tuple[int, ...]] = {}
    for level in sorted(frontiers, reverse=True):
        width = level * MICROS
        rows = np.unique(moments[moments % width != 0] // width) * level
        if typical >= width and len(rows) <= MOST_CUT and frontiers[level].closed * MICROS > start:
            used.append(level)
            cut[level] = tuple(int(row) for row in rows)
    return Cover(start=start, end=end, levels=tuple(used), cut=cut, frontiers=frontiers)
