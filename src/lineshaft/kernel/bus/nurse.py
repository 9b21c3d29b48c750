"""Looks after the embedded servers: one that could not write is started anew once its disk has room.

nats-server gives a stream up for good when a write failed, also when there is room again. It says so
when asked for its health; what it had acknowledged is on the disk and comes back with it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.log import get_log
from lineshaft.kernel.processes import gone, living_pid

from .client import Bus
from .server import Embedded

log = get_log("kernel")
_LOOK_EVERY_S = 2.0
_RECOVERY_S = 10.0
"""Before the same server is started anew again."""
_LEAST_FREE = 64_000_000


class Nurse:
    """Asks both servers for their health; the keeper of `run_folder` starts those that are ended."""

    def __init__(self, embedded: Embedded, run_folder: Path, *, min_free_gb: float) -> None:
        self._embedded = embedded
        self._run = run_folder
        self._wanted = max(_LEAST_FREE, int(min_free_gb * 1e9))

    async def run(self) -> None:
        """Look after both until cancelled."""
        servers = {"nats-hub": self._embedded.hub_url, "nats-front": self._embedded.front_url}
        async with AsyncExitStack() as stack:
            password = self._embedded.credentials.password
            asked = {
                name: await Bus.connect(url, user="sys", password=password, quiet=True) for name, url in servers.items()
            }
            for bus in asked.values():
                stack.push_async_callback(bus.close)
            async with asyncio.TaskGroup() as group:
                for name, bus in asked.items():
                    group.create_task(self._look_after(name, bus))

    async def _look_after(self, name: str, bus: Bus) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            ailment = await _ailment(bus)
            if ailment and shutil.disk_usage(self._embedded.folder).free >= self._wanted:
                log.warning("a server that could not write is started anew", process=name, why=ailment)
                await self._end(name)
                await asyncio.sleep(_RECOVERY_S)

    async def _end(self, name: str) -> None:
        pid = living_pid(self._run, name)
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(gone(pid), _RECOVERY_S)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)


async def _ailment(bus: Bus) -> str:
    """What a server says is wrong with its writing; empty when it is well, or away and so the keeper's."""
    try:
        told = msgspec.json.decode(await bus.ask("$SYS.REQ.SERVER.PING.HEALTHZ", b"{}", within_s=5))
    except PlatformError:
        return ""
    error = str(told.get("data", {}).get("error", ""))
    return error if "write error" in error or "no space left" in error else ""
