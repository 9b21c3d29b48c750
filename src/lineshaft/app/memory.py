"""Puts telemetry together: engine or its remote owner, services, workers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lineshaft.kernel.bus import Bus, StreamSpec
from lineshaft.kernel.db import Database
from lineshaft.kernel.tasks import in_thread
from lineshaft.security import Guard
from lineshaft.telemetry import Historian, Live, TelemetrySettings
from lineshaft.telemetry.health import Work
from lineshaft.telemetry.service.intake import Intake
from lineshaft.telemetry.store import Catalogue, Desk, Engine, Limits, LocalStore, RemoteStore
from lineshaft.telemetry.store.schema import statements
from lineshaft.telemetry.store.series import SeriesBook
from lineshaft.telemetry.worker.guard import DiskGuard
from lineshaft.telemetry.worker.recorder import Recorder
from lineshaft.telemetry.worker.roller import Roller

Job = tuple[str, Callable[[], Awaitable[object]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What works where the engine is."""

    engine: Engine
    recorder: Recorder
    roller: Roller
    room: DiskGuard

    def jobs(self) -> Iterator[Job]:
        yield "recorder", self.recorder.run
        yield "roller", self.roller.run
        yield "disk", self.room.run


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The services of telemetry; `hands` is None where another process owns the engine."""

    historian: Historian
    live: Live
    intake: Intake
    hands: Hands | None

    @classmethod
    async def open(
        cls,
        settings: TelemetrySettings,
        *,
        data: Path,
        stream: StreamSpec,
        min_free_gb: float,
        db: Database,
        bus: Bus,
        guard: Guard,
        owner: bool,
    ) -> Memory:
        """Open the engine where this process may; otherwise questions go to its owner over the bus."""
        url = settings.store_url(data)
        hands = await _open_hands(settings, url, data, stream, min_free_gb, db, bus) if owner else None
        if hands is not None:
            store: LocalStore | RemoteStore = LocalStore(hands.engine)
        elif url.startswith("chdb:"):
            store = RemoteStore(bus)
        else:
            store = LocalStore(await in_thread(Engine, url, limits=_limits(settings)))
        historian = Historian(store, Catalogue(db), guard)
        return cls(historian=historian, live=Live(bus, guard), intake=Intake(bus, guard), hands=hands)

    async def close(self) -> None:
        if self.hands is not None:
            await in_thread(self.hands.engine.close)

    def jobs(self) -> Iterator[Job]:
        """What runs by itself in this process."""
        yield "live", self.live.run
        if self.hands is not None:
            yield from self.hands.jobs()

    def trouble(self) -> str:
        """Why samples are not being stored; empty when all is well or somebody else stores them."""
        if self.hands is None:
            return ""
        health = self.hands.recorder.health()
        return health.error if health.state in (Work.FULL, Work.WAITING) else ""

    def gauges(self) -> dict[str, float]:
        """Numbers for Prometheus."""
        if self.hands is None:
            return {}
        health = self.hands.recorder.health()
        return {
            "stored_samples_total": health.stored_samples,
            "stored_samples_per_second": health.rate,
            "lag_messages": health.lag_messages,
            "lag_seconds": health.lag_s,
            "unread_messages_total": health.unread,
            "series": health.series,
        }


async def _open_hands(
    settings: TelemetrySettings, url: str, data: Path, stream: StreamSpec, min_free_gb: float, db: Database, bus: Bus
) -> Hands:
    engine = await in_thread(Engine, url, limits=_limits(settings))
    for statement in statements():
        await in_thread(engine.command, statement)
    book = SeriesBook(db)
    await book.load()
    room = DiskGuard(bus, stream, [data], min_free_gb=min_free_gb)
    if engine.embedded:
        await Desk(bus, engine).open()
    return Hands(
        engine=engine,
        recorder=Recorder(bus, engine, book, settings, lack_of_room=room.lack),
        roller=Roller(engine, settings, lack_of_room=room.lack),
        room=room,
    )


def _limits(settings: TelemetrySettings) -> Limits:
    return Limits(memory_mb=settings.memory_mb, question_mb=settings.question_mb, threads=settings.threads)
