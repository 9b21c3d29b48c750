"""Serial lines, and serial frames over TCP."""

from __future__ import annotations

import asyncio

from lineshaft.edge.connectors.modbus.address import Table
from lineshaft.edge.connectors.modbus.responder import Bus, SerialResponder, TcpResponder

from .conftest import GOOD, LOST, connected, counting_unit, make, read

ALL = ["coil:3", "discrete:4", "input:50:uint32", "holding:51", "holding:180.2"]


ALL_VALUES = [1, 0, 50 * 65536 + 51, 51, 1]


async def test_a_serial_line_is_read_and_written() -> None:
    unit = counting_unit()
    async with SerialResponder(Bus({17: unit})) as line:
        connector = make([f"17!{text}" for text in ALL], mode="rtu", device=line.device, baudrate=115200)
        await connector.connect()
        assert (await read(connector)).number.tolist() == ALL_VALUES
        await connector.write(connector.tags[3], 1234)
        assert unit.get(Table.HOLDING, 51, "H") == 1234
        await connector.close()


async def test_serial_frames_over_tcp_are_read() -> None:
    async with (
        TcpResponder(Bus({1: counting_unit()}), rtu=True) as device,
        connected(device.port, ALL, mode="rtu-over-tcp") as connector,
    ):
        assert (await read(connector)).number.tolist() == ALL_VALUES


async def test_a_damaged_serial_frame_is_asked_for_again() -> None:
    bus = Bus({1: counting_unit()})
    spoilt = iter([True])

    def damage(transport: asyncio.WriteTransport, frame: bytes) -> None:
        transport.write(frame[:-3] + b"\xa5" + frame[-2:] if next(spoilt, False) else frame)

    async with SerialResponder(bus) as line:
        connector = make(["holding:5"], mode="rtu", device=line.device, baudrate=115200, answer_timeout_s=0.3)
        await connector.connect()
        bus.mangle = damage
        bus.heard.clear()
        assert (await read(connector)).number.tolist() == [5]
        assert len(bus.heard) == 2
        await connector.close()


async def test_a_silent_unit_on_a_serial_line_leaves_the_others_good() -> None:
    async with SerialResponder(Bus({1: counting_unit(), 3: counting_unit()})) as line:
        texts = ["1!holding:1", "2!holding:2", "3!holding:3"]
        connector = make(texts, mode="rtu", device=line.device, baudrate=115200, answer_timeout_s=0.3)
        await connector.connect()
        for _ in range(3):
            assert (await read(connector)).quality.tolist() == [GOOD, LOST, GOOD]
        await connector.close()


async def test_on_a_serial_line_the_answer_to_a_repeated_request_never_passes_for_the_next_one() -> None:
    bus = Bus({1: counting_unit()})
    delays = iter([0.75, 0.0, 0.15])

    def late(transport: asyncio.WriteTransport, frame: bytes) -> None:
        asyncio.get_running_loop().call_later(next(delays, 0.0), transport.write, frame)

    texts = ["holding:10", "holding:150"]
    async with (
        TcpResponder(bus, rtu=True) as device,
        connected(device.port, texts, mode="rtu-over-tcp", answer_timeout_s=0.4) as connector,
    ):
        bus.mangle = late
        assert (await read(connector)).number.tolist() == [10, 150]


async def test_noise_before_an_answer_on_a_serial_line_is_skipped() -> None:
    bus = Bus({1: counting_unit()})
    bus.mangle = lambda transport, frame: transport.write(b"\xff\x00\x3e" + frame)
    async with SerialResponder(bus) as line:
        connector = make(["holding:5", "coil:6"], mode="rtu", device=line.device, baudrate=115200)
        await connector.connect()
        assert (await read(connector)).number.tolist() == [5, 1]
        await connector.close()
