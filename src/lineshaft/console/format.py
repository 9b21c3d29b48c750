"""Writes numbers and times the way people read them.

Numbers keep a steady width and say no more than an operator needs: two decimals from 1 up, one from 100 up,
none from 1,000 up, three below 1 (more only where there would be nothing else); trailing zeros kept, thousands grouped.
The browser's `console.js` follows the same rules for what it draws itself.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from .language import catalogue, mark

ABSENT = "–"
"""What stands where there is no value."""

UNITS = {
    "Cel": "°C", "[degF]": "°F", "K": "K", "%": "%", "1": "", "deg": "°", "Ohm": "Ω", "m2": "m²", "m3": "m³",
    "m3/h": "m³/h", "l/min": "l/min", "m/s2": "m/s²", "um": "µm", "us": "µs", "kW.h": "kWh", "W.h": "Wh",
    "MW.h": "MWh", "kV.A": "kVA", "V.A": "VA", "kvar": "kvar", "N.m": "Nm", "/min": "1/min", "min-1": "1/min",
    "s-1": "1/s", "/s": "1/s", "/h": "1/h", "[psi]": "psi", "[in_i]": "in", "mm[Hg]": "mmHg", "kg/m3": "kg/m³",
    "ug/m3": "µg/m³", "[ppm]": "ppm",
}  # fmt: skip
"""UCUM codes people do not write; every other code is shown as it is."""


def unit_text(unit: str) -> str:
    """A UCUM unit as people write it: `Cel` is °C, `{bottles}/h` is bottles/h."""
    return UNITS.get(unit) if unit in UNITS else unit.replace("{", "").replace("}", "")  # type: ignore[return-value]


def number(value: float | None, digits: int | None = None) -> str:
    """A number with `digits` decimals, or as many as its size deserves; whole numbers stay whole."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ABSENT
    if digits is None:
        digits = 0 if isinstance(value, int) else _decimals(value)
    if value and abs(value) < 1e-4 and digits >= 6:
        return f"{value:.3e}"
    return f"{value:,.{digits}f}".replace("-", "−")


def _decimals(value: float) -> int:
    """Decimals that suit the size of a number, at most six; the smallest numbers keep two significant digits."""
    size = abs(value)
    if size == 0 or size >= 1000:
        return 0
    if size >= 1:
        return 1 if size >= 100 else 2
    return 3 if size >= 0.01 else min(1 - math.floor(math.log10(size)), 6)


def quantity(value: float | None, unit: str = "", digits: int | None = None) -> str:
    """A number with its unit, `71.30 °C`; no unit when there is no value."""
    shown = number(value, digits)
    symbol = unit_text(unit)
    return shown if shown == ABSENT or not symbol else f"{shown}\u00a0{symbol}"


def percent(fraction: float | None, digits: int = 0) -> str:
    """A fraction of one as percent."""
    return ABSENT if fraction is None else f"{fraction * 100:.{digits}f}\u00a0%"


def size(octets: float) -> str:
    """Bytes in powers of 1000: `3.2 GB`."""
    for name in ("B", "kB", "MB", "GB"):
        if abs(octets) < 1000:
            return f"{octets:.0f} B" if name == "B" else f"{octets:.1f} {name}"
        octets /= 1000
    return f"{octets:.1f} TB"


def duration(span: timedelta | float, language: str = "en") -> str:
    """A span in its two largest parts: `45 s`, `3 min 20 s`, `2 h 5 min`, `4 d`."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    names = catalogue(language).text
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.0f} {names('s')}"
    parts = ((86_400, names("d")), (3_600, names("h")), (60, names("min")), (1, names("s")))
    whole = round(seconds)
    for (large, first), (small, second) in pairwise(parts):
        if whole >= large:
            rest = whole % large // small
            return f"{whole // large} {first}" + (f" {rest} {second}" if rest else "")
    return f"{whole} {names('s')}"


def ago(moment: datetime | None, *, now: datetime | None = None, language: str = "en") -> str:
    """How long ago something was, in one part: `3 s ago`, `5 min ago`."""
    if moment is None:
        return ABSENT
    names = catalogue(language).text
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if abs(seconds) < 1:
        return names("now")
    for span, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= span:
            count = f"{int(abs(seconds) // span)} {names(name)}"
            return names(mark("{span} ago"), span=count) if seconds > 0 else names(mark("in {span}"), span=count)
    return names("now")


def moment(when: datetime | None, zone: tzinfo = UTC, *, seconds: bool = True) -> str:
    """A time in the viewer's zone, ISO order in every language: `2026-03-04 14:05:06`."""
    if when is None:
        return ABSENT
    return when.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
