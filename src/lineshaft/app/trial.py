"""A whole platform in a temporary folder, started the way users start it, for flow tests and benches."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import tomlkit

from lineshaft.kernel.bus import Bus, Embedded
from lineshaft.kernel.clock import now
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.processes import living_pid
from lineshaft.security import Grant, Role
from lineshaft.telemetry.store import RemoteStore

from .assembly import load_config
from .local import local


class Trial:
    """A running platform: its address, an administrator's token, its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.file = folder / "plant.toml"
        self.token = ""
        self.ports: dict[str, int] = {}

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def address(self) -> str:
        return (self.run / "address.txt").read_text().strip()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def pid(self, name: str) -> int | None:
        """The process called keeper, worker, nats-hub or nats-front."""
        return living_pid(self.run, name)

    def processes(self) -> list[psutil.Process]:
        """Every living process of the platform."""
        pids = [living_pid(self.run, file.stem) for file in self.run.glob("*.pid")]
        return [psutil.Process(pid) for pid in pids if pid is not None]

    def client(self, token: str = "") -> httpx.AsyncClient:
        """An HTTP client of the platform, signed in with a token (the administrator's without one)."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.AsyncClient(base_url=self.address, headers=headers, timeout=20)

    async def token_of(self, *grants: Grant, name: str = "trial") -> str:
        """The text of a new token with these rights."""
        async with local(load_config(self.file)) as here:
            made = await here.security.tokens.create(
                here.who, name=name, grants=grants, ends_at=now() + timedelta(days=1)
            )
        return made.secret

    async def device(self, name: str, *topics: str, subscribe: Sequence[str] = ()) -> tuple[str, str]:
        """MQTT credentials for a device, which the front lets in at once: user, password."""
        body = {"name": name, "path": "acme", "publish": topics, "subscribe": subscribe}
        async with self.client() as client:
            made = (await client.post("/api/v1/devices", json=body)).raise_for_status().json()
        return made["name"], made["password"]

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[Bus]:
        """A connection of our own to the hub."""
        embedded = Embedded(load_config(self.file).get(BusSettings), self.data)
        login = embedded.credentials
        bus = await Bus.connect(embedded.hub_url, user=login.user, password=login.password)
        try:
            yield bus
        finally:
            await bus.close()

    async def ask(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the running store, asked over the bus."""
        async with self.bus() as bus:
            rows: list[dict[str, Any]] = (await RemoteStore(bus, within_s=20).ask(sql)).to_pylist()
            return rows

    async def ready(self, within_s: float = 120, *, ended: Callable[[], object] = lambda: None) -> None:
        """Wait until the platform answers; no longer once `ended` says how its first process ended.

        The bound is for a machine that has much else to do; a platform that cannot start ends by itself.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        async with httpx.AsyncClient(timeout=2) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError, OSError):
                    if (await client.get(f"{self.address}/healthz")).status_code == 200:
                        return
                if (code := ended()) is not None or loop.time() > end:
                    raise TimeoutError(f"the platform did not get ready (exit {code}); see {self.folder}")
                await asyncio.sleep(0.1)


@asynccontextmanager
async def platform(
    plant: dict[str, object] | None = None, *, roles: Sequence[str] = (), folder: Path | None = None
) -> AsyncIterator[Trial]:
    """Start `lineshaft run` (with some roles, or all) on free ports; everything is stopped and removed afterwards."""
    with contextlib.ExitStack() as stack:
        root = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineshaft-")))
        trial = Trial(root)
        trial.data.mkdir(parents=True, exist_ok=True)
        free = dict.fromkeys(("port", "front_port", "websocket_port", "monitoring_port", "mqtt_port"), 0)
        more = dict(plant or {})
        document = {
            "plant": {"name": "Bench", "organisation": "acme", "data": str(trial.data), **more.pop("plant", {})},  # type: ignore[dict-item]
            "http": {"port": 0},
            "bus": {**free, **more.pop("bus", {})},  # type: ignore[dict-item]
            **more,
        }
        trial.file.write_text(tomlkit.dumps(document))
        trial.token = await trial.token_of(Grant(role=Role.ADMIN), name="bench")
        with (root / "run.log").open("ab") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-m", "lineshaft.cli", "run", *roles, "--config", str(trial.file)],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            await trial.ready(ended=keeper.poll)
            ports = trial.data / "bus" / "ports.json"
            trial.ports = json.loads(ports.read_text()) if ports.exists() else {}
            yield trial
        finally:
            _stop(keeper, trial)


def _stop(started: subprocess.Popen[bytes], trial: Trial) -> None:
    pid = trial.pid("keeper")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid or started.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(trial.processes(), timeout=15)
    for process in alive:
        process.kill()
    started.wait(timeout=10)
