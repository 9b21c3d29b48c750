"""Charts of values over time that fetch what is looked at, follow the present and compare two moments.

    chart = trend(
        [Line(id=path, name="Speed", unit="{bottles}/min")],
        load=load, last=timedelta(hours=1), live=True,
    )

    async def load(range: TimeRange, points: int) -> Mapping[str, Curve]:
        found = await view.ask(Historian).resample(view.who, [path], range, points)
        return {path: Curve(ts=found.ts, mean=found.mean, low=found.min, high=found.max, quality=found.quality)}

Zooming and panning call `load` again for the visible range. NaN is a gap. Quality is per point (the platform's
byte): uncertain stretches are dashed, bad ones hatched. At most 1,000 points per line reach the browser.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from nicegui.elements.echart.echart import EChart
from numpy.typing import ArrayLike

from lineshaft.kernel.terms import TimeRange

from .format import unit_text
from .language import mark
from .live import Live
from .view import guarded, here, text

MOST_POINTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a trend; lines of one unit share an axis. `steps` draws states as stairs."""

    id: str
    name: str
    unit: str = ""
    digits: int | None = None
    steps: bool = False
    low: float | None = None
    """Normal band, drawn as a quiet stripe when it is the only line."""
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Columns of one line, all the same length: times in µs since 1970 UTC, values, and what frames them."""

    ts: ArrayLike
    mean: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    quality: ArrayLike | None = None


Load = Callable[[TimeRange, int], Awaitable[Mapping[str, Curve]]]

WORDS = {
    "live": mark("Live"), "paused": mark("Paused"), "png": mark("Save picture"),
    "csv": mark("Save as CSV"), "cursors": mark("Compare two moments"), "loading": mark("Loading …"),
    "empty": mark("No values in this range"),
    "hint": mark("Click twice to pin two cursors"), "uncertain": mark("Uncertain"), "bad": mark("Bad"),
    "legend": mark("Show or hide"),
    "earlier": mark("Earlier"), "later": mark("Later"), "in": mark("Zoom in"), "out": mark("Zoom out"),
}  # fmt: skip


class Trend(Live, component="assets/ls_trend.js"):
    """A chart of lines over time."""

    def __init__(self, lines: Sequence[Line], load: Load | None, **state: Any) -> None:
        super().__init__(lines=[_line(line) for line in lines], **state)
        self._lines = list(lines)
        self._load = load
        self._turn = 0
        self._last: timedelta | None = None
        self._on_range: Callable[[TimeRange | timedelta], object] | None = None

    def explain(self, empty: str) -> None:
        """Say why there may be nothing to see."""
        self.patch(words={**self.state["words"], "empty": empty or text(WORDS["empty"])})

    @property
    def range(self) -> TimeRange:
        """What is looked at now."""
        return TimeRange(start=_moment(self.state["start"]), end=_moment(self.state["end"]))

    async def show(self, span: TimeRange | timedelta, *, live: bool | None = None) -> None:
        """Look at a range, or at the last `timedelta` with the present moving in."""
        self._last = span if isinstance(span, timedelta) else None
        chosen = TimeRange.last(span) if isinstance(span, timedelta) else span
        self.patch(live=isinstance(span, timedelta) if live is None else live, **_range_state(chosen))
        await self.reload()

    async def lines(self, lines: Sequence[Line]) -> None:
        """Show other lines over the same range."""
        self._lines = list(lines)
        self.patch(lines=[_line(line) for line in lines])
        await self.reload()

    async def reload(self) -> None:
        """Fetch the visible range again; an answer that comes after a newer question is dropped."""
        if self._load is None:
            return
        self._turn += 1
        turn = self._turn
        self.patch(loading=True)
        try:
            found = await self._load(self.range, MOST_POINTS)
        finally:
            if turn == self._turn:
                self.patch(loading=False)
        if turn == self._turn:
            self.put(found)

    def put(self, curves: Mapping[str, Curve]) -> None:
        """Replace the data of the visible range."""
        self.call("put", {name: _columns(curve) for name, curve in curves.items()})

    def append(self, curves: Mapping[str, Curve]) -> None:
        """Add the newest points at the right end; ignored while the viewer looks at the past."""
        self.call("append", {name: _columns(curve) for name, curve in curves.items()})

    async def _zoomed(self, event: Any) -> None:
        start, end = event.args["start"], event.args["end"]
        self.state.update(start=start, end=end, live=event.args["live"])
        if self._on_range is not None:
            self._on_range(self.range)
        await self.reload()


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": line.id,
        "name": line.name,
        "unit": unit_text(line.unit),
        "digits": line.digits,
        "steps": line.steps,
        "low": line.low,
        "high": line.high,
    }


def _moment(millis: float) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def _range_state(span: TimeRange) -> dict[str, float]:
    return {"start": span.start.timestamp() * 1000, "end": span.end.timestamp() * 1000}


def _columns(curve: Curve) -> dict[str, Any]:
    """Columns for the browser: milliseconds, numbers with None for gaps, quality class 0, 1, 2."""
    ts = np.asarray(curve.ts)
    millis = (ts.astype("datetime64[us]").astype(np.int64) if ts.dtype.kind == "M" else ts) / 1000
    columns: dict[str, Any] = {"t": millis.astype(np.float64).tolist(), "v": _numbers(curve.mean)}
    if curve.low is not None and curve.high is not None:
        columns |= {"lo": _numbers(curve.low), "hi": _numbers(curve.high)}
    if curve.quality is not None:
        grade = np.minimum(np.asarray(curve.quality, dtype=np.uint8) >> 6, 2)
        if grade.any():
            columns["q"] = grade.tolist()
    return columns


def _numbers(values: ArrayLike) -> list[float | None]:
    array = np.asarray(values, dtype=np.float64)
    return [None if math.isnan(v) else v for v in array.tolist()]


def trend(
    lines: Sequence[Line],
    *,
    load: Load | None = None,
    last: timedelta = timedelta(hours=1),
    live: bool = True,
    on_range: Callable[[TimeRange | timedelta], object] | None = None,
    csv: bool = True,
    empty: str = "",
    height: str = "medium",
    refresh_s: float = 1.0,
) -> Trend:
    """A trend; see the module. `on_range` is told what is looked at: a range, or a span that follows the present.

    `csv` lets the browser save the points it shows; a page with an export of its own switches it off. `empty` says
    why there may be nothing to see. height is small, medium or large. While live, the chart asks `load` again every
    `refresh_s` (or is fed by `append`, with `refresh_s=0`).
    """
    view = here()
    made = Trend(
        lines,
        load,
        **_range_state(TimeRange.last(last)),
        live=live,
        follow=live,
        loading=load is not None,
        height=height,
        zone=str(view.timezone),
        language=view.language,
        csv=csv,
        words={key: text(word) for key, word in WORDS.items()} | ({"empty": empty} if empty else {}),
    )
    made._last = last
    made._on_range = on_range
    made.on("zoom", guarded(made._zoomed))
    made.on("live", guarded(lambda event: _follow(made, bool(event.args), last)))
    if load is not None:
        view.soon(made.reload)
        if live and refresh_s > 0:
            view.every(refresh_s, lambda: _tick(made), name=f"trend {made.id}")
    return made


async def _follow(made: Trend, live: bool, last: timedelta) -> None:
    made.state["live"] = live
    if live:
        await made.show(made._last or last, live=True)
        if made._on_range is not None:
            made._on_range(made._last or last)


async def _tick(made: Trend) -> None:
    """Fetch the moved window while the viewer follows the present; wide windows move less often."""
    if not made.state["live"] or made._last is None or made.state["loading"]:
        return
    span = TimeRange.last(made._last)
    step = span.span / MOST_POINTS
    if span.end - made.range.end < max(step, timedelta(seconds=0.9)):
        return
    made.state.update(_range_state(span))
    made._turn += 1
    turn = made._turn
    assert made._load is not None
    found = await asyncio.wait_for(made._load(span, MOST_POINTS), 10)
    if turn == made._turn and made.state["live"]:
        made.call("put", {name: _columns(curve) for name, curve in found.items()}, _range_state(span))


CHART_LIBRARY = EChart
"""Importing it registers the browser module the component draws with."""
