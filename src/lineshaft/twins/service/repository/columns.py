"""Edges in columns: things are numbers, neighbours of one thing lie side by side.

    starts  [0, 2, 2, 5 …]      neighbours of thing n are targets[starts[n]:starts[n + 1]]

Following all edges of a whole level is a handful of array operations, however wide the level is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Edges:
    """Neighbours of every thing, with the count of each edge."""

    starts: Ints
    targets: Ints
    counts: Floats

    @classmethod
    def of(cls, things: int, sources: Ints, targets: Ints, counts: Floats) -> Edges:
        """From edges in any order."""
        order = np.argsort(sources, kind="stable")
        starts = np.zeros(things + 1, dtype=np.int64)
        np.cumsum(np.bincount(sources, minlength=things), out=starts[1:])
        return cls(starts, targets[order], counts[order])

    def after(self, things: Ints) -> tuple[Ints, Ints]:
        """For each edge that leaves these things: the position of its source among them, and of the edge."""
        begins = self.starts[things]
        lengths = self.starts[things + 1] - begins
        position = np.repeat(np.arange(len(things)), lengths)
        within = np.arange(len(position)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return position, np.repeat(begins, lengths) + within


@dataclass(frozen=True, slots=True)
class Level:
    """What one more step reached."""

    sources: Ints
    targets: Ints
    counts: Floats
    quantities: Floats


def merged(things: int, documents: Ints, sources: Ints, targets: Ints, counts: Floats) -> tuple[Ints, Ints, Floats]:
    """Each edge once: counts of one document add up, and of several documents the largest is believed.

    A full bill of materials and the short one of a part both name the part's own parts; those are not more.
    """
    if not len(sources):
        return sources, targets, counts
    pairs = sources * things + targets
    order = np.lexsort((documents, pairs))
    pairs, documents, counts = pairs[order], documents[order], counts[order]
    fresh = np.append(True, (pairs[1:] != pairs[:-1]) | (documents[1:] != documents[:-1]))
    sums = np.add.reduceat(counts, np.flatnonzero(fresh))
    pairs = pairs[fresh]
    first = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1]))
    return pairs[first] // things, pairs[first] % things, np.maximum.reduceat(sums, first)


def one_name(things: int, sources: Ints, targets: Ints) -> Ints:
    """The smallest of all things that are the same, for each thing."""
    names = np.arange(things)
    while len(sources):
        smaller = np.minimum(names[sources], names[targets])
        if np.array_equal(smaller, names[sources]) and np.array_equal(smaller, names[targets]):
            break
        np.minimum.at(names, sources, smaller)
        np.minimum.at(names, targets, smaller)
        names = names[names]
    return names


def levels(edges: Edges, top: int, depth: int) -> list[Level]:
    """Level by level what is below a thing, with quantities; only for graphs without cycles."""
    found: list[Level] = []
    here, quantity = np.array([top]), np.array([1.0])
    for _ in range(depth):
        position, edge = edges.after(here)
        if not len(edge):
            break
        targets, counts = edges.targets[edge], edges.counts[edge]
        level = Level(here[position], targets, counts, quantity[position] * counts)
        found.append(level)
        here, which = np.unique(targets, return_inverse=True)
        quantity = np.bincount(which, weights=level.quantities)
    return found


def joined(found: list[Level]) -> tuple[Ints, Ints, Floats, Floats]:
    """Sources, targets, counts and quantities of all levels, one after the other."""
    none, zero = np.zeros(0, dtype=np.int64), np.zeros(0)
    return (
        np.concatenate([none, *(one.sources for one in found)]),
        np.concatenate([none, *(one.targets for one in found)]),
        np.concatenate([zero, *(one.counts for one in found)]),
        np.concatenate([zero, *(one.quantities for one in found)]),
    )


def within(edges: Edges, top: int, hops: int) -> tuple[Ints, Ints]:
    """Things at most so many hops away, each with its fewest hops; the first is the thing itself, at 0."""
    seen = np.zeros(len(edges.starts) - 1, dtype=bool)
    seen[top] = True
    here, found, far = np.array([top]), [np.array([top])], [np.array([0])]
    for hop in range(1, hops + 1):
        _, edge = edges.after(here)
        here = np.unique(edges.targets[edge])
        here = here[~seen[here]]
        if not len(here):
            break
        seen[here] = True
        found.append(here)
        far.append(np.full(len(here), hop))
    return np.concatenate(found), np.concatenate(far)


def cycle(edges: Edges, top: int, depth: int) -> list[int]:
    """Things that are parts of each other below a thing, in order, the first again at the end; [] without any."""
    things, far = within(edges, top, depth)
    inner = np.zeros(len(edges.starts) - 1, dtype=bool)
    inner[things[far < depth]] = True
    position, edge = edges.after(np.flatnonzero(inner))
    sources, targets = np.flatnonzero(inner)[position], edges.targets[edge]
    left = _left(edges, things, targets, inner)
    return _named(sources, targets, left) if left.any() else []


def has_cycle(edges: Edges) -> bool:
    """Whether there is a cycle anywhere."""
    things = np.arange(len(edges.starts) - 1)
    return bool(_left(edges, things, edges.targets, np.ones(len(things), dtype=bool)).any())


def _left(edges: Edges, things: Ints, targets: Ints, inner: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What remains when things nothing points at are taken away again and again; only `inner` ones point."""
    waiting = np.bincount(targets, minlength=len(inner))
    here = things[waiting[things] == 0]
    while len(here):
        _, edge = edges.after(here[inner[here]])
        met, times = np.unique(edges.targets[edge], return_counts=True)
        waiting[met] -= times
        here = met[waiting[met] == 0]
    return waiting > 0


def _named(sources: Ints, targets: Ints, left: NDArray[np.bool_]) -> list[int]:
    """Go backwards from anything that is left until something comes again."""
    inside = left[sources] & left[targets]
    before = dict(zip(targets[inside].tolist(), sources[inside].tolist(), strict=True))
    way: dict[int, int] = {}
    here = next(iter(before))
    while here not in way:
        way[here] = len(way)
        here = before[here]
    ring = list(way)[way[here] :][::-1]
    return [ring[-1], *ring]
