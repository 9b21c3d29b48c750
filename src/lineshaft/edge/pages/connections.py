"""All connections at a glance: how they are, what they bring, what hurts."""

from __future__ import annotations

from typing import Any

from lineshaft.console import Column, View, button, heading, notice, page, section, table
from lineshaft.edge.model import State
from lineshaft.edge.service import ConnectionView, Edge
from lineshaft.edge.settings import SHELF
from lineshaft.security import Role

STATE_WORDS = {State.GOOD: "connected", State.LOST: "lost", State.UNKNOWN: "unknown", State.DISABLED: "disabled"}


@page("/connections", title="Connections", section="Plant", icon="lan", order=30, role=int(Role.VIEWER))
async def connections(view: View) -> None:
    """Every connection with health, rate and last error."""
    edge = view.ask(Edge)
    may_add = view.role >= Role.ENGINEER
    heading(
        view.text("Connections"),
        subtitle=view.text("Machines and brokers Lineshaft talks to."),
        actions=(lambda: _add_button(view)) if may_add else None,
    )
    waiting = notice(
        "warn", view.text("Samples wait at the edge."), hint=view.text("Nothing is lost; they leave by themselves.")
    )
    waiting.set_visibility(False)
    with section(flush=True):
        listing = table(
            [
                Column("name", view.text("Name")),
                Column("state", view.text("State"), kind="status"),
                Column("connector", view.text("Protocol"), phone=False),
                Column("path", view.text("Place"), phone=False),
                Column("tags", view.text("Tags"), kind="number", digits=0, phone=False),
                Column("rate", view.text("Values per second"), kind="number", digits=1, phone=False),
                Column("last", view.text("Last value"), kind="ago", phone=False),
                Column("error", view.text("What is wrong"), sortable=False),
            ],
            rows=[_row(view, v) for v in await edge.list_(view.who)],
            key="name",
            href=lambda row: f"/connections/{row['name']}",
            empty=(view.text("No connections yet"), view.text("Connect your first machine: it takes a few minutes.")),
        )

    async def refresh() -> None:
        now = {v.connection.name: _row(view, v) for v in await edge.list_(view.who)}
        if set(now) != {row["name"] for row in listing.rows}:
            listing.set(list(now.values()))
        else:
            listing.change_many(now)
        waiting.set_visibility(bool(edge.blocked))

    view.every(1.0, refresh)


def _add_button(view: View) -> None:
    button(view.text("Add connection"), lambda: view.go("/connections/add"), symbol="add", kind="primary")


def title_of(connector: str) -> str:
    """What a connector is called."""
    known = SHELF.plugins.get(connector)
    return known.title if known else connector


def _row(view: View, shown: ConnectionView) -> dict[str, Any]:
    health, connection = shown.health, shown.connection
    wrong = view.said(health.error)
    if not wrong and health.troubles:
        wrong = view.text("{n} tags in trouble", n=len(health.troubles))
    return {
        "name": connection.name,
        "state": STATE_WORDS[health.state],
        "connector": title_of(connection.connector),
        "path": str(connection.path),
        "tags": connection.tag_count or None,
        "rate": health.rate,
        "last": health.last_sample,
        "error": wrong,
    }
