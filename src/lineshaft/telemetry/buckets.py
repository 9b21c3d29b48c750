"""How time is cut into buckets: fixed spans and the local calendar, daylight saving included.

Fixed spans are aligned to 1970-01-01T00:00Z. Calendar buckets begin at local midnight (weeks on
Monday, ISO 8601) or, for shifts, at a list of local times; a day is 23 or 25 hours long when the
clock is changed. A local time that the clock jumps over begins when the jump is done, one that
happens twice begins the first time.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.clock import MICROS, from_us, to_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import TimeRange, nearest

MOST_BUCKETS = 100_000
"""Buckets per series of one answer."""
_SPANS_US = {
    "us": 1,
    "ms": 1_000,
    "s": MICROS,
    "m": 60 * MICROS,
    "min": 60 * MICROS,
    "h": 3_600 * MICROS,
    "d": 86_400 * MICROS,
    "w": 7 * 86_400 * MICROS,
}
_NICE_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600)
"""Above an hour any number of hours is nice, above a day any number of days."""


class Unit(StrEnum):
    """A unit of the calendar."""

    SHIFT = "shift"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """Buckets of one width."""

    span: timedelta

    def __post_init__(self) -> None:
        if self.span <= timedelta(0):
            raise Invalid("A bucket is longer than nothing.", hint="Write 10s, 5m or 1h.")

    @property
    def width_us(self) -> int:
        return self.span // timedelta(microseconds=1)

    def edges(self, span: TimeRange) -> NDArray[np.int64]:
        """Starts of all buckets that touch the range, and the end of the last, in µs."""
        width = self.width_us
        first, last = to_us(span.start) // width, -(-to_us(span.end) // width)
        _bounded(last - first)
        return np.arange(first, last + 1, dtype=np.int64) * width


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Buckets of the local calendar; `shifts` are the local times at which shifts begin."""

    unit: Unit
    zone: str = "UTC"
    shifts: tuple[time, ...] = ()

    def __post_init__(self) -> None:
        if self.zone not in zoneinfo.available_timezones():
            near = nearest(self.zone, zoneinfo.available_timezones())
            raise Invalid(f"{self.zone!r} is not a time zone.", hint=f"Did you mean {near!r}?" if near else "")
        if (self.unit is Unit.SHIFT) != bool(self.shifts):
            raise Invalid(
                "Shifts need their start times, and only they have some.", hint="Write shift(06:00,14:00,22:00)."
            )
        if len(set(self.shifts)) != len(self.shifts):
            raise Invalid("Two shifts begin at the same time.", hint="Give each start once.")

    def edges(self, span: TimeRange) -> NDArray[np.int64]:
        """Starts of all buckets that touch the range, and the end of the last, in µs."""
        zone = zoneinfo.ZoneInfo(self.zone)
        starts = sorted({_instant(local, zone) for local in self._locals(span, zone)})
        first, last = to_us(span.start), to_us(span.end)
        inside = [a for a, b in pairwise(starts) if b > first and a < last]
        end = next(b for b in starts if b >= last)
        return np.array([*inside, end] if inside else [end], dtype=np.int64)

    def _locals(self, span: TimeRange, zone: zoneinfo.ZoneInfo) -> Iterator[datetime]:
        """Local starts from one bucket before the range to one after it."""
        first = self._before(span.start.astimezone(zone).date() - timedelta(days=1))
        last = span.end.astimezone(zone).date() + timedelta(days=1)
        _bounded((last - first).days * max(1, len(self.shifts)) // {"week": 7, "month": 28}.get(self.unit.value, 1))
        for day in self._days(first, last):
            for start in sorted(self.shifts) or (time(0),):
                yield datetime.combine(day, start)

    def _days(self, first: date, last: date) -> Iterator[date]:
        day = first
        while True:
            yield day
            if day > last:
                return
            day = self._after(day)

    def _before(self, day: date) -> date:
        """The first day of the bucket that holds a day."""
        match self.unit:
            case Unit.WEEK:
                return day - timedelta(days=day.weekday())
            case Unit.MONTH:
                return day.replace(day=1)
            case Unit.QUARTER:
                return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
            case Unit.YEAR:
                return day.replace(month=1, day=1)
            case _:
                return day

    def _after(self, day: date) -> date:
        """The first day of the next bucket."""
        longest = {Unit.WEEK: 7, Unit.MONTH: 31, Unit.QUARTER: 92, Unit.YEAR: 366}.get(self.unit, 1)
        return self._before(day + timedelta(days=longest))


Bucket: TypeAlias = Every | Calendar


def parse_bucket(text: str, *, zone: str = "UTC") -> Bucket:
    """Read `10s`, `5m`, `1h`, `250ms`, or `day`, `week`, `month`, `quarter`, `year`, `shift(06:00,14:00,22:00)`."""
    fixed = re.fullmatch(r"(\d+)(us|ms|s|min|m|h|d|w)", text.strip())
    if fixed:
        return Every(span=timedelta(microseconds=int(fixed[1]) * _SPANS_US[fixed[2]]))
    shift = re.fullmatch(r"shift\(([^)]*)\)", text.strip())
    if shift:
        return Calendar(unit=Unit.SHIFT, zone=zone, shifts=tuple(_clock(part) for part in shift[1].split(",")))
    if text.strip() in {unit.value for unit in Unit if unit is not Unit.SHIFT}:
        return Calendar(unit=Unit(text.strip()), zone=zone)
    raise Invalid(
        f"{text!r} is not a bucket.",
        hint="Write 10s, 5m, 1h, day, week, month, quarter, year or shift(06:00,14:00,22:00).",
    )


def parse_span(text: str) -> timedelta:
    """Read a fixed span such as `90s` or `15m`."""
    bucket = parse_bucket(text)
    if isinstance(bucket, Calendar):
        raise Invalid(f"{text!r} has no fixed length.", hint="Write 90s, 15m or 1h.")
    return bucket.span


def fitting(span: TimeRange, points: int) -> Every:
    """The narrowest nice width that cuts the range into at most `points` buckets."""
    if points < 1:
        raise Invalid("A chart has at least one point.", hint="Ask for 100 to 4,000 points.")
    wanted = span.span.total_seconds() / points
    if wanted <= 0.5:
        steps = (base * 10**power for power in range(6) for base in (1, 2, 5))
        return Every(span=timedelta(microseconds=next(s for s in steps if s >= wanted * MICROS)))
    step = next((n for n in _NICE_S if n >= wanted), 3_600 if wanted <= 86_400 else 86_400)
    return Every(span=timedelta(seconds=max(step, -(-wanted // step) * step)))


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid(f"{text!r} is not a time of day.", hint="Write 06:00.") from error


def _bounded(buckets: int) -> None:
    if buckets > MOST_BUCKETS:
        raise Invalid(
            f"The question asks for {buckets:,} buckets per series, more than {MOST_BUCKETS:,}.",
            hint="Take wider buckets or a shorter range.",
        )


def _instant(local: datetime, zone: zoneinfo.ZoneInfo) -> int:
    """When a local clock first shows this time, in µs; when it never does, the moment it jumps over it."""
    moment = to_us(local.replace(tzinfo=zone).astimezone(UTC))
    if from_us(moment).astimezone(zone).replace(tzinfo=None) == local:
        return moment
    low, high = to_us(local.replace(tzinfo=zone, fold=1).astimezone(UTC)), moment
    before = from_us(low).astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if from_us(middle).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
