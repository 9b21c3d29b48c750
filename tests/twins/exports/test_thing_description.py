"""T66: an interface description becomes Thing Descriptions 1.1 and comes back equal; what does not is told."""

from __future__ import annotations

import json
import tarfile
from typing import Any

import jsonschema
import pytest

from lineshaft.twins import exports
from lineshaft.twins.exports import Loss, thing_description

from .conftest import DATA, SHELLS, SUBMODELS

WOT = "https://www.w3.org/2019/wot/"
AID = "https://admin-shell.io/idta/AssetInterfacesDescription/1/0/"
ID = "https://example.com/sm/aid"

NATURAL = {"type": "integer", "minimum": 0}
SCHEMA_MEMBERS = {
    "type": {"enum": ["boolean", "integer", "number", "string", "object", "array", "null"]},
    "title": {"type": "string"}, "unit": {"type": "string"}, "readOnly": {"type": "boolean"},
    "@type": {"type": ["string", "array"], "items": {"type": "string"}},
    "enum": {"type": "array", "minItems": 1, "uniqueItems": True},
    "minimum": {"type": "number"}, "maximum": {"type": "number"},
    "minLength": NATURAL, "maxLength": NATURAL, "minItems": NATURAL, "maxItems": NATURAL,
    "items": {"oneOf": [{"$ref": "#/$defs/schema"}, {"type": "array", "items": {"$ref": "#/$defs/schema"}}]},
    "properties": {"type": "object", "additionalProperties": {"$ref": "#/$defs/schema"}},
}  # fmt: skip
# Our own transcription of what TD 1.1 demands (W3C Recommendation, clauses 5.3 and 5.4): the members an export
# uses, each with its type, and those that must be there.
THING: dict[str, Any] = {
    "type": "object",
    "required": ["@context", "title", "security", "securityDefinitions"],
    "properties": {
        "@context": {"type": "array", "prefixItems": [{"const": "https://www.w3.org/2022/wot/td/v1.1"}],
                     "items": {"type": ["string", "object"], "additionalProperties": {"type": "string"}}},
        "@type": {"type": ["string", "array"], "items": {"type": "string"}},
        "id": {"type": "string"}, "title": {"type": "string"}, "support": {"type": "string"},
        "base": {"type": "string"}, "created": {"type": "string", "format": "date-time"},
        "modified": {"type": "string", "format": "date-time"},
        "security": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
        "securityDefinitions": {"type": "object", "minProperties": 1, "additionalProperties": {
            "type": "object", "required": ["scheme"], "properties": {"scheme": {"type": "string"}}}},
        "properties": {"type": "object", "additionalProperties": {"$ref": "#/$defs/property"}},
        "actions": {"type": "object"}, "events": {"type": "object"},
        "links": {"type": "array", "items": {"type": "object", "required": ["href"],
                                              "properties": {"href": {"type": "string"}, "rel": {"type": "string"}}}},
    },
    "$defs": {
        "schema": {"type": "object", "properties": SCHEMA_MEMBERS},
        "property": {
            "type": "object", "required": ["forms"],
            "properties": {
                **SCHEMA_MEMBERS, "observable": {"type": "boolean"},
                "uriVariables": {"type": "object", "additionalProperties": {"$ref": "#/$defs/schema"}},
                "forms": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/form"}},
            },
        },
        "form": {"type": "object", "required": ["href"], "properties": {
            "href": {"type": "string"}, "contentType": {"type": "string"}, "subprotocol": {"type": "string"},
            "security": {"type": "array", "items": {"type": "string"}, "minItems": 1}}},
    },
}  # fmt: skip


def check_thing(thing: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(THING).validate(thing)
    forms = [form for p in thing.get("properties", {}).values() for form in p["forms"]]
    used = {name for one in [thing, *forms] for name in one.get("security", [])}
    assert used <= thing["securityDefinitions"].keys()


def ref(value: str) -> dict[str, Any]:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def leaf(name: str, meaning: str, value: str, type_: str = "xs:string") -> dict[str, Any]:
    return {"modelType": "Property", "idShort": name, "semanticId": ref(meaning), "valueType": type_, "value": value}


def coll(name: str, meaning: str, *parts: dict[str, Any]) -> dict[str, Any]:
    made = {"modelType": "SubmodelElementCollection", "idShort": name, "semanticId": ref(meaning)}
    return {**made, "value": list(parts)} if parts else made


def security(interface: str, name: str) -> dict[str, Any]:
    path = [interface, "EndpointMetadata", "securityDefinitions", name]
    keys = [("Submodel", ID), *[("SubmodelElementCollection", step) for step in path]]
    meaning = ref(f"{WOT}td#hasSecurityConfiguration")
    item = {"modelType": "ReferenceElement", "semanticId": meaning,
            "value": {"type": "ModelReference", "keys": [{"type": t, "value": v} for t, v in keys]}}  # fmt: skip
    return {"modelType": "SubmodelElementList", "idShort": "security", "semanticId": meaning,
            "typeValueListElement": "ReferenceElement", "value": [item]}  # fmt: skip


def interface(
    name: str, protocol: str, base: str, scheme: dict[str, Any], *properties: dict[str, Any]
) -> dict[str, Any]:
    endpoint = coll("EndpointMetadata", f"{AID}EndpointMetadata",
        leaf("base", f"{WOT}td#baseURI", base, "xs:anyURI"),
        leaf("contentType", f"{WOT}hypermedia#forContentType", "application/json"),
        security(name, scheme["idShort"]),
        coll("securityDefinitions", f"{WOT}td#definesSecurityScheme", scheme))  # fmt: skip
    interactions = coll("InteractionMetadata", f"{AID}InteractionMetadata",
        coll("properties", f"{WOT}td#PropertyAffordance", *properties),
        coll("actions", f"{WOT}td#ActionAffordance"), coll("events", f"{WOT}td#EventAffordance"))  # fmt: skip
    made = coll(name, f"{AID}Interface", leaf("title", f"{WOT}td#title", "Press 7"),
        leaf("created", "http://purl.org/dc/terms/created", "2026-01-01T00:00:00Z", "xs:dateTime"),
        endpoint, interactions)  # fmt: skip
    return {**made, "supplementalSemanticIds": [ref(protocol), ref(f"{WOT}td")]}


def definition(name: str, *parts: dict[str, Any], meaning: str = f"{AID}PropertyDefinition") -> dict[str, Any]:
    return coll(name, meaning, *parts)


def type_(word: str) -> dict[str, Any]:
    return leaf("type", "https://www.w3.org/1999/02/22-rdf-syntax-ns#type", word)


def form(*parts: dict[str, Any]) -> dict[str, Any]:
    return coll("forms", f"{WOT}td#hasForm", *parts)


def href(value: str) -> dict[str, Any]:
    return leaf("href", f"{WOT}hypermedia#hasTarget", value)


def range_(name: str, kind: str, low: str, high: str) -> dict[str, Any]:
    meaning = ref(f"{AID}{'minMaxRange' if name == 'min_max' else name}")
    return {"modelType": "Range", "idShort": name, "semanticId": meaning, "valueType": kind, "min": low, "max": high}


def description() -> dict[str, Any]:
    """An AID with a Modbus and an HTTP interface, as an engineer would fill it in."""
    scheme = f"{WOT}security#SecurityScheme"
    nosec = coll("nosec_sc", f"{WOT}security#NoSecurityScheme", leaf("scheme", scheme, "nosec"))
    basic = coll("basic_sc", f"{WOT}security#BasicSecurityScheme", leaf("scheme", scheme, "basic"),
                 leaf("in", f"{WOT}security#in", "header"))  # fmt: skip
    voltage = definition("voltage", type_("float"), leaf("unit", "https://schema.org/unitCode", "V"),
        leaf("observable", f"{WOT}td#isObservable", "true", "xs:boolean"),
        range_("min_max", "xs:double", "0.0", "400.5"),
        {"modelType": "ReferenceElement", "idShort": "valueSemantics", "semanticId": ref(f"{AID}valueSemantics"),
         "value": ref("0173-1#02-AAF001#001")},
        form(href("/1/40001?quantity=2"), leaf("modv_function", f"{WOT}modbus#hasFunction", "readHoldingRegisters"),
             leaf("modv_pollingTime", f"{WOT}modbus#hasPollingTime", "1000")))  # fmt: skip
    inner = definition("low", type_("integer"), meaning=f"{WOT}json-schema#propertyName")
    status = definition("p_status", leaf("key", f"{AID}key", "status/now"), type_("object"),
        coll("properties", f"{WOT}json-schema#properties", inner),
        form(href("/status"), leaf("htv_methodName", "http://www.w3.org/2011/http#methodName", "GET"),
             security("InterfaceHTTP", "basic_sc")))  # fmt: skip
    names = definition("names", type_("array"), range_("itemsRange", "xs:unsignedInt", "1", "3"),
        coll("items", f"{WOT}json-schema#items", type_("string"), range_("lengthRange", "xs:unsignedInt", "2", "9")),
        form(href("/names")))  # fmt: skip
    key = {"type": "Submodel", "value": "https://admin-shell.io/idta/AssetInterfacesDescription/1/1/Submodel"}
    return {
        "modelType": "Submodel", "id": ID, "idShort": "AssetInterfacesDescription",
        "semanticId": {"type": "ModelReference", "keys": [key]},
        "submodelElements": [
            interface("InterfaceMODBUS", "http://www.w3.org/2011/modbus", "modbus+tcp://192.0.2.1:502", nosec, voltage),
            interface("InterfaceHTTP", "http://www.w3.org/2011/http", "http://192.0.2.1", basic, status, names),
        ],
    }  # fmt: skip


def in_no_order(thing: Any) -> Any:
    """Members of collections have no order."""
    if isinstance(thing, dict):
        made = {name: in_no_order(value) for name, value in thing.items()}
        if thing.get("modelType") == "SubmodelElementCollection" and "value" in made:
            made["value"] = sorted(made["value"], key=lambda child: str(child["idShort"]))
        return made
    return [in_no_order(one) for one in thing] if isinstance(thing, list) else thing


def test_t66_an_interface_description_comes_back_equal() -> None:
    exported = exports.export("thing_description", [], [description()])
    things = json.loads(exported.data)
    for thing in things:
        check_thing(thing)
    (back,) = thing_description.submodels_of(things)
    assert in_no_order(back) == in_no_order(description())
    assert exported.losses == ()


def test_t66_the_terms_are_those_of_the_standard() -> None:
    modbus, http = json.loads(exports.export("thing_description", [], [description()]).data)
    assert modbus["properties"]["voltage"] == {
        "observable": True, "unit": "V", "type": "number", "aid:type": "float", "minimum": 0, "maximum": 400.5,
        "@type": "0173-1#02-AAF001#001",
        "forms": [{"href": "/1/40001?quantity=2", "modv:function": "readHoldingRegisters", "modv:pollingTime": "1000"}],
    }  # fmt: skip
    assert http["security"] == ["basic_sc"]
    assert http["securityDefinitions"] == {"basic_sc": {"scheme": "basic", "in": "header"}}
    assert http["properties"]["status/now"] == {
        "type": "object", "properties": {"low": {"type": "integer"}}, "aid:idShort": "p_status",
        "forms": [{"href": "/status", "htv:methodName": "GET", "security": ["basic_sc"]}],
    }  # fmt: skip


@pytest.fixture
def official() -> jsonschema.Draft7Validator:
    """The W3C's own schema of TD 1.1, where it is at hand."""
    packed = DATA.parent / "wot" / "wot-thing-description-types-1.1.0-12-March-2025.tgz"
    if not packed.is_file():
        pytest.skip(f"The schema of the W3C is not at hand: {packed.name} is not below LINESHAFT_DATA/wot.")
    with tarfile.open(packed) as archive:
        member = archive.extractfile("package/schema/td-json-schema-validation.json")
        assert member is not None
        return jsonschema.Draft7Validator(json.load(member))


def test_t66_the_schema_of_the_w3c_accepts_what_is_exported(official: jsonschema.Draft7Validator) -> None:
    things = json.loads(exports.export("thing_description", [], [description()]).data)
    assert [error.message for thing in things for error in official.iter_errors(thing)] == []
    del things[0]["title"]
    assert [error.message for error in official.iter_errors(things[0])] == ["'title' is a required property"]


def test_t66_the_schema_of_the_w3c_misses_only_the_security_that_a_template_leaves_open(
    official: jsonschema.Draft7Validator, template: dict[str, Any]
) -> None:
    """A template's `combo` combines nothing yet, and the schemes of OPC UA are those of its own binding."""
    things = json.loads(exports.export("thing_description", [], template["submodels"]).data)
    told = {tuple(error.absolute_path) for thing in things for error in official.iter_errors(thing)}
    open_ = ("combo_sc", "opcua_channel_sc", "opcua_authentication_sc")
    assert told == ({("securityDefinitions", name) for name in open_} if things else set())


@pytest.mark.parametrize("fault", ["forms", "security", "title"])
def test_the_check_of_things_can_fail(fault: str) -> None:
    thing = json.loads(exports.export("thing_description", [], [description()]).data)[0]
    del (thing["properties"]["voltage"] if fault == "forms" else thing)[fault]
    with pytest.raises(jsonschema.ValidationError, match=fault):
        check_thing(thing)


def test_what_does_not_come_back_is_told() -> None:
    twin = description()
    twin["administration"] = {"version": "1"}
    voltage = twin["submodelElements"][0]["value"][3]["value"][0]["value"][0]
    voltage["description"] = [{"language": "en", "text": "Phase 1"}]
    voltage["value"][0]["semanticId"] = ref("urn:other")
    path = f"{ID} › InterfaceMODBUS.InteractionMetadata.properties.voltage"
    losses = exports.export("thing_description", SHELLS[:1], [twin, SUBMODELS[0]]).losses
    assert [(loss.path, loss.what) for loss in losses] == [
        ("https://example.com/aas/1", "AssetAdministrationShell"),
        (ID, "administration"),
        (path, "description"),
        (f"{path}.type", "semanticId"),
        ("https://example.com/sm/all", "Submodel"),
    ]


def test_t66_every_published_interface_template_makes_valid_things(template: dict[str, Any]) -> None:
    exported = exports.export("thing_description", [], template["submodels"])
    things = json.loads(exported.data)
    described = template["submodels"][0]["idShort"] == "AssetInterfacesDescription"
    assert len(things) == (6 if described else 0)
    for thing in things:
        check_thing(thing)
    if not described:
        assert exported.losses == (
            Loss(path=template["submodels"][0]["id"], what="Submodel",
                 why="Only interface descriptions (IDTA 02017) make Thing Descriptions."),
        )  # fmt: skip
