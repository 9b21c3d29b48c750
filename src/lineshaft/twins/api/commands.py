"""What twins have machines do, over HTTP: values read now, values they should have."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from lineshaft.kernel.clock import from_us, now_us
from lineshaft.kernel.http import caller
from lineshaft.kernel.terms import Value
from lineshaft.security import Who
from lineshaft.twins.model.desire import Desire, Settable, Stage
from lineshaft.twins.model.live import Answer
from lineshaft.twins.service import LiveReads, Setpoints, Wish
from lineshaft.twins.service.commands.setpoints import LONGEST

Caller = Annotated[Who, Depends(caller)]


class WishBody(BaseModel):
    """A value with its unit, or with the number of the desire you saw."""

    value: Value
    unit: str = ""
    seen: int | None = None
    """The number of the desire this replaces, 0 for none: 409 when somebody was faster. Without it the newest wins."""


class DesiredBody(BaseModel):
    """What properties of a twin should be, by name: all are taken or none."""

    values: dict[str, Value | WishBody] = Field(min_length=1, max_length=200)
    acknowledge_s: float | None = Field(default=None, gt=0, le=LONGEST.total_seconds())
    """When a missing acknowledgement is told."""
    expires_s: float | None = Field(default=None, gt=0, le=LONGEST.total_seconds())
    """When it ends and is never written afterwards."""
    wait_s: float = Field(default=0.0, ge=0, le=30)
    """How long the answer waits for acknowledgements."""


class DesireOut(BaseModel):
    """What a property should be, and how far that is."""

    number: int
    value: Value
    by: str
    stage: Stage
    since: datetime
    asked_at: datetime
    expires_at: datetime
    overdue: bool
    attempts: int
    message: str

    @classmethod
    def of(cls, desire: Desire) -> DesireOut:
        return cls(
            number=desire.number,
            value=desire.shown,
            by=desire.by.name,
            stage=desire.stage,
            since=from_us(desire.stage_us),
            asked_at=from_us(desire.asked_us),
            expires_at=from_us(desire.expires_us),
            overdue=desire.overdue(now_us()),
            attempts=desire.attempts,
            message=desire.message,
        )


class SettableOut(BaseModel):
    """A property that can be set: desired and reported, and whether they differ."""

    name: str
    path: str
    unit: str
    desired: DesireOut | None
    reported: Value | None
    delta: bool

    @classmethod
    def of(cls, one: Settable) -> SettableOut:
        return cls(
            name=one.point.property.name,
            path=one.point.path,
            unit=one.point.property.unit,
            desired=None if one.desire is None else DesireOut.of(one.desire),
            reported=one.reported,
            delta=one.delta,
        )


def router(live: LiveReads, setpoints: Setpoints) -> APIRouter:
    """The routes below /api/v1/twins that reach machines."""
    api = APIRouter(prefix="/twins", tags=["twins"])

    @api.get("/live/{path:path}")
    async def read_live(
        who: Caller,
        path: str,
        within_ms: Annotated[int, Query(ge=10, le=30_000)] = 2000,
        otherwise: Literal["fail", "twin"] = "fail",
    ) -> Answer:
        """Ask the machine for a property now. When it is silent: 504, or with `otherwise=twin` what the twin knows."""
        return await live.read(who, path, within_s=within_ms / 1000, or_twin=otherwise == "twin")

    @api.get("/desired/{path:path}")
    async def desired(who: Caller, path: str) -> list[SettableOut]:
        """The properties of a twin that can be set: what they should be, what they are, and whether that differs."""
        return [SettableOut.of(one) for one in await setpoints.list_(who, path)]

    @api.patch("/desired/{path:path}")
    async def desire(who: Caller, path: str, body: DesiredBody) -> list[SettableOut]:
        """Want properties of a twin to have values: all are kept and sent to the machine, or none.

        They stay pending until the machine reports them, and end unwritten when it does not before they expire.
        """
        wishes = {name: _wish(said) for name, said in body.values.items()}
        patience = setpoints.patience(_span(body.acknowledge_s), _span(body.expires_s))
        found = await setpoints.desire(who, path, wishes, patience=patience)
        if body.wait_s:
            found = await setpoints.settled(who, path, list(wishes), within_s=body.wait_s)
        return [SettableOut.of(one) for one in found if one.point.property.name in wishes]

    @api.delete("/desired/{path:path}", status_code=204)
    async def withdraw(who: Caller, path: str) -> Response:
        """No longer want anything of a property; what its machine has taken it keeps."""
        await setpoints.withdraw(who, path)
        return Response(status_code=204)

    return api


def _wish(said: Value | WishBody) -> Wish:
    return Wish(**said.model_dump()) if isinstance(said, WishBody) else Wish(value=said)


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
