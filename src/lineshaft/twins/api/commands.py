"""What twins have machines do, over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from lineshaft.kernel.http import caller
from lineshaft.security import Who
from lineshaft.twins.model.live import Answer
from lineshaft.twins.service import LiveReads

Caller = Annotated[Who, Depends(caller)]


def router(live: LiveReads) -> APIRouter:
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

    return api
