"""Series that were heard of, those without a place, and the types of organisations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.kernel.terms import Kind, PlantPath
from lineshaft.twins.model import AssetType, Found

from .tables import BINDINGS, SERIES, TYPES, Row, any_within, packed, parts, unpacked, within


async def types(tx: Transaction, organisation: str) -> dict[str, AssetType]:
    """An organisation's own types by name."""
    rows = await tx.all(sa.select(TYPES).where(TYPES.c.organisation == organisation).order_by(TYPES.c.name))
    return {row["name"]: unpacked(row["document"], AssetType) for row in rows}


async def put_type(tx: Transaction, organisation: str, kind: AssetType) -> None:
    await drop_type(tx, organisation, kind.name)
    row = {"organisation": organisation, "name": kind.name, "version": kind.version, "document": packed(kind)}
    await tx.execute(sa.insert(TYPES).values(**row))


async def drop_type(tx: Transaction, organisation: str, name: str) -> None:
    await tx.execute(sa.delete(TYPES).where(TYPES.c.organisation == organisation, TYPES.c.name == name))


async def note_series(tx: Transaction, found: Iterable[Found]) -> list[Found]:
    """Remember series; returns those that are new here."""
    by_path = {str(one.path): one for one in found}
    for part in parts(by_path):
        for row in await tx.all(sa.select(SERIES.c.path).where(SERIES.c.path.in_(part))):
            del by_path[row["path"]]
    rows = [
        {"path": path, "kind": one.kind.value if one.kind else "", "unit": one.unit[:32], "declined": False}
        for path, one in by_path.items()
    ]
    if rows:
        await tx.execute(sa.insert(SERIES), rows)
    return list(by_path.values())


async def learn_units(tx: Transaction, units: Mapping[str, str]) -> None:
    """Remember the units of series that were heard of."""
    for path, unit in units.items():
        await tx.execute(sa.update(SERIES).where(SERIES.c.path == path).values(unit=unit[:32]))


async def unplaced(
    tx: Transaction, *, sees: Sequence[str], under: str = "", after: str = "", declined: bool | None = None, limit: int
) -> list[Found]:
    """Series that no twin reads, by path."""
    placed = sa.select(BINDINGS.c.series).where(BINDINGS.c.series == SERIES.c.path)
    query = sa.select(SERIES).where(
        SERIES.c.path > after, within(SERIES.c.path, under), any_within(sees, SERIES.c.path), ~placed.exists()
    )
    if declined is not None:
        query = query.where(SERIES.c.declined == declined)
    return [_found(row) for row in await tx.all(query.order_by(SERIES.c.path).limit(limit))]


async def find_series(tx: Transaction, paths: Iterable[str]) -> list[Found]:
    """What is known of these series."""
    rows = [r for part in parts(set(paths)) for r in await tx.all(sa.select(SERIES).where(SERIES.c.path.in_(part)))]
    return [_found(row) for row in rows]


async def decline(tx: Transaction, paths: Iterable[str], *, declined: bool = True) -> None:
    """Do not give these series a place without asking."""
    for part in parts(set(paths)):
        await tx.execute(sa.update(SERIES).where(SERIES.c.path.in_(part)).values(declined=declined))


def _found(row: Row) -> Found:
    return Found(path=PlantPath(row["path"]), kind=Kind(row["kind"]) if row["kind"] else None, unit=row["unit"])
