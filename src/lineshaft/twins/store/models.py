"""Mechanism models that twins carry, and the FMU files behind some of them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from lineshaft.kernel.db import METADATA, Transaction
from lineshaft.twins.model.simulation import Model

from .repository_tables import CONTENTS
from .tables import PATH, any_within, packed, unpacked

MODELS = sa.Table(
    "twins_models",
    METADATA,
    sa.Column("path", PATH, primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
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
    await tx.execute(sa.insert(MODELS).values(**row))


async def drop_model(tx: Transaction, path: str, name: str) -> None:
    await tx.execute(sa.delete(MODELS).where(MODELS.c.path == path, MODELS.c.name == name))


async def keep_content(tx: Transaction, digest: str, content: bytes) -> None:
    """Keep a file under its digest; the same file is kept once."""
    if await find_content(tx, digest) is None:
        await tx.execute(sa.insert(CONTENTS).values(digest=digest, content=content))


async def find_content(tx: Transaction, digest: str) -> bytes | None:
    found = await tx.scalar(sa.select(CONTENTS.c.content).where(CONTENTS.c.digest == digest))
    return None if found is None else bytes(found)
