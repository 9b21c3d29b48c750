"""Structure: the parts of a thing as a tree with counts, the wholes it is used in, and everything it takes."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import Any

import orjson

from lineshaft.console import (
    Column,
    TreeNode,
    columns,
    download_button,
    empty,
    link,
    notice,
    section,
    stack,
    table,
    tree,
)
from lineshaft.twins.errors import Cyclic, NoDocument
from lineshaft.twins.model.graph import Bill
from lineshaft.twins.model.repository import Kind, Link
from lineshaft.twins.pages.naming import called, tail_of, twin_address
from lineshaft.twins.pages.twin.opened import Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.service import Repository

_STEP = "\n"
"""Between the things on the way to a node of the tree; no id holds it."""
_MOST_NAMED = 500
"""Things of a list whose shells are looked up; further ones are shown by their id."""


@tab("structure", title="Structure", order=30, fits=lambda twin: bool(twin.asset))
async def structure(twin: Opened) -> None:
    """Down at the left, up at the right, all of it below."""
    await _Structure(twin).draw()


class _Structure:
    """One thing among its parts and wholes."""

    def __init__(self, twin: Opened) -> None:
        self._twin = twin
        self._graph = twin.view.ask(Repository).graph
        self._names: dict[str, tuple[str, str]] = {}

    async def draw(self) -> None:
        view = self._twin.view
        try:
            down = await self._graph.explode(view.who, self._twin.asset)
            up = await self._graph.where_used(view.who, self._twin.asset)
        except Cyclic as error:
            await self._draw_cycle(error)
            return
        except NoDocument:
            self._draw_nothing()
            return
        totals, wholes = down.totals(), _by_whole(up)
        if not totals and not wholes:
            self._draw_nothing()
            return
        await self._look_up([*totals, *wholes])
        with columns(1, 1):
            with section(view.text("Parts")):
                self._draw_tree(down)
            with stack():
                self._draw_list(view.text("Used in"), wholes, view.text("It is a part of nothing."))
                self._draw_list(view.text("All parts"), totals, view.text("It has no parts."), csv_=True)

    def _draw_nothing(self) -> None:
        view = self._twin.view
        empty(view.text("No parts"), view.text("A bill of materials (IDTA 02011) says what it is made of."))

    async def _draw_cycle(self, error: Cyclic) -> None:
        view, ring = self._twin.view, [str(one) for one in error.details.get("ring", ())]  # type: ignore[attr-defined]
        await self._look_up(ring)
        way = " → ".join(self._named(one) for one in ring)
        hint = view.text("Take one of these parts out of its whole.")
        notice("bad", view.text("{name} is a part of itself: {way}", name=self._named(ring[0]), way=way), hint=hint)
        for one in dict.fromkeys(ring):
            if address := self._names.get(one, ("", ""))[1]:
                link(self._named(one), address)

    def _draw_tree(self, bill: Bill) -> None:
        view = self._twin.view
        below: dict[str, dict[str, float]] = {}
        for line in bill.lines():
            below.setdefault(line.whole, {})[line.part] = line.count

        async def load(parent: str | None) -> list[TreeNode]:
            way = (parent or self._twin.asset).split(_STEP)
            found = below.get(way[-1], {}) if parent else below.get(bill.top) or below.get(self._top(bill), {})
            return [self._node([*way, part], count, bool(below.get(part))) for part, count in found.items()]

        tree(load, label=view.text("Parts"), empty=view.text("It has no parts."))

    @staticmethod
    def _top(bill: Bill) -> str:
        return bill.wholes[0] if bill.wholes else bill.top

    def _node(self, way: list[str], count: float, more: bool) -> TreeNode:
        name, address = self._names.get(way[-1], (tail_of(way[-1]), ""))
        shown = f"× {count:g}" if count != 1 else ""
        return TreeNode(
            id=_STEP.join(way), label=name, note=shown, children=more, symbol="memory", href=address
        )  # fmt: skip

    def _draw_list(self, title: str, totals: dict[str, float], none: str, *, csv_: bool = False) -> None:
        view = self._twin.view
        actions = partial(self._draw_download, totals) if csv_ and totals else None
        with section(title, flush=True, actions=actions):
            table(
                [
                    Column("name", view.text("Name")),
                    Column("quantity", view.text("Quantity"), kind="number", digits=0),
                    Column("asset", view.text("Asset"), kind="code", phone=False),
                ],
                [self._row(asset, quantity) for asset, quantity in totals.items()],
                href=lambda row: str(row["address"]),
                filterable=len(totals) > 12,
                empty=(none, ""),
                label=title,
            )

    def _row(self, asset: str, quantity: float) -> dict[str, Any]:
        address = self._names.get(asset, ("", ""))[1]
        return {"id": asset, "name": self._named(asset), "quantity": quantity, "asset": asset, "address": address}

    def _draw_download(self, totals: dict[str, float]) -> None:
        download_button("CSV", lambda: self._csv(totals), "parts.csv", kind="quiet")

    def _csv(self, totals: dict[str, float]) -> str:
        out = io.StringIO()
        rows = csv.writer(out)
        rows.writerow(["asset", "name", "quantity"])
        rows.writerows((asset, self._named(asset), f"{quantity:g}") for asset, quantity in totals.items())
        return out.getvalue()

    # ---- names ----

    def _named(self, asset: str) -> str:
        return self._names[asset][0] if asset in self._names else tail_of(asset)

    async def _look_up(self, assets: list[str]) -> None:
        """The names and screens of things that have a shell here."""
        view, repository = self._twin.view, self._twin.view.ask(Repository)
        self._names[self._twin.asset] = self._twin.name, ""
        for asset in dict.fromkeys(assets[:_MOST_NAMED]):
            found, _ = await repository.shells_of(view.who, [Link(name="globalAssetId", value=asset)], limit=1)
            for shell in found:
                body = (await repository.get(view.who, Kind.SHELL, shell)).body
                self._names[asset] = called(orjson.loads(body), view.language), twin_address(shell, "structure")


def _by_whole(bill: Bill) -> dict[str, float]:
    """How many of a thing are in each of the wholes above it, over all ways it gets in."""
    found: dict[str, float] = {}
    for whole, quantity in zip(bill.wholes, bill.quantities, strict=True):
        found[whole] = found.get(whole, 0.0) + quantity
    return found
