"""A broker with a device on loopback, to be pulled out and put in: what connectors are tried against."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lineshaft.kernel.bus import Embedded
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.processes import Keeper

_ANY_PORT = BusSettings(port=0, websocket_port=0, monitoring_port=0, mqtt_port=0, front_port=0)
_READY_WITHIN_S = 10.0

Device = Callable[["BrokerStand"], Coroutine[Any, Any, None]]


class BrokerStand:
    """The platform's own MQTT front and one device that talks through it."""

    def __init__(self, folder: Path, device: Device, settings: dict[str, Any]) -> None:
        self._embedded = Embedded(_ANY_PORT, folder)
        self._folder = folder
        self._device = device
        self._settings = settings
        self._keeper: Keeper | None = None
        self._running: asyncio.Task[None] | None = None

    @property
    def broker(self) -> str:
        return f"mqtt://127.0.0.1:{self._embedded.endpoints.mqtt}"

    @property
    def user(self) -> str:
        return self._embedded.credentials.user

    @property
    def password(self) -> str:
        return self._embedded.credentials.password

    @property
    def raw(self) -> dict[str, Any]:
        """The connection as it stands in plant.toml."""
        return {"broker": self.broker, "user": self.user, "password": self.password, **self._settings}

    async def plug_in(self) -> None:
        """Start the broker, then the device."""
        self._keeper = Keeper(self._folder / "run")
        _, front = self._embedded.programs()
        await self._keeper.start(front, ready=self._ready)
        self._running = asyncio.create_task(self._device(self))

    async def unplug(self) -> None:
        """Stop both; safe twice."""
        running, self._running = self._running, None
        keeper, self._keeper = self._keeper, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running], timeout=10)
        if keeper is not None:
            await keeper.stop()

    async def _ready(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _READY_WITHIN_S
        while loop.time() < until:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self._embedded.endpoints.mqtt)
                writer.close()
                return
            await asyncio.sleep(0.02)
        raise Unavailable(f"The broker at {self.broker} did not start within {_READY_WITHIN_S:.0f} s.")


@asynccontextmanager
async def broker_stand(folder: Path, device: Device, settings: dict[str, Any]) -> AsyncIterator[BrokerStand]:
    """A stand that is plugged in, and unplugged afterwards."""
    stand = BrokerStand(folder, device, settings)
    await stand.plug_in()
    try:
        yield stand
    finally:
        await stand.unplug()
