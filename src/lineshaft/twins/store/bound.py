"""Elements that read a series: their values are in no table, so questions find them here and ask for them live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.metamodel.kinds import PROPERTY, Json
from lineshaft.twins.metamodel.references import semantic
from lineshaft.twins.model.shell import SERIES

from .elements import PATH_MOST, SEMANTIC_MOST, walked
from .repository_tables import BOUND
from .tables import parts

MARK = b'"series"'
"""In the body of every document of which an element may name a series."""


class Bound(NamedTuple):
    """An element that names a series; `shape` as in the element index."""

    path: str
    shape: str
    id_short: str
    semantic: str
    value_type: str
    series: str


class Standing(NamedTuple):
    """The same, with the number of its document."""

    document: int
    path: str
    shape: str
    id_short: str
    semantic: str
    value_type: str
    series: str


def bound_of(submodel: Json) -> list[Bound]:
    """The properties of a submodel that name a series in their extension."""
    found: dict[str, Bound] = {}
    for path, shape, element in walked(submodel):
        series = _series(element) if element.get("modelType") == PROPERTY else ""
        if series and path not in found and len(path) <= PATH_MOST:
            meaning = semantic(element.get("semanticId"))[:SEMANTIC_MOST]
            name, kind = str(element.get("idShort") or "")[:128], str(element.get("valueType") or "")[:24]
            found[path] = Bound(path, shape, name, meaning, kind, series)
    return list(found.values())


def _series(element: Json) -> str:
    extensions = element.get("extensions") or ()
    return next((str(one["value"]) for one in extensions if one.get("name") == SERIES and one.get("value")), "")


async def add(tx: Transaction, rows: Iterable[tuple[int, Bound]]) -> None:
    """Note the bound elements of documents, each with the number of its document."""
    some = [(number, *row) for number, row in rows]
    if some:
        await tx.insert(BOUND, Standing._fields, some)


async def drop(tx: Transaction, number: int) -> None:
    """Forget those of a document."""
    await tx.execute(sa.delete(BOUND).where(BOUND.c.document == number))


async def of_documents(tx: Transaction, numbers: list[int] | None = None) -> list[Standing]:
    """The bound elements of some documents, or of all."""
    query = sa.select(*(BOUND.c[name] for name in Standing._fields))
    asked = [query] if numbers is None else [query.where(BOUND.c.document.in_(some)) for some in parts(numbers)]
    return [Standing._make(row) for one in asked for row in (await tx.execute(one)).all()]
