"""T62: footprints of parts and of the product's own making add up, and are exchanged."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.submodels import BadSubmodel, check, template
from lineshaft.twins.submodels.carbon import Footprint, Process, as_submodel, footprints_of, from_pcf, roll_up, to_pcf

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GATE = ("A1", "A2", "A3")


def part(kilograms: str, **other: Any) -> Footprint:
    return Footprint(co2eq_kg=Decimal(kilograms), **{"phases": GATE, "methods": ("ISO 14067",), **other})


def pump() -> Footprint:
    made = [Process(name="machining", energy_kwh=Decimal("6.25"), factor_kg_per_kwh=Decimal("0.48"))]
    return roll_up([(part("1.2"), Decimal(4)), (part("0.5"), Decimal(2))], made)


def test_t62_parts_and_measured_energy_add_up_to_exactly_8_8_kilograms() -> None:
    assert pump().co2eq_kg == Decimal("8.8")
    assert (pump().unit, pump().phases, pump().methods) == ("piece", GATE, ("ISO 14067",))


def test_t62_the_result_is_a_submodel_that_fits_and_reads_back() -> None:
    whole = Footprint(**{f: getattr(pump(), f) for f in ("co2eq_kg", "phases", "methods")}, published=NOW)
    made = as_submodel("urn:pcf", whole)
    assert check(made, template("carbon")) == []
    assert metamodel.check(made) == []
    assert footprints_of(made) == [whole]
    value = made["submodelElements"][0]["value"][0]["value"][1]
    assert (value["idShort"], value["value"]) == ("PcfCO2eq", "8.8")


def test_a_part_is_counted_in_the_unit_of_its_footprint() -> None:
    steel = part("2.1", unit="kg", quantity=Decimal(1))
    assert steel.of(Decimal(500), "g") == Decimal("1.05")
    batch = part("100", quantity=Decimal(200))
    assert roll_up([(batch, Decimal(3))]).co2eq_kg == Decimal("1.5")
    with pytest.raises(BadSubmodel, match="given per kg, not per m"):
        steel.of(Decimal(1), "m")


def test_the_result_claims_no_phase_a_part_leaves_out() -> None:
    partial = part("1", phases=("A1", "A3"))
    assert roll_up([(part("1"), Decimal(1)), (partial, Decimal(1))]).phases == ("A1", "A3")
    with pytest.raises(BadSubmodel, match="Not every part's footprint covers 'A2'"):
        roll_up([(part("1"), Decimal(1)), (partial, Decimal(1))], phases=GATE)
    with pytest.raises(BadSubmodel, match="no phase of life in common"):
        roll_up([(part("1", phases=("A1",)), Decimal(1)), (part("1", phases=("A3",)), Decimal(1))])


@pytest.mark.parametrize("text", ["", "many", "NaN"])
def test_a_footprint_that_is_no_number_is_named_by_path(text: str) -> None:
    made = as_submodel("urn:pcf", part("1", published=NOW))
    made["submodelElements"][0]["value"][0]["value"][1]["value"] = text
    with pytest.raises(BadSubmodel, match=r"ProductCarbonFootprints\[0\]\.PcfCO2eq is"):
        footprints_of(made)


def test_t62_the_exchange_form_carries_what_is_known_and_lists_what_is_not() -> None:
    whole = part("8.8", published=NOW, expires=datetime(2027, 3, 1, tzinfo=UTC))
    aspect, needed = to_pcf(whole)
    assert aspect["scopeOfPcfForm"][0]["partialFullPcf"] == "Cradle-to-gate"
    product = aspect["companyAndProductInformation"][0]["productInformation"][0]
    assert product == {"declaredUnitOfMeasurement": "piece", "declaredUnitAmount": 1.0}
    stage = aspect["productLifeCycleStagesAndEmissions"][0]["productionStage"][0]
    assert stage == {"pcfExcludingBiogenicUptake": 8.8}
    assert "companyAndProductInformation/companyInformation/companyName" in needed
    assert not any(path.endswith("time/created") for path in needed)
    assert from_pcf(aspect) == whole


def test_what_the_sender_adds_is_no_longer_needed() -> None:
    _, needed = to_pcf(part("8.8"))
    aspect, left = to_pcf(part("8.8"), dict.fromkeys(needed, "told"))
    assert left == []
    assert aspect["companyAndProductInformation"][0]["companyInformation"][0]["companyName"] == "told"


def test_an_aspect_without_a_total_is_refused() -> None:
    with pytest.raises(BadSubmodel, match="no number at productLifeCycleStagesAndEmissions"):
        from_pcf({"scopeOfPcfForm": [{}]})
