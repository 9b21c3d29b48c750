"""Talks to one OPC UA server: subscribes or polls, writes, browses, and comes back by itself.

connect ─▶ sign in, look up namespaces and every tag's node ─▶ subscribe (or read) … ─▶ close
                 a tag whose node is not there is named and reads bad; the others go on
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lineshaft.edge.connectors import Connector, Node, Problem, Readings, Sink, Tag, place_below
from lineshaft.kernel.errors import Invalid, Unavailable
from lineshaft.kernel.terms import PlantPath, Quality, Value

from . import browse as browsing
from . import call as calling
from . import write as writing
from .address import parse
from .link import Link, open_link, spoken
from .poll import Poller
from .settings import OpcUaSettings
from .space import Plan, resolve, units
from .stream import Stream
from .table import Table, joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Tags that are read together, by their place among the connector's tags."""

    wanted: tuple[int, ...]


@dataclass(slots=True, kw_only=True)
class _Known:
    """A group as this server knows it; forgotten with the link."""

    table: Table
    plan: Plan


class OpcUa(Connector[OpcUaSettings]):
    """An OPC UA client over the binary protocol (opc.tcp)."""

    name: ClassVar[str] = "opcua"
    Settings: ClassVar[type[OpcUaSettings]] = OpcUaSettings
    subscribes: ClassVar[bool] = True
    affirms: ClassVar[bool] = True

    def __init__(self, settings: OpcUaSettings, tags: Sequence[Tag], *, root: PlantPath) -> None:
        super().__init__(settings, tags, root=root)
        self._link: Link | None = None
        self._known: dict[Group, _Known] = {}
        self._methods = {PlantPath(place_below(root, one.path)): one for one in settings.methods}
        self._places = {tag.path: place for place, tag in enumerate(self.tags)}

    def check(self) -> list[Problem]:
        wrong = [problem for tag in self.tags if (problem := _wrong(tag)) is not None]
        return wrong + [problem for path, one in self._methods.items() if (problem := calling.wrong(path, one))]

    async def connect(self) -> None:
        await self.close()
        with self._spoken():
            self._link = await open_link(self.settings, self._pki, keep=not self.host.trial)

    def plan(self, tags: Sequence[Tag]) -> Group:
        return Group(wanted=tuple(self._places[tag.path] for tag in tags))

    async def read(self, plan: object) -> Readings:
        if not isinstance(plan, Group):
            raise TypeError(f"{self.name} reads what its own plan() returned")
        with self._spoken():
            link, known = await self._look_up(plan)
            readings = await Poller(link, known.table).read(known.plan.items, _silent)
        return joined(readings, known.table.bad(known.plan.lost, Quality.BAD_CONFIG_ERROR))

    async def read_now(self, tags: Sequence[Tag]) -> Readings:
        """Read tags at once, beside a running subscription: confirms what was written."""
        return await self.read(self.plan(tags))

    async def subscribe(self, sink: Sink) -> None:
        with self._spoken():
            link, known = await self._look_up(self.plan(self.tags))
            for problem in known.plan.lost.values():
                sink.trouble(problem)
            if known.plan.lost:
                await sink.put(known.table.bad(known.plan.lost, Quality.BAD_CONFIG_ERROR))
            known.table.units = await self._units(link, known.plan)
            await Stream(link, known.table, known.plan.items, self.settings, sink).run()

    async def write(self, tag: Tag, value: Value) -> None:
        with self._spoken():
            link, plan = await self._plan_of(tag)
            for problem in plan.lost.values():
                raise Invalid(problem.message, hint=problem.hint)
            await writing.write(link, tag, plan.items[0], value)

    @property
    def methods(self) -> frozenset[PlantPath]:
        return frozenset(self._methods)

    async def call(self, path: PlantPath, arguments: Sequence[Value]) -> list[Value | None]:
        with self._spoken():
            return await calling.call(self._open(), path, self._methods[path], arguments)

    async def browse(self, address: str = "") -> list[Node]:
        with self._spoken():
            return await browsing.browse(self._open(), address)

    async def close(self) -> None:
        link, self._link = self._link, None
        self._known.clear()
        if link is not None:
            await link.close()

    @property
    def _pki(self) -> Path:
        return self.settings.pki or self.host.folder / "opcua"

    def _spoken(self) -> AbstractContextManager[None]:
        return spoken(self.settings, self._pki)

    def _open(self) -> Link:
        if self._link is None:
            raise Unavailable(f"{self.settings.url} is not connected.", hint="It is connected again by itself.")
        return self._link

    async def _units(self, link: Link, plan: Plan) -> dict[str, str]:
        """What the server says of the tags that name no unit themselves."""
        nodes = {
            self.tags[pick.tag].path: item.node
            for item in plan.items
            for pick in item.picks
            if not self.tags[pick.tag].unit
        }
        told = await units(link, list(nodes.values()))
        return {path: told[node] for path, node in nodes.items() if node in told}

    async def _plan_of(self, tag: Tag) -> tuple[Link, Plan]:
        place = self._places.get(tag.path)
        if place is None or self.tags[place] != tag:
            return self._open(), await resolve(self._open(), [tag], [0])
        link, known = await self._look_up(Group(wanted=(place,)))
        return link, known.plan

    async def _look_up(self, group: Group) -> tuple[Link, _Known]:
        link = self._open()
        if group not in self._known:
            plan = await resolve(link, self.tags, group.wanted)
            self._known[group] = _Known(table=Table(self.tags, self.paths, plan.items), plan=plan)
        return link, self._known[group]


def _silent(_problem: Problem) -> None:
    """When reading, the quality of a row says that it is bad; nobody is told twice."""


def _wrong(tag: Tag) -> Problem | None:
    try:
        parse(tag.address)
    except Invalid as error:
        return Problem(path=tag.path, message=error.message, hint=error.hint)
    if tag.scale == 0:
        return Problem(path=tag.path, message="A scale of 0 makes every value 0.", hint="Leave it out for 1.")
    if tag.low is not None and tag.high is not None and tag.low > tag.high:
        return Problem(path=tag.path, message=f"low ({tag.low:g}) is above high ({tag.high:g}).", hint="Swap them.")
    return _wrong_options(tag)


def _wrong_options(tag: Tag) -> Problem | None:
    for option in tag.options:
        if option != "names":
            return Problem(path=tag.path, message=f"unknown option {option!r}.", hint="OPC UA tags know: names.")
    names = tag.options.get("names", {})
    if not isinstance(names, dict) or not all(str(number).lstrip("-").isdigit() for number in names):
        hint = 'Write names = { 0 = "Stopped", 1 = "Running" }.'
        return Problem(path=tag.path, message="`names` gives a word for each number.", hint=hint)
    return None
