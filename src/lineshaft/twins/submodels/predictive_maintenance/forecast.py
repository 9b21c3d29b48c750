"""The remaining useful life of an asset, with what is known of its uncertainty.

A forecast is a value with a confidence interval in one unit. The alert looks at the lower bound, not at the value:
maintenance is due when life may be shorter than the boundary, not when it probably is (IDTA 02048, elements
ConfidenceInterval and AlertAfterExceedingRemainingUsableLife). Early warnings (ListPreAlerts) work the same way.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lineshaft.twins.metamodel.kinds import SLOTS, Json, children, kind_of
from lineshaft.twins.metamodel.references import semantics
from lineshaft.twins.submodels.building import new
from lineshaft.twins.submodels.errors import BadSubmodel
from lineshaft.twins.submodels.tables import template

_ROOT = "https://admin-shell.io/idta/PredictiveMaintenance/"
_TOP = "RemainingUsefulLifePrediction"
_LIFE = f"{_TOP}.RemainingUsefulLifetime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A boundary the forecast supposes: it holds while the indicator stays on its side of the value."""

    name: str
    value: float
    unit: str
    in_model: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Life left, in `unit`; `low` and `high` bound it with the model's confidence."""

    left: float
    low: float
    high: float
    unit: str = "h"
    counted_in: str = "time"
    """What wears it out: time, cycles, distance."""
    start: float = 0.0
    at: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    model: str = ""
    nameplate: Json | None = None
    """A reference to the nameplate of the model (IDTA 02060)."""
    early: tuple[tuple[float, str], ...] = ()
    """Early warnings: life left at which each is given, and what it says."""

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.left, self.low, self.high))) or not self.low <= self.left <= self.high:
            raise BadSubmodel(
                f"The forecast {self.left:g} {self.unit} does not lie between {self.low:g} and {self.high:g}.",
                hint="The confidence interval holds the value.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What has to be said about a forecast; `due` when maintenance is needed now."""

    due: bool
    message: str


def as_submodel(id_: str, forecast: Forecast) -> Json:
    """The submodel that carries a forecast."""
    if not forecast.conditions:
        raise BadSubmodel("A forecast supposes at least one boundary condition.", hint="Name what it was trained on.")
    return new(template("predictive_maintenance"), id_, values=_values(forecast))


def _values(forecast: Forecast) -> dict[str, Any]:
    told: dict[str, Any] = {
        f"{_LIFE}.IndicationType": forecast.counted_in,
        f"{_LIFE}.DurationValue": forecast.left,
        f"{_LIFE}.EngineeringUnit": forecast.unit,
        f"{_LIFE}.StartValue": forecast.start,
        f"{_TOP}.ConfidenceInterval": (forecast.low, forecast.high),
        f"{_TOP}.PredictionModelInformation.ModelType": forecast.model or "unknown",
    }
    if forecast.at:
        told[f"{_LIFE}.StartDateTime"] = forecast.at.astimezone(UTC).isoformat()
    if forecast.nameplate:
        told[f"{_TOP}.PredictionModelInformation.SMAIModelNamePlate"] = forecast.nameplate
    for index, one in enumerate(forecast.conditions):
        place = f"{_TOP}.ListRULBoundaryConditions[{index}]"
        told |= {f"{place}.ConditionName": one.name, f"{place}.IsBoundaryConditionUsedInModel": one.in_model}
        told |= {f"{place}.BoundaryValueRange": one.value, f"{place}.BoundaryEngineeringUnit": one.unit}
    for index, (value, message) in enumerate(forecast.early):
        place = f"{_TOP}.ListPreAlerts[{index}]"
        told |= {f"{place}.PreAlertValue": value, f"{place}.PreAlertMessage": message}
    return told


def forecast_of(submodel: Json) -> Forecast:
    """The forecast a submodel carries; BadSubmodel names what is missing or no number."""
    top = _part(submodel, "RemainingUsefulLifePrediction")
    life, model = _part(top, "RemainingUsefulLifetime"), _part(top, "PredictionModelInformation")
    interval = _part(top, "ConfidenceInterval")
    moment = _text(life, "StartDateTime")
    return Forecast(
        left=_number(life, "DurationValue"),
        low=_float(interval.get("min"), "ConfidenceInterval.min"),
        high=_float(interval.get("max"), "ConfidenceInterval.max"),
        unit=_text(life, "EngineeringUnit"),
        counted_in=_text(life, "IndicationType"),
        start=_number(life, "StartValue"),
        at=datetime.fromisoformat(moment) if moment else None,
        conditions=tuple(map(_condition, children(_part(top, "ListRULBoundaryConditions")))),
        model=_text(model, "ModelType"),
        nameplate=next((one.get("value") for one in children(model) if _is(one, "SMAIModelNamePlate")), None),
        early=tuple(
            (_number(one, "PreAlertValue"), _text(one, "PreAlertMessage"))
            for found in children(top)
            if _is(found, "ListPreAlerts")
            for one in children(found)
        ),
    )


def alert_of(forecast: Forecast, boundary: float = 0.0) -> Alert | None:
    """Due when the lower bound lies below the boundary; else the strongest early warning it lies below."""
    left = f"Between {forecast.low:g} and {forecast.high:g} {forecast.unit} of life are left"
    if forecast.low < boundary:
        return Alert(due=True, message=f"{left}: less than {boundary:g} {forecast.unit} is possible.")
    passed = [(value, message) for value, message in forecast.early if forecast.low < value]
    if not passed:
        return None
    value, message = min(passed)
    return Alert(due=False, message=message or f"{left}: less than {value:g} {forecast.unit} is possible.")


def with_alert(submodel: Json, alert: Alert | None) -> Json:
    """The submodel with its alarm element set: maintenance required or not, and what the alert says."""
    told: Mapping[str, Any] = {
        f"{_TOP}.AlertAfterExceedingRemainingUsableLife.MaintenanceRequired": bool(alert and alert.due),
        f"{_TOP}.AlertAfterExceedingRemainingUsableLife.AlertMessage": alert.message if alert else "",
    }
    fresh = new(template("predictive_maintenance"), "urn:fresh", values=told)
    alarm = _part(_part(fresh, _TOP), "AlertAfterExceedingRemainingUsableLife")
    made = copy.deepcopy(submodel)
    top = _part(made, _TOP)
    slot = SLOTS[kind_of(top)]
    top[slot] = [one for one in children(top) if not _is(one, "AlertAfterExceedingRemainingUsableLife")] + [alarm]
    return made


def _condition(said: Json) -> Condition:
    return Condition(
        name=_text(said, "ConditionName"),
        value=_number(said, "BoundaryValueRange"),
        unit=_text(said, "BoundaryEngineeringUnit"),
        in_model=_text(said, "IsBoundaryConditionUsedInModel").lower() in ("true", "1"),
    )


def _is(said: Json, word: str) -> bool:
    return f"{_ROOT}{word}/1/0" in semantics(said)


def _part(parent: Json, word: str) -> Json:
    found = next((one for one in children(parent) if _is(one, word)), None)
    if found is None:
        raise BadSubmodel(f"{parent.get('idShort', 'The submodel')} has no {word}.")
    return found


def _text(parent: Json, word: str) -> str:
    return next((str(one.get("value") or "") for one in children(parent) if _is(one, word)), "")


def _number(parent: Json, word: str) -> float:
    return _float(_text(parent, word), word)


def _float(text: Any, name: str) -> float:
    try:
        return float(text)
    except (TypeError, ValueError) as error:
        raise BadSubmodel(f"{name} is {text!r} and not a number.") from error
