"""Values newer than their documents, by idShortPath; the element index shows them at once.

They stay here until the document is written next, which takes them in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.metamodel.kinds import ELEMENTS as KINDS
from lineshaft.twins.metamodel.kinds import PROPERTY

from .elements import number_of, text_of
from .repository_tables import DOCUMENTS, ELEMENTS, HOT
from .tables import parts

_PROPERTY = KINDS.index(PROPERTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A submodel as those who write its values need it."""

    number: int
    place: str
    version: int
    semantic: str = ""


async def targets(tx: Transaction, kind: int, ids: Iterable[str]) -> dict[str, Target]:
    """The submodels of these ids."""
    columns = (DOCUMENTS.c.id, DOCUMENTS.c.number, DOCUMENTS.c.place, DOCUMENTS.c.version, DOCUMENTS.c.semantic)
    found: dict[str, Target] = {}
    for some in parts(ids):
        query = sa.select(*columns).where(DOCUMENTS.c.kind == kind, DOCUMENTS.c.id.in_(some))
        for row in await tx.execute(query):
            found[row.id] = Target(number=row.number, place=row.place, version=row.version, semantic=row.semantic)
    return found


async def types(tx: Transaction, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], str | None]:
    """The value type of elements by (document, path): '' for untyped, None for what is no property."""
    columns = (ELEMENTS.c.document, ELEMENTS.c.path, ELEMENTS.c.model, ELEMENTS.c.value_type)
    found: dict[tuple[int, str], str | None] = {}
    for some in parts(wanted):
        query = sa.select(*columns).where(sa.tuple_(ELEMENTS.c.document, ELEMENTS.c.path).in_(some))
        for row in await tx.execute(query):
            found[row.document, row.path] = row.value_type if row.model == _PROPERTY else None
    return found


async def put(tx: Transaction, at_us: int, values: Mapping[tuple[int, str], tuple[str | None, str, int]]) -> None:
    """Keep values by (document, path), each with its type and line of the feed, and show them in the index."""
    await tx.many(_KEEP, [(document, path, value, at_us, seq) for (document, path), (value, _, seq) in values.items()])
    await tx.many(
        _SHOW,
        [(text_of(value), number_of(type_, value), *key) for key, (value, type_, _) in values.items()],
    )


_KEEP = """
    INSERT INTO twins_hot (document, path, value, at_us, seq) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (document, path) DO UPDATE SET value = excluded.value, at_us = excluded.at_us, seq = excluded.seq
"""
_SHOW = "UPDATE twins_elements SET text = ?, number = ? WHERE document = ? AND path = ?"


async def drop(tx: Transaction, number: int) -> None:
    """The document has taken its values in, or is gone."""
    await tx.execute(sa.delete(HOT).where(HOT.c.document == number))


def unpacked(gathered: Sequence[Sequence[Any]]) -> tuple[dict[str, str | None], int]:
    """Values by path, and the number of the newest line, of what a document's row brought along."""
    return {path: value for path, value, _ in gathered}, max((seq for _, _, seq in gathered), default=0)
