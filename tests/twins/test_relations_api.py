"""Relations over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from lineshaft.kernel import http
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM
from lineshaft.twins import Draft, Level, Projection, Repository, Twins
from lineshaft.twins.api import relations_router

from .conftest import ADA, EVE

RELATIONS = "/api/v1/twins/relations"
PEOPLE = {who.name: who for who in (ADA, EVE)}
PUMP, TANK = "acme/berlin/line-1/pump", "acme/berlin/line-1/tank"


@pytest.fixture
async def ada(twins: Twins, repository: Repository) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the engineer; `x-who` makes it somebody else."""
    for path in (PUMP, TANK):
        await twins.create(PLATFORM, Draft(path=PlantPath(path), level=Level.ASSET))
    await Projection(twins, repository).all()
    app = FastAPI()
    http.install(app)
    app.include_router(relations_router(repository), prefix="/api/v1")

    @app.middleware("http")
    async def sign_in(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.who = PEOPLE[request.headers["x-who"]]
        return await call_next(request)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers={"x-who": "ada"}) as client:
        yield client


@pytest.fixture
def repository(twins: Twins) -> Repository:
    return Repository(twins._db, twins._guard, "acme")


async def test_relations_are_made_listed_removed_and_undone(ada: httpx.AsyncClient) -> None:
    made = await ada.post(RELATIONS, json={"source": PUMP, "name": "feeds", "target": TANK})
    assert (made.status_code, made.json()["version"], made.json()["relation"]["id"]) == (201, 1, "Feeds_1")
    (found,) = (await ada.get(RELATIONS, params={"twin": TANK})).json()
    assert (found["source"]["place"], found["name"], found["target"]["place"]) == (PUMP, "Feeds", TANK)
    gone = await ada.delete(RELATIONS, params={"source": PUMP, "id": "Feeds_1"})
    assert (gone.status_code, gone.json()["version"]) == (200, 2)
    assert (await ada.get(RELATIONS, params={"twin": PUMP})).json() == []
    back = await ada.post(f"{RELATIONS}/undo", json={"source": PUMP, "version": 2})
    assert (back.status_code, back.json()) == (200, {"relation": None, "version": 3})
    assert len((await ada.get(RELATIONS, params={"twin": PUMP})).json()) == 1


async def test_refusals_say_why(ada: httpx.AsyncClient) -> None:
    line = "acme/berlin/line-1"
    ring = await ada.post(RELATIONS, json={"source": line, "name": "part of", "target": PUMP})
    assert (ring.status_code, ring.json()["code"]) == (409, "twins.cyclic")
    assert f"{line} -> {PUMP} -> {line}" in ring.json()["title"]
    missing = await ada.post(RELATIONS, json={"source": PUMP, "name": "feeds", "target": "acme/nowhere"})
    assert (missing.status_code, missing.json()["code"]) == (404, "twins.not_found")
    body = {"source": PUMP, "name": "feeds", "target": TANK}
    assert (await ada.post(RELATIONS, json=body, headers={"x-who": "eve"})).status_code == 403
    assert (await ada.get(RELATIONS, params={"twin": PUMP})).json() == []


async def test_relations_follow_a_twin_that_moves_and_are_back_with_one_that_was_retired(
    ada: httpx.AsyncClient, twins: Twins, repository: Repository
) -> None:
    await ada.post(RELATIONS, json={"source": PUMP, "name": "feeds", "target": TANK})
    await twins.move(PLATFORM, PUMP, "acme/berlin/pump")
    await Projection(twins, repository).all()
    (moved,) = (await ada.get(RELATIONS, params={"twin": TANK})).json()
    assert moved["source"]["place"] == "acme/berlin/pump"
    before = await twins.get(PLATFORM, "acme/berlin/pump")
    gone = await twins.retire(PLATFORM, "acme/berlin/pump")
    await Projection(twins, repository).retired(before.id, "acme/berlin/pump")
    assert (await ada.get(RELATIONS, params={"twin": "acme/berlin/pump"})).status_code == 404
    await twins.undo(PLATFORM, gone.id)
    await Projection(twins, repository).all()
    (back,) = (await ada.get(RELATIONS, params={"twin": "acme/berlin/pump"})).json()
    assert (back["name"], back["target"]["place"]) == ("Feeds", TANK)
    feed = len(await repository.feed(PLATFORM))
    await Projection(twins, repository).all()
    assert len(await repository.feed(PLATFORM)) == feed
