"""Setpoints on the screen: desired beside reported, confirmed before they are sent, followed until acknowledged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
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
from lineshaft.kernel.clock import from_us, now_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, Value
from lineshaft.security import Role
from lineshaft.twins.model import Property, Twin
from lineshaft.twins.model.desire import Desire, Settable, Stage
from lineshaft.twins.service import Setpoints, Wish

from .words import named, point_name, written

WAIT_S = 3.0
"""How long somebody at the screen waits for an acknowledgement before they are told that it is on its way."""


_STATUS: Mapping[Stage, str] = {
    Stage.PENDING: "pending",
    Stage.ACKNOWLEDGED: "acknowledged",
    Stage.REFUSED: "refused",
    Stage.TIMED_OUT: "timed out",
}
"""The console's word for how far a desire is."""


async def draw_setpoints(view: View, twin: Twin) -> SetpointCard | None:
    """What may be set on this machine, for those who may set it; None when that is nothing."""
    names = {p.property.name for p in twin.points if p.property.writable and view.who.may(Role.OPERATOR, p.series)}
    if not names or not any(isinstance(one, Setpoints) for one in view.services.values()):
        return None
    card = SetpointCard(view, twin, names)
    await card.draw()
    return card


class SetpointCard:
    """Desired beside reported, and how far each desire is."""

    def __init__(self, view: View, twin: Twin, names: Collection[str]) -> None:
        self._view = view
        self._twin = twin
        self._names = names
        self._table: Table

    async def draw(self) -> None:
        words = self._view.text
        found = await self._found()
        with section(
            words("Setpoints"),
            subtitle=words("What you want is kept until the machine reports it, or until it expires."),
            flush=True,
        ):
            self._table = table(
                [
                    Column("name", words("Property"), sortable=False),
                    Column("desired", words("Desired"), sortable=False),
                    Column("reported", words("Reported"), sortable=False),
                    Column("stage", words("State"), kind="status", sortable=False),
                    Column("since", words("Since"), kind="ago", sortable=False, phone=False),
                    Column("note", words("Remark"), sortable=False, phone=False),
                ],
                [self._row(one) for one in found],
                actions=[("edit", words("Set …"), self._edit), ("undo", words("Withdraw"), self._withdraw)],
                filterable=False,
                label=words("Setpoints"),
            )

    async def refresh(self) -> None:
        """Show how things are now."""
        rows = {str(row["id"]): row for row in map(self._row, await self._found())}
        self._table.change_many({key: {n: v for n, v in row.items() if n != "id"} for key, row in rows.items()})

    async def _found(self) -> list[Settable]:
        found = await self._view.ask(Setpoints).list_(self._view.who, self._twin.path, twin=self._twin)
        return [one for one in found if one.point.property.name in self._names]

    def _row(self, one: Settable) -> dict[str, Any]:
        view, desire, point = self._view, one.desire, one.point
        row: dict[str, Any] = {
            "id": point.property.name,
            "name": point_name(view, point),
            "reported": written(view, point, one.reported),
        }
        if desire is None:
            return row | {"desired": None, "stage": None, "since": None, "note": ""}
        late = desire.overdue(now_us())
        return row | {
            "desired": written(view, point, desire.shown),
            "stage": "overdue" if late else _STATUS[desire.stage],
            "since": from_us(desire.stage_us),
            "note": self._note(one, desire),
        }

    def _note(self, one: Settable, desire: Desire) -> str:
        """Who wants it, and what stands in the way."""
        said = self._view.text("by {name}", name=desire.by.name)
        if desire.stage is Stage.ACKNOWLEDGED and one.delta:
            return f"{said} · {self._view.text('The machine reports something else by now.')}"
        return f"{said} · {self._view.said(desire.message)}" if desire.message else said

    async def _edit(self, shown: dict[str, Any]) -> None:
        one = next(one for one in await self._found() if one.point.property.name == shown["id"])
        _open(self._view, self._twin, one, self.refresh)

    async def _withdraw(self, shown: dict[str, Any]) -> None:
        path = self._twin.path.child(str(shown["id"]))
        await self._view.ask(Setpoints).withdraw(self._view.who, path)
        self._view.toast(self._view.text("Nothing is desired of it any more; the machine keeps what it has taken."))
        self._table.change(str(shown["id"]), desired=None, stage=None, since=None, note="")


def _open(view: View, twin: Twin, one: Settable, done: Callable[[], Awaitable[None]]) -> None:
    """Ask for the new value."""
    prop, value = one.point.property, one.reported
    title = view.text("{property} of {machine}", property=point_name(view, one.point), machine=named(view, twin))
    with dialog(title) as box:
        paragraph(view.text("It is now {value}.", value=written(view, one.point, value)), muted=True)
        if prop.interlock:
            paragraph(view.text("Only while: {interlock}", interlock=prop.interlock), muted=True)

        async def send(values: dict[str, Any]) -> None:
            await _desire(view, twin, one, _meant(view, prop, values["value"]), box)
            await done()

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


async def _desire(view: View, twin: Twin, one: Settable, value: Value, box: Dialog) -> None:
    """Ask once more, want it, and say what came of it within a moment."""
    point = one.point
    shown = written(view, point, point.property.label(value))
    question = view.text("Set {property} to {value}?", property=point_name(view, point), value=shown)
    consequence = view.text("{machine} follows at once.", machine=named(view, twin))
    if not await confirm(question, consequence, do=view.text("Write")):
        return
    setpoints, name = view.ask(Setpoints), point.property.name
    seen = one.desire.number if one.desire else 0
    await setpoints.desire(view.who, twin.path, {name: Wish(value=value, seen=seen)})
    box.close()
    settled = await setpoints.settled(view.who, twin.path, [name], within_s=WAIT_S)
    desire = next(s.desire for s in settled if s.point.property.name == name)
    if desire is None or desire.stage is Stage.ACKNOWLEDGED:
        view.toast(view.text("{property} is now {value}.", property=point_name(view, point), value=shown), kind="good")
    elif desire.stage is Stage.PENDING:
        view.toast(
            view.text("{value} is on its way; the machine has not acknowledged it yet.", value=shown),
            hint=view.said(desire.message),
        )
    else:
        view.toast(
            view.text("The machine did not take {value}.", value=shown), hint=view.said(desire.message), kind="warn"
        )
