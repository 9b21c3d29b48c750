"""Puts telemetry together: the owner of the store or a way to ask it, services, workers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lineshaft.kernel.bus import Bus, Front
from lineshaft.kernel.config import BusSettings, Config
from lineshaft.kernel.db import Database
from lineshaft.kernel.tasks import in_thread
from lineshaft.security import Guard
from lineshaft.telemetry import Historian, Live, TelemetrySettings
from lineshaft.telemetry.health import Work
from lineshaft.telemetry.service import Imports, Intake
from lineshaft.telemetry.store import Catalogue, Engine, LocalStore, RemoteStore
from lineshaft.telemetry.worker import Owner

Job = tuple[str, Callable[[], Awaitable[object]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The services of telemetry; `owner` is None where another process owns the store."""

    historian: Historian
    live: Live
    intake: Intake
    imports: Imports
    owner: Owner | None

    @classmethod
    async def open(
        cls, config: Config, *, data: Path, db: Database, bus: Bus, front: Front | None, guard: Guard, owner: bool
    ) -> Memory:
        """Open the store where this process may; otherwise questions go to its owner over the bus."""
        settings = config.get(TelemetrySettings)
        owns: Owner | None = None
        if owner:
            owns = await Owner.open(
                settings, bus=bus, db=db, bus_settings=config.get(BusSettings), data=data, front=front
            )
            store: LocalStore | RemoteStore = owns.store
        elif (url := settings.store_url(data)).startswith("chdb:"):
            store = RemoteStore(bus)
        else:
            store = LocalStore(await in_thread(Engine, url))
        historian = Historian(store, Catalogue(db), guard)
        live = Live(bus, guard, recent=historian.recent)
        intake = Intake(bus, guard)
        imports = Imports(db, guard, intake, folder=data / "imports", most_mb=settings.import_most_mb)
        return cls(historian=historian, live=live, intake=intake, imports=imports, owner=owns)

    async def close(self) -> None:
        if self.owner is not None:
            await self.owner.close()

    def jobs(self) -> Iterator[Job]:
        """What runs by itself in this process."""
        yield "live", self.live.run
        if self.owner is not None:
            yield from self.owner.workers()
            yield "imports", self.imports.run

    def trouble(self) -> str:
        """Why samples are not being stored; empty when all is well or somebody else stores them."""
        if self.owner is None:
            return ""
        health = self.owner.health()
        return health.error if health.state in (Work.FULL, Work.WAITING) else ""

    def measures(self) -> Iterator[tuple[str, str, float]]:
        """Numbers for Prometheus: name, meaning, value; what ends in `_total` only grows."""
        if self.owner is None:
            return
        health = self.owner.health()
        yield "stored_samples_total", "Samples stored since this process started", health.stored_samples
        yield "stored_samples_per_second", "Samples stored per second, lately", health.rate
        yield "lag_messages", "Messages on the bus that are not yet stored", health.lag_messages
        yield "lag_seconds", "Age of the oldest message that is not yet stored", health.lag_s
        yield "unread_messages_total", "Messages that could not be read and were put aside", health.unread
        yield "series", "Series the store knows", health.series
