"""X2: NGSI-LD entities keep to the information model, and nothing is dropped without a word."""

from __future__ import annotations

import json
import re
from typing import Any

from lineshaft.twins import exports
from lineshaft.twins.exports import Loss

from .conftest import SHELLS, SUBMODELS, collection, prop, submodel

URN = re.compile(r"urn:ngsi-ld:[A-Za-z]+:\S+")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
CORE = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"


def check_entities(entities: list[dict[str, Any]]) -> None:
    """The rules of GS CIM 009, clause 4.5, for what an export uses."""
    ids = [entity["id"] for entity in entities]
    assert len(set(ids)) == len(ids)
    for entity in entities:
        assert URN.fullmatch(entity["id"])
        assert NAME.fullmatch(entity["type"])
        assert entity["@context"][-1] == CORE
        for name, attribute in entity.items():
            if name not in {"id", "type", "@context"}:
                assert NAME.fullmatch(name)
                check_attribute(attribute)


def check_attribute(attribute: Any) -> None:
    if isinstance(attribute, list):
        datasets = [one["datasetId"] for one in attribute]
        assert len(set(datasets)) == len(datasets) > 1
        for one in attribute:
            check_attribute(one)
        return
    rest = {n: v for n, v in attribute.items() if n not in {"type", "value", "object", "languageMap", "datasetId"}}
    if attribute["type"] == "Property":
        assert "value" in attribute
        assert attribute["value"] is not None
    elif attribute["type"] == "Relationship":
        assert ":" in attribute["object"]
        assert " " not in attribute["object"]
    else:
        assert attribute["type"] == "LanguageProperty"
        assert all(isinstance(text, str) for text in attribute["languageMap"].values())
    for sub in rest.values():
        check_attribute(sub)


def written(*elements: dict[str, Any], **more: Any) -> tuple[list[dict[str, Any]], tuple[Loss, ...]]:
    exported = exports.export("ngsi_ld", [], [submodel(*elements, **more)])
    entities = json.loads(exported.data)
    check_entities(entities)
    return entities, exported.losses


def test_x2_all_kinds_keep_to_the_rules() -> None:
    entities = json.loads(exports.export("ngsi_ld", SHELLS, SUBMODELS).data)
    check_entities(entities)
    by_id = {entity["id"]: entity for entity in entities}
    top = "urn:ngsi-ld:Submodel:https%3A%2F%2Fexample.com%2Fsm%2Fall"
    kinds = by_id[f"{top}:AllKinds"]
    assert by_id[top]["AllKinds"] == {"type": "Relationship", "object": f"{top}:AllKinds"}
    assert kinds["Prop"] == {"type": "Property", "value": 1.5}
    assert kinds["List"] == {"type": "Property", "value": ["a", "b"]}
    assert kinds["Mlp"] == {"type": "LanguageProperty", "languageMap": {"en": "hello"}}
    assert kinds["Rng"] == {"type": "Property", "value": {"min": 1, "max": 2}}
    assert kinds["RefEl"] == {"type": "Relationship", "object": f"{top}:AllKinds:Prop"}
    assert kinds["Rel"]["object"] == f"{top}:AllKinds:Rng"
    assert by_id[f"{top}:AllKinds:Ent"]["Qty"] == {"type": "Property", "value": 2}


def test_x2_every_relationship_inside_a_submodel_leads_to_an_entity(template: dict[str, Any]) -> None:
    exported = exports.export("ngsi_ld", template["assetAdministrationShells"], template["submodels"])
    entities = json.loads(exported.data)
    check_entities(entities)
    ids = {entity["id"] for entity in entities}
    relationships = [(e["id"], name, a) for e in entities for name, a in e.items() if "Relationship" in str(a)]
    for id_, name, attribute in relationships:
        if isinstance(attribute, dict) and attribute.get("object") == f"{id_}:{name}":
            assert attribute["object"] in ids


def test_the_context_says_what_attributes_mean() -> None:
    meaning = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "https://example.com/speed"}]}
    (entity,), _ = written(prop("Speed", "1", "xs:int", semanticId=meaning))
    assert entity["@context"] == [{"Speed": "https://example.com/speed"}, CORE]
    assert entity["Speed"] == {
        "type": "Property", "value": 1, "semanticId": {"type": "Property", "value": "https://example.com/speed"}
    }  # fmt: skip


def test_times_keep_their_type() -> None:
    (entity,), _ = written(prop("Since", "2026-01-01T00:00:00Z", "xs:dateTime"))
    assert entity["Since"]["value"] == {"@type": "DateTime", "@value": "2026-01-01T00:00:00Z"}


def test_every_loss_is_told() -> None:
    _, losses = written(
        prop("type", "1", "xs:int"),
        {"modelType": "Property", "idShort": "Empty", "valueType": "xs:int"},
        collection("Motor", {"modelType": "Capability", "idShort": "Drill"}, prop("A", "1", "xs:int", qualifiers=[])),
        {"modelType": "SubmodelElementList", "idShort": "Li", "typeValueListElement": "Property", "value": [
            {"modelType": "Property", "valueType": "xs:int"},
            {"modelType": "Property", "valueType": "xs:int", "value": "4"}]},
        administration={},
    )  # fmt: skip
    assert [(loss.path, loss.what) for loss in losses] == [
        ("urn:sm", "administration"),
        ("urn:sm › type", "idShort"),
        ("urn:sm › Empty", "Property"),
        ("urn:sm › Motor.Drill", "Capability"),
        ("urn:sm › Motor.A", "qualifiers"),
        ("urn:sm › Li[0]", "Property"),
    ]
