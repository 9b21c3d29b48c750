"""Documents as readers get them: bytes ready to send, kept in memory as long as they are right."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeAlias

import orjson

from lineshaft.kernel.db import Database
from lineshaft.twins.metamodel.paths import find
from lineshaft.twins.model.repository import Document, Json, Kind
from lineshaft.twins.store import documents
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import packed
from lineshaft.twins.store.feed import Touched

from .watch import Watch

MOST_BYTES = 64_000_000
Key: TypeAlias = tuple[int, str]


def content_of(stored: Stored) -> Json:
    """The document with its hot values, as a fresh object."""
    document: Json = orjson.loads(stored.body)
    put_values(document, stored.hot)
    return document


def put_values(document: Json, values: dict[str, str | None]) -> None:
    """Write lexical values of properties into a document."""
    for path, value in values.items():
        element = find(document, path)
        if value is None:
            element.pop("value", None)
        else:
            element["value"] = value


def document_of(stored: Stored) -> Document:
    """A stored document as it is now; without hot values its bytes are those of the store."""
    return Document(
        kind=stored.kind,
        id=stored.id,
        number=stored.number,
        place=stored.place,
        version=stored.version,
        etag=stored.etag,
        body=packed(content_of(stored)) if stored.hot else stored.body,
        changed_us=stored.changed_us,
        changed_by=stored.changed_by,
    )


class Shelf:
    """Reads documents; the most used ones stay in memory, all together at most `most_bytes`."""

    def __init__(self, db: Database, *, most_bytes: int = MOST_BYTES) -> None:
        self._db = db
        self._watch = Watch(db, self._heard)
        self._kept: OrderedDict[Key, Document] = OrderedDict()
        self._reading: dict[Key, asyncio.Task[Document | None]] = {}
        """Documents being read, once for all who ask; one that changes meanwhile is read again and not kept."""
        self._bytes = 0
        self._most = most_bytes

    async def find(self, kind: Kind, id_: str) -> Document | None:
        """A document as it is now, hot values included; None when there is none."""
        await self._watch.look()
        key = (int(kind), id_)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._read(kind, id_))
        return await asyncio.shield(reading)

    async def _read(self, kind: Kind, id_: str) -> Document | None:
        key = (int(kind), id_)
        try:
            stored = await documents.look_up(self._db, kind, id_)
            document = None if stored is None else document_of(stored)
        finally:
            current = self._reading.get(key) is asyncio.current_task()
            if current:
                del self._reading[key]
        if current and document is not None:
            self._keep(key, document)
        return document

    def _keep(self, key: Key, document: Document) -> None:
        self._forget(key)
        self._kept[key] = document
        self._bytes += len(document.body)
        while self._bytes > self._most and self._kept:
            self._bytes -= len(self._kept.popitem(last=False)[1].body)

    def _forget(self, key: Key) -> None:
        self._reading.pop(key, None)
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._bytes -= len(gone.body)

    def _heard(self, lines: Sequence[Touched] | None) -> None:
        if lines is None:
            self._kept.clear()
            self._reading.clear()
            self._bytes = 0
        for line in lines or ():
            self._forget((line.kind, line.id))
