"""Forgets the history of documents that is older than the settings say, and files that nothing refers to."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.log import get_log
from lineshaft.twins.service import Repository
from lineshaft.twins.settings import HistorySettings

log = get_log("twins")
EVERY_S = 600.0


class Shortener:
    """Looks every ten minutes."""

    def __init__(self, repository: Repository, settings: HistorySettings) -> None:
        self._retention = repository.retention
        self._settings = settings

    async def run(self) -> None:
        """Finish what was interrupted, then forget what is due, for ever."""
        await self._retention.finish()
        while True:
            await self.beat()
            await asyncio.sleep(EVERY_S)

    async def beat(self) -> None:
        """Forget what is due."""
        days, most = self._settings.days, self._settings.most_lines
        try:
            await self._retention.shorten(timedelta(days=days) if days else None, most or None)
        except PlatformError as error:
            log.error("the history of documents could not be shortened", why=error.message)
        try:
            await self._retention.collect()
        except PlatformError as error:
            log.error("files that nothing refers to could not be taken out", why=error.message)
