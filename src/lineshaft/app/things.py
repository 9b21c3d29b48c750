"""Puts twins together: the tree, the repository of shells and what works on both, and their workers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lineshaft.edge import Edge
from lineshaft.kernel.bus import Bus, Front
from lineshaft.kernel.config import Config
from lineshaft.kernel.db import Database
from lineshaft.security import Guard
from lineshaft.twins import (
    Bulk,
    Delivery,
    Footprints,
    Interfacing,
    Interlocks,
    LiveReads,
    MachineOperations,
    Metering,
    Operations,
    PassportDesk,
    Pictures,
    Projection,
    Receiving,
    Repository,
    Scenarios,
    Scenes,
    Setpoints,
    Simulations,
    Twins,
    TwinsSettings,
)
from lineshaft.twins.worker import Adopter, Beside, Chronicler, Deliverer, Mirror, Projector, Shortener

from .memory import Job, Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """The services of twins."""

    db: Database
    twins: Twins
    repository: Repository
    operations: Operations
    interfacing: Interfacing
    bulk: Bulk
    receiving: Receiving
    passport_desk: PassportDesk
    simulations: Simulations
    pictures: Pictures
    scenarios: Scenarios
    live_reads: LiveReads
    setpoints: Setpoints
    delivery: Delivery
    scenes: Scenes

    @classmethod
    def over(cls, config: Config, *, data: Path, db: Database, guard: Guard, edge: Edge, memory: Memory) -> Things:
        """Build them; nothing is opened that is not open already."""
        settings = config.get(TwinsSettings)
        repository = Repository(
            db, guard, config.plant.organisation, live=memory.live, historian=memory.historian,
            attachment_mb=settings.files.attachment_mb,
        )  # fmt: skip
        edge.before_writing(repository.records.check_setpoint)
        simulations = Simulations(db, guard, memory.historian, data / "models")
        twins = Twins(db, guard, memory.live, settings)
        interlocks = Interlocks(twins, edge)
        edge.before_writing(interlocks.check)
        return cls(
            db=db,
            twins=twins,
            repository=repository,
            operations=Operations(repository, guard, [MachineOperations(edge, interlocks)]),
            interfacing=Interfacing(repository, edge),
            bulk=Bulk(repository),
            receiving=Receiving(repository, guard, settings.files),
            passport_desk=PassportDesk(repository, Footprints(repository, Metering(memory.historian))),
            simulations=simulations,
            pictures=Pictures(db, guard, twins.now),
            scenarios=Scenarios(db, guard, simulations),
            live_reads=LiveReads(twins, edge),
            setpoints=Setpoints(db, guard, twins, edge, interlocks, settings),
            delivery=Delivery(db, guard, twins, edge),
            scenes=Scenes(db, guard, twins, repository),
        )

    async def close(self) -> None:
        """End what still runs for somebody."""
        await self.operations.close()
        await self.bulk.close()

    def jobs(self, *, bus: Bus, edge: Edge, memory: Memory, front: Front | None) -> Iterator[Job]:
        """What keeps the twins, their shells, their mirror and their models current."""
        adopter = Adopter(self.twins, bus, edge)
        yield "adopter", adopter.run
        yield "units", adopter.learn
        yield "shells", Projector(Projection(self.twins, self.repository), bus).run
        yield "record", Chronicler.over(self.db, self.repository, edge, bus).run
        yield "history", Shortener(self.repository, self.twins.settings.history).run
        yield "beside", Beside(self.simulations, memory.historian, memory.intake).run
        yield "desires", Deliverer(self.setpoints, self.delivery, bus).run
        if front is not None and self.twins.settings.mirror:
            yield "mirror", Mirror(self.twins, front).run
