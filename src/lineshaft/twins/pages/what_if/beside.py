"""Models beside the machine: what they compute as virtual sensors, how far it is from what is measured, and faults."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from lineshaft.console import (
    Badge,
    Column,
    Table,
    View,
    badge,
    button,
    notice,
    paragraph,
    quantity,
    section,
    table,
)
from lineshaft.kernel.clock import from_us, now
from lineshaft.security import Role
from lineshaft.telemetry import Latest, Live, Selection
from lineshaft.twins.model.simulation import Model
from lineshaft.twins.service import Simulations, Standing
from lineshaft.twins.simulation import SHELF

from .spoken import model_title, variable_title

LATE = timedelta(seconds=30)
"""A model that has written nothing for so long, or for five of its steps, is late."""


class Beside:
    """One model of a twin, live."""

    def __init__(self, view: View, standing: Standing) -> None:
        self._view = view
        self._standing = standing
        self._badge: Badge
        self._table: Table
        model = standing.model
        self._rows = {str(model.series_of(v.name)): (view.text("Virtual sensor"), v) for v in standing.outputs}
        known = {v.name: v for v in standing.outputs}
        self._rows |= {
            str(model.residual_of(o)): (view.text("Residual"), known[o]) for o in model.compares if o in known
        }

    def draw(self) -> None:
        view, standing = self._view, self._standing
        title = model_title(view, standing.model)
        with section(title, subtitle=view.text("Beside the machine"), actions=self._draw_badge, flush=True):
            if standing.fault is not None:
                self._draw_fault()
            self._table = table(
                [
                    Column("name", view.text("Computed"), sortable=False),
                    Column("kind", view.text("As"), sortable=False, phone=False),
                    Column("value", view.text("Value"), sortable=False),
                    Column("age", view.text("Age"), kind="ago", sortable=False),
                ],
                [{"id": series, **self._row(series, None)} for series in self._rows],
                filterable=False,
                label=title,
            )

    def _draw_badge(self) -> None:
        self._badge = badge("starting")

    def _draw_fault(self) -> None:
        view, fault = self._view, self._standing.fault
        assert fault is not None
        since = view.moment(from_us(fault.since_us))
        if not fault.over_us:
            notice("warn", view.text("It has not run since {since}.", since=since), hint=view.said(fault.message))
            return
        over = view.moment(from_us(fault.over_us))
        told = view.text("Last trouble, {since} to {over}: {why}", since=since, over=over, why=view.said(fault.message))
        with section():
            paragraph(told, muted=True)

    def _row(self, series: str, latest: Latest | None) -> dict[str, Any]:
        kind, variable = self._rows[series]
        value = latest.number if latest is not None else None
        return {
            "name": variable_title(self._view, variable),
            "kind": kind,
            "value": quantity(value, variable.unit),
            "age": latest.ts if latest is not None else None,
        }

    async def refresh(self) -> None:
        """Show what was computed last."""
        found = {str(one.path): one for one in await self._latest()}
        self._table.change_many({series: self._row(series, found.get(series)) for series in self._rows})
        self._badge.set(self._state(max((one.ts for one in found.values()), default=None)))

    async def _latest(self) -> list[Latest]:
        return await self._view.ask(Live).latest(self._view.who, Selection.of(*self._rows))

    def _state(self, newest: Any) -> str:
        model, fault = self._standing.model, self._standing.fault
        if not model.enabled:
            return "disabled"
        if fault is not None and not fault.over_us:
            return "failed"
        if newest is None:
            return "starting"
        return "stale" if now() - newest > max(LATE, timedelta(seconds=5 * model.every_s)) else "running"


def draw_offer(view: View, model: Model) -> None:
    """A model that fits the machine and does not run beside it yet."""
    plugin = SHELF.get(model.mechanism)
    with section(
        model_title(view, model),
        subtitle=view.text("Fits the properties of this machine, and does not run beside it yet."),
        actions=partial(_draw_start, view, model),
    ):
        reads = ", ".join(f"{name} ← {told}" for name, told in model.inputs.items())
        gives = [v.title.get(view.language) or v.name for v in plugin.load().MECHANISM.variables if v.sort == "output"]
        paragraph(view.text("Reads: {what}", what=reads), muted=True)
        paragraph(view.text("Computes: {what}", what=", ".join(gives)), muted=True)


def _draw_start(view: View, model: Model) -> None:
    async def start() -> None:
        await view.ask(Simulations).save(view.who, model)
        view.toast(view.text("It runs beside the machine now."), kind="good")
        view.reload()

    if view.who.may(Role.ENGINEER, model.path):
        button(view.text("Run it beside the machine"), start, symbol="play_arrow")
