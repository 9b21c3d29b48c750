"""The course of a twin's values: small ones beside the values, a large one to look into."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lineshaft.console import (
    Curve,
    Line,
    View,
    chips,
    download_button,
    moment,
    row,
    section,
    time_range,
    trend,
)
from lineshaft.kernel.errors import NotFound
from lineshaft.kernel.terms import Kind, TimeRange
from lineshaft.security import Role
from lineshaft.telemetry import Grades, Historian, Selection
from lineshaft.twins.model import Point, Twin

from .holding import held
from .words import point_name

RECENT = timedelta(minutes=15)
RECENT_POINTS = 60
MOST_LINES = 6
FIRST_LINES = 3
MOST_ROWS = 100_000


class Courses:
    """What the historian knows of the numbers of a twin, as far as the viewer may see the series."""

    def __init__(self, view: View, twin: Twin) -> None:
        self._view = view
        self.twin = twin
        self._historian = _historian(view)
        self.points: dict[str, Point] = {
            p.series: p for p in twin.points if p.property.kind is not Kind.TEXT and view.who.may(Role.VIEWER, p.series)
        }

    @property
    def known(self) -> bool:
        """Whether there is anything to draw."""
        return self._historian is not None and bool(self.points)

    async def recent(self) -> dict[str, list[float | None]]:
        """A few points of the last minutes of every series, for sparklines."""
        if self._historian is None or not self.points:
            return {}
        span = TimeRange.last(RECENT)
        answer = await self._historian.trend(
            self._view.who, Selection.of(*self.points), span, points=RECENT_POINTS, grades=Grades.USABLE
        )
        return {path: rows["mean"].to_pylist() for path, rows in _by_path(answer.table, self.points)}

    async def curves(self, series: Iterable[str], span: TimeRange, points: int) -> Mapping[str, Curve]:
        """Minimum, maximum and mean of some series over a span."""
        chosen = [s for s in series if s in self.points]
        if self._historian is None or not chosen:
            return {}
        answer = await self._historian.trend(
            self._view.who, Selection.of(*chosen), span, points=points, grades=Grades.USABLE
        )
        found = {
            path: Curve(
                ts=rows["ts"].cast(pa.int64()).to_numpy(),
                mean=_floats(rows, "mean"),
                low=_floats(rows, "min"),
                high=_floats(rows, "max"),
            )
            for path, rows in _by_path(answer.table, chosen)
        }
        return await held(self._view.who, self._historian, found, chosen, span)

    async def file(self, series: Iterable[str], span: TimeRange) -> bytes:
        """The samples of a span as CSV, at most a hundred thousand."""
        chosen = [s for s in series if s in self.points]
        if self._historian is None or not chosen:
            return b""
        answer = await self._historian.raw(self._view.who, Selection.of(*chosen), span, limit=MOST_ROWS)
        sink = io.StringIO()
        writer = csv.writer(sink)
        writer.writerow(["time", "series", "value", "unit", "quality"])
        for line in answer.table.to_pylist():
            value = line["text"] if line["number"] is None else line["number"]
            unit = self.points[line["path"]].property.unit
            writer.writerow([line["ts"].isoformat(), line["path"], value, unit, line["quality"]])
        return sink.getvalue().encode()


async def draw_trend(view: View, courses: Courses) -> None:
    """A large chart with a choice of properties and spans; live, zoomable, with cursors and export."""
    if not courses.known:
        return
    names = {series: point_name(view, point) for series, point in courses.points.items()}
    chosen = _first(courses)

    async def choose(picked: list[str]) -> None:
        if len(picked) > MOST_LINES:
            view.toast(view.text("At most {n} values fit into one chart.", n=MOST_LINES), kind="warn")
        chosen[:] = picked[:MOST_LINES] or _first(courses)
        if chosen != picked and choices is not None:
            choices.set(chosen)
        await chart.lines(_lines(view, courses, chosen))

    async def load(span: TimeRange, points: int) -> Mapping[str, Curve]:
        return await courses.curves(chosen, span, points)

    with section(view.text("Trend")):
        with row(spread=True):
            picker = time_range(lambda p: chart.show(p.range.span if p.live else p.range, live=p.live), last=RECENT)
            download_button(
                view.text("Export"),
                lambda: courses.file(chosen, chart.range),
                lambda: f"{courses.twin.path.name}-{moment(chart.range.start)[:10]}.csv",
                media_type="text/csv",
            )
        choices = chips(names, chosen, choose, label=view.text("Properties")) if len(names) > 1 else None
        lines = _lines(view, courses, chosen)
        chart = trend(lines, load=load, last=RECENT, on_range=picker.set, csv=False)


def _first(courses: Courses) -> list[str]:
    """What to draw when nobody has chosen: measured numbers, first those that are watched by a normal range."""
    measured = [s for s, p in courses.points.items() if p.property.measured]
    watched = [s for s in measured if courses.points[s].property.high is not None]
    return list(dict.fromkeys(watched + (measured or list(courses.points))))[:FIRST_LINES]


def _lines(view: View, courses: Courses, chosen: Iterable[str]) -> list[Line]:
    return [_line(view, courses.points[series]) for series in chosen]


def _line(view: View, point: Point) -> Line:
    prop = point.property
    steps = prop.kind in (Kind.BOOLEAN, Kind.ENUM)
    return Line(
        id=point.series, name=point_name(view, point), unit=prop.unit, steps=steps, low=prop.low, high=prop.high
    )


def _historian(view: View) -> Historian | None:
    """None in a process that does not remember."""
    try:
        return view.ask(Historian)
    except NotFound:
        return None


def _by_path(rows: pa.Table, paths: Iterable[str]) -> Iterable[tuple[str, pa.Table]]:
    column = rows["path"].cast(pa.utf8()) if len(rows) else None
    for path in paths:
        if column is not None and len(part := rows.filter(pc.equal(column, path))):
            yield path, part


def _floats(rows: pa.Table, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found: np.ndarray[tuple[int], np.dtype[np.float64]] = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found
