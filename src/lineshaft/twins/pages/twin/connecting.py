"""Connects a twin to its machine by a submodel that describes interfaces: first what would be made, then the deed."""

from __future__ import annotations

from typing import Any

from lineshaft.console import Column, Dialog, View, button, dialog, notice, paragraph, row, section, table
from lineshaft.twins.pages.naming import called
from lineshaft.twins.pages.twin.opened import Carried, Opened
from lineshaft.twins.service import Interfacing
from lineshaft.twins.service.interfacing import Offer

from .adding import Then

TEMPLATE = "interfaces"


async def open_connecting(twin: Opened, carried: Carried, then: Then) -> None:
    """A window that shows what connecting would make and what it leaves out, with the button that does it."""
    view = twin.view
    offer = await view.ask(Interfacing).offer(view.who, twin.document.id, carried.id)
    with dialog(view.text("Connect the machine"), wide=True) as box:
        if offer.connections:
            told = view.text(
                "Values come in below {path}; each action becomes an operation of this twin.", path=offer.path
            )
            paragraph(told)
            _draw_connections(view, offer)
        else:
            notice("warn", view.text("No connector here speaks an interface of this machine."))
        if offer.left_out:
            _draw_left_out(view, offer)
        with row():
            button(view.text("Close"), box.close, kind="quiet")
            if offer.connections:
                _draw_deed(twin, carried, box, then)


def _draw_connections(view: View, offer: Offer) -> None:
    language = view.language
    with section(view.text("Connections"), flush=True):
        table(
            [
                Column("interface", view.text("Interface")),
                Column("connector", view.text("Connector"), kind="code"),
                Column("values", view.text("Values"), kind="number", digits=0),
                Column("operations", view.text("Operations"), sortable=False),
            ],
            [
                {
                    "id": one.interface,
                    "interface": one.interface,
                    "connector": one.connector,
                    "values": len(one.settings["tags"]),
                    "operations": ", ".join(called({"idShort": made.action.name}, language) for made in one.doings),
                }
                for one in offer.connections
            ],
            filterable=False,
            label=view.text("Connections"),
        )


def _draw_left_out(view: View, offer: Offer) -> None:
    rows = [{"id": str(n), "name": one.name, "reason": view.said(one.reason)} for n, one in enumerate(offer.left_out)]
    with section(view.text("Left out"), flush=True):
        table(
            [Column("name", view.text("Name")), Column("reason", view.text("Reason"), sortable=False)],
            rows,
            filterable=False,
            label=view.text("Left out"),
        )


def _draw_deed(twin: Opened, carried: Carried, box: Dialog, then: Then) -> None:
    view = twin.view

    async def connect(*_: Any) -> None:
        made = await view.ask(Interfacing).connect(view.who, twin.document.id, carried.id)
        box.close()
        view.toast(view.text("Connected by {names}", names=", ".join(made.connections)), kind="good")
        await then(made.operations or carried.id)

    button(view.text("Connect"), connect, symbol="cable")
