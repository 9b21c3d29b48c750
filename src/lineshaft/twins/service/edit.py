"""One change of the plant model: gathers what each twin was and becomes, checks the tree, writes it at once.

    edit = Edit(tx, who, Deed.MOVED, path)
    edit.put(twin, draft)          # or edit.make(draft), edit.drop(twin)
    change = await edit.finish(guard)

Whatever the change, the tree stays whole: paths are unique, everything but an organisation has something
above it, and levels never go back up. History, audit and facts leave in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Transaction
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Guard, Who
from lineshaft.twins import store
from lineshaft.twins.errors import NoTwin, NoType, Superseded, Taken
from lineshaft.twins.events import TwinChanged, TwinCreated, TwinRetired
from lineshaft.twins.model import (
    AssetType,
    Change,
    Deed,
    Draft,
    Step,
    Twin,
    check_draft,
    check_place,
    points_of,
)
from lineshaft.twins.store import records

from .library import library

ACTIONS = {
    Deed.CREATED: "create",
    Deed.CHANGED: "change",
    Deed.MOVED: "move",
    Deed.RETIRED: "retire",
    Deed.ADOPTED: "adopt",
    Deed.UNDONE: "undo",
    Deed.TYPE_CHANGED: "type",
}
"""How the audit log calls what was done, the same as what was refused."""
_NAMED = 20
"""Paths an audit row names; how many there were is always told."""


async def kinds(tx: Transaction, organisation: str) -> dict[str, AssetType]:
    """Every type an organisation can use: the library, overlaid by its own."""
    return {**library(), **await store.types(tx, organisation)}


async def dressed(tx: Transaction, twins: Iterable[Twin]) -> list[Twin]:
    """Twins with their type and their properties."""
    known: dict[str, dict[str, AssetType]] = {}
    found = []
    for twin in twins:
        organisation = twin.path.organisation
        if organisation not in known:
            known[organisation] = await kinds(tx, organisation)
        kind = known[organisation].get(twin.draft.type)
        found.append(replace(twin, kind=kind, points=points_of(twin.draft, kind)))
    return found


class Edit:
    """A change being made, inside one transaction."""

    def __init__(self, tx: Transaction, who: Who, deed: Deed, path: str) -> None:
        self._tx = tx
        self._who = who
        self._deed = deed
        self._path = path
        self._at_us = now_us()
        self._before: dict[str, Twin] = {}
        self._after: dict[str, Twin] = {}

    def make(self, draft: Draft, *, id_: str = "", version: int = 1) -> Twin:
        """A twin that was not there; `id_` brings back a retired one."""
        return self._become(Twin(id=id_ or new_id(), draft=check_draft(draft), version=version))

    def put(self, twin: Twin, draft: Draft) -> Twin:
        """A twin becomes another draft."""
        self._before.setdefault(twin.id, twin)
        return self._become(Twin(id=twin.id, draft=check_draft(draft), version=self._before[twin.id].version + 1))

    def drop(self, twin: Twin) -> None:
        """A twin is no longer there."""
        self._before.setdefault(twin.id, twin)
        self._after.pop(twin.id, None)

    def _become(self, twin: Twin) -> Twin:
        made = replace(twin, changed_us=self._at_us, changed_by=self._who.name)
        self._after[twin.id] = made
        return made

    async def finish(self, guard: Guard) -> Change:
        """Check, write, remember, audit and announce."""
        await self._check()
        after = {t.id: t for t in await dressed(self._tx, self._after.values())}
        await store.write(self._tx, self._before, after, {id_: t.points for id_, t in after.items()})
        await self._carry()
        change = self._change()
        await store.keep_change(self._tx, change)
        was, becomes = _content(change)
        action = f"twins.{ACTIONS[self._deed]}"
        await guard.record(self._who, action, self._path, before=was, after=becomes, tx=self._tx)
        for step in change.steps:
            await self._announce(step)
        return change

    async def _carry(self) -> None:
        """What is kept by path goes with twins that stand elsewhere now."""
        pairs = [(twin.path, self._after[id_].path) for id_, twin in self._before.items() if id_ in self._after]
        if moves := {str(was): path for was, path in pairs if was != path}:
            await store.carry_models(self._tx, moves)
            await store.carry_scenarios(self._tx, moves)

    # ---- the tree stays whole ----

    async def _check(self) -> None:
        places: dict[str, Twin] = {}
        for twin in self._after.values():
            if twin.path in places:
                raise Taken(f"Two twins would stand at {twin.path}.", hint="Choose another name for one of them.")
            places[twin.path] = twin
        await self._check_alive()
        await self._check_free(places)
        await self._check_types(places.values())
        await self._check_above(places)
        await self._check_below(places)

    async def _check_alive(self) -> None:
        """What was scrapped may leave the plant, and come back as it was; nothing else changes."""
        if self._who.id == PLATFORM.id:
            return
        changed = [twin.path for id_, twin in self._before.items() if id_ in self._after]
        gone = await records.scrapped(self._tx, changed)
        for path in changed:
            records.check_alive(path, gone)

    async def _check_free(self, places: Mapping[str, Twin]) -> None:
        for path, other in (await store.find_all(self._tx, places)).items():
            if other.id not in self._before:
                raise Taken(f"There already is a twin at {path}.", hint="Choose another name, or change that one.")

    async def _check_types(self, twins: Iterable[Twin]) -> None:
        known: dict[str, dict[str, AssetType]] = {}
        for twin in twins:
            organisation = twin.path.organisation
            if organisation not in known:
                known[organisation] = await kinds(self._tx, organisation)
            if twin.draft.type and twin.draft.type not in known[organisation]:
                raise NoType(f"{twin.path} is said to be a {twin.draft.type!r}, but there is no such type.")

    async def _check_above(self, places: Mapping[str, Twin]) -> None:
        wanted = {t.path.parent for t in places.values() if t.path.parent is not None} - set(places)
        standing = await store.find_all(self._tx, wanted)
        for twin in places.values():
            parent = twin.path.parent
            if parent is None:
                continue
            above = places.get(parent) or standing.get(parent)
            if above is None or (above.id in self._before and parent not in places):
                raise NoTwin(
                    f"{twin.path} cannot be there, because there is no twin at {parent}.",
                    hint="Create what is above first.",
                )
            check_place(twin.draft, above.draft.level)

    async def _check_below(self, places: Mapping[str, Twin]) -> None:
        """Nothing may be left hanging below a place that became empty, or below one of a lower level."""
        for child in await store.children_of(self._tx, self._unsettled()):
            if child.id in self._before:
                continue
            parent = child.path.parent
            assert parent is not None
            if parent not in places:
                raise Superseded(
                    f"{parent} cannot go, because {child.path} is below it.", hint="Move or retire it too."
                )
            check_place(child.draft, places[parent].draft.level)

    def _unsettled(self) -> set[str]:
        """Places that became empty, or whose twin has another level now."""
        now = {t.path: t.draft.level for t in self._after.values()}
        return {t.path for t in self._before.values() if now.get(t.path) is not t.draft.level}

    # ---- what is remembered and told ----

    def _change(self) -> Change:
        ids = dict.fromkeys([*self._before, *self._after])
        return Change(
            id=new_id(),
            at_us=self._at_us,
            by=self._who.name,
            deed=self._deed,
            path=self._path,
            twins=len(ids),
            steps=tuple(self._step(id_) for id_ in ids),
        )

    def _step(self, id_: str) -> Step:
        before, after = self._before.get(id_), self._after.get(id_)
        version = after.version if after else before.version + 1 if before else 1
        return Step(
            twin=id_, before=before.draft if before else None, after=after.draft if after else None, version=version
        )

    async def _announce(self, step: Step) -> None:
        id_, version = step.twin, step.version
        if step.after is None:
            assert step.before is not None
            await self._tx.announce(TwinRetired(id=id_, path=str(step.before.path), version=version))
        elif step.before is None:
            await self._tx.announce(TwinCreated(id=id_, path=str(step.after.path), version=version))
        else:
            was, path = str(step.before.path), str(step.after.path)
            await self._tx.announce(TwinChanged(id=id_, path=path, was=was, version=version))


def _content(change: Change) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What an audit row says: the whole twin before and after, or how many and which."""
    if len(change.steps) == 1:
        return _plain(change.steps[0].before), _plain(change.steps[0].after)
    before = [s.before.path for s in change.steps if s.before]
    after = [s.after.path for s in change.steps if s.after]
    return _named(before), _named(after)


def _plain(draft: Draft | None) -> dict[str, Any] | None:
    return None if draft is None else msgspec.to_builtins(draft, enc_hook=str)


def _named(paths: list[PlantPath]) -> dict[str, Any] | None:
    return {"twins": len(paths), "paths": [str(p) for p in paths[:_NAMED]]} if paths else None


def above(path: PlantPath) -> list[PlantPath]:
    """The places above a path, top first."""
    parts = path.split("/")
    return [PlantPath("/".join(parts[:n])) for n in range(1, len(parts))]
