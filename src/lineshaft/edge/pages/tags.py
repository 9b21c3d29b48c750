"""The tags of a connection: their newest values, and the way to add, change and remove them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from lineshaft.console import Column, Field, Table, View, button, dialog, form, mark, quantity, section, table, undo
from lineshaft.edge.model import Connection
from lineshaft.edge.service import Edge
from lineshaft.edge.settings import parse_span
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, Quality, Value
from lineshaft.security import Role, Who

KINDS: Mapping[Kind, str] = {
    Kind.NUMBER: mark("Number"),
    Kind.INTEGER: mark("Whole number"),
    Kind.BOOLEAN: mark("Yes or no"),
    Kind.TEXT: mark("Text"),
    Kind.ENUM: mark("Choice"),
}
Tag = dict[str, Any]


class Heard(Protocol):
    """The newest value of a series."""

    @property
    def value(self) -> Value | None: ...
    @property
    def quality(self) -> Quality: ...
    @property
    def ts(self) -> datetime: ...


Listen = Callable[[Who, Sequence[str], str], Awaitable[Mapping[str, Heard]]]
"""What `services["heard"]` is: newest values by path, of the series named and of those below a place."""


class Tags:
    """What one connection reads, as it stands in its settings, and what it brings."""

    def __init__(self, view: View, connection: Connection) -> None:
        self._view = view
        self._connection = connection
        self._listed: dict[str, Tag] = {_place(connection, tag): tag for tag in connection.raw.get("tags", ())}
        self._listen: Listen | None = view.services.get("heard")
        self._may = view.who.may(Role.ENGINEER, connection.path)
        self._table: Table | None = None

    async def draw(self) -> None:
        """The table; connections that find their values by themselves list what has come so far."""
        text = self._view.text
        told = "" if self._listed else text("This connection finds its values by itself.")
        with section(text("Values"), subtitle=told, flush=True, actions=self._draw_adding if self._may else None):
            self._table = table(
                [
                    Column("path", text("Property")),
                    Column("quality", text("Quality"), kind="status"),
                    Column("value", text("Value"), sortable=False),
                    Column("age", text("Age"), kind="ago", phone=False),
                    Column("every", text("Interval"), phone=False),
                    Column("address", text("Address"), kind="code", phone=False),
                    Column("writable", text("Writable"), phone=False),
                ],
                key="place",
                actions=self._actions() if self._may and self._listed else (),
                empty=(text("No values yet"), text("They appear here as the machine sends them.")),
                label=text("Values"),
            )
        await self.refresh()

    async def refresh(self) -> None:
        """Show the newest values; rows that were not there yet are added."""
        if self._table is None:
            return
        heard = await self._heard()
        rows = {place: self._row(place, heard.get(place)) for place in self._listed or sorted(heard)}
        if rows.keys() != {row["place"] for row in self._table.rows}:
            self._table.set(list(rows.values()))
        else:
            self._table.change_many({p: {n: r[n] for n in ("quality", "value", "age")} for p, r in rows.items()})

    async def _heard(self) -> Mapping[str, Heard]:
        if self._listen is None:
            return {}
        return await self._listen(self._view.who, list(self._listed), "" if self._listed else self._connection.path)

    def _row(self, place: str, heard: Heard | None) -> dict[str, Any]:
        tag = self._listed.get(place, {})
        return {
            "place": place,
            "path": place.removeprefix(f"{self._connection.path}/"),
            "quality": heard.quality.grade.value if heard else "unknown",
            "value": shown(self._view, heard.value if heard else None, tag),
            "age": heard.ts if heard else None,
            "every": str(tag.get("every", "1s")) if tag else "",
            "address": str(tag.get("address", "")),
            "writable": self._view.text("Yes") if tag.get("writable") else "",
        }

    # ---- changing ----

    def _draw_adding(self) -> None:
        button(self._view.text("Add tag"), lambda: self._open(None), symbol="add", kind="quiet")

    def _actions(self) -> list[tuple[str, str, Callable[[dict[str, Any]], object]]]:
        return [
            ("edit", self._view.text("Change"), lambda row: self._open(row["place"])),
            ("delete", self._view.text("Remove"), lambda row: self._remove(row["place"])),
        ]

    def _open(self, place: str | None) -> None:
        text = self._view.text
        old = self._listed[place] if place else {}
        with dialog(old.get("path") or text("Add tag")) as box:

            async def save(values: Tag) -> None:
                tag = taken(old, values)
                rest = list(self._listed.values())
                tags = [tag if t is old else t for t in rest] if place else [*rest, tag]
                await self._save(tags, text("Saved {name}", name=tag["path"]))
                box.close()

            form(
                tag_fields(self._view),
                values={"every": "1s", **old},
                on_submit=save,
                submit=text("Save") if place else text("Add"),
                on_cancel=box.close,
            )

    async def _remove(self, place: str) -> None:
        tags = [tag for at, tag in self._listed.items() if at != place]
        await self._save(tags, self._view.text("Removed {name}", name=self._listed[place]["path"]))

    async def _save(self, tags: list[Tag], message: str) -> None:
        view, old = self._view, self._connection
        edge = view.ask(Edge)
        await edge.save(view.who, old.connector, {**old.raw, "tags": tags}, expected=old.version)

        async def back() -> None:
            await edge.restore(view.who, old.name, old.version)
            view.reload()

        undo(message, back)
        view.reload()


def _place(connection: Connection, tag: Tag) -> str:
    path = str(tag["path"])
    return path[1:] if path.startswith("/") else f"{connection.path}/{path}"


def shown(view: View, value: Value | None, tag: Tag) -> str:
    """A value as its tag means it: yes or no, whole, or with its unit."""
    if tag.get("kind") == Kind.BOOLEAN and isinstance(value, int | float):
        return view.text("Yes") if value else view.text("No")
    if tag.get("kind") in (Kind.INTEGER, Kind.ENUM) and isinstance(value, float) and value.is_integer():
        value = int(value)
    return said(value, str(tag.get("unit", "")))


def said(value: Value | None, unit: str) -> str:
    """A value as a machine says it, with its unit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return quantity(value, unit)
    return "" if value is None else str(value)


def taken(old: Tag, values: Tag) -> Tag:
    """A tag as entered, over the one it was; Invalid when its interval is none."""
    tag = {k: v for k, v in {**old, **values}.items() if v is not False and v not in (None, "")}
    if tag.get("kind") == Kind.NUMBER:
        tag.pop("kind")
    try:
        parse_span(str(tag.get("every", "1s")))
    except ValueError as error:
        raise Invalid(f"{str(error)[:1].upper()}{str(error)[1:]}.", field="every") from error
    return tag


def tag_fields(view: View) -> list[Field]:
    """What can be set on a tag."""
    text = view.text
    kinds = {kind.value: text(word) for kind, word in KINDS.items()}
    return [
        Field(name="path", label=text("Property"), required=True, placeholder="temperature"),
        Field(name="address", label=text("Address"), required=True, help=text("As the connector's guide writes it.")),
        Field(name="unit", label=text("Unit"), placeholder="Cel, bar, kW", help=text("In UCUM: Cel is °C.")),
        Field(name="every", label=text("Interval"), value="1s", help=text("250ms, 1s, 5min")),
        Field(name="kind", label=text("Kind"), kind="select", options=kinds, advanced=True),
        Field(name="scale", label=text("Scale"), kind="number", advanced=True),
        Field(name="offset", label=text("Offset"), kind="number", advanced=True),
        Field(name="deadband", label=text("Deadband"), kind="number", advanced=True),
        Field(name="writable", label=text("Writable"), kind="switch", advanced=True),
        Field(name="low", label=text("Lowest value to write"), kind="number", advanced=True),
        Field(name="high", label=text("Highest value to write"), kind="number", advanced=True),
    ]
