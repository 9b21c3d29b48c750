"""T55 to T57: templates find what is missing, accept what differs in white space, and make instances that fit."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.metamodel.kinds import SLOTS, children
from lineshaft.twins.metamodel.paths import step_to
from lineshaft.twins.submodels import (
    SHELF,
    BadSubmodel,
    Rule,
    Template,
    check,
    grave,
    load_template,
    new,
    new_shell,
    template,
)
from lineshaft.twins.submodels.facts import Element, expected_below
from lineshaft.twins.submodels.matching import match

Json = dict[str, Any]
NAMES = sorted(SHELF.plugins)


def mandatory(parent: Json, expected: tuple[Element, ...], path: str = "") -> Iterator[tuple[Json, int, str, Element]]:
    """Every element of an instance that its template does not let go: parent, index, path, facts."""
    in_list = parent["modelType"] == "SubmodelElementList"
    for one in match(children(parent), expected, in_list=in_list):
        assert one.element is not None
        place = step_to(path, parent, one.index, one.child)
        if one.element.many.least:
            yield parent, one.index, place, one.element
        yield from mandatory(one.child, expected_below(one.element, ()), place)


def parts(whole: Json, shelved: Template) -> list[Json]:
    """The submodel, or where nothing at its top is mandatory, its parts one by one: the same faults, found faster."""
    if any(element.many.least for element in shelved.elements):
        return [whole]
    return [whole | {"submodelElements": [one]} for one in whole["submodelElements"]]


@pytest.mark.parametrize("name", NAMES)
def test_t55_each_mandatory_element_is_missed_by_path_and_semantic_id_when_it_is_taken_out(name: str) -> None:
    shelved = template(name)
    whole = new(shelved, "urn:x", everything=True)
    assert check(whole, shelved) == []
    for part in parts(whole, shelved):
        for parent, index, path, element in list(mandatory(part, shelved.elements)):
            slot = SLOTS[parent["modelType"]]
            before = parent[slot]
            parent[slot] = before[:index] + before[index + 1 :]
            found = check(part, shelved)
            parent[slot] = before
            wanted = path if element.many.least == 1 else path.rstrip("1")  # of two, the template names but one
            assert [(f.rule, f.path, f.means) for f in found] == [(Rule.MISSING, wanted, element.means)]


def test_t55_the_published_file_fits_its_own_table(name: str, published: Json) -> None:
    found = grave(check({**published, "kind": "Instance"}, template(name)))
    # The file shows one part of a composition where its own cardinality wants two.
    alone = (
        "CapabilitySet.CapabilityContainer.CapabilityRelations.ComposedOfSet.ComposedOfContainer.CapabilityComposedOf"
    )
    assert [f.path for f in found] == ([alone] if name == "capability" else [])


@pytest.mark.parametrize("blank", [" ", "\n", "\t "])
def test_t56_white_space_around_a_semantic_id_does_not_matter(blank: str) -> None:
    series = new(template("time_series"), "urn:x", include=["Segments.LinkedSegment.EndTime"])
    for holder in (series, series["submodelElements"][1]["value"][0]["value"][0]):
        holder["semanticId"]["keys"][0]["value"] += blank
    assert check(series, template("time_series")) == []


def plate(**values: Any) -> Json:
    return new(template("nameplate"), "urn:x", values=values)


def test_elements_the_template_does_not_know_are_listed_and_no_fault() -> None:
    said = plate()
    said["submodelElements"].append({"modelType": "Property", "idShort": "Colour", "valueType": "xs:string"})
    (found,) = check(said, template("nameplate"))
    assert (found.rule, found.path, found.grave) == (Rule.UNKNOWN, "Colour", False)
    assert grave([found]) == []


def test_arbitrary_properties_are_expected_where_the_template_has_room_for_them() -> None:
    said = plate() | {}
    own = {"modelType": "Property", "idShort": "Torque", "valueType": "xs:double", "value": "3.5"}
    said["submodelElements"].append(
        new(template("nameplate"), "urn:y", include=["AssetSpecificProperties"])["submodelElements"][-1]
        | {"value": [own]}
    )
    assert check(said, template("nameplate")) == []


@pytest.mark.parametrize(
    ("change", "rule", "says"),
    [
        (
            {"modelType": "File", "contentType": "a/b"},
            Rule.KIND,
            "OrderCodeOfManufacturer: it is a File, not a Property.",
        ),
        ({"valueType": "xs:int"}, Rule.TYPE, "OrderCodeOfManufacturer: its valueType is xs:int, not xs:string."),
        ({"idShort": "OrderCode"}, Rule.NAME, "OrderCode: the template calls it 'OrderCodeOfManufacturer'."),
    ],
)
def test_the_wrong_kind_type_or_name_is_told(change: Json, rule: Rule, says: str) -> None:
    said = plate()
    code = next(e for e in said["submodelElements"] if e["idShort"] == "OrderCodeOfManufacturer")
    code.update(change)
    (found,) = check(said, template("nameplate"))
    assert (found.rule, found.message, found.means) == (rule, says, "0112/2///61987#ABA950#008")


def test_a_value_that_is_not_of_its_type_is_told() -> None:
    said = plate(DateOfManufacture="2026-01-31")
    said["submodelElements"][-1]["value"] = "31.01.2026"
    (found,) = check(said, template("nameplate"))
    assert (found.rule, found.path) == (Rule.VALUE, "DateOfManufacture")


def test_the_id_of_another_version_is_a_note_and_another_id_a_fault() -> None:
    said = plate()
    code = said["submodelElements"][4]["semanticId"]["keys"][0]
    code["value"] = "0112/2///61987#ABA950#006"
    (found,) = check(said, template("nameplate"))
    assert (found.rule, found.grave) == (Rule.VERSION, False)
    code["value"] = "0112/2///61987#XYZ000#006"
    del said["submodelElements"][4]["supplementalSemanticIds"]
    (found,) = check(said, template("nameplate"))
    assert (found.rule, found.path) == (Rule.MEANING, "OrderCodeOfManufacturer")


def test_a_list_that_says_the_wrong_kind_or_type_is_told() -> None:
    said = new(template("documents"), "urn:x")
    said["submodelElements"][0]["typeValueListElement"] = "Property"
    (found,) = check(said, template("documents"))
    assert (found.rule, found.path) == (Rule.LIST, "Documents")
    carbon = new(template("carbon"), "urn:x", everything=True)
    phases = carbon["submodelElements"][0]["value"][0]["value"][4]
    phases["valueTypeListElement"] = "xs:int"
    assert [(f.rule, f.path) for f in check(carbon, template("carbon"))] == [
        (Rule.LIST, "ProductCarbonFootprints[0].LifeCyclePhases")
    ]


def test_two_where_one_may_be_are_told() -> None:
    said = plate()
    again = copy.deepcopy(said["submodelElements"][0]) | {"idShort": "Second"}
    said["submodelElements"].append(again)
    assert [(f.rule, f.path) for f in grave(check(said, template("nameplate")))] == [(Rule.TOO_MANY, "Second")]


def test_a_choice_of_the_template_is_kept() -> None:
    said = new(template("bill_of_materials"), "urn:x", values={"ArcheType": "Full"})
    assert check(said, template("bill_of_materials")) == []
    said["submodelElements"][1]["value"] = "Half"
    (found,) = check(said, template("bill_of_materials"))
    assert found.message == "ArcheType: 'Half' is none of Full, OneDown, OneUp."


def loaded(value_type: str, **qualifiers: str) -> Any:
    element = {
        "modelType": "MultiLanguageProperty" if not value_type else "Property",
        "idShort": "Field",
        "valueType": value_type,
        "qualifiers": [{"type": f"SMT/{k}", "valueType": "xs:string", "value": v} for k, v in qualifiers.items()],
    }
    return load_template({"modelType": "Submodel", "idShort": "Own", "kind": "Template", "submodelElements": [element]})


@pytest.mark.parametrize(
    ("type_", "qualifiers", "good", "bad"),
    [
        ("xs:string", {"AllowedValue": "[A-Z]{2}"}, "DE", "Germany"),
        ("xs:int", {"AllowedRange": "[0,100]"}, "100", "101"),
        ("xs:double", {"AllowedRange": "(0,1)"}, "0.5", "1"),
        ("xs:double", {"AllowedRange": "[5,]"}, "7000", "4.9"),
    ],
)
def test_allowed_values_and_ranges_of_a_template_are_kept(type_: str, qualifiers: Any, good: str, bad: str) -> None:
    own = loaded(type_, **qualifiers)
    said = new(own, "urn:x", values={"Field": good})
    assert check(said, own) == []
    said["submodelElements"][0]["value"] = bad
    assert [f.rule for f in check(said, own)] == [Rule.VALUE]


def test_a_language_the_template_requires_is_missed() -> None:
    own = loaded("", RequiredLang="en")
    assert check(new(own, "urn:x", values={"Field": {"en": "Pump", "de": "Pumpe"}}), own) == []
    (found,) = check(new(own, "urn:x", values={"Field": {"de": "Pumpe"}}), own)
    assert found.message == "Field: the text lacks the language en."


@pytest.mark.parametrize("pattern", ["(a+)+b", "((a+)c?)+b", "(a|a)*b", "a*a*a*a*a*a*b"])
def test_a_pattern_made_to_take_for_ever_is_judged_at_once(pattern: str) -> None:
    own = loaded("xs:string", AllowedValue=pattern)
    began = time.process_time()
    assert [f.rule for f in check(new(own, "urn:x", values={"Field": "a" * 5000}), own)] == [Rule.VALUE]
    assert check(new(own, "urn:x", values={"Field": "a" * 5000 + "b"}), own) == []
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", r"(a)\1", "a{1000}{1000}{1000}"])
def test_a_pattern_that_cannot_be_judged_holds_nobody(pattern: str) -> None:
    own = loaded("xs:string", AllowedValue=pattern)
    assert check(new(own, "urn:x", values={"Field": "anything"}), own) == []


def test_a_pattern_holds_for_the_whole_text() -> None:
    own = loaded("xs:string", AllowedValue="a|bc")
    for text, fits in (("a", True), ("bc", True), ("ac", False), ("a\n", False)):
        said = new(own, "urn:x", values={"Field": text})
        assert (check(said, own) == []) is fits, text


def test_a_submodel_of_another_template_is_told_so() -> None:
    found = check(new(template("carbon"), "urn:x"), template("calendar"))
    assert (found[0].rule, found[0].path) == (Rule.MEANING, "")


@pytest.mark.parametrize("name", NAMES)
def test_t57_an_instance_has_what_is_mandatory_and_nothing_else(name: str) -> None:
    shelved = template(name)
    made = new(shelved, "https://example.com/sm/1")
    assert check(made, shelved) == []
    assert metamodel.check(made) == []
    assert (made["kind"], made["id"], made["idShort"]) == ("Instance", "https://example.com/sm/1", shelved.id_short)
    assert made["semanticId"]["keys"][0]["value"] == shelved.means
    assert made["administration"]["templateId"] == shelved.template_id
    optional = [e.name for e in shelved.elements if not e.many.least]
    assert not {one["idShort"] for one in made.get("submodelElements", ())} & set(optional)
    assert "qualifiers" not in str(made)


@pytest.mark.parametrize("name", NAMES)
def test_t57_an_instance_with_everything_fits_template_and_metamodel(name: str) -> None:
    made = new(template(name), "urn:x", everything=True)
    assert check(made, template(name)) == []
    assert metamodel.check(made) == []


def test_t57_two_instances_have_two_ids() -> None:
    assert new(template("nameplate"))["id"] != new(template("nameplate"))["id"]


def test_t57_what_is_asked_for_is_made_with_its_values_and_counts() -> None:
    made = new(
        template("nameplate"),
        "urn:x",
        values={
            "ManufacturerName": {"en": "Acme", "zh": "艾克米"},
            "Markings[0].MarkingName": "CE",
            "Markings[1].MarkingName": "UKCA",
            "DateOfManufacture": "2026-01-31",
        },
    )
    by_name = {one["idShort"]: one for one in made["submodelElements"]}
    assert by_name["ManufacturerName"]["value"] == [
        {"language": "en", "text": "Acme"},
        {"language": "zh", "text": "艾克米"},
    ]
    assert [mark["value"][0]["value"] for mark in by_name["Markings"]["value"]] == ["CE", "UKCA"]
    assert by_name["DateOfManufacture"]["value"] == "2026-01-31"
    assert "SerialNumber" not in by_name
    assert check(made, template("nameplate")) == []


def test_a_path_the_template_does_not_know_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadSubmodel) as refused:
        plate(SerialNumbers="1")
    assert refused.value.message == "The template Nameplate has no element 'SerialNumbers'."
    assert refused.value.hint == "Did you mean 'SerialNumber'?"


@pytest.mark.parametrize("index", ["10000", "999999999999", "-1", "x"])
def test_an_entry_far_out_is_refused_and_not_made(index: str) -> None:
    with pytest.raises(BadSubmodel, match="is no place in a list"):
        plate(**{f"Markings[{index}].MarkingName": "CE"})


def test_t57_the_shell_of_an_instance_is_derived_from_that_of_its_type() -> None:
    made = new(template("nameplate"), "https://example.com/sm/1")
    shell = new_shell(
        "https://example.com/aas/1",
        "https://example.com/asset/1",
        derived_from="https://example.com/aas/type",
        submodels=[made],
    )
    assert shell["derivedFrom"]["keys"] == [
        {"type": "AssetAdministrationShell", "value": "https://example.com/aas/type"}
    ]
    assert shell["assetInformation"] == {"assetKind": "Instance", "globalAssetId": "https://example.com/asset/1"}
    assert shell["submodels"][0]["keys"][0]["value"] == "https://example.com/sm/1"
    assert metamodel.check(shell) == []


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_t57_whatever_is_asked_for_the_instance_fits(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([name for name in NAMES if name != "interfaces"]))
    paths = sorted(path for path, _ in template(name).walk())
    wanted = data.draw(st.sets(st.sampled_from(paths), max_size=6))
    # Of elements of which one is enough, two are never asked for together.
    either = [path for path, element in template(name).walk() if element.either and path in wanted]
    made = new(template(name), "urn:x", include=wanted - set(either))
    assert check(made, template(name)) == []
    assert metamodel.check(made) == []
