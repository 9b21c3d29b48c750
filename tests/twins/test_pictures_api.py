"""Process pictures over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from lineshaft.kernel import http
from lineshaft.kernel.db import Database
from lineshaft.security import Guard
from lineshaft.twins import Pictures, Twins
from lineshaft.twins.api import pictures_router

from .conftest import ADA, BOB, EVE, at

LINE = "acme/berlin/line-1"
P = "/api/v1/pictures"
TANK = f"{LINE}/tank"
PEOPLE = {who.name: who for who in (ADA, EVE, BOB)}
Tell = Callable[..., Awaitable[int]]
DOCUMENT = {
    "title": {"en": "Tanks", "zh": "储罐"}, "place": LINE, "width": 800, "height": 600,
    "items": [{"id": "t", "symbol": "tank", "x": 10, "y": 20, "w": 80, "h": 120,
               "bindings": {"level": {"path": f"{TANK}/level"}}}],
}  # fmt: skip


@pytest.fixture
async def ada(db: Database, guard: Guard, twins: Twins) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the engineer; `x-who` makes it somebody else."""
    await twins.create(ADA, at(TANK, type="tank"))
    app = FastAPI()
    http.install(app)
    app.include_router(pictures_router(Pictures(db, guard, twins.now)), prefix="/api/v1")

    @app.middleware("http")
    async def sign_in(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.who = PEOPLE[request.headers["x-who"]]
        return await call_next(request)

    transport = httpx.ASGITransport(app=app)
    where = "http://plant"
    async with httpx.AsyncClient(transport=transport, base_url=where, headers={"x-who": "ada"}) as client:
        yield client


async def make(client: httpx.AsyncClient, **said: Any) -> dict[str, Any]:
    answer = await client.post(P, json=DOCUMENT | said)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_picture_goes_in_and_comes_out_and_an_older_version_can_be_seen(ada: httpx.AsyncClient) -> None:
    made = await make(ada)
    assert (made["version"], made["items"][0]["bindings"]["level"]["path"]) == (1, f"{TANK}/level")
    saved = (await ada.put(f"{P}/{made['id']}", json={**made, "items": []})).json()
    assert (saved["version"], saved["items"]) == (2, [])
    assert (await ada.get(f"{P}/{made['id']}", params={"version": 1})).json()["items"] == made["items"]
    [listed] = (await ada.get(P)).json()["items"]
    assert (listed["id"], listed["title"], listed["items"], listed["by"]) == (made["id"], DOCUMENT["title"], 0, "ada")
    assert [v["version"] for v in (await ada.get(f"{P}/{made['id']}/versions")).json()] == [2, 1]
    assert (await ada.post(f"{P}/{made['id']}/versions/1/restore")).json()["version"] == 3


async def test_the_slower_of_two_gets_409_and_strangers_get_404_and_403(ada: httpx.AsyncClient) -> None:
    made = await make(ada)
    await ada.put(f"{P}/{made['id']}", json=made)
    late = await ada.put(f"{P}/{made['id']}", json=made)
    assert (late.status_code, late.json()["code"]) == (409, "twins.outdated")
    assert late.json()["title"] == "ada saved version 2 of this picture; you changed version 1."
    assert (await ada.get(f"{P}/{made['id']}", headers={"x-who": "bob"})).status_code == 404
    assert (await ada.put(f"{P}/{made['id']}", json=made, headers={"x-who": "eve"})).status_code == 403
    assert (await ada.get(f"{P}/{made['id']}", headers={"x-who": "eve"})).status_code == 200


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"items": [{"id": "t"}]}, "required field `symbol` - at `$.items[0]`"),
        ({"place": "a b"}, "not a plant path"),
        ({"drawings": ["x"]}, "not an object of drawings"),
        ({"drawings": {"x": {"svg": 5}}}, "The drawing 'x' cannot be read"),
        ({"items": "many"}, "$.items"),
    ],
)
async def test_a_wrong_document_is_refused_with_its_place_and_nothing_is_kept(
    ada: httpx.AsyncClient, said: dict[str, Any], says: str
) -> None:
    answer = await ada.post(P, json=DOCUMENT | said)
    assert answer.status_code == 400
    assert says in answer.json()["title"]
    assert (await ada.get(P)).json()["items"] == []


async def test_a_sketch_is_made_from_the_tree_and_can_be_posted_as_it_is(ada: httpx.AsyncClient) -> None:
    sketched = (await ada.post(f"{P}/sketches", json={"place": LINE, "title": "Line 1"})).json()
    assert "tank" in [item["symbol"] for item in sketched["items"]]
    assert (await ada.get(P)).json()["items"] == []
    assert (await ada.post(P, json=sketched)).status_code == 201


async def test_values_are_read_by_item_and_slot(ada: httpx.AsyncClient, tell: Tell) -> None:
    made = await make(ada)
    await tell({f"{TANK}/level": 62.5})
    assert (await ada.get(f"{P}/{made['id']}/now")).json() == {
        "t": {"level": {"known": True, "activity": "running", "trouble": None, "value": 62.5, "fraction": 0.625}}
    }


async def test_a_drawing_is_cleaned_and_what_was_taken_out_is_told(ada: httpx.AsyncClient) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20"><g id="hall"/><script>x()</script></svg>'
    answer = await ada.post(f"{P}/drawings", params={"place": "acme"}, files={"file": ("hall.svg", svg)})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["parts"], told["size"]) == (["hall"], [10.0, 20.0])
    assert told["taken_out"] == ["Line 1: <script> was taken out with what it holds."]
    picture = await make(ada, drawings={"Hall": told["digest"]})
    assert picture["drawings"]["Hall"]["parts"] == ["hall"]


@pytest.mark.parametrize("version", [2**70, -1])
async def test_a_version_that_cannot_be_is_refused(ada: httpx.AsyncClient, version: int) -> None:
    made = await make(ada)
    where = f"{P}/{made['id']}"
    asked = [
        ada.get(where, params={"version": version}),
        ada.delete(where, params={"version": version}),
        ada.post(f"{where}/versions/{version}/restore"),
        ada.put(where, json={**made, "version": version}),
    ]
    assert [(await one).status_code for one in asked] == [400] * 4


async def test_a_removed_picture_is_gone(ada: httpx.AsyncClient) -> None:
    made = await make(ada)
    assert (await ada.delete(f"{P}/{made['id']}", params={"version": 1})).status_code == 200
    assert (await ada.get(f"{P}/{made['id']}")).status_code == 404
    assert [p["id"] for p in (await ada.get(P, params={"removed": True})).json()["items"]] == [made["id"]]
    assert (await ada.get(P, params={"removed": True}, headers={"x-who": "eve"})).json()["items"] == []
