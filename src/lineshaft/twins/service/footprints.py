"""The carbon footprint of a product: of all its parts, however deep, and of the measured energy of making it.

    total = Σ footprint of a part × how many of it are in one product + energy of the window / pieces × emission factor

Parts are taken from the whole bill of materials (IDTA 02011), counts multiplied along the way. A part that tells a
footprint (IDTA 02023) tells that of everything in it; of one that tells none its own parts count. Without a footprint
of every part there is no total.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import orjson

from lineshaft.kernel.errors import Invalid
from lineshaft.security import Who
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.metamodel.kinds import Json, children
from lineshaft.twins.metamodel.references import submodel_ids
from lineshaft.twins.model.graph import Bill
from lineshaft.twins.model.repository import Document, Kind, Link
from lineshaft.twins.submodels.carbon import Footprint, Process, as_submodel, footprints_of, roll_up

from .metering import Measured, Metering, Method
from .repository import Repository

MOST_PARTS = 5_000
"""Kinds of parts whose footprints are looked up at once."""
PRODUCTION = "A3"
"""The phase of life in which a product is made (EN 15804); its energy is told apart from that of the parts."""
_NEVER = datetime.min.replace(tzinfo=UTC)
METHOD = "Measured energy × emission factor"
_WAYS = {Method.COUNTER: "growth of the counter", Method.POWER: "power held from sample to sample"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """In which time which meter measured the making of how many products, and what a kilowatt hour stands for."""

    series: str
    start: datetime
    end: datetime
    factor: Decimal
    """Kilograms of CO2 equivalent for one kilowatt hour."""
    pieces: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What making one product took."""

    measured: Measured
    factor: Decimal
    pieces: Decimal

    @property
    def process(self) -> Process:
        """The share of one product."""
        energy = self.measured.energy_kwh / self.pieces
        return Process(name=str(self.measured.series), energy_kwh=energy, factor_kg_per_kwh=self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFootprint:
    """What one part adds; `footprint` is None where nobody has told it."""

    asset: str
    shell: str
    amount: Decimal
    footprint: Footprint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledUp:
    """The footprint of a product; None while parts are without one."""

    total: Footprint | None
    parts: tuple[PartFootprint, ...]
    made: Made | None = None


class Footprints:
    """Adds up footprints, and writes them down."""

    def __init__(self, repository: Repository, metering: Metering | None = None) -> None:
        """Without `metering` no energy is measured here."""
        self._repository = repository
        self._metering = metering

    async def of(self, who: Who, asset: str, window: Window | None = None) -> RolledUp:
        """The footprint of one product; Cyclic for one that holds itself."""
        bill = await self._repository.graph.explode(who, asset)
        made = None if window is None else await self._made(who, window)
        parts = await self._parts(who, bill)
        told = [(one.footprint, one.amount) for one in parts if one.footprint is not None]
        enough = len(told) == len(parts) and (told or made is not None)
        total = roll_up(told, [made.process] if made else []) if enough else None
        if total is not None and made is not None:
            total = replace(total, phases=_with(total.phases, PRODUCTION), methods=_with(total.methods, METHOD))
        return RolledUp(total=total, parts=tuple(parts), made=made)

    async def meters(self, who: Who) -> list[tuple[str, str]]:
        """Series that measure energy or power, with their units."""
        return [(str(path), unit) for path, unit in await self._metering.meters(who)] if self._metering else []

    async def record(self, who: Who, shell: str, window: Window | None = None) -> Document:
        """Give a product a submodel of 02023 with its total, and its production with how that was measured."""
        content: Json = orjson.loads((await self._repository.get(who, Kind.SHELL, shell)).body)
        found = await self.of(who, str(content.get("assetInformation", {}).get("globalAssetId", "")), window)
        if found.total is None:
            raise Invalid("Not every part tells its carbon footprint.", hint="Add submodel 02023 to the parts first.")
        carried = [await self._submodel(who, id_) for id_ in submodel_ids(content)]
        made = written(found, datetime.now(UTC))
        taken = {one.get("idShort") for one in carried}
        made["idShort"] = next(name for n in count() if (name := f"{made['idShort']}{n or ''}") not in taken)
        return await self._repository.carry(who, shell, made)

    async def _made(self, who: Who, window: Window) -> Made:
        if self._metering is None:
            raise Invalid("No energy is measured here.", hint="Ask the platform that keeps the samples.")
        if not (window.factor.is_finite() and window.factor >= 0):
            raise Invalid("The emission factor is not a number of 0 or more.", hint="Write kg CO2e/kWh, as 0.38.")
        if not (window.pieces.is_finite() and window.pieces > 0):
            raise Invalid("The number of products made is not above 0.", hint="Write how many were made.")
        measured = await self._metering.measure(who, window.series, window.start, window.end)
        if not measured.known:
            raise Invalid(f"{measured.series} tells nothing of that time.", hint="Choose another time or meter.")
        return Made(measured=measured, factor=window.factor, pieces=window.pieces)

    async def _parts(self, who: Who, bill: Bill) -> list[PartFootprint]:
        """The parts whose footprints count, wholes before their parts."""
        below: dict[str, dict[str, Decimal]] = {}
        deepest: dict[str, int] = {}
        for line in bill.lines():
            below.setdefault(line.whole, {})[line.part] = Decimal(repr(line.count))
            deepest[line.part] = max(line.depth, deepest.get(line.part, 0))
        if len(deepest) > MOST_PARTS:
            raise Invalid(
                f"The product has {len(deepest):,} kinds of parts; footprints of {MOST_PARTS:,} are looked up at most.",
                hint="Tell the footprints of its assemblies.",
            )
        amounts = dict(below.get(bill.wholes[0], {})) if bill.wholes else {}
        found = []
        for asset in sorted(deepest, key=lambda one: deepest[one]):
            if asset not in amounts:
                continue  # it is in a part that tells its own footprint
            part = await self._part(who, asset, amounts[asset])
            if part.footprint is not None or asset not in below:
                found.append(part)
                continue
            for one, each in below[asset].items():
                amounts[one] = amounts.get(one, Decimal(0)) + amounts[asset] * each
        return found

    async def _part(self, who: Who, asset: str, amount: Decimal) -> PartFootprint:
        found, _ = await self._repository.shells_of(who, [Link(name="globalAssetId", value=asset)], limit=1)
        told: list[Footprint] = []
        for shell in found:
            content = orjson.loads((await self._repository.get(who, Kind.SHELL, shell)).body)
            for id_ in submodel_ids(content):
                told += footprints_of(await self._submodel(who, id_))
        newest = max(told, key=lambda one: one.published or _NEVER, default=None)
        return PartFootprint(asset=asset, shell=next(iter(found), ""), amount=amount, footprint=newest)

    async def _submodel(self, who: Who, id_: str) -> Json:
        try:
            found: Json = orjson.loads((await self._repository.get(who, Kind.SUBMODEL, id_)).body)
        except NoDocument:
            return {}
        return found


def _with(known: Iterable[str], one: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, one]))


def written(found: RolledUp, published: datetime) -> Json:
    """The submodel of a footprint: first the total, then the phase of production with how it was measured."""
    assert found.total is not None
    listed = [replace(found.total, published=published)]
    if found.made is None:
        return as_submodel("", *listed)
    kilograms = found.made.process.co2eq_kg
    share = Footprint(co2eq_kg=kilograms, phases=(PRODUCTION,), methods=(METHOD,), published=published)
    made = as_submodel("", *listed, share)
    footprints = children(made["submodelElements"][0])
    footprints[1] |= {"description": _described(found.made), "extensions": _facts(found.made)}
    return made


def _described(made: Made) -> list[Json]:
    one, start, end = made.measured, made.measured.start.isoformat(), made.measured.end.isoformat()
    en = (
        f"Measured energy: {one.energy_kwh:f} kWh by {one.series} ({_WAYS[one.method]}) from {start} to {end}, "
        f"for {made.pieces:f} pieces, times {made.factor:f} kg CO2e/kWh."
    )
    zh = (
        f"实测能耗：{one.series} 于 {start} 至 {end} 共 {one.energy_kwh:f} kWh，"
        f"{made.pieces:f} 件，排放因子 {made.factor:f} kg CO2e/kWh。"
    )
    return [{"language": "en", "text": en}, {"language": "zh", "text": zh}]


def _facts(made: Made) -> list[Json]:
    one = made.measured
    told = {
        "energyMeter": ("xs:string", str(one.series)),
        "energyMethod": ("xs:string", one.method.value),
        "energyKwh": ("xs:decimal", f"{one.energy_kwh:f}"),
        "emissionFactorKgPerKwh": ("xs:decimal", f"{made.factor:f}"),
        "pieces": ("xs:decimal", f"{made.pieces:f}"),
        "periodStart": ("xs:dateTime", one.start.isoformat()),
        "periodEnd": ("xs:dateTime", one.end.isoformat()),
        "periodKnown": ("xs:double", f"{one.known:.4f}"),
    }
    return [{"name": name, "valueType": kind, "value": value} for name, (kind, value) in told.items()]
