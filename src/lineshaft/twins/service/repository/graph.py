"""Questions about how things hang together: bills of materials, where things are used, what is near a thing.

Only what stands in documents the caller may see whole counts; a property is told only where they may see it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.security import Who
from lineshaft.twins.errors import Cyclic, NoDocument
from lineshaft.twins.metamodel.paths import place_of
from lineshaft.twins.metamodel.references import normalised
from lineshaft.twins.model.graph import Bill, Bond, Condition, Direction, Match, Net, Own, Rank, Tie, Wanted
from lineshaft.twins.model.relations import EDGES, End
from lineshaft.twins.model.repository import Edge
from lineshaft.twins.model.shell import TYPE
from lineshaft.twins.store import documents, elements
from lineshaft.twins.store.elements import SEMANTIC_MOST, Hit

from .atlas import Atlas, View
from .columns import Ints, cycle, joined, levels, within
from .current import Current
from .desk import Desk
from .ends import ends_of, shell_at
from .sight import Sight

DEEPEST = 200
"""Levels of a bill of materials that are followed."""
MOST = 10_000
"""Matches told at most."""
FEW = 20_000
"""Up to so many submodels their properties are looked up one by one, else all properties that fit are."""
DRAWN, MOST_DRAWN = 300, 1_000
"""Things of one picture: usually, and at most."""
PARTS: frozenset[Tie] = frozenset({Edge.PART})
FLOW: frozenset[Tie] = frozenset({Edge.FEEDS})
BELOW: frozenset[Tie] = frozenset({Edge.PART, Edge.FEEDS})
_MOST_TOLD = 8
_SAID = {edge: name for name, edge in EDGES.items()}


class Graph:
    """The relations of a plant, as far as a caller may see them."""

    def __init__(self, desk: Desk, current: Current) -> None:
        self._desk = desk
        self._current = current
        self._atlas = Atlas(desk.db)

    async def explode(self, who: Who, asset: str, depth: int = DEEPEST) -> Bill:
        """All parts of a thing down to a depth, with quantities; Cyclic names a thing that holds itself."""
        return await self._bill(who, asset, depth, up=False)

    async def where_used(self, who: Who, asset: str, depth: int = DEEPEST) -> Bill:
        """All wholes a thing is in, up to a height; quantities say how many of it are in one of the whole."""
        return await self._bill(who, asset, depth, up=True)

    async def below(
        self,
        who: Who,
        top: str,
        *,
        hops: int,
        condition: Condition,
        kinds: Iterable[Tie] = BELOW,
        direction: Direction = Direction.FORWARD,
        type_: str = "",
        after: Rank | None = None,
        limit: int = 1_000,
    ) -> list[Match]:
        """Things at most so many hops from one whose property compares to a value; the nearest first.

        `top` is a plant path, a shell or an asset; `type_` keeps things of an asset type, `after` what ranks behind.
        """
        if hops < 0 or limit < 1:
            raise Invalid(f"{hops} hops, {limit} matches: ask for at least 0 and 1.")
        if not condition.semantic and not condition.path:
            raise Invalid("A condition names no property.", hint="Say its semantic id or its idShortPath.")
        sight = await self._desk.sight(who)
        view = await self._atlas.view(sight.trees)
        start = await self._start(who, view, top)
        ties = frozenset[Tie](kinds)
        _check_owns(view, ties)
        if start is None:
            return []
        owners = await in_thread(_submodels, view, ties, direction, start, hops)
        found = await self._matches(sight, view, owners, condition)
        behind = [match for match in found if after is None or match.rank > after]
        return (await self._of_type(who, behind, type_) if type_ else behind)[: min(limit, MOST)]

    async def around(
        self,
        who: Who,
        top: str,
        *,
        hops: int,
        kinds: Iterable[Tie] | None = None,
        direction: Direction = Direction.BOTH,
        limit: int = DRAWN,
    ) -> Net:
        """Things at most so many hops from one and their relations, to be drawn; all that people make without kinds."""
        if hops < 0 or limit < 1:
            raise Invalid(f"{hops} hops, {limit} things: ask for at least 0 and 1.")
        view = await self._atlas.view((await self._desk.sight(who)).trees)
        followed: Iterable[Tie] = (*EDGES.values(), *map(Own, view.own_names())) if kinds is None else kinds
        ties = frozenset[Tie](followed)
        _check_owns(view, ties)
        start = await self._start(who, view, top)
        if start is None:
            return Net(things=(top,), hops=(0,), bonds=())
        return await in_thread(_net, view, ties, direction, start, hops, min(limit, MOST_DRAWN))

    async def own_names(self, who: Who) -> list[str]:
        """The names of people's own that relate anything the caller may see."""
        return (await self._atlas.view((await self._desk.sight(who)).trees)).own_names()

    async def ends(self, who: Who, things: Iterable[str], language: str = "en") -> dict[str, End]:
        """Shell, place and name of those things, named by asset or shell, whose shell the caller may see."""
        sight = await self._desk.sight(who)
        async with self._desk.db.read() as tx:
            return await ends_of(tx, sight, things, language)

    async def among(self, who: Who, names: Iterable[str], kinds: Iterable[Tie] = FLOW) -> list[tuple[str, str]]:
        """Which of these things lead to which others of them, by the names given."""
        sight = await self._desk.sight(who)
        view = await self._atlas.view(sight.trees)
        things = {thing: name for name in names if (thing := view.find(name)) is not None}
        if not things:
            return []
        edges, asked = view.edges(frozenset(kinds)), np.array(list(things), dtype=np.int64)
        position, edge = edges.after(asked)
        pairs = zip(asked[position].tolist(), edges.targets[edge].tolist(), strict=True)
        return [(things[source], things[target]) for source, target in pairs if target in things]

    async def _matches(
        self, sight: Sight, view: View, owners: dict[int, tuple[int, int]], condition: Condition
    ) -> list[Match]:
        """Properties that fit, of these submodels by number; `owners` says whose they are and how far away."""
        found: list[Match] = []
        for hit in await self._hits(owners, condition):
            if not sight.whole(f"{hit.place}/{place_of(hit.path)}"):
                continue
            thing, hops = owners[hit.document]
            name = view.names[int(view.shown[thing])]
            found.append(Match(thing=name, hops=hops, submodel=hit.id, path=hit.path, text=hit.text, number=hit.number))
        found.sort(key=lambda match: match.rank)
        return found

    async def _of_type(self, who: Who, found: Sequence[Match], type_: str) -> list[Match]:
        ends = await self.ends(who, {match.thing for match in found})
        kinds = (type_, TYPE + type_)
        return [match for match in found if match.thing in ends and ends[match.thing].type in kinds]

    async def _start(self, who: Who, view: View, top: str) -> int | None:
        """The thing a question begins at; None for a twin that nothing is said of, NoTwin when there is none."""
        thing = view.find(top)
        if thing is None:
            now = await self._desk.guard.current(who)
            async with self._desk.db.read() as tx:
                thing = view.find((await shell_at(tx, now, top)).id)
        return thing

    async def _hits(self, owners: Collection[int], condition: Condition) -> list[Hit]:
        """Elements of these submodels that fit: by what stands written, and by what their series say now."""
        columns = await self._current.columns()
        live = await self._current.fitting(columns, _wanted(condition), np.array(list(owners), dtype=np.int64))
        async with self._desk.db.read() as tx:
            asked = list(owners) if len(owners) <= FEW else None
            written = [hit async for hit in elements.matching(tx, condition, asked) if hit.document in owners]
            heads = await documents.heads(tx, {one.document for one in live.fits})
        outdated = live.outdated() if written else set()
        fitting = [
            Hit(one.document, one.path, one.text, one.number, *heads[one.document])
            for one in live.fits
            if one.document in heads
        ]
        return fitting + [hit for hit in written if (hit.document, hit.path) not in outdated]

    async def _bill(self, who: Who, asset: str, depth: int, *, up: bool) -> Bill:
        if depth < 1:
            raise Invalid(f"A depth of {depth} shows nothing.", hint="Ask for 1 or more.")
        sight = await self._desk.sight(who)
        view = await self._atlas.view(sight.trees)
        return await in_thread(_bill, view, _found(view, asset), asset, min(depth, DEEPEST), up)


def _wanted(condition: Condition) -> Wanted:
    return Wanted(
        semantic=normalised(condition.semantic)[:SEMANTIC_MOST],
        shape=elements.shape_of(condition.path),
        compared=((condition.compare.name.lower(), condition.value),),
    )


def _found(view: View, name: str) -> int:
    thing = view.find(name)
    if thing is None:
        raise NoDocument(f"There is no thing {name[:200]!r}.", hint="Name an asset, a shell, or `<submodel>#<path>`.")
    return thing


def _bill(view: View, top: int, asset: str, depth: int, up: bool) -> Bill:
    edges = view.edges(PARTS, Direction.BACKWARD if up else Direction.FORWARD)
    if view.cyclic(PARTS) and (ring := cycle(edges, top, depth)):
        names = view.told(np.array(ring))
        way = " -> ".join(names[::-1] if up else names)
        raise Cyclic(f"{names[0]} is a part of itself: {way}.", ring=names)
    found = levels(edges, top, depth)
    sources, targets, counts, quantities = joined(found)
    wholes, parts = (targets, sources) if up else (sources, targets)
    return Bill(
        top=asset,
        depths=np.repeat(np.arange(1, len(found) + 1), [len(one.targets) for one in found]).tolist(),
        wholes=view.told(wholes),
        parts=view.told(parts),
        counts=counts.tolist(),
        quantities=quantities.tolist(),
    )


def _check_owns(view: View, ties: Iterable[Tie]) -> None:
    """Invalid for a name of which no relation may be seen."""
    asked = [tie for tie in ties if isinstance(tie, Own)]
    known = view.own_names() if asked else []
    if unknown := sorted(tie.name for tie in set(asked) - {Own(name) for name in known}):
        names = ["part of", "feeds", "located in", "produced by", *known[:_MOST_TOLD]]
        raise Invalid(f"No relation is called {unknown[0]!r}.", hint=f"Ask for {', '.join(names)}.")


def _net(view: View, ties: frozenset[Tie], direction: Direction, start: int, hops: int, limit: int) -> Net:
    things, far = within(view.edges(ties, direction), start, hops)
    shown = things[:limit]
    bonds = []
    for edge, own, source, target in view.among(shown, ties):
        ends = view.told(np.array([target, source] if edge is Edge.PART else [source, target]))
        bonds.append(Bond(name=own or _SAID.get(edge, edge.value), source=ends[0], target=ends[1]))
    return Net(
        things=tuple(view.told(shown)),
        hops=tuple(far[:limit].tolist()),
        bonds=tuple(bonds),
        left_out=len(things) - len(shown),
    )


def _submodels(
    view: View, ties: frozenset[Tie], direction: Direction, start: int, hops: int
) -> dict[int, tuple[int, int]]:
    """The submodels of all things near one, by number: (thing, hops), the nearest thing first."""
    things, far = within(view.edges(ties, direction), start, hops)
    has = view.edges(frozenset({Edge.HAS_SUBMODEL}))
    position, edge = has.after(things)
    numbers: Ints = view.numbers[has.targets[edge]]
    rows = zip(numbers.tolist(), things[position].tolist(), far[position].tolist(), strict=True)
    found: dict[int, tuple[int, int]] = {}
    for number, thing, hop in rows:
        if number:
            found.setdefault(number, (thing, hop))
    return found
