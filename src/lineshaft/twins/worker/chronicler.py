"""Keeps life-cycle records current: what the records of twins lack when it starts, then whatever is told."""

from __future__ import annotations

import asyncio

from lineshaft.edge import ConnectionChanged, Edge, SetpointWritten
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.kernel.outbox import on_fact
from lineshaft.twins.events import DocumentChanged, DocumentsTaken, ModelChanged, TwinChanged, TwinCreated, TwinRetired
from lineshaft.twins.service import Repository
from lineshaft.twins.service.chronicle import Chronicle


class Chronicler:
    """Listens to facts, and has them written down."""

    def __init__(self, chronicle: Chronicle, bus: Bus) -> None:
        self._chronicle = chronicle
        self._bus = bus

    @classmethod
    def over(cls, db: Database, repository: Repository, edge: Edge, bus: Bus) -> Chronicler:
        """With all that it needs."""
        return cls(Chronicle(db, repository, edge), bus)

    async def run(self) -> None:
        """Tell what was missed, then listen for ever."""
        await self._chronicle.all()
        told, name = self._chronicle, "twins-record"
        async with asyncio.TaskGroup() as group:
            group.create_task(on_fact(self._bus, TwinCreated, name, self._twin))
            group.create_task(on_fact(self._bus, TwinChanged, name, self._twin))
            group.create_task(on_fact(self._bus, TwinRetired, name, self._twin))
            group.create_task(on_fact(self._bus, ModelChanged, name, told.model))
            group.create_task(on_fact(self._bus, DocumentChanged, name, told.document))
            group.create_task(on_fact(self._bus, DocumentsTaken, name, told.taken))
            group.create_task(on_fact(self._bus, SetpointWritten, name, told.setpoint))
            group.create_task(on_fact(self._bus, ConnectionChanged, name, told.connection))

    async def _twin(self, fact: TwinCreated | TwinChanged | TwinRetired) -> None:
        await self._chronicle.twin(fact.id)
