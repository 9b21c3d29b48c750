"""Carbon footprints of products over HTTP: added up from all parts and measured energy, and kept in their twins."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from lineshaft.kernel.http import caller
from lineshaft.security import Who
from lineshaft.twins.metamodel import identifiers
from lineshaft.twins.service import Footprints, RolledUp, Window

Caller = Annotated[Who, Depends(caller)]


class MeteredIn(BaseModel):
    """Which meter measured the making of how many products, and what a kilowatt hour stands for."""

    series: str
    start: datetime
    end: datetime
    factor_kg_per_kwh: Decimal
    pieces: Decimal = Decimal(1)

    def window(self) -> Window:
        return Window(
            series=self.series, start=self.start, end=self.end, factor=self.factor_kg_per_kwh, pieces=self.pieces
        )


class PartOut(BaseModel):
    """One part; `co2eq_kg` is null where nobody has told its footprint."""

    asset: str
    shell: str
    amount: Decimal
    co2eq_kg: Decimal | None


class MadeOut(BaseModel):
    """The measured energy of making one product; `known` is the share of the time the meter tells of."""

    series: str
    method: str
    start: datetime
    end: datetime
    energy_kwh: Decimal
    known: float
    factor_kg_per_kwh: Decimal
    pieces: Decimal
    co2eq_kg: Decimal


class FootprintOut(BaseModel):
    """The footprint of one product; `co2eq_kg` is null while parts are without one."""

    co2eq_kg: Decimal | None
    phases: list[str]
    parts: list[PartOut]
    made: MadeOut | None

    @classmethod
    def of(cls, found: RolledUp) -> FootprintOut:
        parts = [
            PartOut(
                asset=one.asset, shell=one.shell, amount=_plain(one.amount),
                co2eq_kg=None if one.footprint is None else _plain(one.footprint.of(one.amount)),
            )
            for one in found.parts
        ]  # fmt: skip
        total = found.total
        return cls(
            co2eq_kg=_plain(total.co2eq_kg) if total else None,
            phases=list(total.phases) if total else [],
            parts=parts,
            made=_made(found),
        )


class KeptOut(BaseModel):
    """The submodel that holds the footprint now."""

    submodel: str


def _plain(number: Decimal) -> Decimal:
    """Without zeros at its end, and never as 1E+1."""
    return Decimal(format(number.normalize(), "f"))


def _made(found: RolledUp) -> MadeOut | None:
    if found.made is None:
        return None
    one = found.made.measured
    return MadeOut(
        series=str(one.series), method=one.method.value, start=one.start, end=one.end, energy_kwh=one.energy_kwh,
        known=one.known, factor_kg_per_kwh=found.made.factor, pieces=found.made.pieces,
        co2eq_kg=_plain(found.made.process.co2eq_kg),
    )  # fmt: skip


def router(footprints: Footprints) -> APIRouter:
    """The routes of footprints, below /api/v1; assets and shells are named by their ids in base64url."""
    api = APIRouter(prefix="/twins/footprints", tags=["twins"])

    @api.get("/{asset}")
    async def get_footprint(who: Caller, asset: str) -> FootprintOut:
        """The footprint of a product from all its parts."""
        return FootprintOut.of(await footprints.of(who, identifiers.decode_id(asset)))

    @api.post("/{asset}")
    async def measure_footprint(who: Caller, asset: str, metered: MeteredIn) -> FootprintOut:
        """The same with the measured energy of making it; nothing is kept."""
        return FootprintOut.of(await footprints.of(who, identifiers.decode_id(asset), metered.window()))

    @api.post("/{shell}/kept", status_code=201)
    async def keep_footprint(who: Caller, shell: str, metered: MeteredIn | None = None) -> KeptOut:
        """Give the twin of a product a submodel of 02023 with its footprint."""
        made = await footprints.record(who, identifiers.decode_id(shell), metered.window() if metered else None)
        return KeptOut(submodel=made.id)

    return api
