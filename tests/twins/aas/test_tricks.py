"""What a clever neighbour tries: hidden branches, forged cursors, endless filters and bodies, headers that lie."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from lineshaft.kernel.clock import now
from lineshaft.kernel.http import pack_cursor, unpack_cursor
from lineshaft.security import PLATFORM, Grant, Role
from lineshaft.twins.api.aas import call
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service import bulk

from .conftest import AAS, SM, TWO, V30, V31, A, S, Served, T
from .test_files_and_operations import Doubler, asked
from .test_reading import is_result
from .test_writing import TEXT, state

ELEMENTS = f"{V31}/submodels/{S}/submodel-elements"
BRANCH = "acme/All/AllKinds/Prop"
REMARK = {"modelType": "Property", "idShort": "Remark", "valueType": "xs:string", "value": "q"}
SECOND = {"modelType": "SubmodelElementCollection", "idShort": "Second", "value": [REMARK]}
FORGED: list[Any] = [10**30, -1, True, 1.5, None, "x", "x:y", ":", "own:x", f"own:{10**30}", "9" * 5000, []]


# ---- branches ----


@pytest.fixture
async def bob(served: Served) -> Any:
    """An engineer of one property."""
    async with served.client(await served.token(Grant(role=Role.ENGINEER, subtree=BRANCH))) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("PATCH", "{}.Remark", {"value": "q"}),
        ("PATCH", "{}.Remark", {"value": "other"}),
        ("PATCH", "{}.Remark/$metadata", {"modelType": "Property", "valueType": "xs:string"}),
        ("PATCH", "{}.Remark/$value", "q"),
        ("PUT", "{}.Remark", REMARK),
        ("POST", "{}", TEXT),
        ("DELETE", "{}.Remark", None),
        ("DELETE", "{}", None),
        ("GET", "{}.Remark", None),
    ],
)
async def test_what_is_hidden_is_refused_like_what_is_not_there(
    served: Served, bob: httpx.AsyncClient, method: str, tail: str, body: Any
) -> None:
    before = await state(served)
    hidden, absent = [
        await bob.request(method, f"{ELEMENTS}/{tail.format(name)}", **({} if body is None else {"json": body}))
        for name in ("Second", "Nowhere")
    ]
    told = [json.loads(one.content)["messages"][0]["text"] for one in (hidden, absent)]
    assert (hidden.status_code, told[0].replace("Second", "Nowhere")) == (absent.status_code, told[1])
    assert hidden.status_code in (403, 404)
    assert await state(served) == before


async def test_a_guess_at_hidden_content_is_not_confirmed(served: Served, bob: httpx.AsyncClient) -> None:
    before = await state(served)
    for guess in (SECOND, SECOND | {"value": []}):
        is_result(await bob.put(f"{ELEMENTS}/Second", json=guess), 403)
        is_result(await bob.patch(f"{V31}/submodels/{S}", json={"submodelElements": [guess]}), 403)
    assert await state(served) == before


async def test_a_branch_is_changed_on_the_etag_it_was_read_with(served: Served, bob: httpx.AsyncClient) -> None:
    etag = (await bob.get(f"{ELEMENTS}/AllKinds.Prop")).headers["etag"]
    body = {"value": "2.5"}
    told = await bob.patch(f"{ELEMENTS}/AllKinds.Prop", json=body, headers={"If-Match": etag})
    assert told.status_code == 204
    is_result(await bob.patch(f"{ELEMENTS}/AllKinds.Prop", json=body, headers={"If-Match": etag}), 412)
    assert (await bob.get(f"{ELEMENTS}/AllKinds.Prop/$value")).json() == 2.5


async def test_an_invocation_is_told_of_to_those_who_see_its_operation(served: Served, bob: httpx.AsyncClient) -> None:
    served.operations.add(Doubler())
    operation = f"{ELEMENTS}/AllKinds.Op"
    async with served.client() as ada:
        started = await ada.post(f"{operation}/invoke-async/$value", json=asked(21))
        handle = started.headers["location"].rpartition("/")[2]
        assert (await ada.get(f"{operation}/operation-results/{handle}")).status_code == 200
    for what in ("operation-status", "operation-results"):
        is_result(await bob.get(f"{operation}/{what}/{handle}"), 404)


async def test_a_submodel_leaves_its_shell_in_one_step_or_not_at_all(served: Served) -> None:
    found = await served.repository.get(PLATFORM, Kind.SUBMODEL, TWO)
    grants = (Grant(role=Role.VIEWER, subtree="acme"), Grant(role=Role.ENGINEER, subtree=found.place))
    async with served.client(await served.token(*grants)) as carl:
        is_result(await carl.delete(f"{V31}/shells/{A}/submodels/{T}"), 403)
        assert (await carl.get(f"{V31}/submodels/{T}")).status_code == 200
    async with served.client() as ada:
        assert (await ada.delete(f"{V31}/shells/{A}/submodels/{T}")).status_code == 204
        refs = (await ada.get(f"{V31}/shells/{A}/submodel-refs")).json()["result"]
        assert [one["keys"][-1]["value"] for one in refs] == [SM]


# ---- cursors and filters ----


@pytest.mark.parametrize(
    "address",
    ["/shells", "/submodels", "/submodels/$path", "/concept-descriptions", "/packages", "/shell-descriptors",
     "/submodel-descriptors", f"/shells/{A}/submodel-refs", f"/submodels/{S}/submodel-elements",
     f"/submodels/{S}/submodel-elements/$path"],
)  # fmt: skip
async def test_a_forged_cursor_is_400(served: Served, eve: httpx.AsyncClient, address: str) -> None:
    await served.repository.create(PLATFORM, Kind.CONCEPT, {"modelType": "ConceptDescription", "id": "another"})
    for id_ in ("one", "two"):
        await served.repository.create(PLATFORM, Kind.PACKAGE, {"id": id_, "aasIds": []})
    page = (await eve.get(f"{V31}{address}?limit=1")).json()
    listing, _ = unpack_cursor(page["paging_metadata"]["cursor"])
    for key in FORGED:
        is_result(await eve.get(f"{V31}{address}?limit=1&cursor={pack_cursor(listing, key)}"), 400)


async def test_too_many_asset_ids_are_refused_before_they_are_looked_for(eve: httpx.AsyncClient) -> None:
    link = {"name": "serialNumber", "value": "SN1"}
    text = encode_id(json.dumps(link))
    assert (await eve.post(f"{V31}/lookup/shellsByAssetLink", json=[link] * 100)).json()["result"] == [AAS]
    is_result(await eve.post(f"{V31}/lookup/shellsByAssetLink", json=[link] * 101), 400)
    for address in ("/shells", "/lookup/shells"):
        few, many = (",".join([text] * count) for count in (100, 101))
        assert len((await eve.get(f"{V30}{address}?assetIds={few}")).json()["result"]) == 1
        is_result(await eve.get(f"{V30}{address}?assetIds={many}"), 400)


async def test_submodels_without_elements_do_not_make_a_page_of_paths_endless(
    served: Served, eve: httpx.AsyncClient
) -> None:
    for number in range(50):
        document = {"modelType": "Submodel", "id": f"empty/{number:02}"}
        await served.repository.create(PLATFORM, Kind.SUBMODEL, document)
    pages, found, cursor = 0, [], ""
    while pages == 0 or cursor:
        told = (await eve.get(f"{V31}/submodels/$path?limit=1" + (f"&cursor={cursor}" if cursor else ""))).json()
        pages, found = pages + 1, found + told["result"]
        cursor = told["paging_metadata"].get("cursor", "")
    assert (len(found), found[-1]) == (len(set(found)), "P2")
    assert pages > len(found) + 1, "a page without paths leads on"


@pytest.mark.parametrize("name", ["aasId", "smId"])
async def test_an_id_longer_than_ids_are_is_400(ada: httpx.AsyncClient, name: str) -> None:
    address = {"aasId": "shells", "smId": "submodels"}[name]
    for text in ("x" * 2049, "ü" * 2049, "x" * 40_000):
        is_result(await ada.get(f"{V31}/{address}/{encode_id(text)}"), 400)
        is_result(await ada.delete(f"{V31}/{address}/{encode_id(text)}"), 400)
    is_result(await ada.get(f"{V31}/{address}/{encode_id('x' * 2048)}"), 404)


# ---- bodies ----


async def sent(served: Served, head: str, *parts: bytes, pause: float = 0.0) -> bytes:
    """The first line of the answer to a request whose body comes in parts."""
    url = httpx.URL(served.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"{head}\r\nHost: h\r\n".encode())
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(pause)
    line = await asyncio.wait_for(reader.readline(), 20)
    writer.close()
    return line


async def test_a_body_that_never_ends_is_408(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "PART_WITHIN_S", 0.2)
    before = await state(served)
    head = f"PUT {V31}/submodels/{S} HTTP/1.1\r\nAuthorization: Bearer {served.engineer}\r\nContent-Length: 100"
    assert (await sent(served, head, b"\r\n{")).startswith(b"HTTP/1.1 408 ")
    assert await state(served) == before


async def test_a_body_in_drops_is_408_too(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "WITHIN_S", 0.5)
    head = f"PUT {V31}/submodels/{S} HTTP/1.1\r\nAuthorization: Bearer {served.engineer}\r\nContent-Length: 100"
    assert (await sent(served, head, b"\r\n{", *[b" "] * 20, pause=0.05)).startswith(b"HTTP/1.1 408 ")


async def test_who_may_only_read_has_room_for_questions_and_no_more(served: Served) -> None:
    room = call.READER_MOST
    for token, line in ((served.viewer, b"413"), (served.engineer, b"400")):
        head = f"POST {V31}/submodels HTTP/1.1\r\nAuthorization: Bearer {token}\r\nTransfer-Encoding: chunked"
        chunk = b"%x\r\n%b\r\n" % (room // 2 + 1, b" " * (room // 2 + 1))
        assert (await sent(served, head, b"\r\n", chunk, chunk, b"0\r\n\r\n")).split()[1] == line


async def test_many_requests_of_one_caller_take_no_room_of_others(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_KEPT", 3)
    other = await served.token(Grant(role=Role.ENGINEER, subtree="other"))
    async with served.client(other) as mallory, served.client() as ada:
        handles = []
        for number in range(5):
            started = await mallory.post(f"{V31}/bulk/submodel-descriptors", json=[{"id": f"n{number}"}])
            handles.append(started.headers["location"].replace("status", "result"))
            is_result(await mallory.get(handles[-1]), 400)
        assert [(await mallory.get(one)).status_code for one in handles] == [404, 404, 400, 400, 400]
        assert (await ada.post(f"{V31}/bulk/submodel-descriptors", json=[{"id": "x"}])).status_code == 202


# ---- headers ----


@pytest.mark.parametrize(
    "headers",
    [
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-Forwarded-User": "admin", "X-Remote-User": "admin", "Remote-User": "admin"},
        {"X-Original-URL": "/api/v3.1/shells", "X-Rewrite-URL": "/api/v3.1/shells"},
        {"Forwarded": "for=127.0.0.1", "X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
        {"If-Match": "*"},
    ],
    ids=lambda one: next(iter(one)),
)
async def test_no_header_makes_more_of_a_viewer(served: Served, headers: dict[str, str]) -> None:
    before = await state(served)
    async with served.client(served.viewer, **headers) as eve:
        assert (await eve.get(f"{V31}/submodels/{T}")).json()["id"] == TWO
        is_result(await eve.delete(f"{V31}/submodels/{S}"), 403)
        is_result(await eve.patch(f"{ELEMENTS}/AllKinds.Prop/$value", json=9), 403)
    assert await state(served) == before


@pytest.mark.parametrize(
    "authorization", ["Bearer", "Bearer ls_", "Basic YTpi", "Bearer x, Bearer {}", "{}", "Digest {}"]
)
async def test_what_is_no_token_is_401(served: Served, authorization: str) -> None:
    told = {"Authorization": authorization.format(served.engineer)}
    async with httpx.AsyncClient(base_url=served.url, headers=told) as client:
        is_result(await client.get(f"{V31}/shells"), 401)


async def test_a_token_that_was_taken_back_is_401_at_once(served: Served) -> None:
    made = await served.security.tokens.create(
        PLATFORM, name="short", grants=(Grant(role=Role.VIEWER, subtree="acme"),)
    )
    async with served.client(made.secret) as client:
        assert (await client.get(f"{V31}/shells")).status_code == 200
        await served.security.tokens.revoke(PLATFORM, made.token.id)
        is_result(await client.get(f"{V31}/shells"), 401)


async def test_t82_a_token_that_has_ended_has_no_right(served: Served) -> None:
    ends_at = now() + timedelta(seconds=0.5)
    grants = (Grant(role=Role.VIEWER, subtree="acme"),)
    made = await served.security.tokens.create(PLATFORM, name="brief", grants=grants, ends_at=ends_at)
    await asyncio.sleep(0.6)
    async with served.client(made.secret) as client:
        is_result(await client.get(f"{V31}/shells"), 401)


@pytest.mark.parametrize(
    "path", [f"/api/v3.1/../v3.1/submodels/{S}", f"//api/v3.1/submodels/{S}", "/api/v3.1/%2e%2e/%2e%2e/etc/passwd",
             f"/api/v3.1/submodels/{S}/../../shells", "/api/v3.1;x/shells", "/api/v3.1%00/shells"],
)  # fmt: skip
async def test_an_address_is_taken_as_it_stands(served: Served, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nAuthorization: Bearer {served.viewer}\r\nConnection: close"
    assert (await sent(served, head, b"\r\n")).split()[1] in (b"404", b"400")
