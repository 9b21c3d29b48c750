"""Reads what questions need: rows, newest rows, parts of series for buckets, points of charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lineshaft.kernel.clock import MICROS, from_us, now_us
from lineshaft.kernel.terms import TimeRange
from lineshaft.telemetry.buckets import Bucket, Every, fitting
from lineshaft.telemetry.model import Fill, Grades
from lineshaft.telemetry.stitching import Parts

from . import questions
from .asking import Store
from .covering import RAW, Cover, Frontier, cover
from .schema import ROLLUPS

MOST_SPOILED: Final = 10_000
"""Rollup rows of one level read finer because of what they hold; with more the level is not used."""
PURE_POINTS: Final = 500_000
"""Samples that LTTB looks at one by one; of more only the extremes of windows."""
WINDOWS_PER_POINT: Final = 2
"""Each window gives two points to choose from; four for each one wanted were found to be enough."""
REMEMBER_S: Final = 1.0
_LOOK_BACK_US: Final = (3_600 * MICROS, 31 * 86_400 * MICROS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What rollups knew at a moment: per level, and which series have all levels."""

    frontiers: Mapping[int, Frontier]
    fast: frozenset[int]
    until: float


class Reading:
    """Questions about series, told by their ids, to whoever holds the store."""

    def __init__(self, store: Store) -> None:
        self._ask = store.ask
        self._known: Known | None = None

    async def rows(
        self,
        series: Sequence[int],
        start: int,
        end: int,
        grades: Grades,
        *,
        limit: int,
        after: tuple[int, int] | None = None,
    ) -> pa.Table:
        """Up to `limit` rows (series, ts, number, text, quality) in the order of time, then series.

        Looks at a small part of the range first and widens it, so that a page costs what it holds.
        """
        begin, width = after[0] if after else start, max((end - start) // 64, MICROS)
        found: list[pa.Table] = []
        had = 0
        while begin < end and had < limit:
            stop = min(end, begin + width)
            page = questions.raw_page(series, begin, stop, grades, limit=limit - had, after=after)
            found.append(await self._ask(page))
            had += len(found[-1])
            begin, width = stop, width * 4
        if not found:
            return await self._ask(questions.raw_page(series, start, start, grades, limit=1, after=None))
        return pa.concat_tables(found)

    async def block(self, series: int, start: int, end: int, grades: Grades, *, limit: int) -> pa.Table:
        """Up to `limit` rows of one series in the order of time: the unit of exports."""
        return await self._ask(questions.raw_block(series, start, end, grades, limit=limit))

    async def newest(
        self, series: Sequence[int], *, before: int | None = None, grades: Grades = Grades.ALL
    ) -> pa.Table:
        """The newest row of each series, columns as of `rows`; those with none left out.

        Most series spoke lately, so it looks back an hour first, then a month, then to the beginning.
        """
        end = before if before is not None else now_us()
        missing, stop = list(series), before
        found: list[pa.Table] = []
        for reach in (*_LOOK_BACK_US, end):
            if found and not missing:
                break
            start = max(end - reach, 0)
            table = await self._ask(questions.newest(missing, start, stop, grades))
            found.append(table)
            seen = set(table["series"].to_pylist())
            missing, stop = [one for one in missing if one not in seen], start
        return pa.concat_tables(found)

    async def parts(
        self,
        series: Sequence[int],
        bucket: Bucket,
        edges: NDArray[np.int64],
        start: int,
        end: int,
        grades: Grades,
        *,
        over_time: bool,
        max_gap: int | None,
        fill: Fill,
    ) -> tuple[Parts, int]:
        """Sums of all series per bucket (series numbered as given), and the coarsest level read (0 is raw)."""
        conditions = _conditions(grades, max_gap if over_time else None, fill)
        words = (
            questions.bucket_by_width(bucket.width_us)
            if isinstance(bucket, Every)
            else questions.bucket_by_edges(edges)
        )
        coarsest = RAW
        found: list[pa.Table] = []
        for group, frontiers in await self._by_levels(series):
            plan, spoiled = await self._spoiled(group, cover(edges, start, end, frontiers), conditions)
            sql = questions.parts(group, plan, words, spoiled, grades, over_time=over_time, max_gap=max_gap)
            found.append(await self._ask(sql))
            coarsest = max(coarsest, plan.coarsest)
        return _to_parts(pa.concat_tables(found), series), coarsest

    async def held(self, series: Sequence[int], start: int, grades: Grades, *, max_gap: int | None) -> Parts:
        """The last row before `start` of each series, as parts that hold into what follows."""
        table = (
            await self.newest(series, before=start)
            if max_gap is None
            else await self._ask(questions.newest(series, max(start - max_gap, 0), start, Grades.ALL))
        )
        at, number = table["ts"].cast(pa.int64()).to_numpy(), table["number"].to_numpy()
        good = (table["quality"].to_numpy() < grades.below) & np.isfinite(number)
        zeros = np.zeros(len(at))
        return Parts(
            series=numbered(table["series"], series),
            first_at=at,
            last_at=at,
            good=good.astype(np.int64),
            min=number,
            max=number,
            sum=number,
            first=number,
            last=number,
            held=zeros,
            area=zeros,
            opens=good,
            open=good,
        )

    async def thinned(self, series: Sequence[int], start: int, end: int, grades: Grades, *, points: int) -> pa.Table:
        """At most `points` rows (series, ts, number) of each series that keep its shape, each in the order of time."""
        most = max(points, 3)
        if await self._count(series, start, end, grades) <= PURE_POINTS:
            return await self._ask(questions.lttb(questions.every_point(series, start, end, grades), most))
        width = fitting(TimeRange(start=from_us(start), end=from_us(end)), WINDOWS_PER_POINT * most).width_us
        found = []
        for group, frontiers in await self._by_levels(series):
            table = await self._extremes(group, frontiers, start, end, width, grades, most)
            if pc.max(table["unsure"]).as_py():
                table = await self._extremes(group, {}, start, end, width, grades, most)
            found.append(table)
        return pa.concat_tables(found)

    async def _count(self, series: Sequence[int], start: int, end: int, grades: Grades) -> int:
        """How many samples count, of all series together."""
        everything = Every(span=timedelta(microseconds=2**50))
        edges = np.array([start, end], dtype=np.int64)
        sums, _ = await self.parts(
            series, everything, edges, start, end, grades, over_time=False, max_gap=None, fill=Fill.NONE
        )
        return int(sums.good.sum())

    async def _extremes(
        self,
        series: Sequence[int],
        frontiers: Mapping[int, Frontier],
        start: int,
        end: int,
        width: int,
        grades: Grades,
        most: int,
    ) -> pa.Table:
        """What LTTB takes of the extremes of windows, from these rollups; `unsure` when one does not know its time."""
        edges = np.arange(start // width, -(-end // width) + 1, dtype=np.int64) * width
        conditions = _conditions(grades, None, Fill.NONE)
        plan, spoiled = await self._spoiled(series, cover(edges, start, end, frontiers), conditions)
        source = questions.extremes(series, plan, questions.bucket_by_width(width), spoiled, grades)
        return await self._ask(questions.lttb(source, most))

    async def _by_levels(self, series: Sequence[int]) -> list[tuple[tuple[int, ...], Mapping[int, Frontier]]]:
        """The series that share their levels of rollups: only fast ones have one of a second."""
        known = await self._knowledge()
        slower = {level: frontier for level, frontier in known.frontiers.items() if level > 1}
        fast = tuple(one for one in series if one in known.fast)
        slow = tuple(one for one in series if one not in known.fast)
        return [(group, levels) for group, levels in ((fast, known.frontiers), (slow, slower)) if group] or [
            ((), slower)
        ]

    async def _knowledge(self) -> Known:
        """What rollups know; what they knew a second ago is true still, they only ever learn."""
        if self._known is None or monotonic() > self._known.until:
            table = await self._ask(questions.RECKONING)
            rows = {row["name"]: row for row in table.to_pylist()}
            told = {level: rows.get(name) for level, name in ROLLUPS.items()}
            self._known = Known(
                frontiers={
                    level: Frontier(seq=r["seq"], closed=r["closed"]) if r else Frontier() for level, r in told.items()
                },
                fast=frozenset(rows[""]["fast"]) if "" in rows else frozenset(),
                until=monotonic() + REMEMBER_S,
            )
        return self._known

    async def _spoiled(
        self, series: Sequence[int], plan: Cover, conditions: Sequence[str]
    ) -> tuple[Cover, questions.Spoiled]:
        """The rollup rows that may not be used, level by level; a level with too many is given up."""
        if not plan.levels:
            return plan, {}
        limit = MOST_SPOILED + 1
        fresh = _pairs(await self._ask(questions.fresh(series, plan, limit=limit)))
        if len(fresh) == limit:
            return await self._spoiled(series, plan.without(plan.levels[-1]), conditions)
        spoiled: questions.Spoiled = {}
        for level in plan.levels:
            rows = {(one, start // level * level) for one, start in fresh}
            if conditions:
                words = " OR ".join(conditions)
                rows |= _pairs(await self._ask(questions.unfit(series, plan, level, spoiled, words, limit=limit)))
            if len(rows) >= limit:
                return await self._spoiled(series, plan.without(level), conditions)
            spoiled[level] = tuple(sorted(rows))
        return plan, spoiled


def _pairs(table: pa.Table) -> set[tuple[int, int]]:
    return set(zip(table["series"].to_pylist(), table["start"].to_pylist(), strict=True))


def _conditions(grades: Grades, max_gap: int | None, fill: Fill) -> list[str]:
    """What makes a rollup row useless for a question: rollups sum up good rows only and forget where gaps were."""
    conditions = []
    if grades is not Grades.GOOD:
        conditions.append("good != count")
    elif fill is Fill.LINEAR:
        conditions.append("good != count AND good != 0")
    if max_gap is not None:
        conditions.append(f"gap_us > {max_gap}")
    return conditions


def _to_parts(table: pa.Table, series: Sequence[int]) -> Parts:
    columns = {name: table[name].to_numpy() for name in Parts.__slots__ if name != "series"}
    flags = {name: columns[name].astype(bool) for name in ("opens", "open")}
    return Parts(**{**columns, **flags, "series": numbered(table["series"], series)})


def numbered(ids: pa.ChunkedArray, series: Sequence[int]) -> NDArray[np.int64]:
    """The place of each id in `series`."""
    known = np.array(series, dtype=np.uint64)
    order = np.argsort(known)
    places: NDArray[np.int64] = order[np.searchsorted(known, ids.to_numpy(), sorter=order)]
    return places
