"""Writes setpoints from the screen: confirmed before, read back after."""

from __future__ import annotations

from typing import Any

from lineshaft.console import (
    Column,
    Dialog,
    Field,
    Table,
    View,
    confirm,
    dialog,
    form,
    paragraph,
    section,
    table,
    unit_text,
)
from lineshaft.edge import Edge
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, Value
from lineshaft.security import Role
from lineshaft.twins.model import Point, PointState, Property, Twin, TwinState
from lineshaft.twins.service import Twins

from .words import named, point_name, value_text, written


def draw_setpoints(view: View, twin: Twin, state: TwinState) -> Table | None:
    """What may be set on this machine, for those who may set it; None when that is nothing."""
    points = {p.property.name: p for p in twin.points if p.property.writable and view.who.may(Role.OPERATOR, p.series)}
    if not points:
        return None
    now = {p.point.property.name: p for p in state.points}

    async def edit(shown: dict[str, Any]) -> None:
        fresh = await view.ask(Twins).now.state(view.who, twin.path, twin=twin)
        value = next(p.value for p in fresh.points if p.point.property.name == shown["id"])
        _open(view, twin, points[shown["id"]], value)

    with section(
        view.text("Setpoints"), subtitle=view.text("What is written is read back from the machine."), flush=True
    ):
        return table(
            [
                Column("name", view.text("Property"), sortable=False),
                Column("value", view.text("Value"), sortable=False),
                Column("age", view.text("Age"), kind="ago", sortable=False),
            ],
            [_row(view, now[name]) for name in points],
            actions=[("edit", view.text("Set …"), edit)],
            filterable=False,
            label=view.text("Setpoints"),
        )


def _row(view: View, shown: PointState) -> dict[str, Any]:
    name = shown.point.property.name
    return {"id": name, "name": point_name(view, shown.point), "value": value_text(view, shown), "age": shown.ts}


def _open(view: View, twin: Twin, point: Point, value: Value | None) -> None:
    """Ask for the new value."""
    prop = point.property
    title = view.text("{property} of {machine}", property=point_name(view, point), machine=named(view, twin))
    with dialog(title) as box:
        paragraph(view.text("It is now {value}.", value=written(view, point, value)), muted=True)

        async def send(values: dict[str, Any]) -> None:
            await _write(view, twin, point, _meant(view, prop, values["value"]), box)

        form(
            [_field(view, prop, value)],
            on_submit=send,
            submit=view.text("Write to the machine"),
            on_cancel=box.close,
        )


def _field(view: View, prop: Property, value: Value | None) -> Field:
    label = view.text("New value")
    if prop.kind is Kind.BOOLEAN:
        return Field(name="value", label=label, kind="switch", value=bool(value))
    if prop.kind is Kind.ENUM and prop.values:
        return Field(name="value", label=label, kind="select", options={v: v for v in prop.values}, value=value)
    kinds = {Kind.INTEGER: "integer", Kind.TEXT: "text"}
    kind = kinds.get(prop.kind, "number")
    return Field(
        name="value",
        label=label,
        kind=kind,
        value=value,
        required=True,
        unit=unit_text(prop.unit),
        help=_limits(view, prop),
    )


def _limits(view: View, prop: Property) -> str:
    if prop.low is None or prop.high is None:
        return ""
    return view.text("From {low} to {high}.", low=f"{prop.low:g}", high=f"{prop.high:g}")


def _meant(view: View, prop: Property, entered: Any) -> Value:
    """What was entered as the machine takes it; enumerations travel as their number."""
    if prop.kind is Kind.ENUM and prop.values:
        return prop.values.index(entered)
    meant: Value = entered
    if prop.outside(meant):
        raise Invalid(view.text("This is out of the normal range."), hint=_limits(view, prop), field="value")
    return meant


async def _write(view: View, twin: Twin, point: Point, value: Value, box: Dialog) -> None:
    shown = written(view, point, point.property.label(value))
    question = view.text("Set {property} to {value}?", property=point_name(view, point), value=shown)
    consequence = view.text("{machine} follows at once.", machine=named(view, twin))
    if not await confirm(question, consequence, do=view.text("Write")):
        return
    result = await view.ask(Edge).write(view.who, point.series, value)
    box.close()
    if result.applied:
        view.toast(view.text("{property} is now {value}.", property=point_name(view, point), value=shown), kind="good")
    else:
        view.toast(view.text("The machine did not take {value}.", value=shown), hint=result.message, kind="warn")
