"""Watches the disk: before it is full, samples are refused at the bus, so that machines' edges keep them.

Stopping only the recorder would let the stream fill the disk. So the stream itself is closed for new
messages, for every sender at once, by making its limit what it holds now. It opens again by itself.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lineshaft.kernel.bus import Bus, StreamSpec
from lineshaft.kernel.log import get_log

log = get_log("telemetry")
_LOOK_EVERY_S = 1.0
_MARGIN = 1.05


class DiskGuard:
    """Says whether there is room to store (`lack`) and closes the stream of samples while there is none."""

    def __init__(self, bus: Bus, stream: StreamSpec, folders: Sequence[Path], *, min_free_gb: float) -> None:
        self._bus = bus
        self._stream = stream
        self._folders = tuple(folders)
        self._wanted = int(min_free_gb * 1e9)
        self._lack = ""
        self._looked_at = 0.0
        self._closed = False

    def lack(self) -> str:
        """A sentence when the disk is too full to store anything, else empty; cheap to ask often."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            self._lack = self._look()
        return self._lack

    async def run(self) -> None:
        """Close and open the stream as the disk fills and empties, until cancelled."""
        while True:
            lack = self.lack()
            if lack and not self._closed:
                held = (await self._bus.stream_state(self._stream.name))["bytes"]
                await self._bus.ensure_stream(replace(self._stream, max_bytes=max(1, held)))
                self._closed = True
                log.error("no more samples are taken", why=lack)
            elif not lack and self._closed:
                await self._bus.ensure_stream(self._stream)
                self._closed = False
                log.info("there is room on the disk, samples are taken again")
            await asyncio.sleep(_LOOK_EVERY_S)

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
