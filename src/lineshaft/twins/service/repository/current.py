"""Values of bound elements as they are now, in columns: what a question compares instead of the element index.

Which elements are bound is read from the catalogue and kept right by the feed; their newest values are asked of
telemetry with each question, so nothing is written for a sample, and no answer is older than its question.
An element whose series never spoke counts with the value that stands in its document, by the index.
"""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.db import Database
from lineshaft.kernel.tasks import in_thread
from lineshaft.security import PLATFORM
from lineshaft.telemetry import Live, Newest
from lineshaft.twins.model.graph import Wanted
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.store import bound
from lineshaft.twins.store.elements import NUMERIC
from lineshaft.twins.store.feed import Touched

from .columns import Floats, Ints
from .living import WITH_FRACTION, lexical
from .watch import Watch

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
    "starts-with": str.startswith,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fits:
    """An element whose live value fits."""

    document: int
    path: str
    text: str
    number: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """What fits, and where all live values are, also those that do not: there the index tells an old one."""

    fits: tuple[Fits, ...] = ()
    documents: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    paths: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))

    def outdated(self) -> set[tuple[int, str]]:
        """Elements of which the index knows no present value."""
        return set(zip(self.documents.tolist(), self.paths.tolist(), strict=True))


@dataclass(slots=True)
class Columns:
    """All bound elements; meanings, shapes, names and types as numbers of `codes`."""

    documents: Ints
    coded: dict[str, NDArray[np.int32]]
    paths: NDArray[np.object_]
    series: NDArray[np.object_]
    codes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[bound.Standing]) -> Columns:
        """From rows of the table."""
        codes: dict[str, int] = {}
        named = {
            name: np.array([codes.setdefault(getattr(row, name), len(codes)) for row in rows], dtype=np.int32)
            for name in ("semantic", "shape", "id_short", "value_type")
        }
        documents = np.array([row.document for row in rows], dtype=np.int64)
        paths, series = (np.array([getattr(row, name) for row in rows], dtype=object) for name in ("path", "series"))
        return cls(documents, named, paths, series, codes)

    def where(self, wanted: Wanted, documents: Ints | None) -> Ints:
        """The rows of elements that are meant, whatever their values."""
        rows = np.arange(len(self.documents))
        for name in ("semantic", "shape", "id_short"):
            if text := getattr(wanted, name):
                rows = rows[self.coded[name][rows] == self.codes.get(text, -1)]
        return rows if documents is None else rows[np.isin(self.documents[rows], documents)]

    def types(self, names: Iterable[str]) -> list[int]:
        """The codes of these types."""
        return [self.codes[name] for name in names if name in self.codes]


class Current:
    """Compares what machines say now."""

    def __init__(self, db: Database, live: Live | None) -> None:
        self._db = db
        self._live = live
        self._watch = Watch(db, self._heard, values=False)
        self._lock = asyncio.Lock()
        self._all = True
        self._stale: set[int] = set()
        self._rows: dict[int, list[bound.Standing]] = {}
        self._columns = Columns.of([])

    async def fitting(self, columns: Columns, wanted: Wanted, documents: Ints | None = None) -> Found:
        """Elements, of some documents or of all, that are meant and have a live value; asks no catalogue."""
        if self._live is None:
            return Found()
        rows = columns.where(wanted, documents)
        newest = await self._live.newest(PLATFORM, columns.series[rows].tolist())
        return await in_thread(_found, columns, rows, newest, wanted)

    async def columns(self) -> Columns:
        """The bound elements as they stand now."""
        await self._watch.look()
        async with self._lock:
            if self._all or self._stale:
                await self._load()
            return self._columns

    async def _load(self) -> None:
        """Read what changed; what is heard of meanwhile is read the next time."""
        stale = None if self._all else sorted(self._stale)
        self._all, self._stale = False, set()
        try:
            async with self._db.read() as tx:
                rows = await bound.of_documents(tx, stale)
            self._columns = await in_thread(self._take, stale, rows)
        except BaseException:
            self._all = True
            raise

    def _take(self, stale: list[int] | None, rows: Sequence[bound.Standing]) -> Columns:
        """The columns anew, unless what is bound in the documents that changed is still the same."""
        fresh: dict[int, list[bound.Standing]] = {}
        for row in rows:
            fresh.setdefault(row.document, []).append(row)
        if stale is None:
            self._rows = fresh
        elif all(self._rows.get(number) == fresh.get(number) for number in stale):
            return self._columns
        else:
            gone = set(stale)
            self._rows = {number: some for number, some in self._rows.items() if number not in gone} | fresh
        return Columns.of([row for some in self._rows.values() for row in some])

    def _heard(self, lines: Sequence[Touched] | None) -> None:
        if lines is None:
            self._all = True
        else:
            self._stale |= {line.document for line in lines if line.kind == Kind.SUBMODEL}


def _found(columns: Columns, rows: Ints, newest: Newest, wanted: Wanted) -> Found:
    types = columns.coded["value_type"][rows]
    text = np.array([one is not None for one in newest.text], dtype=bool) & (
        types == columns.codes.get("xs:string", -1)
    )
    spoken = ~np.isnan(newest.number) | text
    numbers = _numbers(columns, types, newest.number)
    fits = spoken.copy()
    for compare, value in wanted.compared:
        if not isinstance(value, str):
            fits &= _COMPARE[compare](numbers, value) & ~np.isnan(numbers)
    kinds = {code: text for text, code in columns.codes.items()}
    found: list[Fits] = []
    for at in np.flatnonzero(fits).tolist():
        said = lexical(newest.value(at), kinds[int(types[at])]) or ""
        if all(_COMPARE[compare](said, value) for compare, value in wanted.compared if isinstance(value, str)):
            number = None if np.isnan(numbers[at]) else float(numbers[at])
            row = rows[at]
            found.append(Fits(int(columns.documents[row]), str(columns.paths[row]), said, number))
    return Found(tuple(found), columns.documents[rows[spoken]], columns.paths[rows[spoken]])


def _numbers(columns: Columns, types: NDArray[np.int32], values: Floats) -> Floats:
    """Values as the index would hold them: whole where the type is, nothing where it is no number."""
    numbers = np.where(np.isin(types, columns.types(NUMERIC - WITH_FRACTION)), np.trunc(values), values)
    switch = np.isin(types, columns.types(["xs:boolean"]))
    numbers = np.where(switch & ~np.isnan(values), (values != 0).astype(np.float64), numbers)
    return np.where(np.isin(types, columns.types([*NUMERIC, "xs:boolean"])), numbers, np.nan)
