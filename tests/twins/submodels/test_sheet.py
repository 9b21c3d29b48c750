"""A submodel beside its template: what is needed, what may be added, and values as people enter them."""

from __future__ import annotations

from typing import Any

import pytest

from lineshaft.twins.metamodel.errors import BadValue
from lineshaft.twins.metamodel.paths import add, find
from lineshaft.twins.submodels import SHELF, Line, check, enter, entered, fresh, grave, new, sheet, template


def line(top: Line, path: str) -> Line:
    found = [one for one in every(top) if one.path == path]
    return found[0]


def every(top: Line) -> list[Line]:
    return [top, *(below for one in top.lines for below in every(one))]


@pytest.mark.parametrize("name", sorted(SHELF.plugins))
def test_a_new_submodel_shows_every_element_as_known_and_as_needed(name: str) -> None:
    top = sheet(new(template(name)), template(name))
    assert all(one.known for one in every(top))
    assert all(one.needed for one in top.lines if one.element.many.least and not one.element.either)


def test_elements_come_in_the_order_of_the_template_and_strangers_last() -> None:
    made = new(template("nameplate"), values={"SerialNumber": "1", "YearOfConstruction": "2026"})
    made["submodelElements"] = [
        {"modelType": "Property", "idShort": "Colour", "valueType": "xs:string", "value": "red"},
        *reversed(made["submodelElements"]),
    ]
    names = [one.said["idShort"] for one in sheet(made, template("nameplate")).lines]
    assert names.index("SerialNumber") < names.index("YearOfConstruction")
    assert names[-1] == "Colour"
    assert not sheet(made, template("nameplate")).lines[-1].known


def test_what_may_stand_once_is_offered_until_it_stands_and_what_may_repeat_always() -> None:
    made = new(template("nameplate"), include=["Markings"])
    top = sheet(made, template("nameplate"))
    offered = [one.name for one in top.offers]
    assert "SerialNumber" in offered
    assert "Markings" not in offered
    assert [one.kind for one in line(top, "Markings").offers] == ["SubmodelElementCollection"]


def test_an_offer_that_is_taken_has_what_it_cannot_be_without() -> None:
    made = new(template("nameplate"))
    offer = next(one for one in sheet(made, template("nameplate")).offers if one.name == "Markings")
    add(made, "", fresh(offer, made))
    assert [one["idShort"] for one in find(made, "Markings[0]")["value"]] == ["MarkingName", "MarkingFile"]
    assert grave(check(made, template("nameplate"))) == []


def test_repeated_elements_get_names_of_their_own() -> None:
    made = new(template("nameplate"), include=["Markings[0].MarkingAdditionalText"])
    mark = find(made, "Markings[0]")
    element = line(sheet(made, template("nameplate")), "Markings[0].MarkingAdditionalText").element
    assert fresh(element, mark)["idShort"] == "MarkingAdditionalText1"


REFERENCE = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "urn:x"}]}
ENTRIES: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
    ({"modelType": "Property", "valueType": "xs:int"}, "7", {"value": "7"}),
    ({"modelType": "Property", "valueType": "xs:int", "value": "7"}, None, {}),
    ({"modelType": "MultiLanguageProperty"}, {"en": "a", "de": ""}, {"value": [{"language": "en", "text": "a"}]}),
    ({"modelType": "Range", "valueType": "xs:double", "max": "2"}, ("1.5", None), {"min": "1.5"}),
    ({"modelType": "ReferenceElement"}, "urn:x", {"value": REFERENCE}),
    ({"modelType": "Entity", "entityType": "CoManagedEntity"}, "urn:a",
     {"entityType": "SelfManagedEntity", "globalAssetId": "urn:a"}),
    ({"modelType": "Entity", "entityType": "SelfManagedEntity", "globalAssetId": "urn:a"}, None,
     {"entityType": "CoManagedEntity"}),
    ({"modelType": "File", "contentType": "image/png"}, "https://x/y.png", {"value": "https://x/y.png"}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "value", "wanted"), ENTRIES)
def test_what_is_entered_is_written_and_what_is_empty_left_out(said: Any, value: Any, wanted: Any) -> None:
    made = enter(said, value)
    assert {name: one for name, one in made.items() if said.get(name) != one or name in wanted} == wanted
    assert enter(made, entered(made)) == made


def test_a_value_of_another_type_is_refused_by_its_path() -> None:
    with pytest.raises(BadValue) as told:
        enter({"modelType": "Property", "valueType": "xs:int"}, "seven", "Motor.Poles")
    assert told.value.path == "Motor.Poles"
