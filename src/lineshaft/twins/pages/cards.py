"""One tile for one machine, or for a place with all its machines: drawn once, then kept fresh."""

from __future__ import annotations

from collections.abc import Mapping

from lineshaft.console import Tile, View, tile, unit_text
from lineshaft.kernel.terms import Kind
from lineshaft.twins.model import Activity, Brief, Condition, Group, PointState, called

from .words import ACTIVITIES, LEVELS, address_of, place_of, point_name, status_of, tile_status, value_text


def draw_machine(view: View, brief: Brief) -> Tile:
    """A machine by what says most about it."""
    made = tile(called(brief.title, brief.path.name, view.language), href=address_of(brief.path))
    set_machine(view, made, brief)
    return made


def set_machine(view: View, shown: Tile, brief: Brief) -> None:
    """Show the machine as it is now."""
    lead = _telling(brief)
    if lead is None:
        shown.set(view.text(ACTIVITIES[brief.activity]), status=tile_status(brief))
        shown.patch(unit="", note="")
    else:
        numeric = isinstance(lead.value, int | float) and not isinstance(lead.value, bool)
        shown.set(lead.value if numeric else value_text(view, lead), status=tile_status(brief))
        shown.patch(unit=unit_text(lead.point.property.unit) if numeric else "", note=point_name(view, lead.point))


def _telling(brief: Brief) -> PointState | None:
    """The leading value; of machines that can tell whether they run only when it is a quantity."""
    lead = brief.leading
    if lead is None or brief.activity is Activity.UNKNOWN or lead.point.property.kind is Kind.NUMBER:
        return lead
    return None


def draw_place(view: View, group: Group) -> Tile:
    """A place by how many of its machines run."""
    made = tile(
        called(group.title, group.path.name, view.language),
        unit=view.text("running"),
        href=place_of(group.path),
        note=view.text(LEVELS[group.level]),
    )
    set_place(made, group)
    return made


def set_place(shown: Tile, group: Group) -> None:
    """Show the place as it is now."""
    shown.set(running_of(group.conditions), status=_status_of(group))


def running_of(conditions: Mapping[Condition, int]) -> str:
    """How many run, of those that can tell."""
    return f"{conditions[Condition.RUNNING]} / {sum(conditions.values()) - conditions[Condition.UNKNOWN]}"


def _status_of(group: Group) -> str:
    if not group.twins:
        return "unknown"
    waits = group.conditions[Condition.ATTENTION]
    return status_of(Condition.ATTENTION, group.trouble) if waits else "good"
