"""Writes documents with feed, audit and facts, all in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Transaction
from lineshaft.security import PLATFORM, Guard, Who
from lineshaft.twins.errors import Sealed, TakenId
from lineshaft.twins.events import DocumentChanged
from lineshaft.twins.model.record import RECORD, is_record, keeps_its_own
from lineshaft.twins.model.repository import Json, Verb
from lineshaft.twins.store import documents, feed, files, records
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import Entry, entry_of
from lineshaft.twins.store.feed import Line

from .shelf import content_of

_RECORD = RECORD.encode()
_DEEDS = {Verb.CREATED: "create", Verb.CHANGED: "change", Verb.DELETED: "delete"}


async def alive(tx: Transaction, who: Who, place: str) -> None:
    """Scrapped when a place belongs to a twin that was; the platform itself goes on keeping what is known of it."""
    if who.id == PLATFORM.id:
        return
    records.check_alive(place, await records.scrapped(tx, [place]))


async def _open(tx: Transaction, who: Who, entry: Entry, stored: Stored | None = None) -> None:
    """Refuse what nobody may write: documents of what was scrapped, and life-cycle records."""
    await alive(tx, who, entry.place if stored is None else stored.place)
    ours = _ours(entry.body, entry.document) if stored is None else _ours(stored.body, content_of(stored))
    if ours or (stored is not None and _ours(entry.body, entry.document)):
        raise Sealed(f"The life-cycle record {entry.id[:200]} is only ever added to.")


def _ours(body: bytes, document: Json) -> bool:
    """Whether a document is a record that is continued here."""
    return _RECORD in body and is_record(document) and not keeps_its_own(document)


async def create(tx: Transaction, guard: Guard, who: Who, entry: Entry, *, ours: bool = False) -> Stored:
    """A new document; TakenId when there is one of that id. `ours` is written by who has checked already."""
    if not ours:
        await _open(tx, who, entry)
    if await documents.find(tx, entry.kind, entry.id) is not None:
        raise TakenId(f"There is a {entry.kind.words} {entry.id} already.")
    (number,), (seq,) = await add(tx, who, [entry])
    await _tell(tx, guard, who, Verb.CREATED, entry, seq, version=1, after={"digest": entry.digest, "number": number})
    stored = await documents.find(tx, entry.kind, entry.id)
    assert stored is not None
    return stored


async def add(tx: Transaction, who: Who, entries: Sequence[Entry]) -> tuple[list[int], list[int]]:
    """New documents and their lines of the feed; their numbers in both."""
    now, first = now_us(), await documents.reserve(tx, len(entries))
    numbers = list(range(first, first + len(entries)))
    lines = [_line(who, entry, number, Verb.CREATED, 1) for entry, number in zip(entries, numbers, strict=True)]
    seqs = await feed.append(tx, now, lines)
    await documents.add(tx, entries, numbers, seqs, changed_us=now, changed_by=who.name[:120])
    return numbers, seqs


async def change(
    tx: Transaction, guard: Guard, who: Who, stored: Stored, entry: Entry, *, ours: bool = False
) -> Stored:
    """The next version of a document; what it held before goes to the feed."""
    if not ours and (stored.digest != entry.digest or who.id != PLATFORM.id):  # a record moves with its twin
        await _open(tx, who, entry, stored)
    now, version = now_us(), stored.version + 1
    before = entry_of(stored.kind, content_of(stored), stored.place)
    await feed.keep_body(tx, stored.seq, stored.body)
    (seq,) = await feed.append(tx, now, [_line(who, entry, stored.number, Verb.CHANGED, version)])
    if gone := set(before.files) - set(entry.files):
        await files.drop(tx, stored.number, gone)
    await documents.exchange(tx, stored, before, entry, seq=seq, changed_us=now, changed_by=who.name[:120])
    seen = {"digest": stored.digest, "version": stored.version}
    await _tell(tx, guard, who, Verb.CHANGED, entry, seq, version=version, before=seen, after={"digest": entry.digest})
    return replace(
        stored,
        place=entry.place,
        version=version,
        seq=seq,
        body=entry.body,
        digest=entry.digest,
        changed_us=now,
        changed_by=who.name[:120],
        hot={},
        hot_seq=0,
    )


async def delete(tx: Transaction, guard: Guard, who: Who, stored: Stored) -> None:
    """A document is gone; the feed keeps what it was."""
    entry = entry_of(stored.kind, content_of(stored), stored.place)
    await _open(tx, who, entry, stored)
    await feed.keep_body(tx, stored.seq, stored.body)
    (seq,) = await feed.append(tx, now_us(), [_line(who, entry, stored.number, Verb.DELETED, stored.version)])
    await documents.drop(tx, stored)
    seen = {"digest": stored.digest, "version": stored.version}
    await _tell(tx, guard, who, Verb.DELETED, entry, seq, version=stored.version, before=seen)


def _line(who: Who, entry: Entry, number: int, verb: Verb, version: int) -> Line:
    place = str(entry.place)
    return Line(kind=entry.kind, document=number, id=entry.id, place=place, verb=verb, version=version, by=who.name)


async def _tell(
    tx: Transaction,
    guard: Guard,
    who: Who,
    verb: Verb,
    entry: Entry,
    seq: int,
    *,
    version: int,
    **content: dict[str, Any],
) -> None:
    """Audit and announce."""
    after = {"kind": entry.kind.words, "version": version, **content.get("after", {})}
    told = None if verb is Verb.DELETED else after
    action, place = f"twins.documents.{_DEEDS[verb]}", str(entry.place)
    await guard.record(who, action, entry.id, before=content.get("before"), after=told, path=place, tx=tx)
    kind = int(entry.kind)
    told_ = DocumentChanged(kind=kind, id=entry.id, place=place, verb=verb.value, version=version, seq=seq, by=who.id)
    await tx.announce(told_)
