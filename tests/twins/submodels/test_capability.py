"""T61: what is needed is compared with what is offered, with units, generalisations, conditions and reasons."""

from __future__ import annotations

from typing import Any

import pytest

from lineshaft.twins.submodels import BadSubmodel, check, grave, template
from lineshaft.twins.submodels.building import new, reference
from lineshaft.twins.submodels.capability import Role, capabilities_of, fit, rank
from lineshaft.twins.submodels.units import BadUnit, convert

Json = dict[str, Any]
BASE = "https://admin-shell.io/idta/CapabilityDescription"
DRILLING = "https://example.com/cap/Drilling"


def means(id_: str) -> Json:
    return {"semanticId": reference(id_)}


def quantity(name: str, said: Any, unit: str = "") -> Json:
    """A property container: (low, high), one number, or a list of words."""
    own = {"supplementalSemanticIds": [reference(f"https://example.com/property/{name}")]}
    if isinstance(said, tuple):
        kind = {"modelType": "Range", "valueType": "xs:double", "min": str(said[0]), "max": str(said[1])}
        kind |= means("https://admin-shell.io/idta/CapabilityPropertyEnumType/Range/1/0")
    elif isinstance(said, list):
        entries = [{"modelType": "Property", "valueType": "xs:string", "value": one} for one in said]
        kind = {"modelType": "SubmodelElementList", "typeValueListElement": "Property", "value": entries}
        kind |= means("https://admin-shell.io/idta/CapabilityPropertyType/SubmodelElementList/1/0")
    else:
        type_ = "xs:string" if isinstance(said, str) else "xs:double"
        kind = {"modelType": "Property", "valueType": type_, "value": str(said)}
        kind |= means("https://admin-shell.io/idta/CapabilityPropertyType/Property/1/0")
    if unit:
        kind["embeddedDataSpecifications"] = [{"dataSpecificationContent": {"unit": unit}}]
    inner = kind | own | {"idShort": f"{name}Value"}
    return {
        "modelType": "SubmodelElementCollection",
        "idShort": name,
        **means(f"{BASE}/PropertyContainer/1/0"),
        "value": [inner],
    }


def collection(name: str, word: str, *value: Json) -> Json:
    return {
        "modelType": "SubmodelElementCollection",
        "idShort": name,
        **means(f"{BASE}/{word}/1/0"),
        "value": list(value),
    }


def container(name: str, role: str, properties: list[Json], id_: str = DRILLING, *relations: Json) -> Json:
    capability = {
        "modelType": "Capability",
        "idShort": name,
        **means(f"{BASE}/Capability/1/0"),
        "supplementalSemanticIds": [reference(id_)],
        "qualifiers": [{"kind": "ValueQualifier", "type": role, "valueType": "xs:boolean", "value": "true"}],
    }
    parts = [capability, collection("Properties", "PropertySet", *properties)]
    parts += [collection("Relations", "CapabilityRelations", *relations)] if relations else []
    return collection(f"{name}Container", "CapabilityContainer", *parts)


def submodel(id_: str, *containers: Json) -> Json:
    made = new(template("capability"), id_)
    made["submodelElements"][0]["value"] = list(containers)
    return made


def only(made: Json, **kw: Any) -> Any:
    (found,) = capabilities_of(made, **kw)
    return found


def wanted(**properties: Any) -> Any:
    units = {"diameter": "mm", "depth": "mm"}
    boxes = [quantity(name, said, units.get(name, "")) for name, said in properties.items()]
    return only(submodel("urn:need", container("Drilling", "Required", boxes)))


def offered(id_: str, diameter: Any, depth: Any, material: Any = ("Al", "St"), unit: str = "mm") -> Any:
    boxes = [quantity("diameter", diameter, unit), quantity("depth", depth, "mm"), quantity("material", list(material))]
    return only(submodel(id_, container("Drilling", "Offered", boxes)))


NEED = {"diameter": 8, "depth": 40, "material": "Al"}


def test_t61_of_three_offers_one_fits_and_the_others_say_what_they_lack() -> None:
    offers = [
        offered("urn:a", (2, 10), (0, 60)),
        offered("urn:b", (2, 10), (0, 30)),
        offered("urn:c", (2, 6), (0, 60)),
    ]
    verdicts = {one.offer.key.split("#")[0]: one for one in rank(wanted(**NEED), offers)}
    assert verdicts["urn:a"].fits
    assert [r.text for r in verdicts["urn:b"].reasons] == ["depth: 40 mm is not within 0 to 30 mm"]
    assert [(r.about, r.text) for r in verdicts["urn:c"].reasons] == [
        ("diameter", "diameter: 8 mm is not within 2 to 6 mm")
    ]
    assert next(iter(verdicts)) == "urn:a"


@pytest.mark.parametrize(("inches", "fits"), [((0.1, 0.3), True), ((0.1, 0.29), False)])
def test_t61_millimetres_are_compared_with_inches(inches: Any, fits: bool) -> None:
    need = wanted(diameter=7.62, depth=40, material="Al")
    assert fit(need, offered("urn:a", inches, (0, 60), unit="[in_i]")).fits is fits


def test_units_that_measure_different_things_are_a_reason() -> None:
    verdict = fit(wanted(**NEED), offered("urn:a", (2, 10), (0, 60), unit="kg"))
    assert verdict.reasons[0].text == ("diameter: 'mm' cannot be turned into 'kg': they measure different things.")


def test_a_property_the_offer_is_silent_about_is_a_reason() -> None:
    offer = only(submodel("urn:a", container("Drilling", "Offered", [quantity("diameter", (2, 10), "mm")])))
    assert [r.text for r in fit(wanted(**NEED), offer).reasons] == [
        "the offer says nothing of depth",
        "the offer says nothing of material",
    ]


@pytest.mark.parametrize(
    ("need", "offer", "fits"),
    [
        ((3, 8), (2, 10), True),
        ((3, 12), (2, 10), False),
        (["8", "9"], (2, 10), True),
        (["8", "19"], (2, 10), False),
        (8, ["6", "8"], True),
        (7, ["6", "8"], False),
        (["al"], ["Al", "St"], True),
        (["Al", "Ti"], ["Al", "St"], False),
        ("Al", (2, 10), False),
    ],
)
def test_values_ranges_and_lists_are_held_by_ranges_and_lists(need: Any, offer: Any, fits: bool) -> None:
    have = only(submodel("urn:a", container("Drilling", "Offered", [quantity("x", offer)])))
    want = only(submodel("urn:n", container("Drilling", "Required", [quantity("x", need)])))
    assert fit(want, have).fits is fits


def general(to: Json) -> Json:
    relation = {
        "modelType": "RelationshipElement",
        "idShort": "General",
        **means(f"{BASE}/CapabilityGeneralizedBy/1/0"),
        "first": to,
        "second": to,
    }
    return collection("More", "GeneralizedBySet", relation)


MACHINING = "https://example.com/cap/Machining"
DEEP = "https://example.com/cap/DeepHoleDrilling"


def test_t61_a_special_offer_meets_a_general_need_and_not_the_other_way_round() -> None:
    special = only(submodel("urn:s", container("DeepHole", "Offered", [], DEEP, general(reference(DRILLING)))))
    need = only(submodel("urn:n", container("Drilling", "Required", [])))
    assert fit(need, special).fits
    need_special = only(submodel("urn:n", container("DeepHole", "Required", [], DEEP)))
    plain = only(submodel("urn:p", container("Drilling", "Offered", [])))
    (reason,) = fit(need_special, plain).reasons
    assert reason.text == f"Drilling is not {DEEP}, nor a special case of it"


def test_t61_generalisation_is_followed_over_other_descriptions() -> None:
    made = submodel(
        "urn:s",
        container("DeepHole", "Offered", [], DEEP, general(reference(DRILLING))),
        container("Drilling", "NotAssigned", [], DRILLING, general(reference(MACHINING))),
    )
    offers = capabilities_of(made)
    need = only(submodel("urn:n", container("Machining", "Required", [], MACHINING)))
    assert fit(need, offers[0], offers).fits
    assert not fit(need, offers[0]).fits


def condition(rule: str, kind: str = "BasicConstraint", when: str = "Pre") -> Json:
    def said(name: str, word: str, value: str) -> Json:
        path = f"{BASE}/{word}/1/0" if "/" not in word else f"https://admin-shell.io/idta/{word}/1/0"
        return {"modelType": "Property", "idShort": name, "valueType": "xs:string", "value": value, **means(path)}

    link = {
        "modelType": "RelationshipElement",
        "idShort": "Has",
        **means(f"{BASE}/ConstraintHasProperty/1/0"),
        "second": {
            "type": "ModelReference",
            "keys": [
                {"type": "Submodel", "value": "urn:a"},
                {"type": "SubmodelElementCollection", "value": "depth"},
                {"type": "Range", "value": "depthValue"},
            ],
        },
    }
    box = collection(
        "DepthLimit",
        "PropertyConstraintContainer",
        said("Rule", "CapabilityDescription/PropertyConstraintType/BasicConstraint", rule),
        said("Kind", "ConstraintType", kind),
        said("When", "PropertyConditionalType", when),
        collection("On", "ConstraintPropertyRelations", link),
    )
    return collection("Conditions", "ConstraintSet", box)


@pytest.mark.parametrize(
    ("rule", "kind", "when", "reason"),
    [
        ("<= 50 mm", "BasicConstraint", "Pre", ""),
        ("< 4 cm", "BasicConstraint", "Pre", "depth: 40 mm breaks the condition '< 4 cm'"),
        ("in {20, 40}", "BasicConstraint", "Invariant", ""),
        ("!= 40", "BasicConstraint", "PrePost", "depth: 40 mm breaks the condition '!= 40'"),
        ("< 1", "BasicConstraint", "Post", ""),
        (
            "context D inv",
            "OCLConstraint",
            "Pre",
            "the condition DepthLimit is in the form OCLConstraint, which is not judged",
        ),
        ("roughly 40", "BasicConstraint", "Pre", "the condition DepthLimit is 'roughly 40', which is not judged"),
    ],
)
def test_t61_conditions_that_must_hold_beforehand_are_judged(rule: str, kind: str, when: str, reason: str) -> None:
    boxes = [quantity("depth", (0, 60), "mm")]
    offer = only(submodel("urn:a", container("Drilling", "Offered", boxes, DRILLING, condition(rule, kind, when))))
    assert [r.text for r in fit(wanted(depth=40), offer).reasons] == ([reason] if reason else [])


def test_t61_every_part_of_a_composed_need_must_be_offered_by_somebody() -> None:
    def part(path: str) -> Json:
        keys = [{"type": "Submodel", "value": "urn:n"}] + [
            {"type": "SubmodelElementCollection", "value": step} for step in path.split(".")
        ]
        return {
            "modelType": "RelationshipElement",
            "idShort": path.rsplit(".", maxsplit=1)[-1],
            **means(f"{BASE}/CapabilityComposedOf/1/0"),
            "second": {"type": "ModelReference", "keys": keys},
        }

    way = collection(
        "Way",
        "ComposedOfContainer",
        part("CapabilitySet.DrillingContainer.Drilling"),
        part("CapabilitySet.TappingContainer.Tapping"),
    )
    tapping = "https://example.com/cap/Tapping"
    need = capabilities_of(
        submodel(
            "urn:n",
            container("Thread", "Required", [], "urn:thread", collection("Parts", "ComposedOfSet", way)),
            container("Drilling", "Required", [quantity("depth", 40, "mm")]),
            container("Tapping", "Required", [], tapping),
        )
    )
    whole = only(submodel("urn:w", container("Thread", "Offered", [], "urn:thread")))
    driller = offered("urn:d", (2, 10), (0, 60))
    tapper = only(submodel("urn:t", container("Tapping", "Offered", [], tapping)))
    assert [r.text for r in fit(need[0], whole, [*need, driller]).reasons] == ["nobody offers the part Tapping"]
    assert fit(need[0], whole, [*need, driller, tapper]).fits


def test_the_unit_may_stand_in_the_concept_description() -> None:
    concept = {
        "modelType": "ConceptDescription",
        "id": "https://example.com/property/depth",
        "embeddedDataSpecifications": [{"dataSpecificationContent": {"unit": "CMT"}}],
    }
    made = submodel("urn:a", container("Drilling", "Offered", [quantity("depth", (0, 5))]))
    assert only(made, concepts=[concept]).traits[0].unit == "CMT"
    assert fit(wanted(depth=40), only(made, concepts=[concept])).fits


def test_roles_are_read_and_two_at_once_are_refused() -> None:
    made = submodel("urn:a", container("Drilling", "Offered", []))
    assert only(made).role is Role.OFFERED
    capability = made["submodelElements"][0]["value"][0]["value"][0]
    capability["qualifiers"].append({"type": "Required", "valueType": "xs:boolean", "value": "true"})
    with pytest.raises(BadSubmodel, match="is Required and Offered at once"):
        capabilities_of(made)


def test_what_the_tests_build_is_a_capability_description() -> None:
    made = submodel("urn:a", container("Drilling", "Offered", [quantity("depth", (0, 60), "mm")]))
    assert grave(check(made, template("capability"))) == []


@pytest.mark.parametrize(
    ("value", "unit", "to", "result"),
    [
        (0.3, "[in_i]", "mm", 7.62),
        (7.62, "MMT", "INH", 0.3),
        (20.0, "Cel", "[degF]", 68.0),
        (1.0, "kW.h", "MJ", 3.6),
        (1.0, "m/s2", "mm/s2", 1000.0),
        (60.0, "/min", "Hz", 1.0),
        (5.0, "unit:millimetre", "cm", 0.5),
        (50.0, "%", "1", 0.5),
    ],
)
def test_units_of_ucum_and_un_ece_are_converted(value: float, unit: str, to: str, result: float) -> None:
    assert convert(value, unit, to) == pytest.approx(result, rel=1e-9)


@pytest.mark.parametrize("unit", ["blorp", "__import__('os')", "mm;mm", "9**9**9"])
def test_an_unknown_unit_is_named(unit: str) -> None:
    with pytest.raises(BadUnit, match="is not known"):
        convert(1.0, unit, "mm")
