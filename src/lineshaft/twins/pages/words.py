"""How twins are called and shown on every screen."""

from __future__ import annotations

from collections.abc import Mapping

from lineshaft.console import ABSENT, View, mark, quantity
from lineshaft.kernel.terms import Kind, PlantPath, Value
from lineshaft.twins.model import Activity, Brief, Condition, Deed, Level, Point, PointState, Trouble, Twin, called

LEVELS: Mapping[Level, str] = {
    Level.ORGANISATION: mark("Organisation"),
    Level.SITE: mark("Site"),
    Level.AREA: mark("Area"),
    Level.LINE: mark("Line"),
    Level.CELL: mark("Cell"),
    Level.ASSET: mark("Machine"),
    Level.COMPONENT: mark("Component"),
}
TROUBLES: Mapping[Trouble, str] = {
    Trouble.ALARM: mark("The machine reports a fault"),
    Trouble.LOST: mark("Connection lost"),
    Trouble.BAD: mark("Bad value"),
    Trouble.RANGE: mark("Out of range"),
    Trouble.STALE: mark("No news"),
    Trouble.UNCERTAIN: mark("Uncertain value"),
}
STATUS: Mapping[Trouble, str] = {
    Trouble.ALARM: "alarm",
    Trouble.LOST: "lost",
    Trouble.BAD: "bad",
    Trouble.RANGE: "warning",
    Trouble.STALE: "stale",
    Trouble.UNCERTAIN: "uncertain",
}
"""The console's word for the look of each trouble."""
ACTIVITIES: Mapping[Activity, str] = {
    Activity.RUNNING: mark("Running"),
    Activity.STOPPED: mark("Stopped"),
    Activity.FAULTED: mark("Fault"),
    Activity.UNKNOWN: mark("Connected"),
}
DEEDS: Mapping[Deed, str] = {
    Deed.CREATED: mark("Created"),
    Deed.CHANGED: mark("Changed"),
    Deed.MOVED: mark("Moved"),
    Deed.RETIRED: mark("Retired"),
    Deed.ADOPTED: mark("Adopted from series"),
    Deed.UNDONE: mark("Taken back"),
    Deed.TYPE_CHANGED: mark("Type changed"),
}
KINDS: Mapping[Kind, str] = {
    Kind.NUMBER: mark("Number"),
    Kind.INTEGER: mark("Whole number"),
    Kind.BOOLEAN: mark("Yes or no"),
    Kind.TEXT: mark("Text"),
    Kind.ENUM: mark("Choice"),
}
MACHINES = (Level.ASSET, Level.COMPONENT)


def address_of(path: str) -> str:
    """The screen of a twin."""
    return f"/assets/{path}"


def place_of(path: str) -> str:
    """The overview of a place."""
    return f"/?path={path}"


def named(view: View, twin: Twin) -> str:
    return twin.title(view.language)


def point_name(view: View, point: Point) -> str:
    """A property as people call it: its title, else its name with blanks."""
    return called(point.property.title, point.property.name, view.language)


def trail_of(view: View, twins: list[Twin]) -> list[tuple[str, str]]:
    """The places above, as links; machines lead to their screen, other places to their overview."""
    return [(named(view, t), address_of(t.path) if t.draft.level in MACHINES else place_of(t.path)) for t in twins]


def status_of(condition: Condition, trouble: Trouble | None) -> str:
    """The console's word for how a machine is."""
    if condition is Condition.ATTENTION and trouble is not None:
        return STATUS[trouble]
    return {Condition.RUNNING: "running", Condition.STOPPED: "stopped"}.get(condition, "unknown")


def tile_status(brief: Brief) -> str:
    """How a machine's tile looks; one that has values but no way to tell whether it runs is simply good."""
    if brief.condition is Condition.UNKNOWN and brief.counts.good:
        return "good"
    return status_of(brief.condition, brief.trouble)


def point_status(state: PointState) -> str:
    """The console's word for how far a value may be trusted."""
    if state.trouble is not None:
        return STATUS[state.trouble]
    return "unknown" if state.grade is None else "good"


def value_text(view: View, state: PointState) -> str:
    """A value with its unit as one piece of text."""
    return written(view, state.point, state.value)


def written(view: View, point: Point, value: Value | None) -> str:
    """Any value of a property with its unit."""
    if isinstance(value, str) and value.strip() and point.property.kind is not Kind.ENUM:
        return value
    return said(view, value, point.property.unit)


def said(view: View, value: Value | None, unit: str) -> str:
    """A value with its unit; words of machines in the viewer's language where they are known."""
    if isinstance(value, bool):
        return view.text("Yes") if value else view.text("No")
    if isinstance(value, str):
        return view.text(value) if value.strip() else ABSENT
    return quantity(value, unit)


def plain(path: str) -> PlantPath:
    return PlantPath(path.strip("/"))
