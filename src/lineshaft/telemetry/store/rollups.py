"""Computes rollup rows inside the engine: from raw rows, or from the next finer rollup.

    samples ──▶ rollup_1s          fast series only
    samples ──▶ rollup_1m          slow series
    rollup_1s ─▶ rollup_1m         fast series
    rollup_1m ─▶ rollup_1h

Whole buckets are computed anew, always, so that late, repeated and reordered rows need no thought. The
rows of a bucket go through arrays in the order of time, in one thread: a recomputation gives the same
bits. Every statement returns when its rows are on disk.

A span with very many rows is computed in slices, one part of all series after the other, so that memory
does not follow the number of series. Nobody believes any of them before the line has moved on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from .engine import Engine
from .schema import FAST, ROLLUPS, SAMPLES, UNKNOWN_US, moment

LEVELS: Final = tuple(sorted(ROLLUPS))
FINER: Final = {1: 0, 60: 1, 3600: 60}
SLICE_ROWS: Final = 500_000
"""Rows computed from at once, about."""
_IDS: Final = 1 << 64
_COLUMNS: Final = (
    "series, bucket, count, good, min, max, min_us, max_us, sum, first, last, first_us, last_us, "
    "held_us, area, gap_us, open, seq"
)
# One thread and sorted input make the arrays come in the order of time; there is no limit on how long it takes.
_SETTINGS: Final = """SETTINGS max_threads = 1, optimize_aggregation_in_order = 1, max_execution_time = 0,
    query_plan_remove_redundant_sorting = 0, optimize_move_to_prewhere_if_final = 1"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Time from `start` to before `end`, in whole seconds since 1970 UTC."""

    start: int
    end: int

    def where(self) -> str:
        """As a condition on rows of samples."""
        return f"ts >= {moment(self.start)} AND ts < {moment(self.end)}"

    def where_buckets(self) -> str:
        """As a condition on rows of rollups."""
        return f"bucket >= toDateTime({self.start}, 'UTC') AND bucket < toDateTime({self.end}, 'UTC')"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Rows that came: those with `after < seq <= through`."""

    after: int
    through: int

    def where(self) -> str:
        """As a condition on rows of samples."""
        return f"seq > {self.after} AND seq <= {self.through}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The series whose ids lie from `first` to `last`; ids are hashes, so equal parts hold about as many."""

    first: int = 0
    last: int = _IDS - 1

    def where(self) -> str:
        """As a condition on rows of any table."""
        return f"series >= {self.first} AND series <= {self.last}"


def slices(rows: int) -> Iterator[Slice]:
    """Equal parts of all series that share `rows` rows, with about `SLICE_ROWS` each; none for no rows."""
    parts = -(-rows // SLICE_ROWS)
    for part in range(parts):
        yield Slice(first=_IDS * part // parts, last=_IDS * (part + 1) // parts - 1)


def roll(engine: Engine, level: int, span: Span, news: News | None = None, only: str = "") -> None:
    """Compute a level's buckets in a span: all of them, or those that hold news.

    `only` is a condition on the series. The next finer level must know the span already.
    """
    for source in _sources(level):
        rows = _Rows(source=source, span=span, news=news, only=only or source.which)
        for part in slices(rows.count(engine)):
            where = replace(rows, part=part).where_bucket(level)
            statement = (_from_rows if source.raw else _from_finer)(level, where)
            engine.command(f"INSERT INTO {ROLLUPS[level]} ({_COLUMNS}) {statement} {_SETTINGS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """An hour that holds rows: its start, its first row's second, how many."""

    start: int
    first: int
    rows: int


def hours_with(engine: Engine, where: str) -> list[Hour]:
    """The hours that hold samples of which a condition is true, in order."""
    query = f"""SELECT toInt64(toUnixTimestamp(toStartOfHour(ts))) AS hour,
            toInt64(toUnixTimestamp(toStartOfSecond(min(ts)))), count()
        FROM {SAMPLES} WHERE {where} GROUP BY hour ORDER BY hour SETTINGS max_execution_time = 0"""
    return [Hour(start=int(start), first=int(first), rows=int(rows)) for start, first, rows in engine.rows(query)]


def newly_fast(engine: Engine, news: News, *, per_s: float) -> list[int]:
    """Series whose news came at this rate for two seconds of a minute or more, and that are not marked as fast."""
    query = f"""SELECT DISTINCT series FROM (
            SELECT series FROM {SAMPLES} WHERE {news.where()} AND series NOT IN (SELECT series FROM {FAST})
            GROUP BY series, toStartOfMinute(ts)
            HAVING count() >= {2 * per_s} AND count() >= {per_s} * dateDiff('second', min(ts), max(ts)))
        SETTINGS max_execution_time = 0"""
    return [int(row[0]) for row in engine.rows(query)]


def mark_fast(engine: Engine, series: list[int]) -> None:
    """Give series rollups of one second from now on; those of their past must be there already."""
    engine.command(f"INSERT INTO {FAST} SELECT arrayJoin({{ids:Array(UInt64)}})", {"ids": series})


def first_second(engine: Engine, series: list[int]) -> int:
    """When the oldest row of some series was, in whole seconds since 1970."""
    query = f"""SELECT toInt64(toUnixTimestamp(toStartOfSecond(min(ts)))) FROM {SAMPLES}
        WHERE series IN {{ids:Array(UInt64)}} SETTINGS max_execution_time = 0"""
    return int(engine.rows(query, {"ids": series})[0][0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What to compute from: raw rows or the next finer rollup, and which series of it."""

    table: str
    which: str = "1"

    @property
    def raw(self) -> bool:
        return self.table == SAMPLES


def _sources(level: int) -> tuple[_Source, ...]:
    fast = f"series IN (SELECT series FROM {FAST})"
    slow = f"series NOT IN (SELECT series FROM {FAST})"
    match level:
        case 1:
            return (_Source(table=SAMPLES, which=fast),)
        case 60:
            return (_Source(table=SAMPLES, which=slow), _Source(table=ROLLUPS[1], which=fast))
        case _:
            return (_Source(table=ROLLUPS[60]),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The rows to compute from: of a source, in a span, of some series."""

    source: _Source
    span: Span
    news: News | None
    only: str
    part: Slice = Slice()

    def count(self, engine: Engine) -> int:
        """How many there are, at most: those of series without news left out, but not yet their other buckets."""
        query = f"SELECT count() FROM {self.source.table} WHERE {self._where()} SETTINGS max_execution_time = 0"
        return int(engine.rows(query)[0][0])

    def where_bucket(self, level: int) -> str:
        """As a condition: those in buckets of a level that hold news, if there are news."""
        if self.news is None:
            return self._where()
        bucket = _bucket("ts" if self.source.raw else "bucket", level)
        return f"{self._where()} AND (series, {bucket}) IN (SELECT series, {_bucket('ts', level)} {self._fresh()})"

    def _where(self) -> str:
        span = self.span.where() if self.source.raw else self.span.where_buckets()
        news = f"series IN (SELECT series {self._fresh()})" if self.news else "1"
        return f"{span} AND {self._series()} AND {news}"

    def _fresh(self) -> str:
        assert self.news is not None
        return f"FROM {SAMPLES} WHERE {self.news.where()} AND {self.span.where()} AND {self._series()}"

    def _series(self) -> str:
        return f"{self.part.where()} AND {self.only}"


def _bucket(time: str, level: int) -> str:
    return f"toStartOfInterval({time}, INTERVAL {level} SECOND, 'UTC')"


def _from_rows(level: int, where: str) -> str:
    return f"""
    SELECT series, bucket, length(t), arraySum(g), if(arraySum(g) = 0, nan, low), if(arraySum(g) = 0, nan, high),
        if(arraySum(g) = 0, {UNKNOWN_US}, low_at - start), if(arraySum(g) = 0, {UNKNOWN_US}, high_at - start),
        arraySum(v), if(arraySum(g) = 0, nan, a), if(arraySum(g) = 0, nan, z),
        t[1] - start, t[-1] - start, arrayDotProduct(g, d), arrayDotProduct(v, d), arrayMax(d), g[-1], newest
    FROM (
        SELECT series, {_bucket("ts", level)} AS bucket, toInt64(toUnixTimestamp(bucket)) * 1000000 AS start,
            groupArray(us) AS t, groupArray(if(fine, number, 0)) AS v, groupArray(fine) AS g,
            arrayPushBack(arrayPopFront(arrayDifference(t)), 0) AS d,
            minIf(number, fine) AS low, maxIf(number, fine) AS high,
            argMinIf(us, number, fine) AS low_at, argMaxIf(us, number, fine) AS high_at,
            v[indexOf(g, 1)] AS a, v[length(g) - indexOf(arrayReverse(g), 1) + 1] AS z, max(seq) AS newest
        FROM (
            SELECT series, ts, toUnixTimestamp64Micro(ts) AS us, number, seq,
                (quality < 64 AND isFinite(number)) AS fine
            FROM {SAMPLES} FINAL WHERE {where} ORDER BY series, ts
        ) GROUP BY series, bucket
    )"""


def _from_finer(level: int, where: str) -> str:
    """Between two finer buckets the last value holds on, unless the earlier one ended in a bad row."""
    return f"""
    SELECT series, wide, n, fine, if(fine = 0, nan, low), if(fine = 0, nan, high),
        if(fine = 0 OR low_at < 0, {UNKNOWN_US}, low_at - start),
        if(fine = 0 OR high_at < 0, {UNKNOWN_US}, high_at - start), arraySum(sums),
        if(fine = 0, nan, a), if(fine = 0, nan, z), t0[1] - start, t1[-1] - start,
        held + arrayDotProduct(o, d), arraySum(areas) + arrayDotProduct(arrayMap((o, v) -> if(o, v, 0), o, lasts), d),
        greatest(gap, arrayMax(d)), o[-1], newest
    FROM (
        SELECT series, {_bucket("bucket", level)} AS wide, toInt64(toUnixTimestamp(wide)) * 1000000 AS start,
            groupArray(at + first_us) AS t0, groupArray(at + last_us) AS t1, groupArray(open) AS o,
            groupArray(last) AS lasts, groupArray(sum) AS sums, groupArray(area) AS areas,
            arrayPushBack(arrayMap((next, this) -> next - this, arrayPopFront(t0), arrayPopBack(t1)), 0) AS d,
            sum(count) AS n, sum(good) AS fine, sum(held_us) AS held, max(gap_us) AS gap,
            minIf(min, good > 0) AS low, maxIf(max, good > 0) AS high,
            argMinIf(if(min_us = {UNKNOWN_US}, -1, at + min_us), min, good > 0) AS low_at,
            argMaxIf(if(max_us = {UNKNOWN_US}, -1, at + max_us), max, good > 0) AS high_at,
            argMinIf(first, bucket, good > 0) AS a, argMaxIf(last, bucket, good > 0) AS z, max(seq) AS newest
        FROM (
            SELECT *, toInt64(toUnixTimestamp(bucket)) * 1000000 AS at FROM {ROLLUPS[FINER[level]]} FINAL
            WHERE {where} ORDER BY series, bucket
        ) GROUP BY series, wide
    )"""
