"""Gives series a place in the tree: proposes twins for them, makes those that were accepted.

Every series telemetry hears of is noted here. What no twin reads is `unplaced`; with `auto_adopt` the
platform makes a careful guess by the path and creates the twins itself, otherwise people decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lineshaft.edge import Node, Tag
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import Kind, PlantPath
from lineshaft.security import PLATFORM, Guard, Role, Who
from lineshaft.telemetry import Live, Selection
from lineshaft.twins import store
from lineshaft.twins.errors import BadTwin, Outdated
from lineshaft.twins.model import Change, Deed, Found, Proposed, Twin, check_draft, propose

from .edit import Edit, above, dressed, kinds
from .interlocking import points_now, points_then, require_interlocks

MOST = 10_000
"""Series one proposal is about at most."""


class Adoption:
    """Series and tags on their way into the tree."""

    def __init__(self, db: Database, guard: Guard, live: Live) -> None:
        self._db = db
        self._guard = guard
        self._live = live

    async def unplaced(
        self, who: Who, under: str = "", *, after: str = "", declined: bool | None = None, limit: int = 100
    ) -> list[Found]:
        """Series that no twin reads, by path, after path `after`; `declined` False passes over what was left out."""
        if under:
            await self._guard.require(who, Role.VIEWER, under, "twins.read")
        async with self._db.read() as tx:
            most = min(limit, MOST)
            return await store.unplaced(tx, sees=who.sees(), under=under, after=after, declined=declined, limit=most)

    async def propose(self, who: Who, found: Iterable[Found] | None = None, *, under: str = "") -> list[Proposed]:
        """A tree for these series, or for all unplaced ones of a subtree; nothing is changed."""
        told = list(found) if found is not None else await self.unplaced(who, under, limit=MOST)
        if len(told) > MOST:
            raise BadTwin(f"A proposal is about at most {MOST:,} series, not {len(told):,}.", hint="Ask in parts.")
        for place in {one.path.parent or one.path for one in told} if found is not None else ():
            await self._guard.require(who, Role.VIEWER, place, "twins.propose")
        async with self._db.read() as tx:
            return await _proposed(tx, told, bold=True)

    async def accept(self, who: Who, proposed: Sequence[Proposed]) -> Change:
        """Make these proposed twins, all or none; Outdated when one of them has changed since the proposal."""
        wanted = [replace(p, draft=check_draft(p.draft)) for p in proposed]
        if not wanted:
            raise BadTwin("Nothing was accepted.", hint="Choose at least one of the proposed twins.")
        for draft in (p.draft for p in wanted):
            await self._guard.require(who, Role.ENGINEER, draft.path, "twins.adopt")
            for series in draft.bindings.values():
                await self._guard.require(who, Role.VIEWER, series, "twins.adopt")
        drafts = [p.draft for p in wanted]
        async with self._db.read() as tx:
            before, after = await points_now(tx, drafts), await points_then(tx, drafts)
        await require_interlocks(self._guard, who, "twins.adopt", before, after)
        async with self._db.begin() as tx:
            return await self._make(tx, who, wanted)

    async def decline(self, who: Who, paths: Sequence[str], *, declined: bool = True) -> None:
        """Leave these series without a place; they stay listed and can be adopted by hand."""
        for path in paths:
            await self._guard.require(who, Role.ENGINEER, path, "twins.decline")
        async with self._db.begin() as tx:
            await store.decline(tx, paths, declined=declined)
            content = {"series": list(paths[:20]), "count": len(paths), "declined": declined}
            place = paths[0] if paths else ""
            await self._guard.record(who, "twins.decline", place, after=content, tx=tx)

    async def note(self, found: Iterable[Found], *, adopt: bool) -> int:
        """Take note of series that were heard of; with `adopt` give those without a place one. Returns how many."""
        known = await self._seen([one for one in found if _possible(one.path)])
        async with self._db.begin() as tx:
            await store.note_series(tx, known)
            if not adopt:
                return 0
            waiting = await store.unplaced(tx, sees=("",), declined=False, limit=MOST)
            proposed = await _proposed(tx, waiting, bold=False)
            if not proposed:
                return 0
            await self._make(tx, PLATFORM, proposed)
            return sum(len(p.adds) for p in proposed)

    async def learn(self, units: Mapping[str, str]) -> None:
        """Take note of the units of series; twins that stand keep theirs, for people may have set them."""
        async with self._db.begin() as tx:
            await store.learn_units(tx, units)

    async def _seen(self, found: Sequence[Found]) -> list[Found]:
        """What nobody said of a kind the newest value tells: text is text."""
        asked = [one.path for one in found if one.kind is None]
        text: set[str] = set()
        for i in range(0, len(asked), MOST):
            latest = await self._live.latest(PLATFORM, Selection(paths=tuple(asked[i : i + MOST])))
            text |= {one.path for one in latest if one.text is not None}
        return [replace(one, kind=Kind.TEXT) if one.path in text else one for one in found]

    async def _make(self, tx: Transaction, who: Who, proposed: Sequence[Proposed]) -> Change:
        standing = await store.find_all(tx, [p.draft.path for p in proposed])
        top = min((p.draft.path for p in proposed), key=lambda path: (path.count("/"), path))
        edit = Edit(tx, who, Deed.ADOPTED, top)
        for one in proposed:
            twin = standing.get(one.draft.path)
            if (twin.version if twin else 0) != one.version:
                raise Outdated(
                    f"{one.draft.path} is at version {twin.version if twin else 0} by now; "
                    f"the proposal was made for version {one.version}.",
                    hint="Ask for a new proposal.",
                )
            if twin is None:
                edit.make(one.draft)
            else:
                edit.put(twin, one.draft)
        return await edit.finish(self._guard)


async def _proposed(tx: Transaction, found: Sequence[Found], *, bold: bool) -> list[Proposed]:
    """Proposals, organisation by organisation, against the tree as it is."""
    proposed: list[Proposed] = []
    for organisation in sorted({one.path.organisation for one in found}):
        series = [one for one in found if one.path.organisation == organisation]
        machines = {one.path.parent for one in series if one.path.parent is not None}
        existing = await _standing(tx, machines)
        types = list((await kinds(tx, organisation)).values())
        proposed += await in_thread(propose, series, types, existing, bold=bold)
    return proposed


async def _standing(tx: Transaction, machines: Iterable[PlantPath]) -> dict[str, Twin]:
    """Twins at and above these places; where there is none, the one that was moved away from there."""
    wanted = list(machines)
    places = {place for machine in wanted for place in (machine, *above(machine))}
    known: dict[str, Twin] = {t.path: t for t in await dressed(tx, (await store.find_all(tx, places)).values())}
    moved = await store.moved_from(tx, [machine for machine in wanted if machine not in known])
    away = {t.id: t for t in await dressed(tx, (await store.find_ids(tx, moved.values())).values())}
    known |= {place: away[id_] for place, id_ in moved.items() if id_ in away}
    return known


def _possible(path: str) -> bool:
    """Whether a series has a path that a twin can have."""
    try:
        PlantPath.parse(path)
    except Invalid:
        return False
    return True


def found_in_tags(tags: Iterable[Tag]) -> list[Found]:
    """What the tags of a connection would become; `number` is also what a tag has when nobody said its kind."""
    return [
        Found(
            path=t.path,
            kind=None if t.kind is Kind.NUMBER else t.kind,
            unit=t.unit,
            writable=t.writable,
            low=t.low,
            high=t.high,
        )
        for t in tags
    ]


def found_in_nodes(nodes: Iterable[Node], below: str) -> list[Found]:
    """What the readable nodes a connector browsed would become below a place."""
    readable = [n for n in nodes if n.readable]
    return [
        Found(
            path=PlantPath(below).child(PlantPath.clean(n.name)),
            kind=n.kind,
            unit=n.unit,
            writable=n.writable,
            title=n.name if PlantPath.clean(n.name) != n.name else "",
            description=n.description,
        )
        for n in readable
    ]


def enriched(found: Iterable[Found], tags: Iterable[Found]) -> list[Found]:
    """Series with what the tags that feed them say: unit, range, whether they can be written."""
    known = {one.path: one for one in tags}
    return [
        replace(known[one.path], unit=known[one.path].unit or one.unit) if one.path in known else one for one in found
    ]
