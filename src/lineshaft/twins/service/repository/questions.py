"""Answers questions of the query language: the index narrows them down, the documents decide.

What a caller may not see does not exist for the question either. Values count as they were written, not those of a live
series. A page takes at most a second: then it ends with what was found, and its cursor goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

import orjson

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.tasks import in_thread
from lineshaft.security import Who
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.answering import Scope
from lineshaft.twins.metamodel.query import Question, roots_of
from lineshaft.twins.model.repository import Document, Filters, Json, Kind, Page
from lineshaft.twins.store import documents, questions

from .desk import Desk
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

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def answer(self, who: Who, kind: Kind, question: Question, *, after: int | None, limit: int) -> Page:
        """Documents for which the condition holds, by number, after one number."""
        sight, limit = await self._desk.sight(who), min(limit, MOST)
        until, at, found = monotonic() + WITHIN_S, after or 0, list[Document]()
        async with self._desk.db.read() as tx:
            among = await questions.few(tx, kind, question.condition)
            while True:
                rows = await documents.page(tx, kind, Filters(), sight.trees, after=at, limit=_AT_ONCE, among=among)
                seen = [one for one in (sight.shown(document_of(row)) for row in rows) if one is not None]
                around = [await _around(tx, sight, kind, question, one) for one in seen]
                found += await in_thread(_fitting, kind, question, seen, around)
                if len(found) > limit:
                    return Page(documents=tuple(found[:limit]), after=found[limit - 1].number)
                if len(rows) < _AT_ONCE:
                    return Page(documents=tuple(found))
                at = rows[-1].number
                if monotonic() > until:
                    return Page(documents=tuple(found), after=at)


def _fitting(
    kind: Kind, question: Question, seen: Sequence[Document], around: Sequence[dict[str, list[Json]]]
) -> list[Document]:
    scopes = (Scope({_ROOTS[kind]: [orjson.loads(one.body)]} | more) for one, more in zip(seen, around, strict=True))
    return [one for one, scope in zip(seen, scopes, strict=True) if scope.holds(question.condition)]


async def _around(
    tx: Transaction, sight: Sight, kind: Kind, question: Question, one: Document
) -> dict[str, list[Json]]:
    """What the question asks about besides: a shell's submodels, a submodel's shells."""
    roots = roots_of(question.condition)
    if kind is Kind.SHELL and roots & {"sm", "sme"}:
        ids = references.submodel_ids(orjson.loads(one.body))
        rows = await documents.find_all(tx, Kind.SUBMODEL, ids)
        return {"sm": _contents(sight, rows)}
    if kind is Kind.SUBMODEL and "aas" in roots:
        rows = await documents.page(tx, Kind.SHELL, Filters(submodel=one.id), sight.trees, after=0, limit=MOST)
        return {"aas": _contents(sight, rows)}
    if kind is Kind.SHELL_DESCRIPTOR and "smdesc" in roots:
        return {"smdesc": orjson.loads(one.body).get("submodelDescriptors") or []}
    return {}


def _contents(sight: Sight, rows: Sequence[documents.Stored]) -> list[Json]:
    shown = (sight.shown(document_of(row)) for row in rows)
    return [orjson.loads(one.body) for one in shown if one is not None]
