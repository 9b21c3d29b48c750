"""What can be asked of shells, submodels, concept descriptions, descriptors and packages, and done to them.

Reading needs the role viewer at a document's place, or at a branch of it; writing needs engineer where
something changes; values of properties need operator. What a caller may see nothing of does not exist for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy

import orjson

from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry import Historian, Live
from lineshaft.twins.errors import BadDocument
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.query import Question
from lineshaft.twins.model.repository import Attachment, Deed, Document, Filters, Json, Kind, Link, Page, Taken, Verb
from lineshaft.twins.service.hours import Hours
from lineshaft.twins.settings import FileSettings
from lineshaft.twins.store import documents
from lineshaft.twins.store.documents import Stored
from lineshaft.twins.store.entries import entry_of

from . import writing
from .attachments import Attachments
from .binding import forbidden
from .bulk import Bulk, Progress
from .current import Current
from .desk import Denied, Desk, shown
from .discovery import Discovery
from .door import about, check_document, check_match, step_of
from .graph import Graph
from .history import History
from .living import Living, bound
from .questions import Questions
from .records import FEW, NEWEST, Records
from .relations import Relations
from .retention import Retention
from .shelf import content_of, document_of
from .sight import Sight, changed_places
from .templates import Templates
from .values import Along, Values

MOST = 1_000
"""Documents of one page at most."""
MOST_BYTES = 8_000_000
"""A page ends early when its documents are bigger than this together."""
CHANGE = "twins.documents.change"
_BIG = 100_000
"""Bodies from this size on are checked in a thread."""


class Repository:
    """The documents of a plant."""

    def __init__(
        self,
        db: Database,
        guard: Guard,
        organisation: str = "plant",
        *,
        live: Live | None = None,
        historian: Historian | None = None,
        attachment_mb: int = FileSettings().attachment_mb,
    ) -> None:
        """`live` shows values of series in the elements that name them, `historian` counts hours of operation."""
        desk = self._desk = Desk(db, guard, organisation)
        current = Current(db, live)
        self._living = Living(live)
        self.records = Records(desk, Hours(db, historian) if historian else None)
        self._values = Values(desk)
        self._discovery = Discovery(desk)
        self.retention = Retention(desk)
        self._history = History(desk, self.records)
        self._questions = Questions(desk, self._living, current, self.records)
        self._attachments = Attachments(desk, attachment_mb)
        self._bulk = Bulk(desk)
        self.graph = Graph(desk, current)
        self.relations = Relations(desk)
        self.templates = Templates(desk)

    @property
    def attachment_mb(self) -> int:
        """How large a file may be that is attached, in MiB."""
        return self._attachments.most_mb

    @property
    def organisation(self) -> PlantPath:
        """Where documents stand that belong to nothing else."""
        return self._desk.organisation

    async def admit(self, who: Who) -> None:
        """Refuse who may write documents nowhere, before anything is prepared for them."""
        now = await self._desk.guard.current(who)
        if not any(grant.role >= Role.ENGINEER for grant in now.grants):
            await self._desk.guard.require(now, Role.ENGINEER, self.organisation, CHANGE)

    # ---- reading ----

    async def get(self, who: Who, kind: Kind, id_: str, *, newest: int | None = NEWEST) -> Document:
        """A document as it is now; NoDocument (404) also when the caller may see nothing of it.

        A life-cycle record shows its `newest` entries; None shows all.
        """
        sight = await self._desk.sight(who)
        found = await self._desk.shelf.find(kind, id_)
        return shown(sight, found and await self._filled(found, newest=newest), kind, id_)

    async def written(self, who: Who, kind: Kind, ids: Iterable[str]) -> dict[str, Document]:
        """Those of these ids that stand here and that the caller may see, with what is written in them.

        Values of series and entries of records are not put in.
        """
        sight = await self._desk.sight(who)
        async with self._desk.db.read() as tx:
            rows = await documents.find_all(tx, kind, dict.fromkeys(ids))
        seen = (sight.shown(document_of(row)) for row in rows)
        return {one.id: one for one in seen if one is not None}

    async def _filled(self, document: Document, *, patient: bool = True, newest: int | None) -> Document:
        """The document with what is never written into it."""
        return await self.records.fill(await self._living.fill(document), patient=patient, newest=newest)

    async def page(
        self,
        who: Who,
        kind: Kind,
        filters: Filters = Filters(),  # noqa: B008
        *,
        after: int | None = None,
        limit: int = 100,
        newest: int | None = FEW,
    ) -> Page:
        """Documents that fit and that the caller may see, by number, after one number.

        Life-cycle records show their `newest` entries; None shows all.
        """
        if limit < 1:
            raise Invalid(f"A page holds at least one document, not {limit}.", hint="Ask for 1 or more.")
        sight, limit = await self._desk.sight(who), min(limit, MOST)
        found: list[Document] = []
        at, size = after or 0, 0
        while True:
            asked = limit + 1 - len(found)
            async with self._desk.db.read() as tx:
                rows = await documents.page(tx, kind, filters, sight.trees, after=at, limit=asked)
            for row in rows:
                if len(found) == limit or size > MOST_BYTES:
                    return Page(documents=tuple(found), after=found[-1].number)
                at = row.number
                if (one := sight.shown(await self._filled(document_of(row), patient=False, newest=newest))) is not None:
                    found.append(one)
                    size += len(one.body)
            if len(rows) < asked:
                return Page(documents=tuple(found))

    async def ask(
        self, who: Who, kind: Kind, question: Question, *, after: int | None = None, limit: int = 100
    ) -> Page:
        """Documents that answer a question of the query language, by number, after one number."""
        return await self._questions.answer(who, kind, question, after=after, limit=limit)

    # ---- writing ----

    async def create(
        self,
        who: Who,
        kind: Kind,
        document: Json,
        *,
        place: PlantPath | None = None,
        file: Attachment | None = None,
    ) -> Document:
        """A new document; TakenId (409), BadDocument (400).

        `place` is where its twin stands, and defaults to where the shell of a submodel stands, or the organisation.
        `file` is the content of a package.
        """
        document = await _checked(kind, document)
        async with self._desk.writing(who) as (tx, now):
            stored = await self._create(tx, now, kind, document, place)
            if file is not None:
                await self._attachments.keep(tx, now, stored, "", file)
        return document_of(stored)

    async def replace(
        self, who: Who, kind: Kind, id_: str, document: Json, *, if_match: str = "", file: Attachment | None = None
    ) -> tuple[Document, bool]:
        """Put a document in the place of the one with that id, or create it; whether it was created."""
        document = await self._replaceable(who, kind, id_, document)
        _same_id(kind, id_, document)
        async with self._desk.writing(who) as (tx, now):
            created = not if_match and await documents.find(tx, kind, id_) is None
            if created:
                stored = await self._create(tx, now, kind, document, None)
            else:
                stored = await self._desk.standing(tx, now, kind, id_)
                self._desk.may(now, Role.ENGINEER, stored.place, CHANGE)
                check_match(stored.etag, if_match)
                stored = await self._change(tx, now, stored, document)
            if file is not None:
                await self._attachments.keep(tx, now, stored, "", file)
        return document_of(stored), created

    async def _replaceable(self, who: Who, kind: Kind, id_: str, document: Json) -> Json:
        """The document checked; faults of the one it replaces may stay, for who sees all of that."""
        try:
            return await _checked(kind, document)
        except BadDocument:
            found = await self._desk.shelf.find(kind, id_)
            if found is None or not (await self._desk.sight(who)).whole(found.place):
                raise
        return await _checked(kind, document, orjson.loads(found.body))

    async def change(
        self,
        who: Who,
        kind: Kind,
        id_: str,
        edit: Callable[[Json], Json],
        *,
        if_match: str = "",
        place: PlantPath | None = None,
        along: Along | None = None,
        files: Mapping[str, Attachment] | None = None,
    ) -> Document:
        """Read, edit, check and write in one transaction; `edit` may change what it is given, or return another.

        Needs engineer only where the document differs afterwards. With `place` it also moves, to where its twin
        stands now. `along` is done in the same transaction: both, or neither. `files` are the contents of File
        elements that the edit writes, by their values (`part_name`).
        """
        async with self._desk.writing(who) as (tx, now):
            stored = await self._desk.standing(tx, now, kind, id_)
            sight = Sight(now.sees())
            part = None if sight.whole(stored.place) else shown(sight, document_of(stored), kind, id_)
            check_match((part or stored).etag, if_match)
            if part is not None:
                self._may_edit(now, orjson.loads(part.body), edit, stored.place)
            before = content_of(stored)
            after = await _checked(kind, edit(deepcopy(before)), before)
            _same_id(kind, id_, after)
            for where in changed_places(before, after, stored.place):
                self._desk.may(now, Role.ENGINEER, where, CHANGE)
            moves = place is not None and stored.place != _stand(kind, after, place)
            changed = await self._change(tx, now, stored, after, place) if moves or before != after else stored
            if files:
                await self._attachments.bring(tx, now, changed, before, files)
            if along is not None:
                await along(tx)
        return shown(sight, document_of(changed), kind, id_)

    async def carry(self, who: Who, shell: str, submodel: Json) -> Document:
        """A new submodel and the reference to it in its shell, in one transaction."""
        content = await _checked(Kind.SUBMODEL, submodel)
        async with self._desk.writing(who) as (tx, now):
            standing = await self._desk.standing(tx, now, Kind.SHELL, shell)
            self._desk.may(now, Role.ENGINEER, standing.place, CHANGE)
            carrier = content_of(standing)
            carrier["submodels"] = [
                *carrier.get("submodels", ()),
                references.to_identifiable("Submodel", content["id"]),
            ]
            await self._change(tx, now, standing, carrier)
            stored = await self._create(tx, now, Kind.SUBMODEL, content, standing.place)
        return document_of(stored)

    async def let_go(self, who: Who, shell: str, submodel: str, *, if_match: str = "") -> None:
        """Take the reference to a submodel away, and the submodel when no other shell refers to it; history stays."""
        async with self._desk.writing(who) as (tx, now):
            standing = await self._desk.standing(tx, now, Kind.SHELL, shell)
            gone = await self._desk.standing(tx, now, Kind.SUBMODEL, submodel)
            for place in (standing.place, gone.place):
                self._desk.may(now, Role.ENGINEER, place, CHANGE)
            check_match(gone.etag, if_match)
            await self._change(tx, now, standing, references.without(content_of(standing), submodel))
            if not await documents.page(tx, Kind.SHELL, Filters(submodel=submodel), ("",), after=0, limit=1):
                await writing.delete(tx, self._desk.guard, now, gone)

    async def delete(self, who: Who, kind: Kind, id_: str, *, if_match: str = "", out_of: str = "") -> None:
        """Take a document away; its history stays. A submodel goes `out_of` a shell with the shell's reference."""
        async with self._desk.writing(who) as (tx, now):
            stored = await self._desk.standing(tx, now, kind, id_)
            self._desk.may(now, Role.ENGINEER, stored.place, "twins.documents.delete")
            check_match(stored.etag, if_match)
            await writing.delete(tx, self._desk.guard, now, stored)
            if out_of:
                shell = await self._desk.standing(tx, now, Kind.SHELL, out_of)
                self._desk.may(now, Role.ENGINEER, shell.place, CHANGE)
                await self._change(tx, now, shell, references.without(content_of(shell), id_))

    async def write_values(
        self, who: Who, id_: str, values: Mapping[str, str | None], *, along: Along | None = None
    ) -> None:
        """Write values of properties of a submodel, by idShortPath, in their lexical form; all or none.

        `along` is done in the same transaction.
        """
        if along is None:
            await self._values.write(who, id_, values)
        else:
            await self._values.write_along(who, id_, values, along)

    async def take_in(
        self,
        who: Who,
        environment: Json,
        *,
        place: PlantPath | None = None,
        replace: bool = False,
        files: Mapping[str, Attachment] | None = None,
        progress: Progress | None = None,
    ) -> Taken:
        """Everything in an environment, as lenient as its reader was: constraints are not checked again.

        What stands here already is left alone, or replaced with `replace`. `files` are contents by the value of
        their File elements. Goes in transactions of some ten thousand elements; what could not be taken is named.
        """
        return await self._bulk.take_in(who, environment, place=place, replace=replace, files=files, progress=progress)

    # ---- discovery ----

    async def shells_of(
        self, who: Who, links: Sequence[Link], *, after: str = "", limit: int = 100
    ) -> tuple[list[str], str | None]:
        """Ids of shells that have all these asset ids, after one id; and where the next page begins."""
        return await self._discovery.shells_of(who, links, after=after, limit=limit)

    async def product_shells(self, product: str) -> list[str]:
        """Ids of the shells a passport of a product may come from, the surest first; reading them needs rights."""
        return await self._discovery.claims(product)

    async def links_of(self, who: Who, shell: str) -> list[Link]:
        """The asset ids a shell is found by."""
        return await self._discovery.links_of(who, shell)

    async def put_links(self, who: Who, shell: str, links: Sequence[Link]) -> list[Link]:
        """Tell by which asset ids a shell is found, besides those in its document; returns them all."""
        return await self._discovery.put(who, shell, links)

    async def drop_links(self, who: Who, shell: str) -> None:
        """Forget what was told of a shell."""
        await self._discovery.drop(who, shell)

    # ---- history ----

    async def feed(self, who: Who, *, after: int = 0, limit: int = 1000) -> list[Deed]:
        """What happened after one line of the feed, in order; going on after the last one told misses nothing.

        Behind when lines after that one are no longer kept.
        """
        return await self._history.feed(who, after=after, limit=limit)

    async def at(self, who: Who, kind: Kind, id_: str, moment_us: int) -> Document:
        """A document as it was at a moment (microseconds since 1970 UTC); NoDocument when there was none.

        Forgotten when history does not go back that far.
        """
        return await self._history.at(who, kind, id_, moment_us)

    # ---- files ----

    async def get_file(self, who: Who, kind: Kind, id_: str, path: str = "") -> Attachment:
        """The file of a File element, the thumbnail of a shell, or a package; NoFile without one."""
        return await self._attachments.get(who, kind, id_, path)

    async def put_file(self, who: Who, kind: Kind, id_: str, path: str, file: Attachment) -> None:
        """Attach a file; its name and type are written into the document."""
        await self._attachments.put(who, kind, id_, path, file)

    async def drop_file(self, who: Who, kind: Kind, id_: str, path: str = "") -> None:
        """Take a file away; NoFile without one."""
        await self._attachments.drop(who, kind, id_, path)

    async def in_bulk(self, who: Who, kind: Kind, verb: Verb, things: Sequence[Json]) -> None:
        """Create, replace or delete (by `id`) many documents in one transaction: all or none.

        A refusal names the document it is about.
        """
        async with self._desk.writing(who) as (tx, now):
            for number, thing in enumerate(things):
                with about(number, thing):
                    await self._one_of_many(tx, now, kind, verb, thing)

    async def _one_of_many(self, tx: Transaction, who: Who, kind: Kind, verb: Verb, thing: Json) -> None:
        if verb is Verb.DELETED:
            stored = await self._desk.standing(tx, who, kind, thing["id"])
            self._desk.may(who, Role.ENGINEER, stored.place, "twins.documents.delete")
            await writing.delete(tx, self._desk.guard, who, stored)
            return
        document = await _checked(kind, thing)
        if verb is Verb.CREATED or await documents.find(tx, kind, document["id"]) is None:
            await self._create(tx, who, kind, document, None)
            return
        stored = await self._desk.standing(tx, who, kind, document["id"])
        self._desk.may(who, Role.ENGINEER, stored.place, CHANGE)
        await self._change(tx, who, stored, document)

    async def _create(self, tx: Transaction, who: Who, kind: Kind, document: Json, place: PlantPath | None) -> Stored:
        there = await self._desk.place_for(tx, who, kind, document, place)
        self._desk.may(who, Role.ENGINEER, there, "twins.documents.create")
        self._may_bind(who, document)
        return await writing.create(tx, self._desk.guard, who, entry_of(kind, document, there))

    async def _change(
        self, tx: Transaction, who: Who, stored: Stored, document: Json, twin: PlantPath | None = None
    ) -> Stored:
        """The next version; a submodel of another idShort stands elsewhere, where engineer is needed too."""
        self._may_bind(who, document)
        standing = stored.place.parent if stored.kind is Kind.SUBMODEL else stored.place
        place = _stand(stored.kind, document, twin or standing or stored.place)
        if place != stored.place:
            self._desk.may(who, Role.ENGINEER, place, CHANGE)
        return await writing.change(tx, self._desk.guard, who, stored, entry_of(stored.kind, document, place))

    def _may_edit(self, who: Who, seen: Json, edit: Callable[[Json], Json], place: PlantPath) -> None:
        """Let an edit fail on what is hidden as it fails on what is not there, so that neither tells of the other."""
        try:
            edited = edit(deepcopy(seen))
        except (LookupError, StopIteration, TypeError, ValueError) as error:
            raise Denied(Role.ENGINEER, place, CHANGE) from error  # it needs what is hidden
        for where in changed_places(seen, edited, place):
            self._desk.may(who, Role.ENGINEER, where, CHANGE)

    def _may_bind(self, who: Who, document: Json) -> None:
        for _, _, series in bound(document):
            PlantPath.parse(series)
        if lacking := forbidden(who, document):
            self._desk.may(who, *lacking, "twins.documents.bind")


def _stand(kind: Kind, document: Json, twin: PlantPath) -> PlantPath:
    """Where a document stands whose twin stands there: a submodel below it, under its own name."""
    return twin.child(step_of(document)) if kind is Kind.SUBMODEL else twin


async def _checked(kind: Kind, document: Json, before: Json | None = None) -> Json:
    try:
        big = len(orjson.dumps(document)) > _BIG
    except orjson.JSONEncodeError as error:
        raise BadDocument(f"The {kind.words} cannot be written as JSON: {error}.") from error
    return await in_thread(check_document, kind, document, before) if big else check_document(kind, document, before)


def _same_id(kind: Kind, id_: str, document: Json) -> None:
    if document["id"] != id_:
        raise BadDocument(
            f"The {kind.words} says its id is {document['id'][:200]!r}, but {id_[:200]!r} was addressed.",
            hint="An id never changes: delete the old one and create the new one.",
        )
