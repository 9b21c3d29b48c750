"""Shows single quantities at a glance: tiles, sparklines, gauges and bars.

All of them are `Live`: setting a value sends only what differs, and two hundred of them may change
every half second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from .display import label_of, look_of, reading_state, shown
from .format import number, unit_text
from .live import Live

POINTS = 60
"""How many points a sparkline remembers."""


class Tile(Live, component="assets/ls_tile.js"):
    """One quantity: name, value, unit, quality, age and its recent course."""

    def set(
        self,
        value: Any,
        *,
        quality: object = "good",
        at: datetime | int | None = None,
        status: str | None = None,
    ) -> None:
        """Show a new value. `quality` is a Quality, Grade or word; `at` the source time (aware, or µs)."""
        now = shown(value, self.state["digits"], self.view)
        changes: dict[str, Any] = {"value": now, **reading_state(quality, at, self.view)}
        if status is not None:
            changes |= {"status": look_of(status), "statusLabel": label_of(status, self.view)}
        spark: list[float | None] | None = self.state["spark"]
        if spark is not None:
            point = float(value) if isinstance(value, int | float) else None
            if changes["at"] is None or changes["at"] != self.state["at"]:
                spark.append(point)
                del spark[:-POINTS]
                changes["points"] = [*self.waiting().get("points", ()), [self.state["count"], point]]
                self.state["count"] += 1
        self.patch(**changes)

    def course(self, points: Sequence[float | None]) -> None:
        """Replace the sparkline's points, oldest first."""
        self.patch(spark=[None if p is None or math.isnan(p) else float(p) for p in points][-POINTS:])


def tile(
    name: str,
    value: Any = None,
    *,
    unit: str = "",
    digits: int | None = None,
    quality: object = "good",
    at: datetime | int | None = None,
    status: str | None = None,
    spark: Sequence[float | None] | None = None,
    low: float | None = None,
    high: float | None = None,
    href: str = "",
    note: str = "",
) -> Tile:
    """A tile; `spark=[]` adds a sparkline that grows with every `set`; low and high draw its normal band.

    speed = tile("Speed", unit="{bottles}/min", spark=[], href="/assets/…")
    speed.set(412.0, quality=Quality.GOOD, at=when)
    """
    return Tile(
        name=name,
        value=shown(value, digits),
        unit=unit_text(unit),
        digits=digits,
        status=look_of(status) if status is not None else None,
        statusLabel=label_of(status) if status is not None else "",
        spark=None if spark is None else list(spark)[-POINTS:],
        count=0,
        low=low,
        high=high,
        href=href,
        note=note,
        **reading_state(quality, at),
    )


class Sparkline(Live, component="assets/ls_spark.js"):
    """A small line without axes."""

    def set(self, points: Sequence[float | None]) -> None:
        """Replace the points, oldest first."""
        self.patch(points=list(points))


def sparkline(
    points: Sequence[float | None], *, low: float | None = None, high: float | None = None, label: str = ""
) -> Sparkline:
    """A small course of values; low and high draw its normal band."""
    return Sparkline(points=list(points), low=low, high=high, label=label)


class Gauge(Live, component="assets/ls_gauge.js"):
    """Where a value lies between its limits."""

    def set(self, value: float | None, *, quality: object = "good") -> None:
        """Move the pointer."""
        self.patch(raw=value, value=number(value, self.state["digits"]), **reading_state(quality, None, self.view))


def gauge(
    name: str,
    value: float | None = None,
    *,
    least: float,
    most: float,
    unit: str = "",
    digits: int | None = None,
    low: float | None = None,
    high: float | None = None,
    alarm_low: float | None = None,
    alarm_high: float | None = None,
) -> Gauge:
    """A moving pointer beside a scale: the normal band low..high is shaded, alarm limits are marked."""
    return Gauge(
        name=name,
        raw=value,
        value=number(value, digits),
        unit=unit_text(unit),
        digits=digits,
        least=least,
        most=most,
        low=low,
        high=high,
        alarmLow=alarm_low,
        alarmHigh=alarm_high,
        **reading_state("good", None),
    )


class Bars(Live, component="assets/ls_bars.js"):
    """Amounts compared by length."""

    def set(self, rows: Sequence[tuple[str, float]]) -> None:
        """Replace the amounts."""
        self.patch(rows=_rows(rows, self.state["digits"]))


def bars(rows: Sequence[tuple[str, float]], *, unit: str = "", digits: int | None = None) -> Bars:
    """Horizontal bars, longest scale shared: `bars([("Filler", 12.4), ("Capper", 3.1)], unit="min")`."""
    return Bars(rows=_rows(rows, digits), unit=unit_text(unit), digits=digits)


def _rows(rows: Sequence[tuple[str, float]], digits: int | None) -> list[dict[str, Any]]:
    return [{"name": name, "raw": amount, "value": number(amount, digits)} for name, amount in rows]
