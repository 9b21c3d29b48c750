"""Keeps what is in memory right: asks the feed what has changed, in this process or another.

One question serves everybody who asked before it began, so a thousand readers cost what one costs, and each
sees whatever was committed before they asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic

from lineshaft.kernel.db import Database
from lineshaft.twins.store import feed
from lineshaft.twins.store.feed import Touched

LINES = 5_000
"""Lines of the feed read at once; when there are more, it is cheaper to forget everything."""

LONG_S = 1_800.0
"""Who has not looked for so long forgets everything: lines may have left the feed meanwhile (at least an hour old)."""


class Watch:
    """Calls `heard` with the new lines of the feed, or with None when everything may have changed."""

    def __init__(self, db: Database, heard: Callable[[Sequence[Touched] | None], None], *, values: bool = True) -> None:
        self._db = db
        self._heard = heard
        self._values = values
        self._seq = -1
        self._stamp: int | None = None
        self._looked = monotonic()
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Return once a look that began after this call has ended; at once when nobody has committed anything."""
        if self._stamp is not None and self._stamp == self._db.stamp():
            return
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
        await asyncio.shield(self._next)

    async def _after(self, running: asyncio.Task[None] | None) -> None:
        if running is not None and not running.done():
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        stamp = self._db.stamp()
        async with self._db.read() as tx:
            current = self._seq >= 0 and monotonic() - self._looked < LONG_S
            lines = await feed.touched(tx, self._seq, LINES, values=self._values) if current else []
            newest = await feed.last(tx) if not current or len(lines) == LINES else None
        if newest is not None:
            self._heard(None)
            self._seq = newest
        elif lines:
            self._heard(lines)
            self._seq = lines[-1].seq
        self._stamp, self._looked = stamp, monotonic()
