"""What every part of the repository works with: catalogue, guard, organisation, and who sees what."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.model.repository import Document, Json, Kind
from lineshaft.twins.store import documents, feed
from lineshaft.twins.store.documents import Stored

from .door import step_of
from .shelf import Shelf, document_of
from .sight import Sight


class Denied(Exception):
    """A right is missing; raised inside a transaction and told by the guard once that has ended."""

    def __init__(self, role: Role, place: str, action: str) -> None:
        super().__init__(place)
        self.role, self.place, self.action = role, place, action


class Desk:
    """Shared by the parts of the repository."""

    def __init__(self, db: Database, guard: Guard, organisation: str) -> None:
        self.db = db
        self.guard = guard
        self.organisation = PlantPath(organisation)
        self.shelf = Shelf(db)

    async def sight(self, who: Who) -> Sight:
        """What somebody may read now."""
        return Sight((await self.guard.current(who)).sees())

    @asynccontextmanager
    async def writing(self, who: Who) -> AsyncIterator[tuple[Transaction, Who]]:
        """A transaction that queues with the other writers of the repository; Denied becomes the guard's refusal."""
        who = await self.guard.current(who)
        try:
            async with self.db.begin() as tx:
                await feed.lock(tx)
                yield tx, who
        except Denied as denied:
            await self.guard.require(who, denied.role, denied.place, denied.action)
            raise

    async def standing(self, tx: Transaction, who: Who, kind: Kind, id_: str) -> Stored:
        """A document as it stands in the caller's transaction; NoDocument also when they may see nothing of it."""
        stored = await documents.find(tx, kind, id_)
        if stored is None or Sight(who.sees()).shown(document_of(stored)) is None:
            missing(kind, id_)
        return stored

    def may(self, who: Who, role: Role, place: str, action: str) -> None:
        """Denied unless a role is held at a place."""
        if not who.may(role, place):
            raise Denied(role, place, action)

    async def place_for(
        self, tx: Transaction, who: Who, kind: Kind, document: Json, place: PlantPath | None
    ) -> PlantPath:
        """Where a new document stands: a submodel below its shell or below `place`, anything else at `place`."""
        if place is None and kind is Kind.SUBMODEL:
            place = await documents.place_of_shell(tx, document["id"])
        if place is None:
            place = self.home(who)
        PlantPath.parse(place)
        return place.child(step_of(document)) if kind is Kind.SUBMODEL else place

    def home(self, who: Who) -> PlantPath:
        """The organisation; for those who may write in one other part of the plant only, that part."""
        trees = {grant.subtree for grant in who.grants if grant.role >= Role.ENGINEER}
        if len(trees) == 1 and not who.may(Role.ENGINEER, self.organisation):
            return PlantPath(next(iter(trees)))
        return self.organisation


def missing(kind: Kind, id_: str) -> NoReturn:
    """Say that there is no such document."""
    raise NoDocument(f"There is no {kind.words} {id_[:200]!r}.")


def shown(sight: Sight, document: Document | None, kind: Kind, id_: str) -> Document:
    """The document as the caller may see it, or NoDocument."""
    found = None if document is None else sight.shown(document)
    if found is None:
        missing(kind, id_)
    return found
