"""Entries of life-cycle records: added at the end of their record, each fact once, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.model.record import Entry, Happening

from .repository_tables import DOCUMENTS, RECORDS
from .tables import parts

_ENDS = sa.text(f"kind IN ('{Happening.SCRAPPED}', '{Happening.REINSTATED}')")
"""Word for word what the index of ends is made with: SQLite uses it for nothing else."""


async def known(tx: Transaction, record: str, facts: Sequence[str]) -> set[str]:
    """Those of these facts that a record has told already."""
    found: set[str] = set()
    for some in parts(facts):
        query = sa.select(RECORDS.c.fact).where(RECORDS.c.record == record, RECORDS.c.fact.in_(some))
        found |= set((await tx.execute(query)).scalars())
    return found


async def add(tx: Transaction, record: str, first: int, entries: Sequence[Entry]) -> None:
    """Write entries at the end of a record; `first` is the number of the first, counted from 0."""
    await tx.execute(
        sa.insert(RECORDS), [{"record": record, "number": n, **_row(e)} for n, e in enumerate(entries, first)]
    )


async def find(tx: Transaction, record: str, fact: str) -> Entry:
    """What a record tells of a fact that is known."""
    (row,) = await tx.all(sa.select(RECORDS).where(RECORDS.c.record == record, RECORDS.c.fact == fact))
    return _entry(row)


async def page(tx: Transaction, record: str, *, before: int, limit: int | None) -> list[Entry]:
    """Entries with numbers below `before`, the newest first."""
    query = sa.select(RECORDS).where(RECORDS.c.record == record, RECORDS.c.number < before)
    return [_entry(row) for row in await tx.all(query.order_by(RECORDS.c.number.desc()).limit(limit))]


async def scrapped(tx: Transaction) -> list[PlantPath]:
    """Where everything stands that was scrapped and not reinstated."""
    ends = sa.select(RECORDS.c.record, sa.func.max(RECORDS.c.number).label("last"))
    last = ends.where(_ENDS).group_by(RECORDS.c.record).subquery()
    gone = sa.and_(RECORDS.c.record == last.c.record, RECORDS.c.number == last.c.last)
    query = sa.select(DOCUMENTS.c.place).select_from(
        last.join(RECORDS, gone).join(DOCUMENTS, sa.and_(DOCUMENTS.c.id == last.c.record, DOCUMENTS.c.kind == 1))
    )
    places = (await tx.execute(query.where(RECORDS.c.kind == Happening.SCRAPPED.value))).scalars()
    return [place for one in places if (place := PlantPath(one).parent) is not None]


def _row(entry: Entry) -> dict[str, Any]:
    names = ("fact", "at_us", "by", "text", "party", "until_us", "was", "now")
    return {"kind": entry.kind.value, **{name: getattr(entry, name) for name in names}}


def _entry(row: Any) -> Entry:
    names = ("fact", "at_us", "by", "text", "party", "until_us", "was", "now")
    return Entry(kind=Happening(row["kind"]), **{name: row[name] for name in names})
