"""Graph questions over HTTP: live values, own names, pages, rights on the way, and questions that cannot be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from lineshaft.client import Client, Match, PlantError
from lineshaft.kernel import http
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Grant, Guard, Role, Who, WhoKind
from lineshaft.telemetry import Live
from lineshaft.twins import Draft, Level, Projection, Repository, Twins
from lineshaft.twins.api import graph_router

from .conftest import ADA, EVE

ASK, AROUND = "/api/v1/twins/graph/matches", "/api/v1/twins/graph/around"
LINE = "acme/berlin/line-1"
CELL, LAMP = f"{LINE}/cell", f"{LINE}/lamp"
Tell = Callable[..., Awaitable[int]]


def sensor(number: int) -> str:
    return f"{CELL}/s{number}"


NORA = Who(
    id="nora",
    name="nora",
    kind=WhoKind.USER,
    origin="test",
    grants=tuple(Grant(role=Role.VIEWER, subtree=tree) for tree in (sensor(0), sensor(2), LAMP)),
)
"""Sees two sensors and a lamp, and nothing of what is between them."""
PEOPLE = {who.name: who for who in (ADA, EVE, NORA)}


@pytest.fixture
def repository(db: Database, guard: Guard, live: Live) -> Repository:
    return Repository(db, guard, "acme", live=live)


@pytest.fixture
async def app(twins: Twins, repository: Repository, tell: Tell) -> FastAPI:
    """A cell of four sensors, warmer the higher their number, and a lamp that is as warm but no sensor."""
    await twins.create(PLATFORM, Draft(path=PlantPath(CELL), level=Level.CELL))
    for n in range(4):
        await twins.from_template(PLATFORM, "sensor", PlantPath(sensor(n)))
    warmth = tuple(
        p.property for p in (await twins.get(PLATFORM, sensor(0))).points if p.property.name == "temperature"
    )
    await twins.create(PLATFORM, Draft(path=PlantPath(LAMP), level=Level.ASSET, properties=warmth))
    await Projection(twins, repository).all()
    await tell({f"{sensor(n)}/temperature": 40.0 + 10 * n for n in range(4)} | {f"{LAMP}/temperature": 90.0})
    made = FastAPI()
    http.install(made)
    made.include_router(graph_router(repository), prefix="/api/v1")

    @made.middleware("http")
    async def sign_in(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.who = PEOPLE[request.headers["authorization"].removeprefix("Bearer ")]
        return await call_next(request)

    return made


@pytest.fixture
async def ada(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport, headers = httpx.ASGITransport(app=app), {"authorization": "Bearer ada"}
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers=headers) as client:
        yield client


def warm(value: float, **more: Any) -> dict[str, Any]:
    where = {"property": "temperature", "compare": ">", "value": value}
    return {"twin": LINE, "hops": 2, "where": where} | more


def places(answer: httpx.Response) -> list[tuple[str, int]]:
    assert answer.status_code == 200, answer.text
    return [(one["twin"]["place"], one["hops"]) for one in answer.json()["items"]]


async def test_all_sensors_two_hops_below_a_line_above_50_degrees_now(ada: httpx.AsyncClient, tell: Tell) -> None:
    found = await ada.post(ASK, json=warm(50, type="sensor"))
    assert sorted(places(found)) == [(sensor(2), 2), (sensor(3), 2)]
    first = next(one for one in found.json()["items"] if one["twin"]["place"] == sensor(2))
    assert (first["property"], first["text"], first["number"], first["twin"]["name"]) == (
        "temperature",
        "60.0",
        60.0,
        "S2",
    )
    assert set(places(await ada.post(ASK, json=warm(50)))) == {(sensor(2), 2), (sensor(3), 2), (LAMP, 1)}
    assert places(await ada.post(ASK, json=warm(50, hops=1))) == [(LAMP, 1)]
    await tell({f"{sensor(0)}/temperature": 95.0, f"{sensor(3)}/temperature": 20.0})
    assert set(places(await ada.post(ASK, json=warm(50, type="sensor")))) == {(sensor(0), 2), (sensor(2), 2)}


async def test_pages_follow_each_other_without_a_gap_or_a_double(ada: httpx.AsyncClient) -> None:
    whole = places(await ada.post(ASK, json=warm(0)))
    assert len(whole) == 5
    paged: list[tuple[str, int]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await ada.post(ASK, json=warm(0, limit=2, cursor=cursor))
        assert len(page.json()["items"]) <= 2
        paged += places(page)
        cursor = page.json()["next"]
    assert paged == whole


async def test_own_names_are_followed_in_either_direction(ada: httpx.AsyncClient, repository: Repository) -> None:
    await repository.relations.add(ADA, sensor(0), "is cooled by", LAMP)
    await repository.relations.add(ADA, LAMP, "Is  Cooled By", sensor(3))
    assert (await ada.get("/api/v1/twins/graph/names")).json() == ["is cooled by"]
    asked = warm(0, twin=sensor(0), relations=["IS cooled by"])
    assert places(await ada.post(ASK, json=asked)) == [(sensor(0), 0), (LAMP, 1), (sensor(3), 2)]
    back = {**asked, "twin": LAMP, "hops": 1}
    assert places(await ada.post(ASK, json=back)) == [(LAMP, 0), (sensor(3), 1)]
    assert places(await ada.post(ASK, json={**back, "direction": "backward"})) == [(LAMP, 0), (sensor(0), 1)]
    both = places(await ada.post(ASK, json={**back, "direction": "both"}))
    assert (both[0], set(both[1:])) == ((LAMP, 0), {(sensor(0), 1), (sensor(3), 1)})
    assert places(await ada.post(ASK, json={**asked, "relations": ["feeds"]})) == [(sensor(0), 0)]


async def test_a_walk_passes_through_nothing_that_may_not_be_seen(
    ada: httpx.AsyncClient, repository: Repository
) -> None:
    for source, target in ((0, 1), (1, 2)):
        await repository.relations.add(ADA, sensor(source), "feeds", sensor(target))
    await repository.relations.add(ADA, sensor(0), "lights", LAMP)
    asked = warm(0, twin=sensor(0), hops=5, relations=["feeds", "lights"])
    ours = places(await ada.post(ASK, json=asked))
    assert {place for place, _ in ours} == {sensor(0), sensor(1), sensor(2), LAMP}
    nora = {"authorization": "Bearer nora"}
    assert places(await ada.post(ASK, json=asked, headers=nora)) == [(sensor(0), 0), (LAMP, 1)]
    net = (await ada.post(AROUND, json={"twin": sensor(0), "hops": 5}, headers=nora)).json()
    told = {one["thing"]: one["twin"]["place"] if one["twin"] else None for one in net["things"]}
    assert set(told.values()) == {sensor(0), LAMP, None}  # what it feeds stands in a document she sees, no more
    assert {one["name"] for one in net["relations"]} == {"Feeds", "lights"}
    hidden = await ada.post(ASK, json=warm(0, twin=sensor(1)), headers=nora)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "twins.not_found")


async def test_a_picture_is_bounded_and_says_what_it_left_out(ada: httpx.AsyncClient, repository: Repository) -> None:
    await repository.relations.add(ADA, sensor(0), "feeds", sensor(1))
    net = (await ada.post(AROUND, json={"twin": CELL, "hops": 1})).json()
    names = {one["thing"]: one["twin"]["place"].rsplit("/", 1)[-1] for one in net["things"]}
    assert ([one["hops"] for one in net["things"]], net["left_out"]) == ([0, 1, 1, 1, 1, 1], 0)
    said = {(names[one["source"]], one["name"], names[one["target"]]) for one in net["relations"]}
    assert said == {("cell", "IsPartOf", "line-1"), ("s0", "Feeds", "s1")} | {
        (f"s{n}", "IsPartOf", "cell") for n in range(4)
    }
    cut = (await ada.post(AROUND, json={"twin": CELL, "hops": 1, "limit": 3, "relations": ["part of"]})).json()
    assert (len(cut["things"]), cut["left_out"], len(cut["relations"])) == (3, 3, 2)


@pytest.mark.parametrize(
    ("change", "status", "title"),
    [
        ({"hops": -1}, 400, "body.hops: Input should be greater than or equal to 0."),
        ({"hop": 1}, 400, "body.hop: Extra inputs are not permitted."),
        ({"direction": "down"}, 400, "body.direction: Input should be 'forward', 'backward' or 'both'."),
        ({"relations": ["feeds", "12"]}, 400, "body.relations.1: A relation cannot be called '12'."),
        ({"relations": ["is kooled by"]}, 400, "No relation is called 'is kooled by'."),
        ({"where": {"compare": ">", "value": 1}}, 400, "body.where: It names no property."),
        ({"where": {"property": "a", "compare": "~", "value": 1}}, 400, "body.where.compare: Input should be"),
        ({"cursor": "WyJhIl0"}, 400, "body.cursor: 'WyJhIl0' is not a cursor of this question."),
        ({"cursor": "?"}, 400, "body.cursor: "),
        ({"twin": "acme/nowhere"}, 404, "There is no twin 'acme/nowhere'."),
    ],
)
async def test_a_bad_question_is_refused_with_its_place(
    ada: httpx.AsyncClient, change: dict[str, Any], status: int, title: str
) -> None:
    answer = await ada.post(ASK, json=warm(50) | change)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"].startswith(title)


async def asked_by_client(app: FastAPI, work: Callable[[Client], Sequence[Match]]) -> Sequence[Match]:
    """What the Python client gets over a real socket."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]

        def run() -> Sequence[Match]:
            with Client(f"http://127.0.0.1:{port}", "ada", timeout_s=10) as plant:
                return work(plant)

        return await asyncio.to_thread(run)
    finally:
        server.should_exit = True
        await serving


async def test_the_python_client_asks_the_same(app: FastAPI) -> None:
    [found] = await asked_by_client(
        app, lambda plant: list(plant.matches(LINE, ">", 60, property_="temperature", type_="sensor"))
    )
    assert (found.place, found.name, found.hops, found.property, found.value) == (
        sensor(3),
        "S3",
        2,
        "temperature",
        70.0,
    )
    with pytest.raises(PlantError, match=r"body\.where: It names no property\."):
        await asked_by_client(app, lambda plant: list(plant.matches(LINE, ">", 60)))
