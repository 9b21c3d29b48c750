"""Lenient reading lists what is wrong, leaves out what cannot be read, and guesses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aas_core3_1.jsonization as jsonization31
import aas_core3_1.verification as verification31
import pytest

from lineshaft.twins import files

from .conftest import ALL_KINDS, DATA, environment_of, prop, ref

NS30, NS31 = "https://admin-shell.io/aas/3/0", "https://admin-shell.io/aas/3/1"


def read(environment: dict[str, Any], **how: Any) -> files.Package:
    return files.read(json.dumps(environment).encode(), **how)


def told(package: files.Package) -> list[str]:
    return [str(finding) for finding in package.report.findings]


def below(package: files.Package) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = package.environment["submodels"][0]["submodelElements"]
    return found


def test_t50_no_published_template_is_refused_and_reports_say_what_the_reference_says(template: Path) -> None:
    package = files.read(template)
    raw = json.loads(template.read_text())
    theirs = [str(e.cause) for e in verification31.verify(jsonization31.environment_from_jsonable(raw))]
    ours = [f for f in package.report.findings if f.constraint != "identifier"]
    assert len(ours) == len(theirs)
    assert sorted(f.constraint for f in ours if f.constraint.startswith("AAS")) == sorted(
        cause.split(":")[0].removeprefix("Constraint ") for cause in theirs if cause.startswith("Constraint")
    )
    kept = sum(map(len, package.environment.values())) + package.report.counts["identifier"]
    assert kept == sum(map(len, raw.values()))


AT_HAND = sorted(path for path in DATA.parent.rglob("*") if path.is_file() and path.stat().st_size < 20_000_000)


@pytest.mark.parametrize("path", AT_HAND or [None], ids=lambda path: "/".join(path.parts[-2:]) if path else "none")
def test_t50_every_file_at_hand_is_read_or_refused_in_one_sentence(path: Path | None) -> None:
    if path is None:
        pytest.skip("No data of others is at hand: set LINESHAFT_DATA to its folder.")
    if path.parent == DATA and path.suffix == ".json":
        assert files.read(path).environment["submodels"]
        return
    with pytest.raises(files.BadFile) as refused:
        files.read(path)
    assert refused.value.status == 400
    assert 0 < len(str(refused.value)) < 500


def test_a_value_of_the_wrong_type_is_kept_and_named_with_its_path() -> None:
    package = read(environment_of({"modelType": "SubmodelElementCollection", "idShort": "Motor", "value": [
        prop("Speed"), prop("Torque", "much", "xs:double")]}))  # fmt: skip
    assert told(package) == ["metamodel at urn:sm › Motor.Torque: Value must be consistent with the value type."]
    assert below(package)[0]["value"][1]["value"] == "much"


def test_an_element_that_lacks_what_it_must_have_is_left_out_alone() -> None:
    package = read(environment_of(prop("Good"), {"modelType": "Property", "idShort": "NoType", "value": "1"}))
    assert below(package) == [prop("Good")]
    assert told(package) == ["structure at urn:sm › NoType: It lacks valueType; it is left out. (here: Property)"]
    assert package.report.findings[0].left_out


@pytest.mark.parametrize("value", [5, True, None, ["5"], {"v": "5"}])
def test_a_value_that_is_no_text_is_left_out_and_not_turned_into_one(value: object) -> None:
    package = read(environment_of(prop("First"), prop("Speed") | {"value": value}))
    assert below(package)[1] == {"modelType": "Property", "idShort": "Speed", "valueType": "xs:int"}
    assert [f.path for f in package.report.findings] == ["urn:sm › Speed › value"]


def test_unknown_members_words_and_kinds_are_left_out_and_named() -> None:
    package = read(environment_of(
        prop("Speed") | {"$type": "x"}, {"modelType": "Gadget", "idShort": "G"}, prop("Odd", type_="xs:complex"),
        kind="Sample", idShort="Sm",
    ))  # fmt: skip
    assert [(f.path, f.value, f.left_out) for f in package.report.findings] == [
        ("urn:sm › kind", "Sample", True),
        ("urn:sm › Speed › $type", "x", True),
        ("urn:sm › [1]", "Gadget", True),
        ("urn:sm › Odd › valueType", "xs:complex", True),
        ("urn:sm › Odd", "Property", True),
    ]
    assert below(package) == [prop("Speed")]


def test_a_reference_with_one_bad_key_is_left_out_as_a_whole() -> None:
    bad = ref(("Submodel", "urn:sm"), ("Property", "Speed"))
    bad["keys"][1]["type"] = "Prop"
    package = read(environment_of(prop("Speed", semanticId=bad)))
    assert below(package) == [prop("Speed")]
    assert [f.path for f in package.report.findings] == [
        "urn:sm › Speed › semanticId.keys[1].type",
        "urn:sm › Speed › semanticId.keys[1]",
        "urn:sm › Speed › semanticId.keys",
        "urn:sm › Speed › semanticId",
    ]


def test_siblings_of_one_name_and_items_of_another_kind_are_named() -> None:
    list_ = {"modelType": "SubmodelElementList", "idShort": "Li", "typeValueListElement": "Property",
             "valueTypeListElement": "xs:int", "value": [{"modelType": "Capability"}]}  # fmt: skip
    nameless = {"modelType": "Capability"}
    package = read(environment_of(prop("Twice"), prop("Twice"), nameless, list_))
    assert [(f.constraint, f.path, f.value) for f in package.report.findings] == [
        ("AASd-108", "urn:sm › Li", "Property"),
        ("AASd-109", "urn:sm › Li", "xs:int"),
        ("AASd-022", "urn:sm", "Twice"),
        ("AASd-117", "urn:sm", "1 without"),
    ]


def test_every_element_of_a_form_seen_before_is_still_checked_in_name_and_value() -> None:
    right = [prop(f"Speed{i}") for i in range(50)]
    package = read(environment_of(*right, prop("Bad Name"), prop("Late", "x"), *[prop(f"More{i}") for i in range(9)]))
    assert [f.path for f in package.report.findings] == ["urn:sm › Bad Name › idShort", "urn:sm › Late"]


def test_the_second_document_of_an_id_is_left_out() -> None:
    concept = {"modelType": "ConceptDescription", "id": "urn:cd"}
    package = read({"conceptDescriptions": [concept, concept, {**concept, "idShort": "Other"}]})
    assert package.environment == {"conceptDescriptions": [concept]}
    assert [f.message for f in package.report.findings] == [
        "It has an id that is here already; it is left out.",
        "It has an id that is here already, with different content; it is left out.",
    ]


def test_letters_that_no_text_may_have_are_left_out() -> None:
    package = read(environment_of(prop("Speed", "a\x00b", "xs:string"), prop("Next", "ok", "xs:string")))
    assert below(package) == [{k: v for k, v in prop("Speed", type_="xs:string").items() if k != "value"},
                              prop("Next", "ok", "xs:string")]  # fmt: skip
    assert [(f.constraint, f.path) for f in package.report.findings] == [("AASd-130", "urn:sm › Speed › value")]


def test_strict_reading_refuses_with_the_findings() -> None:
    with pytest.raises(files.BadFile, match="in 1 places; the first is metamodel at urn:sm › Speed") as refused:
        read(environment_of(prop("Speed", "fast")), strict=True)
    assert [f.path for f in refused.value.findings] == ["urn:sm › Speed"]
    assert read(ALL_KINDS, strict=True).environment == ALL_KINDS


def test_a_thousand_findings_are_kept_and_the_rest_is_counted() -> None:
    package = read(environment_of(*[prop(f"Pr{i}", "x") for i in range(1_500)]))
    assert (len(package.report.findings), package.report.total) == (1_000, 1_500)


def test_xml_of_30_is_read_and_what_is_unknown_in_it_is_named_with_its_line() -> None:
    xml = f"""<?xml version="1.0"?>
<environment xmlns="{NS30}"><submodels><submodel><id>urn:sm</id><submodelElements>
  <property><idShort>Speed</idShort><valueType>xs:int</valueType><value>1</value><value>2</value></property>
  <gadget><idShort>X</idShort></gadget> stray
  <property><idShort>Note</idShort><valueType> xs:string </valueType><value> kept <b>bold</b></value></property>
</submodelElements></submodel></submodels></environment>"""
    package = files.read(xml.encode())
    assert package.version == "3.0"
    assert below(package) == [prop("Speed"), prop("Note", " kept ", "xs:string")]
    assert told(package) == [
        "structure at urn:sm › Speed (line 3): <value> stands here twice; the first is kept; it is left out. "
        "(here: value)",
        "structure at urn:sm (line 4): <gadget> is not known here; it is left out. (here: gadget)",
        "structure at urn:sm (line 5): Text between tags is left out. (here: stray)",
        "structure at urn:sm › Note (line 5): <b> is not known here; it is left out. (here: b)",
    ]


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-16", "UTF-16"), ("latin-1", "ISO-8859-1"), ("utf-8-sig", "UTF-8")]
)
def test_xml_in_another_encoding_is_read_when_it_says_so(encoding: str, name: str) -> None:
    xml = f"""<?xml version="1.0" encoding="{name}"?><environment xmlns="{NS31}"><submodels><submodel><id>Prüfstand</id>
    </submodel></submodels></environment>"""
    assert files.read(xml.encode(encoding)).environment["submodels"][0]["id"] == "Prüfstand"


def test_losses_of_30_are_listed_and_references_follow_what_is_renamed() -> None:
    environment: dict[str, Any] = {
        "assetAdministrationShells": [{"modelType": "AssetAdministrationShell", "id": "urn:aas", "idShort": "My-Aas",
                                       "assetInformation": {"assetKind": "Role", "globalAssetId": "urn:asset"}}],
        "submodels": [{"modelType": "Submodel", "id": "urn:sm", "submodelElements": [
            {"modelType": "Entity", "idShort": "Own", "globalAssetId": "urn:x"},
            {"modelType": "Entity", "idShort": "Bulk"},
            {"modelType": "File", "idShort": "Doc"},
            {"modelType": "RelationshipElement", "idShort": "Half", "first": ref(("GlobalReference", "urn:x"))},
            {"modelType": "SubmodelElementCollection", "idShort": "A-b", "value": [prop("C-d"), prop("C_d")]},
            {"modelType": "SubmodelElementList", "idShort": "Li", "typeValueListElement": "Capability",
             "value": [{"modelType": "Capability", "idShort": "In"}]},
            {"modelType": "ReferenceElement", "idShort": "Ref", "value":
             ref(("Submodel", "urn:sm"), ("SubmodelElementCollection", "A-b"), ("Property", "C-d"))},
        ]}],
    }  # fmt: skip
    before = json.dumps(environment)
    data, losses = files.to_bytes(environment, form="json", version="3.0")
    assert json.dumps(environment) == before
    assert [(f.constraint, f.path, f.value) for f in losses.findings] == [
        ("AASd-002", "urn:aas", "My-Aas"),
        ("AssetKind", "urn:aas", "Role"),
        ("Entity", "urn:sm › Own", ""),
        ("Entity", "urn:sm › Bulk", ""),
        ("ContentType", "urn:sm › Doc", ""),
        ("RelationshipElement", "urn:sm › Half", ""),
        ("AASd-002", "urn:sm › A-b", "A-b"),
        ("AASd-002", "urn:sm › A-b.C-d", "C-d"),
        ("AASd-120", "urn:sm › Li[0]", "In"),
    ]
    own, bulk, doc, collection, list_, reference = json.loads(data)["submodels"][0]["submodelElements"]
    assert (own["entityType"], bulk["entityType"]) == ("SelfManagedEntity", "CoManagedEntity")
    assert doc["contentType"] == "application/octet-stream"
    assert [child["idShort"] for child in collection["value"]] == ["C_d_", "C_d"]
    assert list_["value"] == [{"modelType": "Capability"}]
    assert [key["value"] for key in reference["value"]["keys"]] == ["urn:sm", "A_b", "C_d_"]
    from aas_test_engines import file as engine

    assert engine.check_json_data(json.loads(data), "3.0").ok()


def test_one_letter_names_are_written_as_31_and_named() -> None:
    data, losses = files.to_bytes(environment_of(prop("X")), form="json", version="3.1")
    assert json.loads(data) == environment_of(prop("X"))
    assert [(f.constraint, f.path, f.value) for f in losses.findings] == [("AASd-002", "urn:sm › X", "X")]


def test_progress_tells_how_many_elements_were_read() -> None:
    many = environment_of(*[prop(f"Pr{i}") for i in range(12_000)])
    for form in ("json", "xml"):
        seen: list[int] = []
        files.read(files.to_bytes(many, form=form)[0], progress=seen.append)
        assert seen == sorted(seen)
        assert 10_000 <= seen[-1] <= 12_000
