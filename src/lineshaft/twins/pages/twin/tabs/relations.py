"""Relations: what this twin feeds, is part of, stands in or was made by, in both directions, made and removed."""

from __future__ import annotations

from functools import partial
from typing import Any

from lineshaft.console import (
    Column,
    Dialog,
    Field,
    Form,
    button,
    dialog,
    form,
    paragraph,
    section,
    stack,
    table,
    undo,
)
from lineshaft.kernel.errors import Invalid
from lineshaft.security import Role
from lineshaft.twins.model.graph import Direction
from lineshaft.twins.model.relations import End, Related, Relation
from lineshaft.twins.model.repository import Edge
from lineshaft.twins.pages.finding import draw_finder
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.pages.relating import BACK, KNOWN, graph_address, phrase
from lineshaft.twins.pages.twin.opened import Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.service import Repository

_BESIDE = (Edge.FEEDS, Edge.LOCATED, Edge.PRODUCED)
"""Relations that other documents may state as well; parts have a tab of their own."""


@tab("relations", title="Relations", order=35)
async def relations(twin: Opened) -> None:
    """Everything that begins or ends here."""
    await _Relations(twin).draw()


class _Relations:
    """The relations of one twin."""

    def __init__(self, twin: Opened) -> None:
        self._twin = twin
        self._view = twin.view
        self._repository = twin.view.ask(Repository)
        self._shell = twin.document.id
        self._shown: dict[str, Relation] = {}

    async def draw(self) -> None:
        self._body = stack()
        await self._show()

    async def _show(self) -> None:
        """Draw them as they are now."""
        said = await self._repository.relations.of(self._view.who, self._shell, self._view.language)
        beside = await self._stated_elsewhere(said)
        self._shown = {f"{one.source.shell} {one.id}": one for one in said}
        self._body.clear()
        with self._body, section(self._view.text("Relations"), flush=True, actions=self._draw_actions):
            self._draw_table([self._row(key, one) for key, one in self._shown.items()], beside)

    def _draw_actions(self) -> None:
        text = self._view.text
        button(text("Graph"), lambda: self._view.go(graph_address(self._shell)), kind="quiet", symbol="hub")
        if self._twin.may(Role.ENGINEER):
            button(text("Add a relation"), self._open_adding, symbol="add", kind="primary")

    def _draw_table(self, rows: list[dict[str, Any]], beside: list[dict[str, Any]]) -> None:
        text, mine = self._view.text, any(self._may(one) for one in self._shown.values())
        table(
            [
                Column("relation", text("Relation")),
                Column("name", text("Twin")),
                Column("place", text("Place"), kind="code", phone=False),
            ],
            [*rows, *beside],
            href=lambda row: str(row["address"]),
            actions=[("delete", text("Remove"), self._remove)] if mine else [],
            filterable=len(rows) + len(beside) > 12,
            empty=(text("Nothing is related to it yet"), text("Say what it feeds, where it stands, what made it.")),
            label=text("Relations"),
        )

    def _row(self, key: str, one: Relation) -> dict[str, Any]:
        out = one.source.shell == self._shell
        return self._told(key, one.name, one.target if out else one.source, out=out)

    def _told(self, key: str, name: str, other: End, *, out: bool) -> dict[str, Any]:
        view = self._view
        return {
            "id": key,
            "relation": phrase(view, name, out=out),
            "name": other.name or view.text("Not kept here, or not yours to see"),
            "place": str(other),
            "address": twin_address(other.shell, "relations") if other.place else "",
        }

    async def _stated_elsewhere(self, said: list[Relation]) -> list[dict[str, Any]]:
        """What documents besides those of people say, such as a file of the vendor."""
        graph, view = self._repository.graph, self._view
        net = await graph.around(view.who, self._shell, hops=1, kinds=_BESIDE, direction=Direction.BOTH)
        ends = await graph.ends(view.who, net.things, view.language)
        known = {(one.name, one.source.shell, one.target.shell) for one in said}
        rows, here = [], net.things[0]
        for bond in net.bonds:
            source, target = (ends.get(thing) or End(shell=thing) for thing in (bond.source, bond.target))
            if here in (bond.source, bond.target) and (bond.name, source.shell, target.shell) not in known:
                out = bond.source == here
                key = f"{bond.source} {bond.name} {bond.target}"
                rows.append(self._told(key, bond.name, target if out else source, out=out))
        return rows

    def _may(self, one: Relation) -> bool:
        return one.source.place is not None and self._view.who.may(Role.ENGINEER, one.source.place)

    # ---- removing ----

    async def _remove(self, row: dict[str, Any]) -> None:
        view, one = self._view, self._shown.get(str(row["id"]))
        if one is None:
            raise Invalid(view.text("Another document says this."), hint=view.text("Change it there."))
        done = await self._repository.relations.remove(view.who, one.source.shell, one.id)
        told = view.text("Removed: {relation} {name}", relation=row["relation"], name=row["name"])
        await self._offer_undo(one.source.shell, done, told)

    async def _offer_undo(self, source: str, done: Related, message: str) -> None:
        async def back() -> None:
            await self._repository.relations.undo(self._view.who, source, done.version)
            await self._show()

        undo(message, back)
        await self._show()

    # ---- adding ----

    async def _open_adding(self) -> None:
        """Ask how, then with what: pressing a twin relates it."""
        text = self._view.text
        names = await self._repository.graph.own_names(self._view.who)
        with dialog(text("Relate {name}", name=self._twin.name), wide=True) as box:
            entered = form(
                [
                    Field(
                        name="how", label=text("Relation"), kind="select", options=self._options(names), value="Feeds"
                    ),
                    Field(
                        name="own",
                        label=text("Or a name of your own"),
                        placeholder=text("is cooled by"),
                        help=text("It begins at this twin and ends at the one you choose."),
                    ),
                ]
            )
            paragraph(text("Choose the other twin:"))
            draw_finder(self._view, partial(self._add, box, entered), label=text("Twins"))

    def _options(self, names: list[str]) -> dict[str, str]:
        ways = [(name, out) for name in (*KNOWN, *names) for out in (True, False)]
        return {name if out else BACK + name: phrase(self._view, name, out=out) for name, out in ways}

    async def _add(self, box: Dialog, entered: Form, other: str, called: str) -> None:
        values = entered.values
        name = str(values["own"] or "").strip() or str(values["how"])
        back = not values["own"] and name.startswith(BACK)
        name = name.removeprefix(BACK) if back else name
        source, target = (other, self._shell) if back else (self._shell, other)
        done = await self._repository.relations.add(self._view.who, source, name, target)
        box.close()
        how = phrase(self._view, done.relation.name if done.relation else name, out=not back)
        await self._offer_undo(source, done, self._view.text("Added: {relation} {name}", relation=how, name=called))
