"""Interlocks as they are written and judged."""

from __future__ import annotations

import pytest

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.errors import BadTwin
from lineshaft.twins.model import Property
from lineshaft.twins.model.interlocks import parse_interlock
from lineshaft.twins.model.types import check_properties

NOW = {"speed": 0.0, "guard-closed": True, "mode": "Hand", "alarm": False, "acme/a/b/level": 3.5, "gone": None}


def holds(text: str) -> bool:
    return all(one.holds(NOW) for one in parse_interlock(text).conditions)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "speed = 0 and guard-closed",
        "not alarm",
        'mode = "Hand" or mode = "Auto"',
        '(mode = "Auto" or mode = "Hand") and speed <= 0.5',
        "acme/a/b/level > -4.5e0 and acme/a/b/level != 4",
        "not (speed > 0 or alarm)",
        "alarm = false and guard-closed = true",
    ],
)
def test_what_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "speed > 0",
        "not guard-closed",
        'mode = "Auto"',
        "mode > 0",
        "mode",
        "gone = 1",
        "not gone",
        "speed = 0 or gone = 1",
        "unheard-of",
    ],
)
def test_what_does_not_hold_also_because_nobody_knows(text: str) -> None:
    assert not holds(text)


def test_each_condition_that_and_joins_is_told_apart() -> None:
    lock = parse_interlock('speed = 0 and (guard-closed or alarm) and mode = "Auto"')
    assert [(one.text, one.holds(NOW)) for one in lock.conditions] == [
        ("speed = 0", True),
        ("(guard-closed or alarm)", True),
        ('mode = "Auto"', False),
    ]
    assert lock.names == ("speed", "guard-closed", "alarm", "mode")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("speed = ", "at its end"),
        ("speed == 0", "at '= 0'"),
        ("speed = 0 and", "at its end"),
        ("(speed = 0", "at its end"),
        ("speed = 0)", "at ')'"),
        ("speed 0", "at '0'"),
        ("__import__('os')", "is not understood at"),
        ("speed = 0; drop", "at '; drop'"),
        ("(" * 30 + "alarm" + ")" * 30, "brackets"),
        ("a" * 2000, "1000 characters"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_named(text: str, where: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_interlock(text)
    assert where in refused.value.message


def test_a_property_with_a_wrong_interlock_is_refused() -> None:
    with pytest.raises(BadTwin, match="'speed' of the tank has a wrong interlock"):
        check_properties([Property(name="speed", interlock="level >")], "the tank")
