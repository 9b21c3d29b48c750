"""A process that holds a machine's session and delivers desires until it is killed.

Told a value, it wants that of the tank's setpoint first, and says so once it is acknowledged as kept.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from lineshaft.edge import ConnectionStore, Edge, EdgeSettings
from lineshaft.edge.worker import EdgeBox
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.tasks import Crew
from lineshaft.security import PLATFORM, Guard
from lineshaft.telemetry import Live
from lineshaft.twins import Delivery, Interlocks, Setpoints, Twins, Wish
from lineshaft.twins.settings import TwinsSettings
from lineshaft.twins.worker import Deliverer


async def main(folder: Path, url: str, user: str, password: str, twin: str, value: str) -> None:
    db = Database.at(folder)
    await db.open(["lineshaft.security", "lineshaft.edge", "lineshaft.twins"])
    bus = await Bus.connect(url, user=user, password=password)
    guard, settings = Guard(db), EdgeSettings(name="e1", batch_ms=20)
    edge = Edge(settings, organisation="acme", store=ConnectionStore(db), guard=guard, bus=bus)
    box = EdgeBox(settings, organisation="acme", bus=bus, front=None, db=db, folder=folder)
    live = Live(bus, guard)
    twins = Twins(db, guard, live)
    interlocks = Interlocks(twins, edge)
    setpoints = Setpoints(db, guard, twins, edge, interlocks, TwinsSettings())
    async with Crew() as crew:
        for name, work in (("live", live.run), ("box", box.run), ("relay", lambda: relay(db, bus))):
            crew.keep(name, work)
        if value:
            patience = setpoints.patience(timedelta(seconds=1), timedelta(minutes=5))
            await setpoints.desire(PLATFORM, twin, {"setpoint": Wish(value=float(value))}, patience=patience)
            print(value, flush=True)
        crew.keep("desires", Deliverer(setpoints, Delivery(db, guard, twins, edge), bus).run)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:7]))
