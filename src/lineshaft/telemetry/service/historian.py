"""What was: raw values, newest values, values per bucket, points for charts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lineshaft.edge import SampleBatch
from lineshaft.kernel.clock import from_us, now_us, to_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath, Quality, TimeRange, series_id
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry.buckets import Bucket, Every, fitting
from lineshaft.telemetry.model import Aggregate, Answer, Branch, Fill, Grades, Latest, Selection, Series
from lineshaft.telemetry.stitching import OVER_TIME, Cut, Stitched, stitch
from lineshaft.telemetry.store import Catalogue, Reading, Store, numbered

from .access import Scope, overlap, scope_of

MOST_ROWS = 1_000_000
MOST_CELLS = 2_000_000
"""Series times buckets of one answer."""
BLOCK_ROWS = 100_000
BAND = (Aggregate.MIN, Aggregate.MAX, Aggregate.MEAN)
_LEVELS = {0: "raw", 1: "1s", 60: "1m", 3600: "1h"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The series a question is about, in the order of the answer."""

    paths: tuple[str, ...]
    unknown: tuple[str, ...]
    more: bool

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(series_id(path) for path in self.paths)


class Historian:
    """Questions about the past; answers are Arrow tables (see `telemetry.model`).

    Every method raises Forbidden, audited, when a named path lies outside what `who` may see; what is
    searched by subtree or pattern is cut down to it silently.
    """

    def __init__(self, store: Store, catalogue: Catalogue, guard: Guard) -> None:
        self._reading = Reading(store)
        self._catalogue = catalogue
        self._guard = guard

    async def list_series(
        self, who: Who, *, subtree: str = "", pattern: str = "", search: str = "", after: str = "", limit: int = 100
    ) -> list[Series]:
        """Series `who` may see, ordered by path, those after the path `after`; `search` is a part of the path."""
        trees = await self._visible(who, subtree)
        if not trees:
            return []
        return await self._catalogue.find(trees, pattern=pattern, search=search, after=after, limit=limit)

    async def units(self, who: Who, paths: Sequence[str]) -> dict[str, str]:
        """The units of series by path, as far as tags or machines say them."""
        for path in paths:
            await self._guard.require(who, Role.VIEWER, path, "telemetry.series")
        return {path: unit for path, unit in (await self._catalogue.units(paths)).items() if unit}

    async def branches(self, who: Who, parent: str = "", *, limit: int = 1_000) -> list[Branch]:
        """What `who` may see one step below a place, in the order of names: the tree of all paths, step by step."""
        trees = await self._visible(who, parent)
        return await self._catalogue.branches(trees, parent, limit=limit) if trees else []

    async def _visible(self, who: Who, subtree: str) -> tuple[str, ...]:
        """What of a subtree `who` may see: nothing when it lies outside, and then it is audited that they asked."""
        trees = overlap(who.sees(), subtree)
        if subtree and not trees:
            await self._guard.deny(who, "telemetry.series", subtree)
        return trees

    async def latest(self, who: Who, selection: Selection, *, grades: Grades = Grades.ALL) -> Answer:
        """The newest stored sample of each series, as a raw table; `Live.latest` is faster for what is now."""
        chosen = await self._choose(who, selection)
        table = await self._reading.newest(chosen.ids, grades=grades)
        return _answer(_named(_in_order(table, chosen), chosen.paths), chosen)

    async def standing(self, who: Who, selection: Selection, at: datetime) -> Answer:
        """The last sample of each series from before a moment, of any quality, as a raw table: what stood then."""
        chosen = await self._choose(who, selection)
        table = await self._reading.newest(chosen.ids, before=to_us(at))
        return _answer(_named(_in_order(table, chosen), chosen.paths), chosen)

    async def raw(
        self,
        who: Who,
        selection: Selection,
        span: TimeRange,
        *,
        grades: Grades = Grades.ALL,
        limit: int = 100_000,
        after: tuple[int, int] | None = None,
    ) -> Answer:
        """Samples as they came, in the order of time; `Answer.next` leads to the page after `limit` rows."""
        if not 0 < limit <= MOST_ROWS:
            raise Invalid(f"A page has 1 to {MOST_ROWS:,} rows.", hint="Ask for pages, or use the export.")
        chosen = await self._choose(who, selection)
        start, end = _micros(span)
        table = await self._reading.rows(chosen.ids, start, end, grades, limit=limit + 1, after=after)
        rest = None
        if len(table) > limit:
            table = table.slice(0, limit)
            rest = (table["ts"].cast(pa.int64())[-1].as_py(), table["series"][-1].as_py())
        return _answer(_named(table, chosen.paths), chosen, next_=rest)

    async def resample(
        self,
        who: Who,
        selection: Selection,
        span: TimeRange,
        bucket: Bucket,
        aggregates: Sequence[Aggregate] = (Aggregate.MEAN,),
        *,
        grades: Grades = Grades.GOOD,
        fill: Fill = Fill.NONE,
        max_gap: timedelta | None = None,
    ) -> Answer:
        """One row per series and bucket, one column per aggregate; only samples within `span` count.

        Buckets at the ends of the range are cut to it and keep their whole start as `ts`. Bucket edges that
        do not fall on rollups are exact all the same. Raises Invalid when the answer would be too large.
        """
        chosen = await self._choose(who, selection)
        return await self._resample(chosen, span, bucket, aggregates, grades=grades, fill=fill, max_gap=max_gap)

    async def trend(
        self, who: Who, selection: Selection, span: TimeRange, *, points: int = 1_000, grades: Grades = Grades.GOOD
    ) -> Answer:
        """A band for a chart: min, max and mean per bucket, of the narrowest nice width with at most `points`."""
        return await self.resample(who, selection, span, fitting(span, points), BAND, grades=grades)

    async def thinned(
        self, who: Who, selection: Selection, span: TimeRange, *, points: int = 1_000, grades: Grades = Grades.GOOD
    ) -> Answer:
        """At most `points` samples of each series that keep its shape (LTTB), as columns path, ts, number.

        Up to half a million samples it is exact LTTB over all of them. Of more, only the lowest and the highest
        of two windows for each point go in (MinMaxLTTB), from rollups where there are; points are stored samples.
        """
        chosen = await self._choose(who, selection)
        _bounded(len(chosen.paths) * points)
        start, end = _micros(span)
        table = await self._reading.thinned(chosen.ids, start, end, grades, points=points)
        table = _in_order(table, chosen)
        index = numbered(table["series"], chosen.ids)
        named = pa.table({"path": _paths(chosen.paths, index), "ts": table["ts"], "number": table["number"]})
        return _answer(named, chosen)

    async def export(
        self, who: Who, selection: Selection, span: TimeRange, *, grades: Grades = Grades.ALL
    ) -> AsyncIterator[pa.Table]:
        """All samples as raw tables of bounded size, one series after the other, each in the order of time.

        Permission is checked, and series are looked up, before the first table is asked for.
        """
        chosen = await self._choose(who, selection)
        return self._blocks(chosen.paths, span, grades)

    async def recent(self) -> AsyncIterator[SampleBatch]:
        """The newest sample of every series there is, a thousand series at a time: `Live` begins with them."""
        after = ""
        while found := await self._catalogue.find(("",), after=after, limit=1_000):
            paths = [series.path for series in found]
            after = paths[-1]
            yield _batch(await self._reading.newest([series_id(path) for path in paths]), paths)

    async def _blocks(self, paths: Sequence[str], span: TimeRange, grades: Grades) -> AsyncIterator[pa.Table]:
        for path in paths:
            start, end = _micros(span)
            while start < end:
                table = await self._reading.block(series_id(path), start, end, grades, limit=BLOCK_ROWS)
                if len(table):
                    yield _named(table, [path])
                if len(table) < BLOCK_ROWS:
                    break
                start = table["ts"].cast(pa.int64())[-1].as_py() + 1

    async def _choose(self, who: Who, selection: Selection) -> _Chosen:
        scope = await scope_of(self._guard, who, selection, "telemetry.read")
        known = await self._catalogue.known(scope.paths) if scope.paths else set()
        found = await self._find(scope)
        named = [path for path in scope.paths if path in known]
        paths = tuple(dict.fromkeys([*named, *found[: scope.limit]]))
        unknown = tuple(path for path in scope.paths if path not in known)
        return _Chosen(paths=paths, unknown=unknown, more=len(found) > scope.limit)

    async def _find(self, scope: Scope) -> list[str]:
        if not scope.trees:
            return []
        return [s.path for s in await self._catalogue.find(scope.trees, pattern=scope.pattern, limit=scope.limit + 1)]

    async def _resample(
        self,
        chosen: _Chosen,
        span: TimeRange,
        bucket: Bucket,
        aggregates: Sequence[Aggregate],
        *,
        grades: Grades,
        fill: Fill,
        max_gap: timedelta | None,
    ) -> Answer:
        edges = bucket.edges(span)
        _bounded(len(chosen.paths) * len(edges))
        start, end = _micros(span)
        gap = None if max_gap is None else max_gap // timedelta(microseconds=1)
        cut = Cut(edges=edges, start=start, until=min(end, now_us()), max_gap=gap, fill=fill)
        over_time = not OVER_TIME.isdisjoint(aggregates)
        parts, level = await self._reading.parts(
            chosen.ids, bucket, edges, start, end, grades, over_time=over_time, max_gap=gap, fill=fill
        )
        if over_time or fill in {Fill.PREVIOUS, Fill.LINEAR}:
            parts = parts.joined(await self._reading.held(chosen.ids, start, grades, max_gap=gap))
        stitched = await in_thread(stitch, parts, len(chosen.paths), cut, aggregates)
        width = bucket.span if isinstance(bucket, Every) else None
        return _answer(_bucketed(stitched, chosen.paths, edges), chosen, source=_LEVELS[level], width=width)


def latest_of(table: pa.Table) -> list[Latest]:
    """The rows of a raw table as values."""
    return [
        Latest(
            path=PlantPath(row["path"]),
            ts=from_us(row["ts"]),
            number=row["number"],
            text=row["text"],
            quality=Quality.of(row["quality"]),
        )
        for row in table.set_column(1, "ts", table["ts"].cast(pa.int64())).to_pylist()
    ]


def _answer(
    table: pa.Table,
    chosen: _Chosen,
    *,
    source: str = "raw",
    width: timedelta | None = None,
    next_: tuple[int, int] | None = None,
) -> Answer:
    return Answer(table=table, unknown=chosen.unknown, more=chosen.more, source=source, width=width, next=next_)


def _in_order(table: pa.Table, chosen: _Chosen) -> pa.Table:
    """The rows in the order of the series asked for; rows of one series keep theirs."""
    return table.take(np.argsort(numbered(table["series"], chosen.ids), kind="stable"))


def _named(table: pa.Table, paths: Sequence[str]) -> pa.Table:
    """Stored rows as a raw table: paths for ids, null for what is absent."""
    index = numbered(table["series"], [series_id(path) for path in paths])
    number, text = table["number"], table["text"]
    return pa.table(
        {
            "path": _paths(paths, index),
            "ts": table["ts"],
            "number": pc.if_else(pc.is_nan(number), None, number),
            "text": pc.if_else(pc.equal(text, ""), None, text),
            "quality": table["quality"],
        }
    )


def _batch(table: pa.Table, paths: Sequence[str]) -> SampleBatch:
    """Stored rows as a batch."""
    text = pc.if_else(pc.equal(table["text"], ""), None, table["text"]).combine_chunks()
    return SampleBatch(
        paths=paths,
        index=numbered(table["series"], [series_id(path) for path in paths]).astype(np.int32),
        ts=table["ts"].cast(pa.int64()).to_numpy(),
        number=table["number"].to_numpy(),
        quality=table["quality"].to_numpy(),
        text=None if text.null_count == len(text) else text,
        history=True,
    )


def _bucketed(stitched: Stitched, paths: Sequence[str], edges: NDArray[np.int64]) -> pa.Table:
    columns = {
        "path": _paths(paths, stitched.series),
        "ts": pa.array(edges[stitched.bucket]).cast(pa.timestamp("us", "UTC")),
    }
    for aggregate, values in stitched.columns.items():
        if aggregate is Aggregate.COUNT:
            columns[aggregate.value] = pa.array(values.astype(np.int64))
        else:
            columns[aggregate.value] = pa.array(values, mask=np.isnan(values))
    return pa.table(columns)


def _paths(paths: Sequence[str], index: NDArray[np.int64]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(paths, pa.utf8()))


def _micros(span: TimeRange) -> tuple[int, int]:
    """Start and end in µs; nothing is stored before 1970."""
    return max(to_us(span.start), 0), max(to_us(span.end), 0)


def _bounded(cells: int) -> None:
    if cells > MOST_CELLS:
        raise Invalid(
            f"The answer would have {cells:,} values per aggregate, more than {MOST_CELLS:,}.",
            hint="Take wider buckets, a shorter range or fewer series.",
        )
