"""Carbon footprints as Catena-X exchanges them: `io.catenax.pcf` 9.0.0 (PACT), out and in.

A footprint of 02023 says less than that aspect asks for. What it says is placed; what the aspect cannot do without
and nobody told is listed by path, so that the sender completes it: nothing is made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.submodels.errors import BadSubmodel

from .footprint import Footprint

VERSION = "urn:io.catenax.pcf:datamodel:version:9.0.0"
_PRODUCT = "companyAndProductInformation/productInformation"
_ASSESSMENT = "pcfAssessmentAndMethodology/pcfAssessmentInformation"
_STANDARDS = "pcfAssessmentAndMethodology/pcfMethodology/standards/crossSectoralStandards"
_STAGE = "productLifeCycleStagesAndEmissions/productionStage"
_TOTAL = f"{_STAGE}/pcfExcludingBiogenicUptake"
_NEEDED = (
    "companyAndProductInformation/companyInformation/companyName",
    "companyAndProductInformation/companyInformation/companyIds",
    f"{_PRODUCT}/productNameCompany",
    f"{_PRODUCT}/productIds",
    f"{_PRODUCT}/productMassPerDeclaredUnit",
    f"{_ASSESSMENT}/idAndVersion/id",
    f"{_ASSESSMENT}/time/created",
    f"{_ASSESSMENT}/time/referencePeriodStart",
    f"{_ASSESSMENT}/time/referencePeriodEnd",
    f"{_ASSESSMENT}/time/validityPeriodEnd",
    f"{_ASSESSMENT}/geography",
    f"{_ASSESSMENT}/technology",
    f"{_ASSESSMENT}/boundarySpecifications/exemptedEmissionsPercent",
    "pcfAssessmentAndMethodology/dataSourcesAndQuality/primaryDataShare",
    "pcfAssessmentAndMethodology/dataSourcesAndQuality/technologicalDQR",
    "pcfAssessmentAndMethodology/dataSourcesAndQuality/temporalDQR",
    "pcfAssessmentAndMethodology/dataSourcesAndQuality/geographicalDQR",
)


def to_pcf(footprint: Footprint, more: Mapping[str, Any] | None = None) -> tuple[Json, list[str]]:
    """The aspect as far as it is known, and the paths that are still needed; `more` gives values by path."""
    made: Json = {}
    told: dict[str, Any] = {
        "scopeOfPcfForm/specVersion": [VERSION],
        "scopeOfPcfForm/partialFullPcf": _scope(footprint.phases),
        f"{_PRODUCT}/declaredUnitOfMeasurement": footprint.unit,
        f"{_PRODUCT}/declaredUnitAmount": float(footprint.quantity),
        _STANDARDS: list(footprint.methods),
        _TOTAL: float(footprint.co2eq_kg),
    }
    times = {"created": footprint.published, "validityPeriodEnd": footprint.expires}
    told |= {f"{_ASSESSMENT}/time/{name}": _z(moment) for name, moment in times.items() if moment}
    for path, value in {**told, **(more or {})}.items():
        _place(made, path, value)
    return made, [path for path in _NEEDED if _find(made, path) is None]


def from_pcf(aspect: Json) -> Footprint:
    """The footprint a Catena-X aspect tells; BadSubmodel when it has no total."""
    total = _find(aspect, _TOTAL)
    if not isinstance(total, int | float) or isinstance(total, bool):
        raise BadSubmodel(f"The aspect has no number at {_TOTAL}.", hint="Ask the sender for the production stage.")
    amount = _find(aspect, f"{_PRODUCT}/declaredUnitAmount")
    created, ends = (_find(aspect, f"{_ASSESSMENT}/time/{name}") for name in ("created", "validityPeriodEnd"))
    return Footprint(
        co2eq_kg=Decimal(repr(total)),
        unit=str(_find(aspect, f"{_PRODUCT}/declaredUnitOfMeasurement") or "piece"),
        quantity=Decimal(repr(amount)) if amount else Decimal(1),
        phases=_phases(str(_find(aspect, "scopeOfPcfForm/partialFullPcf") or "")),
        methods=tuple(_find(aspect, _STANDARDS) or ()),
        published=datetime.fromisoformat(created) if created else None,
        expires=datetime.fromisoformat(ends) if ends else None,
    )


_GATE = ("A1", "A2", "A3")
"""Raw material, transport to the maker, making: cradle to gate (EN 15804, modules A1 to A3)."""


def _scope(phases: tuple[str, ...]) -> str:
    whole = not phases or all(any(phase.startswith(word) for phase in phases) for word in _GATE)
    return "Cradle-to-gate" if whole else "Gate-to-gate"


def _phases(scope: str) -> tuple[str, ...]:
    return _GATE if scope == "Cradle-to-gate" else ("A3",) if scope else ()


def _z(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _place(made: Json, path: str, value: Any) -> None:
    """Every group of the aspect is a list of one object."""
    *groups, last = path.split("/")
    for group in groups:
        made = made.setdefault(group, [{}])[0]
    made[last] = value


def _find(aspect: Json, path: str) -> Any:
    here: Any = aspect
    for step in path.split("/"):
        here = here[0] if isinstance(here, list) and here else here
        here = here.get(step) if isinstance(here, dict) else None
    return here
