"""Working time of a production calendar, and of those it inherits from.

    working(child) = working(parent) + own work - own breaks, maintenance and days off

so that a special shift counts on a holiday of the plant, and a holiday of the machine on a working day of the plant.
A slot with the UID of one of the parent's takes that one's place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lineshaft.kernel.terms import TimeRange
from lineshaft.twins.submodels.errors import BadSubmodel

from .slots import Slot, Sort

Stretch = tuple[datetime, datetime]
_LONGEST = timedelta(days=3660)
_LOOK_AHEAD = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductionCalendar:
    """The slots of one calendar, and the calendar it adds to."""

    slots: tuple[Slot, ...]
    parent: ProductionCalendar | None = None

    def without(self, uids: frozenset[str]) -> ProductionCalendar:
        """The same without slots that a calendar below replaces."""
        kept = tuple(slot for slot in self.slots if slot.uid not in uids)
        return ProductionCalendar(slots=kept, parent=self.parent.without(uids) if self.parent else None)


def working(calendar: ProductionCalendar, span: TimeRange) -> list[TimeRange]:
    """The stretches of working time in a span of at most ten years, in order, none touching another.

    A rule that never comes true is tried until the year 9999, some seconds: services call this in a thread.
    """
    if span.span > _LONGEST:
        raise BadSubmodel("Working time is worked out for at most ten years at once.", hint="Ask in parts.")
    return [TimeRange(start=start, end=end) for start, end in _working(calendar, span)]


def working_time(calendar: ProductionCalendar, span: TimeRange) -> timedelta:
    """How much working time a span has."""
    return sum((one.span for one in working(calendar, span)), timedelta(0))


def done_at(calendar: ProductionCalendar, start: datetime, work: timedelta) -> datetime:
    """When so much working time has passed; BadSubmodel when ten years do not have it."""
    left, begin = work, start
    while begin - start < _LONGEST:
        span = TimeRange(start=begin, end=begin + _LOOK_AHEAD)
        for one in working(calendar, span):
            if left <= one.span:
                return one.start + left
            left -= one.span
        begin = span.end
    raise BadSubmodel(f"The calendar has no {work} of working time in the next ten years.")


def _working(calendar: ProductionCalendar, span: TimeRange) -> list[Stretch]:
    own = frozenset(slot.uid for slot in calendar.slots if slot.uid)
    inherited = _working(calendar.parent.without(own), span) if calendar.parent else []
    work = [*inherited, *_stretches(calendar, span, Sort.WORK)]
    off = _stretches(calendar, span, Sort.BREAK, Sort.MAINTENANCE, Sort.HOLIDAY)
    return _less(_joined(work), _joined(off))


def _stretches(calendar: ProductionCalendar, span: TimeRange, *sorts: Sort) -> list[Stretch]:
    found = [one for slot in calendar.slots if slot.sort in sorts for one in slot.within(span)]
    return [(max(start, span.start), min(end, span.end)) for start, end in found]


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start < end:
            found.append((start, end))
    return found


def _less(work: list[Stretch], off: list[Stretch]) -> list[Stretch]:
    """What is left of ordered stretches without others."""
    found: list[Stretch] = []
    for start, end in work:
        left = start
        for began, ended in off:
            if ended <= left or began >= end:
                continue
            if began > left:
                found.append((left, began))
            left = max(left, ended)
        if left < end:
            found.append((left, end))
    return found
