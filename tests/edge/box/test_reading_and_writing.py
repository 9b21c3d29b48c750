"""What a box does with machines: values reach the bus, writes are checked and read back, loss is told once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest
import sqlalchemy as sa

from lineshaft.edge import State
from lineshaft.edge.connectors import Readings
from lineshaft.edge.connectors.modbus.fake import ReplayServer
from lineshaft.edge.errors import NotWritable
from lineshaft.edge.events import SetpointWritten
from lineshaft.edge.worker import Outlet
from lineshaft.edge.worker.sieve import sieved
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid, PlatformError, Unavailable
from lineshaft.kernel.facts import subject_of
from lineshaft.kernel.terms import Quality
from lineshaft.kernel.wire import decode

from .conftest import ENGINEER, VIEWER, Stage


async def test_a_value_on_the_machine_reaches_the_bus(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: (2.5, 0) in stage.rows("acme/hall/tank/pressure"))
    await stage.device.set({"pressure": 3.25, "level": 40.0})
    await stage.until(lambda: (3.25, 0) in stage.rows("acme/hall/tank/pressure"))
    assert stage.rows("acme/hall/tank/level") == [(40.0, 0)], "an unchanged value is reported once"


async def test_a_lost_device_is_told_once_and_comes_back_by_itself(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(timeout_s=1.0, answer_timeout_s=0.3))
    await stage.until_health(State.GOOD)
    port = stage.device.port
    await stage.device.close()
    await stage.until_health(State.LOST)
    bad = [row for row in stage.rows("acme/hall/tank/level") if row[1] == Quality.BAD_NOT_CONNECTED]
    await asyncio.sleep(1.0)
    again = [row for row in stage.rows("acme/hall/tank/level") if row[1] == Quality.BAD_NOT_CONNECTED]
    assert len(again) <= max(len(bad), 1)
    assert np.isnan(again[0][0])
    device = ReplayServer(["pressure", "level"], port=port)
    await device.start()
    await device.set({"pressure": 9.0, "level": 1.0})
    await stage.until_health(State.GOOD, 15)
    await stage.until(lambda: (9.0, 0) in stage.rows("acme/hall/tank/pressure"))
    await device.close()


async def written(bus: Bus) -> AsyncIterator[SetpointWritten]:
    """What is announced of values that were written."""
    async for messages in bus.read("FACTS", start_seq=1, linger_s=0.05):
        for message in messages:
            if message.subject == subject_of(SetpointWritten):
                yield decode(message.data, SetpointWritten)


async def test_a_write_is_checked_done_read_back_and_told(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    result = await stage.edge.write(ENGINEER, "acme/hall/tank/level", 55.0)
    assert (result.applied, result.read_back) == (True, 55.0)
    with pytest.raises(Invalid, match="outside the range"):
        await stage.edge.write(ENGINEER, "acme/hall/tank/level", 101.0)
    with pytest.raises(NotWritable.__mro__[1], match="not marked writable"):
        await stage.edge.write(ENGINEER, "acme/hall/tank/pressure", 1.0)
    with pytest.raises(Forbidden):
        await stage.edge.write(VIEWER, "acme/hall/tank/level", 10.0)
    await stage.until(lambda: (55.0, 0) in stage.rows("acme/hall/tank/level"))
    told = await asyncio.wait_for(anext(written(stage.bus)), 5)
    assert (told.path, told.value, told.by) == ("acme/hall/tank/level", "55.0", ENGINEER.name)


async def test_a_port_that_answers_garbage_is_named_and_harms_nobody(stage: Stage) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(100):
                writer.write(b"HTTP/1.1 400 no\r\n\r\n" * 50)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bad = {**stage.raw(timeout_s=1.0, answer_timeout_s=0.3), "name": "babbler", "path": "hall/babbler", "port": port}
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.edge.save(ENGINEER, "modbus", bad)
    await stage.until_health(State.GOOD)

    async def lost() -> bool:
        return (await stage.edge.get(ENGINEER, "babbler")).health.state is State.LOST

    async with asyncio.timeout(12):
        while not await lost():
            await asyncio.sleep(0.05)
    assert (await stage.edge.get(ENGINEER, "babbler")).health.error
    await stage.device.set({"pressure": 7.75, "level": 40.0})
    await stage.until(lambda: (7.75, 0) in stage.rows("acme/hall/tank/pressure"))
    server.close()


async def test_text_does_not_slip_past_the_range_of_a_number(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    for text in ("101", "nan", "much"):
        with pytest.raises(Invalid):
            await stage.edge.write(ENGINEER, "acme/hall/tank/level", text)
    assert (await stage.edge.write(ENGINEER, "acme/hall/tank/level", "55")).read_back == 55.0


async def test_what_a_machine_says_while_it_is_let_go_still_leaves(stage: Stage) -> None:
    async def talks_last() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stage.box.outlet.offer(Readings.of(["acme/hall/last"], [7.0], now_us()))

    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    stage.box._crew.keep("talks last", talks_last)
    await asyncio.sleep(0.1)
    await stage.crew.stop()
    assert stage.box.outlet.waiting == 0


async def test_a_stopped_box_answers_nobody(stage: Stage) -> None:
    await stage.until(lambda: bool(stage.box._crew._tasks))
    await stage.crew.stop()
    with pytest.raises(Unavailable, match="Nobody answers"):
        await stage.bus.ask("lineshaft.edge.e1.do", b"{}", within_s=2)


async def test_a_polled_connection_without_tags_is_opened_once(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(tags=[]))
    await stage.until_health(State.GOOD)
    await asyncio.sleep(1)
    assert (await stage.edge.get(ENGINEER, "plc")).health.reconnects == 0


async def test_a_value_dropped_for_want_of_room_is_reported_when_there_is_room(stage: Stage) -> None:
    most, stage.box.outlet._most_waiting = stage.box.outlet._most_waiting, 0
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: stage.box.outlet.dropped > 3)
    stage.box.outlet._most_waiting = most
    await stage.until(lambda: (2.5, 0) in stage.rows("acme/hall/tank/pressure"))


async def test_nothing_counts_as_durable_that_was_given_up(bus: Bus) -> None:
    outlet = Outlet(bus, organisation="acme", edge="e1")
    await outlet.put(Readings.of(["acme/a"], [1.0], now_us()))
    flushing = asyncio.create_task(outlet.flush())
    await asyncio.sleep(0)
    for task in list(outlet._under_way):
        task.cancel()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(flushing, 5)


async def test_a_write_that_failed_half_way_is_in_the_audit_log(stage: Stage, db: Database) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(timeout_s=1.0, answer_timeout_s=0.3))
    await stage.until_health(State.GOOD)
    await stage.device.close()
    with pytest.raises(PlatformError):
        await stage.edge.write(ENGINEER, "acme/hall/tank/level", 55.0)
    async with db.read() as tx:
        rows = await tx.all(sa.text("SELECT * FROM security_audit WHERE action = 'edge.write'"))
    assert "55" in str(rows[-1]["after"])


def test_half_a_character_is_replaced_because_nothing_could_carry_it() -> None:
    fine, problems = sieved(Readings.of(["acme/a", "acme/b"], ["pump \ud800", "Füller"], now_us()))
    assert (list(fine.text), problems) == (["pump ?", "Füller"], [])
