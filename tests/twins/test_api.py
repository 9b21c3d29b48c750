"""Twins over HTTP, through the real application and a real server for streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from lineshaft.kernel import http
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins import Found, Twins
from lineshaft.twins.api import router

from .conftest import ADA, BOB, EVE

LINE = "acme/berlin/line-1"
FILLER = f"{LINE}/filler"
NODE = f"/api/v1/twins/nodes/{FILLER}"
Tell = Callable[..., Awaitable[int]]
PEOPLE = {who.name: who for who in (ADA, EVE, BOB)}


@pytest.fixture
def app(twins: Twins) -> FastAPI:
    app = FastAPI()
    http.install(app)
    app.include_router(router(twins), prefix="/api/v1")

    @app.middleware("http")
    async def sign_in(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if name := request.headers.get("x-who"):
            request.state.who = PEOPLE[name]
        return await call_next(request)

    return app


@pytest.fixture
async def ada(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the engineer; `x-who` makes it somebody else."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers={"x-who": "ada"}) as client:
        yield client


async def make(client: httpx.AsyncClient, **said: Any) -> httpx.Response:
    body = {"path": FILLER, "level": "asset", "type": "filler", "title": {"en": "Filler"}, **said}
    return await client.post("/api/v1/twins", json=body)


async def test_a_twin_is_made_read_changed_and_retired(ada: httpx.AsyncClient) -> None:
    made = await make(ada)
    assert (made.status_code, made.headers["etag"], made.headers["location"]) == (201, '"1"', NODE)
    body = made.json()
    assert (body["path"], body["icon"], body["draft"]["title"]) == (FILLER, "local_drink", {"en": "Filler"})
    assert body["properties"][0] | {"title": "", "description": "", "values": ""} == {
        "name": "state", "path": f"{FILLER}/state", "series": f"{FILLER}/state", "own": False, "title": "",
        "kind": "enum", "unit": "", "low": None, "high": None, "values": "", "writable": False, "description": "",
        "interlock": "",
    }  # fmt: skip
    assert (await ada.get(NODE)).json() == body
    changed = await ada.patch(NODE, json={"title": {"en": "Big"}, "without": ["power"]}, headers={"if-match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["draft"]["type"] == "filler"
    assert "power" not in {p["name"] for p in changed.json()["properties"]}
    gone = await ada.delete(NODE, headers={"if-match": '"2"'})
    assert (gone.status_code, gone.json()["deed"]) == (200, "retired")
    assert (await ada.get(NODE)).status_code == 404
    assert (await ada.post(f"/api/v1/twins/undo/{gone.json()['id']}")).status_code == 200
    assert (await ada.get(NODE)).json()["version"] == 4


async def test_the_slower_of_two_gets_409_with_both_versions(ada: httpx.AsyncClient) -> None:
    await make(ada)
    await ada.patch(NODE, json={"title": {"en": "First"}}, headers={"if-match": '"1"'})
    late = await ada.patch(NODE, json={"title": {"en": "Late"}}, headers={"if-match": '"1"'})
    assert late.status_code == 409
    problem = late.json()
    assert problem["code"] == "twins.outdated"
    assert problem["title"] == f"{FILLER} is at version 2 by now, changed by ada; you changed version 1."
    assert (await ada.get(NODE)).json()["draft"]["title"] == {"en": "First"}
    forced = await ada.patch(NODE, json={"title": {"en": "Late"}}, headers={"if-match": "*"})
    assert forced.json()["version"] == 3


async def test_a_change_without_a_version_is_refused(ada: httpx.AsyncClient) -> None:
    await make(ada)
    assert (await ada.patch(NODE, json={"icon": "x"})).status_code == 400
    assert (await ada.patch(NODE, json={"icon": "x"}, headers={"if-match": '"x"'})).status_code == 400
    assert (await ada.get(NODE)).json()["version"] == 1


async def test_viewers_read_and_others_see_nothing(ada: httpx.AsyncClient) -> None:
    await make(ada)
    eve, bob = {"x-who": "eve"}, {"x-who": "bob"}
    assert (await ada.get(NODE, headers=eve)).status_code == 200
    assert (await ada.patch(NODE, json={}, headers=eve | {"if-match": "*"})).status_code == 403
    assert (await ada.delete(NODE, headers=eve | {"if-match": "*"})).status_code == 403
    reads = ("nodes", "history", "state", "stream")
    for address in [*(f"/api/v1/twins/{r}/{FILLER}" for r in reads), "/api/v1/twins/overview?path=acme"]:
        assert (await ada.get(address, headers=bob)).status_code == 403, address
    assert (await ada.get("/api/v1/twins", headers=bob)).json() == {"items": [], "next": None}
    nobody = await ada.get(NODE, headers={"x-who": ""})
    assert nobody.status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"path": "acme/a b"}, 400),
        ({"path": "acme/x", "level": "planet"}, 400),
        ({"path": "acme/nowhere/x"}, 404),
        ({"path": LINE}, 409),
        ({"properties": [{"name": "x", "low": 5, "high": 1}]}, 400),
    ],
)
async def test_what_cannot_be_is_refused_with_a_sentence(
    ada: httpx.AsyncClient, body: dict[str, Any], status: int
) -> None:
    answer = await make(ada, **body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"].endswith(".")


async def test_lists_come_in_pages(ada: httpx.AsyncClient) -> None:
    wanted = [f"{LINE}/m-{n}" for n in range(5)]
    for path in wanted:
        await make(ada, path=path)
    seen: list[str] = []
    cursor = ""
    while True:
        params = {"path": LINE, "limit": 2, "cursor": cursor}
        page = (await ada.get("/api/v1/twins/tree", params=params)).json()
        seen += [t["path"] for t in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert seen == wanted
    found = (await ada.get("/api/v1/twins", params={"words": "fill", "level": "asset"})).json()
    assert [t["path"] for t in found["items"]] == wanted
    assert (await ada.get("/api/v1/twins/tree", params={"cursor": "%%%"})).status_code == 400


async def test_machines_come_from_templates_and_move(ada: httpx.AsyncClient) -> None:
    templates = (await ada.get("/api/v1/twins/templates")).json()
    assert {"pump", "motor", "filler", "robot", "cnc"} <= {t["name"] for t in templates}
    body = {"template": "pump", "path": f"{LINE}/pump-1", "title": {"en": "Pump 1"}}
    assert (await ada.post("/api/v1/twins/from-template", json=body)).status_code == 201
    moved = await ada.post("/api/v1/twins/moves", json={"path": f"{LINE}/pump-1", "to": f"{LINE}/pump-2", "version": 1})
    assert moved.json()["path"] == f"{LINE}/pump-2"
    assert moved.json()["properties"][0]["series"] == f"{LINE}/pump-1/speed"
    history = (await ada.get(f"/api/v1/twins/history/{LINE}/pump-2")).json()["items"]
    assert [c["deed"] for c in history] == ["moved", "created"]


async def test_types_are_versioned_too(ada: httpx.AsyncClient) -> None:
    address = "/api/v1/twins/types/acme/press"
    kind = {"name": "press", "title": {"en": "Press"}, "properties": [{"name": "force", "unit": "kN"}]}
    made = await ada.put(address, json=kind, headers={"if-match": '"0"'})
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    assert (await ada.put(address, json=kind, headers={"if-match": '"0"'})).status_code == 409
    assert "press" in {t["name"] for t in (await ada.get("/api/v1/twins/types/acme")).json()}
    assert (await ada.delete(address, headers={"if-match": '"1"'})).status_code == 204
    assert (await ada.get(address)).status_code == 404


async def test_a_proposal_goes_out_and_comes_back(ada: httpx.AsyncClient) -> None:
    series = [{"path": f"{LINE}/pump-1/rpm"}, {"path": f"{LINE}/pump-1/flow", "unit": "m³/h"}]
    proposed = (await ada.post("/api/v1/twins/proposals", json={"series": series})).json()
    assert [(p["draft"]["path"], p["draft"]["type"], p["adds"]) for p in proposed] == [
        (f"{LINE}/pump-1", "pump", ["speed", "flow"])
    ]
    accepted = await ada.post("/api/v1/twins/proposals/accept", json=proposed)
    assert (accepted.status_code, accepted.json()["twins"]) == (200, 1)
    twin = (await ada.get(f"/api/v1/twins/nodes/{LINE}/pump-1")).json()
    assert {p["name"]: p["series"] for p in twin["properties"]} == {
        "speed": f"{LINE}/pump-1/rpm",
        "flow": f"{LINE}/pump-1/flow",
    }
    assert (await ada.post("/api/v1/twins/proposals/accept", json=proposed)).status_code == 409


async def test_unplaced_series_are_listed_and_declined(ada: httpx.AsyncClient, twins: Twins) -> None:
    await twins.adoption.note([Found(path=PlantPath(f"{LINE}/x/{n}")) for n in "abc"], adopt=False)
    page = (await ada.get("/api/v1/twins/unplaced", params={"limit": 2})).json()
    assert [f["path"] for f in page["items"]] == [f"{LINE}/x/a", f"{LINE}/x/b"]
    rest = (await ada.get("/api/v1/twins/unplaced", params={"limit": 2, "cursor": page["next"]})).json()
    assert ([f["path"] for f in rest["items"]], rest["next"]) == ([f"{LINE}/x/c"], None)
    declined = await ada.post("/api/v1/twins/unplaced/decline", json={"paths": [f"{LINE}/x/a"]})
    assert declined.json() == {"series": 1}


async def test_state_and_overview(ada: httpx.AsyncClient, tell: Tell) -> None:
    await make(ada)
    await tell({f"{FILLER}/state": 6.0, f"{FILLER}/tank-level": 2.0})
    state = (await ada.get(f"/api/v1/twins/state/{FILLER}")).json()
    assert (state["activity"], state["condition"], state["trouble"]) == ("running", "attention", "range")
    values = {v["name"]: v for v in state["values"]}
    assert (values["state"]["value"], values["state"]["number"], values["state"]["quality"]) == ("Execute", 6.0, "good")
    assert (values["tank-level"]["out_of_range"], values["good"]["quality"]) == (True, None)
    overview = (await ada.get("/api/v1/twins/overview", params={"path": "acme"})).json()
    assert overview["conditions"] == {"attention": 1, "running": 0, "stopped": 0, "unknown": 0}
    assert overview["counts"]["good"] == 2
    assert overview["attention"][0]["properties"] == ["tank-level"]
    briefs = (await ada.get("/api/v1/twins/briefs", params={"condition": "attention"})).json()["items"]
    assert [(b["path"], b["condition"]) for b in briefs] == [(FILLER, "attention")]


async def test_a_subtree_is_streamed(app: FastAPI, ada: httpx.AsyncClient, tell: Tell) -> None:
    await make(ada)
    await tell({f"{FILLER}/speed": 1.0})
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{port}/api/v1/twins/stream/{LINE}?every_ms=50"
        seen: list[tuple[str, Any]] = []
        async with httpx.AsyncClient(headers={"x-who": "eve"}) as client, client.stream("GET", address) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    seen += [(v["path"], v["value"]) for v in json.loads(line[5:])]
                    if len(seen) == 1:
                        await tell({f"{FILLER}/speed": 2.0, f"{FILLER}/state": 6.0})
                    if len(seen) == 3:
                        break
    server.should_exit = True
    await asyncio.wait_for(serving, 10)
    assert seen[0] == (f"{FILLER}/speed", 1.0)
    assert sorted(seen[1:]) == [(f"{FILLER}/speed", 2.0), (f"{FILLER}/state", "Execute")]


def test_the_api_describes_itself(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    assert "/api/v1/twins/nodes/{path}" in paths
    for routes in paths.values():
        for route in routes.values():
            assert route["description"], route
