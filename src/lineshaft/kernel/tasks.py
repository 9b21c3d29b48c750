"""Work that runs by itself: kept alive, restarted with back-off, stopped in order.

    async with Crew() as crew:
        crew.keep("historian", historian.run)      # restarted when it raises
        crew.every("sweep", timedelta(minutes=1), sweep)

Leaving the block cancels everything and waits. Nothing else in the platform creates bare tasks.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from .log import get_log

log = get_log("kernel")
T = TypeVar("T")
P = ParamSpec("P")


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread, so that the loop goes on."""
    return await asyncio.to_thread(call, *args, **kwargs)


class Threads:
    """A few threads of its own for one kind of blocking work, so that it neither starves nor is starved."""

    def __init__(self, name: str, most: int) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name)

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in one of them; waits its turn."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(call, *args, **kwargs))


def backoff(attempt: int, *, first_s: float = 0.2, most_s: float = 30.0) -> float:
    """Seconds to wait before a retry: doubles each time, half of it random, so that nobody marches in step."""
    ceiling: float = min(most_s, first_s * 2 ** min(attempt, 16))
    return ceiling / 2 + random.random() * ceiling / 2


class Crew:
    """A task group whose members are restarted when they fail."""

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self, *, within_s: float = 10.0) -> None:
        """Cancel everybody and wait until they are gone."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                log.warning("a task did not stop in time", task=task.get_name())

    def start(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[None]:
        """Run something once; a failure is logged."""
        return self._add(name, self._once(name, work))

    def keep(self, name: str, work: Callable[[], Awaitable[object]], *, most_s: float = 30.0) -> asyncio.Task[None]:
        """Run something for ever; when it fails it is started again after a growing pause."""
        return self._add(name, self._forever(name, work, most_s))

    def every(self, name: str, span: timedelta, work: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
        """Run something on a drift-free beat; a slow run makes the next ones wait, never pile up."""
        return self._add(name, self._beat(name, span.total_seconds(), work))

    def _add(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _once(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except Exception as error:
            log.error("a task failed", task=name, error=str(error), kind=type(error).__name__)

    async def _forever(self, name: str, work: Callable[[], Awaitable[object]], most_s: float) -> None:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            began = loop.time()
            try:
                await work()
                return
            except Exception as error:
                attempt = 0 if loop.time() - began > 60 else attempt + 1
                pause = backoff(attempt, most_s=most_s)
                log.error(
                    "a task failed and starts again",
                    task=name,
                    error=str(error),
                    kind=type(error).__name__,
                    pause_s=round(pause, 2),
                )
                await asyncio.sleep(pause)

    async def _beat(self, name: str, span_s: float, work: Callable[[], Awaitable[object]]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        failing = False
        while True:
            try:
                await work()
                failing = False
            except Exception as error:
                if not failing:
                    log.error("a beat failed", task=name, error=str(error), kind=type(error).__name__)
                failing = True
            due = max(due + span_s, loop.time())
            await asyncio.sleep(due - loop.time())
