"""Life-cycle records: told by the platform, continued by people, read as submodels, never changed.

    facts ──▶ tell ──┐
    people ─▶ add  ──┴▶ one transaction: entry, next version of the submodel, feed, audit, fact

An entry is told once, however often its fact comes. What was scrapped takes no more writes, except from an
administrator who reinstates it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import orjson

from lineshaft.kernel.clock import MICROS, now_us
from lineshaft.kernel.db import Transaction
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import PlantPath, Value
from lineshaft.security import PLATFORM, Role, Who
from lineshaft.twins import store
from lineshaft.twins.errors import BadTwin, TakenId
from lineshaft.twins.model.record import (
    LONGEST_FACT,
    PART,
    RECORD,
    Account,
    Entry,
    Happening,
    Life,
    check_entry,
    check_next,
    entries_of,
    filled,
    head_of,
    is_record,
    keeps_its_own,
    life_of,
    lived,
)
from lineshaft.twins.model.repository import Document, Json, Kind
from lineshaft.twins.model.shell import made_for
from lineshaft.twins.service.hours import Hours
from lineshaft.twins.store import documents, records
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import digest_of, entry_of, packed

from . import writing
from .desk import Desk
from .ends import attach, refer, shell_at
from .shelf import content_of

ADD = "twins.record.add"
AHEAD_US = 60 * MICROS
"""A clock may be ahead by so much."""
NEWEST, FEW = 1_000, 100
"""Entries a record shows at most, and one of many documents of a page; `of` tells the others page by page."""
_MARK = RECORD.encode()
_NEEDS = {Happening.MAINTAINED: Role.OPERATOR, Happening.NOTED: Role.OPERATOR, Happening.REINSTATED: Role.ADMIN}


class Records:
    """The life-cycle records of a plant's twins."""

    def __init__(self, desk: Desk, hours: Hours | None) -> None:
        self._desk = desk
        self._hours = hours

    async def of(self, who: Who, twin: str, *, before: int | None = None, limit: int = 100) -> Account:
        """The record of a twin, by plant path or by the id of its shell, with a page of entries, the newest first."""
        who = await self._desk.guard.current(who)
        async with self._desk.db.read() as tx:
            shell = await shell_at(tx, who, twin)
            head = await documents.find(tx, Kind.SUBMODEL, made_for(shell.id, PART))
            life, held = _opened(head)
            top = life.entries if before is None else min(before, life.entries)
            found = await records.page(tx, head.id, before=top, limit=limit) if head and held is None else []
        found = held[:top][::-1][:limit] if held is not None else found
        hours = await self._hours.of(shell.place) if self._hours else None
        rest = top - len(found)
        return Account(life=life, operating_hours=hours, entries=tuple(found), after=rest if rest > 0 else None)

    async def add(self, who: Who, twin: str, entry: Entry, *, key: str = "") -> Entry:
        """Somebody adds an entry; Scrapped when nothing may follow any more.

        The same `key` of theirs adds it once, and answers what was added; TakenId when that was another entry.
        """
        who = await self._desk.guard.current(who)
        fact = _fact(who, key) if key else f"entry:{new_id()}"
        entry = check_entry(replace(entry, fact=fact, by=who.name[:120]))
        if entry.at_us > now_us() + AHEAD_US and entry.kind is not Happening.LEASED:
            raise BadTwin("That is still to come.", hint="A record tells what has happened; only leases begin later.")
        async with self._desk.writing(who) as (tx, now):
            shell = await shell_at(tx, now, twin)
            self._desk.may(now, _NEEDS.get(entry.kind, Role.ENGINEER), shell.place, ADD)
            if not await self._append(tx, now, shell.id, shell.place, [entry]):
                return _same(entry, await _told(tx, made_for(shell.id, PART), fact))
        return entry

    async def tell(self, shell: str, place: PlantPath, entries: Sequence[Entry]) -> int:
        """What the platform knows of a twin, told once each; returns how many entries are new."""
        async with self._desk.writing(PLATFORM) as (tx, now):
            return await self._append(tx, now, shell, place, entries)

    async def check_setpoint(self, who: Who, path: PlantPath, value: Value) -> None:
        """Scrapped when a value would be written to a machine that was, whichever twin reads it."""
        del who, value
        async with self._desk.db.read() as tx:
            twins = await store.find_ids(tx, await store.readers_of(tx, [path]))
            places = [path, *(twin.path for twin in twins.values())]
            gone = await records.scrapped(tx, places)
        for place in places:
            records.check_alive(place, gone)

    async def fill(
        self, document: Document, *, past: bool = False, patient: bool = True, newest: int | None = NEWEST
    ) -> Document:
        """A record with its `newest` entries (None: all), and hours of operation unless it is a past one.

        Other documents stay as they are. Who is not `patient` gets no hours that would have to be counted first.
        """
        if document.kind is not Kind.SUBMODEL or _MARK not in document.body:
            return document
        content: Json = orjson.loads(document.body)
        if not is_record(content) or keeps_its_own(content):
            return document
        life = life_of(content)
        async with self._desk.db.read() as tx:
            found = await records.page(tx, document.id, before=life.entries, limit=newest)
        place = document.place.parent
        hours = await self._hours.of(place, patient=patient) if self._hours and place and not past else None
        body = packed(filled(content, reversed(found), hours))
        return replace(document, body=body, etag=digest_of(body))

    async def _append(self, tx: Transaction, who: Who, shell: str, place: PlantPath, entries: Sequence[Entry]) -> int:
        id_ = made_for(shell, PART)
        head = await documents.find(tx, Kind.SUBMODEL, id_)
        life, held = _opened(head)
        told = {one.fact for one in held or ()} | await records.known(tx, id_, [entry.fact for entry in entries])
        fresh = {entry.fact: entry for entry in entries if entry.fact not in told}.values()
        first = life.entries
        for entry in fresh:
            if who.id != PLATFORM.id:
                check_next(life, entry, str(place))
            life = lived(life, entry)
        if fresh:
            if held:  # an imported record goes on here
                await records.add(tx, id_, 0, held)
            await records.add(tx, id_, first, [*fresh])
            await self._write(tx, who, shell, place, head, head_of(id_, life))
        return len(fresh)

    async def _write(
        self, tx: Transaction, who: Who, shell: str, place: PlantPath, head: Stored | None, document: Json
    ) -> None:
        owner = await documents.find(tx, Kind.SHELL, shell)
        if head is None:
            await attach(tx, self._desk, who, owner, document, place)
            return
        if owner is not None:
            await refer(tx, self._desk, who, owner, head.id)
        entry = entry_of(Kind.SUBMODEL, document, place.child(PART))  # also when it came under another name
        await writing.change(tx, self._desk.guard, who, head, entry, ours=True)


def _fact(who: Who, key: str) -> str:
    """What tells an entry of somebody by their key; a long one by its hash, which fits."""
    fact = f"{who.id}:{key}"
    return fact if len(fact) <= LONGEST_FACT else f"key:{sha256(fact.encode()).hexdigest()}"


async def _told(tx: Transaction, record: str, fact: str) -> Entry:
    """What a record tells of a fact that is known, in the table or still in the document it came with."""
    _, held = _opened(await documents.find(tx, Kind.SUBMODEL, record))
    return next((one for one in held or () if one.fact == fact), None) or await records.find(tx, record, fact)


def _same(sent: Entry, told: Entry) -> Entry:
    """What was told under a key, or TakenId; the moment may differ, as it is that of sending unless somebody says."""
    if replace(sent, at_us=told.at_us, by=told.by) != told:
        raise TakenId("Another entry was added under that key.", hint="Choose a new key for what is new.")
    return told


def _opened(head: Stored | None) -> tuple[Life, list[Entry] | None]:
    """What a record comes down to; and its entries, when it was imported and keeps them itself."""
    if head is None:
        return Life(), None
    content = content_of(head)
    if not keeps_its_own(content):
        return life_of(content), None
    held = entries_of(content)
    return replace(life_of(content), entries=len(held)), held
