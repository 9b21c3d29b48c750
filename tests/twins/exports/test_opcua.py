"""X3: a NodeSet2 file is loaded by an OPC UA server that is not ours, and every value reads as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua

from lineshaft.twins import exports
from lineshaft.twins.exports import Loss

from .conftest import SHELLS, SUBMODELS, collection, prop, submodel


@pytest.fixture
async def server() -> Server:
    server = Server()
    await server.init()
    return server


async def load(server: Server, shells: list[dict[str, Any]], submodels: list[dict[str, Any]], path: Path) -> int:
    """Load the export of these twins; the index of its namespace."""
    file = path / "twins.NodeSet2.xml"
    file.write_bytes(exports.export("opcua_nodeset", shells, submodels).data)
    await server.import_xml(file)
    return await server.get_namespace_index("urn:lineshaft:twins")


async def test_x3_all_kinds_load_and_read(server: Server, tmp_path: Path) -> None:
    index = await load(server, SHELLS, SUBMODELS, tmp_path)

    async def read(path: str) -> Any:
        return await server.get_node(ua.NodeId(f"https://example.com/sm/all#AllKinds.{path}", index)).read_value()

    assert await read("Prop") == 1.5
    assert [(t.Locale, t.Text) for t in await read("Mlp")] == [("en", "hello")]
    assert (await read("Rng/Min"), await read("Rng/Max")) == (1, 2)
    assert await read("Blb") == b"hello"
    assert (await read("Fil"), await read("Fil/ContentType")) == ("/aasx/files/hello.txt", "text/plain")
    assert await read("RefEl") == "https://example.com/sm/all#AllKinds.Prop"
    assert await read("Rel/Second") == "https://example.com/sm/all#AllKinds.Rng"
    assert await read("ARel.Note1") == "n"
    assert await read("List[1]") == "b"
    assert await read("Ent.Qty") == 2
    assert await read("Ent/GlobalAssetId") == "https://example.com/asset/2"
    assert await read("Coll.Speed/SemanticId") == "0173-1#02-BAA120#008"


async def test_x3_a_client_finds_the_twin_by_browsing(server: Server, tmp_path: Path) -> None:
    index = await load(server, SHELLS, SUBMODELS, tmp_path)
    node = await server.nodes.objects.get_child(
        [f"{index}:Aas1", f"{index}:All", f"{index}:AllKinds", f"{index}:Coll", f"{index}:Speed"]
    )
    assert await node.read_value() == 5000
    assert await node.read_data_type_as_variant_type() == ua.VariantType.Int32


async def test_every_type_of_value_keeps_its_digits(server: Server, tmp_path: Path) -> None:
    given = {
        "xs:boolean": ("true", True), "xs:byte": ("-128", -128), "xs:unsignedLong": ("18446744073709551615", 2**64 - 1),
        "xs:long": ("-9223372036854775808", -(2**63)), "xs:double": ("1e300", 1e300),
        "xs:float": ("-INF", float("-inf")), "xs:string": (" <&> ü ", " <&> ü "),
        "xs:dateTime": ("2026-01-01T01:00:00+01:00", datetime(2026, 1, 1, tzinfo=UTC)),
        "xs:integer": ("9" * 40, "9" * 40), "xs:duration": ("PT1H", "PT1H"), "xs:decimal": ("0.10", "0.10"),
    }  # fmt: skip
    elements = [prop(f"P{at}", lexical, type_) for at, (type_, (lexical, _)) in enumerate(given.items())]
    index = await load(server, [], [submodel(*elements)], tmp_path)
    for at, (_, wanted) in enumerate(given.values()):
        found = await server.get_node(ua.NodeId(f"urn:sm#P{at}", index)).read_value()
        if isinstance(found, datetime) and found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        assert found == wanted


async def test_an_operation_is_a_method_with_its_arguments(server: Server, tmp_path: Path) -> None:
    operation = {"modelType": "Operation", "idShort": "Start",
                 "inputVariables": [{"value": prop("Speed", "1", "xs:int")}],
                 "outputVariables": [{"value": prop("Done", "true", "xs:boolean")}]}  # fmt: skip
    index = await load(server, [], [submodel(operation)], tmp_path)
    method = server.get_node(ua.NodeId("urn:sm#Start", index))
    (speed,) = await (await method.get_child("0:InputArguments")).read_value()
    (done,) = await (await method.get_child("0:OutputArguments")).read_value()
    assert (speed.Name, speed.DataType) == ("Speed", ua.NodeId(ua.ObjectIds.Int32))
    assert (done.Name, done.DataType) == ("Done", ua.NodeId(ua.ObjectIds.Boolean))


async def test_x3_published_templates_load(server: Server, tmp_path: Path, template: dict[str, Any]) -> None:
    submodels = template["submodels"]
    index = await load(server, template["assetAdministrationShells"], submodels, tmp_path)
    assert (await server.get_node(ua.NodeId(submodels[0]["id"], index)).read_browse_name()).Name == submodels[0][
        "idShort"
    ]


def test_every_loss_is_told() -> None:
    capability = {"modelType": "Capability", "idShort": "Drill"}
    twin = submodel(
        collection("Motor", prop("Torque", "1.0", "xs:decimal", category="CONSTANT"), capability), administration={}
    )
    assert exports.export("opcua_nodeset", [], [twin]).losses == (
        Loss(path="urn:sm", what="administration", why="OPC UA has no place for it."),
        Loss(path="urn:sm › Motor.Torque", what="category", why="OPC UA has no place for it."),
        Loss(path="urn:sm › Motor.Torque", what="xs:decimal",
             why="OPC UA has no such type; it becomes a String, so that no digit is lost."),
        Loss(path="urn:sm › Motor.Drill", what="Capability", why="OPC UA has no capabilities."),
    )  # fmt: skip
