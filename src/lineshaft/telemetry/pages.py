"""Explore: any values side by side, over any span, resampled as one likes, and out as a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from lineshaft.console import (
    Column,
    Curve,
    Line,
    View,
    choice,
    download_button,
    heading,
    page,
    row,
    section,
    split,
    table,
    time_range,
    tree,
    trend,
    unit_text,
)
from lineshaft.console import TreeNode as Node
from lineshaft.kernel.terms import PlantPath, TimeRange
from lineshaft.security import Role

from .buckets import Bucket, Calendar, Every, Unit, fitting
from .model import Aggregate, Answer, Fill, Grades, Selection
from .service import Historian

_MOST_LINES = 12
_MOST_BRANCHES = 500
_BUCKETS: dict[str, timedelta | Unit | None] = {
    "Automatic": None,
    "1 s": timedelta(seconds=1),
    "1 min": timedelta(minutes=1),
    "15 min": timedelta(minutes=15),
    "1 h": timedelta(hours=1),
    "Day": Unit.DAY,
    "Week": Unit.WEEK,
    "Month": Unit.MONTH,
}


@page("/explore", title="Explore", section="Data", icon="query_stats", order=40, role=int(Role.VIEWER))
async def explore(view: View, series: str = "") -> None:
    """Pick values in the tree, compare them in one chart."""
    heading(view.text("Explore"), subtitle=view.text("Compare any values. Drag across the chart to zoom in."))
    _Explorer(view, [path for path in series.split(",") if path]).draw()


class _Explorer:
    """What is looked at now."""

    def __init__(self, view: View, paths: list[str]) -> None:
        self._view = view
        self._historian = view.ask(Historian)
        self._paths = paths
        self._aggregate = Aggregate.MEAN
        self._bucket = "Automatic"
        self._grades = Grades.USABLE
        self._units: dict[str, str] = {}
        """What twins say of a unit, else what the machines said."""

    def draw(self) -> None:
        text = self._view.text
        left, right = split(start=0.28, phone="right" if self._paths else "left")
        hint = text("Tick values in the tree to see them here.")
        with left, section(text("Values")):
            self._tree = tree(
                self._branches,
                ticks=True,
                ticked=self._paths,
                on_tick=self._chosen,
                label=text("Values"),
                empty=text("No values stored yet"),
            )
        with right:
            with row(spread=True):
                picker = time_range(lambda picker: self._span(picker.range, live=picker.live))
                self._download()
            with section(flush=True):
                self._chart = trend(
                    self._lines(),
                    load=self._load,
                    height="large",
                    refresh_s=2.0,
                    csv=False,
                    on_range=picker.set,
                    empty="" if self._paths else hint,
                )
            with section(text("How values are summed up")):
                self._draw_choices()
            with section(text("In the visible range"), flush=True):
                self._facts = table(
                    [
                        Column("name", text("Value")),
                        Column("min", text("Minimum"), kind="number"),
                        Column("mean", text("Mean"), kind="number"),
                        Column("max", text("Maximum"), kind="number"),
                        Column("unit", text("Unit"), sortable=False),
                        Column("count", text("Samples"), kind="number", digits=0, phone=False),
                    ],
                    key="path",
                    actions=[("close", text("Remove"), lambda r: self._drop(r["path"]))],
                    filterable=False,
                    empty=(text("Nothing chosen"), hint),
                    label=text("In the visible range"),
                )
        if self._paths:
            self._view.soon(self._refresh)

    def _draw_choices(self) -> None:
        view = self._view
        kinds = {a.value: view.text(a.value.replace("_", " ").capitalize()) for a in _CHOICES}
        buckets = {k: view.text(k) for k in _BUCKETS}
        choice(kinds, self._aggregate.value, self._set_aggregate, label=view.text("Show"), named=True)
        choice(buckets, self._bucket, self._set_bucket, label=view.text("Per"), named=True)
        grades = {g.value: view.text(g.value.capitalize()) for g in Grades}
        choice(grades, self._grades.value, self._set_grades, label=view.text("Quality"), named=True)

    # ---- choosing ----

    async def _branches(self, parent: str | None) -> list[Node]:
        """The next parts of the paths below a place, as folders and values."""
        found = await self._historian.branches(self._view.who, parent or "", limit=_MOST_BRANCHES)
        return [
            Node(
                id=one.path,
                label=one.path.name,
                symbol="folder" if one.deeper else "show_chart",
                children=one.deeper,
                tickable=one.series,
                open=any(path.startswith(f"{one.path}/") for path in self._paths),
            )
            for one in found
        ]

    async def _chosen(self, ticked: list[str]) -> None:
        if len(ticked) > _MOST_LINES:
            self._view.toast(self._view.text("At most {n} values fit into one chart.", n=_MOST_LINES), kind="warn")
        self._paths = ticked[:_MOST_LINES]
        self._tree.tick(self._paths)
        await self._refresh()

    async def _drop(self, path: str) -> None:
        self._paths = [p for p in self._paths if p != path]
        self._tree.tick(self._paths)
        await self._refresh()

    async def _set_aggregate(self, name: str) -> None:
        self._aggregate = Aggregate(name)
        await self._refresh()

    async def _set_bucket(self, name: str) -> None:
        self._bucket = name
        await self._refresh()

    async def _set_grades(self, name: str) -> None:
        self._grades = Grades(name)
        await self._refresh()

    async def _span(self, span: TimeRange, *, live: bool) -> None:
        await self._chart.show(span.span if live else span, live=live)
        await self._sum_up()

    async def _refresh(self) -> None:
        self._units = await self._historian.units(self._view.who, self._paths)
        known = self._view.services.get("units")
        if known is not None:
            self._units |= await known(self._view.who, self._paths)
        self._view.remember(series=",".join(self._paths))
        self._chart.explain("" if self._paths else self._view.text("Tick values in the tree to see them here."))
        await self._chart.lines(self._lines())
        await self._sum_up()

    def _lines(self) -> list[Line]:
        return [Line(id=path, name=_short(path, self._paths), unit=self._units.get(path, "")) for path in self._paths]

    # ---- asking ----

    async def _load(self, span: TimeRange, points: int) -> Mapping[str, Curve]:
        if not self._paths:
            return {}
        wanted = tuple(dict.fromkeys((self._aggregate, Aggregate.MIN, Aggregate.MAX)))
        answer = await self._ask(span, points, wanted)
        return {path: self._curve(rows) for path, rows in by_path(answer.table).items()}

    def _curve(self, rows: pa.Table) -> Curve:
        band = self._aggregate in (Aggregate.MEAN, Aggregate.TIME_WEIGHTED)
        return Curve(
            ts=micros(rows),
            mean=floats(rows, self._aggregate.value),
            low=floats(rows, "min") if band else None,
            high=floats(rows, "max") if band else None,
        )

    async def _ask(self, span: TimeRange, points: int, aggregates: tuple[Aggregate, ...]) -> Answer:
        return await self._historian.resample(
            self._view.who,
            Selection.of(*self._paths),
            span,
            self._width(span, points),
            aggregates,
            grades=self._grades,
            fill=Fill.NULL,
        )

    def _width(self, span: TimeRange, points: int) -> Bucket:
        width = _BUCKETS[self._bucket]
        if isinstance(width, Unit):
            return Calendar(unit=width, zone=str(self._view.timezone))
        automatic = fitting(span, points)
        return Every(span=width) if width is not None and span.span / width <= points else automatic

    async def _sum_up(self) -> None:
        if not self._paths:
            self._facts.set([])
            return
        span = self._chart.range
        whole = (Aggregate.MIN, Aggregate.MEAN, Aggregate.MAX, Aggregate.COUNT)
        answer = await self._historian.resample(
            self._view.who, Selection.of(*self._paths), span, fitting(span, 2), whole, grades=self._grades
        )
        rows = by_path(answer.table)
        units = {path: unit_text(self._units.get(path, "")) for path in self._paths}
        self._facts.set([_fact(path, rows.get(path), self._paths) | {"unit": units[path]} for path in self._paths])

    # ---- taking it along ----

    def _download(self) -> None:
        download_button(self._view.text("Export"), self._csv, "lineshaft.csv")

    async def _csv(self) -> bytes:
        answer = await self._ask(self._chart.range, 1_000, _CHOICES)
        sink = io.BytesIO()
        plain = answer.table.set_column(0, "path", answer.table["path"].cast(pa.utf8()))
        pyarrow.csv.write_csv(plain, sink)
        return sink.getvalue()


_CHOICES = (
    Aggregate.MEAN,
    Aggregate.TIME_WEIGHTED,
    Aggregate.MIN,
    Aggregate.MAX,
    Aggregate.FIRST,
    Aggregate.LAST,
    Aggregate.SUM,
    Aggregate.COUNT,
)


def by_path(rows: pa.Table) -> dict[str, pa.Table]:
    """One table per path, in the order of time."""
    if len(rows) == 0:
        return {}
    column = rows["path"].combine_chunks()
    names = column.dictionary.to_pylist() if pa.types.is_dictionary(column.type) else pc.unique(column).to_pylist()
    plain = column.cast(pa.utf8())
    return {name: part for name in names if len(part := rows.filter(pc.equal(plain, name)))}


def micros(rows: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The time column in µs since 1970 UTC."""
    found: np.ndarray[Any, np.dtype[np.int64]] = rows["ts"].cast(pa.int64()).to_numpy()
    return found


def floats(rows: pa.Table, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A column of numbers, NaN where there is none."""
    found: np.ndarray[Any, np.dtype[np.float64]] = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _fact(path: str, rows: pa.Table | None, paths: list[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"path": path, "name": _short(path, paths)}
    if rows is None:
        return shown
    count = rows["count"].to_numpy(zero_copy_only=False)
    weights = count if count.sum() else None
    mean = np.average(floats(rows, "mean"), weights=weights) if weights is not None else float("nan")
    low, high = pc.min(rows["min"]).as_py(), pc.max(rows["max"]).as_py()
    return {
        **shown,
        "min": low,
        "mean": None if np.isnan(mean) else float(mean),
        "max": high,
        "count": int(count.sum()),
    }


def _short(path: str, among: list[str]) -> str:
    """As many last parts of a path as are needed to tell it from the others."""
    place = PlantPath(path)
    for parts in range(1, place.count("/") + 2):
        tail = "/".join(place.split("/")[-parts:])
        if sum(1 for other in among if other.endswith(tail)) <= 1:
            return tail
    return path
