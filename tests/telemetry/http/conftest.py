"""Telemetry as it is served: real bus, real store, real sockets, and tokens for several people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from lineshaft.kernel import http
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.db import Database
from lineshaft.kernel.tasks import Crew
from lineshaft.security import PLATFORM, AuditEntry, AuditFilter, Grant, Outcome, Role, Security
from lineshaft.security import api as security_web
from lineshaft.telemetry import Historian, Live, TelemetrySettings
from lineshaft.telemetry.api import router
from lineshaft.telemetry.service import Imports, Intake
from lineshaft.telemetry.store import Catalogue
from lineshaft.telemetry.worker import Owner

SETTINGS = TelemetrySettings(flush_s=0.05, write_most_mb=1, import_most_mb=2)


@dataclass
class Served:
    """A served telemetry: its address, its people's tokens, and what tests look at behind it."""

    url: str
    engineer: str
    viewer: str
    stranger: str
    security: Security
    bus: Bus
    live: Live
    owner: Owner

    def client(self, token: str = "") -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token or self.engineer}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=10)

    async def stored(self, count: int) -> None:
        """Wait until so many samples can be queried."""
        async with asyncio.timeout(20):
            while self.owner.health().stored_samples < count:
                await asyncio.sleep(0.01)

    async def denied(self) -> list[AuditEntry]:
        return await self.security.guard.entries(PLATFORM, AuditFilter(outcome=Outcome.DENIED))

    async def messages(self) -> int:
        """How many messages were ever on the stream of samples."""
        return int((await self.bus.stream_state("SAMPLES"))["last_seq"])


@pytest.fixture
async def served(tmp_path: Path, bus: Bus, db: Database) -> AsyncIterator[Served]:
    await db.open(["lineshaft.security", "lineshaft.telemetry"])
    security = Security.over(db)
    settings = BusSettings(max_stream_gb=1, min_free_disk_gb=0)
    owner = await Owner.open(SETTINGS, bus=bus, db=db, bus_settings=settings, data=tmp_path)
    historian = Historian(owner.store, Catalogue(db), security.guard)
    live, intake = Live(bus, security.guard, recent=historian.recent), Intake(bus, security.guard)
    imports = Imports(db, security.guard, intake, folder=tmp_path / "imports", most_mb=SETTINGS.import_most_mb)
    app = FastAPI()
    http.install(app)
    security_web.install(app, security)
    app.include_router(
        router(
            historian=historian,
            live_values=live,
            intake=intake,
            imports=imports,
            settings=SETTINGS,
            organisation="acme",
            timezone="Europe/Berlin",
            identify=security_web.identifier(security),
            trouble=lambda: owner.health().error,
        )
    )
    async with Crew() as crew:
        for name, work in [*owner.workers(), ("live", live.run), ("imports", imports.run)]:
            crew.keep(name, work)
        async with asyncio.timeout(20):
            await live.listening.wait()
        server = uvicorn.Server(
            uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        )
        crew.start("web", server.serve())
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(
            url=f"http://127.0.0.1:{port}",
            engineer=await token(security, Role.ENGINEER, "acme"),
            viewer=await token(security, Role.VIEWER, "acme"),
            stranger=await token(security, Role.ENGINEER, "other"),
            security=security,
            bus=bus,
            live=live,
            owner=owner,
        )
        server.should_exit = True
        async with asyncio.timeout(20):
            while server.started and server.servers and server.servers[0].is_serving():
                await asyncio.sleep(0.01)
    await owner.close()


async def token(security: Security, role: Role, subtree: str) -> str:
    made = await security.tokens.create(
        PLATFORM, name=f"{role.name} of {subtree}", grants=[Grant(role=role, subtree=subtree)]
    )
    return made.secret


@pytest.fixture
def write(served: Served) -> Callable[..., Awaitable[None]]:
    """Write (path, value, ts) rows and wait until they can be queried."""
    count = 0

    async def put(*rows: tuple[str, object, str]) -> None:
        nonlocal count
        body = {"samples": [{"path": path, "value": value, "ts": ts} for path, value, ts in rows]}
        async with served.client() as client:
            answer = await client.post("/api/v1/samples", json=body)
        assert answer.json() == {"written": len(rows)}, answer.text
        count += len(rows)
        await served.stored(count)

    return put
