"""Answers questions of the query language: the index narrows them down, the documents decide.

What a caller may not see does not exist for the question either. Values of bound elements are those of their series
as they are now. A page takes at most a second: then it ends with what was found, and its cursor goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from time import monotonic

import orjson

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.tasks import in_thread
from lineshaft.security import Who
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.answering import Scope
from lineshaft.twins.metamodel.query import Question, roots_of
from lineshaft.twins.model.graph import Wanted
from lineshaft.twins.model.repository import Document, Filters, Json, Kind, Page
from lineshaft.twins.store import documents, questions

from .current import Columns, Current
from .desk import Desk
from .living import Living
from .records import FEW, Records
from .shelf import document_of
from .sight import Sight

MOST = 1_000
WITHIN_S = 1.0
_AT_ONCE = 200
_ROOTS = {
    Kind.SHELL: "aas",
    Kind.SUBMODEL: "sm",
    Kind.CONCEPT: "cd",
    Kind.SHELL_DESCRIPTOR: "aasdesc",
    Kind.SUBMODEL_DESCRIPTOR: "smdesc",
}


class Questions:
    """Asks about documents of one kind."""

    def __init__(self, desk: Desk, living: Living, current: Current, records: Records) -> None:
        self._desk = desk
        self._living = living
        self._current = current
        self._records = records

    async def answer(self, who: Who, kind: Kind, question: Question, *, after: int | None, limit: int) -> Page:
        """Documents for which the condition holds, by number, after one number."""
        sight, limit = await self._desk.sight(who), min(limit, MOST)
        page = await self._answer(sight, kind, question, after or 0, limit)
        return replace(page, documents=tuple([await self._filled(sight, one) for one in page.documents]))

    async def _filled(self, sight: Sight, one: Document) -> Document:
        return await self._records.fill(one, patient=False, newest=FEW) if sight.whole(one.place) else one

    async def _answer(self, sight: Sight, kind: Kind, question: Question, at: int, limit: int) -> Page:
        until, found = monotonic() + WITHIN_S, list[Document]()
        columns = await self._current.columns()
        async with self._desk.db.read() as tx:
            among = await questions.few(tx, kind, question.condition, partial(self._spoken, columns))
            while True:
                rows = await documents.page(tx, kind, Filters(), sight.trees, after=at, limit=_AT_ONCE, among=among)
                seen = await self._shown(sight, rows)
                around = [await self._around(tx, sight, kind, question, one) for one in seen]
                found += await in_thread(_fitting, kind, question, seen, around)
                if len(found) > limit:
                    return Page(documents=tuple(found[:limit]), after=found[limit - 1].number)
                if len(rows) < _AT_ONCE:
                    return Page(documents=tuple(found))
                at = rows[-1].number
                if monotonic() > until:
                    return Page(documents=tuple(found), after=at)

    async def _spoken(self, columns: Columns, wanted: Wanted) -> list[int]:
        return [one.document for one in (await self._current.fitting(columns, wanted)).fits]

    async def _shown(self, sight: Sight, rows: Sequence[documents.Stored]) -> list[Document]:
        filled = [await self._living.fill(document_of(row)) for row in rows]
        return [one for one in map(sight.shown, filled) if one is not None]

    async def _around(
        self, tx: Transaction, sight: Sight, kind: Kind, question: Question, one: Document
    ) -> dict[str, list[Json]]:
        """What the question asks about besides: a shell's submodels, a submodel's shells."""
        roots = roots_of(question.condition)
        if kind is Kind.SHELL and roots & {"sm", "sme"}:
            rows = await documents.find_all(tx, Kind.SUBMODEL, references.submodel_ids(orjson.loads(one.body)))
            return {"sm": await self._contents(sight, rows)}
        if kind is Kind.SUBMODEL and "aas" in roots:
            rows = await documents.page(tx, Kind.SHELL, Filters(submodel=one.id), sight.trees, after=0, limit=MOST)
            return {"aas": await self._contents(sight, rows)}
        if kind is Kind.SHELL_DESCRIPTOR and "smdesc" in roots:
            return {"smdesc": orjson.loads(one.body).get("submodelDescriptors") or []}
        return {}

    async def _contents(self, sight: Sight, rows: Sequence[documents.Stored]) -> list[Json]:
        return [orjson.loads(one.body) for one in await self._shown(sight, rows)]


def _fitting(
    kind: Kind, question: Question, seen: Sequence[Document], around: Sequence[dict[str, list[Json]]]
) -> list[Document]:
    scopes = (Scope({_ROOTS[kind]: [orjson.loads(one.body)]} | more) for one, more in zip(seen, around, strict=True))
    return [one for one, scope in zip(seen, scopes, strict=True) if scope.holds(question.condition)]
