"""A table that sorts, filters, loads more and changes single cells without being drawn again.

    connections = table(
        [Column("name", "Name"), Column("state", "State", kind="status"), Column("rate", "Rate", unit="1/s")],
        rows=[{"id": "plc-1", "name": "Filler PLC", "state": "running", "rate": 412.0}],
        href=lambda row: f"/connections/{row['id']}",
        empty=("No connections yet", "Connect your first machine."),
    )
    connections.change("plc-1", rate=408.0)            # one cell travels
    connections.set(rows)                              # or everything

With `load`, rows come page by page: `async load(ask: Ask) -> Rows`. `ask.after` is the cursor of the last
page, `ask.filter` and `ask.sort` what the viewer wants; the service decides what they mean.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import format as write
from .display import label_of, look_of, shown
from .live import Live
from .view import View, guarded, here, text

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. kind: text, number, status, time, ago, bytes, duration, code or switch-like `bool`."""

    name: str
    label: str
    kind: str = "text"
    unit: str = ""
    digits: int | None = None
    sortable: bool = True
    phone: bool = True
    """Whether it stays on narrow screens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the viewer wants to see of a table that is loaded page by page."""

    after: str | None = None
    filter: str = ""
    sort: str = ""
    descending: bool = False
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One page of a table; `next` is the cursor for more, None at the end."""

    rows: Sequence[Row]
    next: str | None = None


Load = Callable[[Ask], Awaitable[Rows]]


class Table(Live, component="assets/ls_table.js"):
    """Rows by key; see the module for how to fill it."""

    def __init__(self, shape: Sequence[Column], *, key: str, load: Load | None, **state: Any) -> None:
        super().__init__(rows=[], more=False, loading=False, **state)
        self._columns = {c.name: c for c in shape}
        self._key = key
        self._load = load
        self._href: Callable[[Row], str] | None = None
        self._rows: dict[str, Row] = {}
        self._ask = Ask()
        self._next: str | None = None

    @property
    def rows(self) -> list[Row]:
        """The rows as they were given."""
        return list(self._rows.values())

    @property
    def selected(self) -> list[str]:
        """Keys of the ticked rows."""
        return list(self.state["selected"])

    def set(self, rows: Sequence[Row]) -> None:
        """Replace all rows."""
        self._rows = {str(row[self._key]): dict(row) for row in rows}
        self.patch(rows=[self._drawn(row) for row in self._rows.values()])

    def explain(self, title: str, hint: str = "") -> None:
        """Say why there is nothing to see."""
        self.patch(words={**self.state["words"], "empty": title, "hint": hint})

    def add(self, rows: Sequence[Row]) -> None:
        """Append rows, or replace those whose key is there already."""
        self.set([*{**self._rows, **{str(row[self._key]): dict(row) for row in rows}}.values()])

    def remove(self, key: str) -> None:
        """Take a row out."""
        if self._rows.pop(str(key), None) is not None:
            self.patch(rows=[self._drawn(row) for row in self._rows.values()])

    def change(self, key: str, **cells: Any) -> None:
        """Change single cells of a row; equal values and unknown keys cost nothing."""
        self.change_many({key: cells})

    def change_many(self, rows: dict[str, dict[str, Any]]) -> None:
        """Change cells of many rows with one message: `{key: {column: value}}`."""
        changes: dict[str, dict[str, Any]] = {}
        position = {drawn["key"]: drawn for drawn in self.state["rows"]}
        for key, cells in rows.items():
            row, drawn = self._rows.get(str(key)), position.get(str(key))
            if row is None or drawn is None:
                continue
            row.update(cells)
            fresh = {name: self._cell(name, value) for name, value in cells.items() if name in self._columns}
            differing = {name: cell for name, cell in fresh.items() if drawn["cells"].get(name) != cell}
            if differing:
                drawn["cells"].update(differing)
                changes[str(key)] = differing
        if changes:
            self._merge(changes)

    def _merge(self, changes: dict[str, dict[str, Any]]) -> None:
        """Add to the cells already waiting to be sent."""
        waiting: dict[str, dict[str, Any]] = self.waiting().get("cells", {})
        for key, cells in changes.items():
            waiting.setdefault(key, {}).update(cells)
        self._tell({"cells": waiting})

    def _drawn(self, row: Row) -> dict[str, Any]:
        cells = {name: self._cell(name, row.get(name)) for name in self._columns}
        href = self._href(row) if self._href else ""
        return {"key": str(row[self._key]), "cells": cells, "href": href}

    def _cell(self, name: str, value: Any) -> dict[str, Any]:
        """What a cell shows (`t`), sorts by (`s`) and, for a state, looks like (`l`); `a` is a time that ages."""
        column = self._columns[name]
        if column.kind == "status" and value is not None:
            return {"t": label_of(str(value), self.view), "s": str(value), "l": look_of(str(value))}
        if column.kind == "ago" and isinstance(value, datetime):
            millis = int(value.timestamp() * 1000)
            return {"t": "", "s": millis, "a": millis}
        return {"t": _text(column, value, self.view), "s": _sort(value)}

    async def _fetch(self, ask: Ask, *, append: bool) -> None:
        if self._load is None:
            return
        self._ask = ask
        self.patch(loading=True)
        try:
            found = await self._load(ask)
            if ask is self._ask:
                self._next = found.next
                (self.add if append else self.set)(found.rows)
                self.patch(more=found.next is not None)
        finally:
            self.patch(loading=False)

    async def reload(self) -> None:
        """Ask for the first page again, with the viewer's filter and order."""
        await self._fetch(_after(self._ask, None), append=False)

    async def _wanted(self, event: Any) -> None:
        wants = event.args
        ask = Ask(filter=wants["filter"], sort=wants["sort"], descending=wants["descending"])
        await self._fetch(ask, append=False)

    async def _more(self) -> None:
        await self._fetch(_after(self._ask, self._next), append=True)


def _after(ask: Ask, cursor: str | None) -> Ask:
    return Ask(after=cursor, filter=ask.filter, sort=ask.sort, descending=ask.descending, limit=ask.limit)


def _text(column: Column, value: Any, view: View) -> str:
    if value is None:
        return write.ABSENT
    if isinstance(value, datetime):
        return view.moment(value)
    if column.kind == "bytes":
        return write.size(float(value))
    if column.kind == "duration":
        return write.duration(value, view.language)
    if column.kind == "number" or (column.unit and isinstance(value, int | float)):
        return write.quantity(value, column.unit, column.digits)
    return shown(value, column.digits, view)


def _sort(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value if isinstance(value, int | float) else str(value or "").lower()


def table(
    columns: Sequence[Column],
    rows: Sequence[Row] = (),
    *,
    key: str = "id",
    load: Load | None = None,
    on_row: Callable[[Row], object] | None = None,
    href: Callable[[Row], str] | None = None,
    actions: Sequence[tuple[str, str, Callable[[Row], object]]] = (),
    selectable: bool = False,
    filterable: bool = True,
    sort: str = "",
    descending: bool = False,
    empty: tuple[str, str] | None = None,
    label: str = "",
) -> Table:
    """A table; `actions` are (symbol, name, what to do with the row) at the end of each row.

    `href` makes rows links (open in a new tab works), `on_row` calls back instead; `sort` names the first order.
    """
    made = Table(
        columns,
        key=key,
        load=load,
        columns=[
            {"name": c.name, "label": c.label, "kind": c.kind, "sortable": c.sortable, "phone": c.phone,
             "right": c.kind in ("number", "bytes", "duration") or bool(c.unit)}
            for c in columns
        ],
        actions=[{"symbol": symbol, "name": name} for symbol, name, _ in actions],
        selectable=selectable,
        selected=[],
        filterable=filterable,
        sort=sort,
        descending=descending,
        remote=load is not None,
        clickable=on_row is not None or href is not None,
        label=label,
        words={
            "filter": text("Filter"), "more": text("Load more"), "empty": (empty or (text("Nothing here yet"), ""))[0],
            "hint": (empty or ("", ""))[1], "none": text("Nothing matches the filter"), "rows": text("rows"),
            "of": text("of"), "select": text("Select"), "clear": text("Clear the filter"),
        },
    )  # fmt: skip
    made._href = href
    made.set(rows)
    _listen(made, on_row, [do for _, _, do in actions])
    return made


def _listen(made: Table, on_row: Callable[[Row], object] | None, actions: list[Callable[[Row], object]]) -> None:
    def row_of(key: str) -> Row:
        return made._rows[key]

    if on_row is not None:
        made.on("row", guarded(lambda event: on_row(row_of(event.args))))
    if actions:
        made.on("act", guarded(lambda event: actions[event.args["action"]](row_of(event.args["key"]))))
    made.on("select", lambda event: made.state.update(selected=list(event.args)))
    if made._load is not None:
        made.on("want", guarded(made._wanted))
        made.on("more", guarded(made._more))
        here().soon(made.reload)
