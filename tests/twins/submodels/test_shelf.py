"""The shelf says of every element what the published template says, and describes it in words of our own."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.metamodel import checking
from lineshaft.twins.submodels import (
    SHELF,
    BadTemplate,
    Template,
    catalogue,
    load_template,
    load_templates,
    template,
    template_for,
)

Fact = tuple[str, ...]
SLOTS = ("submodelElements", "value", "statements", "annotations")
CARDINALITIES = ("SMT/Cardinality", "Cardinality")


def meaning(reference: dict[str, Any] | None) -> str:
    return reference["keys"][-1]["value"].strip() if reference else ""


def facts_of_file(submodel: dict[str, Any]) -> Counter[Fact]:
    """Our own reading of a template file, apart from `load_template`; a list's repeated examples count once."""
    found: Counter[Fact] = Counter()

    def walk(parent: dict[str, Any], path: str) -> None:
        slot = next((s for s in SLOTS if isinstance(parent.get(s), list)), None)
        seen = []
        for child in parent.get(slot, []) if slot else []:
            if "modelType" not in child:
                continue
            many = [q["value"] for q in child.get("qualifiers", []) if q["type"] in CARDINALITIES]
            row = (
                f"{path}/{child.get('idShort', '')}",
                child["modelType"],
                meaning(child.get("semanticId")),
                (many[0] if many else "").lower(),
                child.get("valueType", ""),
                child.get("typeValueListElement", ""),
                child.get("valueTypeListElement", ""),
                meaning(child.get("semanticIdListElement")),
            )
            if parent["modelType"] == "SubmodelElementList" and row in seen:
                continue
            seen.append(row)
            found[row] += 1
            walk(child, row[0])

    walk(submodel, "")
    return found


def facts_of_table(shelved: Template) -> Counter[Fact]:
    found: Counter[Fact] = Counter()

    def walk(elements: Any, path: str) -> None:
        for one in elements:
            place = f"{path}/{one.name}"
            found[place, one.kind, one.means, one.many.lower(), one.type, one.of, one.of_type, one.of_means] += 1
            walk(one.elements, place)

    walk(shelved.elements, "")
    return found


def test_every_element_of_the_published_template_is_in_the_table_and_no_other(
    name: str, published: dict[str, Any]
) -> None:
    assert facts_of_table(template(name)) == facts_of_file(published)


def test_the_head_of_the_table_is_that_of_the_published_template(name: str, published: dict[str, Any]) -> None:
    shelved = template(name)
    assert (shelved.id_short, shelved.means) == (published["idShort"], meaning(published["semanticId"]))
    if told := published.get("administration"):
        assert shelved.version == f"{told['version']}.{told['revision']}"


def test_a_loaded_file_has_the_same_structure_as_the_table(name: str, published: dict[str, Any]) -> None:
    assert facts_of_table(load_template(published)) == facts_of_table(template(name))


def test_no_description_of_the_published_file_was_copied(name: str, published: dict[str, Any]) -> None:
    theirs = set()

    def walk(thing: Any) -> None:
        if isinstance(thing, dict):
            theirs.update(text["text"].strip().lower() for text in thing.get("description", ()) if "text" in text)
            thing = list(thing.values())
        for one in thing if isinstance(thing, list) else ():
            walk(one)

    walk(published)
    ours = {text.lower() for _, element in template(name).walk() for text in element.words.values()}
    assert {text for text in ours & theirs if len(text.split()) > 3} == set()


def test_every_element_is_described_in_english_and_chinese() -> None:
    for name in SHELF.plugins:
        for path, element in template(name).walk():
            assert set(element.words) == {"en", "zh"}, (name, path)
            assert all(element.words.values()), (name, path)


def test_the_catalogue_lists_every_template_with_title_number_and_licence() -> None:
    entries = {entry.name: entry for entry in catalogue()}
    assert len(entries) == 18
    plate = entries["nameplate"]
    assert (plate.number, plate.version, plate.elements, plate.mandatory) == ("02006", "3.0", 36, 10)
    assert (plate.title["en"], plate.title["zh"]) == ("Digital nameplate", "数字铭牌")
    assert {entry.licence for entry in entries.values()} == {"CC-BY-4.0"}
    assert [entry.number for entry in catalogue()] == sorted(entry.number for entry in entries.values())


def test_an_unknown_template_names_the_nearest() -> None:
    with pytest.raises(Invalid) as refused:
        template("nameplates")
    assert refused.value.hint == "Did you mean 'nameplate'?"


def submodel_of(means: str, template_id: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {
        "modelType": "Submodel",
        "id": "urn:x",
        "semanticId": {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": means}]},
    }
    return found | ({"administration": {"templateId": template_id}} if template_id else {})


@pytest.mark.parametrize(
    ("means", "template_id", "name"),
    [
        ("https://admin-shell.io/idta/nameplate/3/0/Nameplate", "", "nameplate"),
        ("https://admin-shell.io/zvei/nameplate/2/0/Nameplate", "", "nameplate"),
        (" https://admin-shell.io/idta/TimeSeries/1/1\n", "", "time_series"),
        ("0173-1#01-AHX837#004", "", "technical_data"),
        ("https://admin-shell.io/idta/CarbonFootprint/CarbonFootprint/1/0", "", "carbon"),
        (
            "https://admin-shell.io/idta/CarbonFootprint/CarbonFootprint/1/0",
            "https://admin-shell.io/idta-02023-1-0",
            "battery_carbon",
        ),
    ],
)
def test_a_submodel_is_known_by_its_semantic_id_even_an_older_one(means: str, template_id: str, name: str) -> None:
    found = template_for(submodel_of(means, template_id))
    assert found is not None
    assert found.name == name
    assert found.elements


def test_a_submodel_of_no_known_template_is_not_guessed() -> None:
    assert template_for(submodel_of("https://example.com/mine/1/0")) is None
    assert template_for({"modelType": "Submodel", "id": "urn:x"}) is None


OWN = {
    "modelType": "Submodel",
    "id": "https://example.com/template/pump",
    "idShort": "PumpCurve",
    "kind": "Template",
    "administration": {"version": "1", "revision": "2"},
    "semanticId": {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "https://e.com/pump"}]},
    "submodelElements": [
        {
            "modelType": "Property",
            "idShort": "Head",
            "valueType": "xs:double",
            "qualifiers": [
                {"type": "SMT/Cardinality", "valueType": "xs:string", "value": "One"},
                {"type": "SMT/AllowedRange", "valueType": "xs:string", "value": "(0,100]"},
            ],
        }
    ],
}


def test_a_users_template_stands_in_the_catalogue_beside_the_shelf() -> None:
    (mine,) = load_templates({"submodels": [OWN, {"kind": "Instance"}]})
    assert (mine.id_short, mine.version, mine.elements[0].many.least, mine.elements[0].span) == (
        "PumpCurve",
        "1.2",
        1,
        "(0,100]",
    )
    assert [entry.name for entry in catalogue([mine])][-1] == "PumpCurve"
    found = template_for(submodel_of("https://e.com/pump"), [mine])
    assert found is mine
    assert checking.check(json.loads(json.dumps(OWN))) == []


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({**OWN, "kind": "Instance"}, "'PumpCurve' is no template but a Submodel of kind Instance."),
        (OWN["submodelElements"][0], "'Head' is no template but a Property of kind Instance."),
        ({k: v for k, v in OWN.items() if k != "idShort"}, "The template has no idShort"),
        ({**OWN, "submodelElements": ["text"]}, "'PumpCurve' is not written as the metamodel wants a submodel."),
        ({**OWN, "administration": 5}, "'PumpCurve' is not written as the metamodel wants a submodel."),
        ({**OWN, "description": [{"text": "x"}]}, "'PumpCurve' is not written as the metamodel wants a submodel."),
        ({}, "'The document' is no template but a JSON object of kind Instance."),
    ],
)
def test_what_is_no_template_is_refused_and_named(document: dict[str, Any], says: str) -> None:
    with pytest.raises(BadTemplate) as refused:
        load_template(document)
    assert refused.value.message.startswith(says)
