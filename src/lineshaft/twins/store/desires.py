"""Desires: one row for each series, found by what is due; claimed so that one worker at a time sends it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from lineshaft.kernel.db import METADATA, Transaction
from lineshaft.twins.model.desire import Desire, Stage

from .tables import PATH, parts, within

DESIRES = sa.Table(
    "twins_desires",
    METADATA,
    sa.Column("series", PATH, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("pending", sa.Boolean, nullable=False),
    sa.Column("due_us", sa.BigInteger, nullable=False),
    sa.Column("busy_until_us", sa.BigInteger, nullable=False),
    sa.Column("alarm_us", sa.BigInteger, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
    sa.Index("twins_desires_due", "pending", "due_us"),
)
_NEVER = 1 << 62


async def find_desires(tx: Transaction, series: Iterable[str]) -> dict[str, Desire]:
    """The desires of these series."""
    query = sa.select(DESIRES.c.series, DESIRES.c.document)
    rows = [row for some in parts(set(series)) for row in await tx.all(query.where(DESIRES.c.series.in_(some)))]
    return {row["series"]: _desire(row["document"]) for row in rows}


async def put_desire(tx: Transaction, desire: Desire, *, after: int) -> bool:
    """The new desire of a series in place of number `after`, 0 for none; False when that is another by now.

    A worker that sends the old one finishes first.
    """
    row = {
        "number": desire.number,
        "pending": desire.stage is Stage.PENDING,
        "due_us": desire.asked_us,
        "alarm_us": desire.alarm_us,
        "document": _packed(desire),
    }
    if after:
        old = sa.and_(DESIRES.c.series == desire.series, DESIRES.c.number == after)
        return bool((await tx.execute(sa.update(DESIRES).where(old).values(**row))).rowcount)
    insert = (postgresql if tx.dialect == "postgresql" else sqlite).insert(DESIRES)
    new = insert.values(series=str(desire.series), busy_until_us=0, **row).on_conflict_do_nothing()
    return bool((await tx.execute(new)).rowcount)


async def due_desires(tx: Transaction, now_us: int, limit: int) -> Sequence[Desire]:
    """What should be looked at now and nobody looks at, the longest waiting first."""
    free = sa.and_(DESIRES.c.pending, DESIRES.c.due_us <= now_us, DESIRES.c.busy_until_us <= now_us)
    query = sa.select(DESIRES.c.document).where(free).order_by(DESIRES.c.due_us).limit(limit)
    return [_desire(row["document"]) for row in await tx.all(query)]


async def next_due(tx: Transaction) -> int | None:
    """When something pending is due next that nobody looks at, or may be taken over from whoever did."""
    free_us = sa.case((DESIRES.c.busy_until_us > DESIRES.c.due_us, DESIRES.c.busy_until_us), else_=DESIRES.c.due_us)
    found = await tx.scalar(sa.select(sa.func.min(free_us)).where(DESIRES.c.pending))
    return None if found is None else int(found)


async def claim(tx: Transaction, desire: Desire, now_us: int, until_us: int) -> bool:
    """Take a desire to send; False when it is another by now, or somebody else was faster."""
    free = sa.and_(_is(desire), DESIRES.c.pending, DESIRES.c.busy_until_us <= now_us)
    taken = await tx.execute(sa.update(DESIRES).where(free).values(busy_until_us=until_us, document=_packed(desire)))
    return bool(taken.rowcount)


async def release(tx: Transaction, desire: Desire, due_us: int) -> bool:
    """Put back what was claimed, as it is now; False when a newer desire has taken its place meanwhile."""
    row = {"pending": desire.stage is Stage.PENDING, "due_us": due_us, "document": _packed(desire)}
    kept = await tx.execute(sa.update(DESIRES).where(_is(desire)).values(busy_until_us=0, **row))
    if not kept.rowcount:
        await tx.execute(sa.update(DESIRES).where(DESIRES.c.series == desire.series).values(busy_until_us=0))
    return bool(kept.rowcount)


async def overdue_desires(tx: Transaction, now_us: int) -> Sequence[Desire]:
    """Pending ones whose acknowledgement is late and has not been missed yet."""
    late = sa.and_(DESIRES.c.pending, DESIRES.c.alarm_us <= now_us)
    return [_desire(row["document"]) for row in await tx.all(sa.select(DESIRES.c.document).where(late))]


async def mark_overdue(tx: Transaction, desire: Desire) -> bool:
    """Remember that it was told; False when somebody else did."""
    fresh = sa.and_(_is(desire), DESIRES.c.pending, DESIRES.c.alarm_us < _NEVER)
    return bool((await tx.execute(sa.update(DESIRES).where(fresh).values(alarm_us=_NEVER))).rowcount)


async def hurry(tx: Transaction, place: str, now_us: int) -> None:
    """Look at once at what is pending below a place."""
    waiting = sa.and_(DESIRES.c.pending, within(DESIRES.c.series, place), DESIRES.c.due_us > now_us)
    await tx.execute(sa.update(DESIRES).where(waiting).values(due_us=now_us))


def _is(desire: Desire) -> sa.ColumnElement[bool]:
    return sa.and_(DESIRES.c.series == desire.series, DESIRES.c.number == desire.number)


def _packed(desire: Desire) -> bytes:
    return msgspec.json.encode(desire, enc_hook=str)


def _desire(document: bytes) -> Desire:
    return msgspec.json.decode(document, type=Desire, dec_hook=lambda wanted, value: wanted(value))
