"""Everything that runs where the store is: recorder, roller, retention, disk guard, and the desk for questions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from lineshaft.edge import SAMPLES_STREAM, SAMPLES_SUBJECT
from lineshaft.kernel.bus import Bus, Front, StreamSpec
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.db import Database
from lineshaft.kernel.tasks import in_thread
from lineshaft.telemetry.health import RecorderHealth
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Desk, Engine, Limits, LocalStore
from lineshaft.telemetry.store.positions import create_tables
from lineshaft.telemetry.store.series import SeriesBook

from .guard import DiskGuard
from .recorder import Recorder
from .retention import Retention
from .roller import Roller


class Owner:
    """Made by `open`; `workers` are to be kept running, `store` answers questions in this process."""

    def __init__(
        self,
        engine: Engine,
        *,
        bus: Bus,
        db: Database,
        settings: TelemetrySettings,
        bus_settings: BusSettings,
        data: Path,
        front: Front | None,
    ) -> None:
        stream = StreamSpec(
            name=SAMPLES_STREAM, subjects=(f"{SAMPLES_SUBJECT}.>",), max_bytes=int(bus_settings.max_stream_gb * 1e9)
        )
        folders = [data, engine.folder] if engine.embedded else [data]
        self._engine = engine
        self.store = LocalStore(engine)
        self._desk = Desk(bus, self.store)
        self._guard = DiskGuard(bus, stream, folders, min_free_gb=bus_settings.min_free_disk_gb, front=front)
        self._retention = Retention(engine, db, settings)
        self._recorder = Recorder(
            bus,
            engine,
            SeriesBook(db),
            settings,
            lack_of_room=self._guard.lack,
            kept_from=self._retention.kept_from if settings.retention else None,
        )
        self._roller = Roller(engine, settings, progress=self._recorder.progress, lack_of_room=self._guard.lack)

    @classmethod
    async def open(
        cls,
        settings: TelemetrySettings,
        *,
        bus: Bus,
        db: Database,
        bus_settings: BusSettings,
        data: Path,
        front: Front | None = None,
    ) -> Owner:
        """Open the store and begin to answer questions; raises StoreTaken or StoreAway when it cannot be had."""
        limits = Limits(memory_mb=settings.memory_mb, question_mb=settings.question_mb, threads=settings.threads)
        engine = await in_thread(Engine, settings.store_url(data), limits=limits)
        await in_thread(create_tables, engine)
        owner = cls(engine, bus=bus, db=db, settings=settings, bus_settings=bus_settings, data=data, front=front)
        await owner._desk.open()
        return owner

    def health(self) -> RecorderHealth:
        """How storing goes."""
        return self._recorder.health()

    def workers(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to be kept running."""
        return [
            ("disk guard", self._guard.run),
            ("recorder", self._recorder.run),
            ("roller", self._roller.run),
            ("retention", self._retention.run),
        ]

    async def close(self) -> None:
        """Let go of the store; waits for what is just being written."""
        await in_thread(self._engine.close)
