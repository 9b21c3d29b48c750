"""Registers many descriptors at once while nobody waits: all of them, or none and the reason.

Results are remembered in this process until an hour after they are known; a restart ends what runs, with nothing done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic

from lineshaft.kernel.errors import Invalid, PlatformError, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.log import get_log
from lineshaft.security import Who
from lineshaft.twins.errors import NoInvocation
from lineshaft.twins.model.repository import Json, Kind, Verb

from .repository import Repository

log = get_log("twins")
MOST = 10_000
"""Descriptors of one request."""
KEPT_S, MOST_KEPT = 3600.0, 100
"""How long a result is kept, and how many of one caller."""


class Bulk:
    """Requests about many descriptors."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._jobs: dict[str, tuple[str, asyncio.Task[PlatformError | None]]] = {}
        self._ended: dict[str, float] = {}

    async def start(self, who: Who, kind: Kind, verb: Verb, things: Sequence[Json]) -> str:
        """Begin; the handle asks for the result. Rights are checked for each document, and for having any before."""
        await self._repository.admit(who)
        if not 0 < len(things) <= MOST:
            raise Invalid(f"{len(things)} descriptors are not 1 to {MOST}.", hint="Send them in several requests.")
        self._tidy()
        self._make_room(who)
        handle = new_id()
        task = asyncio.create_task(self._run(who, kind, verb, things))
        self._jobs[handle] = (who.id, task)
        task.add_done_callback(lambda _: self._ended.setdefault(handle, monotonic()))
        return handle

    def done(self, who: Who, handle: str) -> bool:
        """Whether the result is known; NoInvocation for a handle that is not one of the caller's."""
        return self._find(who, handle).done()

    async def result(self, who: Who, handle: str) -> PlatformError | None:
        """What was wrong; None when all is done. Waits until it is known."""
        return await asyncio.shield(self._find(who, handle))

    async def close(self) -> None:
        """End what still runs; its transaction rolls back."""
        tasks = [task for _, task in self._jobs.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _find(self, who: Who, handle: str) -> asyncio.Task[PlatformError | None]:
        self._tidy()
        owner, task = self._jobs.get(handle, ("", None))
        if task is None or owner != who.id:
            raise NoInvocation(f"There is no bulk request {handle[:40]!r}.")
        return task

    async def _run(self, who: Who, kind: Kind, verb: Verb, things: Sequence[Json]) -> PlatformError | None:
        try:
            await self._repository.in_bulk(who, kind, verb, things)
        except PlatformError as error:
            return error
        except Exception as error:
            log.error("a bulk request failed", error=str(error), kind=type(error).__name__)
            return PlatformError("Something went wrong on our side.", hint="See the log.")
        return None

    def _make_room(self, who: Who) -> None:
        """Forget the caller's oldest result when there are many; nobody takes the room of others."""
        theirs = [handle for handle, (owner, _) in self._jobs.items() if owner == who.id]
        if len(theirs) < MOST_KEPT:
            return
        oldest = next((handle for handle in theirs if self._jobs[handle][1].done()), None)
        if oldest is None:
            raise Unavailable(f"{MOST_KEPT} bulk requests of yours are running.", hint="Try again later.")
        self._forget(oldest)

    def _forget(self, handle: str) -> None:
        self._ended.pop(handle, None)
        self._jobs.pop(handle, None)

    def _tidy(self) -> None:
        old = monotonic() - KEPT_S
        for handle in [handle for handle, ended in self._ended.items() if ended < old]:
            self._forget(handle)
