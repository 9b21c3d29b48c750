"""Rows of `twins_documents`: found by id, paged by number, written with all that belongs to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.metamodel.references import normalised
from lineshaft.twins.model.repository import Edge, Filters, Kind

from . import bound, elements, files, hot, links, relations
from .elements import SEMANTIC_MOST
from .entries import CASE, HOLDS, SPECIFICATION, Entry
from .repository_tables import DOCUMENTS, HOT, LINKS, RELATIONS, SEMANTICS
from .tables import NODES, any_within, parts, visible

FEW = 5_000
"""Up to here the documents a caller may see, or a filter finds, are listed first and paged in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A document as it stands in the tables: `body` without the hot values, which stand beside it."""

    number: int
    kind: Kind
    id: str
    place: PlantPath
    version: int
    seq: int
    body: bytes
    digest: str
    changed_us: int
    changed_by: str
    hot: dict[str, str | None]
    hot_seq: int

    @property
    def etag(self) -> str:
        """Changes with the document and with each hot value."""
        return f"{self.digest}-{self.hot_seq:x}" if self.hot_seq else self.digest


class _Gathered(sa.sql.functions.FunctionElement[str]):
    """Rows of a subquery as the text of one JSON array of arrays."""

    inherit_cache = True
    type = sa.Text()


@compiles(_Gathered, "sqlite")
def _in_sqlite(element: _Gathered, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_group_array(json_array({compiler.process(element.clauses, **kw)}))"


@compiles(_Gathered, "postgresql")
def _in_postgresql(element: _Gathered, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(json_agg(json_build_array({compiler.process(element.clauses, **kw)})) AS TEXT)"


_HOT = (
    sa.select(_Gathered(HOT.c.path, HOT.c.value, HOT.c.seq))
    .where(HOT.c.document == DOCUMENTS.c.number)
    .scalar_subquery()
    .label("hot")
)
_PLAIN = ("number", "kind", "id", "place", "version", "seq", "body", "digest", "changed_us", "changed_by")
_COLUMNS = (*(DOCUMENTS.c[name] for name in _PLAIN), _HOT)
"""Document and hot values in one statement, so that both are of one moment on every engine."""


_FIND = sa.select(*_COLUMNS).where(DOCUMENTS.c.kind == sa.bindparam("k"), DOCUMENTS.c.id == sa.bindparam("i"))


async def find(tx: Transaction, kind: Kind, id_: str) -> Stored | None:
    """The document of an id."""
    row = await tx.first(_FIND.params(k=int(kind), i=id_))
    return None if row is None else _stored(row)


async def look_up(db: Database, kind: Kind, id_: str) -> Stored | None:
    """The same in a reading of its own."""
    row = await db.row(_FIND, k=int(kind), i=id_)
    return None if row is None else _stored(row)


async def find_all(tx: Transaction, kind: Kind, ids: Iterable[str]) -> list[Stored]:
    """The documents of these ids, in no order."""
    found: list[Stored] = []
    for some in parts(ids):
        query = sa.select(*_COLUMNS).where(DOCUMENTS.c.kind == int(kind), DOCUMENTS.c.id.in_(some))
        found += [_stored(row) for row in await tx.all(query)]
    return found


async def places(tx: Transaction, kind: Kind, ids: Iterable[str]) -> dict[str, PlantPath]:
    """Where documents stand, by id."""
    found: dict[str, PlantPath] = {}
    for some in parts(ids):
        query = sa.select(DOCUMENTS.c.id, DOCUMENTS.c.place)
        rows = await tx.execute(query.where(DOCUMENTS.c.kind == int(kind), DOCUMENTS.c.id.in_(some)))
        found |= {row.id: PlantPath(row.place) for row in rows}
    return found


def _stored(row: Any) -> Stored:
    values, seq = hot.unpacked(orjson.loads(row["hot"])) if row["hot"] and row["hot"] != "[]" else ({}, 0)
    return Stored(
        number=row["number"],
        kind=Kind(row["kind"]),
        id=row["id"],
        place=PlantPath(row["place"]),
        version=row["version"],
        seq=row["seq"],
        body=row["body"],
        digest=row["digest"],
        changed_us=row["changed_us"],
        changed_by=row["changed_by"],
        hot=values,
        hot_seq=seq,
    )


# ---- pages ----


async def page(
    tx: Transaction,
    kind: Kind,
    filters: Filters,
    trees: Sequence[str],
    *,
    after: int,
    limit: int,
    among: Collection[int] | None = None,
) -> list[Stored]:
    """Documents of a kind that fit, by number, after one number; of `among` only, when given."""
    few = await _few(tx, kind, filters, trees) if among is None else among
    query = _query(kind, filters, trees, after)
    if few is None:
        return [_stored(row) for row in await tx.all(query.limit(limit))]
    found: list[Stored] = []
    for some in parts(sorted(number for number in few if number > after)):
        rows = await tx.all(query.where(DOCUMENTS.c.number.in_(some)).limit(limit - len(found)))
        found += [_stored(row) for row in rows]
        if len(found) >= limit:
            break
    return found


def _query(kind: Kind, filters: Filters, trees: Sequence[str], after: int) -> sa.Select[Any]:
    query, number = sa.select(*_COLUMNS), DOCUMENTS.c.number
    if (marked := _marked(filters)) is not None:
        text, mark = marked
        number = SEMANTICS.c.document
        joined = SEMANTICS.join(DOCUMENTS, DOCUMENTS.c.number == SEMANTICS.c.document)
        query = query.select_from(joined).where(SEMANTICS.c.semantic == text, SEMANTICS.c.path == mark)
    query = query.where(DOCUMENTS.c.kind == int(kind), number > after, _visible(kind, trees))
    if filters.data_specification and filters.is_case_of:
        also = sa.select(SEMANTICS.c.document).where(
            SEMANTICS.c.semantic == _text(filters.data_specification), SEMANTICS.c.path == SPECIFICATION
        )
        query = query.where(DOCUMENTS.c.number.in_(also))
    for name in ("id_short", "asset_kind", "asset_type"):
        if wanted := getattr(filters, name):
            query = query.where(DOCUMENTS.c[name] == wanted)
    if filters.submodel:
        says = (RELATIONS.c.target == filters.submodel, RELATIONS.c.kind == Edge.HAS_SUBMODEL.value)
        query = query.where(DOCUMENTS.c.number.in_(sa.select(RELATIONS.c.document).where(*says)))
    for word in filters.words.split():
        query = query.where(_says(word.casefold()))
    for link in filters.links:
        query = query.where(DOCUMENTS.c.id.in_(sa.select(LINKS.c.shell).where(*links.is_link(link))))
    return query.order_by(number)


def _says(word: str) -> sa.ColumnElement[bool]:
    """Whether a word occurs in what a document is called."""
    own = (sa.func.lower(DOCUMENTS.c[name]).contains(word, autoescape=True) for name in ("id", "id_short", "place"))
    linked = sa.select(LINKS.c.shell).where(sa.func.lower(LINKS.c.value).contains(word, autoescape=True))
    standing = sa.select(NODES.c.path).where(NODES.c.words.contains(word, autoescape=True))
    return sa.or_(*own, DOCUMENTS.c.id.in_(linked), DOCUMENTS.c.place.in_(standing))


def _visible(kind: Kind, trees: Sequence[str]) -> sa.ColumnElement[bool]:
    """Only submodels have branches that can be seen by themselves."""
    shown = visible if kind is Kind.SUBMODEL else any_within
    return shown(trees, DOCUMENTS.c.place)


def _marked(filters: Filters) -> tuple[str, str] | None:
    """The filter that is answered by `twins_semantics`."""
    asked = ((filters.semantic, ""), (filters.is_case_of, CASE), (filters.data_specification, SPECIFICATION))
    found = next(((_text(text), mark) for text, mark in asked if text), None)
    return found or ((filters.shell, HOLDS) if filters.shell else None)


def _text(semantic: str) -> str:
    return normalised(semantic)[:SEMANTIC_MOST]


async def _few(tx: Transaction, kind: Kind, filters: Filters, trees: Sequence[str]) -> list[int] | None:
    """Numbers of all documents that can fit, when rights or links leave only a few of them."""
    if filters.links:
        ids = await links.shells(tx, filters.links, limit=FEW + 1)
        if len(ids) <= FEW:
            mine = DOCUMENTS.c.kind == int(kind)
            query = sa.select(DOCUMENTS.c.number)
            return [
                n
                for some in parts(ids)
                for n in (await tx.execute(query.where(mine, DOCUMENTS.c.id.in_(some)))).scalars()
            ]
    if "" in trees:
        return None
    seen = _visible(kind, trees)
    query = sa.select(DOCUMENTS.c.number).where(seen, DOCUMENTS.c.kind == int(kind)).limit(FEW + 1)
    numbers = list((await tx.execute(query)).scalars())
    return numbers if len(numbers) <= FEW else None


async def heads(tx: Transaction, numbers: Iterable[int]) -> dict[int, tuple[str, str]]:
    """(id, place) of documents by number."""
    found: dict[int, tuple[str, str]] = {}
    for some in parts(numbers):
        query = sa.select(DOCUMENTS.c.number, DOCUMENTS.c.id, DOCUMENTS.c.place)
        rows = await tx.execute(query.where(DOCUMENTS.c.number.in_(some)))
        found |= {row.number: (row.id, row.place) for row in rows}
    return found


async def templates(tx: Transaction, trees: Sequence[str], limit: int) -> list[tuple[int, str]]:
    """(number, id) of submodels of kind Template in these subtrees, the oldest first."""
    query = sa.select(DOCUMENTS.c.number, DOCUMENTS.c.id).where(DOCUMENTS.c.template.is_(sa.true()))
    seen = query.where(any_within(trees, DOCUMENTS.c.place)).order_by(DOCUMENTS.c.number).limit(limit)
    return [(row.number, row.id) for row in await tx.execute(seen)]


# ---- writing ----


async def reserve(tx: Transaction, count: int) -> int:
    """The first of `count` numbers that no document ever had; the caller holds the lock of the feed."""
    return await tx.reserve(DOCUMENTS.c.number, count)


async def add(
    tx: Transaction, entries: Sequence[Entry], numbers: Sequence[int], seqs: Sequence[int], **by: Any
) -> None:
    """New documents with all that they are found by; `by` is changed_us and changed_by."""
    if not entries:
        return
    made = list(zip(numbers, entries, strict=True))
    rows = [
        {"number": number, "version": 1, "seq": seq, **entry.columns(), **by}
        for (number, entry), seq in zip(made, seqs, strict=True)
    ]
    await tx.execute(sa.insert(DOCUMENTS), rows)
    await elements.add(
        tx,
        ((number, row) for number, entry in made for row in entry.elements),
        ((number, *pair) for number, entry in made for pair in entry.meanings),
    )
    await links.add(tx, ((entry.id, link) for entry in entries for link in entry.links))
    await relations.add(tx, ((number, one) for number, entry in made for one in entry.relations))
    await bound.add(tx, ((number, one) for number, entry in made for one in entry.bound))


async def exchange(tx: Transaction, stored: Stored, before: Entry, after: Entry, **row: Any) -> None:
    """The next version of a document; `before` is what the index holds, hot values included."""
    mine = DOCUMENTS.c.number == stored.number
    changed = {name: value for name, value in after.columns().items() if name not in ("kind", "id")}
    await tx.execute(sa.update(DOCUMENTS).where(mine).values(version=stored.version + 1, **changed, **row))
    await elements.exchange(tx, stored.number, (before.elements, before.meanings), (after.elements, after.meanings))
    if before.links != after.links:
        await links.drop(tx, after.id)
        await links.add(tx, ((after.id, link) for link in after.links))
    if before.relations != after.relations:
        await relations.drop(tx, stored.number)
        await relations.add(tx, ((stored.number, one) for one in after.relations))
    if before.bound != after.bound:
        await bound.drop(tx, stored.number)
        await bound.add(tx, ((stored.number, one) for one in after.bound))
    if stored.hot:
        await hot.drop(tx, stored.number)


async def drop(tx: Transaction, stored: Stored) -> None:
    """A document and everything it was found by are gone; the feed stays."""
    await tx.execute(sa.delete(DOCUMENTS).where(DOCUMENTS.c.number == stored.number))
    await elements.drop(tx, stored.number)
    await elements.drop_meanings(tx, stored.number)
    await relations.drop(tx, stored.number)
    await bound.drop(tx, stored.number)
    await hot.drop(tx, stored.number)
    await files.drop(tx, stored.number)
    if stored.kind is Kind.SHELL:
        await links.drop(tx, stored.id)


async def place_of_shell(tx: Transaction, submodel: str) -> PlantPath | None:
    """Where the first shell that refers to a submodel stands; None without one."""
    says = (RELATIONS.c.target == submodel, RELATIONS.c.kind == Edge.HAS_SUBMODEL.value)
    joined = RELATIONS.join(DOCUMENTS, DOCUMENTS.c.number == RELATIONS.c.document)
    query = sa.select(DOCUMENTS.c.place).select_from(joined).where(*says).order_by(DOCUMENTS.c.number).limit(1)
    found = await tx.scalar(query)
    return None if found is None else PlantPath(found)


async def numbers_within(tx: Transaction, trees: Sequence[str]) -> list[int]:
    """Numbers of all documents in these subtrees."""
    query = sa.select(DOCUMENTS.c.number).where(any_within(trees, DOCUMENTS.c.place))
    return list((await tx.execute(query)).scalars())


async def ids(tx: Transaction, kind: Kind, numbers: list[int] | None = None) -> list[tuple[int, str]]:
    """(number, id) of these documents, or of all of a kind."""
    query = sa.select(DOCUMENTS.c.number, DOCUMENTS.c.id).where(DOCUMENTS.c.kind == int(kind))
    asked = [query] if numbers is None else [query.where(DOCUMENTS.c.number.in_(some)) for some in parts(numbers)]
    return [(row.number, row.id) for one in asked for row in await tx.execute(one)]
