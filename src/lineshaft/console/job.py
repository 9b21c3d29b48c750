"""Long work behind a button: it says how far it is, and can be given up.

async def simulate(tell: Tell) -> None:
    show(await scenarios.run(view.who, model, span, altered, progress=tell))

job(view.text("Run"), simulate, symbol="play_arrow")
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from .actions import button
from .display import progress
from .layout import element, row
from .view import here, text

Tell: TypeAlias = Callable[[float | None], None]
"""Told how far work is, 0 to 1; None when nobody knows."""


class Job:
    """Work that is begun by its button, once at a time."""

    def __init__(self, label: str, work: Callable[[Tell], Awaitable[object]], symbol: str) -> None:
        self._view = here()
        self._work = work
        self._task: asyncio.Task[Any] | None = None
        with element("div", "ls-stack", "ls-tight"):
            with row():
                self._start = button(label, self.begin, kind="primary", symbol=symbol)
                self._stop = button(text("Cancel"), self.cancel, kind="quiet")
            self._bar = progress(None, text("Working …"))
        self._show(running=False)

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._task is not None

    def begin(self) -> None:
        """Begin, unless it is at work already."""
        if self._task is None:
            self._tell(None)
            self._show(running=True)
            self._task = self._view.soon(self._run)

    def cancel(self) -> None:
        """Give the work up; what it had done so far is its own affair."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._work(self._tell)
        finally:
            self._task = None
            self._show(running=False)

    def _tell(self, share: float | None) -> None:
        self._bar.set(share, self._view.text("Working …") if share is None else f"{share:.0%}")

    def _show(self, *, running: bool) -> None:
        if not self._start.is_deleted:
            self._start.set_visibility(not running)
            self._stop.set_visibility(running)
            self._bar.set_visibility(running)


def job(label: str, work: Callable[[Tell], Awaitable[object]], *, symbol: str = "") -> Job:
    """A button for long work with a bar and a way to give it up; see the module."""
    return Job(label, work, symbol)
