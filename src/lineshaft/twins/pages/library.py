"""Types: what machines can be, those of this plant and those that vendors sent, and twins made of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import orjson

from lineshaft.console import Ask, Column, Rows, View, heading, page, section, table, tabs
from lineshaft.security import Role
from lineshaft.twins.model.repository import Filters, Kind
from lineshaft.twins.service import Repository

from .making import open_making_of_vendor
from .naming import called, twin_address
from .types import draw_types


@page("/types", title="Types", section="Plant", icon="category", order=26, role=int(Role.VIEWER))
async def library(view: View, tab: str = "") -> None:
    """The library of this plant, and types from vendors' files."""
    heading(view.text("Types"), subtitle=view.text("Choose one, look at its properties, make a twin of it"))
    panels: dict[str, Callable[[], object]] = {
        view.text("Library"): partial(draw_types, view),
        view.text("From vendors"): partial(_draw_vendors, view),
    }
    tabs(panels, names=["library", "vendors"], selected=tab)


def _draw_vendors(view: View) -> None:
    may = any(grant.role >= Role.ENGINEER for grant in view.who.grants)
    making = [("add_box", view.text("Make a twin"), lambda row: open_making_of_vendor(view, row["id"], row["name"]))]
    with section(view.text("From vendors"), flush=True):
        table(
            [
                Column("name", view.text("Name"), sortable=False),
                Column("asset", view.text("Asset"), kind="code", sortable=False, phone=False),
                Column("submodels", view.text("Submodels"), kind="number", digits=0, sortable=False, phone=False),
            ],
            load=lambda ask: _types(view, ask),
            href=lambda row: twin_address(row["id"]),
            actions=making if may else (),
            filterable=False,
            empty=(view.text("No types from vendors yet"), view.text("Import an AASX whose asset kind is Type.")),
            label=view.text("From vendors"),
        )


async def _types(view: View, ask: Ask) -> Rows:
    after = int(ask.after) if ask.after else None
    found = await view.ask(Repository).page(
        view.who, Kind.SHELL, Filters(asset_kind="Type"), after=after, limit=ask.limit
    )  # fmt: skip
    rows = []
    for document in found.documents:
        shell = orjson.loads(document.body)
        asset = shell.get("assetInformation", {}).get("globalAssetId", "")
        rows.append({"id": document.id, "name": called(shell, view.language), "asset": asset,
                     "submodels": len(shell.get("submodels", ()))})  # fmt: skip
    return Rows(rows=rows, next=None if found.after is None else str(found.after))
