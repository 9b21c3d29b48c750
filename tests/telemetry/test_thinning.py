"""Points of charts: exact LTTB over few samples; over many, stored samples that keep the shape, from rollups."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from lineshaft.kernel.clock import MICROS, from_us, to_us
from lineshaft.kernel.terms import Quality, TimeRange, series_id
from lineshaft.security import PLATFORM
from lineshaft.telemetry import Grades, Selection
from lineshaft.telemetry.store.rollups import mark_fast
from lineshaft.telemetry.store.schema import ROLLUPS, UNKNOWN_US

BEGIN = to_us(datetime(2025, 6, 1, tzinfo=UTC))
BEGIN_S = BEGIN // MICROS
HOUR = 3_600 * MICROS
LEVELS = (1, 60, 3600)
Point = tuple[int, float]


@dataclass(frozen=True)
class Row:
    ts: int
    number: float
    quality: int = 0
    seq: int = 1


@pytest.fixture(autouse=True)
def no_rollups(plant: Any) -> None:
    """Rollups know nothing until a test computes them."""
    plant.know(dict.fromkeys(LEVELS, 0), seq=0)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any number of samples counts as too many to look at one by one."""
    monkeypatch.setattr("lineshaft.telemetry.store.reading.PURE_POINTS", 0)


def walk(seconds: int, every_s: float = 1.0, seed: int = 7) -> list[Row]:
    """A drifting value from BEGIN on."""
    steps = np.random.default_rng(seed).normal(size=int(seconds / every_s))
    return [Row(BEGIN + round(at * every_s * MICROS), float(n)) for at, n in enumerate(np.cumsum(steps))]


def thinned(plant: Any, path: str, *, end: int, points: int, begin: int = BEGIN, **more: Any) -> list[Point]:
    span = TimeRange(start=from_us(begin), end=from_us(end))
    answer = plant.run(plant.historian.thinned(PLATFORM, Selection.of(path), span, points=points, **more))
    return [(to_us(row["ts"]), row["number"]) for row in answer.table.to_pylist()]


def points_of(rows: list[Row]) -> list[Point]:
    return [(row.ts, row.number) for row in rows]


def lttb(points: list[Point], most: int) -> list[Point]:
    """Steinarsson 2013, section 4.2, with the buckets of ClickHouse: equal numbers of points."""
    if len(points) <= most:
        return points
    every = (len(points) - 2) / (most - 2)
    chosen = [0]
    for i in range(most - 2):
        low, high = int(every * i) + 1, int(every * (i + 1)) + 1
        end = min(int(every * (i + 2)) + 1, len(points))
        mean_x = sum(x for x, _ in points[high:end]) / (end - high)
        mean_y = sum(y for _, y in points[high:end]) / (end - high)
        ax, ay = points[chosen[-1]]
        area = [abs((ax - mean_x) * (y - ay) - (ax - x) * (mean_y - ay)) for x, y in points[low:high]]
        chosen.append(low + area.index(max(area)))
    return [points[at] for at in [*chosen, len(points) - 1]]


def test_points_of_few_samples_are_those_of_largest_triangles(plant: Any) -> None:
    paths = [plant.new_path() for _ in range(2)]
    rows = {path: walk(200, seed=seed) for seed, path in enumerate(paths)}
    for path, some in rows.items():
        plant.insert(path, [*some, Row(BEGIN + 500_000, 1e9, int(Quality.BAD))])
    whole = TimeRange(start=from_us(BEGIN), end=from_us(BEGIN + 24 * HOUR))
    answer = plant.run(plant.historian.thinned(PLATFORM, Selection.of(*paths), whole, points=20))
    for path, some in rows.items():
        mine = [(to_us(r["ts"]), r["number"]) for r in answer.table.to_pylist() if r["path"] == path]
        assert mine == lttb(points_of(some), 20)


def test_points_of_many_samples_without_rollups_are_samples_and_keep_extremes(plant: Any, many: None) -> None:
    path = plant.new_path()
    rows = walk(3000)
    rows[1234] = replace(rows[1234], number=5000.0)
    plant.insert(path, rows)
    found = thinned(plant, path, end=BEGIN + 3000 * MICROS, points=50)
    assert 40 <= len(found) <= 50
    assert found == sorted(found)
    assert set(found) <= set(points_of(rows))
    assert {points_of(rows)[0], points_of(rows)[-1], points_of(rows)[1234]} <= set(found)


@pytest.mark.parametrize("every_s", [1.0, 0.1])
def test_points_of_a_long_range_come_from_rollups(plant: Any, many: None, every_s: float) -> None:
    """Two days at 1 Hz, or five hours of a fast series; a sample that rollups do not know is not seen."""
    path, hours = plant.new_path(), 48 if every_s == 1 else 5
    rows = walk(hours * 3_600, every_s)
    spike = len(rows) // 3
    rows[spike] = replace(rows[spike], number=9_000.0)
    plant.insert(path, rows)
    if every_s < 1:
        mark_fast(plant.engine, [series_id(path)])
    plant.roll(path, dict.fromkeys(LEVELS, BEGIN_S + hours * 3_600), seq=1, begin=BEGIN_S)
    plant.insert(path, [Row(BEGIN + hours * HOUR // 2 + 777_777, -1e9)])
    first, last = rows[3], rows[-5]
    found = thinned(plant, path, begin=first.ts, end=last.ts + 1, points=30)
    assert 25 <= len(found) <= 30
    assert set(found) <= set(points_of(rows))
    assert {(first.ts, first.number), (last.ts, last.number), (rows[spike].ts, 9_000.0)} <= set(found)


def test_points_are_as_good_as_those_chosen_from_all_samples(plant: Any, many: None) -> None:
    """The line through the points strays from the samples no further than the line of LTTB over all of them."""
    path = plant.new_path()
    rows = walk(24 * 3_600)
    plant.insert(path, rows)
    plant.roll(path, dict.fromkeys(LEVELS, BEGIN_S + 24 * 3_600), seq=1, begin=BEGIN_S)
    found = thinned(plant, path, end=BEGIN + 24 * HOUR, points=200)
    assert _stray(found, rows) <= 1.05 * _stray(lttb(points_of(rows), 200), rows)


def _stray(points: list[Point], rows: list[Row]) -> float:
    x, y = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    ts, number = (np.array(column, dtype=float) for column in zip(*points_of(rows), strict=True))
    return float(np.abs(np.interp(ts, x, y) - number).mean())


def test_points_are_the_samples_that_were_where_only_rollups_are_kept(plant: Any, many: None) -> None:
    path = plant.new_path()
    rows = walk(12 * 3_600)
    plant.insert(path, rows)
    plant.roll(path, dict.fromkeys(LEVELS, BEGIN_S + 12 * 3_600), seq=1, begin=BEGIN_S)
    before = thinned(plant, path, end=BEGIN + 12 * HOUR, points=100)
    plant.engine.command(f"DELETE FROM samples WHERE series = {series_id(path)}")
    assert thinned(plant, path, end=BEGIN + 12 * HOUR, points=100) == before
    assert set(before) <= set(points_of(rows))


@pytest.mark.parametrize("forgotten", [("min_us", "max_us"), ("min_us",), ("max_us",)])
def test_rollups_that_do_not_know_when_their_extremes_were_are_not_believed(
    plant: Any, many: None, forgotten: tuple[str, ...]
) -> None:
    """As they were computed before there were columns for it."""
    path = plant.new_path()
    rows = walk(12 * 3_600)
    plant.insert(path, rows)
    plant.roll(path, dict.fromkeys(LEVELS, BEGIN_S + 12 * 3_600), seq=1, begin=BEGIN_S)
    wanted = thinned(plant, path, end=BEGIN + 12 * HOUR, points=100)
    for table in ROLLUPS.values():
        columns = ", ".join(f"{UNKNOWN_US} AS {name}" for name in forgotten)
        where = f"series = {series_id(path)} AND bucket >= toDateTime({BEGIN_S + 3 * 3_600}, 'UTC')"
        plant.engine.command(f"INSERT INTO {table} SELECT * REPLACE({columns}) FROM {table} FINAL WHERE {where}")
    assert thinned(plant, path, end=BEGIN + 12 * HOUR, points=100) == wanted


moments = st.one_of(
    st.integers(0, 30 * HOUR - 1),
    st.integers(0, 30 * 60 - 1).map(lambda minute: minute * 60 * MICROS),
    st.integers(0, 3_000).map(lambda tenths: tenths * 100_000),
)
numbers = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6), st.just(math.nan))
readings = st.lists(st.tuples(moments, numbers, st.sampled_from([0, 0, 0, 0, 1, 0x40, 0x80])), max_size=60)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    early=readings,
    late=readings,
    known=st.integers(0, 30),
    fast=st.booleans(),
    ends=st.tuples(moments, moments),
    grades=st.sampled_from(Grades),
    points=st.integers(3, 40),
)
def test_points_are_stored_samples_whatever_came_late(
    plant: Any,
    many: None,
    early: list[tuple[int, float, int]],
    late: list[tuple[int, float, int]],
    known: int,
    fast: bool,
    ends: tuple[int, int],
    grades: Grades,
    points: int,
) -> None:
    path = plant.new_path()
    if fast:
        mark_fast(plant.engine, [series_id(path)])
    rows = [Row(BEGIN + ts, number, quality, 10 + at) for at, (ts, number, quality) in enumerate(early)]
    plant.insert(path, rows)
    closed = BEGIN_S + known * 3_600
    plant.roll(path, {1: closed + 3_559, 60: closed + 3_540, 3600: closed}, seq=100, begin=BEGIN_S)
    news = [Row(BEGIN + ts, number, quality, 101 + at) for at, (ts, number, quality) in enumerate(late)]
    news += [replace(row, number=row.number + 1, seq=500 + at) for at, row in enumerate(rows[::3])]
    plant.insert(path, news)
    start, end = sorted(ends)

    found = thinned(plant, path, begin=BEGIN + start, end=BEGIN + end, points=points, grades=grades)

    newest = {row.ts: row for row in sorted(rows + news, key=lambda row: row.seq)}
    fine = sorted(
        (row.ts, row.number)
        for row in newest.values()
        if BEGIN + start <= row.ts < BEGIN + end and row.quality < grades.below and math.isfinite(row.number)
    )
    assert found == sorted(set(found))
    assert set(found) <= set(fine)
    assert len(found) <= points
    assert bool(found) == bool(fine)
    if fine:
        low, high = min(n for _, n in fine), max(n for _, n in fine)
        assert all(low <= number <= high for _, number in found)
