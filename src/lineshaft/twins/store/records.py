"""Entries of life-cycle records: added at the end of their record, each fact once, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Any

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.errors import Scrapped
from lineshaft.twins.model.record import PART, Entry, Happening, Phase
from lineshaft.twins.model.repository import Kind

from .repository_tables import DOCUMENTS, ELEMENTS, RECORDS
from .tables import parts


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


_IN_USE = sa.exists().where(RECORDS.c.record == DOCUMENTS.c.id)
"""Not a record that came with its entries and is not continued yet."""
_SCRAPPED = sa.exists().where(
    ELEMENTS.c.document == DOCUMENTS.c.number, ELEMENTS.c.path == "Phase", ELEMENTS.c.text == Phase.SCRAPPED.value
)


async def scrapped(tx: Transaction, places: Iterable[str]) -> set[PlantPath]:
    """Those of these places, and of all above them, where something stands that was scrapped and not reinstated.

    A record stands right below its twin, under its own name: each place is looked up, however much was scrapped.
    """
    asked = {above for place in places for above in upwards(place)}
    found: set[PlantPath] = set()
    for some in parts(above.child(PART) for above in asked):
        here = (DOCUMENTS.c.place.in_(some), DOCUMENTS.c.kind == int(Kind.SUBMODEL))
        query = sa.select(DOCUMENTS.c.place).where(*here, _SCRAPPED, _IN_USE)
        found |= {PlantPath(one.removesuffix(f"/{PART}")) for one in (await tx.execute(query)).scalars()}
    return found


def check_alive(place: str, gone: Set[PlantPath]) -> None:
    """Scrapped when a place is among those that were, or below one."""
    found = next((one for one in upwards(place) if one in gone), None) if gone else None
    if found is not None:
        raise Scrapped(f"{found} was scrapped; nothing of it is changed any more.")


def upwards(place: str) -> Iterator[PlantPath]:
    """A place, and those it is within, the nearest first."""
    here: PlantPath | None = PlantPath(place)
    while here is not None:
        yield here
        here = here.parent


def _row(entry: Entry) -> dict[str, Any]:
    names = ("fact", "at_us", "by", "text", "party", "until_us", "was", "now")
    return {"kind": entry.kind.value, **{name: getattr(entry, name) for name in names}}


def _entry(row: Any) -> Entry:
    names = ("fact", "at_us", "by", "text", "party", "until_us", "was", "now")
    return Entry(kind=Happening(row["kind"]), **{name: row[name] for name in names})
