"""A layout of machines where nobody has drawn one: solids of sensible shape, along the way the product takes.

x along the flow, z across it, both in metres on the floor; one row for each place that holds machines
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from lineshaft.kernel.terms import PlantPath

from .scene import Spot

GAP_M = 1.2
AISLE_M = 4.0
LONGEST_M = 60.0
"""A row that is longer goes on in another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a kind of machine looks like from afar; sizes in metres, `rank` its usual place along a line."""

    form: str
    width: float
    depth: float
    height: float
    rank: int = 50


SHAPES: Mapping[str, Shape] = {
    "tank": Shape(form="tank", width=2.2, depth=2.2, height=3.4, rank=10),
    "pump": Shape(form="drum", width=1.2, depth=0.7, height=0.9, rank=15),
    "motor": Shape(form="drum", width=1.1, depth=0.7, height=0.8, rank=16),
    "flow-meter": Shape(form="drum", width=0.8, depth=0.5, height=0.6, rank=17),
    "gate": Shape(form="gate", width=0.8, depth=2.2, height=2.4, rank=20),
    "conveyor": Shape(form="belt", width=5.0, depth=0.9, height=1.0, rank=25),
    "filler": Shape(form="carousel", width=3.4, depth=3.4, height=2.8, rank=30),
    "capper": Shape(form="carousel", width=2.2, depth=2.2, height=2.6, rank=35),
    "cnc": Shape(form="box", width=3.2, depth=2.4, height=2.3, rank=38),
    "labeller": Shape(form="carousel", width=2.6, depth=2.2, height=2.2, rank=40),
    "robot": Shape(form="robot", width=1.8, depth=1.8, height=2.6, rank=60),
    "palletiser": Shape(form="gate", width=3.6, depth=3.2, height=3.6, rank=70),
    "compressor": Shape(form="box", width=2.4, depth=1.5, height=1.9, rank=80),
    "energy-meter": Shape(form="box", width=0.8, depth=0.5, height=2.0, rank=90),
    "sensor": Shape(form="post", width=0.5, depth=0.5, height=1.3, rank=95),
}
OTHER = Shape(form="box", width=2.0, depth=1.6, height=1.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A machine to be placed; `path` is relative to the place shown."""

    path: str
    row: str
    """The place whose row it stands in."""
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """A machine in its place; `moved` when somebody has put it there."""

    path: str
    shape: Shape
    spot: Spot
    moved: bool = False


def laid_out(
    machines: Sequence[Standing], feeds: Iterable[tuple[str, str]] = (), spots: Mapping[str, Spot] | None = None
) -> list[Solid]:
    """Every machine in its place: in rows, along `feeds` (from, to) where they are known, else in the usual order."""
    solids: list[Solid] = []
    told, z = list(feeds), 0.0
    for _, members in groupby(sorted(machines, key=lambda one: one.row), key=lambda one: one.row):
        for row in _rows(in_order(list(members), told)):
            depth = max(shape_of(one.type).depth for one in row)
            solids += _row(row, z + depth / 2)
            z += depth + AISLE_M
    moved = spots or {}
    return [
        Solid(path=one.path, shape=one.shape, spot=moved[one.path], moved=True) if one.path in moved else one
        for one in solids
    ]


def shape_of(kind: str) -> Shape:
    return SHAPES.get(kind, OTHER)


def in_order(machines: Sequence[Standing], feeds: Iterable[tuple[str, str]]) -> list[Standing]:
    """Along the flow: what feeds others comes before them; the rest by the usual place of its type, then by name."""
    waiting = sorted(machines, key=lambda one: (shape_of(one.type).rank, _natural(one.path)))
    here = {one.path for one in machines}
    before: dict[str, set[str]] = {}
    for source, target in feeds:
        if source in here and target in here and source != target:
            before.setdefault(target, set()).add(source)
    found: list[Standing] = []
    while waiting:
        done = {one.path for one in found}
        free = next((one for one in waiting if before.get(one.path, set()) <= done), waiting[0])
        found.append(free)
        waiting.remove(free)
    return found


def _natural(path: str) -> list[tuple[int, str]]:
    """Names by which 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", path)]


def _rows(machines: Sequence[Standing]) -> list[list[Standing]]:
    rows: list[list[Standing]] = [[]]
    length = 0.0
    for one in machines:
        width = shape_of(one.type).width + GAP_M
        if rows[-1] and length + width > LONGEST_M:
            rows.append([])
            length = 0.0
        rows[-1].append(one)
        length += width
    return [row for row in rows if row]


def _row(machines: Sequence[Standing], z: float) -> list[Solid]:
    x, solids = 0.0, []
    for one in machines:
        shape = shape_of(one.type)
        solids.append(Solid(path=one.path, shape=shape, spot=Spot(x=round(x + shape.width / 2, 3), z=round(z, 3))))
        x += shape.width + GAP_M
    return solids


def relative(path: PlantPath, top: PlantPath) -> str:
    """A path as it is told from a place above it; empty for the place itself."""
    return "" if path == top else str(path)[len(top) + 1 :]
