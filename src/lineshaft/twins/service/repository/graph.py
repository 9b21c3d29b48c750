"""Questions about how things hang together: bills of materials, where things are used, what is below a thing.

Only what stands in documents the caller may see whole counts; a property is told only where they may see it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.security import Who
from lineshaft.twins.errors import Cyclic, NoDocument
from lineshaft.twins.metamodel.paths import place_of
from lineshaft.twins.metamodel.references import normalised
from lineshaft.twins.model.graph import Bill, Condition, Match, Wanted
from lineshaft.twins.model.repository import Edge
from lineshaft.twins.store import documents, elements
from lineshaft.twins.store.elements import SEMANTIC_MOST, Hit

from .atlas import Atlas, View
from .columns import Edges, Ints, cycle, joined, levels, within
from .current import Current
from .desk import Desk
from .sight import Sight

DEEPEST = 200
"""Levels of a bill of materials that are followed."""
MOST = 10_000
"""Matches told at most."""
FEW = 20_000
"""Up to so many submodels their properties are looked up one by one, else all properties that fit are."""
PARTS = frozenset({Edge.PART})
FLOW = frozenset({Edge.FEEDS})
BELOW = frozenset({Edge.PART, Edge.FEEDS})


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
        kinds: Iterable[Edge] = BELOW,
        limit: int = 1_000,
    ) -> list[Match]:
        """Things at most so many hops below one whose property compares to a value; the nearest first."""
        if hops < 0 or limit < 1:
            raise Invalid(f"{hops} hops, {limit} matches: ask for at least 0 and 1.")
        if not condition.semantic and not condition.path:
            raise Invalid("A condition names no property.", hint="Say its semantic id or its idShortPath.")
        sight = await self._desk.sight(who)
        view = await self._atlas.view(sight.trees)
        start = _found(view, top)
        owners = await in_thread(_submodels, view, view.edges(frozenset(kinds)), start, hops)
        return await self._matches(sight, view, owners, condition, min(limit, MOST))

    async def among(self, who: Who, names: Iterable[str], kinds: Iterable[Edge] = FLOW) -> list[tuple[str, str]]:
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
        self, sight: Sight, view: View, owners: dict[int, tuple[int, int]], condition: Condition, limit: int
    ) -> list[Match]:
        """Properties that fit, of these submodels by number; `owners` says whose they are and how far away."""
        found: list[Match] = []
        for hit in await self._hits(owners, condition):
            if not sight.whole(f"{hit.place}/{place_of(hit.path)}"):
                continue
            thing, hops = owners[hit.document]
            name = view.names[int(view.shown[thing])]
            found.append(Match(thing=name, hops=hops, submodel=hit.id, path=hit.path, text=hit.text, number=hit.number))
        found.sort(key=lambda match: (match.hops, match.thing, match.path))
        return found[:limit]

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
    edges = view.edges(PARTS, up=up)
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


def _submodels(view: View, edges: Edges, start: int, hops: int) -> dict[int, tuple[int, int]]:
    """The submodels of all things near one, by number: (thing, hops), the nearest thing first."""
    things, far = within(edges, start, hops)
    has = view.edges(frozenset({Edge.HAS_SUBMODEL}))
    position, edge = has.after(things)
    numbers: Ints = view.numbers[has.targets[edge]]
    rows = zip(numbers.tolist(), things[position].tolist(), far[position].tolist(), strict=True)
    found: dict[int, tuple[int, int]] = {}
    for number, thing, hop in rows:
        if number:
            found.setdefault(number, (thing, hop))
    return found
