"""What is forgotten: history of documents older than the settings say, and files that nothing refers to any more."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from lineshaft.kernel.clock import from_us, now_us
from lineshaft.kernel.db import Transaction
from lineshaft.security import PLATFORM
from lineshaft.twins import store
from lineshaft.twins.errors import Behind, Forgotten
from lineshaft.twins.store import feed, retention
from lineshaft.twins.store.retention import Horizon

from .desk import Desk

PAUSE_S = 0.05
"""Between two transactions others may write."""
SHORTEN = "twins.history.shorten"
COLLECT = "twins.files.collect"
UNUSED = timedelta(days=1)
"""So long a file is kept that nothing refers to."""
AT_ONCE = 20
"""Files taken out in one transaction; they may be big."""


class Retention:
    """Shortens the feed and refuses what it no longer tells; collects files that nobody needs."""

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

    async def collect(self, unused: timedelta = UNUSED) -> int:
        """Take out files of models and pictures, and 3D models, that nothing refers to any more; how many.

        A file stays for a while after it was brought or let go, as whoever brought it may be about to name it.
        """
        count, before_us = 0, now_us() - unused // timedelta(microseconds=1)
        while True:
            async with self._desk.db.begin() as tx:
                gone = await store.collect(tx, before_us, AT_ONCE)
                if gone:
                    told = {"files": gone}
                    await self._desk.guard.record(PLATFORM, COLLECT, "unused files", before=told, path="", tx=tx)
            count += len(gone)
            if not gone:
                return count
            await asyncio.sleep(PAUSE_S)

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
