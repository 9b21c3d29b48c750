"""IDTA 02067: working time between two moments, with breaks, holidays, maintenance, clock changes and inheritance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lineshaft.kernel.terms import TimeRange
from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.metamodel.references import to_identifiable
from lineshaft.twins.submodels import BadSubmodel, check, template
from lineshaft.twins.submodels.calendar import (
    ProductionCalendar,
    calendar_of,
    calendar_submodel,
    done_at,
    read_slots,
    working,
    working_time,
)

BERLIN = "Europe/Berlin"
HOUR = timedelta(hours=1)
HOURS = ",".join(str(hour) for hour in range(24))


def event(uid: str, start: str, end: str, *more: str, name: str = "VEVENT", zone: str = BERLIN) -> str:
    when = f";TZID={zone}:" if "T" in start else ";VALUE=DATE:"
    return "\r\n".join(
        [f"BEGIN:{name}", f"UID:{uid}", f"DTSTART{when}{start}", f"DTEND{when}{end}", *more, f"END:{name}"]
    )


def file(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", *events, "END:VCALENDAR", ""])


def calendar(*events: str, parent: ProductionCalendar | None = None) -> ProductionCalendar:
    return ProductionCalendar(slots=tuple(read_slots(file(*events), zone=BERLIN)), parent=parent)


def days(first: int, last: int, month: int = 1) -> TimeRange:
    """Whole days of 2026, in UTC."""
    start = datetime(2026, month, first, tzinfo=UTC)
    return TimeRange(start=start, end=datetime(2026, month, last, tzinfo=UTC) + timedelta(days=1))


EARLY = event("early", "20260105T060000", "20260105T140000", "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")
BREAK = event("break", "20260105T090000", "20260105T093000", "RRULE:FREQ=DAILY", "X_BREAK:TRUE")
EPIPHANY = event("epiphany", "20260106", "20260107")


def test_shifts_less_breaks_and_holidays_are_working_time() -> None:
    assert working_time(calendar(EARLY), days(5, 11)) == 40 * HOUR
    assert working_time(calendar(EARLY, BREAK), days(5, 11)) == 37.5 * HOUR
    assert working_time(calendar(EARLY, BREAK, EPIPHANY), days(5, 11)) == 30 * HOUR


def test_the_stretches_of_a_day_are_told_in_order() -> None:
    assert working(calendar(EARLY, BREAK), days(5, 5)) == [
        TimeRange(start=datetime(2026, 1, 5, 5, tzinfo=UTC), end=datetime(2026, 1, 5, 8, tzinfo=UTC)),
        TimeRange(start=datetime(2026, 1, 5, 8, 30, tzinfo=UTC), end=datetime(2026, 1, 5, 13, tzinfo=UTC)),
    ]


def test_only_the_part_inside_the_span_counts() -> None:
    span = TimeRange(start=datetime(2026, 1, 5, 6, tzinfo=UTC), end=datetime(2026, 1, 5, 7, 15, tzinfo=UTC))
    assert working_time(calendar(EARLY, BREAK), span) == 1.25 * HOUR
    assert working_time(calendar(EARLY), TimeRange(start=span.start, end=span.start)) == timedelta(0)


@pytest.mark.parametrize(
    "mark",
    [
        ("X_MAINTENANCE:TRUE",),
        ("X-MAINTENANCE:yes",),
        ("CATEGORIES:Plan,X_MAINTENANCE",),
        ("CATEGORIES:HOLIDAY",),
    ],
)
def test_a_slot_is_marked_by_property_or_category(mark: tuple[str, ...]) -> None:
    repair = event("repair", "20260105T100000", "20260105T120000", *mark)
    assert working_time(calendar(EARLY, repair), days(5, 5)) == 6 * HOUR


def test_a_slot_is_marked_by_the_name_of_its_component_and_false_is_no_mark() -> None:
    repair = event("repair", "20260105T100000", "20260105T120000", name="X_MAINTENANCE")
    assert working_time(calendar(EARLY, repair), days(5, 5)) == 6 * HOUR
    late = event("late", "20260105T140000", "20260105T160000", "X_BREAK:FALSE")
    assert working_time(calendar(EARLY, late), days(5, 5)) == 10 * HOUR


@pytest.mark.parametrize("said", ["STATUS:CANCELLED", "TRANSP:TRANSPARENT"])
def test_cancelled_and_transparent_events_say_nothing(said: str) -> None:
    extra = event("extra", "20260105T140000", "20260105T160000", said)
    assert working_time(calendar(EARLY, extra), days(5, 5)) == 8 * HOUR


def test_a_shift_begins_at_six_in_winter_and_in_summer() -> None:
    shifts = calendar(event("e", "20260105T060000", "20260105T140000", "RRULE:FREQ=DAILY"))
    assert working(shifts, days(10, 10))[0].start.hour == 5
    assert working(shifts, days(10, 10, month=7))[0].start.hour == 4


@pytest.mark.parametrize(("day", "hours"), [("20260328", 7), ("20261024", 9), ("20260501", 8)])
def test_a_night_shift_is_an_hour_shorter_or_longer_when_the_clocks_change(day: str, hours: int) -> None:
    start = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
    end = (start + timedelta(days=1)).strftime("%Y%m%d")
    night = calendar(event("n", f"{day}T220000", f"{end}T060000"))
    assert working_time(night, TimeRange(start=start, end=start + timedelta(days=3))) == hours * HOUR


def test_exceptions_of_a_recurrence_are_left_out_moved_or_added() -> None:
    out = event(
        "early", "20260105T060000", "20260105T140000",
        "RRULE:FREQ=DAILY;COUNT=5", f"EXDATE;TZID={BERLIN}:20260106T060000",
        f"RDATE;TZID={BERLIN}:20260117T060000",
    )  # fmt: skip
    assert working_time(calendar(out), days(5, 18)) == 5 * 8 * HOUR
    moved = event("early", "20260107T100000", "20260107T120000", f"RECURRENCE-ID;TZID={BERLIN}:20260107T060000")
    assert working_time(calendar(out, moved), days(5, 18)) == (4 * 8 + 2) * HOUR


def test_a_rule_ends_at_its_until_in_utc() -> None:
    shifts = event("e", "20260105T060000", "20260105T140000", "RRULE:FREQ=DAILY;UNTIL=20260107T050000Z")
    assert working_time(calendar(shifts), days(1, 31)) == 24 * HOUR


def test_overlapping_shifts_count_once() -> None:
    late = event("late", "20260105T120000", "20260105T200000")
    assert working_time(calendar(EARLY, late), days(5, 5)) == 14 * HOUR


def test_a_calendar_adds_to_the_one_it_inherits_from() -> None:
    plant = calendar(EARLY, BREAK, EPIPHANY)
    special = event("special", "20260106T080000", "20260106T100000", "X_PRODUCTION_DAY:TRUE")
    service = event("service", "20260107T060000", "20260107T100000", "X_MAINTENANCE:TRUE")
    assert working_time(calendar(special, parent=plant), days(6, 6)) == 2 * HOUR
    assert working_time(calendar(service, parent=plant), days(7, 7)) == 4 * HOUR
    assert working_time(calendar(parent=plant), days(5, 11)) == 30 * HOUR


def test_a_slot_of_the_same_uid_takes_the_place_of_the_inherited_one() -> None:
    longer = event("early", "20260105T060000", "20260105T180000", "RRULE:FREQ=DAILY")
    assert working_time(calendar(longer, parent=calendar(EARLY)), days(5, 11)) == 7 * 12 * HOUR


def test_the_end_of_a_job_is_found_over_breaks_and_weekends() -> None:
    shifts = calendar(EARLY, BREAK)
    friday = datetime(2026, 1, 9, 12, tzinfo=UTC)
    assert done_at(shifts, friday, HOUR) == datetime(2026, 1, 9, 13, tzinfo=UTC)
    assert done_at(shifts, friday, 2 * HOUR) == datetime(2026, 1, 12, 6, tzinfo=UTC)
    with pytest.raises(BadSubmodel, match="no 1:00:00 of working time in the next ten years"):
        done_at(calendar(), friday, HOUR)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello", "is no iCalendar file"),
        (file("BEGIN:VEVENT", "UID:x", "DTSTART:garbage", "END:VEVENT"), "The event 'x' has a DTSTART that is no time"),
        (file(event("x", "20260105T060000", "20260105T070000", "RRULE:FREQ=HOURLY")), "more often than daily"),
        (
            file(event("x", "20260105T060000", "20260105T070000", "RRULE:FREQ=DAILY;BYMINUTE=0,30;BYHOUR=" + HOURS)),
            "recurs more than 24 times a day",
        ),
        (file(event("x", "00010105T060000", "00010105T070000", "RRULE:FREQ=DAILY")), "begins in 1; calendars begin"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(BadSubmodel, match=says):
        read_slots(text)


def test_a_span_of_more_than_ten_years_is_refused() -> None:
    span = TimeRange(start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2037, 1, 1, tzinfo=UTC))
    with pytest.raises(BadSubmodel, match="at most ten years"):
        working(calendar(EARLY), span)


def family() -> tuple[dict[str, Any], dict[str, Any]]:
    plant = calendar_submodel("urn:plant", file="/aasx/plant.ics")
    machine = calendar_submodel("urn:m", file="/aasx/m.ics", inherited_from=to_identifiable("Submodel", "urn:plant"))
    return plant, machine


FILES = {
    "/aasx/plant.ics": file(EARLY, BREAK),
    "/aasx/m.ics": file(event("s", "20260107T060000", "20260107T100000", "X_MAINTENANCE:TRUE")),
}


def test_a_calendar_is_read_from_its_submodel_with_all_it_inherits() -> None:
    plant, machine = family()
    for made in (plant, machine):
        assert check(made, template("calendar")) == []
        assert metamodel.check(made) == []
    found = calendar_of(machine, FILES.__getitem__, {"urn:plant": plant}.get, zone=BERLIN)
    assert working_time(found, days(5, 11)) == 37.5 * HOUR - 3.5 * HOUR


def test_calendars_that_inherit_from_each_other_are_refused() -> None:
    plant, machine = family()
    plant = calendar_submodel("urn:plant", inherited_from=to_identifiable("Submodel", "urn:m"))
    with pytest.raises(BadSubmodel, match="inherits from itself: urn:m -> urn:plant -> urn:m"):
        calendar_of(machine, FILES.__getitem__, {"urn:plant": plant, "urn:m": machine}.get)
    with pytest.raises(BadSubmodel, match="inherits from 'urn:plant', and there is no such submodel"):
        calendar_of(machine, FILES.__getitem__, {}.get)
