"""Desires over HTTP: what cannot be a length of time is refused."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint
from tests.twins.commands.conftest import OLGA, TANK, Floor

from lineshaft.kernel import http
from lineshaft.twins import Interlocks, LiveReads, Setpoints
from lineshaft.twins.api.commands import router
from lineshaft.twins.settings import TwinsSettings


@pytest.mark.parametrize("field", ["acknowledge_s", "expires_s"])
@pytest.mark.parametrize("said", ["1e300", "1e999", "604801"])
async def test_a_time_nothing_waits_is_refused(floor: Floor, field: str, said: str) -> None:
    setpoints = Setpoints(
        floor.db, floor.guard, floor.twins, floor.edge, Interlocks(floor.twins, floor.edge), TwinsSettings()
    )
    app = FastAPI()
    http.install(app)
    app.include_router(router(LiveReads(floor.twins, floor.edge), setpoints), prefix="/api/v1")

    @app.middleware("http")
    async def sign_in(request: Request, call_next: RequestResponseEndpoint) -> Response:
        request.state.who = OLGA
        return await call_next(request)

    body = f'{{"values": {{"setpoint": 70}}, "{field}": {said}}}'
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://plant") as client:
        answer = await client.patch(
            f"/api/v1/twins/desired/{TANK}", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code == 400, answer.text
    assert field in answer.text
    assert [one.desire for one in await setpoints.list_(OLGA, TANK)] == [None, None, None]
