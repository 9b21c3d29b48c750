"""What-if runs over HTTP: run and keep one, look at those that were kept; and how models stand beside machines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict

from lineshaft.kernel.clock import from_us
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import TimeRange
from lineshaft.twins.model.simulation import Scenario
from lineshaft.twins.service import Outcome, Scenarios, Simulations, Standing, span_of
from lineshaft.twins.service.scenarios import PARTS

from .simulations import AlteredBody, Caller, ModelBody, WhatIf, columns_of

Part: TypeAlias = Literal["outputs", "before", "measured", "inputs"]


class KeepBody(WhatIf):
    """A what-if that is kept under a name."""

    name: str


class NameBody(BaseModel):
    """What a kept run is called."""

    model_config = ConfigDict(extra="forbid")

    name: str


class ScenarioOut(BaseModel):
    """A kept run: what was asked."""

    id: str
    name: str
    by: str
    at: datetime
    model: ModelBody
    start: datetime
    end: datetime
    step_s: float
    altered: AlteredBody

    @classmethod
    def of(cls, kept: Scenario) -> ScenarioOut:
        span = span_of(kept)
        return cls(
            id=kept.id,
            name=kept.name,
            by=kept.by,
            at=from_us(kept.at_us),
            model=ModelBody.of(kept.model),
            start=span.start,
            end=span.end,
            step_s=kept.step_s,
            altered=AlteredBody.of(kept.altered),
        )


class OutcomeOut(BaseModel):
    """A kept run with what it gave: columns of one length, `null` where a value is not known."""

    scenario: ScenarioOut
    ts: list[datetime]
    outputs: dict[str, list[float | None]]
    before: dict[str, list[float | None]]
    """The same model with everything as it was."""
    measured: dict[str, list[float | None]]
    inputs: dict[str, list[float | None]]


def _told(found: Outcome) -> Response:
    parts = {part: getattr(found, part) for part in ("outputs", "before", "measured", "inputs")}
    return columns_of(found.ts_us, parts, scenario=ScenarioOut.of(found.scenario).model_dump_json().encode())


class StandingOut(BaseModel):
    """A model beside its machine and the last time it could not run."""

    model: ModelBody
    fault: str
    fault_since: datetime | None
    fault_over: datetime | None
    """Null while it still cannot run."""

    @classmethod
    def of(cls, standing: Standing) -> StandingOut:
        fault = standing.fault
        return cls(
            model=ModelBody.of(standing.model),
            fault=fault.message if fault else "",
            fault_since=from_us(fault.since_us) if fault else None,
            fault_over=from_us(fault.over_us) if fault and fault.over_us else None,
        )


def router(simulations: Simulations, scenarios: Scenarios) -> APIRouter:
    """The routes of kept runs and of models beside machines, below /api/v1."""
    api = APIRouter(prefix="/simulation", tags=["simulation"])

    @api.get("/standings")
    async def standings(who: Caller, path: str) -> list[StandingOut]:
        """The models of a twin as they run beside it."""
        return [StandingOut.of(one) for one in await simulations.standings(who, path)]

    @api.get("/scenarios")
    async def list_(who: Caller, path: str) -> list[ScenarioOut]:
        """The kept what-if runs of a twin, oldest first."""
        return [ScenarioOut.of(one) for one in await scenarios.list_(who, path)]

    @api.post("/scenarios", status_code=201)
    async def keep(who: Caller, body: KeepBody) -> ScenarioOut:
        """Run a what-if and keep what it gave under a name."""
        span, altered = TimeRange(start=body.start, end=body.end), body.altered.altered()
        found = await scenarios.run(who, body.model.model_of(), span, altered, step_s=body.step_s or 0.0)
        return ScenarioOut.of(await scenarios.keep(who, found, body.name))

    @api.get("/scenarios/{id_}", response_model=OutcomeOut)
    async def get(who: Caller, id_: str, part: Annotated[list[Part] | None, Query()] = None) -> Response:
        """A kept run with all it gave; `part`, which may be repeated, leaves the columns of the others out."""
        return await in_thread(_told, await scenarios.get(who, id_, part or PARTS))

    @api.get("/scenarios/{id_}/head")
    async def head(who: Caller, id_: str) -> ScenarioOut:
        """What was asked in a kept run; what it gave is not read."""
        return ScenarioOut.of(await scenarios.head(who, id_))

    @api.patch("/scenarios/{id_}")
    async def rename(who: Caller, id_: str, body: NameBody) -> ScenarioOut:
        """Call a kept run something else."""
        return ScenarioOut.of(await scenarios.rename(who, id_, body.name))

    @api.delete("/scenarios/{id_}", status_code=204)
    async def discard(who: Caller, id_: str) -> None:
        """A run is kept no more."""
        await scenarios.discard(who, id_)

    return api
