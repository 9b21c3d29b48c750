"""Relations that people make between twins: said, taken back, undone; a part of itself nothing becomes.

A relation stands in the submodel Relations of the twin it begins at, so that writing it is writing a document: with
version, feed, audit and facts, and with its edge in the table that the graph reads. Who relates a twin must be
engineer there, and viewer at the other end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from lineshaft.kernel.db import Transaction
from lineshaft.security import Role, Who
from lineshaft.twins.errors import BadTwin, Cyclic, NoChange, NoRelation, Superseded
from lineshaft.twins.model.relations import (
    RELATIONS,
    Related,
    Relation,
    empty,
    meant,
    told,
    with_relation,
    without_relation,
)
from lineshaft.twins.model.repository import Json, Kind
from lineshaft.twins.model.shell import made_for
from lineshaft.twins.store import documents, feed, relations
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import entry_of

from . import writing
from .desk import Desk
from .door import check_document
from .ends import attach, ends_among, shell_at
from .shelf import content_of, document_of
from .sight import Sight

RELATE = "twins.relations.change"
PART = "IsPartOf"


class Relations:
    """What people say of how twins hang together."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def of(self, who: Who, twin: str, language: str = "en") -> list[Relation]:
        """Relations that begin or end at a twin, by plant path or by the id of its shell."""
        who = await self._desk.guard.current(who)
        sight = Sight(who.sees())
        async with self._desk.db.read() as tx:
            shell = await shell_at(tx, who, twin)
            stating = await relations.stating(tx, shell.id, RELATIONS)
            rows = await documents.find_all(tx, Kind.SUBMODEL, stating)
            shown = [one for row in sorted(rows, key=lambda r: r.number) if (one := sight.shown(document_of(row)))]
            said = [one for seen in shown for one in told(orjson.loads(seen.body)) if shell.id in one[2:]]
            ends = await ends_among(tx, sight, {end for one in said for end in one[2:]}, language)
        return [Relation(id=id_, name=name, source=ends[a], target=ends[b]) for id_, name, a, b in said]

    async def add(self, who: Who, source: str, name: str, target: str) -> Related:
        """Relate one twin to another; Cyclic names the way by which it would become a part of itself."""
        name = meant(name)
        async with self._desk.writing(who) as (tx, now):
            first, second = await shell_at(tx, now, source), await shell_at(tx, now, target)
            self._desk.may(now, Role.ENGINEER, first.place, RELATE)
            if first.id == second.id:
                raise BadTwin(f"{source} cannot be related to itself.", hint="Name another twin.")
            stored = await self._standing(tx, first)
            before = content_of(stored) if stored else empty(made_for(first.id, "Relations"))
            after, id_ = with_relation(before, name, first.id, second.id)
            await self._keep_whole(tx, now, before, after)
            stored = await self._write(tx, now, first, stored, after)
            ends = await ends_among(tx, Sight(now.sees()), (first.id, second.id))
        made = Relation(id=id_, name=name, source=ends[first.id], target=ends[second.id])
        return Related(relation=made, version=stored.version)

    async def remove(self, who: Who, source: str, id_: str) -> Related:
        """Take one relation away from the twin it begins at; NoRelation without it."""
        async with self._desk.writing(who) as (tx, now):
            shell = await shell_at(tx, now, source)
            self._desk.may(now, Role.ENGINEER, shell.place, RELATE)
            stored = await self._standing(tx, shell)
            before = content_of(stored) if stored else {}
            after, gone = without_relation(before, id_)
            if stored is None or gone is None:
                raise NoRelation(f"No relation {id_[:80]!r} begins at {source}.")
            ends = await ends_among(tx, Sight(now.sees()), {end for one in told(before) for end in one[2:]})
            stored = await self._write(tx, now, shell, stored, after)
        name, a, b = next(one[1:] for one in told(before) if one[0] == id_)
        return Related(relation=Relation(id=id_, name=name, source=ends[a], target=ends[b]), version=stored.version)

    async def undo(self, who: Who, source: str, version: int) -> Related:
        """Take back what made a version; itself a change that can be undone. Superseded when something came later."""
        async with self._desk.writing(who) as (tx, now):
            shell = await shell_at(tx, now, source)
            self._desk.may(now, Role.ENGINEER, shell.place, RELATE)
            stored = await self._standing(tx, shell)
            if stored is None or not 0 < version <= stored.version:
                raise NoChange(f"The relations of {source} have no version {version}.")
            if version != stored.version:
                raise Superseded(f"The relations of {source} are at version {stored.version} by now, not {version}.")
            before, after = content_of(stored), await _former(tx, stored)
            await self._keep_whole(tx, now, before, after)
            stored = await self._write(tx, now, shell, stored, after)
        return Related(relation=None, version=stored.version)

    async def _standing(self, tx: Transaction, shell: Stored) -> Stored | None:
        return await documents.find(tx, Kind.SUBMODEL, made_for(shell.id, "Relations"))

    async def _write(self, tx: Transaction, who: Who, shell: Stored, stored: Stored | None, after: Json) -> Stored:
        check_document(Kind.SUBMODEL, after)
        if stored is None:
            await writing.alive(tx, who, shell.place)
            return await attach(tx, self._desk, who, shell, after, shell.place)
        return await writing.change(tx, self._desk.guard, who, stored, entry_of(Kind.SUBMODEL, after, stored.place))

    async def _keep_whole(self, tx: Transaction, who: Who, before: Json, after: Json) -> None:
        """Cyclic when a relation that is new makes anything a part of itself, through bills of materials and tree."""
        had = set(told(before))
        for one in told(after):
            if one[1] == PART and one not in had and (ring := await _ring(tx, one[2], one[3])):
                names = await _called(tx, Sight(who.sees()), ring)
                way = " -> ".join(names)
                raise Cyclic(f"{names[0]} would be a part of itself: {way}.", ring=names)


async def _former(tx: Transaction, stored: Stored) -> Json:
    """What a submodel said one version ago; nothing before the first."""
    if stored.version == 1:
        return empty(stored.id)
    body = await feed.version(tx, stored.number, stored.version - 1)
    if body is None:
        raise NoChange(
            f"Version {stored.version - 1} of these relations is no longer kept.", hint="Remove or add them by hand."
        )
    former: Json = orjson.loads(body)
    return former


async def _ring(tx: Transaction, part: str, whole: str) -> list[str]:
    """The way from a part to its new whole and, by what that is in, back to the part; [] when there is no such way.

    Each step is the whole of the one before; looked for upwards, because a thing is in few wholes and has many parts.
    """
    came: dict[str, str] = {whole: part}
    here, goal = [whole], await _names(tx, {part})
    while here:
        known = {name: one for one in here for name in (await _names(tx, {one}))}
        found = goal & known.keys()
        if found:
            return _way(came, known[next(iter(found))], part)
        further = [(known[below], above) for below, above in await relations.wholes(tx, known)]
        here = []
        for below, above in further:
            if above not in came:
                came[above] = below
                here.append(above)
    return []


def _way(came: Mapping[str, str], last: str, part: str) -> list[str]:
    way = [last, came[last]]
    while way[-1] != part:
        way.append(came[way[-1]])
    return [*way[:0:-1], part]


async def _names(tx: Transaction, names: set[str]) -> set[str]:
    """A thing with all its names."""
    known, fresh = set(names), set(names)
    while fresh:
        fresh = {other for _, other in await relations.alike(tx, fresh)} - known
        known |= fresh
    return known


async def _called(tx: Transaction, sight: Sight, things: Iterable[str]) -> list[str]:
    """Things as the caller may know them: by the place of their shell, or by their own name."""
    told: list[str] = []
    for thing in things:
        places = await documents.places(tx, Kind.SHELL, await _names(tx, {thing}))
        seen = [str(place) for place in places.values() if sight.whole(place)]
        told.append(seen[0] if seen else "something you may not see" if places else thing)
    return told
