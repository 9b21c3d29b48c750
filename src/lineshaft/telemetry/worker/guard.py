"""Watches the disk: before it is full, samples are refused at the bus, so that machines' edges keep them.

Stopping only the recorder would let the stream fill the disk. So the stream itself is closed for new
messages, for every sender at once, by making its limit what it holds now; and so is the MQTT front,
whose devices then keep their messages. Both open again by themselves.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from lineshaft.kernel.bus import Bus, Front, StreamSpec
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.log import get_log

log = get_log("telemetry")
_LOOK_EVERY_S = 1.0
_MARGIN = 1.05


class DiskGuard:
    """Says whether there is room to store (`lack`) and closes the stream of samples while there is none."""

    def __init__(
        self, bus: Bus, stream: StreamSpec, folders: Sequence[Path], *, min_free_gb: float, front: Front | None = None
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._folders = tuple(folders)
        self._wanted = int(min_free_gb * 1e9)
        self._lack = ""
        self._looked_at = 0.0
        self._front = front
        self._closed: bool | None = None
        """Unknown at first: whoever was here before may have closed and died."""

    def lack(self) -> str:
        """A sentence when the disk is too full to store anything, else empty; cheap to ask often."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            self._lack = self._look()
        return self._lack

    async def run(self) -> None:
        """Close and open the stream and the front as the disk fills and empties, until cancelled."""
        while True:
            lack = self.lack()
            if bool(lack) is not self._closed:
                await self._turn(lack)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _turn(self, lack: str) -> None:
        try:
            if self._front is not None:
                await (self._front.shut() if lack else self._front.reopen())
            if lack:
                await self._bus.shut(self._stream.name)
            else:
                await self._bus.ensure_stream(self._stream)
        except Unavailable as error:
            log.debug("the stream of samples cannot be closed or opened yet", why=str(error))
            return
        if lack:
            log.error("no more samples are taken", why=lack)
        elif self._closed:
            log.info("there is room on the disk, samples are taken again")
        self._closed = bool(lack)

    def _look(self) -> str:
        wanted = self._wanted * (_MARGIN if self._lack else 1.0)
        for folder in self._folders:
            free = shutil.disk_usage(folder).free
            if free < wanted:
                return (
                    f"The disk of {folder} has only {free / 1e9:.2f} GB free; "
                    f"bus.min_free_disk_gb asks for {self._wanted / 1e9:.2f}."
                )
        return ""
