"""One connection: its health, its values, its settings, everything it ever was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lineshaft.console import (
    Column,
    Table,
    View,
    badge,
    button,
    code,
    confirm,
    facts,
    heading,
    notice,
    number,
    page,
    section,
    stack,
    table,
    tabs,
    undo,
)
from lineshaft.edge.model import Connection, Health
from lineshaft.edge.service import ConnectionView, Edge
from lineshaft.edge.settings import as_toml
from lineshaft.edge.store import Version
from lineshaft.kernel.clock import from_us
from lineshaft.security import Role

from .connections import STATE_WORDS, title_of
from .tags import Tags


@page("/connections/{name}", title="Connection", section=None)
async def connection(view: View, name: str, tab: str = "") -> None:
    """How one connection is, and what it is made of."""
    edge = view.ask(Edge)
    shown = await edge.get(view.who, name)
    view.title(name, trail=[(view.text("Connections"), "/connections")])
    may_change = view.who.may(Role.ENGINEER, shown.connection.path)
    heading(
        name,
        subtitle=f"{title_of(shown.connection.connector)} · {shown.connection.path}",
        actions=lambda: _actions(view, shown, may_change=may_change),
    )
    told, tags, troubles = _Health(view, shown), Tags(view, shown.connection), _Troubles(view)
    drawers: dict[str, Callable[[], object]] = {
        view.text("Values"): tags.draw,
        view.text("Trouble"): lambda: troubles.draw(shown.health),
    }
    names = ["values", "trouble"]
    if may_change:
        drawers[view.text("Settings")] = lambda: _settings(shown.connection)
        drawers[view.text("Versions")] = lambda: _versions(view, shown.connection)
        names += ["settings", "versions"]
    tabs(drawers, names=names, selected=tab)

    async def refresh() -> None:
        health = (await edge.get(view.who, name)).health
        told.set(health)
        troubles.set(health)
        await tags.refresh()

    view.every(1.0, refresh)


class _Health:
    """The facts on top, kept current."""

    def __init__(self, view: View, shown: ConnectionView) -> None:
        self._view = view
        self._wrong = stack()
        self._said = ""
        with section():
            self._state = badge("unknown")
            self._facts = facts([(view.text("State"), self._state), *((label, "") for label in self._labels())])
        self.set(shown.health)

    def _labels(self) -> list[str]:
        text = self._view.text
        return [
            text("Last value"),
            text("Values per second"),
            text("Values since start"),
            text("Values waiting to be stored"),
            text("Values dropped"),
            text("Polls that came late"),
            text("Reconnects"),
        ]

    def set(self, health: Health) -> None:
        view = self._view
        last = view.moment(health.last_sample) if health.last_sample else "–"
        self._state.set(STATE_WORDS[health.state])
        values = (
            last,
            number(health.rate, 1),
            number(health.samples),
            number(health.waiting),
            number(health.dropped),
            number(health.late_polls),
            number(health.reconnects),
        )
        for label, content in zip(self._labels(), values, strict=True):
            self._facts.set(label, content)
        if health.error != self._said:
            self._said = health.error
            self._wrong.clear()
            with self._wrong:
                if health.error:
                    notice("bad", view.said(health.error), hint=view.said(health.hint))


def _actions(view: View, shown: ConnectionView, *, may_change: bool) -> None:
    button(view.text("Show in the plant"), lambda: view.go(f"/?path={shown.connection.path}"), symbol="dashboard")
    if not may_change:
        return
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

    off = connection.enabled
    button(view.text("Switch off") if off else view.text("Switch on"), switch, symbol="power_settings_new")
    button(view.text("Remove"), remove, symbol="delete")


class _Troubles:
    """What cannot be read or understood, kept current."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._table: Table | None = None

    def draw(self, health: Health) -> None:
        text = self._view.text
        with section(text("Trouble"), flush=True):
            self._table = table(
                [
                    Column("place", text("Where")),
                    Column("message", text("What is wrong"), sortable=False),
                    Column("hint", text("What to do"), sortable=False, phone=False),
                    Column("since", text("Since"), kind="ago"),
                ],
                key="id",
                filterable=False,
                empty=(text("No trouble"), text("Every tag of this connection can be read.")),
                label=text("Trouble"),
            )
        self.set(health)

    def set(self, health: Health) -> None:
        """Show what is wrong now."""
        said = self._view.said
        if self._table is not None:
            self._table.set(
                [
                    {
                        "id": f"{t.place} {t.message}",
                        "place": t.place,
                        "message": said(t.message),
                        "hint": said(t.hint),
                        "since": t.since,
                    }
                    for t in health.troubles
                ]
            )


def _settings(connection: Connection) -> None:
    with section():
        code(as_toml([connection]), title="plant.toml")


def _versions(view: View, connection: Connection) -> None:
    edge = view.ask(Edge)
    with section(
        view.text("Versions"), subtitle=view.text("Go back to any of them; that makes a new one."), flush=True
    ):
        listing = table(
            [
                Column("at", view.text("When"), kind="time"),
                Column("version", view.text("Version"), kind="number", digits=0),
                Column("by", view.text("Changed by")),
                Column("what", view.text("What"), sortable=False),
            ],
            key="version",
            actions=[("undo", view.text("Go back"), lambda row: _restore(view, connection, row))],
            filterable=False,
            label=view.text("Versions"),
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
        view.toast(view.text("This is the version in use."))
        return
    if await confirm(view.text("Go back to version {n}?", n=row["version"]), do=view.text("Go back")):
        await edge.restore(view.who, connection.name, row["version"])
        view.reload()
