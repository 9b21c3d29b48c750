"""T68: the parts of a battery passport become a Catena-X aspect and come back, and what is lost is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.metamodel.forms import value
from lineshaft.twins.metamodel.paths import find
from lineshaft.twins.submodels import check, grave, new, template, template_for
from lineshaft.twins.submodels.battery_pass import Loss, from_battery_pass, to_battery_pass
from lineshaft.twins.submodels.battery_pass.exchange import rows
from lineshaft.twins.submodels.passport import Passport, Tier, metadata_submodel, passport_of

Json = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARTS = ("nameplate", "carbon", "technical", "condition", "materials", "circularity")
SAMPLES = {
    "xs:float": 12.5, "xs:double": 0.25, "xs:decimal": 4.5, "xs:integer": 96, "xs:unsignedInt": 1500,
    "xs:boolean": True, "xs:date": "2026-01-31", "xs:dateTime": "2026-01-31T08:00:00+01:00",
}  # fmt: skip


def sample(part: str, element: str) -> Any:
    path = element.replace("[]", "[0]")
    facts = dict(template(part).walk())[path]
    if not facts.type:
        return {"en": f"{element} text"}
    return SAMPLES.get(facts.type, f"https://example.com/{element.replace('[]', '')}")


def whole() -> list[Json]:
    """Six parts with a value in every field both forms have, and two entries in each list."""
    made = []
    for name in PARTS:
        part = f"battery_{name}"
        values = {}
        for row in rows():
            if row.part == part:
                for index in ("0", "1") if "[]" in row.element else ("0",):
                    values[row.element.replace("[]", f"[{index}]", 1).replace("[]", "[0]")] = sample(part, row.element)
        made.append(new(template(part), f"urn:{part}", values=values))
    return made


def test_t68_every_common_field_goes_there_and_comes_back() -> None:
    there = to_battery_pass(whole())
    assert there.losses == ()
    back = from_battery_pass(there.aspect)
    assert back.losses == ()
    assert {one["id"]: value(one) for one in back.submodels} == {one["id"]: value(one) for one in whole()}


def test_t68_seven_parts_make_a_passport_and_an_aspect_and_come_back() -> None:
    """02035-2 is 02004 by its semantic id; the aspect has no place for documents, and says so."""
    document = "Documents[0].DocumentIds[0].DocumentIdentifier"
    seven = [*whole(), new(template("documents"), "urn:battery_documents", values={document: "DOC-1"})]
    told = Passport(id="urn:dpp", product="https://id.example.com/01/1", operator="BPNL1", updated=NOW)
    passport = passport_of(metadata_submodel("urn:meta", told, seven), seven, Tier.AUTHORITY)
    ids = passport["contentSpecificationIds"]
    assert ids == [template(f"battery_{name}").means for name in PARTS] + [template("documents").means]
    assert [passport[id_] for id_ in ids] == [value(one) for one in seven]
    there = to_battery_pass(seven)
    assert there.aspect == to_battery_pass(whole()).aspect
    assert (f"HandoverDocumentation.{document}", "DOC-1") in [(one.path, one.value) for one in there.losses]
    back = {one["id"]: value(one) for one in from_battery_pass(there.aspect).submodels}
    assert back == {one["id"]: value(one) for one in whole()}


def test_t68_what_comes_back_fits_template_and_metamodel() -> None:
    for one in from_battery_pass(to_battery_pass(whole()).aspect).submodels:
        found = template_for(one)
        assert found is not None
        assert grave(check(one, found)) == []
        assert metamodel.check(one) == []


def test_t68_the_aspect_has_the_groups_of_its_model() -> None:
    aspect = to_battery_pass(whole()).aspect
    assert set(aspect) == {
        "specVersion", "characteristics", "metadata", "sustainability", "identification", "performance", "materials",
        "safety", "handling", "conformity", "operation",
    }  # fmt: skip
    assert aspect["specVersion"] == "urn:io.catenax.battery.battery_pass:6.1.0"
    assert aspect["characteristics"]["physicalDimension"]["weight"] == {"value": 12.5, "unit": "unit:kilogram"}
    assert aspect["performance"]["rated"]["voltage"] == {"nominal": 12.5, "min": 12.5, "max": 12.5}
    assert aspect["performance"]["dynamic"]["stateOfCharge"] == {"value": 12.5, "time": "2026-01-31T08:00:00+01:00"}
    assert aspect["safety"]["dismantling"][1] == {
        "contentType": "URL",
        "header": "https://example.com/DismantlingAndRemovalInformation",
        "content": "https://example.com/DismantlingAndRemovalInformation",
    }
    assert aspect["identification"]["identification"]["serial"] == [
        {"value": "https://example.com/SerialNumber", "key": "partInstanceId"}
    ]


def test_t68_what_the_aspect_has_no_field_for_is_told() -> None:
    made = new(
        template("battery_technical"),
        "urn:t",
        values={
            "TechnicalPropertyAreas.PowerCapability.PowerFade": 3.5,
            "GeneralInformation.ManufacturerName": "Acme",
            "TechnicalPropertyAreas.CapacityEnergyVoltage.NominalVoltage": 3.7,
        },
    )
    there = to_battery_pass([made])
    assert there.losses == (
        Loss(path="TechnicalData.GeneralInformation.ManufacturerName", value="Acme"),
        Loss(path="TechnicalData.TechnicalPropertyAreas.PowerCapability.PowerFade", value=3.5),
    )
    assert there.aspect["performance"] == {"rated": {"voltage": {"nominal": 3.7}}}


ASPECT = {
    "specVersion": "urn:io.catenax.battery.battery_pass:6.1.0",
    "characteristics": {"physicalDimension": {"weight": {"value": 20500.0, "unit": "unit:gram"}}},
    "commercial": {"purpose": ["automotive"]},
    "performance": {
        "rated": {
            "roundTripEfficiency": {"initial": 96.0, "50PercentLife": 89.5},
            "voltage": {"nominal": 3.7, "temperature": 20.0},
        }
    },
    "materials": {
        "hazardous": {
            "other": [
                {
                    "concentration": 5000.0,
                    "materialUnit": "unit:partPerMillion",
                    "materialIdentification": [{"type": "CAS", "name": "lead", "id": "7439-92-1"}],
                }
            ]
        }
    },
}


def test_t68_units_are_converted_and_what_02035_has_no_place_for_is_told() -> None:
    back = from_battery_pass(ASPECT, name="https://example.com/{}".format)
    technical, materials = back.submodels
    assert technical["id"] == "https://example.com/battery_technical"
    assert find(technical, "GeneralInformation.BatteryMass")["value"] == "20.5"
    efficiency = find(technical, "TechnicalPropertyAreas.RoundTripEnergyEfficiency.InitialRoundTripEnergyEfficiency")
    assert efficiency["value"] == "96"
    concentration = find(materials, "HazardousSubstances[0].HazardousSubstanceConcentration")
    assert float(concentration["value"]) == pytest.approx(0.5)
    assert {loss.path: loss.value for loss in back.losses} == {
        "commercial/purpose[0]": "automotive",
        "performance/rated/roundTripEfficiency/50PercentLife": 89.5,
        "performance/rated/voltage/temperature": 20.0,
    }
    reasons = {loss.path: loss.reason for loss in back.losses}
    assert "not of type xs:integer" in reasons["performance/rated/roundTripEfficiency/50PercentLife"]


def test_every_row_names_an_element_that_exists_and_no_place_is_used_twice() -> None:
    for row in rows():
        assert row.element.replace("[]", "[0]") in dict(template(row.part).walk()), row
    places = [row.aspect for row in rows()]
    assert len(places) == len(set(places))
