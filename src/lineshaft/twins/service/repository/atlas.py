"""All relations in memory, kept right by the feed: names of things, and edges in columns.

330,000 things and 450,000 edges take about 150 MB. When a document changes, only its relations are read again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.tasks import in_thread
from lineshaft.twins.model.graph import Direction, Own, Tie
from lineshaft.twins.model.repository import Edge, Kind
from lineshaft.twins.store import documents, relations
from lineshaft.twins.store.feed import Touched

from .columns import Edges, Floats, Ints, has_cycle, merged, one_name
from .watch import Watch

MOST = 5_000_000
"""Edges held at most, which is about 1 GB."""
_VIEWS = 8
_EDGES = 16
"""Choices of relations of which a view keeps the neighbours."""
_KINDS = tuple(Edge)
_CODES = {edge.value: code for code, edge in enumerate(_KINDS)}


class Owns:
    """Numbers of the names people gave to relations, from 1 on, each as it was first spelled."""

    def __init__(self) -> None:
        self._numbers: dict[Own, int] = {}
        self._spelled = [""]

    def number(self, name: str) -> int:
        """The number of a name, a new one where it is new; 0 for none."""
        if not name:
            return 0
        number = self._numbers.setdefault(Own(name), len(self._spelled))
        if number == len(self._spelled):
            self._spelled.append(name)
        return number

    def find(self, own: Own) -> int:
        """The number of a name; 0 when nothing is called so."""
        return self._numbers.get(own, 0)

    def spelled(self, number: int) -> str:
        """The name of a number."""
        return self._spelled[number]


@dataclass(frozen=True, slots=True)
class Columns:
    """All edges as the documents state them."""

    documents: Ints
    kinds: NDArray[np.int8]
    sources: Ints
    targets: Ints
    counts: Floats
    owns: NDArray[np.int32]
    """The number of the own name of each, else 0."""

    @classmethod
    def of(cls, rows: Sequence[relations.Stated], index: dict[str, int], owns: Owns) -> Columns:
        """Rows of the table; names get numbers in the order they come."""
        ends = [(index.setdefault(r.source, len(index)), index.setdefault(r.target, len(index))) for r in rows]
        sources, targets = np.array(ends, dtype=np.int64).reshape(-1, 2).T
        return cls(
            np.array([r.document for r in rows], dtype=np.int64),
            np.array([_CODES[r.kind] for r in rows], dtype=np.int8),
            sources,
            targets,
            np.array([r.count for r in rows], dtype=np.float64),
            np.array([owns.number(r.name) for r in rows], dtype=np.int32),
        )

    def where(self, mask: NDArray[np.bool_]) -> Columns:
        """Some of the edges."""
        return Columns(*(getattr(self, name)[mask] for name in self.__slots__))

    def and_(self, more: Columns) -> Columns:
        """These and more."""
        return Columns(*(np.concatenate((getattr(self, name), getattr(more, name))) for name in self.__slots__))

    def of_ties(self, ties: frozenset[Tie], owns: Owns) -> Columns:
        """The edges of some kinds; those with an own name go by their kind too."""
        kinds = [_CODES[tie.value] for tie in ties if isinstance(tie, Edge)]
        named = [number for tie in ties if isinstance(tie, Own) and (number := owns.find(tie))]
        mask = np.isin(self.kinds, kinds)
        return self.where(mask | np.isin(self.owns, named) if named else mask)


@dataclass(slots=True)
class View:
    """The graph as somebody may see it; things that are the same are one."""

    names: list[str]
    index: dict[str, int]
    columns: Columns
    numbers: Ints
    """Of each name the number of the submodel it is the id of, else 0."""
    owns: Owns
    same: Ints = field(init=False)
    shown: Ints = field(init=False)
    known: NDArray[np.bool_] = field(init=False)
    _edges: OrderedDict[tuple[frozenset[Tie], Direction], Edges] = field(init=False, default_factory=OrderedDict)
    _cyclic: dict[frozenset[Tie], bool] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        things, columns = len(self.numbers), self.columns
        alike = columns.kinds == _CODES[Edge.SAME.value]
        targets = columns.targets[alike]
        self.same = one_name(things, columns.sources[alike], targets)
        self.shown = np.arange(things)
        best = np.full(things, things)
        np.minimum.at(best, self.same[targets], targets)  # the asset of a shell or an entity gives the name
        self.shown = np.where(best < things, best, self.shown)
        self.known = np.zeros(things, dtype=bool)
        self.known[columns.sources] = self.known[columns.targets] = True

    def find(self, name: str) -> int | None:
        """The thing of a name; None when the caller knows nothing of it."""
        number = self.index.get(name, -1)
        return int(self.same[number]) if 0 <= number < len(self.known) and self.known[number] else None

    def told(self, things: Ints) -> list[str]:
        """The names of things."""
        names = self.names
        return [names[n] for n in self.shown[things].tolist()]

    def edges(self, ties: frozenset[Tie], direction: Direction = Direction.FORWARD) -> Edges:
        """Edges of some kinds in a direction; those worked out last are kept."""
        key = (ties, direction)
        found = self._edges.get(key)
        if found is None:
            found = self._edges[key] = self._neighbours(ties, direction)
            if len(self._edges) > _EDGES:
                self._edges.popitem(last=False)
        return found

    def _neighbours(self, ties: frozenset[Tie], direction: Direction) -> Edges:
        some = self.columns.of_ties(ties, self.owns)
        sources, targets = self.same[some.sources], self.same[some.targets]
        sources, targets, counts = merged(len(self.same), some.documents, sources, targets, some.counts)
        if direction is Direction.BACKWARD:
            sources, targets = targets, sources
        elif direction is Direction.BOTH:
            sources, targets = np.concatenate((sources, targets)), np.concatenate((targets, sources))
            counts = np.concatenate((counts, counts))
        return Edges.of(len(self.same), sources, targets, counts)

    def among(self, things: Ints, ties: frozenset[Tie]) -> list[tuple[Edge, str, int, int]]:
        """Relations of some kinds between these things, each once: kind, own name, source, target."""
        some = self.columns.of_ties(ties, self.owns)
        inside = np.zeros(len(self.same), dtype=bool)
        inside[things] = True
        sources, targets = self.same[some.sources], self.same[some.targets]
        both = inside[sources] & inside[targets] & (sources != targets)
        columns = (some.kinds[both], some.owns[both], sources[both], targets[both])
        rows = sorted(set(zip(*(column.tolist() for column in columns), strict=True)))
        return [(_KINDS[kind], self.owns.spelled(own), source, target) for kind, own, source, target in rows]

    def own_names(self) -> list[str]:
        """The names people gave to relations that may be seen."""
        return sorted(self.owns.spelled(number) for number in np.unique(self.columns.owns).tolist() if number)

    def cyclic(self, kinds: frozenset[Tie]) -> bool:
        """Whether edges of these kinds lead anything back to itself; worked out once."""
        if kinds not in self._cyclic:
            self._cyclic[kinds] = has_cycle(self.edges(kinds))
        return self._cyclic[kinds]


class Atlas:
    """Gives the graph as it is now."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._watch = Watch(db, self._heard, values=False)
        self._lock = asyncio.Lock()
        self._all = True
        self._stale: set[int] = set()
        self._names: list[str] = []
        self._index: dict[str, int] = {}
        self._owns = Owns()
        self._columns = Columns.of([], {}, self._owns)
        self._numbers = np.zeros(0, dtype=np.int64)
        self._views: OrderedDict[tuple[str, ...], View] = OrderedDict()

    async def view(self, trees: tuple[str, ...]) -> View:
        """The graph of everything that stands in these subtrees, with all that was committed before this call."""
        await self._watch.look()
        async with self._lock:
            if self._all or self._stale:
                await self._load()
            if trees not in self._views:
                self._views[trees] = await self._view(trees)
            self._views.move_to_end(trees)
            if len(self._views) > _VIEWS:
                self._views.popitem(last=False)
            return self._views[trees]

    async def _view(self, trees: tuple[str, ...]) -> View:
        columns = self._columns
        if "" not in trees:
            async with self._db.read() as tx:
                seen = await documents.numbers_within(tx, trees)
            columns = columns.where(np.isin(columns.documents, np.array(seen, dtype=np.int64)))
        return await in_thread(View, self._names, self._index, columns, self._numbers, self._owns)

    async def _load(self) -> None:
        """Read what changed; what is heard of meanwhile is read the next time."""
        stale = None if self._all else sorted(self._stale)
        self._all, self._stale = False, set()
        try:
            await self._read(stale)
        except BaseException:
            self._all = True
            raise
        self._views.clear()

    async def _read(self, stale: list[int] | None) -> None:
        async with self._db.read() as tx:
            if await relations.count(tx) > MOST:
                raise Unavailable(f"The plant has more than {MOST:,} relations, which is more than the graph can hold.")
            rows = await relations.of_documents(tx, stale)
            submodels = await documents.ids(tx, Kind.SUBMODEL, stale)
        await in_thread(self._take, stale, rows, submodels)

    def _take(self, stale: list[int] | None, rows: list[relations.Stated], submodels: list[tuple[int, str]]) -> None:
        if stale is None:
            self._names, self._index = [], {}
            self._numbers = np.zeros(0, dtype=np.int64)
            self._columns = Columns.of(rows, self._index, self._owns)
        else:
            kept = self._columns.where(~np.isin(self._columns.documents, np.array(stale)))
            self._columns = kept.and_(Columns.of(rows, self._index, self._owns))
        self._names += list(self._index)[len(self._names) :]
        numbers = np.zeros(len(self._index), dtype=np.int64)
        numbers[: len(self._numbers)] = self._numbers
        numbers[np.isin(numbers, np.array(stale or [], dtype=np.int64))] = 0
        for number, id_ in submodels:
            if (name := self._index.get(id_)) is not None:
                numbers[name] = number
        self._numbers = numbers

    def _heard(self, lines: Sequence[Touched] | None) -> None:
        if lines is None:
            self._all = True
        else:
            self._stale |= {line.document for line in lines if line.kind in (Kind.SHELL, Kind.SUBMODEL)}
