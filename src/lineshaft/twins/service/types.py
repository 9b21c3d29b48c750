"""Asset types: what comes with the platform, and what an organisation made of it or added."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.twins import store
from lineshaft.twins.errors import NoType, Outdated, Taken
from lineshaft.twins.events import TwinChanged
from lineshaft.twins.model import AssetType, Change, Deed, check_type, points_of

from .edit import dressed, kinds
from .interlocking import require_interlocks
from .library import library


class Types:
    """The asset types of each organisation. An own type with the name of a library type takes its place."""

    def __init__(self, db: Database, guard: Guard) -> None:
        self._db = db
        self._guard = guard

    def templates(self, who: Who) -> list[AssetType]:
        """The library, by name."""
        del who
        return list(library().values())

    async def list_(self, who: Who, organisation: str) -> list[AssetType]:
        """Every type the organisation can use, by name."""
        await self._require_reader(who, organisation)
        async with self._db.read() as tx:
            found = await kinds(tx, organisation)
        return [found[name] for name in sorted(found)]

    async def get(self, who: Who, organisation: str, name: str) -> AssetType:
        """One type."""
        await self._require_reader(who, organisation)
        async with self._db.read() as tx:
            return await _known(tx, organisation, name)

    async def put(self, who: Who, organisation: str, kind: AssetType, *, version: int | None) -> AssetType:
        """Add a type (version 0) or change it; every twin of this type has the new properties at once."""
        PlantPath.parse(organisation)
        await self._guard.require(who, Role.ENGINEER, organisation, "twins.type")
        await self._may_interlock(who, organisation, check_type(kind))
        async with self._db.begin() as tx:
            old = (await kinds(tx, organisation)).get(kind.name)
            _check_version(kind.name, old, version)
            new = check_type(replace(kind, library=False, version=(old.version if old else 0) + 1))
            await store.put_type(tx, organisation, new)
            await self._changed(tx, who, organisation, kind.name, old, new)
        return new

    async def drop(self, who: Who, organisation: str, name: str, *, version: int | None = None) -> None:
        """Remove an organisation's own type; twins of it fall back to the library's, or must be none."""
        await self._guard.require(who, Role.ENGINEER, organisation, "twins.type")
        async with self._db.begin() as tx:
            old = (await store.types(tx, organisation)).get(name)
            if old is None:
                raise NoType(f"{organisation} has no type {name!r} of its own.")
            _check_version(name, old, version)
            if name not in library() and (users := await store.of_type(tx, organisation, name)):
                raise Taken(
                    f"The type {name!r} is used by {len(users)} twins, such as {users[0].path}.",
                    hint="Give them another type first.",
                )
            await store.drop_type(tx, organisation, name)
            await self._changed(tx, who, organisation, name, old, library().get(name))

    async def _may_interlock(self, who: Who, organisation: str, new: AssetType) -> None:
        """Twins of the type may read series of another organisation."""
        async with self._db.read() as tx:
            twins = await dressed(tx, await store.of_type(tx, organisation, new.name))
        before = [point for twin in twins for point in twin.points]
        after = [point for twin in twins for point in points_of(twin.draft, new)]
        await require_interlocks(self._guard, who, "twins.type", before, after)

    async def _changed(
        self, tx: Transaction, who: Who, organisation: str, name: str, old: AssetType | None, new: AssetType | None
    ) -> None:
        twins = await dressed(tx, await store.of_type(tx, organisation, name))
        await store.rebind(tx, [t.id for t in twins], {t.id: t.points for t in twins})
        change = Change(
            id=new_id(), at_us=now_us(), by=who.name, deed=Deed.TYPE_CHANGED, path=organisation, twins=len(twins)
        )
        await store.keep_change(tx, change)
        subject = f"{organisation}: type {name}"
        content = {"before": _plain(old), "after": _plain(new)}
        await self._guard.record(who, "twins.type", subject, **content, path=organisation, tx=tx)
        for twin in twins:
            path = str(twin.path)
            await tx.announce(TwinChanged(id=twin.id, path=path, was=path, version=twin.version))

    async def _require_reader(self, who: Who, organisation: str) -> None:
        """Whoever sees any part of an organisation may know its types."""
        if not any(PlantPath(tree).within(organisation) for tree in who.sees()):
            await self._guard.require(who, Role.VIEWER, organisation, "twins.read")


async def _known(tx: Transaction, organisation: str, name: str) -> AssetType:
    found = (await kinds(tx, organisation)).get(name)
    if found is None:
        raise NoType(f"There is no asset type {name!r} in {organisation}.")
    return found


def _check_version(name: str, old: AssetType | None, version: int | None) -> None:
    current = old.version if old else 0
    if version is not None and version != current:
        raise Outdated(
            f"The type {name!r} is at version {current} by now; you changed version {version}.",
            current=current,
            yours=version,
        )


def _plain(kind: AssetType | None) -> dict[str, object] | None:
    return None if kind is None else msgspec.to_builtins(kind)
