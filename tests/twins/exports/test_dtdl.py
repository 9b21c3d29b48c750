"""X1: DTDL v3 interfaces keep to the rules and limits of the language, written down here a second time."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from lineshaft.kernel.errors import Invalid
from lineshaft.twins import exports
from lineshaft.twins.exports import Loss

from .conftest import SHELLS, SUBMODELS, collection, prop, submodel

DTMI = re.compile(
    r"dtmi:[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?(?::[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?)*;[1-9][0-9]{0,8}"
)
NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")
PRIMITIVES = {"boolean", "date", "dateTime", "double", "duration", "float", "integer", "long", "string", "time"}
CONTENTS = {
    "Property": {"schema"}, "Command": set(), "Relationship": set(), "Component": {"schema"},
}  # fmt: skip


def check_interfaces(interfaces: list[dict[str, Any]]) -> None:
    """The rules of DTDL v3 that a parser enforces, for the classes an export uses."""
    ids = [interface["@id"] for interface in interfaces]
    assert len(set(ids)) == len(ids)
    for interface in interfaces:
        assert interface["@context"] == "dtmi:dtdl:context;3"
        assert interface["@type"] == "Interface"
        assert DTMI.fullmatch(interface["@id"])
        assert len(interface["@id"]) <= 128
        assert len(json.dumps(interface).encode()) <= 1024 * 1024
        check_words(interface)
        names = [content["name"] for content in interface["contents"]]
        assert len(set(names)) == len(names) <= 100_000
        for content in interface["contents"]:
            check_content(content, set(ids))


def check_content(content: dict[str, Any], interfaces: set[str]) -> None:
    assert content.keys() >= {"@type", "name"} | CONTENTS[content["@type"]]
    check_named(content)
    if content["@type"] == "Component":
        assert content["schema"] in interfaces
    elif content["@type"] == "Property":
        check_schema(content["schema"], 0)
    for side in ("request", "response"):
        if side in content:
            check_named(content[side])
            check_schema(content[side]["schema"], 0)


def check_named(thing: dict[str, Any]) -> None:
    assert NAME.fullmatch(thing["name"])
    assert len(thing["name"]) <= 512
    check_words(thing)


def check_words(thing: dict[str, Any]) -> None:
    assert all(len(text) <= 64 for text in thing.get("displayName", {}).values())
    assert all(len(text) <= 512 for text in thing.get("description", {}).values())
    assert len(thing.get("comment", "")) <= 512


def check_schema(schema: Any, depth: int) -> None:
    """A primitive, or a complex schema no more than five levels deep."""
    if isinstance(schema, str):
        assert schema in PRIMITIVES
        return
    assert depth < 5
    if schema["@type"] == "Array":
        check_schema(schema["elementSchema"], depth + 1)
    elif schema["@type"] == "Map":
        assert schema["mapKey"]["schema"] == "string"
        check_named(schema["mapKey"])
        check_named(schema["mapValue"])
        check_schema(schema["mapValue"]["schema"], depth + 1)
    else:
        assert schema["@type"] == "Object"
        names = [field["name"] for field in schema["fields"]]
        assert len(set(names)) == len(names) >= 1
        for field in schema["fields"]:
            check_named(field)
            check_schema(field["schema"], depth + 1)


def written(*elements: dict[str, Any]) -> tuple[dict[str, Any], tuple[Loss, ...]]:
    exported = exports.export("dtdl", [], [submodel(*elements)])
    interfaces = json.loads(exported.data)
    check_interfaces(interfaces)
    return interfaces[0], exported.losses


def test_x1_all_kinds_keep_to_the_rules() -> None:
    interfaces = json.loads(exports.export("dtdl", SHELLS, SUBMODELS).data)
    check_interfaces(interfaces)
    assert len(interfaces) == 4
    components = [c["schema"] for c in interfaces[0]["contents"] if c["@type"] == "Component"]
    assert components == [interfaces[2]["@id"], interfaces[3]["@id"]]


def test_x1_published_templates_keep_to_the_rules(template: dict[str, Any]) -> None:
    exported = exports.export("dtdl", template["assetAdministrationShells"], template["submodels"])
    check_interfaces(json.loads(exported.data))


def test_elements_become_contents_of_their_schema() -> None:
    interface, losses = written(
        prop("Speed", "1", "xs:int"),
        {"modelType": "MultiLanguageProperty", "idShort": "Title"},
        {"modelType": "Range", "idShort": "Span", "valueType": "xs:double"},
        {"modelType": "Operation", "idShort": "Start", "inputVariables": [{"value": prop("Ramp", "1", "xs:double")}]},
        {"modelType": "ReferenceElement", "idShort": "Next"},
    )
    assert interface["contents"] == [
        {"@type": "Property", "name": "Speed", "schema": "integer"},
        {"@type": "Property", "name": "Title", "schema": {
            "@type": "Map", "mapKey": {"name": "language", "schema": "string"},
            "mapValue": {"name": "text", "schema": "string"}}},
        {"@type": "Property", "name": "Span", "schema": {
            "@type": "Object", "fields": [{"name": "min", "schema": "double"}, {"name": "max", "schema": "double"}]}},
        {"@type": "Command", "name": "Start", "request": {
            "name": "request", "schema": {"@type": "Object", "fields": [{"name": "Ramp", "schema": "double"}]}}},
        {"@type": "Relationship", "name": "Next"},
    ]  # fmt: skip
    assert losses == (
        Loss(path="urn:sm › Next", what="target",
             why="DTDL relationships name interfaces, and the reference names one thing."),
        Loss(path="urn:sm", what="values", why="DTDL describes types and carries no values."),
    )  # fmt: skip


def test_x1_what_is_deeper_than_five_levels_becomes_a_string_and_is_told() -> None:
    deep = prop("Bottom", "1", "xs:int")
    for level in range(8, 0, -1):
        deep = collection(f"Level{level}", deep)
    _, losses = written(deep)
    assert [loss.path for loss in losses if "ends at 5 levels" in loss.why] == [
        "urn:sm › Level1.Level2.Level3.Level4.Level5.Level6"
    ]


def test_x1_names_are_held_to_letters_digits_and_512_and_stay_apart() -> None:
    interface, losses = written(
        prop("a-b", "1", "xs:int"), prop("a_b", "1", "xs:int"), prop("End_", "1", "xs:int"),
        prop("x" * 600, "1", "xs:int"), prop("x" * 601, "1", "xs:int"),
    )  # fmt: skip
    assert [content["name"] for content in interface["contents"]] == [
        "a_b", "a_b_2", "End", "x" * 512, "x" * 504 + "_2"
    ]  # fmt: skip
    assert len([loss for loss in losses if loss.what == "idShort"]) == 5


def test_x1_a_submodel_larger_than_an_interface_may_be_is_refused() -> None:
    many = [prop(f"P{at}", "1", "xs:int") for at in range(20_000)]
    with pytest.raises(Invalid, match="larger than DTDL allows"):
        exports.export("dtdl", [], [submodel(*many)])
