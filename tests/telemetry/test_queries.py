"""Every aggregate, over any buckets, from rollups or not, equals a plain computation row by row."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from lineshaft.kernel.clock import from_us, to_us
from lineshaft.kernel.terms import TimeRange, series_id
from lineshaft.telemetry import Aggregate, Answer, Bucket, Calendar, Every, Fill, Grades, Unit
from lineshaft.telemetry.store.rollups import mark_fast

BEGIN = to_us(datetime(2025, 3, 29, 20, tzinfo=UTC))
SPAN_S = 36 * 3600
"""The night in which Berlin's clocks go forward lies in the middle."""
BY_VALUE = (Aggregate.MEAN, Aggregate.MIN, Aggregate.MAX, Aggregate.FIRST, Aggregate.LAST)


@dataclass(frozen=True)
class Row:
    ts: int
    number: float
    quality: int
    seq: int


# ---- the plain computation ----


@dataclass(frozen=True)
class Question:
    edges: list[int]
    start: int
    end: int
    grades: Grades
    fill: Fill
    max_gap: int | None


def kept(rows: list[Row]) -> list[Row]:
    newest: dict[int, Row] = {}
    for row in sorted(rows, key=lambda r: r.seq):
        newest[row.ts] = row
    return [newest[ts] for ts in sorted(newest)]


def expected(rows: list[Row], q: Question) -> dict[int, dict[Aggregate, float | None]]:
    """Aggregates by the start of their bucket, for the buckets that have a row."""
    series = [(r, r.quality < q.grades.below and math.isfinite(r.number)) for r in kept(rows)]
    shown: dict[int, dict[Aggregate, float | None]] = {}
    for low, high in itertools.pairwise(q.edges):
        cell = values_in(series, max(low, q.start), min(high, q.end)) | held_in(series, low, high, q)
        empty = cell[Aggregate.COUNT] == 0
        if empty and q.fill in (Fill.PREVIOUS, Fill.LINEAR):
            filled = fill_of(series, low, high, q)
            cell |= dict.fromkeys(BY_VALUE, filled)
        if q.fill is not Fill.NONE or not empty or cell[Aggregate.DURATION]:
            shown[low] = cell
    return shown


def values_in(series: list[tuple[Row, bool]], start: int, end: int) -> dict[Aggregate, float | None]:
    numbers = [r.number for r, good in series if good and start <= r.ts < end]
    if not numbers:
        return {Aggregate.COUNT: 0, Aggregate.SUM: None, **dict.fromkeys(BY_VALUE)}
    return {
        Aggregate.COUNT: len(numbers),
        Aggregate.SUM: math.fsum(numbers),
        Aggregate.MEAN: math.fsum(numbers) / len(numbers),
        Aggregate.MIN: min(numbers),
        Aggregate.MAX: max(numbers),
        Aggregate.FIRST: numbers[0],
        Aggregate.LAST: numbers[-1],
    }


def held_in(series: list[tuple[Row, bool]], low: int, high: int, q: Question) -> dict[Aggregate, float | None]:
    held, area = 0, 0.0
    inside = [(r, good) for r, good in series if r.ts < q.end]
    ends = [*(r.ts for r, _ in inside[1:]), q.end][: len(inside)]
    for (row, good), until in zip(inside, ends, strict=True):
        stop = until if q.max_gap is None else min(until, row.ts + q.max_gap)
        span = min(stop, high, q.end) - max(row.ts, low, q.start)
        if good and span > 0:
            held += span
            area += span * row.number
    return {Aggregate.DURATION: held / 1e6, Aggregate.TIME_WEIGHTED: area / held if held else None}


def fill_of(series: list[tuple[Row, bool]], low: int, high: int, q: Question) -> float | None:
    before = [(r, good) for r, good in series if r.ts < low]
    after = [(r, good) for r, good in series if low <= r.ts < q.end]
    if low >= q.end or not before or not before[-1][1]:
        return None
    last = before[-1][0]
    if q.fill is Fill.PREVIOUS:
        near = q.max_gap is None or low - last.ts <= q.max_gap
        return last.number if near else None
    if not after or not after[0][1]:
        return None
    first = after[0][0]
    if q.max_gap is not None and first.ts - last.ts > q.max_gap:
        return None
    share = ((low + high) / 2 - last.ts) / (first.ts - last.ts)
    return last.number + (first.number - last.number) * share


def compare(answer: Answer, wanted: dict[int, dict[Aggregate, float | None]]) -> None:
    found = {
        to_us(row["ts"]): {Aggregate(name): row[name] for name in answer.table.schema.names[2:]}
        for row in answer.table.to_pylist()
    }
    assert list(found) == list(wanted)
    for ts, cell in wanted.items():
        for aggregate, value in found[ts].items():
            told = f"{aggregate} at {from_us(ts)}"
            if cell[aggregate] is None:
                assert value is None, told
            else:
                assert value == pytest.approx(cell[aggregate], rel=1e-6, abs=1e-6), told


# ---- properties ----

moments = st.one_of(
    st.integers(0, SPAN_S * 1_000_000 - 1),
    st.integers(0, SPAN_S - 1).map(lambda s: s * 1_000_000),
    st.integers(0, SPAN_S // 60 - 1).map(lambda m: m * 60_000_000),
    st.integers(0, 6_000).map(lambda tenths: tenths * 100_000),  # crowded: one row per 100 ms at the start
)
numbers = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6), st.just(math.nan))
qualities = st.sampled_from([0, 0, 0, 0, 0, 1, 0x40, 0x80, 0x83])
readings = st.lists(st.tuples(moments, numbers, qualities), max_size=60)
BERLIN = "Europe/Berlin"
buckets = st.one_of(
    st.sampled_from([1, 7, 60, 90, 600, 2820, 3600, 7200, 18_000, 31_536]).map(
        lambda s: Every(span=timedelta(seconds=s))
    ),
    st.just(Calendar(unit=Unit.DAY, zone=BERLIN)),
    st.just(Calendar(unit=Unit.WEEK, zone="Asia/Kolkata")),
    st.just(Calendar(unit=Unit.SHIFT, zone=BERLIN, shifts=(time(2, 30), time(14), time(22)))),
)
ends = st.one_of(
    st.integers(0, SPAN_S).map(lambda s: s * 1_000_000),
    st.integers(0, SPAN_S // 3600).map(lambda h: h * 3_600_000_000),
    st.integers(0, SPAN_S * 1_000_000),
)
gaps = st.one_of(st.none(), st.sampled_from([0.5, 30, 300, 4000, 40_000]).map(lambda s: timedelta(seconds=s)))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    early=readings,
    late=readings,
    again=st.booleans(),
    known=st.integers(0, SPAN_S // 3600),
    fast=st.booleans(),
    bucket=buckets,
    ends=st.tuples(ends, ends),
    grades=st.sampled_from(Grades),
    fill=st.sampled_from(Fill),
    max_gap=gaps,
)
def test_every_aggregate_equals_a_plain_computation(
    plant: Any,
    early: list[tuple[int, float, int]],
    late: list[tuple[int, float, int]],
    again: bool,
    known: int,
    fast: bool,
    bucket: Bucket,
    ends: tuple[int, int],
    grades: Grades,
    fill: Fill,
    max_gap: timedelta | None,
) -> None:
    path = plant.new_path()
    start, end = sorted(ends)
    if isinstance(bucket, Every) and (end - start) / bucket.width_us > 5_000:
        end = start + 5_000 * bucket.width_us
    span = TimeRange(start=from_us(BEGIN + start), end=from_us(BEGIN + end))
    if fast:
        mark_fast(plant.engine, [series_id(path)])
    rows = [Row(BEGIN + ts, number, quality, 10 + at) for at, (ts, number, quality) in enumerate(early)]
    plant.insert(path, rows)
    closed = BEGIN // 1_000_000 + known * 3600
    plant.roll(path, {1: closed + 3559, 60: closed + 3540, 3600: closed}, seq=100, begin=BEGIN // 1_000_000 - 86_400)
    news = [Row(BEGIN + ts, number, quality, 101 + at) for at, (ts, number, quality) in enumerate(late)]
    if again:
        news += [Row(row.ts, row.number + 1, row.quality, 500 + at) for at, row in enumerate(rows[::3])]
    plant.insert(path, news)

    answer = plant.resample(path, span, bucket, grades=grades, fill=fill, max_gap=max_gap)

    gap = None if max_gap is None else max_gap // timedelta(microseconds=1)
    edges = [int(edge) for edge in bucket.edges(span)]
    compare(answer, expected(rows + news, Question(edges, BEGIN + start, BEGIN + end, grades, fill, gap)))
