"""T70, the data: a forecast is written with its confidence, read back, and alarmed by its lower bound."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from lineshaft.twins.metamodel import checking as metamodel
from lineshaft.twins.metamodel.forms import value
from lineshaft.twins.metamodel.references import to_identifiable
from lineshaft.twins.submodels import BadSubmodel, check, template
from lineshaft.twins.submodels.predictive_maintenance import (
    Alert,
    Condition,
    Forecast,
    alert_of,
    as_submodel,
    forecast_of,
    with_alert,
)

BEARING = Forecast(
    left=420.0,
    low=310.0,
    high=560.0,
    at=datetime(2026, 3, 1, 8, tzinfo=UTC),
    conditions=(Condition(name="Speed", value=3000.0, unit="/min"),),
    model="Weibull regression",
    nameplate=to_identifiable("Submodel", "urn:model-nameplate"),
    early=((500.0, "Order the bearing."), (350.0, "Plan the change.")),
)


def test_t70_a_forecast_is_written_with_its_confidence_and_read_back() -> None:
    made = as_submodel("urn:rul", BEARING)
    assert check(made, template("predictive_maintenance")) == []
    assert metamodel.check(made) == []
    assert forecast_of(made) == BEARING
    told = value(made)["RemainingUsefulLifePrediction"]
    assert told["ConfidenceInterval"] == {"min": 310.0, "max": 560.0}
    assert told["PredictionModelInformation"]["SMAIModelNamePlate"]["keys"][0]["value"] == "urn:model-nameplate"


@pytest.mark.parametrize(
    ("low", "boundary", "alert"),
    [
        (310.0, 310.0, Alert(due=False, message="Plan the change.")),
        (
            310.0,
            310.5,
            Alert(due=True, message="Between 310 and 560 h of life are left: less than 310.5 h is possible."),
        ),
        (360.0, 0.0, Alert(due=False, message="Order the bearing.")),
    ],
)
def test_t70_the_lower_bound_decides_and_not_the_value(low: float, boundary: float, alert: Alert) -> None:
    assert alert_of(replace(BEARING, low=low), boundary) == alert


def test_a_forecast_with_room_to_spare_says_nothing() -> None:
    assert alert_of(replace(BEARING, low=505.0, left=520.0), 24.0) is None


def test_t70_the_alarm_is_set_in_a_copy_and_cleared_again() -> None:
    made = as_submodel("urn:rul", BEARING)
    alarmed = with_alert(made, alert_of(BEARING, 400.0))
    said = value(alarmed)["RemainingUsefulLifePrediction"]["AlertAfterExceedingRemainingUsableLife"]
    assert said["MaintenanceRequired"] is True
    assert "AlertAfterExceedingRemainingUsableLife" not in value(made)["RemainingUsefulLifePrediction"]
    cleared = value(with_alert(alarmed, None))["RemainingUsefulLifePrediction"]
    assert cleared["AlertAfterExceedingRemainingUsableLife"]["MaintenanceRequired"] is False
    for one in (alarmed, with_alert(alarmed, None)):
        assert check(one, template("predictive_maintenance")) == []


@pytest.mark.parametrize(("left", "low", "high"), [(5.0, 6.0, 9.0), (5.0, 1.0, 4.0), (float("nan"), 1.0, 9.0)])
def test_a_value_outside_its_own_interval_is_refused(left: float, low: float, high: float) -> None:
    with pytest.raises(BadSubmodel, match="does not lie between"):
        Forecast(left=left, low=low, high=high)


def test_a_forecast_without_conditions_is_refused() -> None:
    with pytest.raises(BadSubmodel, match="at least one boundary condition"):
        as_submodel("urn:rul", replace(BEARING, conditions=()))


def test_what_is_missing_or_no_number_is_named() -> None:
    made: dict[str, Any] = as_submodel("urn:rul", BEARING)
    life = made["submodelElements"][0]["value"][0]
    life["statements"][1]["value"] = "soon"
    with pytest.raises(BadSubmodel, match="DurationValue is 'soon' and not a number"):
        forecast_of(made)
    del made["submodelElements"][0]["value"][0]
    with pytest.raises(BadSubmodel, match="RemainingUsefulLifePrediction has no RemainingUsefulLifetime"):
        forecast_of(made)
