"""What Modbus devices say: tables, scales, moments, qualities, and addresses that cannot be read."""

from __future__ import annotations

import time

import numpy as np
import pytest

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.modbus.address import Table
from lineshaft.edge.connectors.modbus.responder import Bus, TcpResponder, Unit
from lineshaft.kernel.terms import Kind, PlantPath, Quality

from .conftest import CONFIG, GOOD, ILL, LOST, ROOT, connected, counting_unit, make, read


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
