"""Answers that are spoilt, late or in pieces, and reads that are cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import numpy as np
import pytest

from lineshaft.edge.connectors.modbus.errors import LinkLost
from lineshaft.edge.connectors.modbus.responder import Bus, TcpResponder
from lineshaft.kernel.terms import Quality

from .conftest import GOOD, ILL, LOST, connected, counting_unit, make, read


def only_for(unit: int, spoil: Callable[[asyncio.WriteTransport, bytes], None]) -> Callable[..., None]:
    """Spoil one unit's answers and let the others through."""

    def mangle(transport: asyncio.WriteTransport, frame: bytes) -> None:
        if frame[6] == unit:
            spoil(transport, frame)
        else:
            transport.write(frame)

    return mangle


SPOILT: dict[str, tuple[Callable[[bytes], bytes], Quality]] = {
    "noise": (lambda frame: bytes(range(7, 200)), LOST),
    "empty frame": (lambda frame: frame[:4] + b"\0\1" + frame[6:7], LOST),
    "another function": (lambda frame: frame[:7] + b"\x10" + frame[8:], ILL),
    "an unknown function": (lambda frame: frame[:7] + b"\x63" + frame[8:], ILL),
    "byte count too small": (lambda frame: frame[:4] + b"\0\5" + frame[6:8] + b"\2\0\0", ILL),
    "byte count without bytes": (lambda frame: frame[:4] + b"\0\4" + frame[6:8] + b"\4\0", ILL),
    "exception without code": (lambda frame: frame[:4] + b"\0\2" + frame[6:7] + b"\x83", ILL),
    "another transaction": (lambda frame: b"\xff\xff" + frame[2:], LOST),
    "another unit": (lambda frame: frame[:6] + b"\x63" + frame[7:], LOST),
    "another protocol": (lambda frame: frame[:2] + b"\0\1" + frame[4:], LOST),
    "ten megabytes": (lambda frame: b"\0" * 10_000_000, LOST),
}


@pytest.mark.parametrize("name", SPOILT)
async def test_a_unit_that_answers_garbage_loses_only_its_own_tags(name: str) -> None:
    spoil, quality = SPOILT[name]
    bus = Bus({1: counting_unit(), 2: counting_unit(), 3: counting_unit()})
    texts = ["1!holding:1", "2!holding:2", "2!holding:3", "3!holding:4"]
    async with (
        TcpResponder(bus) as device,
        connected(device.port, texts, answer_timeout_s=0.4, retries=0) as connector,
    ):
        bus.mangle = only_for(2, lambda transport, frame: transport.write(spoil(frame)))
        readings = await read(connector)
        assert readings.quality.tolist() == [GOOD, quality, quality, GOOD]
        np.testing.assert_array_equal(readings.number, [1, np.nan, np.nan, 4])
        assert {p.path for p in connector.problems()} == {"p/t1", "p/t2"}
        bus.mangle = None
        await asyncio.sleep(1.3)
        await read(connector)  # asks unit 2 again, in the background
        await asyncio.sleep(0.1)
        assert (await read(connector)).number.tolist() == [1, 2, 3, 4]
        assert bus.accepted == 1


async def test_an_answer_in_pieces_and_one_with_a_stale_one_before_it_are_understood() -> None:
    bus = Bus({1: counting_unit()})

    def pieces(transport: asyncio.WriteTransport, frame: bytes) -> None:
        stale = b"\0\0" + frame[2:]
        loop = asyncio.get_running_loop()
        transport.write(stale + frame[:3])
        loop.call_later(0.01, transport.write, frame[3:9])
        loop.call_later(0.02, transport.write, frame[9:])

    async with TcpResponder(bus) as device, connected(device.port, ["holding:7", "holding:8"]) as connector:
        bus.mangle = pieces
        assert (await read(connector)).number.tolist() == [7, 8]


async def test_a_late_answer_never_passes_for_the_next_one() -> None:
    bus = Bus({1: counting_unit()})
    delays = iter([0.75, 0.0, 0.0])

    def late(transport: asyncio.WriteTransport, frame: bytes) -> None:
        asyncio.get_running_loop().call_later(next(delays, 0.0), transport.write, frame)

    texts = ["holding:10", "holding:150"]
    async with TcpResponder(bus) as device, connected(device.port, texts, answer_timeout_s=0.4) as connector:
        bus.mangle = late
        for _ in range(12):
            assert (await read(connector)).number.tolist() == [10, 150]
            await asyncio.sleep(0.05)


async def test_a_cancelled_read_leaves_the_link_usable() -> None:
    unit = counting_unit()
    async with TcpResponder(Bus({1: unit})) as device, connected(device.port, ["holding:4"]) as connector:
        plan = connector.plan(connector.tags)
        unit.delay_s = 0.2
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connector.read(plan), 0.05)
        unit.delay_s = 0.0
        assert (await connector.read(plan)).number.tolist() == [4]


async def test_close_ends_a_read_and_is_safe_twice_and_before_connecting() -> None:
    unit = counting_unit()
    async with TcpResponder(Bus({1: unit})) as device:
        connector = make(["holding:4"], host="127.0.0.1", port=device.port)
        await connector.close()
        await connector.connect()
        unit.silent = True
        reading = asyncio.create_task(read(connector))
        await asyncio.sleep(0.02)
        await connector.close()
        await connector.close()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(reading, 0.5)


async def test_several_connections_share_the_blocks_of_one_device() -> None:
    bus = Bus({1: counting_unit(1000)})
    texts = [f"holding:{n}" for n in range(1000)]
    async with TcpResponder(bus) as device, connected(device.port, texts, connections=4) as connector:
        assert bus.accepted == 4
        assert (await read(connector)).number.tolist() == list(range(1000))


async def test_a_pause_is_kept_between_requests() -> None:
    bus = Bus({1: counting_unit()})
    texts = [f"holding:{n}" for n in range(0, 100, 20)]
    async with TcpResponder(bus) as device, connected(device.port, texts, pause_s=0.05) as connector:
        began = time.monotonic()
        assert (await read(connector)).number.tolist() == [0, 20, 40, 60, 80]
        assert 0.2 <= time.monotonic() - began < 1
