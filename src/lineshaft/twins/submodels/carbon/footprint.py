"""The carbon footprint of a product from those of its parts and of its own making.

    PCF = Σ part footprint / reference quantity × amount used + Σ energy × emission factor + direct emissions

in kilograms of CO2 equivalent (ISO 14067:2018, clauses 6.4 and 6.5: contributions of all processes in the system
boundary add up). Parts are counted in the unit their own footprint is given for. Arithmetic is decimal, as the
element PcfCO2eq is xs:decimal: 1.2 × 4 + 0.5 × 2 + 3.0 is 8.8 and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lineshaft.twins.metamodel.kinds import Json, children
from lineshaft.twins.metamodel.references import semantics
from lineshaft.twins.submodels.building import new
from lineshaft.twins.submodels.errors import BadSubmodel
from lineshaft.twins.submodels.tables import template
from lineshaft.twins.submodels.units import BadUnit, convert

_LIST = "https://admin-shell.io/idta/CarbonFootprint/ProductCarbonFootprints/1/0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Kilograms of CO2 equivalent for `quantity` of `unit`, over the phases of life it covers."""

    co2eq_kg: Decimal
    unit: str = "piece"
    quantity: Decimal = Decimal(1)
    phases: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    published: datetime | None = None
    expires: datetime | None = None

    def of(self, amount: Decimal, unit: str = "") -> Decimal:
        """Kilograms for an amount, which may be in another unit of the same quantity."""
        if unit and unit != self.unit:
            try:
                amount = Decimal(repr(convert(float(amount), unit, self.unit)))
            except BadUnit as error:
                raise BadSubmodel(f"The footprint is given per {self.unit}, not per {unit}: {error.message}") from error
        return self.co2eq_kg / self.quantity * amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What making the product itself adds: measured energy times its factor, and direct emissions."""

    name: str
    energy_kwh: Decimal = Decimal(0)
    factor_kg_per_kwh: Decimal = Decimal(0)
    direct_kg: Decimal = Decimal(0)

    @property
    def co2eq_kg(self) -> Decimal:
        return self.energy_kwh * self.factor_kg_per_kwh + self.direct_kg


def roll_up(
    parts: Iterable[tuple[Footprint, Decimal]],
    processes: Iterable[Process] = (),
    *,
    unit: str = "piece",
    quantity: Decimal = Decimal(1),
    phases: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> Footprint:
    """The footprint of `quantity` of a product; BadSubmodel when the parts cover no phase in common.

    Without `phases` the result covers what all its parts cover: it never claims a phase one part leaves out.
    """
    used = list(parts)
    total = sum((one.of(amount) for one, amount in used), Decimal(0))
    total += sum((process.co2eq_kg for process in processes), Decimal(0))
    common = _common(used, phases)
    return Footprint(
        co2eq_kg=total, unit=unit, quantity=quantity, phases=common, methods=tuple(methods) or _methods(used)
    )


def _common(used: Sequence[tuple[Footprint, Decimal]], wanted: Sequence[str]) -> tuple[str, ...]:
    told = [one.phases for one, _ in used if one.phases]
    covered = [phase for phase in (told[0] if told else wanted) if all(phase in phases for phases in told)]
    if told and not covered:
        raise BadSubmodel(
            "The footprints of the parts cover no phase of life in common.",
            hint="Ask the suppliers for footprints from cradle to gate.",
        )
    if lacking := [phase for phase in wanted if told and phase not in covered]:
        raise BadSubmodel(f"Not every part's footprint covers {lacking[0]!r}.", hint="Leave the phase out.")
    return tuple(wanted) or tuple(covered)


def _methods(used: Sequence[tuple[Footprint, Decimal]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(method for one, _ in used for method in one.methods))


def as_submodel(id_: str, *footprints: Footprint) -> Json:
    """The submodel that carries these footprints; each needs the time it was published."""
    values: dict[str, Any] = {}
    for index, one in enumerate(footprints):
        if one.published is None:
            raise BadSubmodel("A footprint needs the time it is published.", hint="Set `published`.")
        values |= _values(f"ProductCarbonFootprints[{index}]", one, one.published)
    return new(template("carbon"), id_, values=values)


def _values(place: str, one: Footprint, published: datetime) -> dict[str, Any]:
    listed = {"PcfCalculationMethods": one.methods, "LifeCyclePhases": one.phases}
    found: dict[str, Any] = {
        f"{place}.{name}[{i}]": text for name, texts in listed.items() for i, text in enumerate(texts)
    }
    found |= {
        f"{place}.PcfCO2eq": format(one.co2eq_kg.normalize(), "f"),
        f"{place}.ReferenceImpactUnitForCalculation": one.unit,
        f"{place}.QuantityOfMeasureForCalculation": str(one.quantity),
        f"{place}.PublicationDate": published.isoformat(),
    }
    return found | ({f"{place}.ExpirationDate": one.expires.isoformat()} if one.expires else {})


def footprints_of(submodel: Json) -> list[Footprint]:
    """The footprints of a submodel of 02023, or of the battery's 02035-3, which shares its elements."""
    lists = [one for one in children(submodel) if _LIST in semantics(one)]
    return [_footprint(one, f"{found.get('idShort')}[{i}]") for found in lists for i, one in enumerate(children(found))]


def _footprint(said: Json, place: str) -> Footprint:
    by_name = {str(one.get("idShort")): one for one in children(said)}

    def text(name: str) -> str:
        return str(by_name.get(name, {}).get("value") or "")

    def texts(name: str) -> tuple[str, ...]:
        return tuple(str(one["value"]) for one in children(by_name.get(name, {})) if one.get("value"))

    quantity = _decimal(text("QuantityOfMeasureForCalculation") or "1", f"{place}.QuantityOfMeasureForCalculation")
    if quantity <= 0:
        raise BadSubmodel(f"{place}.QuantityOfMeasureForCalculation is {quantity}.", hint="Write how many units.")
    return Footprint(
        co2eq_kg=_decimal(text("PcfCO2eq"), f"{place}.PcfCO2eq"),
        unit=text("ReferenceImpactUnitForCalculation") or "piece",
        quantity=quantity,
        phases=texts("LifeCyclePhases"),
        methods=texts("PcfCalculationMethods"),
        published=_moment(text("PublicationDate")),
        expires=_moment(text("ExpirationDate")),
    )


def _decimal(text: str, path: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise BadSubmodel(f"{path} is {text!r} and not a number.", hint="Write kilograms of CO2 equivalent, as 8.8.")
    return number


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
