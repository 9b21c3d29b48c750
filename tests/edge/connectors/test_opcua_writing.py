"""Writing to and browsing an OPC UA server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua

from lineshaft.edge.connectors import Node, Tag
from lineshaft.edge.connectors.opcua import OpcUa, OpcUaSettings
from lineshaft.edge.connectors.opcua.fake import PackagingLine
from lineshaft.kernel.errors import Forbidden, Invalid, NotFound, PlatformError, Unavailable
from lineshaft.kernel.terms import Kind, PlantPath, Value

pytestmark = pytest.mark.asyncio(loop_scope="module")

URI = "urn:lineshaft:packaging-line"
TARGETS: dict[str, tuple[Any, ua.VariantType]] = {
    "W.Int16": (0, ua.VariantType.Int16),
    "W.UInt64": (0, ua.VariantType.UInt64),
    "W.Float": (0.0, ua.VariantType.Float),
    "W.Bool": (False, ua.VariantType.Boolean),
    "W.Text": ("", ua.VariantType.String),
    "W.Local": (ua.LocalizedText(""), ua.VariantType.LocalizedText),
    "W.Moment": (datetime(2026, 1, 1, tzinfo=UTC), ua.VariantType.DateTime),
    "W.Array": ([1, 2, 3], ua.VariantType.Int32),
    "W.Matrix": ([[1, 2], [3, 4]], ua.VariantType.Int32),
    "W.Bytes": (b"", ua.VariantType.ByteString),
    "W.Shut": (5.0, ua.VariantType.Double),
}


class Plant:
    """The packaging line with nodes to write to, and a connector on it."""

    def __init__(self) -> None:
        self.line = PackagingLine(tick_s=0.05, pace=4.0)
        self.connector = OpcUa(OpcUaSettings(url="opc.tcp://127.0.0.1"), [], root=PlantPath("acme"))

    async def start(self) -> None:
        await self.line.start()
        device = self.line.device
        folder = await device.server.nodes.objects.add_folder(device.index, "Targets")
        for key, (value, kind) in TARGETS.items():
            node = await device.add(folder, key, key, value, kind=kind)
            if key != "W.Shut":
                await node.set_writable()
        modes = await device.add(folder, "W.Mode", "W.Mode", 0, kind=ua.VariantType.Int32)
        await modes.add_property(0, "EnumStrings", [ua.LocalizedText(word) for word in ("Off", "Hand", "Automatic")])
        await modes.set_writable()
        self.connector = OpcUa(OpcUaSettings(url=self.line.url), [], root=PlantPath("acme"))
        await self.connector.connect()

    async def write(self, key: str, value: Value, kind: Kind = Kind.NUMBER, **more: Any) -> Any:
        """Write, and return what the server then holds."""
        tag = Tag(path=PlantPath("acme/x"), address=f"ns=2;s={key}", kind=kind, writable=True, **more)
        await asyncio.wait_for(self.connector.write(tag, value), 5)
        return await self.line.device.get(key.partition("[")[0])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant() -> AsyncIterator[Plant]:
    made = Plant()
    await made.start()
    yield made
    await made.connector.close()
    await made.line.stop()


@pytest.mark.parametrize(
    ("key", "kind", "value", "held"),
    [
        ("W.Int16", Kind.NUMBER, -7.0, -7),
        ("W.Int16", Kind.INTEGER, 12, 12),
        ("W.UInt64", Kind.INTEGER, 2**63 + 1, 2**63 + 1),
        ("W.Float", Kind.NUMBER, 0.5, 0.5),
        ("W.Bool", Kind.BOOLEAN, True, True),
        ("W.Bool", Kind.BOOLEAN, 0.0, False),
        ("W.Text", Kind.TEXT, "grün", "grün"),
        ("W.Moment", Kind.TEXT, "2026-05-01T06:00:00+02:00", datetime(2026, 5, 1, 4, tzinfo=UTC)),
        ("W.Array", Kind.TEXT, "[7, 8]", [7, 8]),
        ("W.Mode", Kind.ENUM, "Automatic", 2),
        ("W.Mode", Kind.INTEGER, 1, 1),
    ],
)
async def test_values_arrive_in_the_nodes_own_type(plant: Plant, key: str, kind: Kind, value: Value, held: Any) -> None:
    seen = await plant.write(key, value, kind)
    assert (seen, type(seen)) == (held, type(held))


async def test_text_with_a_language_is_text(plant: Plant) -> None:
    assert (await plant.write("W.Local", "bereit", Kind.TEXT)).Text == "bereit"


async def test_scale_and_offset_are_undone(plant: Plant) -> None:
    assert await plant.write("W.Int16", 12.34, scale=0.1, offset=2.0) == 103


async def test_one_element_leaves_the_others_alone(plant: Plant) -> None:
    await plant.write("W.Array", "[1, 2, 3]", Kind.TEXT)
    assert await plant.write("W.Array[1]", 20) == [1, 20, 3]


@pytest.mark.parametrize(("key", "span", "part"), [("W.Array[1]", "1", [20]), ("W.Matrix[1,0]", "1,0", [[20]])])
async def test_one_element_goes_as_an_index_range_where_the_server_knows_them(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, key: str, span: str, part: list[Any]
) -> None:
    service = plant.line.device.server.iserver.attribute_service
    read, written = service.read, []

    def ranged(params: Any) -> Any:
        if params.NodesToRead[0].IndexRange == span:
            return [ua.DataValue(ua.Variant([0], ua.VariantType.Int32))]
        return read(params)

    async def note(params: Any, *_: Any, **__: Any) -> Any:
        (each,) = params.NodesToWrite
        written.append((each.IndexRange, each.Value.Value.Value, each.Value.Value.VariantType))
        return [ua.StatusCode()]

    monkeypatch.setattr(service, "read", ranged)
    monkeypatch.setattr(service, "write", note)
    await plant.write(key, 20)
    assert written == [(span, part, ua.VariantType.Int32)]


@pytest.mark.parametrize(
    ("key", "value", "more", "kind", "message"),
    [
        ("W.Int16", 40_000, {}, Invalid, "does not fit acme/x: the machine holds Int16, -32768 to 32767"),
        ("W.Int16", 31, {"high": 30.0, "unit": "bar"}, Invalid, "31 is outside what acme/x may be: any to 30 bar"),
        ("W.Int16", -1, {"low": 0.0}, Invalid, "-1 is outside"),
        ("W.Int16", float("nan"), {}, Invalid, "takes a number"),
        ("W.Int16", "fast", {}, Invalid, "takes a number, not 'fast'"),
        ("W.Bool", 2, {}, Invalid, "takes true or false"),
        ("W.Mode", "Automatik", {"kind": Kind.ENUM}, Invalid, "has no state 'Automatik'. Did you mean 'Automatic'"),
        ("W.Moment", "tomorrow", {}, Invalid, "takes a time like"),
        ("W.Array", "7", {}, Invalid, "takes a JSON list"),
        ("W.Array[3]", 7, {}, Invalid, "the array has 3 elements"),
        ("W.Bytes", "x", {}, Invalid, "holds ByteString"),
        ("W.Shut", 1.0, {}, Forbidden, "BadUserAccessDenied"),
        ("W.Nobody", 1.0, {}, NotFound, "no ns=2;s=W.Nobody"),
    ],
)
async def test_what_does_not_fit_is_refused_and_changes_nothing(
    plant: Plant, key: str, value: Value, more: dict[str, Any], kind: type[PlatformError], message: str
) -> None:
    before = {name: await plant.line.device.get(name) for name in TARGETS}
    with pytest.raises(kind) as caught:
        await plant.write(key, value, **{"kind": Kind.NUMBER, **more})
    assert message in str(caught.value)
    assert {name: await plant.line.device.get(name) for name in TARGETS} == before


async def test_a_namespace_that_is_not_there_is_refused(plant: Plant) -> None:
    tag = Tag(path=PlantPath("acme/x"), address="nsu=urn:nobody;s=W.Int16")
    with pytest.raises(Invalid, match="no namespace 'urn:nobody'"):
        await plant.connector.write(tag, 1)


async def test_a_written_setpoint_changes_the_line(plant: Plant, sink: Any) -> None:
    setpoint = Tag(path=PlantPath("acme/sp"), address=f"nsu={URI};s=Filler.SpeedSetpoint", writable=True)
    speed = Tag(path=PlantPath("acme/speed"), address=f"nsu={URI};s=Filler.Speed")
    connector = OpcUa(OpcUaSettings(url=plant.line.url), [setpoint, speed], root=PlantPath("acme"))
    await connector.connect()
    task = asyncio.create_task(connector.subscribe(sink))
    try:
        await sink.until(lambda: len({row.path for row in sink.rows}) == 2)
        await connector.write(setpoint, 60.0)
        back = await connector.read_now([setpoint])
        assert [back.paths[i] for i in back.index] == ["acme/sp"]
        assert back.number.tolist() == [60.0]
        await sink.until(lambda: sink.last("acme/sp").number == 60.0)
        await sink.until(lambda: 30 < sink.last("acme/speed").number < 63, 10)
        await connector.write(setpoint, 0.0)
        await sink.until(lambda: sink.last("acme/speed").number < 5, 10)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connector.close()


async def test_writing_and_browsing_need_a_connection(plant: Plant) -> None:
    alone = OpcUa(OpcUaSettings(url=plant.line.url), [], root=PlantPath("acme"))
    with pytest.raises(Unavailable, match="is not connected"):
        await alone.write(Tag(path=PlantPath("acme/x"), address="i=1"), 1)
    with pytest.raises(Unavailable, match="is not connected"):
        await alone.browse()


# ---- browsing ----


async def _below(plant: Plant, address: str) -> dict[str, Node]:
    return {node.name: node for node in await asyncio.wait_for(plant.connector.browse(address), 5)}


async def test_the_top_shows_what_the_server_offers(plant: Plant) -> None:
    top = await _below(plant, "")
    assert top["PackagingLine"] == Node(address=f"nsu={URI};s=PackagingLine", name="PackagingLine", has_children=True)
    assert "Server" in top
    line = await _below(plant, top["PackagingLine"].address)
    assert list(line) == ["Filler", "Capper", "Labeller", "Palletiser"]
    assert all(machine.has_children for machine in line.values())


async def test_variables_show_value_kind_unit_range_and_access(plant: Plant) -> None:
    filler = await _below(plant, f"nsu={URI};s=Filler")
    assert list(filler) == [signal.name for signal in plant.line.model.machines[0].signals]
    setpoint, state, total = filler["SpeedSetpoint"], filler["State"], filler["Total"]
    assert (setpoint.kind, setpoint.unit, setpoint.readable, setpoint.writable) == (Kind.NUMBER, "/min", True, True)
    assert setpoint.description == "Products per minute wanted (0 to 400)"
    assert not setpoint.has_children
    assert (filler["ProductTemperature"].unit, filler["ProductTemperature"].writable) == ("Cel", False)
    assert (state.kind, isinstance(state.value, str)) == (Kind.ENUM, True)
    assert (total.kind, isinstance(total.value, int)) == (Kind.INTEGER, True)
    assert (filler["GuardClosed"].kind, filler["GuardClosed"].value) == (Kind.BOOLEAN, True)
    assert filler["StopReason"].kind is Kind.TEXT


async def test_elements_of_an_array_can_be_picked(plant: Plant) -> None:
    filler = await _below(plant, f"nsu={URI};s=Filler")
    volumes = filler["FillVolumes"]
    assert (volumes.kind, volumes.has_children, volumes.unit) == (Kind.TEXT, True, "mL")
    elements = await _below(plant, volumes.address)
    assert list(elements) == [f"[{number}]" for number in range(8)]
    third = elements["[2]"]
    assert (third.address, third.kind, third.unit) == (f"nsu={URI};s=Filler.FillVolumes[2]", Kind.NUMBER, "mL")
    assert 480 < float(third.value or 0) < 520
    assert await plant.connector.browse(third.address) == []


async def test_every_browsed_address_can_be_read(plant: Plant) -> None:
    found = (await _below(plant, f"nsu={URI};s=Capper")).values()
    tags = [
        Tag(path=PlantPath(f"acme/{n.name}"), address=n.address, kind=n.kind or Kind.TEXT, unit=n.unit) for n in found
    ]
    connector = OpcUa(OpcUaSettings(url=plant.line.url), tags, root=PlantPath("acme"))
    assert connector.check() == []
    await connector.connect()
    readings = await connector.read(connector.plan(tags))
    await connector.close()
    assert readings.quality.tolist() == [0] * len(tags)


async def test_a_node_that_is_not_there_is_not_found(plant: Plant) -> None:
    with pytest.raises(NotFound, match="no ns=2;s=Nobody"):
        await plant.connector.browse("ns=2;s=Nobody")
