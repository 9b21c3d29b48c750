"""Carries facts from the catalogue to the bus, and from the bus to those who listen.

A fact is written in the transaction that made it true; the relay publishes it afterwards and deletes
it once the bus has it on disk. A crash in between publishes it again under the same id, which the
stream drops within its window; handlers are idempotent for everything later.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from .bus import Bus, StreamSpec
from .db import OUTBOX, Database
from .facts import PREFIX, Fact, subject_of
from .log import get_log
from .wire import decode

log = get_log("kernel")
F = TypeVar("F", bound=Fact)
FACTS = StreamSpec(
    name="FACTS",
    subjects=(f"{PREFIX}.>",),
    max_bytes=1 << 30,
    max_age_s=7 * 86_400,
    keep_newest=True,
    duplicate_window_s=600,
)


async def relay(db: Database, bus: Bus) -> None:
    """Publish what the outbox holds, for ever; woken by commits, and every second for those of other processes."""
    while True:
        db.outbox_filled.clear()
        async with db.read() as tx:
            rows = await tx.all(sa.select(OUTBOX).order_by(OUTBOX.c.id).limit(200))
        for row in rows:
            await bus.publish(row["subject"], row["body"], msg_id=row["id"])
        if rows:
            async with db.begin() as tx:
                await tx.execute(sa.delete(OUTBOX).where(OUTBOX.c.id.in_([r["id"] for r in rows])))
            continue
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(db.outbox_filled.wait(), 1.0)


async def on_fact(bus: Bus, kind: type[F], durable: str, handler: Callable[[F], Awaitable[None]]) -> None:
    """Call `handler` for every fact of a kind, at least once, for ever; `durable` names who listens.

    Several processes that listen with one name share the work. Facts come in order, but one whose handler
    raised comes again half a minute later; one that cannot be read is skipped with a log line.
    """
    name = f"{durable}-{subject_of(kind).removeprefix(PREFIX + '.').replace('.', '-')}"
    async for batch in bus.consume(FACTS.name, name, subjects=[subject_of(kind)], most=100, linger_s=1.0):
        for message in batch:
            try:
                fact = decode(message.data, kind)
            except msgspec.DecodeError as error:
                log.error("a fact cannot be read", subject=message.subject, error=str(error))
                continue
            await handler(fact)
