"""What every machine says now: newest values, and changes as they come.

A watcher holds no queue. It remembers up to which tick of the board it has told, and takes whatever
is newest when it is ready again: a slow screen skips values, holds nobody up and costs no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from lineshaft.edge import SAMPLES_SUBJECT, SampleBatch, read_columns
from lineshaft.kernel.bus import Bus, Message
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.log import get_log
from lineshaft.security import Guard, Role, Who
from lineshaft.telemetry.model import Latest, Newest, Selection

from .access import Scope, scope_of
from .board import Board

log = get_log("telemetry")
CHECK_EVERY_S = 5.0
"""How often a watcher's rights are looked up again."""
IDLE_S = 0.01
"""Pause after changes that did not concern a watcher, so that a busy plant does not wake it for each."""


class Live:
    """Newest values of the whole plant, from the bus.

    `await live.run()` keeps it fed (a worker); the other methods answer from memory, at once.
    `recent` returns newest values from the store, so that a restarted process knows the plant
    before the machines speak again.
    """

    def __init__(
        self,
        bus: Bus,
        guard: Guard,
        *,
        recent: Callable[[], AsyncIterator[SampleBatch]] | None = None,
        most_series: int = 1_000_000,
    ) -> None:
        self._bus = bus
        self._guard = guard
        self._recent = recent
        self._board = Board(most_series=most_series)
        self._changed = asyncio.Event()
        self.listening = asyncio.Event()
        """Set while batches arrive."""

    async def run(self) -> None:
        """Listen to every batch on the bus until cancelled."""
        subscription = await self._bus.listen(f"{SAMPLES_SUBJECT}.>", self._on_batch)
        self.listening.set()
        try:
            await self._warm()
            await asyncio.Event().wait()
        finally:
            self.listening.clear()
            with suppress(Exception):
                await subscription.unsubscribe()

    async def latest(self, who: Who, selection: Selection) -> list[Latest]:
        """Newest values of a selection, ordered by path; series that never spoke are left out.

        Raises Forbidden when a named path lies outside what `who` may see.
        """
        view = await self._view(who, selection)
        return sorted(self._board.show(view.slots()), key=lambda latest: latest.path)

    async def newest(self, who: Who, paths: Sequence[str]) -> Newest:
        """Newest values of any number of series in columns, in the order of `paths`; Forbidden as `latest`."""
        if "" not in (await self._guard.current(who)).sees():
            for path in dict.fromkeys(paths):
                await self._guard.require(who, Role.VIEWER, path, "telemetry.live")
        return self._board.newest(paths)

    async def watch(self, who: Who, selection: Selection, *, coalesce_s: float = 0.05) -> AsyncIterator[list[Latest]]:
        """Yield the newest values of a selection, then for ever what changed, at most every `coalesce_s`.

        The first change after a quiet moment comes at once. Each list has a series at most once, with
        its newest value. Series that appear later below a watched subtree are included. Raises SessionEnded
        or Forbidden within seconds when `who` may look no longer.
        """
        loop = asyncio.get_running_loop()
        view, seen = await self._view(who, selection), 0
        checked = loop.time()
        while True:
            fresh, seen = self._board.changed(view.slots(), seen), self._board.tick
            if len(fresh):
                yield self._board.show(fresh)
            await asyncio.sleep(coalesce_s if len(fresh) else IDLE_S)
            if self._board.tick == seen:
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_EVERY_S):
                        await self._changed.wait()
            if loop.time() - checked >= CHECK_EVERY_S:
                checked = loop.time()
                now = await self._guard.current(who)
                if now.grants != who.grants:
                    who, view = now, await self._view(now, selection)

    async def _view(self, who: Who, selection: Selection) -> _View:
        return _View(self._board, await scope_of(self._guard, who, selection, "telemetry.live"))

    async def _on_batch(self, message: Message) -> None:
        try:
            news = self._board.put(read_columns(message.data))
        except PlatformError as error:
            log.warning("a batch on the bus cannot be shown", subject=message.subject, error=str(error))
            return
        if news:
            self._changed.set()

    async def _warm(self) -> None:
        """Show what the store knows, until the machines speak; without a store they have to."""
        if self._recent is None:
            return
        try:
            async for batch in self._recent():
                self._board.put(batch.to_arrow())
                self._changed.set()
        except PlatformError as error:
            log.warning("newest values could not be looked up", why=str(error))


class _View:
    """The slots of one selection; grows as series appear."""

    def __init__(self, board: Board, scope: Scope) -> None:
        self._board = board
        self._scope = scope
        self._looked = 0
        self._slots: NDArray[np.int32] = np.empty(0, dtype=np.int32)

    def slots(self) -> NDArray[np.int32]:
        known = len(self._board)
        if known > self._looked:
            self._slots = np.union1d(self._slots, self._find(self._looked, known)).astype(np.int32)
            self._looked = known
        return self._slots

    def _find(self, first: int, last: int) -> NDArray[np.int32]:
        named = self._board.slots_of(self._scope.paths)
        room = self._scope.limit - len(self._slots) + len(named)
        if not self._scope.trees:
            return named
        found = (slot for slot in range(first, last) if self._scope.admits(self._board.paths[slot]))
        taken = [slot for slot, _ in zip(found, range(max(room, 0)), strict=False)]
        return np.concatenate([named, np.array(taken, dtype=np.int32)])
