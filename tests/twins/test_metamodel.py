"""The metamodel's rules, checked against what the specification says, on the environment of all 14 kinds."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.twins.metamodel import (
    V30,
    V31,
    BadForm,
    BadIdentifier,
    BadPath,
    BadValue,
    NoElement,
    TakenElement,
    checking,
    forms,
    identifiers,
    kinds,
    paths,
    references,
    values,
)

HERE = Path(__file__).parent / "aas"
ENVIRONMENT = json.loads((HERE / "environment.json").read_text())
GOLDEN = json.loads((HERE / "golden_forms.json").read_text())
FORMS = {
    "normal": lambda sm, path: forms.normal(paths.find(sm, path)),
    "metadata": lambda sm, path: forms.metadata(paths.find(sm, path)),
    "value": lambda sm, path: forms.value(paths.find(sm, path)),
    "reference": lambda sm, path: references.to_element(sm, paths.parse(path)),
    "path": lambda sm, path: forms.paths(paths.find(sm, path), path),
}


@pytest.fixture
def submodel() -> dict[str, Any]:
    return copy.deepcopy(ENVIRONMENT["submodels"][0])


def value_of(submodel: dict[str, Any], path: str, **said: Any) -> Any:
    return forms.value(paths.find(submodel, path), **said)


def test_t25_the_golden_file_has_every_kind_in_five_forms() -> None:
    found = {GOLDEN[name]["normal"]["modelType"] for name in GOLDEN}
    assert found == set(kinds.ELEMENTS)
    assert all(set(told) == set(FORMS) for told in GOLDEN.values())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", GOLDEN)
def test_t25_every_kind_in_every_form_is_as_written_in_the_golden_file(name: str, form: str) -> None:
    expected = GOLDEN[name][form]
    submodel = ENVIRONMENT["submodels"][0]
    if expected == 400:
        with pytest.raises(BadForm):
            FORMS[form](submodel, f"AllKinds.{name}")
    else:
        assert FORMS[form](submodel, f"AllKinds.{name}") == expected


# ---- identifiers ----


def test_t08_an_id_is_read_with_and_without_padding() -> None:
    text = "aHR0cHM6Ly9leGFtcGxlLmNvbS9hYXMvMQ"
    assert identifiers.encode_id("https://example.com/aas/1") == text
    assert {identifiers.decode_id(text), identifiers.decode_id(text + "==")} == {"https://example.com/aas/1"}


@pytest.mark.parametrize("text", ["abc!", "a", "_w", "", "====", "invalid-base64url=====", "AA", "a b", "YQ\n"])
def test_t09_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(BadIdentifier):
        identifiers.decode_id(text)


@given(st.text(min_size=1, max_size=300).filter(lambda text: "\x00" not in text))
def test_every_id_survives_its_address(text: str) -> None:
    assert identifiers.decode_id(identifiers.encode_id(text)) == text


# ---- paths ----


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("Motor", ("Motor",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ("l[0][12]", ("l", 0, 12)),
        ("a-b_c.d", ("a-b_c", "d")),
        ("电机.温度[1]", ("电机", "温度", 1)),
        ("Motor 1.Temp (C)", ("Motor 1", "Temp (C)")),
    ],
)
def test_paths_are_read_and_written(text: str, steps: paths.Steps) -> None:
    assert paths.parse(text) == steps
    assert paths.join(steps) == text


NO_PATHS = [
    "",
    ".",
    "a.",
    ".a",
    "a..b",
    "[0]",
    "a[",
    "a[x]",
    "a[-1]",
    "a[01]",
    " a",
    "a .b",
    "a\tb",
    "a[0]b",
    "x." * 80 + "y",
]


@pytest.mark.parametrize("text", NO_PATHS)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(BadPath):
        paths.parse(text)


def test_every_walked_path_finds_its_element(submodel: dict[str, Any]) -> None:
    walked = dict(paths.walk(submodel))
    assert len(walked) == 22
    assert list(walked)[:4] == ["AllKinds", "AllKinds.Coll", "AllKinds.Coll.Speed", "AllKinds.List"]
    assert all(paths.find(submodel, path) is element for path, element in walked.items())
    assert forms.paths(submodel) == list(walked)


def test_the_place_of_an_element_is_its_path_with_slashes() -> None:
    assert paths.place_of("Motor.Temp[0][1].x") == "Motor/Temp/0/1/x"


def test_elements_are_added_replaced_and_dropped(submodel: dict[str, Any]) -> None:
    new = {"modelType": "Property", "valueType": "xs:string", "value": "c"}
    assert paths.add(submodel, "AllKinds.List", dict(new)) == "AllKinds.List[2]"
    paths.drop(submodel, "AllKinds.List[0]")
    assert value_of(submodel, "AllKinds.List") == ["b", "c"]
    assert paths.put(submodel, "AllKinds.List[2]", new | {"value": "d"}) is True
    assert paths.put(submodel, "AllKinds.Prop", {"modelType": "Capability"}) is False
    assert paths.find(submodel, "AllKinds.Prop") == {"modelType": "Capability", "idShort": "Prop"}
    with pytest.raises(TakenElement):
        paths.add(submodel, "AllKinds", {"modelType": "Capability", "idShort": "Prop"})
    with pytest.raises(BadPath, match="holds no elements"):
        paths.add(submodel, "AllKinds.Mlp", {"modelType": "Capability", "idShort": "x"})
    with pytest.raises(BadPath, match="last step"):
        paths.put(submodel, "AllKinds.New", {"modelType": "Capability", "idShort": "Other"})
    with pytest.raises(NoElement):
        paths.put(submodel, "AllKinds.List[9]", dict(new))
    with pytest.raises(NoElement, match=r"AllKinds\.List\[9\]"):
        paths.drop(submodel, "AllKinds.List[9]")


def test_the_last_element_dropped_leaves_no_empty_list(submodel: dict[str, Any]) -> None:
    paths.drop(submodel, "Second.Remark")
    assert "value" not in paths.find(submodel, "Second")


# ---- forms ----


def test_t19_level_core_shows_children_without_grandchildren(submodel: dict[str, Any]) -> None:
    assert forms.normal(submodel, core=True)["submodelElements"] == [
        {"modelType": "SubmodelElementCollection", "idShort": "AllKinds"},
        {"modelType": "SubmodelElementCollection", "idShort": "Second"},
    ]
    core = forms.normal(paths.find(submodel, "AllKinds"), core=True)
    assert {"modelType": "SubmodelElementCollection", "idShort": "Coll"} in core["value"]
    assert {"modelType": "Property", "idShort": "Prop", "valueType": "xs:double", "value": "1.5"} in core["value"]
    assert forms.value(submodel, core=True) == {"AllKinds": {}, "Second": {}}
    assert forms.paths(submodel, core=True) == ["AllKinds", "Second"]


def test_t19_the_bytes_of_a_blob_are_told_on_request(submodel: dict[str, Any]) -> None:
    assert forms.normal(submodel, blobs=True) == submodel
    assert "value" not in paths.find(forms.normal(submodel), "AllKinds.Blb")
    assert value_of(submodel, "AllKinds.Blb", blobs=True) == {"contentType": "text/plain", "value": "aGVsbG8="}


def test_t05_the_dialects_differ_in_the_shape_of_values(submodel: dict[str, Any]) -> None:
    assert (value_of(submodel, "AllKinds.Prop", dialect=V30), value_of(submodel, "AllKinds.Prop", dialect=V31)) == (
        {"Prop": 1.5},
        1.5,
    )
    second = [paths.find(submodel, "Second")]
    assert forms.named_values(second, V31) == {"Second": {"Remark": "q"}}
    assert forms.named_values(second, V30) == [{"Second": {"Remark": "q"}}]
    assert value_of(submodel, "AllKinds.ARel", dialect=V30)["annotations"] == [{"Note1": "n"}]


def test_t07_only_version_31_has_metadata_of_a_capability(submodel: dict[str, Any]) -> None:
    capability = paths.find(submodel, "AllKinds.Cap")
    assert forms.metadata(capability, V31) == capability
    with pytest.raises(BadForm):
        forms.metadata(capability, V30)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("xs:int", "5000", 5000), ("xs:integer", "123456789012345678901234567890", 123456789012345678901234567890),
        ("xs:double", "1.5", 1.5), ("xs:double", "INF", "INF"), ("xs:double", "NaN", "NaN"),
        ("xs:decimal", "2.50", 2.5),
        ("xs:boolean", "true", True), ("xs:boolean", "0", False), ("xs:string", "5", "5"), ("xs:int", "wrong", "wrong"),
        ("xs:date", "2026-01-31", "2026-01-31"), ("xs:string", None, None),
    ],
)  # fmt: skip
def test_lexical_values_become_json(kind: str, text: str | None, expected: Any) -> None:
    found = forms.scalar(kind, text)
    assert found == expected
    assert type(found) is type(expected)


# ---- values ----


def test_t16_a_value_is_written_and_all_else_stays(submodel: dict[str, Any]) -> None:
    before = copy.deepcopy(submodel)
    after = values.written(submodel, {"AllKinds": {"Prop": 3, "Rng": {"min": 0, "max": 9}}})
    assert submodel == before
    assert (value_of(after, "AllKinds.Prop"), value_of(after, "AllKinds.Rng")) == (3.0, {"min": 0, "max": 9})
    paths.find(before, "AllKinds.Prop")["value"] = "3"
    paths.find(before, "AllKinds.Rng").update(min="0", max="9")
    assert after == before


def test_a_submodel_can_be_written_back_from_its_own_value(submodel: dict[str, Any]) -> None:
    assert values.written(submodel, forms.value(submodel, blobs=True)) == submodel


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("AllKinds.Prop", "abc", "'abc' is not of type xs:double"),
        ("AllKinds.Prop", {"Prop": 2.5}, "not a single value"),
        ("AllKinds.Prop", True, "True is not of type xs:double"),
        ("AllKinds.Coll.Speed", 2.5, "2.5 is not of type xs:int"),
        ("AllKinds.Coll.Speed", 3_000_000_000, "3000000000 is not of type xs:int"),
        ("AllKinds.List", ["a"], "it has 2 members, the value has 1"),
        ("AllKinds.List", ["a", 5], "5 is a number, the property is xs:string"),
        ("AllKinds.List", ["a", "\x01"], "characters that XML cannot carry"),
        ("AllKinds.Rng", {"min": 0, "top": 1}, "no 'top'"),
        ("AllKinds.Rng", 5, "not an object with min, max"),
        ("AllKinds.Mlp", "hello", "not a list of objects"),
        ("AllKinds.RefEl", "x", "not a reference"),
        ("AllKinds.Fil", {"value": 5}, "value 5 is not text"),
        ("AllKinds.Cap", {}, "a Capability has no value to write"),
        ("AllKinds.Coll", {"Nothing": 1}, "no element 'Nothing'"),
    ],
)
def test_t15_a_wrong_value_is_refused_with_place_and_reason(
    submodel: dict[str, Any], path: str, value: Any, reason: str
) -> None:
    with pytest.raises(BadValue) as told:
        values.written(paths.find(submodel, path), value, path)
    assert told.value.path.startswith(path)
    assert reason in told.value.reason


def test_t15_version_30_takes_a_named_scalar_too(submodel: dict[str, Any]) -> None:
    prop = paths.find(submodel, "AllKinds.Prop")
    assert values.written(prop, {"Prop": 2.5}, dialect=V30)["value"] == "2.5"
    assert values.lexicals(prop, {"Prop": 2.5}, "AllKinds.Prop", V30) == {"AllKinds.Prop": "2.5"}


def test_a_change_of_properties_only_can_be_kept_hot(submodel: dict[str, Any]) -> None:
    change = {"AllKinds": {"Prop": 3, "Coll": {"Speed": 7}, "List": ["x", "y"]}, "Second": {"Remark": "r"}}
    assert values.lexicals(submodel, change) == {
        "AllKinds.Prop": "3", "AllKinds.Coll.Speed": "7", "AllKinds.List[0]": "x", "AllKinds.List[1]": "y",
        "Second.Remark": "r",
    }  # fmt: skip
    assert values.lexicals(submodel, {"AllKinds": {"Prop": 3, "Rng": {"min": 0}}}) is None


# ---- references ----


def test_t56_white_space_in_a_semantic_id_does_not_count() -> None:
    one = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "https://a.b/c \n"}]}
    other = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "https://a.b/c"}]}
    assert references.semantic(one) == "https://a.b/c"
    assert references.same(one, other)
    assert not references.same(None, None)
    assert references.semantics({"semanticId": one, "supplementalSemanticIds": [other, {}]}) == ["https://a.b/c"] * 2


def test_the_submodels_of_a_shell_keep_their_order() -> None:
    assert references.submodel_ids(ENVIRONMENT["assetAdministrationShells"][1]) == [
        "https://example.com/sm/two", "https://example.com/sm/all",
    ]  # fmt: skip


# ---- checking ----


@pytest.mark.parametrize("group", ENVIRONMENT)
def test_the_environment_is_free_of_findings(group: str) -> None:
    assert [checking.check(document) for document in ENVIRONMENT[group]] == [[] for _ in ENVIRONMENT[group]]


def test_findings_name_constraint_path_and_value(submodel: dict[str, Any]) -> None:
    paths.find(submodel, "AllKinds.Prop")["value"] = "much"
    paths.add(submodel, "Second", {"modelType": "Capability", "idShort": "Twice"})
    paths.find(submodel, "Second")["value"].append({"modelType": "Capability", "idShort": "Twice"})
    paths.find(submodel, "AllKinds.Ent")["statements"] *= 2
    found = {(one.constraint, one.path, one.value) for one in checking.check(submodel)}
    assert found == {
        ("", "AllKinds.Prop", "much"), ("AASd-022", "Second.Twice", ""), ("AASd-022", "AllKinds.Ent.Qty", ""),
    }  # fmt: skip


def test_what_cannot_be_read_is_a_finding_with_its_path(submodel: dict[str, Any]) -> None:
    paths.find(submodel, "AllKinds.Prop")["valueType"] = 5
    (found,) = checking.check(submodel)
    assert (found.path, found.value) == ("AllKinds.Prop/valueType", "5")
    assert checking.check({"modelType": "Nonsense"})[0].path == "modelType"


def test_t54_a_document_of_ten_thousand_levels_is_refused() -> None:
    element: dict[str, Any] = {"modelType": "SubmodelElementCollection", "idShort": "c"}
    for _ in range(10_000):
        element = {"modelType": "SubmodelElementCollection", "idShort": "c", "value": [element]}
    (found,) = checking.check({"modelType": "Submodel", "id": "x", "submodelElements": [element]})
    assert "deeper" in found.message


def test_v30_and_v31_share_their_forms_where_nothing_differs(submodel: dict[str, Any]) -> None:
    for name in ("Coll", "Ent", "Mlp", "Rng", "Fil"):
        assert value_of(submodel, f"AllKinds.{name}", dialect=V30) == GOLDEN[name]["value"]
