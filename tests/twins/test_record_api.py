"""Life-cycle records over HTTP, and in the console."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from lineshaft.kernel import http
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM
from lineshaft.twins import Draft, Level, Projection, Repository, Twins
from lineshaft.twins.api import record_router

from .conftest import ADA, EVE

RECORD = "/api/v1/twins/record"
PEOPLE = {who.name: who for who in (ADA, EVE)}
PUMP = "acme/berlin/line-1/pump"


@pytest.fixture
async def ada(twins: Twins) -> AsyncIterator[httpx.AsyncClient]:
    await twins.create(PLATFORM, Draft(path=PlantPath(PUMP), level=Level.ASSET))
    repository = Repository(twins._db, twins._guard, "acme")
    await Projection(twins, repository).all()
    app = FastAPI()
    http.install(app)
    app.include_router(record_router(repository), prefix="/api/v1")

    @app.middleware("http")
    async def sign_in(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.who = PEOPLE[request.headers["x-who"]]
        return await call_next(request)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers={"x-who": "ada"}) as client:
        yield client


async def add(client: httpx.AsyncClient, happening: str, **said: str) -> httpx.Response:
    return await client.post(RECORD, json={"twin": PUMP, "happening": happening, **said})


async def test_entries_are_added_and_told_page_by_page(ada: httpx.AsyncClient) -> None:
    made = await add(ada, "commissioned", at="2026-03-01T08:00:00+01:00")
    assert (made.status_code, made.json()["at"]) == (201, "2026-03-01T07:00:00Z")
    lease = {"party": "Beta Ltd", "at": "2026-04-01T00:00:00Z", "until": "2026-05-01T00:00:00Z"}
    assert (await add(ada, "leased", **lease)).json()["until"] == "2026-05-01T00:00:00Z"
    first = (await ada.get(RECORD, params={"twin": PUMP, "limit": 1}, headers={"x-who": "eve"})).json()
    assert (first["phase"], first["count"], first["entries"][0]["happening"], first["next"]) == (
        "operation", 2, "leased", 1
    )  # fmt: skip
    rest = (await ada.get(RECORD, params={"twin": PUMP, "before": first["next"]})).json()
    assert ([one["happening"] for one in rest["entries"]], rest["next"]) == (["commissioned"], None)


async def test_what_is_refused_says_why_and_adds_nothing(ada: httpx.AsyncClient) -> None:
    wrong = await add(ada, "handed over")
    assert (wrong.status_code, wrong.json()["hint"]) == (400, "Name a company or a person.")
    denied = await ada.post(RECORD, json={"twin": PUMP, "happening": "noted", "text": "x"}, headers={"x-who": "eve"})
    assert denied.status_code == 403
    assert (await ada.post(RECORD, json={"twin": "acme/no", "happening": "noted", "text": "x"})).status_code == 404
    await add(ada, "scrapped")
    gone = await add(ada, "noted", text="late")
    assert (gone.status_code, gone.json()["code"]) == (409, "twins.scrapped")
    assert (await ada.get(RECORD, params={"twin": PUMP})).json()["count"] == 1
