"""What runs by itself: writes down last uses and counts of refusals, forgets what has ended."""

from __future__ import annotations

import asyncio

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.outbox import on_fact

from .events import DeviceChanged
from .service import Devices, Security

PERIOD_S = 15.0


class Caretaker:
    """Keeps the books of this context in order."""

    def __init__(self, security: Security, *, period_s: float = PERIOD_S) -> None:
        self._security = security
        self._period_s = period_s

    async def run(self) -> None:
        """Work until cancelled; what is still only in memory is written on the way out."""
        try:
            while True:
                await asyncio.sleep(self._period_s)
                await self.once()
        finally:
            await asyncio.shield(self._last())

    async def once(self) -> None:
        """One round."""
        await self._security.guard.settle()
        await self._security.standings.flush()
        await self._security.sessions.sweep()

    async def _last(self) -> None:
        await self._security.guard.settle(everything=True)
        await self._security.standings.flush()


class Doorkeeper:
    """Lets devices in and cuts them off at the MQTT server of this process, whoever made the change."""

    def __init__(self, devices: Devices, bus: Bus, name: str = "doorkeeper") -> None:
        self._devices = devices
        self._bus = bus
        self._name = name

    async def run(self) -> None:
        """Apply the catalogue once, then after every change."""
        await self._devices.apply()

        async def changed(_fact: DeviceChanged) -> None:
            await self._devices.apply()

        await on_fact(self._bus, DeviceChanged, self._name, changed)
