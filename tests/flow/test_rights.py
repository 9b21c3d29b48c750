"""Who may not, does not: refused with 403, written down, and nothing is different afterwards.

Two strangers try everything over HTTP: a viewer of the plant who changes, and an administrator of another
organisation who reads and changes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from lineshaft.app.trial import Trial, platform
from lineshaft.edge.connectors.modbus.fake import ReplayServer
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import series_id
from lineshaft.security import Grant, Role

pytestmark = pytest.mark.asyncio(loop_scope="module")
TWIN = "acme/hall/press"
SERIES = f"{TWIN}/force"


@dataclass(frozen=True)
class Stage:
    """A plant with a machine, and its administrator."""

    plant: Trial
    machine: ReplayServer
    admin: httpx.AsyncClient


@dataclass(frozen=True)
class Deed:
    """Something one may try, and the action under which its refusal is written down."""

    method: str
    address: str
    action: str
    body: Any = None
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 403

    def __str__(self) -> str:
        return f"{self.method} {self.address.partition('?')[0]} {self.action}"

    async def by(self, client: httpx.AsyncClient) -> httpx.Response:
        told: dict[str, Any] = {"content": self.content} if self.content else {"json": self.body}
        if self.body is None and not self.content:
            told = {}
        return await client.request(self.method, f"/api{self.address}", headers=self.headers, **told)


def _raw(port: int = 1) -> dict[str, Any]:
    tag = {"path": "force", "address": "holding:0:float32", "every": "100ms", "writable": True}
    return {"name": "press", "path": "hall/press", "host": "127.0.0.1", "port": port, "tags": [tag]}


VIEWER, RIVAL = Grant(role=Role.VIEWER, subtree="acme"), Grant(role=Role.ADMIN, subtree="rival")
OWN = {"telemetry.import", "security.user.create", "security.audit.read"}
"""What an administrator of another organisation may do, for their own."""
DRAFT = {"path": "acme/hall/robot", "level": "asset"}
CHANGES = [
    Deed("POST", "/v1/samples", "telemetry.write", {"samples": [{"path": SERIES, "value": 1.0}]}),
    Deed("POST", "/v2/write?org=acme&bucket=hall", "telemetry.write", content=b"press force=1.0"),
    Deed("POST", "/v1/import", "telemetry.import", content=b"path,ts,value\nacme/hall/press/force,2026-01-01,1\n"),
    Deed("PUT", "/v1/connections", "edge.save", {"connector": "modbus", "raw": {**_raw(), "name": "other"}}),
    Deed("PUT", "/v1/connections", "edge.save", {"connector": "modbus", "raw": _raw()}),
    Deed("DELETE", "/v1/connections/press", "edge.remove"),
    Deed("POST", "/v1/connections/test", "edge.test", {"connector": "modbus", "raw": _raw()}),
    Deed("POST", "/v1/connections/browse", "edge.browse", {"name": "press"}),
    Deed("POST", "/v1/connections/press/versions/1/restore", "edge.read"),
    Deed("POST", "/v1/write", "edge.write", {"path": SERIES, "value": 99.0}),
    Deed("PATCH", f"/v1/twins/desired/{TWIN}", "twins.desire", {"values": {"force": 99.0}}),
    Deed("POST", "/v1/twins", "twins.create", DRAFT),
    Deed("PATCH", f"/v1/twins/nodes/{TWIN}", "twins.change", {"title": {"en": "Mine"}}, headers={"if-match": "*"}),
    Deed("DELETE", f"/v1/twins/nodes/{TWIN}", "twins.retire", headers={"if-match": "*"}),
    Deed("POST", "/v1/twins/moves", "twins.move", {"path": TWIN, "to": "acme/hall/away"}),
    Deed("PUT", "/v1/twins/types/acme/thing", "twins.type", {"name": "thing"}, headers={"if-match": "*"}),
    Deed("POST", "/v1/devices", "security.device.create", {"name": "spy", "path": "acme"}),
    Deed("POST", "/v1/users", "security.user.create", {"login": "spy", "password": "a-long-enough-1-password"}),
    Deed("GET", "/v1/audit", "security.audit.read"),
    Deed("GET", "/v1/connections/press/versions", "edge.read"),
]
READS = [
    Deed("GET", f"/v1/series/latest?path={SERIES}", "telemetry.live"),
    Deed("GET", "/v1/series/latest?subtree=acme", "telemetry.live"),
    Deed("GET", f"/v1/query?path={SERIES}", "telemetry.read"),
    Deed("GET", "/v1/query?subtree=acme/hall", "telemetry.read"),
    Deed("POST", "/v1/query", "telemetry.read", {"path": [SERIES], "aggregate": ["mean"], "every": "1m"}),
    Deed("GET", f"/v1/export?path={SERIES}", "telemetry.read"),
    Deed("GET", "/v1/export?subtree=acme", "telemetry.read"),
    Deed("GET", f"/v1/live/events?path={SERIES}", "telemetry.live"),
    Deed("GET", f"/v1/twins/nodes/{TWIN}", "twins.read"),
    Deed("GET", f"/v1/twins/state/{TWIN}", "twins.state"),
    Deed("GET", f"/v1/twins/stream/{TWIN}", "twins.read"),
    Deed("GET", f"/v1/twins/live/{SERIES}", "twins.read"),
    Deed("GET", f"/v1/twins/desired/{TWIN}", "twins.read"),
    Deed("GET", f"/v1/read/{SERIES}", "edge.read"),
    Deed("GET", f"/v1/twins/history/{TWIN}", "twins.read"),
    Deed("GET", "/v1/twins/overview?path=acme", "twins.state"),
    Deed("GET", "/v1/twins?under=acme", "twins.read"),
    Deed("GET", "/v1/twins/tree?path=acme", "twins.read"),
    Deed("GET", "/v1/twins/types/acme", "twins.read"),
    Deed("GET", "/v1/twins/unplaced?under=acme", "twins.read"),
    Deed("GET", "/v1/connections/press", "edge.read", status=404),
    Deed("GET", "/v1/connections/press/versions", "edge.read"),
]
NOTHING = [
    "/v1/series",
    "/v1/series?search=press",
    "/v1/series?pattern=acme/**",
    "/v1/series?subtree=acme",
    "/v1/connections",
    "/v1/twins",
    "/v1/twins?words=press",
    "/v1/twins/tree",
    "/v1/twins/briefs",
    "/v1/twins/unplaced",
    "/v1/jobs",
    "/v1/devices",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(until: Any) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        machine = await stack.enter_async_context(ReplayServer(["force"]))
        await machine.set({"force": 80.5})
        plant = await stack.enter_async_context(platform({"twins": {"auto_adopt": True}}))
        made = Stage(plant, machine, await stack.enter_async_context(plant.client()))
        saved = await made.admin.put("/api/v1/connections", json={"connector": "modbus", "raw": _raw(machine.port)})
        assert saved.status_code == 200, saved.text

        async def living() -> bool:
            state = await made.admin.get(f"/api/v1/twins/state/{TWIN}")
            return state.status_code == 200 and state.json()["values"][0]["value"] == 80.5

        await until(living, within_s=20)
        yield made


@asynccontextmanager
async def _refused(stage: Stage, grant: Grant, action: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """Somebody new with one grant; what they try changes nothing and is one refusal in the audit log."""
    name = f"somebody-{new_id()[-12:]}"
    token = await stage.plant.token_of(grant, name=name)
    before = await _everything(stage)
    async with stage.plant.client(token) as client:
        yield client
    assert await _everything(stage) == before
    rows = (await stage.admin.get("/api/v1/audit", params={"actor": name, "limit": 1000})).json()["items"]
    assert rows, "that they tried is not in the audit log"
    assert {row["outcome"] for row in rows} == {"denied"}
    assert not action or {row["action"] for row in rows} == {action}


async def _everything(stage: Stage) -> dict[str, Any]:
    """All that somebody could have changed, as the administrator sees it, and the machine itself."""
    lists = ("connections", "twins", "devices", "users", "series", "jobs", "tokens", "twins/types/acme")
    found: dict[str, Any] = {}
    for name in lists:
        answer = (await stage.admin.get(f"/api/v1/{name}", params={"limit": 1000})).json()
        found[name] = answer["items"] if isinstance(answer, dict) else answer
    found["connections"] = [c["connection"] for c in found["connections"]]
    found["tokens"] = [(t["id"], t["grants"]) for t in found["tokens"]]
    rows = await stage.plant.ask(
        "SELECT series, any(number) AS one, uniqExact(number) AS n FROM samples GROUP BY series"
    )
    return {**found, "samples": rows, "register": stage.machine.shown("force")}


@pytest.mark.parametrize("deed", CHANGES, ids=str)
async def test_a_viewer_changes_nothing(deed: Deed, stage: Stage) -> None:
    async with _refused(stage, VIEWER, deed.action) as viewer:
        answer = await deed.by(viewer)
        assert answer.status_code == 403, answer.text


@pytest.mark.parametrize("deed", [deed for deed in CHANGES if deed.action not in OWN], ids=str)
async def test_another_organisations_administrator_changes_nothing(deed: Deed, stage: Stage) -> None:
    async with _refused(stage, RIVAL) as rival:
        answer = await deed.by(rival)
        assert answer.status_code in (403, 404), answer.text
        assert "80.5" not in answer.text


@pytest.mark.parametrize("deed", READS, ids=str)
async def test_another_organisations_administrator_reads_nothing(deed: Deed, stage: Stage) -> None:
    async with _refused(stage, RIVAL, deed.action) as rival:
        answer = await deed.by(rival)
        assert answer.status_code == deed.status, answer.text
        assert "80.5" not in answer.text


async def test_an_import_of_another_organisation_writes_nothing(stage: Stage, until: Any) -> None:
    rows = f"path,ts,value\n{SERIES},2026-01-01T00:00:00Z,1.0\nrival/a,2026-01-01T00:00:00Z,2.0\n"
    async with stage.plant.client(await stage.plant.token_of(RIVAL, name="importer")) as rival:
        job = (await rival.post("/api/v1/import", content=rows.encode())).json()

        async def ended() -> dict[str, Any] | None:
            told = dict((await rival.get(f"/api/v1/jobs/{job['id']}")).json())
            return told if told["state"] not in ("waiting", "running") else None

        told = await until(ended, within_s=15)
    assert told["state"] == "failed", told
    kept = await stage.plant.ask(f"SELECT number FROM samples WHERE series = {series_id(SERIES)} AND number = 1.0")
    assert kept == []


@pytest.mark.parametrize("address", NOTHING)
async def test_searches_of_another_organisation_find_nothing(address: str, stage: Stage) -> None:
    async with stage.plant.client(await stage.plant.token_of(RIVAL, name="searcher")) as rival:
        answer = await rival.get(f"/api{address}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"] == []


async def test_the_audit_log_of_another_organisation_stays_closed(stage: Stage) -> None:
    async with stage.plant.client(await stage.plant.token_of(RIVAL, name="auditor")) as rival:
        rows = (await rival.get("/api/v1/audit", params={"limit": 1000})).json()["items"]
    assert [row for row in rows if "acme" in row["subject"] or "press" in row["subject"]] == []


async def test_a_socket_of_another_organisation_hears_nothing(stage: Stage) -> None:
    address = stage.plant.address.replace("http", "ws", 1) + "/api/v1/live"
    async with _refused(stage, RIVAL, "telemetry.live") as rival:
        headers = {"authorization": rival.headers["authorization"]}
        async with connect(address, additional_headers=headers) as socket:
            await socket.send(json.dumps({"type": "subscribe", "id": "named", "paths": [SERIES]}))
            await socket.send(json.dumps({"type": "subscribe", "id": "tree", "subtree": "acme"}))
            told = [json.loads(await socket.recv()) for _ in range(4)]
            assert {(m["type"], m["id"]) for m in told} == {
                ("subscribed", "named"),
                ("subscribed", "tree"),
                ("error", "named"),
                ("error", "tree"),
            }
            assert {m["code"] for m in told if m["type"] == "error"} == {"security.not_allowed"}
            await socket.send(json.dumps({"type": "subscribe", "id": "all", "pattern": "**"}))
            await stage.machine.set({"force": 81.5})
            await stage.machine.set({"force": 80.5})
            await asyncio.sleep(0.5)
            await socket.send(json.dumps({"type": "ping"}))
            told = [json.loads(await socket.recv()) for _ in range(2)]
            assert [m["type"] for m in told] == ["subscribed", "pong"], "no value in between"


async def test_without_a_token_nothing_is_told(stage: Stage) -> None:
    async with httpx.AsyncClient(base_url=stage.plant.address) as nobody:
        for deed in [*CHANGES, *READS]:
            answer = await deed.by(nobody)
            assert answer.status_code == 401, f"{deed}: {answer.text}"
        for address in NOTHING:
            assert (await nobody.get(f"/api{address}")).status_code == 401
        assert (await nobody.get("/metrics")).status_code == 401
        assert set((await nobody.get("/healthz")).json()) == {"ok", "bus", "historian", "why"}


async def test_a_viewer_may_look(stage: Stage) -> None:
    async with stage.plant.client(await stage.plant.token_of(VIEWER, name="viewer")) as viewer:
        for deed in READS[:-1]:
            if "stream" in deed.address or "events" in deed.address:
                continue
            answer = await deed.by(viewer)
            assert answer.status_code == 200, f"{deed}: {answer.text}"
        [latest] = (await viewer.get("/api/v1/series/latest", params={"path": SERIES})).json()
    assert latest["value"] == 80.5
