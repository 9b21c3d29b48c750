"""Shows what happened when: lanes with spans and moments over one line of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .display import look_of
from .format import moment
from .live import Live
from .view import here

TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """Something that happened at once; `state` gives its look, as with badges."""

    at: datetime
    label: str
    state: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Something that lasted; without an end it lasts still."""

    start: datetime
    label: str
    end: datetime | None = None
    state: str = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One row of a timeline."""

    name: str
    stretches: Sequence[Stretch] = ()
    moments: Sequence[Instant] = ()


class Timeline(Live, component="assets/ls_timeline.js"):
    """Lanes over time."""


def timeline(lanes: Sequence[Lane], *, start: datetime, end: datetime, label: str) -> Timeline:
    """What happened from one moment to another: `timeline([Lane(name="Owner", stretches=[…])], start=…, end=…)`.

    What lies outside is cut; hovering tells label and time of each part, which the screen reader reads too.
    """
    span = max((end - start).total_seconds(), 1.0)

    def at(when: datetime) -> float:
        return round(min(max((when - start).total_seconds() / span, 0.0), 1.0) * 100, 3)

    def told(label_: str, since: datetime, until: datetime | None = None) -> str:
        zone = here().timezone
        when = moment(since, zone) if until is None else f"{moment(since, zone)} – {moment(until, zone)}"
        return f"{label_} · {when}"

    rows = [
        {
            "name": lane.name,
            "stretches": [
                {
                    "left": at(one.start),
                    "width": at(one.end or end) - at(one.start),
                    "label": one.label,
                    "told": told(one.label, one.start, one.end),
                    "look": look_of(one.state),
                }
                for one in lane.stretches
            ],
            "moments": [
                {"left": at(one.at), "told": told(one.label, one.at), "look": look_of(one.state)}
                for one in lane.moments
            ],
        }
        for lane in lanes
    ]
    return Timeline(rows=rows, ticks=_ticks(start, end), label=label)


def _ticks(start: datetime, end: datetime) -> list[dict[str, object]]:
    """Dates along the line; times of day where all of it is short."""
    step, zone = (end - start) / (TICKS - 1), here().timezone
    form = "%Y-%m-%d" if end - start > timedelta(days=4) else "%m-%d %H:%M"
    return [
        {"left": 100 * n / (TICKS - 1), "text": (start + n * step).astimezone(zone).strftime(form)}
        for n in range(TICKS)
    ]
