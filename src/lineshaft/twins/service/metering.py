"""Measures the energy a machine took over a time, from the series of its meter; nothing of it is stored twice.

A series in a unit of energy counts up: what it grew by counts, and after it began anew what it says then. A series in
a unit of power holds each value until the next sample. Bad values break both off. `known` says for how much of the
time that could be done.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.kernel.clock import MICROS, to_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Quality, TimeRange
from lineshaft.security import Who
from lineshaft.telemetry import Historian, Selection
from lineshaft.twins.submodels.units import BadUnit, convert

LONGEST = timedelta(days=400)
_PAGE, _PAGES = 1_000, 20
_TORQUE = re.compile(r"[kMmcd]?N[.*·]?[kmcd]?m|NU")
_HOUR_US = 3_600 * MICROS
_DIGITS = Decimal("0.000001")


class Method(StrEnum):
    """How energy is read from a series."""

    COUNTER = "counter"
    POWER = "power"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The energy of a machine over a time."""

    series: PlantPath
    method: Method
    start: datetime
    end: datetime
    energy_kwh: Decimal
    known: float
    """The share of the time that the series tells of, 0 to 1."""


class Metering:
    """Reads meters."""

    def __init__(self, historian: Historian) -> None:
        self._historian = historian

    async def meters(self, who: Who, *, below: str = "") -> list[tuple[PlantPath, str]]:
        """Series that measure energy or power, with their units."""
        found: list[tuple[PlantPath, str]] = []
        after = ""
        for _ in range(_PAGES):
            page = await self._historian.list_series(who, subtree=below, after=after, limit=_PAGE)
            units = await self._historian.units(who, [one.path for one in page])
            found += [(PlantPath(path), unit) for path, unit in units.items() if method_of(unit) is not None]
            if len(page) < _PAGE:
                break
            after = page[-1].path
        return found

    async def measure(self, who: Who, series: str, start: datetime, end: datetime) -> Measured:
        """Energy in kilowatt hours from one moment to another; Invalid for a series that measures something else."""
        _check_span(start, end)
        path = PlantPath.parse(series)
        unit = (await self._historian.units(who, [path])).get(path, "")
        method = method_of(unit)
        if method is None:
            raise Invalid(
                f"{path} is in {unit or 'no unit'}, which is neither energy nor power.",
                hint="Choose a counter in kW.h or a power in kW.",
            )
        meter = _Meter(method, convert(1.0, unit, "kW.h" if method is Method.COUNTER else "kW"), to_us(end))
        span = TimeRange(start=start, end=end + timedelta(microseconds=1))  # with the reading at its end
        async for table in await self._historian.export(who, Selection.of(path), span):
            meter.take(table)
        meter.end()
        energy = Decimal(repr(meter.energy_kwh)).quantize(_DIGITS).normalize()
        span_us = to_us(end) - to_us(start)
        return Measured(
            series=path, method=method, start=start, end=end, energy_kwh=energy, known=meter.known_us / span_us
        )


@lru_cache(maxsize=1_024)
def method_of(unit: str) -> Method | None:
    """How a series in that unit tells energy; None when it does not: newton metres are torque on every meter."""
    if _TORQUE.fullmatch(unit.strip()):
        return None
    for method, wanted in ((Method.COUNTER, "kW.h"), (Method.POWER, "kW")):
        try:
            convert(1.0, unit, wanted)
        except BadUnit:
            continue
        return method if unit else None
    return None


def _check_span(start: datetime, end: datetime) -> None:
    if start.tzinfo is None or end.tzinfo is None:
        raise Invalid("The production window has no time zone.", hint="Write times such as 2026-05-01T08:00:00Z.")
    if not timedelta() < end - start <= LONGEST or end > datetime.now(UTC):
        raise Invalid(
            f"A production window from {start.isoformat()} to {end.isoformat()} cannot be measured.",
            hint=f"It ends after it began, not in the future, and lasts {LONGEST.days} days at most.",
        )


class _Meter:
    """Adds up one series, table by table in the order of time."""

    def __init__(self, method: Method, scale: float, end_us: int) -> None:
        self._method, self._scale, self._end_us = method, scale, end_us
        self._last: tuple[int, float] | None = None
        self.energy_kwh = 0.0
        self.known_us = 0

    def take(self, table: pa.Table) -> None:
        """Add the samples of one table to what came before."""
        ts: NDArray[np.int64] = table["ts"].cast(pa.int64()).to_numpy()
        numbers: NDArray[np.float64] = np.array(table["number"].to_pylist(), dtype=float) * self._scale
        usable = (table["quality"].to_numpy() < int(Quality.BAD)) & np.isfinite(numbers)
        values = np.where(usable, numbers, np.nan)
        if self._last is not None:
            ts, values = np.concatenate(([self._last[0]], ts)), np.concatenate(([self._last[1]], values))
        self._add(np.diff(ts), values)
        if len(ts):
            self._last = int(ts[-1]), float(values[-1])

    def end(self) -> None:
        """A power holds until the end of the time."""
        if self._method is Method.POWER and self._last is not None:
            self._add(np.array([self._end_us - self._last[0]]), np.array([self._last[1], np.nan]))

    def _add(self, spans: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        before, after = values[:-1], values[1:]
        if self._method is Method.POWER:
            known = np.isfinite(before)
            self.energy_kwh += float((before * spans)[known].sum()) / _HOUR_US
        else:
            known = np.isfinite(before) & np.isfinite(after)
            grown = np.where(after >= before, after - before, after)
            self.energy_kwh += float(grown[known].sum())
        self.known_us += int(spans[known].sum())
