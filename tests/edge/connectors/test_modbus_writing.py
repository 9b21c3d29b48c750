"""Values are written with the function each device knows, and nothing changes on refusal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.modbus import CONNECTOR, ModbusConnector
from lineshaft.edge.connectors.modbus.address import Table
from lineshaft.edge.connectors.modbus.errors import LinkLost, Refused, UnitSilent
from lineshaft.edge.connectors.modbus.responder import Bus, TcpResponder, Unit
from lineshaft.kernel.errors import Conflict, Invalid
from lineshaft.kernel.terms import Kind, PlantPath, Value

ROOT = PlantPath("p")


@asynccontextmanager
async def device(unit: Unit, **settings: Any) -> AsyncIterator[tuple[ModbusConnector, Bus]]:
    bus = Bus({1: unit})
    async with TcpResponder(bus) as responder:
        one = CONNECTOR(CONNECTOR.Settings(host="127.0.0.1", port=responder.port, **settings), [], root=ROOT)
        await one.connect()
        bus.heard.clear()
        yield one, bus
        await one.close()


def tag(address: str, **more: Any) -> Tag:
    return Tag(path=ROOT.child("x"), address=address, writable=True, **more)


def functions(bus: Bus) -> list[int]:
    return [heard[1] for heard in bus.heard]


@pytest.mark.parametrize(
    ("target", "value", "letter", "raw", "function"),
    [
        (tag("holding:5"), 7, "H", 7, 6),
        (tag("holding:5:int16", scale=0.1, offset=10.0), 7.5, "h", -25, 6),
        (tag("holding:5:int32"), -70000, "i", -70000, 16),
        (tag("holding:5:uint64"), 2**63 + 1, "Q", 2**63 + 1, 16),
        (tag("holding:5:float32", scale=1000.0), 2500, "f", 2.5, 16),
        (tag("holding:5:bcd16"), 1234, "H", 0x1234, 6),
        (tag("holding:5", kind=Kind.BOOLEAN), True, "H", 1, 6),
        (tag("holding:5.3"), True, "H", 0x8, 22),
        (tag("holding:5.4-7"), 0xA, "H", 0xA0, 22),
        (tag("holding:5.4-7:uint16:BA"), 0xA, "H", 0xA000, 22),
    ],
)
async def test_a_number_goes_out_unscaled_with_the_fitting_function(
    target: Tag, value: Value, letter: str, raw: float, function: int
) -> None:
    unit = Unit(registers=20)
    async with device(unit) as (one, bus):
        await one.write(target, value)
    assert unit.get(Table.HOLDING, 5, letter) == raw
    assert functions(bus) == [function]


async def test_byte_order_holds_for_writes() -> None:
    unit = Unit(registers=20)
    async with device(unit) as (one, _):
        for order in ("ABCD", "CDAB", "BADC", "DCBA"):
            await one.write(tag(f"holding:4:float32:{order}"), 123.5)
            assert unit.get(Table.HOLDING, 4, "f", order=order) == 123.5


async def test_text_is_written_in_its_encoding() -> None:
    unit = Unit(registers=20)
    async with device(unit) as (one, bus):
        await one.write(tag("holding:0:string[6]", kind=Kind.TEXT, options={"encoding": "gb18030"}), "水泵")
    assert unit.memory[Table.HOLDING][:6] == "水泵".encode("gb18030") + b"\0\0"
    assert functions(bus) == [16]


async def test_coils_are_switched() -> None:
    unit = Unit()
    async with device(unit) as (one, bus):
        await one.write(tag("coil:7", kind=Kind.BOOLEAN), True)
        assert unit.memory[Table.COIL][6:9] == b"\0\1\0"
        await one.write(tag("coil:7", kind=Kind.BOOLEAN), 0)
        assert unit.memory[Table.COIL][6:9] == b"\0\0\0"
    assert functions(bus) == [5, 5]


async def test_bits_change_without_their_neighbours_in_32_bits() -> None:
    unit = Unit(registers=20)
    unit.put(Table.HOLDING, 2, "I", 0xFFFF0000, order="CDAB")
    async with device(unit) as (one, bus):
        await one.write(tag("holding:2.8-23:uint32:CDAB"), 0x1234)
    assert unit.get(Table.HOLDING, 2, "I", order="CDAB") == 0xFF123400
    assert functions(bus) == [3, 16]


@pytest.mark.parametrize(
    ("missing", "target", "first", "then"),
    [
        (5, tag("coil:1"), [5, 15], [15]),
        (6, tag("holding:1"), [6, 16], [16]),
        (22, tag("holding:1.3"), [22, 3, 16], [3, 16]),
    ],
)
async def test_a_function_the_device_lacks_is_replaced_and_remembered(
    missing: int, target: Tag, first: list[int], then: list[int]
) -> None:
    unit = Unit(registers=20)
    unit.refuses.add(missing)
    unit.put(Table.HOLDING, 1, "H", 0x8000)
    async with device(unit) as (one, bus):
        await one.write(target, 1)
        assert functions(bus) == first
        bus.heard.clear()
        await one.write(target, 1)
        assert functions(bus) == then
    written = {5: bytes(unit.memory[Table.COIL][1:2]) == b"\1", 6: unit.get(Table.HOLDING, 1, "H") == 1}
    assert written.get(missing, unit.get(Table.HOLDING, 1, "H") == 0x8008)


@pytest.mark.parametrize(
    ("target", "value", "part"),
    [
        (tag("input:5"), 1, "read only"),
        (tag("discrete:5"), True, "read only"),
        (tag("holding:5"), 70000, "does not fit"),
        (tag("holding:5"), -1, "does not fit"),
        (tag("holding:5"), "open", "holds a number"),
        (tag("holding:5"), float("nan"), "holds a number"),
        (tag("holding:5:float32"), float("inf"), "holds a number"),
        (tag("holding:5:string[4]", kind=Kind.TEXT), 5, "holds text"),
        (tag("holding:5:string[4]", kind=Kind.TEXT), "too long", "does not fit"),
        (tag("holding:5", low=10.0, high=20.0), 9.99, "outside 10 to 20"),
        (tag("holding:5", low=10.0, high=20.0), 20.01, "outside 10 to 20"),
        (tag("holding:5", high=20.0), 21, "outside -inf to 20"),
        (tag("holding:5.4-7"), 16, "takes 0 to 15"),
        (tag("holding:5.3"), -1, "takes 0 to 1"),
        (tag("coil:5"), 2, "on or off"),
        (tag("nonsense"), 1, "not a Modbus address"),
    ],
)
async def test_a_wrong_write_is_refused_before_it_reaches_the_device(target: Tag, value: Value, part: str) -> None:
    unit = Unit(registers=20)
    before = {table: bytes(held) for table, held in unit.memory.items()}
    async with device(unit) as (one, bus):
        with pytest.raises(Invalid) as caught:
            await one.write(target, value)
        assert part in str(caught.value)
        assert not bus.heard
    assert unit.memory == before


async def test_the_device_refusing_is_told_with_its_reason() -> None:
    unit = Unit(registers=20)
    async with device(unit) as (one, _):
        with pytest.raises(Refused, match=r"Unit 1 refuses to write holding:20: illegal address \(exception 2\)"):
            await one.write(tag("holding:20"), 1)
        unit.fails_with = 6
        with pytest.raises(Refused, match=r"busy \(exception 6\)"):
            await one.write(tag("holding:1"), 1)


async def test_a_silent_device_times_out_and_a_broken_link_is_lost() -> None:
    unit = Unit(registers=20)
    async with device(unit, answer_timeout_s=0.1) as (one, bus):
        unit.silent = True
        with pytest.raises(UnitSilent, match=r"did not answer within 0\.1 s"):
            await one.write(tag("holding:1"), 1)
        unit.silent = False
        bus.mangle = lambda transport, frame: transport.close()
        with pytest.raises(LinkLost):
            await one.write(tag("holding:1"), 1)


@pytest.mark.parametrize(
    ("target", "value", "without_23", "heard"),
    [
        (tag("holding:3:float32"), 2.5, False, [23]),
        (tag("holding:3:float32"), 2.5, True, [23, 16, 3]),
        (tag("holding:3"), 9, True, [23, 6, 3]),
        (tag("coil:3"), True, False, [5, 1]),
    ],
)
async def test_verified_writes_read_back(target: Tag, value: Value, without_23: bool, heard: list[int]) -> None:
    unit = Unit(registers=20)
    if without_23:
        unit.refuses.add(23)
    async with device(unit, verify_writes=True) as (one, bus):
        await one.write(target, value)
        assert functions(bus) == heard


@pytest.mark.parametrize("without_23", [False, True])
async def test_a_verified_write_that_did_not_hold_is_an_error(without_23: bool) -> None:
    unit = Unit(registers=20)
    if without_23:
        unit.refuses.add(23)
    unit.on_write = lambda table, start, count: unit.put(Table.HOLDING, start, "H", 50)
    async with device(unit, verify_writes=True) as (one, _):
        with pytest.raises(Conflict, match="holds 00 32 instead of 00 64"):
            await one.write(tag("holding:3"), 100)
        await one.write(tag("holding:3"), 50)


async def test_bit_writes_at_the_same_time_do_not_undo_each_other() -> None:
    unit = Unit(registers=20)
    unit.refuses.add(22)
    async with device(unit) as (one, _):
        await asyncio.gather(*(one.write(tag(f"holding:1.{bit}"), True) for bit in range(16)))
    assert unit.get(Table.HOLDING, 1, "H") == 0xFFFF
