"""Reading OPC UA: every sort of value, by subscription and by polling, from a real server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.structures104 import new_struct, new_struct_field

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.opcua import OpcUa, OpcUaSettings
from lineshaft.edge.connectors.opcua.fake import PackagingLine, ReplayServer
from lineshaft.kernel.terms import Kind, PlantPath, Quality

pytestmark = pytest.mark.asyncio(loop_scope="module")

URI = "urn:lineshaft:packaging-line"
AT = datetime(2026, 3, 1, 8, 30, 0, 250_000, tzinfo=UTC)
AT_US = 1_772_353_800_250_000
BIG = 2**53 + 1


class Values:
    """The packaging line with one node of every sort beside it."""

    def __init__(self) -> None:
        self.line = PackagingLine(tick_s=0.1, pace=3.0)
        self.device = self.line.device
        self.folder: Any = None

    async def start(self) -> None:
        await self.line.start()
        self.folder = await self.device.server.nodes.objects.add_folder(self.device.index, "Values")
        for key, (value, kind) in PLAIN.items():
            await self.device.add(self.folder, key, key, value, kind=kind)
        await self._with_words("Multi", 1, "EnumStrings", [ua.LocalizedText("Off"), ua.LocalizedText("On")])
        pairs = [ua.EnumValueType(Value=v, DisplayName=ua.LocalizedText(t)) for v, t in ((10, "Slow"), (20, "Fast"))]
        await self._with_words("Sparse", 20, "EnumValues", pairs)
        states = await self.device.add(self.folder, "TwoState", "TwoState", True, kind=ua.VariantType.Boolean)
        await states.add_property(0, "TrueState", ua.LocalizedText("Open"))
        await states.add_property(0, "FalseState", ua.LocalizedText("Shut"))
        await self._structure()
        await self.device.set({key: value for key, (value, _) in PLAIN.items()}, AT)

    async def _with_words(self, key: str, value: int, name: str, words: Any) -> None:
        node = await self.device.add(self.folder, key, key, value, kind=ua.VariantType.Int32)
        await node.add_property(0, name, words)

    async def _structure(self) -> None:
        fields = [new_struct_field("Bottles", ua.VariantType.UInt32), new_struct_field("Name", ua.VariantType.String)]
        await new_struct(self.device.server, self.device.index, "TestRecipe", fields)
        await self.device.server.load_data_type_definitions()
        recipe = ua.TestRecipe(Bottles=720, Name="Cola")
        await self.device.add(self.folder, "Recipe", "Recipe", recipe, kind=ua.VariantType.ExtensionObject)


PLAIN: dict[str, tuple[Any, ua.VariantType]] = {
    "Double": (21.25, ua.VariantType.Double),
    "Float": (0.5, ua.VariantType.Float),
    "Int16": (-7, ua.VariantType.Int16),
    "UInt32": (4_000_000_000, ua.VariantType.UInt32),
    "Int64": (BIG, ua.VariantType.Int64),
    "Boolean": (True, ua.VariantType.Boolean),
    "String": ("läuft", ua.VariantType.String),
    "Moment": (datetime(2026, 1, 31, 8, 0, tzinfo=UTC), ua.VariantType.DateTime),
    "Text": (ua.LocalizedText("Bereit"), ua.VariantType.LocalizedText),
    "Guid": (uuid.UUID(int=5), ua.VariantType.Guid),
    "Bytes": (b"\x00\xff", ua.VariantType.ByteString),
    "Temps": ([1.5, 2.5, 3.5], ua.VariantType.Double),
    "Matrix": ([[1, 2], [3, 4]], ua.VariantType.Int32),
    "Words": (["a", "b"], ua.VariantType.String),
    "Literal[0]": (99.0, ua.VariantType.Double),
    "Literal": ([1.0, 2.0], ua.VariantType.Double),
    "NaN": (math.nan, ua.VariantType.Double),
    "Infinite": (math.inf, ua.VariantType.Double),
    "Coming": (1.0, ua.VariantType.Double),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def values() -> AsyncIterator[Values]:
    served = Values()
    await served.start()
    yield served
    await served.line.stop()


def tag(path: str, address: str, kind: Kind = Kind.NUMBER, **more: Any) -> Tag:
    return Tag(path=PlantPath(f"acme/{path}"), address=address, kind=kind, **more)


@contextlib.asynccontextmanager
async def reading(url: str, tags: list[Tag], sink: Any, **settings: Any) -> AsyncIterator[OpcUa]:
    """A connector that delivers into the sink while the block runs."""
    connector = OpcUa(OpcUaSettings(url=url, **settings), tags, root=PlantPath("acme"))
    await asyncio.wait_for(connector.connect(), 10)
    task = asyncio.create_task(connector.subscribe(sink))
    try:
        yield connector
        assert not task.done() or task.exception() is None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connector.close()


async def one(values: Values, sink: Any, key: str, kind: Kind = Kind.NUMBER, **more: Any) -> Any:
    """The first row of a tag on `ns=2;s=<key>`."""
    async with reading(values.device.url, [tag("x", f"ns=2;s={key}", kind, **more)], sink):
        await sink.until(lambda: sink.rows)
    return sink.rows[0]


@pytest.mark.parametrize(
    ("key", "kind", "number"),
    [
        ("Double", Kind.NUMBER, 21.25),
        ("Float", Kind.NUMBER, 0.5),
        ("Int16", Kind.INTEGER, -7.0),
        ("UInt32", Kind.INTEGER, 4e9),
        ("Int64", Kind.INTEGER, float(2**53)),
        ("Boolean", Kind.BOOLEAN, 1.0),
        ("Moment", Kind.NUMBER, 1_769_846_400.0),
        ("Multi", Kind.INTEGER, 1.0),
        ("Temps[2]", Kind.NUMBER, 3.5),
        ("Matrix[1,0]", Kind.INTEGER, 3.0),
        ("Literal[0]", Kind.NUMBER, 99.0),
        ("Literal[1]", Kind.NUMBER, 2.0),
    ],
)
async def test_numbers(values: Values, sink: Any, key: str, kind: Kind, number: float) -> None:
    row = await one(values, sink, key, kind)
    assert (row.number, row.text, row.quality) == (number, None, Quality.GOOD)


@pytest.mark.parametrize(
    ("key", "kind", "text"),
    [
        ("String", Kind.TEXT, "läuft"),
        ("Text", Kind.TEXT, "Bereit"),
        ("Moment", Kind.TEXT, "2026-01-31T08:00:00Z"),
        ("Guid", Kind.TEXT, "00000000-0000-0000-0000-000000000005"),
        ("Bytes", Kind.TEXT, "AP8="),
        ("Int64", Kind.TEXT, str(BIG)),
        ("Double", Kind.TEXT, "21.25"),
        ("Boolean", Kind.TEXT, "true"),
        ("Temps", Kind.TEXT, "[1.5,2.5,3.5]"),
        ("Matrix", Kind.TEXT, "[[1,2],[3,4]]"),
        ("Words", Kind.TEXT, '["a","b"]'),
        ("Words[1]", Kind.TEXT, "b"),
        ("Recipe", Kind.TEXT, '{"Bottles":720,"Name":"Cola"}'),
        ("Multi", Kind.ENUM, "On"),
        ("Sparse", Kind.ENUM, "Fast"),
        ("TwoState", Kind.ENUM, "Open"),
        ("Int16", Kind.ENUM, "-7"),
    ],
)
async def test_texts(values: Values, sink: Any, key: str, kind: Kind, text: str) -> None:
    row = await one(values, sink, key, kind)
    assert math.isnan(row.number)
    assert (row.text, row.quality) == (text, Quality.GOOD)


async def test_the_tags_own_words_win(values: Values, sink: Any) -> None:
    row = await one(values, sink, "Multi", Kind.ENUM, options={"names": {"0": "Aus", "1": "Ein"}})
    assert row.text == "Ein"


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
async def test_a_browse_path_leads_to_the_same_value_as_the_node_id(values: Values, sink: Any, mode: str) -> None:
    index = values.device.index
    tags = [
        tag("browsed", f"/0:Objects/{index}:Values/{index}:Double"),
        tag("by-id", "ns=2;s=Double"),
        tag("nowhere", f"/0:Objects/{index}:Values/{index}:Nobody"),
    ]
    async with reading(values.device.url, tags, sink, mode=mode) as connector:
        await sink.until(lambda: {row.path for row in sink.rows} == {each.path for each in tags})
        below = await connector.browse(f"/0:Objects/{index}:Values")
    assert {row.path: row.number for row in sink.rows if row.quality == Quality.GOOD} == {
        "acme/browsed": 21.25,
        "acme/by-id": 21.25,
    }
    assert [problem.message for problem in sink.problems] == [
        f"The server has no node at /0:Objects/{index}:Values/{index}:Nobody."
    ]
    assert "Double" in {node.name for node in below}


async def test_scale_and_offset(values: Values, sink: Any) -> None:
    assert (await one(values, sink, "Int16", scale=0.5, offset=10.0)).number == 6.5


async def test_the_source_time_is_kept(values: Values, sink: Any) -> None:
    assert (await one(values, sink, "Double")).ts == AT_US


@pytest.mark.parametrize(("key", "quality"), [("NaN", Quality.BAD_NO_DATA), ("Infinite", Quality.BAD_OUT_OF_RANGE)])
async def test_what_is_no_number_is_bad(values: Values, sink: Any, key: str, quality: Quality) -> None:
    row = await one(values, sink, key)
    assert (math.isnan(row.number), row.quality) == (True, quality)


@pytest.mark.parametrize(
    ("key", "kind", "quality", "message"),
    [
        ("Temps", Kind.NUMBER, Quality.BAD_TYPE, "is an array; add [0]"),
        ("String", Kind.NUMBER, Quality.BAD_TYPE, "holds str, not a number"),
        ("Temps[3]", Kind.NUMBER, Quality.BAD_CONFIG_ERROR, "the array has 3 elements"),
        ("Double[0]", Kind.NUMBER, Quality.BAD_CONFIG_ERROR, "is no array"),
    ],
)
async def test_a_value_that_does_not_fit_is_bad_and_named(
    values: Values, sink: Any, key: str, kind: Kind, quality: Quality, message: str
) -> None:
    row = await one(values, sink, key, kind)
    assert (row.quality, row.text, math.isnan(row.number)) == (quality, None, True)
    assert [message in problem.message for problem in sink.problems] == [True]


@pytest.mark.parametrize(
    ("status", "quality", "number"),
    [
        ("GoodLocalOverride", Quality.GOOD_LOCAL_OVERRIDE, 5.0),
        ("UncertainLastUsableValue", Quality.UNCERTAIN_LAST_USABLE, 5.0),
        ("UncertainSubNormal", Quality.UNCERTAIN, 5.0),
        ("BadSensorFailure", Quality.BAD_DEVICE_FAILURE, None),
        ("BadNotConnected", Quality.BAD_NOT_CONNECTED, None),
        ("BadOutOfService", Quality.BAD, None),
    ],
)
async def test_status_codes_become_qualities(
    values: Values, sink: Any, status: str, quality: Quality, number: float | None
) -> None:
    await values.device.set({"Coming": 5.0}, status=getattr(ua.StatusCodes, status))
    row = await one(values, sink, "Coming")
    await values.device.set({"Coming": 1.0})
    assert row.quality == quality
    assert row.number == number if number is not None else math.isnan(row.number)


MIXED = [
    tag("good", "ns=2;s=Double"),
    tag("missing", "ns=2;s=Nobody"),
    tag("foreign", "nsu=urn:not:here;s=Double"),
    tag("by-uri", f"nsu={URI};s=Double"),
    tag("element", "ns=2;s=Temps[0]"),
    tag("again", "ns=2;s=Double", scale=2.0),
]


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
async def test_bad_tags_never_stop_the_others(values: Values, sink: Any, mode: str) -> None:
    tags = list(MIXED)
    async with reading(values.device.url, tags, sink, mode=mode) as connector:
        await sink.until(lambda: {row.path for row in sink.rows} == {each.path for each in tags})
        await asyncio.sleep(0.2)
        group = connector.plan(tags[:3])
        read = await asyncio.wait_for(connector.read(group), 5)
    last = {row.path: (row.number, row.quality) for row in sink.rows if row.quality == Quality.GOOD}
    assert last == {
        "acme/good": (21.25, 0),
        "acme/by-uri": (21.25, 0),
        "acme/element": (1.5, 0),
        "acme/again": (42.5, 0),
    }
    assert {row.path for row in sink.rows if row.quality == Quality.BAD_CONFIG_ERROR} == {
        "acme/missing",
        "acme/foreign",
    }
    assert sorted(problem.path for problem in sink.problems) == ["acme/foreign", "acme/missing"]
    assert "ns=2;s=Nobody" in next(p.message for p in sink.problems if p.path == "acme/missing")
    assert [read.paths[i] for i in read.index] == ["acme/good", "acme/missing", "acme/foreign"]
    assert read.quality.tolist() == [Quality.GOOD, Quality.BAD_CONFIG_ERROR, Quality.BAD_CONFIG_ERROR]
    assert read.number[0] == 21.25


async def test_polling_reads_at_the_pace_of_each_tag(values: Values, sink: Any) -> None:
    fast = tag("fast", "ns=2;s=Double", every=timedelta(milliseconds=50))
    slow = tag("slow", "ns=2;s=Double", every=timedelta(milliseconds=400))
    async with reading(values.device.url, [fast, slow], sink, mode="poll"):
        await sink.until(lambda: len(sink.of("acme/slow")) == 3)
    assert 12 <= len(sink.of("acme/fast")) <= 20


async def test_a_node_that_vanishes_is_named_and_comes_back_by_itself(values: Values, sink: Any) -> None:
    device = values.device
    node = await device.add(values.folder, "Brief", "Brief", 1.0, kind=ua.VariantType.Double)
    tags = [tag("brief", "ns=2;s=Brief"), tag("good", "ns=2;s=Coming")]
    async with reading(device.url, tags, sink, recheck_s=0.2):
        await sink.until(lambda: len(sink.rows) == 2)
        # asyncua would call the callbacks of the node without awaiting them.
        device.server.iserver.aspace[node.nodeid].attributes[ua.AttributeIds.Value].datachange_callbacks.clear()
        await device.server.delete_nodes([node])
        await sink.until(lambda: sink.last("acme/brief").quality == Quality.BAD_CONFIG_ERROR)
        await device.set({"Coming": 7.0})
        await sink.until(lambda: sink.last("acme/good").number == 7.0)
        await device.add(values.folder, "Brief", "Brief", 3.0, kind=ua.VariantType.Double)
        await sink.until(lambda: sink.last("acme/brief").number == 3.0)
        await device.set({"Brief": 4.0})
        await sink.until(lambda: sink.last("acme/brief").number == 4.0)
    assert [problem.path for problem in sink.problems] == ["acme/brief"]
    await device.set({"Coming": 1.0})


async def test_changes_come_in_order_and_none_is_lost(values: Values, sink: Any) -> None:
    async with reading(values.device.url, [tag("x", "ns=2;s=Coming")], sink, queue=1000):
        await sink.until(lambda: sink.rows)
        for number in range(500):
            await values.device.set({"Coming": float(number)})
            if number % 20 == 0:
                await asyncio.sleep(0.01)
        await sink.until(lambda: sink.rows[-1].number == 499.0)
    numbers = [row.number for row in sink.rows]
    assert numbers[-500:] == [float(number) for number in range(500)]


async def test_rapid_changes_leave_in_batches(values: Values, sink: Any) -> None:
    sizes: list[int] = []
    put = sink.put

    async def counting(readings: Any) -> None:
        sizes.append(len(readings))
        await put(readings)

    sink.put = counting
    async with reading(values.device.url, [tag("x", "ns=2;s=Coming")], sink, publishing_s=0.01, queue=1000):
        await sink.until(lambda: sink.rows)
        began = asyncio.get_running_loop().time()
        for number in range(100):
            await values.device.set({"Coming": float(number)})
            await asyncio.sleep(0.01)
        await sink.until(lambda: sink.rows[-1].number == 99.0)
        took = asyncio.get_running_loop().time() - began
    assert [row.number for row in sink.rows[-100:]] == [float(number) for number in range(100)]
    assert len(sizes) <= took / 0.05 + 2


async def test_a_sink_that_waits_holds_the_server_back(values: Values, sink: Any) -> None:
    free = asyncio.Event()
    puts = 0
    put = sink.put

    async def waiting(readings: Any) -> None:
        nonlocal puts
        puts += 1
        await free.wait()
        await put(readings)

    sink.put = waiting
    async with reading(values.device.url, [tag("x", "ns=2;s=Coming")], sink, queue=3):
        for number in range(40):
            await values.device.set({"Coming": float(number)})
            await asyncio.sleep(0.02)
        assert puts == 1
        free.set()
        await sink.until(lambda: sink.rows and sink.rows[-1].number == 39.0)
    assert len(sink.rows) < 40


async def test_the_line_lives(values: Values, sink: Any) -> None:
    tags = [
        tag("speed", "ns=2;s=Filler.Speed"),
        tag("state", "nsu=urn:lineshaft:packaging-line;s=Filler.State", Kind.ENUM),
        tag("number", "ns=2;s=Filler.State", Kind.INTEGER),
        tag("valve", "ns=2;s=Filler.FillVolumes[3]"),
        tag("valves", "ns=2;s=Filler.FillVolumes", Kind.TEXT),
        tag("good", "ns=2;s=Filler.Good", Kind.INTEGER),
    ]
    async with reading(values.line.url, tags, sink):
        await sink.until(lambda: sink.of("acme/speed") and sink.last("acme/speed").number > 20, 15)
        await sink.until(lambda: sink.last("acme/state").text == "Execute")
        await sink.until(lambda: sink.last("acme/number").number == 6.0)
        await sink.until(lambda: sink.last("acme/good").number > 0)
    volumes = json.loads(sink.last("acme/valves").text)
    assert len(volumes) == 8
    assert sink.last("acme/valve").number == volumes[3]
    assert sink.problems == []


async def test_a_recording_is_served_as_a_machine(sink: Any) -> None:
    kinds = {"Running": Kind.BOOLEAN, "Note": Kind.TEXT, "Parts": Kind.INTEGER}
    names = ["Volume Flow RateRMS", "Running", "Note", "Parts"]
    async with ReplayServer(names, {"Volume Flow RateRMS": "l/min"}, kinds=kinds) as server:
        tags = [tag(f"c{n}", server.addresses[name], kinds.get(name, Kind.NUMBER)) for n, name in enumerate(names)]
        async with reading(server.url, tags, sink) as connector:
            await sink.until(lambda: len(sink.rows) == 4)
            assert {row.quality for row in sink.rows} == {Quality.BAD_NO_DATA}
            row = {"Volume Flow RateRMS": 32.5, "Running": True, "Note": "ok", "Parts": 7}
            await server.set(row, AT_US)
            await sink.until(lambda: len(sink.rows) == 8)
            (below,) = [n for n in await connector.browse() if n.name == "Replay"]
            shown = {n.name: n for n in await connector.browse(below.address)}
    assert {(r.path, r.ts, r.text, r.quality) for r in sink.rows[4:]} == {
        ("acme/c0", AT_US, None, 0),
        ("acme/c1", AT_US, None, 0),
        ("acme/c2", AT_US, "ok", 0),
        ("acme/c3", AT_US, None, 0),
    }
    assert [sink.last(f"acme/c{n}").number for n in (0, 1, 3)] == [32.5, 1.0, 7.0]
    assert shown["Volume Flow RateRMS"].unit == "L/min"


async def test_a_server_tells_the_units_of_tags_that_name_none(values: Values, sink: Any) -> None:
    told: dict[str, str] = {}
    keep = sink.put

    async def put(readings: Any) -> None:
        told.update(readings.units)
        await keep(readings)

    sink.put = put
    tags = [
        tag("speed", "ns=2;s=Filler.Speed"),
        tag("fill", "ns=2;s=Filler.TankLevel", unit="L"),
        tag("plain", "ns=2;s=Double"),
    ]
    async with reading(values.device.url, tags, sink):
        await sink.until(lambda: len({row.path for row in sink.rows}) == 3)
    assert told == {"acme/speed": "/min", "acme/plain": ""}
