"""How readings of a picture are shown: looks, texts and units, and what stays of them while values change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lineshaft.console import Sign, View, number, unit_text
from lineshaft.kernel.terms import Value
from lineshaft.twins.model import Activity, Trouble, Twin, say
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.model.reading import Reading
from lineshaft.twins.pages.trends import Courses
from lineshaft.twins.pages.words import ACTIVITIES, TROUBLES, point_name
from lineshaft.twins.service import Watched

LOOKS: Mapping[Trouble, str] = {
    Trouble.ALARM: "alarm",
    Trouble.LOST: "lost",
    Trouble.BAD: "alarm",
    Trouble.RANGE: "warn",
    Trouble.STALE: "stale",
    Trouble.UNCERTAIN: "warn",
}
_RUNS: Mapping[Activity, str] = {Activity.RUNNING: "run", Activity.STOPPED: "stop", Activity.FAULTED: "stop"}
TELLING = ("state", "open")
"""Slots whose fill tells whether something runs; their trouble is a sign of its own, `state!`."""
SHOWING = (":fill", ":show")
"""The same of parts of drawings."""

Signs = dict[str, dict[str, Sign]]


def signs_of(view: View, now: Mapping[str, Mapping[str, Reading]]) -> Signs:
    """All slots as the console shows them."""
    return {item: _signs(view, slots) for item, slots in now.items()}


def _signs(view: View, slots: Mapping[str, Reading]) -> dict[str, Sign]:
    found: dict[str, Sign] = {}
    for slot, reading in slots.items():
        trouble = LOOKS[reading.trouble] if reading.trouble else ""
        if not reading.known:
            found[slot] = Sign("unknown", "–")
        elif slot in TELLING:
            found[slot] = Sign(_RUNS.get(reading.activity, "good"), _state_word(view, reading))
            found[f"{slot}!"] = Sign(trouble or "good")
        elif slot.endswith(SHOWING) and not trouble:
            found[slot] = Sign(_RUNS.get(reading.activity, "good"), _text(view, reading.value), None, reading.number)
        else:
            found[slot] = Sign(trouble or "good", _text(view, reading.value), reading.fraction, reading.number)
    return found


def _state_word(view: View, reading: Reading) -> str:
    """What is the matter, else what the machine does; a property by what it says."""
    if reading.value is not None and not isinstance(reading.value, bool | float | int):
        return _text(view, reading.value)
    if reading.trouble is not None and reading.trouble is not Trouble.UNCERTAIN:
        return view.text(TROUBLES[reading.trouble])
    return view.text(ACTIVITIES[reading.activity])


def _text(view: View, value: Value | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return view.text("Yes") if value else view.text("No")
    return view.text(value) if isinstance(value, str) and value.strip() else number(value) if not isinstance(
        value, str) else "–"  # fmt: skip


async def known_of(view: View, picture: Picture, watched: Watched) -> dict[str, dict[str, dict[str, Any]]]:
    """What of each slot stays the same: its name, its unit and its band; the course so far of trends."""
    courses = await _courses(view, picture, watched)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for item in picture.items:
        for slot, source in watched.slots.get(item.id, {}).items():
            if source.point is None:
                continue
            prop, span = source.point.property, source.span
            told: dict[str, Any] = {"title": point_name(view, source.point), "unit": unit_text(prop.unit)}
            if span is not None:
                told |= {"low": span.low or 0.0, "high": 1.0 if span.high is None else span.high}
            if span is not None and span.low is None and span.high is None:
                told |= {"low": 0.0, "high": 0.0}
            if item.symbol == "trend":
                course = courses.get(source.point.series, [])
                told["trend"] = {"low": prop.low, "high": prop.high, "unit": told["unit"], "course": course}
            found.setdefault(item.id, {})[slot] = told
    return found


async def _courses(view: View, picture: Picture, watched: Watched) -> dict[str, list[float | None]]:
    """A few points of the last minutes of what trends show."""
    drawn = {item.id for item in picture.items if item.symbol == "trend"}
    twins: dict[str, Twin] = {twin.path: twin for twin in watched.twins}
    found: dict[str, list[float | None]] = {}
    for path in {s.twin for item in drawn for s in watched.slots.get(item, {}).values()}:
        found |= await Courses(view, twins[path]).recent()
    return found


def drawn(view: View, picture: Picture) -> dict[str, Any]:
    """A picture as the browser takes it."""
    told: dict[str, Any] = msgspec.to_builtins(picture, enc_hook=str)
    return told | {"title": say(picture.title, view.language), "titles": picture.title}
