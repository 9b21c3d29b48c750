"""Keeps the shells of twins: all of them when it starts, then whatever changes in the tree."""

from __future__ import annotations

import asyncio

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.outbox import on_fact
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.events import TwinChanged, TwinCreated, TwinRetired
from lineshaft.twins.service import Projection


class Projector:
    """Listens to what happens to twins, and keeps a shell for each in the repository."""

    def __init__(self, projection: Projection, bus: Bus) -> None:
        self._projection = projection
        self._bus = bus

    async def run(self) -> None:
        """Project what stands, then listen for ever."""
        await self._projection.all()
        async with asyncio.TaskGroup() as group:
            group.create_task(on_fact(self._bus, TwinCreated, "twins-shells-created", self._stands))
            group.create_task(on_fact(self._bus, TwinChanged, "twins-shells-changed", self._stands))
            group.create_task(on_fact(self._bus, TwinRetired, "twins-shells-retired", self._gone))

    async def _stands(self, fact: TwinCreated | TwinChanged) -> None:
        await self._projection.twin(fact.path)
        if isinstance(fact, TwinChanged) and fact.was != fact.path and (above := PlantPath(fact.was).parent):
            await self._projection.twin(above)

    async def _gone(self, fact: TwinRetired) -> None:
        await self._projection.retired(fact.id, fact.path)
