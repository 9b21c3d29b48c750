"""The carbon footprint of a product on screen: its parts, the measured energy of making it, and the way to keep it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from lineshaft.console import (
    Column,
    Field,
    button,
    columns,
    facts,
    form,
    moment,
    notice,
    number,
    paragraph,
    percent,
    section,
    stack,
    table,
)
from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.security import Role
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.service import PassportDesk, Repository, RolledUp, Window
from lineshaft.twins.service.footprints import Made
from lineshaft.twins.service.metering import Method

from .opened import Opened


async def draw_footprint(twin: Opened) -> None:
    """The footprint from the parts; with a meter, that of making the product too."""
    try:
        found = await twin.view.ask(PassportDesk).footprints.of(twin.view.who, twin.asset)
    except PlatformError:
        return
    if found.parts or not twin.of_the_tree:
        await _Footprint(twin).draw(found)


class _Footprint:
    """What is added up, and what it is added up with."""

    def __init__(self, twin: Opened) -> None:
        self._twin, self._view = twin, twin.view
        self._desk = twin.view.ask(PassportDesk).footprints
        self._window: Window | None = None
        self._place: Any = None

    async def draw(self, found: RolledUp) -> None:
        meters = await self._desk.meters(self._view.who)
        with columns(2, 1) if meters else stack():
            with section(self._view.text("Carbon footprint")):
                self._place = stack()
                self._show(found)
            if meters:
                with section(self._view.text("Energy of making it")):
                    self._draw_form(meters)

    def _draw_form(self, meters: list[tuple[str, str]]) -> None:
        view, now = self._view, datetime.now(UTC).replace(microsecond=0, second=0)
        named = {path: f"{path} ({unit})" for path, unit in meters}
        form(
            [
                Field(name="series", label=view.text("Meter"), kind="select", options=named, value=meters[0][0],
                      help=view.text("A counter of energy, or a power, of the machine that makes it.")),
                Field(name="start", label=view.text("Made from"), required=True, value=_z(now - timedelta(hours=8))),
                Field(name="end", label=view.text("until"), required=True, value=_z(now)),
                Field(name="pieces", label=view.text("Products made"), required=True, value="1"),
                Field(name="factor", label=view.text("Emission factor"), required=True, unit="kg CO2e/kWh",
                      placeholder="0.38", help=view.text("What your supplier of electricity states.")),
            ],
            on_submit=self._measure,
            submit=view.text("Measure"),
        )  # fmt: skip

    async def _measure(self, said: dict[str, Any]) -> None:
        window = Window(
            series=said["series"], start=self._moment(said, "start"), end=self._moment(said, "end"),
            factor=self._decimal(said, "factor"), pieces=self._decimal(said, "pieces"),
        )  # fmt: skip
        found = await self._desk.of(self._view.who, self._twin.asset, window)
        self._window = window
        self._show(found)

    def _moment(self, said: dict[str, Any], name: str) -> datetime:
        wrong = Invalid(self._view.text("Enter a time such as 2026-05-01T08:00:00Z."), field=name)
        try:
            found = datetime.fromisoformat(said[name])
        except ValueError as error:
            raise wrong from error
        if found.tzinfo is None:
            raise wrong
        return found

    def _decimal(self, said: dict[str, Any], name: str) -> Decimal:
        try:
            return Decimal(said[name])
        except InvalidOperation as error:
            raise Invalid(self._view.text("Enter a number."), field=name) from error

    # ---- what came of it ----

    def _show(self, found: RolledUp) -> None:
        view = self._view
        self._place.clear()
        with self._place:
            lacking = [one for one in found.parts if one.footprint is None]
            if found.total is not None:
                kilograms = number(float(found.total.co2eq_kg))
                paragraph(view.text("{kg} kg CO2 equivalent for one product", kg=kilograms))
            elif lacking:
                told = view.text("{n} of {all} parts have no footprint yet.", n=len(lacking), all=len(found.parts))
                notice("warn", told, hint=view.text("Ask their suppliers, or add submodel 02023 to them."))
            else:
                paragraph(view.text("Measure the energy of making it to see its footprint."), muted=True)
            if found.made is not None:
                facts(self._told(found.made))
            if found.parts:
                self._draw_parts(found)
            if found.total is not None and self._twin.may(Role.ENGINEER):
                button(view.text("Keep it in the twin"), self._record, symbol="save")

    def _told(self, made: Made) -> list[tuple[str, Any]]:
        view, one = self._view, made.measured
        way = view.text("Growth of the counter") if one.method is Method.COUNTER else view.text("Power held over time")
        span = f"{moment(one.start, seconds=False)} – {moment(one.end, seconds=False)} UTC"
        return [
            (view.text("Of making it"), f"{number(float(made.process.co2eq_kg))} kg CO2e"),
            (view.text("Method"), f"{way}: {one.series}"),
            (view.text("Period"), f"{span} ({view.text('{share} known', share=percent(one.known))})"),
            (view.text("Energy"), f"{number(float(one.energy_kwh))} kWh / {made.pieces:f}"),
            (view.text("Emission factor"), f"{made.factor:f} kg CO2e/kWh"),
        ]

    def _draw_parts(self, found: RolledUp) -> None:
        view = self._view
        table(
            [
                Column("asset", view.text("Part"), kind="code"),
                Column("amount", view.text("Amount"), kind="number", digits=0),
                Column("kg", view.text("kg CO2 equivalent"), kind="number", digits=3),
            ],
            [
                {"id": one.asset, "asset": one.asset, "amount": float(one.amount),
                 "kg": None if one.footprint is None else float(one.footprint.of(one.amount))}
                for one in found.parts
            ],
            href=lambda row: next((twin_address(p.shell) for p in found.parts if p.asset == row["id"] and p.shell), ""),
            filterable=len(found.parts) > 12,
            label=view.text("Carbon footprint from the parts"),
        )  # fmt: skip

    async def _record(self) -> None:
        view, shell = self._view, self._twin.document.id
        made = await self._desk.record(view.who, shell, self._window)

        async def back() -> None:
            await view.ask(Repository).let_go(view.who, shell, made.id, if_match=made.etag)

        view.toast(view.text("The footprint is in the twin now"), action=(view.text("Undo"), back))


def _z(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
