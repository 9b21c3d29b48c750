"""The words of SQL for questions: rows that pass, parts of series, points of charts.

Everything put into a statement here is a number or a list of numbers, so nothing needs quoting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lineshaft.telemetry.model import Grades

from .covering import Cover
from .schema import FAST, POSITIONS, ROLLUPS, SAMPLES, UNKNOWN_US

Spoiled = dict[int, tuple[tuple[int, int], ...]]
"""Per level the (series, start in seconds) of rollup rows that may not be used."""

RECKONING: Final = f"""
    SELECT name, argMax(seq, at) AS seq, argMax(closed, at) AS closed, CAST([], 'Array(UInt64)') AS fast
    FROM {POSITIONS} GROUP BY name
    UNION ALL SELECT '', 0, 0, groupUniqArray(series) FROM {FAST}"""
"""How far each rollup is computed, and (in the row without a name) which series are fast."""

_AT: Final = "toUnixTimestamp64Micro(ts)"
_START: Final = "toInt64(toUnixTimestamp(bucket)) * 1000000"


def good(grades: Grades) -> str:
    """The rows that count: a quality that passes and a number that is one."""
    quality = "" if grades is Grades.ALL else f"quality < {grades.below} AND "
    return f"({quality}isFinite(number))"


def raw_page(
    series: Sequence[int], start: int, end: int, grades: Grades, *, limit: int, after: tuple[int, int] | None
) -> str:
    """Rows in the order of time, then series; `after` is (µs, series) of the last row had."""
    quality = "" if grades is Grades.ALL else f"AND quality < {grades.below}"
    beyond = f"AND ({_AT}, series) > ({after[0]}, {after[1]})" if after else ""
    return f"""
        SELECT series, ts, number, text, quality FROM {SAMPLES} FINAL
        WHERE {_within(series, start, end)} {quality} {beyond}
        ORDER BY ts, series LIMIT {limit}"""


def raw_block(series: int, start: int, end: int, grades: Grades, *, limit: int) -> str:
    """Rows of one series in the order of time."""
    quality = "" if grades is Grades.ALL else f"AND quality < {grades.below}"
    return f"""
        SELECT series, ts, number, text, quality FROM {SAMPLES} FINAL
        WHERE {_within([series], start, end)} {quality}
        ORDER BY series, ts LIMIT {limit}"""


def newest(series: Sequence[int], start: int, end: int | None, grades: Grades) -> str:
    """The last row of each series in a span."""
    quality = "" if grades is Grades.ALL else f"AND quality < {grades.below}"
    return f"""
        SELECT series, max(t) AS ts, argMax(n, t) AS number, argMax(w, t) AS text, argMax(q, t) AS quality
        FROM (SELECT series, ts AS t, number AS n, text AS w, quality AS q FROM {SAMPLES} FINAL
              WHERE {_within(series, start, end)} {quality})
        GROUP BY series"""


def parts(
    series: Sequence[int],
    cover: Cover,
    bucket: str,
    spoiled: Spoiled,
    grades: Grades,
    *,
    over_time: bool,
    max_gap: int | None,
) -> str:
    """Sums of every series per bucket, each from the coarsest rows that fit; columns as in `stitching.Parts`."""
    rows = _atoms(series, cover, bucket, spoiled, grades)
    held, area = "toFloat64(0)", "toFloat64(0)"
    if over_time:
        rows = f"SELECT *, {_carry(max_gap)} AS carry FROM ({rows}) WINDOW following AS ({_FOLLOWING})"
        held, area = "sum(held_us + if(goes_on, carry, 0))", "sum(integral + if(goes_on, z * carry, 0))"
    return f"""
        SELECT series, min(t0) AS first_at, max(t1) AS last_at, sum(n) AS good,
            minIf(low, n > 0) AS min, maxIf(high, n > 0) AS max, sumIf(total, n > 0) AS sum,
            argMinIf(a, t0, n > 0) AS first, argMaxIf(z, t1, n > 0) AS last,
            {held} AS held, {area} AS area, argMin(begins, t0) AS opens, argMax(goes_on, t1) AS open
        FROM ({rows}) GROUP BY series, b"""


def _atoms(series: Sequence[int], cover: Cover, bucket: str, spoiled: Spoiled, grades: Grades) -> str:
    """Rollup rows and raw rows that together hold every sample of the range once, with their bucket `b`.

    Each sums up the rows from `t0` to `t1` (µs): `n` good ones with values from `low` to `high`, the first `a` and
    the last `z`; `begins` and `goes_on` say whether its first and its last row is good. `low_at` and `high_at` are
    offsets (µs) from `start` to rows with those values, UNKNOWN_US where nobody knows.
    """
    found = [_rollup_atoms(series, cover, level, spoiled) for level in cover.levels]
    found += _raw_atoms(series, cover, spoiled, grades)
    return f"SELECT *, {bucket} AS b FROM ({' UNION ALL '.join(found)})"


_FOLLOWING: Final = "PARTITION BY series, b ORDER BY t0 ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING"


def _carry(max_gap: int | None) -> str:
    """µs for which the last value of an atom holds until the next atom of its bucket."""
    span = "leadInFrame(t0, 1, t1) OVER following - t1"
    return span if max_gap is None else f"least({span}, {max_gap})"


def _rollup_atoms(series: Sequence[int], cover: Cover, level: int, spoiled: Spoiled) -> str:
    wanted = [_rollup_span(series, cover, level), _descended(cover, level, spoiled, "bucket")]
    if cover.cut[level]:
        wanted.append(f"bucket NOT IN ({_numbers(cover.cut[level])})")
    if spoiled.get(level):
        wanted.append(f"(series, bucket) NOT IN ({_pairs(spoiled[level])})")
    return f"""
        SELECT series, {_START} + first_us AS t0, {_START} + last_us AS t1, toInt64(good) AS n, min AS low, max AS high,
            sum AS total, first AS a, last AS z, toFloat64(held_us) AS held_us, area AS integral,
            toUInt8(good = count) AS begins, open AS goes_on,
            {_START} AS start, min_us AS low_at, max_us AS high_at
        FROM {ROLLUPS[level]} FINAL WHERE {" AND ".join(wanted)}"""


def _raw_atoms(series: Sequence[int], cover: Cover, spoiled: Spoiled, grades: Grades) -> list[str]:
    below = _descended(cover, 0, spoiled, "ts")
    if below == "0":
        return []
    return [
        f"""
        SELECT series, {_AT} AS t0, {_AT} AS t1, toInt64({good(grades)}) AS n, number AS low, number AS high,
            number AS total, number AS a, number AS z, toFloat64(0) AS held_us, toFloat64(0) AS integral,
            toUInt8(n) AS begins, toUInt8(n) AS goes_on,
            {_AT} AS start, toUInt32(0) AS low_at, toUInt32(0) AS high_at
        FROM {SAMPLES} FINAL WHERE {_within(series, cover.start, cover.end)} AND {below}"""
    ]


def _descended(cover: Cover, level: int, spoiled: Spoiled, column: str) -> str:
    """The rows of a level where the level above may not be used: cut by an edge, spoiled, or not computed yet."""
    above = cover.above(level)
    if above is None:
        return "1"
    start = f"toStartOfInterval({column}, INTERVAL {above} SECOND)"
    wanted = []
    if cover.cut[above]:
        wanted.append(f"{start} IN ({_numbers(cover.cut[above])})")
    if spoiled.get(above):
        wanted.append(f"(series, {start}) IN ({_pairs(spoiled[above])})")
    if cover.frontiers[above].closed * 1_000_000 < cover.end:
        closed = cover.frontiers[above].closed
        wanted.append(
            f"ts >= {_time(closed * 1_000_000)}" if column == "ts" else f"bucket >= toDateTime({closed}, 'UTC')"
        )
    return f"({' OR '.join(wanted)})" if wanted else "0"


def unfit(series: Sequence[int], cover: Cover, level: int, spoiled: Spoiled, condition: str, *, limit: int) -> str:
    """Rollup rows that a condition spoils, where the level is read at all."""
    return f"""
        SELECT series, toUnixTimestamp(bucket) AS start FROM {ROLLUPS[level]} FINAL
        WHERE {_rollup_span(series, cover, level)} AND {_descended(cover, level, spoiled, "bucket")} AND ({condition})
        LIMIT {limit}"""


def fresh(series: Sequence[int], cover: Cover, *, limit: int) -> str:
    """The rows of the finest level in use that do not know all their samples yet."""
    level, coarsest = cover.levels[-1], cover.levels[0]
    start = cover.start // 1_000_000 // coarsest * coarsest * 1_000_000
    end = min(cover.end, max(cover.frontiers[level].closed for level in cover.levels) * 1_000_000)
    known = min(cover.frontiers[level].seq for level in cover.levels)
    return f"""
        SELECT DISTINCT series, toUnixTimestamp(toStartOfInterval(ts, INTERVAL {level} SECOND)) AS start FROM {SAMPLES}
        WHERE {_within(series, start, end)} AND seq > {known}
        LIMIT {limit}"""


def every_point(series: Sequence[int], start: int, end: int, grades: Grades) -> str:
    """Every row that counts, as a point (series, at in µs, value, whether its time is unsure)."""
    return f"""
        SELECT series, {_AT} AS at, number AS value, toUInt8(0) AS unsure FROM {SAMPLES} FINAL
        WHERE {_within(series, start, end)} AND {good(grades)}"""


def extremes(series: Sequence[int], cover: Cover, bucket: str, spoiled: Spoiled, grades: Grades) -> str:
    """As points a row of the lowest and one of the highest value of each bucket, the first and the last row of all.

    Those are the points of MinMaxLTTB (Van Der Donckt et al. 2023) for buckets half as wide as points are apart.
    """
    begins, ends = "n > 0 AND begins", "n > 0 AND goes_on"
    return f"""
        SELECT DISTINCT series, point.1 AS at, point.2 AS value, unsure FROM (
            SELECT series, max(unsure) AS unsure, arrayJoin(arrayConcat(
                groupArray((lowest_at, lowest)), groupArray((highest_at, highest)),
                arrayResize([(minIf(first_at, has_first), argMinIf(first, first_at, has_first))], max(has_first)),
                arrayResize([(maxIf(last_at, has_last), argMaxIf(last, last_at, has_last))], max(has_last)))) AS point
            FROM (
                SELECT series, minIf(low, n > 0) AS lowest, argMinIf(start + low_at, low, n > 0) AS lowest_at,
                    maxIf(high, n > 0) AS highest, argMaxIf(start + high_at, high, n > 0) AS highest_at,
                    minIf(t0, {begins}) AS first_at, argMinIf(a, t0, {begins}) AS first, max({begins}) AS has_first,
                    maxIf(t1, {ends}) AS last_at, argMaxIf(z, t1, {ends}) AS last, max({ends}) AS has_last,
                    max(n > 0 AND (low_at = {UNKNOWN_US} OR high_at = {UNKNOWN_US})) AS unsure
                FROM ({_atoms(series, cover, bucket, spoiled, grades)}) GROUP BY series, b HAVING max(n) > 0)
            GROUP BY series)"""


def lttb(source: str, most: int) -> str:
    """Largest triangle, three buckets (Steinarsson 2013): at most `most` of the points of each series."""
    return f"""
        SELECT series, fromUnixTimestamp64Micro(toInt64(point.1), 'UTC') AS ts, point.2 AS number, unsure
        FROM (SELECT series, arrayJoin(largestTriangleThreeBuckets({most})(at, value)) AS point, max(unsure) AS unsure
              FROM ({source}) GROUP BY series)
        ORDER BY series, ts"""


def bucket_by_width(width_us: int) -> str:
    """The number of the bucket of an atom, for buckets of one width."""
    return f"intDiv(t0, {width_us})"


def bucket_by_edges(edges: NDArray[np.int64]) -> str:
    """The start of the bucket of an atom, for any edges."""
    return f"roundDown(t0, [{_numbers([int(edge) for edge in edges])}])"


def _within(series: Sequence[int], start: int, end: int | None) -> str:
    until = "" if end is None else f" AND ts < {_time(end)}"
    return f"series IN ({_numbers(series)}) AND ts >= {_time(start)}{until}"


def _rollup_span(series: Sequence[int], cover: Cover, level: int) -> str:
    first = cover.start // 1_000_000 // level * level
    last = min(-(-cover.end // 1_000_000), cover.frontiers[level].closed)
    span = f"bucket >= toDateTime({first}, 'UTC') AND bucket < toDateTime({last}, 'UTC')"
    return f"series IN ({_numbers(series)}) AND {span}"


def _time(micros: int) -> str:
    return f"fromUnixTimestamp64Micro({micros}, 'UTC')"


def _numbers(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers)) or "NULL"


def _pairs(pairs: Sequence[tuple[int, int]]) -> str:
    return ",".join(f"({series},{start})" for series, start in pairs)
