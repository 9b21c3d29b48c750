"""A recorder and a roller in a process of their own, for tests that kill it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Desk, Engine, LocalStore
from lineshaft.telemetry.store.series import SeriesBook
from lineshaft.telemetry.worker.recorder import Recorder
from lineshaft.telemetry.worker.roller import Roller


async def main(folder: Path, url: str, user: str, password: str) -> None:
    """Record for ever; answers questions on the bus."""
    bus = await Bus.connect(url, user=user, password=password)
    db = Database.at(folder)
    await db.open(["lineshaft.telemetry"])
    settings = TelemetrySettings(flush_s=0.1, settle_s=0.5, fast_per_s=5, replay_keep_s=2)
    engine = Engine(settings.store_url(folder))
    await Desk(bus, LocalStore(engine)).open()
    recorder = Recorder(bus, engine, SeriesBook(db), settings)
    roller = Roller(engine, settings, progress=recorder.progress)
    await asyncio.gather(recorder.run(), roller.run())


if __name__ == "__main__":
    told = json.loads(sys.stdin.readline())
    asyncio.run(main(Path(told[0]), *told[1:]))
