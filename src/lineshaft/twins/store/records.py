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
from lineshaft.twins.model.shell import made_for, shell_id

from .repository_tables import DOCUMENTS, ELEMENTS, RECORDS
from .tables import NODES, parts


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
    """Those of these places, and of all above them, whose thing was scrapped and not reinstated.

    A record stands right below its twin, under its own name: each place is looked up, however much was scrapped.
    """
    asked = {above for place in places for above in upwards(place)}
    found: list[tuple[PlantPath, str]] = []
    for some in parts(above.child(PART) for above in asked):
        here = (DOCUMENTS.c.place.in_(some), DOCUMENTS.c.kind == int(Kind.SUBMODEL))
        query = sa.select(DOCUMENTS.c.place, DOCUMENTS.c.id).where(*here, _SCRAPPED, _IN_USE)
        found += [(PlantPath(row.place.removesuffix(f"/{PART}")), row.id) for row in await tx.execute(query)]
    return {place for place, record in found if await _of_the_place(tx, place, record)}


async def _of_the_place(tx: Transaction, place: PlantPath, record: str) -> bool:
    """Whether a record tells of what stands at a place, and not of one of several things that were put there.

    That is the plant's own twin or, where it has none, the only shell. What is put at the organisation never is it.
    """
    if place.parent is None:
        return False
    node: str | None = await tx.scalar(sa.select(NODES.c.id).where(NODES.c.path == str(place)))
    if node is not None:
        return record == made_for(shell_id(node), PART)
    here = (DOCUMENTS.c.place == str(place), DOCUMENTS.c.kind == int(Kind.SHELL))
    shells = (await tx.execute(sa.select(DOCUMENTS.c.id).where(*here).limit(2))).scalars().all()
    return [made_for(shell, PART) for shell in shells] == [record]


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
