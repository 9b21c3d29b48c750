"""How far back the history of documents goes: what is older than the settings say is forgotten, and that is told."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from lineshaft.kernel.clock import from_us, now_us
from lineshaft.kernel.db import Transaction
from lineshaft.security import PLATFORM
from lineshaft.twins.errors import Behind, Forgotten
from lineshaft.twins.store import feed, retention
from lineshaft.twins.store.retention import Horizon

from .desk import Desk

PAUSE_S = 0.05
"""Between two transactions others may write."""
SHORTEN = "twins.history.shorten"


class Retention:
    """Shortens the feed, and refuses what it no longer tells."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def horizon(self) -> Horizon:
        """The last line that is no longer told, and the first moment that still is."""
        async with self._desk.db.read() as tx:
            return await retention.horizon(tx)

    async def shorten(self, keep: timedelta | None, most: int | None = None) -> Horizon:
        """Forget what is older than `keep`, and of the rest what is beyond the newest `most` lines.

        Readers are told before anything goes, so that nobody misses a line without knowing.
        """
        async with self._desk.writing(PLATFORM) as (tx, now):
            was, to = await retention.horizon(tx), await self._wanted(tx, keep, most)
            if to.seq <= was.seq:
                return was
            await retention.set_horizon(tx, to)
            before, after = {"line": was.seq}, {"line": to.seq, "from": from_us(to.at_us).isoformat()}
            subject = "history of documents"
            await self._desk.guard.record(now, SHORTEN, subject, before=before, after=after, path="", tx=tx)
        await self._clear(was.seq, to.seq)
        return to

    async def finish(self) -> None:
        """Take out what a shortening that was interrupted has left."""
        async with self._desk.db.read() as tx:
            to = await retention.horizon(tx)
        await self._clear(0, to.seq)

    async def _wanted(self, tx: Transaction, keep: timedelta | None, most: int | None) -> Horizon:
        seq, at_us = 0, 0
        if keep is not None:
            at_us = now_us() - keep // timedelta(microseconds=1)
            seq = await retention.before(tx, at_us)
        newest = await feed.last(tx)
        if most is not None and newest - seq > most:
            seq = newest - most
            at_us = await retention.moment_of(tx, seq)
        return Horizon(seq, at_us)

    async def _clear(self, after: int, until: int) -> None:
        while after < until:
            async with self._desk.writing(PLATFORM) as (tx, _):
                after = await retention.shorten(tx, after, until)
            await asyncio.sleep(PAUSE_S)


async def check_line(tx: Transaction, after: int) -> None:
    """Behind when lines after one number are no longer told."""
    kept = await retention.horizon(tx)
    if after < kept.seq:
        raise Behind(
            f"The feed begins after line {kept.seq} by now; line {after} is no longer kept.",
            hint=f"Read everything anew, then go on after line {kept.seq}.",
            after=kept.seq,
        )


async def check_moment(tx: Transaction, moment_us: int) -> None:
    """Forgotten for a moment before the horizon."""
    kept = await retention.horizon(tx)
    if moment_us < kept.at_us:
        raise Forgotten(f"History is kept from {_told(kept.at_us)} on; {_told(moment_us)} is before that.")


def _told(us: int) -> str:
    moment: datetime = from_us(us)
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
