"""`kill -9` while a desire waits for its machine: after a restart the machine has it, once (T80)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from tests.twins.commands.conftest import PROPERTIES, TAGS, TANK, Machine, place
from tests.twins.conftest import at

from lineshaft.edge import ConnectionStore, Edge, EdgeSettings
from lineshaft.kernel.bus import Bus, Embedded
from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins import Twins, store
from lineshaft.twins.model.desire import Stage

SCRIPT = str(Path(__file__).with_name("delivering_process.py"))


@pytest.mark.timeout(120)
async def test_t80_a_killed_process_leaves_its_desires_to_the_next(
    machine: Machine, embedded: Embedded, bus: Bus, db: Database, guard: Guard, twins: Twins, tmp_path: Path
) -> None:
    await db.open(["lineshaft.edge"])
    raw = {"name": "plc", "path": TANK, "host": "127.0.0.1", "port": machine.port, "tags": TAGS,
           "timeout_s": 1.5, "answer_timeout_s": 0.6}  # fmt: skip
    settings = EdgeSettings(name="e1")
    edge = Edge.offline(settings, organisation="acme", store=ConnectionStore(db), guard=guard)
    await edge.save(PLATFORM, "modbus", raw)
    await twins.create(PLATFORM, at(TANK, properties=PROPERTIES))
    await machine.unplug()

    async def start(value: str) -> asyncio.subprocess.Process:
        login = embedded.credentials
        told = (str(tmp_path), embedded.hub_url, login.user, login.password, TANK, value)
        return await asyncio.create_subprocess_exec(sys.executable, SCRIPT, *told, stdout=asyncio.subprocess.PIPE)

    first = await start("72.5")
    assert first.stdout is not None
    async with asyncio.timeout(40):
        while (await first.stdout.readline()).decode().strip() != "72.5":
            pass
    await asyncio.sleep(0.5)
    first.kill()
    await first.wait()
    await machine.plug_in()
    second = await start("")
    try:
        async with asyncio.timeout(60):
            while machine.holds("setpoint") != 72.5:
                await asyncio.sleep(0.05)
            while True:
                async with db.read() as tx:
                    desire = (await store.find_desires(tx, [place("setpoint")]))[place("setpoint")]
                if desire.stage is Stage.ACKNOWLEDGED:
                    break
                await asyncio.sleep(0.05)
    finally:
        second.kill()
        await second.wait()
    assert len(machine.writes) == 1
    assert (await guard.verify()).intact
