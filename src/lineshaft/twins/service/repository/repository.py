"""What can be asked of shells, submodels, concept descriptions, descriptors and packages, and done to them.

Reading needs the role viewer at a document's place, or at a branch of it; writing needs engineer where
something changes; values of properties need operator. What a caller may see nothing of does not exist for them.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import orjson

from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.twins.errors import BadDocument
from lineshaft.twins.model.repository import Document, Filters, Json, Kind, Page
from lineshaft.twins.store import documents
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import entry_of

from . import writing
from .desk import Desk, shown
from .door import check_document, check_match, step_of
from .shelf import content_of, document_of
from .sight import Sight, changed_places

MOST = 1_000
"""Documents of one page at most."""
MOST_BYTES = 8_000_000
"""A page ends early when its documents are bigger than this together."""
_BIG = 100_000
"""Bodies from this size on are checked in a thread."""


class Repository:
    """The documents of a plant."""

    def __init__(self, db: Database, guard: Guard, organisation: str = "plant") -> None:
        self._desk = Desk(db, guard, organisation)

    # ---- reading ----

    async def get(self, who: Who, kind: Kind, id_: str) -> Document:
        """A document as it is now; NoDocument (404) also when the caller may see nothing of it."""
        sight = await self._desk.sight(who)
        return shown(sight, await self._desk.shelf.find(kind, id_), kind, id_)

    async def page(
        self, who: Who, kind: Kind, filters: Filters = Filters(), *, after: int | None = None, limit: int = 100  # noqa: B008
    ) -> Page:  # fmt: skip
        """Documents that fit and that the caller may see, by number, after one number."""
        if limit < 1:
            raise Invalid(f"A page holds at least one document, not {limit}.", hint="Ask for 1 or more.")
        sight, limit = await self._desk.sight(who), min(limit, MOST)
        found: list[Document] = []
        at, size = after or 0, 0
        async with self._desk.db.read() as tx:
            while True:
                asked = limit + 1 - len(found)
                rows = await documents.page(tx, kind, filters, sight.trees, after=at, limit=asked)
                for row in rows:
                    if len(found) == limit or size > MOST_BYTES:
                        return Page(documents=tuple(found), after=found[-1].number)
                    at = row.number
                    if (one := sight.shown(document_of(row))) is not None:
                        found.append(one)
                        size += len(one.body)
                if len(rows) < asked:
                    return Page(documents=tuple(found))

    # ---- writing ----

    async def create(self, who: Who, kind: Kind, document: Json, *, place: PlantPath | None = None) -> Document:
        """A new document; TakenId (409), BadDocument (400).

        `place` is where its twin stands, and defaults to where the shell of a submodel stands, or the organisation.
        """
        document = await _checked(kind, document)
        async with self._desk.writing(who) as (tx, now):
            return document_of(await self._create(tx, now, kind, document, place))

    async def replace(
        self, who: Who, kind: Kind, id_: str, document: Json, *, if_match: str = ""
    ) -> tuple[Document, bool]:
        """Put a document in the place of the one with that id, or create it; whether it was created."""
        document = await _checked(kind, document)
        _same_id(kind, id_, document)
        async with self._desk.writing(who) as (tx, now):
            if not if_match and await documents.find(tx, kind, id_) is None:
                return document_of(await self._create(tx, now, kind, document, None)), True
            stored = await self._desk.standing(tx, now, kind, id_)
            self._desk.may(now, Role.ENGINEER, stored.place, "twins.documents.change")
            check_match(stored.etag, if_match)
            return document_of(await self._change(tx, now, stored, document)), False

    async def change(
        self, who: Who, kind: Kind, id_: str, edit: Callable[[Json], Json], *, if_match: str = ""
    ) -> Document:
        """Read, edit, check and write in one transaction; `edit` may change what it is given, or return another.

        Needs engineer only where the document differs afterwards.
        """
        async with self._desk.writing(who) as (tx, now):
            stored = await self._desk.standing(tx, now, kind, id_)
            check_match(stored.etag, if_match)
            before = content_of(stored)
            after = await _checked(kind, edit(deepcopy(before)))
            _same_id(kind, id_, after)
            for place in changed_places(before, after, stored.place):
                self._desk.may(now, Role.ENGINEER, place, "twins.documents.change")
            changed = stored if before == after else await self._change(tx, now, stored, after)
        return shown(Sight(now.sees()), document_of(changed), kind, id_)

    async def delete(self, who: Who, kind: Kind, id_: str, *, if_match: str = "") -> None:
        """Take a document away; its history stays."""
        async with self._desk.writing(who) as (tx, now):
            stored = await self._desk.standing(tx, now, kind, id_)
            self._desk.may(now, Role.ENGINEER, stored.place, "twins.documents.delete")
            check_match(stored.etag, if_match)
            await writing.delete(tx, self._desk.guard, now, stored)

    async def _create(self, tx: Transaction, who: Who, kind: Kind, document: Json, place: PlantPath | None) -> Stored:
        there = await self._desk.place_for(tx, who, kind, document, place)
        self._desk.may(who, Role.ENGINEER, there, "twins.documents.create")
        return await writing.create(tx, self._desk.guard, who, entry_of(kind, document, there))

    async def _change(self, tx: Transaction, who: Who, stored: Stored, document: Json) -> Stored:
        """The next version; a submodel of another idShort stands elsewhere, where engineer is needed too."""
        place = stored.place
        if stored.kind is Kind.SUBMODEL and place.name != step_of(document) and place.parent:
            place = place.parent.child(step_of(document))
            self._desk.may(who, Role.ENGINEER, place, "twins.documents.change")
        return await writing.change(tx, self._desk.guard, who, stored, entry_of(stored.kind, document, place))


async def _checked(kind: Kind, document: Json) -> Json:
    big = len(orjson.dumps(document)) > _BIG if isinstance(document, dict) else False
    return await in_thread(check_document, kind, document) if big else check_document(kind, document)


def _same_id(kind: Kind, id_: str, document: Json) -> None:
    if document["id"] != id_:
        raise BadDocument(
            f"The {kind.words} says its id is {document['id'][:200]!r}, but {id_[:200]!r} was addressed.",
            hint="An id never changes: delete the old one and create the new one.",
        )
