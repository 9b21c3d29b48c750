"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lineshaft.console import ago, duration, moment, number, percent, quantity, size, unit_text

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (None, None, "–"), (float("nan"), None, "–"), (float("inf"), 2, "–"), (0.0, None, "0"), (7, None, "7"),
        (128_403, None, "128,403"), (71.3, None, "71.30"), (9.9999, None, "10.00"),
        (0.5, None, "0.500"), (0.04, None, "0.040"), (767.0, None, "767.0"), (1999.96, None, "2,000"),
        (-0.00123, None, "−0.0012"), (0.000045, None, "4.500e-05"),
        (12_345.6, None, "12,346"), (3e-9, None, "3.000e-09"), (2.345, 1, "2.3"),
    ],
)  # fmt: skip
def test_numbers_show_as_many_decimals_as_their_size_deserves(
    value: float | None, digits: int | None, shown: str
) -> None:
    assert number(value, digits) == shown


def test_quantities_carry_units_as_people_write_them() -> None:
    assert quantity(71.3, "Cel") == "71.30\u00a0°C"
    assert quantity(None, "Cel") == "–"
    assert quantity(3.0, "1") == "3.00"
    assert unit_text("{bottles}/min") == "bottles/min"
    assert unit_text("kW.h") == "kWh"
    assert percent(0.875) == "88\u00a0%"


@pytest.mark.parametrize(
    ("octets", "shown"), [(12, "12 B"), (999, "999 B"), (3_200_000, "3.2 MB"), (4.5e12, "4.5 TB"), (9e15, "9000.0 TB")]
)
def test_sizes_are_in_powers_of_a_thousand(octets: float, shown: str) -> None:
    assert size(octets) == shown


@pytest.mark.parametrize(
    ("span", "english", "chinese"),
    [
        (timedelta(milliseconds=250), "250 ms", "250 ms"),
        (timedelta(seconds=45), "45 s", "45 秒"),
        (timedelta(minutes=3, seconds=20), "3 min 20 s", "3 分钟 20 秒"),
        (timedelta(hours=2), "2 h", "2 小时"),
        (timedelta(days=4, hours=5, minutes=9), "4 d 5 h", "4 天 5 小时"),
    ],
)
def test_spans_are_in_their_two_largest_parts(span: timedelta, english: str, chinese: str) -> None:
    assert duration(span) == english
    assert duration(span.total_seconds(), "zh") == chinese


@pytest.mark.parametrize(
    ("before", "english", "chinese"),
    [(0.4, "now", "刚刚"), (3, "3 s ago", "3 秒前"), (400, "6 min ago", "6 分钟前"), (-7300, "in 2 h", "2 小时后")],
)
def test_ages_are_in_one_part(before: float, english: str, chinese: str) -> None:
    then = NOW - timedelta(seconds=before)
    assert ago(then, now=NOW) == english
    assert ago(then, now=NOW, language="zh") == chinese
    assert ago(None) == "–"


def test_moments_are_in_the_viewers_zone_also_around_daylight_saving() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert moment(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), berlin) == "2026-03-29 01:59:59"
    assert moment(datetime(2026, 3, 29, 1, tzinfo=UTC), berlin, seconds=False) == "2026-03-29 03:00"
    assert moment(None) == "–"
