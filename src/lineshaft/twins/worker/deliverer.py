"""Keeps desires on their way to machines: what is due is sent, several at once, one machine never waits for another."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

from lineshaft.edge import ConnectionBack
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.log import get_log
from lineshaft.kernel.outbox import on_fact
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.model.desire import Desire
from lineshaft.twins.service import Delivery, Setpoints
from lineshaft.twins.service.commands.delivery import machine_of

log = get_log("twins")
AT_ONCE = 256
_BREATH_S = 0.1
"""Between two looks when all that is due belongs to machines that are busy."""


class Deliverer:
    """Sends desires when they are made, when their pause is over, and when their machine is back."""

    def __init__(self, setpoints: Setpoints, delivery: Delivery, bus: Bus) -> None:
        self._setpoints = setpoints
        self._delivery = delivery
        self._bus = bus
        self._room = asyncio.Semaphore(AT_ONCE)
        self._busy: Counter[str] = Counter()
        """How many desires of each machine are under way."""

    async def run(self) -> None:
        """Deliver for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(on_fact(self._bus, ConnectionBack, "twins-desires", self._back))
            group.create_task(self._send(group))

    async def _send(self, group: asyncio.TaskGroup) -> None:
        while True:
            self._setpoints.asked.clear()
            await self._delivery.alarm()
            for desire in await self._delivery.due(self._busy):
                await self._room.acquire()
                self._busy[machine_of(desire)] += 1
                group.create_task(self._one(desire))
            wait_s = max(_BREATH_S, await self._delivery.wait_s())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._setpoints.asked.wait(), wait_s)

    async def _one(self, desire: Desire) -> None:
        try:
            await self._delivery.deliver(desire)
        except Exception as error:  # its lease ends, and it is taken up again
            log.error("a desire could not be delivered", path=desire.path, error=str(error), kind=type(error).__name__)
        finally:
            self._room.release()
            self._busy[machine_of(desire)] -= 1
            self._setpoints.asked.set()

    async def _back(self, fact: ConnectionBack) -> None:
        await self._delivery.hurry(PlantPath(fact.path).organisation)  # tags may stand beside their connection
        self._setpoints.asked.set()
