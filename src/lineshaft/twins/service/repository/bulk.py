"""Takes in many documents at once, some ten thousand elements to a transaction.

Shells come first, so that submodels stand below them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeAlias

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role, Who
from lineshaft.twins.events import DocumentsTaken
from lineshaft.twins.model.record import is_record
from lineshaft.twins.model.repository import Attachment, Json, Kind, Taken
from lineshaft.twins.store import documents, files, records
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import Entry, entry_of, submodels_of

from . import writing
from .binding import forbidden, may_reach
from .desk import Desk
from .door import named, step_of

ACTION = "twins.documents.take_in"
MOST_ELEMENTS, MOST_DOCUMENTS = 10_000, 1_000
"""Of one transaction; a bigger submodel has one of its own."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many documents are done, and of how many."""
_SECTIONS = (
    ("assetAdministrationShells", Kind.SHELL),
    ("submodels", Kind.SUBMODEL),
    ("conceptDescriptions", Kind.CONCEPT),
)


@dataclass(slots=True, kw_only=True)
class _Count:
    created: int = 0
    replaced: int = 0
    skipped: int = 0
    elements: int = 0
    files: int = 0
    refused: list[str] = field(default_factory=list)

    def taken(self) -> Taken:
        return Taken(
            created=self.created,
            replaced=self.replaced,
            skipped=self.skipped,
            elements=self.elements,
            files=self.files,
            refused=tuple(self.refused),
        )


class Bulk:
    """Environments on their way in."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def take_in(
        self,
        who: Who,
        environment: Json,
        *,
        place: PlantPath | None,
        replace: bool,
        files: Mapping[str, Attachment] | None,
        progress: Progress | None,
    ) -> Taken:
        """All documents of an environment; says what came of them."""
        who = await self._desk.guard.current(who)
        home = PlantPath.parse(place) if place is not None else self._desk.home(who)
        await self._desk.guard.require(who, Role.ENGINEER, home, ACTION)
        wanted = [(kind, one) for section, kind in _SECTIONS for one in environment.get(section) or ()]
        places = await self._places(who, home, [one for kind, one in wanted if kind is Kind.SHELL])
        count, done = _Count(), 0
        batches = _prepared(wanted, home, places, count)
        async with aclosing(_one_ahead(batches)) as ahead:
            async for entries in ahead:
                await self._write(who, entries, count, replace=replace, contents=files or {})
                done += len(entries)
                if progress is not None:
                    progress(done + len(count.refused), len(wanted))
        return count.taken()

    async def _places(self, who: Who, home: PlantPath, shells: Sequence[Json]) -> dict[str, PlantPath]:
        """Where submodels of shells that stand here already belong, by submodel."""
        ids = [shell["id"] for shell in shells if isinstance(shell, dict) and isinstance(shell.get("id"), str)]
        async with self._desk.db.read() as tx:
            known = await documents.places(tx, Kind.SHELL, ids)
        if not known:
            return {}
        told = [shell for shell in shells if isinstance(shell, dict) and shell.get("id") in known]
        return {submodel: known[shell["id"]] for shell in told for submodel in submodels_of(shell)}

    async def _write(
        self, who: Who, entries: Sequence[Entry], count: _Count, *, replace: bool, contents: Mapping[str, Attachment]
    ) -> None:
        async with self._desk.writing(who) as (tx, now):
            known = await _standing(tx, entries)
            entries = _living(entries, await records.scrapped(tx, {one.place for one in entries}), count)
            fresh = [entry for entry in entries if self._fresh(now, entry, known, count)]
            numbers, seqs = await writing.add(tx, now, fresh) if fresh else ([], [])
            await _attach(tx, zip(numbers, fresh, strict=True), contents, count)
            count.created += len(fresh)
            count.elements += sum(len(entry.elements) for entry in fresh)
            for entry in entries:
                stored = known.get((entry.kind, entry.id))
                if stored is not None:
                    await self._again(tx, now, stored, entry, count, replace=replace, contents=contents)
            if fresh:
                await self._tell(tx, now, fresh, seqs)

    def _fresh(self, who: Who, entry: Entry, known: Mapping[tuple[Kind, str], Stored], count: _Count) -> bool:
        if (entry.kind, entry.id) in known:
            return False
        if _spies(who, entry, count):
            return False
        if not who.may(Role.ENGINEER, entry.place):
            count.refused.append(
                f"The {entry.kind.words} {entry.id[:200]} belongs to {entry.place}, which is not yours."
            )
            return False
        return True

    async def _again(
        self,
        tx: Transaction,
        who: Who,
        stored: Stored,
        entry: Entry,
        count: _Count,
        *,
        replace: bool,
        contents: Mapping[str, Attachment],
    ) -> None:
        """A document that stands here already."""
        if not replace or is_record(entry.document) or (stored.digest == entry.digest and not stored.hot):
            count.skipped += 1
        elif _spies(who, entry, count):
            return
        elif not who.may(Role.ENGINEER, stored.place):
            count.refused.append(f"The {entry.kind.words} {entry.id[:200]} stands here already and is not yours.")
        else:
            next_ = entry_of(entry.kind, entry.document, stored.place)
            await writing.change(tx, self._desk.guard, who, stored, next_)
            await _attach(tx, [(stored.number, next_)], contents, count)
            count.replaced += 1
            count.elements += len(next_.elements)

    async def _tell(self, tx: Transaction, who: Who, entries: Sequence[Entry], seqs: Sequence[int]) -> None:
        place = str(entries[0].place)
        told = {"documents": len(entries), "elements": sum(len(entry.elements) for entry in entries)}
        subject = f"{len(entries)} documents"
        await self._desk.guard.record(who, ACTION, subject, after=told, path=place, tx=tx)
        await tx.announce(DocumentsTaken(first=seqs[0], last=seqs[-1], count=len(seqs)))


def _living(entries: Sequence[Entry], scrapped: Set[PlantPath], count: _Count) -> Sequence[Entry]:
    """Documents of what was not scrapped; the others are named."""
    living: list[Entry] = []
    for one in entries:
        if scrapped.isdisjoint(records.upwards(one.place)):
            living.append(one)
        else:
            count.refused.append(f"The {one.kind.words} {one.id[:200]} belongs to {one.place}, which was scrapped.")
    return living


def _spies(who: Who, entry: Entry, count: _Count) -> bool:
    """Whether an element is bound to a series that the writer may not see; then it is named."""
    reaches = entry.kind is Kind.SUBMODEL and may_reach(entry.body)
    lacking = forbidden(who, entry.document) if reaches else None
    if lacking:
        _, path = lacking
        count.refused.append(f"The {entry.kind.words} {entry.id[:200]} is bound to {path[:200]}, which is not yours.")
    return lacking is not None


async def _standing(tx: Transaction, entries: Sequence[Entry]) -> dict[tuple[Kind, str], Stored]:
    found: dict[tuple[Kind, str], Stored] = {}
    for kind in {entry.kind for entry in entries}:
        ids = [entry.id for entry in entries if entry.kind is kind]
        found |= {(kind, stored.id): stored for stored in await documents.find_all(tx, kind, ids)}
    return found


async def _attach(
    tx: Transaction, made: Iterable[tuple[int, Entry]], contents: Mapping[str, Attachment], count: _Count
) -> None:
    if not contents:
        return
    for number, entry in made:
        for name in dict.fromkeys(entry.files):
            if (file := contents.get(name)) is not None:
                await files.put(tx, number, name, file)
                count.files += 1


async def _one_ahead(batches: Iterator[list[Entry]]) -> AsyncGenerator[list[Entry]]:
    """Batches made in a thread, each while the one before it is written."""
    coming = asyncio.create_task(in_thread(next, batches, None))
    try:
        while (entries := await coming) is not None:
            coming = asyncio.create_task(in_thread(next, batches, None))
            yield entries
    finally:
        coming.cancel()


def _prepared(
    wanted: Sequence[tuple[Kind, Json]], home: PlantPath, places: dict[str, PlantPath], count: _Count
) -> Iterator[list[Entry]]:
    """Entries, enough for one transaction at a time; what cannot be read is named and left out."""
    seen: set[tuple[Kind, str]] = set()
    entries: list[Entry] = []
    elements = 0
    for kind, document in wanted:
        entry = _entry(kind, document, home, places, count)
        if entry is None:
            continue
        if (kind, entry.id) in seen:
            count.refused.append(f"There are two of the {kind.words} {entry.id[:200]}; the first counts.")
            continue
        seen.add((kind, entry.id))
        entries.append(entry)
        elements += len(entry.elements)
        if elements >= MOST_ELEMENTS or len(entries) >= MOST_DOCUMENTS:
            yield entries
            entries, elements = [], 0
    if entries:
        yield entries


def _entry(kind: Kind, document: Json, home: PlantPath, places: Mapping[str, PlantPath], count: _Count) -> Entry | None:
    try:
        id_ = named(kind, document)
        place = places.get(id_, home).child(step_of(document)) if kind is Kind.SUBMODEL else home
        return entry_of(kind, document, place)
    except PlatformError as error:
        count.refused.append(error.message)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        count.refused.append(f"A {kind.words} cannot be read ({type(error).__name__}: {str(error)[:200]}).")
    return None
