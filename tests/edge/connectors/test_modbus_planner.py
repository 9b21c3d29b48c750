"""Few requests for many tags, and never a value that differs from the one read alone."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.modbus import CONNECTOR
from lineshaft.edge.connectors.modbus.address import REGISTERS, Address, Table, parse
from lineshaft.edge.connectors.modbus.planner import Layout, Lessons, Limits, Span, group, lay_out, spans_of
from lineshaft.edge.connectors.modbus.responder import Bus, TcpResponder, Unit
from lineshaft.edge.connectors.modbus.settings import ModbusSettings
from lineshaft.kernel.terms import PlantPath, Quality

SETTINGS = ModbusSettings(host="192.0.2.1")


def spans(*ranges: tuple[int, int], table: Table = Table.HOLDING, unit: int = 1) -> list[Span]:
    return [Span(unit, table, start, count) for start, count in ranges]


def starts(groups: list[list[Span]]) -> list[list[int]]:
    return [[span.start for span in members] for members in groups]


def test_gaps_up_to_the_limit_are_read_over() -> None:
    found = group(spans((0, 2), (12, 2), (25, 2)), Limits(max_gap=10), Lessons())
    assert starts(found) == [[0, 12], [25]]


def test_without_gaps_only_touching_and_overlapping_spans_join() -> None:
    found = group(spans((0, 4), (1, 1), (4, 2), (7, 1)), Limits(max_gap=0), Lessons())
    assert starts(found) == [[0, 1, 4], [7]]


def test_a_request_never_passes_its_limit() -> None:
    found = group(spans(*((at, 2) for at in range(0, 400, 2))), Limits(), Lessons())
    assert [len(members) * 2 for members in found] == [124, 124, 124, 28]


def test_bits_have_their_own_limit() -> None:
    found = group(spans(*((at, 1) for at in range(2500)), table=Table.COIL), Limits(), Lessons())
    assert [len(members) for members in found] == [2000, 500]


def test_units_and_tables_are_never_mixed() -> None:
    mixed = spans((0, 1)) + spans((1, 1), unit=2) + spans((1, 1), table=Table.INPUT)
    assert [len(members) for members in group(sorted(mixed), Limits(), Lessons())] == [1, 1, 1]


def test_tags_of_one_register_share_a_span() -> None:
    addresses = [parse(text, SETTINGS) for text in ("holding:5", "holding:5.3", "holding:5:int16", "holding:5:uint32")]
    found = spans_of(enumerate(addresses))
    assert [(s.start, s.count, s.rows) for s in found] == [(5, 1, (0, 1, 2)), (5, 2, (3,))]


def test_requests_keep_to_one_side_of_a_cut() -> None:
    lessons = Lessons()
    lessons.cut((1, Table.HOLDING), 4)
    assert starts(group(spans((0, 2), (2, 2), (4, 2), (6, 2)), Limits(), lessons)) == [[0, 2], [4, 6]]


def test_the_version_grows_with_lessons_and_not_with_repetition() -> None:
    lessons = Lessons()
    lessons.cut((1, Table.HOLDING), 4)
    version = lessons.version
    lessons.cut((1, Table.HOLDING), 4)
    assert lessons.version == version == 1


TYPES = st.sampled_from([*REGISTERS, "bool"])
SPACE = 160


@st.composite
def addresses(draw: st.DrawFn) -> Address:
    kind = draw(TYPES)
    unit = draw(st.integers(1, 2))
    if kind == "bool":
        table = draw(st.sampled_from([Table.COIL, Table.DISCRETE]))
        return Address(unit=unit, table=table, start=draw(st.integers(0, SPACE - 1)), type="bool")
    count = REGISTERS[kind]
    low = draw(st.integers(0, count * 16 - 1))
    bits = (low, draw(st.integers(low, count * 16 - 1))) if kind.startswith("uint") and draw(st.booleans()) else None
    return Address(
        unit=unit,
        table=draw(st.sampled_from([Table.HOLDING, Table.INPUT])),
        start=draw(st.integers(0, SPACE - count)),
        count=count,
        type=kind,
        order=draw(st.sampled_from(["ABCD", "CDAB", "BADC", "DCBA"])),
        bits=bits,
    )


def memory(seed: int) -> dict[tuple[int, Table], bytes]:
    chance = random.Random(seed)
    return {
        (unit, table): bytes(chance.randrange(2) for _ in range(SPACE)) if table.bits else chance.randbytes(SPACE * 2)
        for unit in (1, 2)
        for table in Table
    }


def decode(layout: Layout, held: dict[tuple[int, Table], bytes], rows: int) -> tuple[list[float], list[int]]:
    """Fetch a layout's blocks from memory and decode them."""
    raw = b"".join(
        held[b.unit, b.table][b.start * b.table.width : (b.start + b.count) * b.table.width] for b in layout.blocks
    )
    assert len(raw) == layout.size
    number, quality = np.full(rows, np.nan), np.zeros(rows, np.uint8)
    layout.decoder.numbers(np.frombuffer(raw, np.uint8), number, quality)
    return number.tolist(), quality.tolist()


@given(
    tags=st.lists(addresses(), min_size=1, max_size=40),
    limits=st.builds(
        Limits, max_gap=st.integers(0, 30), max_registers=st.integers(4, 125), max_coils=st.integers(1, 2000)
    ),
    cuts=st.lists(st.tuples(st.integers(1, 2), st.sampled_from(list(Table)), st.integers(1, SPACE)), max_size=8),
    seed=st.integers(0, 2**32),
)
def test_every_tag_decodes_from_its_block_as_it_does_alone(
    tags: list[Address], limits: Limits, cuts: list[tuple[int, Table, int]], seed: int
) -> None:
    lessons, held = Lessons(), memory(seed)
    for unit, table, at in cuts:
        lessons.cut((unit, table), at)
    layout = lay_out(dict(enumerate(tags)), limits, lessons)
    numbers, qualities = decode(layout, held, len(tags))
    for row, tag in enumerate(tags):
        alone = decode(lay_out({0: tag}, Limits(), Lessons()), held, 1)
        np.testing.assert_equal((numbers[row], qualities[row]), (alone[0][0], alone[1][0]))
    assert all(block.count <= limits.most(block.table) for block in layout.blocks)


def open_connector(port: int, texts: list[str], **more: object) -> CONNECTOR:
    root = PlantPath("p")
    tags = [Tag(path=root.child(f"t{place}"), address=text) for place, text in enumerate(texts)]
    return CONNECTOR(CONNECTOR.Settings(host="127.0.0.1", port=port, **more), tags, root=root)


async def read_with_holes(wanted: list[tuple[int, int]], holes: set[int], max_gap: int) -> None:
    unit = Unit(registers=SPACE)
    for at in range(SPACE):
        unit.put(Table.HOLDING, at, "H", at * 3)
    unit.holes = {(Table.HOLDING, at) for at in holes}
    bus = Bus({1: unit})
    kinds = {1: "uint16", 2: "uint32", 4: "uint64"}
    async with TcpResponder(bus) as device:
        connector = open_connector(device.port, [f"holding:{s}:{kinds[c]}" for s, c in wanted], max_gap=max_gap)
        await connector.connect()
        plan = connector.plan(connector.tags)
        for _ in range(12):
            bus.heard.clear()
            readings = await connector.read(plan)
            for row, (start, count) in enumerate(wanted):
                if holes.intersection(range(start, start + count)):
                    assert readings.quality[row] == Quality.BAD_CONFIG_ERROR
                    assert np.isnan(readings.number[row])
                else:
                    assert readings.quality[row] == Quality.GOOD
                    expected = unit.get(Table.HOLDING, start, {1: "H", 2: "I", 4: "Q"}[count])
                    assert readings.number[row] == float(expected)
            if len(bus.heard) == len(plan.layout.blocks):
                break
        else:
            raise AssertionError("the splits are not remembered")
        await connector.close()


@settings(max_examples=40, deadline=None)
@given(
    wanted=st.lists(
        st.tuples(st.integers(0, SPACE - 4), st.sampled_from([1, 2, 4])), min_size=1, max_size=30, unique=True
    ),
    holes=st.sets(st.integers(0, SPACE - 1), max_size=12),
    max_gap=st.integers(0, 12),
)
def test_holes_cost_only_the_tags_that_touch_them(wanted: list[tuple[int, int]], holes: set[int], max_gap: int) -> None:
    asyncio.run(asyncio.wait_for(read_with_holes(wanted, holes, max_gap), 20))


async def test_37_tags_over_three_holes_take_three_requests_and_one_bad_register_spoils_one_tag() -> None:
    places = [*range(0, 26, 2), *range(100, 124, 2), *range(300, 324, 2)]
    assert len(places) == 37
    unit = Unit(registers=400)
    for place in places:
        unit.put(Table.HOLDING, place, "f", place / 4)
    bus = Bus({1: unit})
    async with TcpResponder(bus) as device:
        connector = open_connector(device.port, [f"holding:{place}:float32" for place in places])
        await connector.connect()
        plan = connector.plan(connector.tags)
        assert str(plan) == "37 tags → 3 requests"
        bus.heard.clear()
        readings = await connector.read(plan)
        assert [h[2:] for h in bus.heard] == [(0, 26), (100, 24), (300, 24)]
        assert readings.number.tolist() == [place / 4 for place in places]
        assert connector.problems() == []

        unit.holes.add((Table.HOLDING, 111))
        readings = await connector.read(plan)
        bad = places.index(110)
        assert readings.quality.tolist() == [Quality.BAD_CONFIG_ERROR if row == bad else 0 for row in range(37)]
        assert [(p.path, p.message) for p in connector.problems()] == [
            (f"p/t{bad}", "Unit 1 refuses to read 2 at holding:110: illegal address (exception 2).")
        ]

        bus.heard.clear()
        again = await connector.read(plan)
        assert [h[2:] for h in bus.heard] == [(0, 26), (100, 10), (112, 12), (300, 24)]
        assert again.quality.tolist() == readings.quality.tolist()
        assert np.delete(again.number, bad).tolist() == [p / 4 for p in places if p != 110]
        await connector.close()


@pytest.mark.parametrize("code", [2, 3])
async def test_a_device_that_takes_shorter_requests_only_is_learned(code: int) -> None:
    unit = Unit(registers=200)
    bus = Bus({1: unit})
    answer = unit.answer

    def grudging(pdu: bytes) -> bytes:
        return bytes([pdu[0] | 0x80, code]) if int.from_bytes(pdu[3:5], "big") > 40 else answer(pdu)

    unit.answer = grudging  # type: ignore[method-assign]
    async with TcpResponder(bus) as device:
        connector = open_connector(device.port, [f"holding:{place}" for place in range(120)])
        await connector.connect()
        plan = connector.plan(connector.tags)
        assert (await connector.read(plan)).quality.tolist() == [0] * 120
        bus.heard.clear()
        assert (await connector.read(plan)).quality.tolist() == [0] * 120
        assert [h[3] for h in bus.heard] == [30, 30, 30, 30]
        await connector.close()


async def test_a_refused_tag_is_asked_again_when_its_time_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineshaft.edge.connectors.modbus.reader.REFUSED_AGAIN_S", 0.05)
    unit = Unit(registers=20)
    unit.holes.add((Table.HOLDING, 3))
    async with TcpResponder(Bus({1: unit})) as device:
        connector = open_connector(device.port, ["holding:2", "holding:3"])
        await connector.connect()
        plan = connector.plan(connector.tags)
        assert (await connector.read(plan)).quality.tolist() == [0, Quality.BAD_CONFIG_ERROR]
        unit.holes.clear()
        await asyncio.sleep(0.06)
        await connector.read(plan)
        assert (await connector.read(plan)).quality.tolist() == [0, 0]
        assert connector.problems() == []
        await connector.close()
