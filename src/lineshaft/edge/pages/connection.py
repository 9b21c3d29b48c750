"""One connection: its health, its tags live, its settings, everything it ever was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lineshaft.console import (
    Column,
    View,
    button,
    code,
    confirm,
    dialog,
    facts,
    form,
    heading,
    notice,
    page,
    section,
    stack,
    table,
    tabs,
    undo,
)
from lineshaft.console import Field as FormField
from lineshaft.edge.model import Connection, Health
from lineshaft.edge.service import ConnectionView, Edge
from lineshaft.edge.settings import as_toml, parse_span
from lineshaft.edge.store import Version
from lineshaft.kernel.clock import from_us
from lineshaft.security import Role


@page("/connections/{name}", title="Connection", section=None)
async def connection(view: View, name: str) -> None:
    """How one connection is, and what it is made of."""
    edge = view.ask(Edge)
    shown = await edge.get(view.who, name)
    view.title(name, trail=[(view.text("Connections"), "/connections")])
    heading(
        name,
        subtitle=f"{shown.connection.connector} · {shown.connection.path}",
        actions=(lambda: _actions(view, shown)) if view.role >= Role.ENGINEER else None,
    )
    told = _Health(view, shown)
    drawers: dict[str, Callable[[], object]] = {
        view.text("Tags"): lambda: _tags(view, shown.connection),
        view.text("Trouble"): lambda: _troubles(view, shown.health),
    }
    if view.role >= Role.ENGINEER:
        drawers[view.text("Settings")] = lambda: _settings(shown.connection)
        drawers[view.text("Versions")] = lambda: _versions(view, shown.connection)
    tabs(drawers)

    async def refresh() -> None:
        told.set((await edge.get(view.who, name)).health)

    view.every(1.0, refresh)


class _Health:
    """The facts on top, kept current."""

    def __init__(self, view: View, shown: ConnectionView) -> None:
        self._view = view
        self._wrong = stack()
        self._said = ""
        with section():
            self._facts = facts([(label, "") for label in self._labels()])
        self.set(shown.health)

    def _labels(self) -> list[str]:
        words = (
            "State",
            "Values per second",
            "Values since start",
            "Last value",
            "Reconnects",
            "Late polls",
            "Waiting",
            "Dropped",
        )
        return [self._view.text(word) for word in words]

    def set(self, health: Health) -> None:
        view = self._view
        last = view.moment(health.last_sample) if health.last_sample else "–"
        values = (
            view.text(health.state.capitalize()),
            f"{health.rate:,.1f}",
            f"{health.samples:,}",
            last,
            str(health.reconnects),
            str(health.late_polls),
            f"{health.waiting:,}",
            f"{health.dropped:,}",
        )
        for label, content in zip(self._labels(), values, strict=True):
            self._facts.set(label, content)
        if health.error != self._said:
            self._said = health.error
            self._wrong.clear()
            with self._wrong:
                if health.error:
                    notice("bad", health.error, hint=view.text(health.hint) if health.hint else "")


def _actions(view: View, shown: ConnectionView) -> None:
    edge, connection = view.ask(Edge), shown.connection

    async def switch() -> None:
        await edge.enable(view.who, connection.name, on=not connection.enabled)
        view.reload()

    async def remove() -> None:
        version = connection.version
        if not await confirm(
            view.text("Remove {name}?", name=connection.name),
            view.text("Its history stays; the connection can be brought back."),
            do=view.text("Remove"),
            danger=True,
        ):
            return
        await edge.remove(view.who, connection.name)
        view.go("/connections")
        undo(
            view.text("Removed {name}", name=connection.name), lambda: edge.restore(view.who, connection.name, version)
        )

    button(view.text("Switch off") if connection.enabled else view.text("Switch on"), switch, kind="quiet")
    button(view.text("Remove"), remove, kind="quiet", symbol="delete")


def _tags(view: View, connection: Connection) -> None:
    rows = [
        {
            "path": tag["path"],
            "address": tag["address"],
            "unit": tag.get("unit", ""),
            "every": str(tag.get("every", "1s")),
            "writable": bool(tag.get("writable", False)),
        }
        for tag in connection.raw.get("tags", ())
    ]
    table(
        [
            Column("path", view.text("Property")),
            Column("address", view.text("Address"), kind="code", phone=False),
            Column("unit", view.text("Unit")),
            Column("every", view.text("Interval"), phone=False),
            Column("writable", view.text("Writable"), kind="bool", phone=False),
        ],
        rows=rows,
        key="path",
        empty=(view.text("No tags listed"), view.text("This connection finds its values by itself.")),
    )
    if view.role >= Role.ENGINEER:
        button(view.text("Add tag"), lambda: _tag_dialog(view, connection), symbol="add", kind="quiet")


def _tag_dialog(view: View, connection: Connection) -> None:
    edge = view.ask(Edge)

    async def save(values: dict[str, Any]) -> None:
        tag = {k: v for k, v in values.items() if v not in (None, "", False)}
        parse_span(tag.get("every", "1s"))
        raw = {**connection.raw, "tags": [*connection.raw.get("tags", ()), tag]}
        await edge.save(view.who, connection.connector, raw, expected=connection.version)
        box.close()
        view.reload()

    with dialog(view.text("Add tag")) as box:
        form(tag_fields(view), on_submit=save, submit=view.text("Add"), on_cancel=lambda: box.close())


def tag_fields(view: View) -> list[FormField]:
    """What can be set on a tag."""
    text = view.text
    return [
        FormField(name="path", label=text("Property"), required=True, placeholder="temperature"),
        FormField(
            name="address", label=text("Address"), required=True, help=text("As the connector's guide writes it.")
        ),
        FormField(name="unit", label=text("Unit"), placeholder="Cel, bar, kW"),
        FormField(name="every", label=text("Interval"), value="1s", help=text("250ms, 1s, 5min")),
        FormField(name="scale", label=text("Scale"), kind="number", advanced=True),
        FormField(name="offset", label=text("Offset"), kind="number", advanced=True),
        FormField(name="deadband", label=text("Deadband"), kind="number", advanced=True),
        FormField(name="writable", label=text("Writable"), kind="switch", advanced=True),
        FormField(name="low", label=text("Lowest value to write"), kind="number", advanced=True),
        FormField(name="high", label=text("Highest value to write"), kind="number", advanced=True),
    ]


def _troubles(view: View, health: Health) -> None:
    table(
        [
            Column("place", view.text("Where")),
            Column("message", view.text("What is wrong"), sortable=False),
            Column("hint", view.text("What to do"), sortable=False, phone=False),
            Column("since", view.text("Since"), kind="ago"),
        ],
        rows=[
            {"id": f"{t.place} {t.message}", "place": t.place, "message": t.message, "hint": t.hint, "since": t.since}
            for t in health.troubles
        ],
        key="id",
        empty=(view.text("No trouble"), view.text("Every tag of this connection can be read.")),
    )


def _settings(connection: Connection) -> None:
    code(as_toml([connection]), title="plant.toml")


def _versions(view: View, connection: Connection) -> None:
    edge = view.ask(Edge)
    listing = table(
        [
            Column("version", view.text("Version"), kind="number", digits=0),
            Column("by", view.text("Changed by")),
            Column("at", view.text("When"), kind="time"),
            Column("what", view.text("What"), sortable=False),
        ],
        key="version",
        on_row=lambda row: _restore(view, connection, row),
        rows=[],
    )

    async def load() -> None:
        listing.set([_version_row(view, v) for v in await edge.versions(view.who, connection.name)])

    view.soon(load)


def _version_row(view: View, version: Version) -> dict[str, Any]:
    at: datetime = from_us(version.at_us)
    what = view.text("removed") if version.raw is None else view.text("{n} tags", n=len(version.raw.get("tags", ())))
    return {"version": version.version, "by": version.by, "at": at, "what": what}


async def _restore(view: View, connection: Connection, row: dict[str, Any]) -> None:
    edge = view.ask(Edge)
    if row["version"] == connection.version:
        return
    if await confirm(view.text("Go back to version {n}?", n=row["version"]), do=view.text("Go back")):
        await edge.restore(view.who, connection.name, row["version"])
        view.reload()
