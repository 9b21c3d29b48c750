"""Courses of a run on the screen: thinned to what a chart shows, and their differences in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from lineshaft.console import ABSENT, Column, Curve, Line, View, quantity, table, trend
from lineshaft.kernel.clock import MICROS, from_us
from lineshaft.kernel.terms import TimeRange
from lineshaft.twins.simulation import difference

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One line of a chart with its values."""

    id: str
    name: str
    ts_us: Ints
    values: Floats


def draw_courses(view: View, courses: list[Course], unit: str, *, height: str = "medium") -> None:
    """A chart of courses over the span they have together."""
    by_id = {one.id: one for one in courses}

    async def load(span: TimeRange, points: int) -> Mapping[str, Curve]:
        return {name: thinned(one, span, points) for name, one in by_id.items()}

    first = min(int(one.ts_us[0]) for one in courses)
    last = max(int(one.ts_us[-1]) for one in courses)
    whole = TimeRange(start=from_us(first), end=from_us(max(last, first + MICROS)))
    lines = [Line(id=one.id, name=one.name, unit=unit) for one in courses]
    chart = trend(lines, load=load, last=timedelta(hours=1), live=False, height=height)
    view.soon(lambda: chart.show(whole))


def thinned(course: Course, span: TimeRange, points: int) -> Curve:
    """What a chart shows of a course: means of neighbours, framed by the least and the most of them."""
    start, end = np.searchsorted(course.ts_us, [_us(span.start.timestamp()), _us(span.end.timestamp())])
    ts, values = course.ts_us[start : end + 1], course.values[start : end + 1]
    some = max(1, -(-len(ts) // max(points, 1)))
    if some == 1:
        return Curve(ts=ts, mean=values)
    parts = np.arange(0, len(ts), some)
    known = np.isfinite(values)
    count = np.add.reduceat(known, parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.add.reduceat(np.where(known, values, 0.0), parts) / count
    low, high = np.fmin.reduceat(values, parts), np.fmax.reduceat(values, parts)
    return Curve(ts=ts[parts], mean=mean, low=low, high=high)


def _us(seconds: float) -> int:
    return round(seconds * MICROS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One row of differences: what a quantity is called, and two courses of it."""

    name: str
    unit: str
    ts_us: Ints
    first: Floats
    second: Floats


def draw_differences(view: View, rows: list[Compared], first: str, second: str) -> None:
    """Means of both, and the second less the first: on average, at most, and at the end."""
    words = view.text
    columns = [
        Column("name", words("Quantity"), sortable=False),
        Column("first", first, sortable=False, phone=False),
        Column("second", second, sortable=False, phone=False),
        Column("mean", words("Difference, mean"), sortable=False),
        Column("largest", words("Largest"), sortable=False),
        Column("last", words("At the end"), sortable=False),
        Column("when", words("Largest at"), sortable=False, phone=False),
    ]
    table(columns, [_row(view, one) for one in rows], key="name", filterable=False, label=words("Differences"))


def _row(view: View, one: Compared) -> dict[str, object]:
    found = difference(one.ts_us, one.first, one.second)
    if found is None:
        names = ("first", "second", "mean", "largest", "last", "when")
        return {"name": one.name, **dict.fromkeys(names, ABSENT)}
    return {
        "name": one.name,
        "first": quantity(found.mean_first, one.unit),
        "second": quantity(found.mean_second, one.unit),
        "mean": _signed(found.mean, one.unit),
        "largest": _signed(found.largest, one.unit),
        "last": _signed(found.last, one.unit),
        "when": view.moment(from_us(found.largest_us)) if found.largest else ABSENT,
    }


def _signed(value: float, unit: str) -> str:
    return ("+" if value > 0 else "") + quantity(value, unit)
