"""From facts to life-cycle records: what the platform knows of a twin, told once, however often a fact comes.

The tree remembers every change of a twin, so whatever fact comes, all changes not told yet are: nothing is lost when
a fact is. An entry is named by what it tells (`twin:3:moved`, `connection:plc:7`, `feed:812`), never by its delivery.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lineshaft.edge import ConnectionChanged, Edge, SetpointWritten, Version
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM
from lineshaft.twins import store
from lineshaft.twins.events import DocumentChanged, DocumentsTaken, ModelChanged
from lineshaft.twins.model import Change, Draft, Twin
from lineshaft.twins.model.record import PART, Entry, Happening
from lineshaft.twins.model.repository import Kind, Verb
from lineshaft.twins.model.shell import PARTS, made_for, part_id, shell_id
from lineshaft.twins.store import documents, feed

from .repository import Repository

MOST = 1_000
"""Changes of a twin looked back at."""
AT_ONCE = 5_000
"""Lines of the feed read at once."""
_WHAT = {"level": "level", "title": "title", "description": "description", "icon": "icon", "properties": "properties",
         "without": "properties", "running": "running state"}  # fmt: skip


class Chronicle:
    """Writes what happened into records."""

    def __init__(self, db: Database, repository: Repository, edge: Edge | None = None) -> None:
        self._db = db
        self._repository = repository
        self._edge = edge

    async def twin(self, id_: str) -> int:
        """All changes of a twin that its record does not tell yet; returns how many entries are new."""
        async with self._db.read() as tx:
            changes = (await store.history(tx, id_, limit=MOST))[::-1]
        entries = [entry for change in changes for entry in told(change)]
        last = changes[-1].steps[0] if changes else None
        draft = (last.after or last.before) if last else None
        return await self._repository.records.tell(shell_id(id_), draft.path, entries) if draft else 0

    async def all(self) -> int:
        """Begin the records of twins that have none yet; returns how many."""
        after, count = "", 0
        while True:
            async with self._db.read() as tx:
                twins = await store.page(tx, sees=("",), after=after, limit=MOST)
                records = {made_for(shell_id(twin.id), PART): twin.id for twin in twins}
                known = await documents.places(tx, Kind.SUBMODEL, records)
            for record, id_ in records.items():
                count += bool(record not in known and await self.twin(id_))
            if len(twins) < MOST:
                return count
            after = twins[-1].path

    async def setpoint(self, fact: SetpointWritten) -> None:
        """A value was written to a machine: told at the twins that read it."""
        async with self._db.read() as tx:
            twins = await _readers(tx, [fact.path])
        text = f"{PlantPath(fact.path).name} = {fact.value}"
        await self._all(twins, Entry(
            fact=f"setpoint:{fact.id}", kind=Happening.SETPOINT, at_us=fact.at_us, by=fact.by, text=text,
            now=str(fact.value),
        ))  # fmt: skip

    async def model(self, fact: ModelChanged) -> None:
        """A twin carries another mechanism model."""
        async with self._db.read() as tx:
            twin = await store.find(tx, fact.path)
        name = f"{fact.name} ({fact.mechanism})" if fact.mechanism else fact.name
        key = f"model:{fact.name}:{fact.at_us}"
        entry = Entry(fact=key, kind=Happening.MODEL, at_us=fact.at_us, by=fact.by, text=f"{fact.verb} {name}")
        await self._all([twin] if twin else [], entry)

    async def connection(self, fact: ConnectionChanged) -> None:
        """A connection was made or changed: told at the twins that read one of its tags."""
        version = await self._version(fact)
        if self._edge is None or version is None or version.raw is None:
            return
        tags = self._edge.built(version.connector, version.raw).tags
        async with self._db.read() as tx:
            twins = await _readers(tx, [str(tag.path) for tag in tags])
        entry = Entry(
            fact=f"connection:{fact.name}:{fact.version}", kind=Happening.BOUND, at_us=version.at_us, by=version.by,
            text=fact.name, now=f"{fact.name} {fact.version}",
        )  # fmt: skip
        await self._all(twins, entry)

    async def document(self, fact: DocumentChanged) -> None:
        """A submodel of a twin was made, changed or deleted by somebody."""
        if fact.kind != Kind.SUBMODEL or fact.by == PLATFORM.id:
            return
        async with self._db.read() as tx:
            lines = await feed.named(tx, fact.seq, fact.seq)
            twins = await _standing(tx, lines)
        for line, twin in twins:
            if line.id not in _own(twin):
                text = f"{line.verb} {PlantPath(line.place).name}"
                await self._all([twin], Entry(
                    fact=f"feed:{line.seq}", kind=Happening.DOCUMENT, at_us=line.at_us, by=line.by, text=text
                ))  # fmt: skip

    async def taken(self, fact: DocumentsTaken) -> None:
        """A file brought documents: told once at each twin that got some."""
        for first in range(fact.first, fact.last + 1, AT_ONCE):
            async with self._db.read() as tx:
                lines = await feed.named(tx, first, min(first + AT_ONCE - 1, fact.last))
                found = await _standing(tx, lines)
            for id_ in dict.fromkeys(twin.id for _, twin in found):
                mine = [(line, twin) for line, twin in found if twin.id == id_ and line.id not in _own(twin)]
                names = ", ".join(PlantPath(line.place).name for line, _ in mine[:10])
                if mine:
                    await self._all([mine[0][1]], Entry(
                        fact=f"taken:{first}", kind=Happening.IMPORTED, at_us=mine[0][0].at_us, by=mine[0][0].by,
                        text=names,
                    ))  # fmt: skip

    async def _all(self, twins: Sequence[Twin], entry: Entry) -> None:
        for twin in twins:
            await self._repository.records.tell(shell_id(twin.id), twin.path, [entry])

    async def _version(self, fact: ConnectionChanged) -> Version | None:
        versions = await self._edge.versions(PLATFORM, fact.name) if self._edge else ()
        return next((one for one in versions if one.version == fact.version), None)


def told(change: Change) -> Iterator[Entry]:
    """The entries of one change of a twin; each aspect of it is one."""
    step = change.steps[0]
    for kind, was, now, text in _aspects(step.before, step.after, step.version):
        fact = f"twin:{step.version}:{kind.name.lower()}"
        yield Entry(fact=fact, kind=kind, at_us=change.at_us, by=change.by, was=was, now=now, text=text)


def _aspects(before: Draft | None, after: Draft | None, version: int) -> Iterator[tuple[Happening, str, str, str]]:
    if after is None:
        yield Happening.RETIRED, str(before.path) if before else "", "", ""
    elif before is None:
        yield Happening.CREATED if version == 1 else Happening.RETURNED, "", str(after.path), after.type
    else:
        yield from _differences(before, after)


def _differences(before: Draft, after: Draft) -> Iterator[tuple[Happening, str, str, str]]:
    if before.path != after.path:
        yield Happening.MOVED, str(before.path), str(after.path), ""
    elif before.bindings != after.bindings:
        changed = before.bindings.items() ^ after.bindings.items()
        yield Happening.BOUND, "", "", ", ".join(sorted({name for name, _ in changed}))
    if before.type != after.type:
        yield Happening.TYPE_CHANGED, before.type, after.type, ""
    what = dict.fromkeys(word for name, word in _WHAT.items() if getattr(before, name) != getattr(after, name))
    if what:
        yield Happening.CHANGED, "", "", ", ".join(what)


async def _readers(tx: Transaction, series: Iterable[str]) -> list[Twin]:
    ids = await store.readers_of(tx, series)
    return list((await store.find_ids(tx, ids)).values())


async def _standing(tx: Transaction, lines: Sequence[feed.Named]) -> list[tuple[feed.Named, Twin]]:
    """Lines about submodels that stand right at a twin of the tree, with that twin."""
    mine = [line for line in lines if line.kind == Kind.SUBMODEL and line.verb != Verb.VALUES]
    twins = await store.find_all(tx, [str(PlantPath(line.place).parent or "") for line in mine])
    found = ((line, twins.get(str(PlantPath(line.place).parent or ""))) for line in mine)
    return [(line, twin) for line, twin in found if twin is not None]


def _own(twin: Twin) -> set[str]:
    """Submodels that the platform keeps itself: those of the tree, and the record."""
    return {part_id(twin.id, part) for part in PARTS} | {made_for(shell_id(twin.id), PART)}
