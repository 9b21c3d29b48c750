"""Twins found by words: in lists, and where one has to be chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from lineshaft.console import Ask, Column, Rows, Table, View, table
from lineshaft.twins.model.repository import Document, Filters, Kind
from lineshaft.twins.service import Repository

from .naming import called

Picked = Callable[[str, str], object]
"""Told the shell that was chosen, and what it is called."""


async def shells(view: View, ask: Ask) -> Rows:
    """One page of the shells in which every word occurs: in name, place, type, id or asset id."""
    after = int(ask.after) if ask.after else None
    filters = Filters(words=ask.filter)
    found = await view.ask(Repository).page(view.who, Kind.SHELL, filters, after=after, limit=ask.limit)
    return Rows(
        rows=[_row(view, one) for one in found.documents], next=None if found.after is None else str(found.after)
    )


def draw_finder(view: View, on_pick: Picked, *, label: str) -> Table:
    """A list of twins with a field to search in, of which one is chosen by pressing it."""
    return table(
        [
            Column("name", view.text("Name"), sortable=False),
            Column("place", view.text("Place"), kind="code", sortable=False),
        ],
        load=lambda ask: shells(view, Ask(after=ask.after, filter=ask.filter, limit=10)),
        on_row=lambda shown: on_pick(str(shown["id"]), str(shown["name"])),
        empty=(view.text("No twin matches"), view.text("Search by name, place or id.")),
        label=label,
    )


def _row(view: View, document: Document) -> dict[str, Any]:
    shell = orjson.loads(document.body)
    return {
        "id": document.id,
        "name": called(shell, view.language),
        "place": str(document.place),
        "asset": shell.get("assetInformation", {}).get("globalAssetId", ""),
        "submodels": len(shell.get("submodels", ())),
        "version": document.version,
    }
