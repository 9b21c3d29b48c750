"""Values are read over real sockets and lines, whatever the devices behind them do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from lineshaft.edge.connectors import Readings, Tag
from lineshaft.edge.connectors.modbus import CONNECTOR, ModbusConnector
from lineshaft.edge.connectors.modbus.address import Table
from lineshaft.edge.connectors.modbus.errors import LinkLost
from lineshaft.edge.connectors.modbus.responder import Bus, SerialResponder, TcpResponder, Unit
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import Kind, PlantPath, Quality

GOOD, CONFIG, LOST, ILL = 0, Quality.BAD_CONFIG_ERROR, Quality.BAD_NOT_CONNECTED, Quality.BAD_DEVICE_FAILURE
ROOT = PlantPath("p")


def make(texts: Sequence[str], *, tags: Sequence[Tag] = (), **settings: Any) -> ModbusConnector:
    made = [Tag(path=ROOT.child(f"t{n}"), address=text) for n, text in enumerate(texts)]
    return CONNECTOR(CONNECTOR.Settings(**settings), [*made, *tags], root=ROOT)


@asynccontextmanager
async def connected(port: int, texts: Sequence[str], **settings: Any) -> AsyncIterator[ModbusConnector]:
    connector = make(texts, host="127.0.0.1", port=port, **settings)
    await connector.connect()
    try:
        yield connector
    finally:
        await connector.close()


async def read(connector: ModbusConnector) -> Readings:
    """Read all tags once, with a new plan."""
    return await asyncio.wait_for(connector.read(connector.plan(connector.tags)), 10)


def counting_unit(registers: int = 200) -> Unit:
    """A unit whose register n holds n, and whose every third bit is on."""
    unit = Unit(registers=registers)
    for table in (Table.HOLDING, Table.INPUT):
        unit.put(table, 0, "H", *range(registers))
    for table in (Table.COIL, Table.DISCRETE):
        unit.set_bits(table, 0, *(place % 3 == 0 for place in range(1000)))
    return unit


async def test_readings_within_a_millisecond_have_moments_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one series and moment the store keeps one value: a poll that is late must not take the place of another."""
    clock = iter([5_000_100, 5_000_200, 5_000_300, 5_010_000, 4_000_000])
    monkeypatch.setattr("lineshaft.edge.connectors.modbus.connector.now_us", lambda: next(clock))
    unit = counting_unit()
    async with TcpResponder(Bus({1: unit})) as responder, connected(responder.port, ["holding:7"]) as connector:
        plan = connector.plan(connector.tags)
        told = []
        for value in range(5):
            unit.put(Table.HOLDING, 7, "H", value)
            readings = await connector.read(plan)
            told.append((readings.ts.tolist(), readings.number.tolist()))
    assert told == [
        ([5_000_000], [0.0]),
        ([5_001_000], [1.0]),
        ([5_002_000], [2.0]),
        ([5_010_000], [3.0]),
        ([4_000_000], [4.0]),
    ]


async def test_all_four_tables_are_read_scaled_and_stamped_once() -> None:
    tags = [
        Tag(path=ROOT.child("scaled"), address="holding:100", scale=0.1, offset=-5.0),
        Tag(path=ROOT.child("text"), address="input:0:string[4]", kind=Kind.TEXT),
    ]
    unit = counting_unit()
    unit.memory[Table.INPUT][0:4] = b"TK-1"
    async with TcpResponder(Bus({1: unit})) as device:
        connector = make(
            ["coil:3", "coil:4", "discrete:999", "input:50"], tags=tags, host="127.0.0.1", port=device.port
        )
        await connector.connect()
        before = time.time_ns() // 1000
        readings = await read(connector)
        await connector.close()
    assert [readings.paths[place] for place in readings.index] == [tag.path for tag in connector.tags]
    np.testing.assert_array_equal(readings.number, [1, 0, 1, 50, 100 * 0.1 - 5, np.nan])
    assert readings.text == [None, None, None, None, None, "TK-1"]
    assert readings.quality.tolist() == [GOOD] * 6
    assert len(set(readings.ts.tolist())) == 1
    assert readings.ts[0] % 1000 == 0
    assert abs(int(readings.ts[0]) - before) < 2_000_000


async def test_a_part_of_the_tags_fills_only_its_own_paths() -> None:
    async with (
        TcpResponder(Bus({1: counting_unit()})) as device,
        connected(device.port, [f"holding:{n}" for n in range(10)]) as connector,
    ):
        readings = await connector.read(connector.plan(connector.tags[3:5]))
        assert [readings.paths[place] for place in readings.index] == ["p/t3", "p/t4"]
        assert readings.number.tolist() == [3, 4]


async def test_a_tag_that_is_only_tried_gets_a_path_of_its_own() -> None:
    trial = Tag(path=PlantPath("p/trial"), address="holding:42")
    async with TcpResponder(Bus({1: counting_unit()})) as device, connected(device.port, ["holding:0"]) as connector:
        readings = await connector.read(connector.plan([trial]))
        assert [readings.paths[place] for place in readings.index] == ["p/trial"]
        assert readings.number.tolist() == [42]


async def test_an_unreadable_address_spoils_only_its_own_tag() -> None:
    async with (
        TcpResponder(Bus({1: counting_unit()})) as device,
        connected(device.port, ["holding:1", "nonsense", "holding:3"]) as connector,
    ):
        readings = await read(connector)
        assert readings.quality.tolist() == [GOOD, CONFIG, GOOD]
        np.testing.assert_array_equal(readings.number, [1, np.nan, 3])
        assert [p.path for p in connector.problems()] == ["p/t1"]


async def test_with_only_unreadable_addresses_everything_is_a_configuration_error() -> None:
    async with TcpResponder(Bus({1: counting_unit()})) as device, connected(device.port, ["nonsense"]) as connector:
        assert (await read(connector)).quality.tolist() == [CONFIG]


@pytest.mark.parametrize(
    ("code", "quality"),
    [
        (1, CONFIG),
        (2, CONFIG),
        (3, CONFIG),
        (4, ILL),
        (5, ILL),
        (6, ILL),
        (7, ILL),
        (8, ILL),
        (10, LOST),
        (11, LOST),
        (99, ILL),
    ],
)
async def test_each_exception_code_has_its_quality(code: int, quality: Quality) -> None:
    sick = counting_unit()
    sick.fails_with = code
    async with (
        TcpResponder(Bus({1: counting_unit(), 2: sick})) as device,
        connected(device.port, ["1!holding:5", "2!holding:5", "2!holding:6"]) as connector,
    ):
        readings = await read(connector)
        assert readings.quality.tolist() == [GOOD, quality, quality]
        sick.fails_with = 0
        if quality == ILL:
            assert (await read(connector)).quality.tolist() == [GOOD, GOOD, GOOD]


async def test_a_register_a_device_fails_on_is_told_from_a_device_that_fails() -> None:
    unit = counting_unit()
    answer = unit.answer

    def failing(pdu: bytes) -> bytes:
        start, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        return bytes([pdu[0] | 0x80, 4]) if start <= 6 < start + count else answer(pdu)

    unit.answer = failing  # type: ignore[method-assign]
    async with (
        TcpResponder(Bus({1: unit})) as device,
        connected(device.port, [f"holding:{n}" for n in range(10)]) as connector,
    ):
        assert (await read(connector)).quality.tolist() == [ILL if n == 6 else GOOD for n in range(10)]


async def test_a_missing_table_is_asked_once_and_not_again() -> None:
    unit = counting_unit()
    unit.refuses.add(2)
    bus = Bus({1: unit})
    async with (
        TcpResponder(bus) as device,
        connected(device.port, ["holding:1", *(f"discrete:{n}" for n in range(20))]) as connector,
    ):
        assert (await read(connector)).quality.tolist() == [GOOD] + [CONFIG] * 20
        bus.heard.clear()
        assert (await read(connector)).quality.tolist() == [GOOD] + [CONFIG] * 20
        assert [heard[1] for heard in bus.heard] == [3]
        assert len(connector.problems()) == 20


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


async def test_nan_from_a_device_is_bad_and_its_neighbour_good() -> None:
    unit = Unit(registers=4)
    unit.put(Table.HOLDING, 0, "f", float("nan"), 2.5)
    async with (
        TcpResponder(Bus({1: unit})) as device,
        connected(device.port, ["holding:0:float32", "holding:2:float32"]) as connector,
    ):
        readings = await read(connector)
        np.testing.assert_array_equal(readings.number, [np.nan, 2.5])
        assert readings.quality.tolist() == [Quality.BAD_NO_DATA, GOOD]


# ---- serial lines ----

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


# ---- an independent peer ----


async def test_pymodbus_as_a_server_is_read_and_written() -> None:
    holding = [
        SimData(0, values=[1.5, -2.25], datatype=DataType.FLOAT32),
        SimData(10, values=7, datatype=DataType.INT16),
    ]
    bits = [SimData(0, values=[True, False, True] + [False] * 13, datatype=DataType.BITS)]
    inputs = [SimData(0, values=[500, 501], datatype=DataType.UINT16)]
    device = SimDevice(1, simdata=(bits, bits, holding, inputs))
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.listen()
    port = server.transport.sockets[0].getsockname()[1]
    texts = ["holding:0:float32", "holding:2:float32", "holding:10:int16", "holding:11", "coil:2", "input:1"]
    try:
        async with connected(port, texts) as connector:
            readings = await read(connector)
            assert readings.quality.tolist() == [GOOD, GOOD, GOOD, CONFIG, GOOD, GOOD]
            np.testing.assert_array_equal(readings.number, [1.5, -2.25, 7, np.nan, 1, 501])
            await connector.write(connector.tags[0], 88.5)
            await connector.write(connector.tags[2], -9)
            await connector.write(connector.tags[4], False)
            np.testing.assert_array_equal((await read(connector)).number, [88.5, -2.25, -9, np.nan, 0, 501])
    finally:
        await server.shutdown()
