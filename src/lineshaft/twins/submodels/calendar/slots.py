"""Reads an iCalendar file into slots of time (RFC 5545), with the extensions of IDTA 02067.

    X_PRODUCTION_DAY    the asset produces         X_BREAK    a break        X_MAINTENANCE    maintenance or repair

A slot is of one of these sorts when it is a component of that name, or an event with a property or a category of it
(`X-BREAK` counts, too). Otherwise an event with times is working time, and one that fills whole days, or has the
category HOLIDAY, is time off. Cancelled and transparent events say nothing. Recurrences run in the local time of
their zone, so that a shift begins at six in summer and in winter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from dateutil.rrule import rrulestr
from icalendar.error import BrokenCalendarProperty

from lineshaft.kernel.terms import TimeRange
from lineshaft.twins.submodels.errors import BadSubmodel

_MOST = 100_000
_TOO_FAST = {"SECONDLY", "MINUTELY", "HOURLY"}
_MOST_A_DAY = 24
_EARLIEST = 1970


class Sort(StrEnum):
    """What a slot says about the time in it."""

    WORK = "work"
    BREAK = "break"
    MAINTENANCE = "maintenance"
    HOLIDAY = "holiday"


_MARKS = {
    "X_PRODUCTION_DAY": Sort.WORK,
    "X_BREAK": Sort.BREAK,
    "X_MAINTENANCE": Sort.MAINTENANCE,
    "HOLIDAY": Sort.HOLIDAY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One event and its recurrences. Times are local to `zone`, without a zone of their own."""

    uid: str
    sort: Sort
    first: datetime
    length: timedelta
    zone: tzinfo
    exact: bool = False
    """Whether the length is a DURATION, which does not stretch when the clocks change."""
    rule: str = ""
    also: tuple[datetime, ...] = ()
    never: frozenset[datetime] = frozenset()
    summary: str = ""

    def within(self, span: TimeRange) -> Iterator[tuple[datetime, datetime]]:
        """Start and end, in UTC, of every recurrence that touches a span."""
        edge = self.length + timedelta(days=1)
        low = span.start.astimezone(self.zone).replace(tzinfo=None) - edge
        high = span.end.astimezone(self.zone).replace(tzinfo=None) + edge
        for start in self._starts(low, high):
            began = start.replace(tzinfo=self.zone).astimezone(UTC)
            wall = (start + self.length).replace(tzinfo=self.zone).astimezone(UTC)
            ended = began + self.length if self.exact else wall
            if began < span.end and ended > span.start:
                yield began, ended

    def _starts(self, low: datetime, high: datetime) -> Iterator[datetime]:
        moments = set(self.also)
        if self.rule:
            for count, moment in enumerate(rrulestr(self.rule, dtstart=self.first).xafter(low, inc=True)):
                if moment > high:
                    break
                if count >= _MOST:
                    raise BadSubmodel(f"The event {self.uid!r} recurs more than {_MOST:,} times in the span.")
                moments.add(moment)
        else:
            moments.add(self.first)
        yield from (moment for moment in sorted(moments) if low <= moment <= high and moment not in self.never)


def read_slots(text: str | bytes, *, zone: str = "UTC") -> list[Slot]:
    """Every slot of a file; times without a zone are in `zone`. BadSubmodel says what cannot be read."""
    try:
        parsed: Any = icalendar.Calendar.from_ical(text)
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise BadSubmodel(f"The calendar is no iCalendar file: {str(error)[:120]}.") from error
    home = ZoneInfo(zone)
    events = [one for one in parsed.walk() if one.name == "VEVENT" or _mark(one.name)]
    slots = [slot for one in events if not _silent(one) for slot in [_slot(one, home)]]
    return _with_exceptions(events, slots, home)


def _with_exceptions(events: list[Any], slots: list[Slot], home: tzinfo) -> list[Slot]:
    """An event with a RECURRENCE-ID stands for that one recurrence of the event with its UID, even a cancelled one."""
    moved: dict[str, set[datetime]] = {}
    for one in events:
        if "RECURRENCE-ID" in one:
            moved.setdefault(str(one.get("UID", "")), set()).add(_local(one["RECURRENCE-ID"].dt, home)[0])
    found = []
    for slot in slots:
        gone = frozenset(moved.get(slot.uid, ())) if slot.rule else frozenset()
        found.append(replace(slot, never=slot.never | gone) if gone else slot)
    return found


def _mark(name: Any) -> Sort | None:
    return _MARKS.get(str(name or "").upper().replace("-", "_"))


def _silent(event: Any) -> bool:
    off = str(event.get("STATUS", "")).upper() == "CANCELLED"
    return off or (str(event.get("TRANSP", "")).upper() == "TRANSPARENT" and _sort_of(event) is None)


def _sort_of(event: Any) -> Sort | None:
    """The sort a mark gives: the component's name, a property that is not false, or a category."""
    if own := _mark(event.name):
        return own
    for name, value in event.items():
        if (sort := _mark(name)) and str(_text(value)).strip().upper() not in ("FALSE", "0", "NO"):
            return sort
    said = event.get("CATEGORIES")
    groups = said if isinstance(said, list) else [said] if said is not None else []
    return next((sort for group in groups for word in group.cats if (sort := _mark(str(word)))), None)


def _text(value: Any) -> str:
    return value.to_ical().decode() if hasattr(value, "to_ical") else str(value)


def _slot(event: Any, home: tzinfo) -> Slot:
    uid = str(event.get("UID", "") or event.get("SUMMARY", ""))
    said = _time(event, "DTSTART", uid)
    if said is None:
        raise BadSubmodel(f"The event {uid!r} has no DTSTART.")
    first, zone = _local(said, home)
    if first.year < _EARLIEST:
        raise BadSubmodel(f"The event {uid!r} begins in {first.year}; calendars begin in {_EARLIEST}.")
    whole_days = not isinstance(said, datetime)
    length, exact = _length(event, uid, first, zone)
    if length == timedelta(0) and whole_days:
        length = timedelta(days=1)
    return Slot(
        uid=uid,
        sort=_sort_of(event) or (Sort.HOLIDAY if whole_days else Sort.WORK),
        first=first,
        length=length,
        exact=exact,
        zone=zone,
        rule=_rule(event, uid, zone),
        also=tuple(_dates(event, "RDATE", zone)),
        never=frozenset(_dates(event, "EXDATE", zone)),
        summary=str(event.get("SUMMARY", "")),
    )


def _time(event: Any, name: str, uid: str) -> Any:
    """The date, time or span of a property; None when the event does not have it."""
    try:
        return event[name].dt if name in event else None
    except (AttributeError, BrokenCalendarProperty) as error:
        raise BadSubmodel(f"The event {uid!r} has a {name} that is no time.") from error


def _length(event: Any, uid: str, first: datetime, zone: tzinfo) -> tuple[timedelta, bool]:
    end, span = _time(event, "DTEND", uid), _time(event, "DURATION", uid)
    if end is not None:
        end = end.astimezone(zone) if isinstance(end, datetime) and end.tzinfo else end
        return max(_local(end, zone)[0] - first, timedelta(0)), False
    return (span, True) if isinstance(span, timedelta) else (timedelta(0), False)


def _local(said: date, home: tzinfo) -> tuple[datetime, tzinfo]:
    """A time as its clock on the wall shows it, and where the wall is."""
    if not isinstance(said, datetime):
        return datetime.combine(said, time()), home
    if said.tzinfo is None:
        return said, home
    zone = said.tzinfo if said.tzinfo is not UTC and said.tzinfo != ZoneInfo("UTC") else UTC
    return said.replace(tzinfo=None), zone


def _rule(event: Any, uid: str, zone: tzinfo) -> str:
    said = event.get("RRULE")
    if said is None:
        return ""
    if isinstance(said, list):
        raise BadSubmodel(f"The event {uid!r} has {len(said)} rules of recurrence.", hint="Write one event per rule.")
    rule: Any = icalendar.vRecur(said)
    if set(map(str, rule.get("FREQ", ()))) & _TOO_FAST:
        raise BadSubmodel(f"The event {uid!r} recurs more often than daily.", hint="Write DAILY with BYHOUR.")
    if math.prod(max(1, len(rule.get(part, ()))) for part in ("BYHOUR", "BYMINUTE", "BYSECOND")) > _MOST_A_DAY:
        raise BadSubmodel(f"The event {uid!r} recurs more than {_MOST_A_DAY} times a day.", hint="Write longer slots.")
    ends = [one for one in rule.get("UNTIL", ()) if isinstance(one, datetime) and one.tzinfo is not None]
    if ends:
        rule["UNTIL"] = [ends[0].astimezone(zone).replace(tzinfo=None)]
    return str(rule.to_ical().decode())


def _dates(event: Any, name: str, zone: tzinfo) -> Iterator[datetime]:
    said = event.get(name)
    for group in said if isinstance(said, list) else [said] if said is not None else []:
        for one in group.dts:
            moment = one.dt
            if isinstance(moment, datetime) and moment.tzinfo is not None:
                moment = moment.astimezone(zone)
            yield _local(moment, zone)[0]
