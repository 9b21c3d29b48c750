"""What people and other contexts may ask of the plant model, and do to it.

Every change is one transaction with its history, audit row and facts; `undo` takes any change back
as long as nothing later stands in the way. Who changes a twin says which version they saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry import Live
from lineshaft.twins import store
from lineshaft.twins.errors import BadTwin, NoChange, NoTwin, NoType, Outdated, Superseded
from lineshaft.twins.model import Change, Deed, Draft, Level, Twin, Words, check_draft, level_at, moved
from lineshaft.twins.settings import TwinsSettings

from .adoption import Adoption
from .edit import Edit, above, dressed, kinds
from .interlocking import points_now, points_then, require_interlocks
from .now import Now
from .types import Types

MOST = 1_000
"""Twins one question returns at most."""


class Twins:
    """The twins of a plant. `types`, `adoption` and `now` hold the verbs about those."""

    def __init__(self, db: Database, guard: Guard, live: Live, settings: TwinsSettings | None = None) -> None:
        self._db = db
        self._guard = guard
        self.settings = settings or TwinsSettings()
        self.types = Types(db, guard)
        self.adoption = Adoption(db, guard, live)
        self.now = Now(db, guard, live, self.settings)

    # ---- looking ----

    async def get(self, who: Who, path: str) -> Twin:
        """The twin at a path, with its properties."""
        await self._guard.require(who, Role.VIEWER, path, "twins.read")
        async with self._db.read() as tx:
            return (await dressed(tx, [await _standing(tx, path)]))[0]

    async def find(self, who: Who, path: str) -> Twin | None:
        """The twin at a path; None when there is none or the caller may not know of it."""
        if not self._guard.allowed(who, Role.VIEWER, path):
            return None
        async with self._db.read() as tx:
            found = await store.find(tx, path)
            return (await dressed(tx, [found]))[0] if found else None

    async def list_(
        self,
        who: Who,
        *,
        under: str = "",
        words: str = "",
        type_: str = "",
        levels: Sequence[Level] = (),
        after: str = "",
        limit: int = 100,
    ) -> list[Twin]:
        """Twins of a subtree by path, those after path `after`; every word must occur in name, title or type."""
        sees = await self._sees(who, under)
        async with self._db.read() as tx:
            found = await store.page(
                tx, sees=sees, words=words.split(), type_=type_, levels=levels, after=after, limit=min(limit, MOST)
            )
            return await dressed(tx, found)

    async def count(self, who: Who, *, under: str, levels: Sequence[Level]) -> int:
        """How many twins of some levels stand at and below a place, of those the caller may see."""
        sees = await self._sees(who, under)
        async with self._db.read() as tx:
            return await store.count(tx, sees=sees, under=under, levels=levels)

    async def children(self, who: Who, path: str = "", *, after: str = "", limit: int = 100) -> list[Twin]:
        """What is right below a path; below nothing stand the tops of what the caller may see."""
        sees = await self._sees(who, path)
        async with self._db.read() as tx:
            if path == "":
                found = await _tops(tx, sees, after, min(limit, MOST))
            else:
                found = await store.page(tx, sees=sees, parent=path, after=after, limit=min(limit, MOST))
            return await dressed(tx, found)

    async def history(self, who: Who, path: str, *, before: str = "", limit: int = 50) -> list[Change]:
        """The changes of a twin, newest first, with what each did to it; also of one that was retired."""
        await self._guard.require(who, Role.VIEWER, path, "twins.read")
        async with self._db.read() as tx:
            twin = await store.find(tx, path)
            id_ = twin.id if twin else await store.last_id_at(tx, path)
            if id_ is None:
                raise NoTwin(f"There never was a twin at {path}.")
            changes = await store.history(tx, id_, before=before, limit=min(limit, MOST))
        return [c for c in changes if self._may_know(who, c)]

    def _may_know(self, who: Who, change: Change) -> bool:
        """Before a move a twin may have stood where the caller sees nothing."""
        drafts = [d for s in change.steps for d in (s.before, s.after) if d is not None]
        return all(self._guard.allowed(who, Role.VIEWER, d.path) for d in drafts)

    # ---- changing ----

    async def create(self, who: Who, draft: Draft, *, with_parents: bool = False) -> Twin:
        """A new twin; `with_parents` also makes what is missing above it, with levels by depth."""
        draft = check_draft(draft)
        await self._may_change(who, "twins.create", draft)
        if with_parents:
            async with self._db.read() as tx:
                missing = await _missing_above(tx, draft)
            for parent in missing:
                await self._guard.require(who, Role.ENGINEER, parent.path, "twins.create")
        async with self._db.begin() as tx:
            edit = Edit(tx, who, Deed.CREATED, draft.path)
            for parent in await _missing_above(tx, draft) if with_parents else []:
                edit.make(parent)
            edit.make(draft)
            await edit.finish(self._guard)
            return await _now(tx, draft.path)

    async def from_template(self, who: Who, template: str, path: str, *, title: Words | None = None) -> Twin:
        """A new machine of a type of the library or of the organisation's own; what is missing above it is made."""
        place = PlantPath.parse(path)
        async with self._db.read() as tx:
            if template not in await kinds(tx, place.organisation):
                raise NoType(f"There is no template {template!r}.")
            parent = await store.find(tx, place.parent or "")
        level = level_at(place.count("/"), place.count("/"))
        level = parent.draft.level.below(level) if parent else level
        draft = Draft(path=place, level=level, title=title or {}, type=template)
        return await self.create(who, draft, with_parents=True)

    async def change(self, who: Who, draft: Draft, *, version: int | None) -> Twin:
        """The twin at `draft.path` becomes this draft. `version` is the one the caller saw; None is whatever it is."""
        draft = check_draft(draft)
        await self._may_change(who, "twins.change", draft)
        async with self._db.begin() as tx:
            twin = await _standing(tx, draft.path, version)
            if twin.draft != draft:
                edit = Edit(tx, who, Deed.CHANGED, draft.path)
                edit.put(twin, draft)
                await edit.finish(self._guard)
            return await _now(tx, draft.path)

    async def move(self, who: Who, path: str, to: str, *, version: int | None = None) -> Twin:
        """A twin and all below it stand at another path; their values stay bound to where they come from."""
        target = PlantPath.parse(to)
        for place in (path, target):
            await self._guard.require(who, Role.ENGINEER, place, "twins.move")
        if target.within(path):
            raise BadTwin(f"{path} cannot be moved to {to}, which is inside it.", hint="Choose a place outside of it.")
        async with self._db.begin() as tx:
            await _standing(tx, path, version)
            edit = Edit(tx, who, Deed.MOVED, path)
            for twin in await dressed(tx, await store.subtree(tx, path)):
                edit.put(twin, moved(twin.draft, twin.points, PlantPath(target + twin.path[len(path) :])))
            await edit.finish(self._guard)
            return await _now(tx, target)

    async def retire(self, who: Who, path: str, *, version: int | None = None) -> Change:
        """A twin and all below it leave the plant. Series and history stay; `undo` brings everything back."""
        await self._guard.require(who, Role.ENGINEER, path, "twins.retire")
        async with self._db.begin() as tx:
            await _standing(tx, path, version)
            edit = Edit(tx, who, Deed.RETIRED, path)
            gone = await store.subtree(tx, path)
            for twin in gone:
                edit.drop(twin)
            await _settle(tx, gone, declined=True)
            return await edit.finish(self._guard)

    async def undo(self, who: Who, change_id: str) -> Change:
        """Take a change back; itself a change that can be undone. Superseded when something later is in the way."""
        async with self._db.read() as tx:
            change = await store.find_change(tx, change_id)
        if change is None or change.deed is Deed.TYPE_CHANGED:
            raise NoChange(f"There is no change {change_id!r} of twins.", hint="Look at the history of the twin.")
        if change.undone:
            raise Superseded(f"That change of {change.path} has been undone already.", hint="Nothing is left to undo.")
        for place in sorted({d.path for s in change.steps for d in (s.before, s.after) if d is not None}):
            await self._guard.require(who, Role.ENGINEER, place, "twins.undo")
        async with self._db.read() as tx:
            before = await points_then(tx, [s.after for s in change.steps if s.after])
            after = await points_then(tx, [s.before for s in change.steps if s.before])
        await require_interlocks(self._guard, who, "twins.undo", before, after)
        async with self._db.begin() as tx:
            return await self._undone(tx, who, change)

    async def _undone(self, tx: Transaction, who: Who, change: Change) -> Change:
        standing = await store.find_ids(tx, [s.twin for s in change.steps])
        versions = await store.last_versions(tx, [s.twin for s in change.steps])
        edit = Edit(tx, who, Deed.UNDONE, change.path)
        for step in change.steps:
            twin = standing.get(step.twin)
            if versions[step.twin] != step.version or (twin is None) != (step.after is None):
                place = twin.path if twin else step.before.path if step.before else change.path
                raise Superseded(f"{place} has changed since: version {step.version} is now {versions[step.twin]}.")
            if twin is None and step.before is not None:
                edit.make(step.before, id_=step.twin, version=step.version + 1)
            elif twin is not None and step.before is not None:
                edit.put(twin, step.before)
            elif twin is not None:
                edit.drop(twin)
        gone = [standing[s.twin] for s in change.steps if s.before is None]
        await _settle(tx, gone, declined=True)
        await store.mark_undone(tx, change.id)
        done = await edit.finish(self._guard)
        back = await store.find_ids(tx, [s.twin for s in change.steps if s.after is None])
        await _settle(tx, back.values(), declined=False)
        return done

    # ---- inside ----

    async def _sees(self, who: Who, under: str) -> tuple[str, ...]:
        """The parts of a subtree the caller may read; Forbidden, audited, when there is none."""
        place = PlantPath(under)
        if any(place.within(tree) for tree in who.sees()):
            return (under,)
        inside = tuple(tree for tree in who.sees() if PlantPath(tree).within(under))
        if not inside and under:
            await self._guard.require(who, Role.VIEWER, under, "twins.read")
        return inside

    async def _may_change(self, who: Who, action: str, draft: Draft) -> None:
        """A change needs an engineer; reading series from elsewhere also needs the right to see them."""
        await self._guard.require(who, Role.ENGINEER, draft.path, action)
        for series in draft.bindings.values():
            await self._guard.require(who, Role.VIEWER, series, action)
        async with self._db.read() as tx:
            before, after = await points_now(tx, [draft]), await points_then(tx, [draft])
        await require_interlocks(self._guard, who, action, before, after)


async def _standing(tx: Transaction, path: str, version: int | None = None) -> Twin:
    twin = await store.find(tx, path)
    if twin is None:
        raise NoTwin(f"There is no twin at {path}.")
    if version is not None and version != twin.version:
        raise Outdated(
            f"{path} is at version {twin.version} by now, changed by {twin.changed_by}; you changed version {version}.",
            current=twin.version,
            yours=version,
        )
    return twin


async def _settle(tx: Transaction, twins: Iterable[Twin], *, declined: bool) -> None:
    """Series of what was taken out are not adopted again without asking; those of what is back may be."""
    await store.decline(tx, [p.series for t in await dressed(tx, twins) for p in t.points], declined=declined)


async def _now(tx: Transaction, path: str) -> Twin:
    return (await dressed(tx, [await _standing(tx, path)]))[0]


async def _missing_above(tx: Transaction, draft: Draft) -> list[Draft]:
    places = above(draft.path)
    standing = {path: twin.draft.level for path, twin in (await store.find_all(tx, places)).items()}
    missing = []
    for depth, place in enumerate(places):
        if place not in standing:
            level = level_at(depth, len(places))
            standing[place] = standing[place.parent].below(level) if place.parent else level
            missing.append(Draft(path=place, level=standing[place]))
    return missing


async def _tops(tx: Transaction, sees: Sequence[str], after: str, limit: int) -> list[Twin]:
    found: dict[str, Twin] = {}
    for tree in sees:
        own = await store.find(tx, tree) if tree else None
        below = [own] if own else await store.page(tx, sees=(tree,), parent=tree, after=after, limit=limit)
        found |= {twin.path: twin for twin in below if twin.path > after}
    return [found[path] for path in sorted(found)][:limit]
