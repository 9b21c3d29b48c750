"""The AAS API as it is served: real catalogue, real gate, a real socket, and tokens for several people."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Grant, Role, Security
from lineshaft.security.api import Gate
from lineshaft.twins.api.aas import Services, application, refusal
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service import Bulk, Operations, Repository

HERE = Path(__file__).parent
ENVIRONMENT: dict[str, Any] = json.loads((HERE / "environment.json").read_text())
AAS, SM, TWO = (f"https://example.com/{name}" for name in ("aas/1", "sm/all", "sm/two"))
A, S, T = (encode_id(text) for text in (AAS, SM, TWO))
V30, V31 = "/api/v3.0", "/api/v3.1"


@dataclass
class Served:
    """A served API: its address, tokens of its people, and what tests look at behind it."""

    url: str
    engineer: str
    viewer: str
    security: Security
    repository: Repository
    operations: Operations

    def client(self, token: str = "", **headers: str) -> httpx.AsyncClient:
        told = {"Authorization": f"Bearer {token or self.engineer}", **headers}
        return httpx.AsyncClient(base_url=self.url, headers=told, timeout=30)

    async def token(self, *grants: Grant) -> str:
        return (await self.security.tokens.create(PLATFORM, name="trial", grants=grants)).secret


async def fill(repository: Repository) -> None:
    """Put the environment of all 14 kinds into a repository."""
    for kind, group in (
        (Kind.SHELL, "assetAdministrationShells"),
        (Kind.SUBMODEL, "submodels"),
        (Kind.CONCEPT, "conceptDescriptions"),
    ):
        for document in ENVIRONMENT[group]:
            await repository.create(PLATFORM, kind, document)


@contextlib.asynccontextmanager
async def served_at(app: Any) -> AsyncIterator[str]:
    """Serve an application on a free port of the loopback."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.fixture
async def served(db: Database) -> AsyncIterator[Served]:
    await db.open(["lineshaft.security", "lineshaft.twins"])
    security = Security.over(db)
    repository = Repository(db, security.guard, "acme")
    operations = Operations(repository, security.guard)
    await fill(repository)
    bulk = Bulk(repository)
    services = Services(repository=repository, operations=operations, bulk=bulk)
    app = Gate(application(services), security, refuse=refusal)
    async with served_at(app) as url:
        here = Served(url, "", "", security, repository, operations)
        here.engineer = await here.token(Grant(role=Role.ENGINEER, subtree="acme"))
        here.viewer = await here.token(Grant(role=Role.VIEWER, subtree="acme"))
        yield here
    await bulk.close()
    await operations.close()


@pytest.fixture
async def ada(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """An engineer's client."""
    async with served.client() as client:
        yield client


@pytest.fixture
async def eve(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """A viewer's client."""
    async with served.client(served.viewer) as client:
        yield client
