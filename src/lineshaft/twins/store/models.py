"""Mechanism models that twins carry, and the FMU files behind some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from lineshaft.kernel.db import METADATA, Transaction
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.model.simulation import Fault, Model

from .contents import in_hand
from .tables import PATH, any_within, packed, parts, unpacked

MODELS = sa.Table(
    "twins_models",
    METADATA,
    sa.Column("path", PATH, primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Column("file", sa.String(64), nullable=False, index=True),
)
"""`file` is the digest of the FMU, '' for a mechanism of the shelf."""
FAULTS = sa.Table(
    "twins_model_faults",
    METADATA,
    sa.Column("path", PATH, primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("since_us", sa.BigInteger, nullable=False),
    sa.Column("over_us", sa.BigInteger, nullable=False),
)


async def models(tx: Transaction, *, sees: Sequence[str], path: str = "") -> list[Model]:
    """The models of one twin, or of all that may be seen, by path and name."""
    query = sa.select(MODELS.c.document).where(any_within(sees, MODELS.c.path)).order_by(MODELS.c.path, MODELS.c.name)
    if path:
        query = query.where(MODELS.c.path == path)
    return [unpacked(row["document"], Model) for row in await tx.all(query)]


async def find_model(tx: Transaction, path: str, name: str) -> Model | None:
    row = await tx.first(sa.select(MODELS.c.document).where(MODELS.c.path == path, MODELS.c.name == name))
    return unpacked(row["document"], Model) if row else None


async def put_model(tx: Transaction, model: Model) -> None:
    await drop_model(tx, model.path, model.name)
    row = {"path": str(model.path), "name": model.name, "version": model.version, "document": packed(model)}
    await tx.execute(sa.insert(MODELS).values(**row, file=model.file))


async def drop_model(tx: Transaction, path: str, name: str) -> None:
    mine = sa.delete(MODELS).where(MODELS.c.path == path, MODELS.c.name == name)
    await in_hand(tx, (await tx.execute(mine.returning(MODELS.c.file))).scalars())


async def carry_models(tx: Transaction, moves: Mapping[str, PlantPath]) -> None:
    """Models, and what is known of their faults, go with twins that now stand elsewhere.

    What stood at such a place for a twin that was retired gives way.
    """
    for table in (MODELS, FAULTS):
        rows = [
            dict(row) for part in parts(moves) for row in await tx.all(sa.select(table).where(table.c.path.in_(part)))
        ]
        for part in parts({*moves, *moves.values()} if rows else ()):
            if table is MODELS:
                await in_hand(tx, (await tx.execute(sa.select(MODELS.c.file).where(MODELS.c.path.in_(part)))).scalars())
            await tx.execute(sa.delete(table).where(table.c.path.in_(part)))
        if rows:
            await tx.execute(sa.insert(table), [_carried(row, moves[row["path"]]) for row in rows])


def _carried(row: dict[str, Any], path: PlantPath) -> dict[str, Any]:
    document = {} if "document" not in row else {"document": packed(unpacked(row["document"], Model).moved(path))}
    return {**row, "path": str(path), **document}


async def faults(tx: Transaction, path: str = "") -> dict[tuple[str, str], Fault]:
    """The last fault of each model of a twin, or of all, by path and name."""
    query = sa.select(FAULTS) if not path else sa.select(FAULTS).where(FAULTS.c.path == path)
    return {(row["path"], row["name"]): _fault(row) for row in await tx.all(query)}


def _fault(row: sa.RowMapping) -> Fault:
    return Fault(message=row["message"], since_us=row["since_us"], over_us=row["over_us"])


async def put_fault(tx: Transaction, path: str, name: str, fault: Fault) -> None:
    """Remember a fault instead of the one before."""
    await forget_fault(tx, path, name)
    row = {"path": path, "name": name, "message": fault.message}
    await tx.execute(sa.insert(FAULTS).values(**row, since_us=fault.since_us, over_us=fault.over_us))


async def end_fault(tx: Transaction, path: str, name: str, over_us: int) -> None:
    """A fault that goes on is over."""
    mine = (FAULTS.c.path == path, FAULTS.c.name == name, FAULTS.c.over_us == 0)
    await tx.execute(sa.update(FAULTS).where(*mine).values(over_us=over_us))


async def forget_fault(tx: Transaction, path: str, name: str) -> None:
    await tx.execute(sa.delete(FAULTS).where(FAULTS.c.path == path, FAULTS.c.name == name))
