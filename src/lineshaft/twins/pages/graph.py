"""The graph of twins: a picture of what is around one, and questions about the twins in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from lineshaft.console import (
    Arrow,
    Ask,
    Column,
    Field,
    Node,
    Rows,
    View,
    button,
    chips,
    choice,
    dialog,
    empty,
    form,
    mark,
    network,
    notice,
    row,
    section,
    stack,
    table,
)
from lineshaft.kernel.errors import Invalid, NotFound
from lineshaft.twins.metamodel import identifiers
from lineshaft.twins.model.graph import Bond, Compare, Condition, Direction, Match, Net, Own, Rank, Tie
from lineshaft.twins.model.relations import EDGES, End
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.service import Repository, Twins

from .finding import draw_finder
from .naming import tail_of, twin_address
from .relating import KNOWN, phrase

HOPS = 4
DRAWN = 300
"""Things of one picture."""
DIRECTIONS = {
    Direction.BOTH: mark("Both ways"),
    Direction.FORWARD: mark("Forward"),
    Direction.BACKWARD: mark("Backward"),
}


async def draw_graph(view: View, key: str = "") -> None:
    """The picture and the question below it; `key` is the shell in the middle as addresses write it."""
    desk = _Desk(view, identifiers.decode_id(key) if key else await _first(view))
    await desk.draw()


async def _first(view: View) -> str:
    """Where to begin: at the top of what may be seen, else at the first shell there is."""
    tops = await view.ask(Twins).children(view.who, limit=1)
    if tops:
        return shell_id(tops[0].id)
    found = await view.ask(Repository).page(view.who, Kind.SHELL, limit=1)
    return found.documents[0].id if found.documents else ""


class _Desk:
    """One twin in the middle, what is followed from it, and what is asked."""

    def __init__(self, view: View, centre: str) -> None:
        self._view = view
        self._graph = view.ask(Repository).graph
        self._centre = centre
        self._hops = 2
        self._direction = Direction.BOTH
        self._names: list[str] = []
        self._followed: list[str] = []

    async def draw(self) -> None:
        text = self._view.text
        if not self._centre:
            empty(text("No twins yet"), text("Add a machine in the plant model, or import a file."), symbol="hub")
            return
        self._names = [*KNOWN, *await self._graph.own_names(self._view.who)]
        self._picture = stack()
        await self._show()
        self._draw_question()

    # ---- the picture ----

    async def _show(self) -> None:
        """Draw what is around the middle as it is now."""
        net, ends = await self._read()
        self._picture.clear()
        with self._picture, section(self._title(net, ends), actions=self._draw_actions):
            self._draw_choices()
            if net.left_out:
                notice("info", self._view.text("The nearest {n} are drawn; {more} more are left out.",
                                               n=len(net.things), more=net.left_out),
                       hint=self._view.text("Go fewer hops, or follow fewer relations."))  # fmt: skip
            nodes = [self._node(thing, ends.get(thing)) for thing in net.things]
            arrows = [self._arrow(bond) for bond in net.bonds]
            network(nodes, arrows, centre=net.things[0], label=self._title(net, ends))

    async def _read(self) -> tuple[Net, dict[str, End]]:
        who = self._view.who
        net = await self._graph.around(
            who, self._centre, hops=self._hops, kinds=self._ties(), direction=self._direction, limit=DRAWN
        )
        return net, await self._graph.ends(who, net.things, self._view.language)

    def _title(self, net: Net, ends: dict[str, End]) -> str:
        middle = net.things[0]
        name = ends[middle].name if middle in ends else tail_of(middle)
        return self._view.text("Around {name}", name=name)

    def _draw_actions(self) -> None:
        text = self._view.text
        button(text("Open"), lambda: self._view.go(twin_address(self._centre)), kind="quiet", symbol="badge")
        button(text("Another twin"), self._open_finder, symbol="search")

    def _draw_choices(self) -> None:
        text = self._view.text
        with row():
            hops = {str(n): str(n) for n in range(1, HOPS + 1)}
            choice(hops, str(self._hops), self._set_hops, label=text("Hops"), named=True)
            ways = {way.value: text(words) for way, words in DIRECTIONS.items()}
            choice(ways, self._direction.value, self._set_direction, label=text("Direction"))
            options = {name: phrase(self._view, name, out=True) for name in self._names}
            chips(options, self._followed, self._set_followed, label=text("Follow"))

    def _node(self, thing: str, end: End | None) -> Node:
        if end is None:
            return Node(id=thing, label=tail_of(thing), note=self._view.text("Not kept here, or not yours to see"))
        return Node(id=thing, label=end.name, note=str(end.place or ""), href=twin_address(end.shell))

    def _arrow(self, bond: Bond) -> Arrow:
        return Arrow(source=bond.source, target=bond.target, kind=phrase(self._view, bond.name, out=True))

    def _ties(self) -> Sequence[Tie]:
        return [EDGES.get(name) or Own(name) for name in self._followed or self._names]

    async def _set_hops(self, hops: str) -> None:
        self._hops = int(hops)
        await self._show()

    async def _set_direction(self, way: str) -> None:
        self._direction = Direction(way)
        await self._show()

    async def _set_followed(self, names: list[str]) -> None:
        self._followed = names
        await self._show()

    def _open_finder(self) -> None:
        text = self._view.text
        with dialog(text("Choose the twin in the middle"), wide=True) as box:

            async def picked(shell: str, _name: str) -> None:
                box.close()
                self._centre = shell
                self._view.remember(tab="graph", twin=identifiers.encode_id(shell))
                await self._show()

            draw_finder(self._view, picked, label=text("Twins"))

    # ---- the question ----

    def _draw_question(self) -> None:
        text = self._view.text
        fields = [
            Field(name="property", label=text("Property"), required=True, placeholder="bearing-temperature",
                  help=text("Its idShortPath in a submodel, or its semantic id.")),
            Field(name="compare", label=text("Compare"), kind="select", value=Compare.GT.value,
                  options={one.value: one.value for one in Compare}),
            Field(name="value", label=text("Value"), required=True, placeholder="50"),
            Field(name="type", label=text("Asset type"), placeholder="sensor"),
        ]  # fmt: skip
        told = text("Which twins in the picture have a property that fits now, also those that were left out?")
        with section(text("Ask"), subtitle=told):
            form(fields, on_submit=self._ask, submit=text("Ask"))
        self._answer = stack()

    async def _ask(self, values: dict[str, Any]) -> None:
        condition = _condition(str(values["property"]).strip(), Compare(values["compare"]), str(values["value"]))
        type_ = str(values["type"] or "").strip()
        await self._matches(condition, type_, Ask(limit=1))  # what cannot be asked is told below the form
        text = self._view.text
        self._answer.clear()
        with self._answer, section(text("Matches"), flush=True):
            table(
                [
                    Column("name", text("Twin"), sortable=False),
                    Column("value", text("Value"), kind="code", sortable=False),
                    Column("property", text("Property"), kind="code", sortable=False, phone=False),
                    Column("place", text("Place"), kind="code", sortable=False, phone=False),
                    Column("hops", text("Hops"), kind="number", digits=0, sortable=False),
                ],
                load=lambda ask: self._matches(condition, type_, ask),
                href=lambda shown: str(shown["address"]),
                filterable=False,
                empty=(text("Nothing fits"), text("Go further, follow more relations, or ask for another value.")),
                label=text("Matches"),
            )

    async def _matches(self, condition: Condition, type_: str, ask: Ask) -> Rows:
        """One page of what fits, with the rank of its last row as the cursor."""
        after: Rank | None = tuple(orjson.loads(ask.after)) if ask.after else None
        try:
            found = await self._graph.below(
                self._view.who, self._centre, hops=self._hops, condition=condition, kinds=self._ties(),
                direction=self._direction, type_=type_, after=after, limit=ask.limit + 1,
            )  # fmt: skip
        except NotFound as error:
            raise Invalid(error.message, hint=error.hint) from error
        page = found[: ask.limit]
        ends = await self._graph.ends(self._view.who, {one.thing for one in page}, self._view.language)
        last = orjson.dumps(page[-1].rank).decode() if len(found) > ask.limit else None
        return Rows(rows=[_row(one, ends.get(one.thing)) for one in page], next=last)


def _condition(name: str, compare: Compare, value: str) -> Condition:
    """A property by path, or by meaning where it is written like one; a value that is a number is compared as one."""
    meant = ":" in name or "/" in name
    try:
        wanted: float | str = float(value)
    except ValueError:
        wanted = value
    return Condition(semantic=name if meant else "", path="" if meant else name, compare=compare, value=wanted)


def _row(match: Match, end: End | None) -> dict[str, Any]:
    value = match.text if match.number is None else f"{match.number:.6g}"
    return {
        "id": f"{match.submodel} {match.path}",
        "name": end.name if end else tail_of(match.thing),
        "place": str(end.place or "") if end else "",
        "address": twin_address(end.shell) if end else "",
        "property": match.path,
        "value": value,
        "hops": match.hops,
    }
