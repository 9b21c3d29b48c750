"""Files of mechanism models and drawings of process pictures, each kept once by its SHA-256.

Apart from attachments, which go when the last document that has them goes: models, kept runs and editions of pictures
name theirs, and what none of them names goes a while after somebody last had it in hand (`collecting`).
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import METADATA, Transaction

CONTENTS = sa.Table(
    "twins_model_contents",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
UPLOADS = sa.Table(
    "twins_uploads",
    METADATA,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("at_us", sa.BigInteger, nullable=False, index=True),
)
"""When a file was last brought, or let go by something that named it."""
_LOCK = 0x46494C45  # any number nobody else takes


async def hold(tx: Transaction) -> None:
    """Queue with others who look whether a file is here and name it, and with what takes out those nobody names."""
    if tx.dialect == "postgresql":
        await tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


async def keep_content(tx: Transaction, digest: str, content: bytes) -> None:
    """Keep a file under its digest; the same file is kept once."""
    await hold(tx)
    await tx.execute(unless_there(tx, CONTENTS).values(digest=digest, content=content))
    await in_hand(tx, [digest])


async def in_hand(tx: Transaction, digests: Iterable[str]) -> None:
    """Somebody has these files in hand now, and may name them a while later."""
    at_us = now_us()
    for digest in filter(None, digests):
        await tx.execute(sa.delete(UPLOADS).where(UPLOADS.c.digest == digest))
        await tx.execute(sa.insert(UPLOADS).values(digest=digest, at_us=at_us))


async def find_content(tx: Transaction, digest: str) -> bytes | None:
    found = await tx.scalar(sa.select(CONTENTS.c.content).where(CONTENTS.c.digest == digest))
    return None if found is None else bytes(found)


async def stands(tx: Transaction, digest: str) -> bool:
    """Whether a file is here; it stays at least until this transaction ends."""
    await hold(tx)
    return await tx.scalar(sa.select(CONTENTS.c.digest).where(CONTENTS.c.digest == digest)) is not None


def unless_there(tx: Transaction, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Writes a row unless it is there, which on PostgreSQL another transaction may have done meanwhile."""
    if tx.dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
