"""Devices that are silent, slow, gone or back; the others go on."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from lineshaft.edge.connectors.modbus.address import Table
from lineshaft.edge.connectors.modbus.errors import LinkLost
from lineshaft.edge.connectors.modbus.responder import Bus, TcpResponder
from lineshaft.kernel.errors import Unavailable

from .conftest import GOOD, LOST, connected, counting_unit, make, read


async def test_a_silent_unit_costs_29_others_nothing_and_the_socket_stays_open() -> None:
    units = {number: counting_unit(20) for number in range(1, 31)}
    units[7].silent = True
    bus = Bus(units)
    texts = [f"{unit}!holding:{unit % 20}" for unit in units]
    async with TcpResponder(bus) as device, connected(device.port, texts, answer_timeout_s=0.4) as connector:
        plan = connector.plan(connector.tags)
        began, good, cycles, every = time.monotonic(), 0, 12, 0.25
        for cycle in range(cycles):
            await asyncio.sleep(max(0.0, began + cycle * every - time.monotonic()))
            readings = await connector.read(plan)
            good += int((np.delete(readings.quality, 6) == GOOD).sum())
            assert readings.quality[6] == LOST
        took = time.monotonic() - began
        assert good == 29 * cycles
        assert took < cycles * every * 1.05
        assert bus.accepted == 1
        asked = [heard for heard in bus.heard if heard[0] == 7]
        assert 2 <= len(asked) <= 5  # twice at first, then after about 1 s and 3 s

        units[7].silent = False
        until = time.monotonic() + 6
        while (await connector.read(plan)).quality[6] != GOOD:
            assert time.monotonic() < until
            await asyncio.sleep(0.1)
        assert bus.accepted == 1
        assert connector.problems() == []


async def test_a_unit_of_one_poll_group_does_not_end_the_connection_of_the_others() -> None:
    silent = counting_unit()
    async with (
        TcpResponder(Bus({1: counting_unit(), 2: silent})) as device,
        connected(device.port, ["1!holding:1", "2!holding:2"], answer_timeout_s=0.1) as connector,
    ):
        silent.silent = True
        assert (await connector.read(connector.plan(connector.tags[1:]))).quality.tolist() == [LOST]
        assert (await connector.read(connector.plan(connector.tags[:1]))).quality.tolist() == [GOOD]


async def test_only_when_every_unit_is_silent_the_link_counts_as_lost() -> None:
    units = {1: counting_unit(), 2: counting_unit(), 3: counting_unit()}
    async with (
        TcpResponder(Bus(units)) as device,
        connected(device.port, [f"{u}!holding:{u}" for u in units], answer_timeout_s=0.4) as connector,
    ):
        plan = connector.plan(connector.tags)
        for unit in units.values():
            unit.silent = True
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"No unit answers at 127\.0\.0\.1:\d+ \(asked 1, 2, 3\)"):
            await connector.read(plan)
        assert time.monotonic() - began < 0.4 * 3  # patience halves: 0.4 + 0.2 + 0.1 + 3 × 0.05
        with pytest.raises(Unavailable):
            await connector.connect()
        for unit in units.values():
            unit.silent = False
        await connector.connect()
        assert (await connector.read(plan)).quality.tolist() == [GOOD] * 3


async def test_a_slow_unit_keeps_its_patience_when_others_fall_silent() -> None:
    units = {number: counting_unit() for number in range(1, 6)}
    units[5].delay_s = 0.12
    async with (
        TcpResponder(Bus(units)) as device,
        connected(device.port, [f"{u}!holding:{u}" for u in units], answer_timeout_s=0.4) as connector,
    ):
        plan = connector.plan(connector.tags)
        await connector.read(plan)
        for unit in (1, 2, 3):
            units[unit].silent = True
        assert (await connector.read(plan)).quality.tolist() == [LOST, LOST, LOST, GOOD, GOOD]


async def test_nothing_listening_says_where_and_what_to_do() -> None:
    async with TcpResponder(Bus({})) as device:
        port = device.port
    with pytest.raises(Unavailable) as caught:
        await make(["holding:1"], host="127.0.0.1", port=port).connect()
    assert caught.value.message == f"127.0.0.1:{port} does not answer."
    assert "Check host and port" in caught.value.hint
    with pytest.raises(Unavailable, match="/dev/does-not-exist cannot be opened"):
        await make(["holding:1"], mode="rtu", device="/dev/does-not-exist").connect()


async def test_a_device_that_restarts_is_read_again() -> None:
    unit = counting_unit()
    device = TcpResponder(Bus({1: unit}))
    await device.start()
    connector = make(["holding:9"], host="127.0.0.1", port=device.port)
    await connector.connect()
    plan = connector.plan(connector.tags)
    assert (await connector.read(plan)).number.tolist() == [9]
    await device.close()
    await asyncio.sleep(0.02)
    with pytest.raises(LinkLost):
        await connector.read(plan)
    with pytest.raises(Unavailable):
        await connector.connect()
    unit.put(Table.HOLDING, 9, "H", 77)
    await device.start()
    await connector.connect()
    assert (await connector.read(plan)).number.tolist() == [77]
    await connector.close()
    await device.close()


async def test_a_connection_closed_mid_frame_ends_the_read_at_once() -> None:
    bus = Bus({1: counting_unit()})
    async with TcpResponder(bus) as device, connected(device.port, ["holding:0", "holding:50"]) as connector:

        def half(transport: asyncio.WriteTransport, frame: bytes) -> None:
            transport.write(frame[: len(frame) // 2])
            transport.close()

        bus.mangle = half
        began = time.monotonic()
        with pytest.raises(LinkLost, match="is lost"):
            await read(connector)
        assert time.monotonic() - began < 0.5
        bus.mangle = None
        await connector.connect()
        assert (await read(connector)).number.tolist() == [0, 50]
