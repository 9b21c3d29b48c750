"""A body that is too large is ended before it is read, by what it says of itself and by what comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response, UploadFile

from lineshaft.kernel import http

LARGER = {"/api/v1/import": None, "/api/v1/files": 1}


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(http.BodyLimit, "most", 100_000)
    app = FastAPI()
    http.install(app)

    @app.post("/api/v1/things")
    async def things(body: dict[str, Any]) -> int:
        return len(body["text"])

    @app.post("/api/v1/files")
    async def files(file: UploadFile) -> int:
        return len(await file.read())

    @app.post("/api/v1/import")
    async def take(request: Request) -> int:
        return sum([len(piece) async for piece in request.stream()])

    app.add_middleware(http.BodyLimit, prefix="/api/v1/", larger=LARGER)

    @app.middleware("http")
    async def sign_in(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.who = request.headers.get("x-who")
        return await call_next(request)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers={"x-who": "ada"}) as client:
        yield client


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 10_000):
        yield content[at : at + 10_000]


def told(size: int) -> bytes:
    return b'{"text": "' + b"x" * (size - 12) + b'"}'


async def test_a_body_of_the_most_is_taken_and_one_byte_more_is_not_however_it_comes(client: httpx.AsyncClient) -> None:
    for kind in ("application/json", "multipart/form-data"):
        headers = {"content-type": kind}
        for body in (told(100_001), in_pieces(told(100_001))):
            answer = await client.post("/api/v1/things", content=body, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (413, "The body has more than 100000 bytes.")
    taken = await client.post(
        "/api/v1/things", content=in_pieces(told(100_000)), headers={"content-type": "application/json"}
    )
    assert (taken.status_code, taken.json()) == (200, 99_988)


async def test_who_is_nobody_may_send_little(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    client.headers.pop("x-who")
    assert (await client.post("/api/v1/things", content=told(65_536), headers=headers)).status_code == 200
    assert (await client.post("/api/v1/things", content=told(65_537), headers=headers)).status_code == 413


async def test_addresses_of_files_and_imports_take_more(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/v1/files", files={"file": b"x" * (1 << 20)})).json() == 1 << 20
    assert (await client.post("/api/v1/files", files={"file": b"x" * (2 << 20)})).status_code == 413
    assert (await client.post("/api/v1/import", content=b"x" * 300_000)).json() == 300_000
