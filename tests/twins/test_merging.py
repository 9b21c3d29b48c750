"""Changes of two people to one submodel: both kept where they differ, told where they meet."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from lineshaft.twins.errors import Clashing
from lineshaft.twins.metamodel.paths import add, drop, find
from lineshaft.twins.model.merging import edits, merged

Json = dict[str, Any]


def prop(name: str, value: str, **more: Any) -> Json:
    return {"modelType": "Property", "idShort": name, "valueType": "xs:string", "value": value, **more}


def submodel() -> Json:
    entries = [{"modelType": "Property", "valueType": "xs:string", "value": text} for text in ("en", "de")]
    return {
        "modelType": "Submodel",
        "id": "urn:one",
        "submodelElements": [
            prop("Serial", "1"),
            {"modelType": "SubmodelElementCollection", "idShort": "Address", "value": [prop("City", "Kyiv")]},
            {"modelType": "SubmodelElementList", "idShort": "Languages", "typeValueListElement": "Property",
             "valueTypeListElement": "xs:string", "value": entries},
        ],
    }  # fmt: skip


def with_(path: str, value: str, document: Json | None = None) -> Json:
    made = deepcopy(document or submodel())
    find(made, path)["value"] = value
    return made


def test_elements_two_people_changed_apart_are_both_kept() -> None:
    theirs, mine = with_("Address.City", "Lviv"), with_("Serial", "2")
    assert merged(theirs, edits(submodel(), mine)) == with_("Serial", "2", theirs)


def test_the_same_element_changed_twice_is_told_by_its_path_and_nothing_is_changed() -> None:
    theirs, mine = with_("Serial", "9"), with_("Serial", "2")
    found = edits(submodel(), mine)
    with pytest.raises(Clashing) as told:
        merged(theirs, found)
    assert told.value.details["paths"] == ["Serial"]
    assert theirs == with_("Serial", "9")
    assert merged(theirs, found, force=True) == mine


def test_what_both_wrote_alike_is_no_clash() -> None:
    mine = with_("Serial", "2")
    assert merged(mine, edits(submodel(), mine)) == mine


def test_elements_are_added_and_taken_out() -> None:
    mine = submodel()
    drop(mine, "Serial")
    add(mine, "Address", prop("Street", "Main"))
    assert merged(submodel(), edits(submodel(), mine)) == mine


def test_taking_out_what_somebody_changed_is_told() -> None:
    mine = submodel()
    drop(mine, "Serial")
    with pytest.raises(Clashing):
        merged(with_("Serial", "9"), edits(submodel(), mine))


def test_entries_of_a_list_are_merged_one_by_one_until_its_length_changes() -> None:
    theirs, mine = with_("Languages[0]", "fr"), with_("Languages[1]", "es")
    assert [one["value"] for one in find(merged(theirs, edits(submodel(), mine)), "Languages")["value"]] == ["fr", "es"]
    shorter = submodel()
    drop(shorter, "Languages[1]")
    with pytest.raises(Clashing) as told:
        merged(theirs, edits(submodel(), shorter))
    assert told.value.details["paths"] == ["Languages"]


def test_values_read_from_series_are_nobodys_change() -> None:
    bound = {"extensions": [{"name": "series", "valueType": "xs:string", "value": "acme/x"}]}
    base = {**submodel(), "submodelElements": [prop("Speed", "1", **bound), prop("Serial", "1")]}
    moved, mine = with_("Speed", "2", base), with_("Serial", "7", base)
    assert edits(base, moved) == []
    assert merged(moved, edits(base, mine)) == with_("Serial", "7", moved)
