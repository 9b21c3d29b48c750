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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import psutil
import tomlkit

from lineshaft.kernel.clock import now
from lineshaft.kernel.processes import living_pid
from lineshaft.security import Grant, Role

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

    async def device(self, name: str, *topics: str) -> tuple[str, str]:
        """MQTT credentials for a device."""
        async with local(load_config(self.file)) as here:
            made = await here.security.devices.create(here.who, name=name, path="acme", publish=topics)
        return made.device.name, made.password

    async def ready(self, within_s: float = 40) -> None:
        """Wait until the platform answers."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s
        async with httpx.AsyncClient(timeout=2) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError, OSError):
                    if (await client.get(f"{self.address}/healthz")).status_code == 200:
                        return
                if loop.time() > end:
                    raise TimeoutError("the platform did not get ready; see " + str(self.data / "logs"))
                await asyncio.sleep(0.1)


@asynccontextmanager
async def platform(plant: dict[str, object] | None = None, *, folder: Path | None = None) -> AsyncIterator[Trial]:
    """Start `lineshaft run` on free ports; everything is stopped and removed afterwards."""
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
        async with local(load_config(trial.file)) as here:
            grants = (Grant(role=Role.ADMIN),)
            made = await here.security.tokens.create(
                here.who, name="bench", grants=grants, ends_at=now() + timedelta(days=1)
            )
            trial.token = made.secret
        keeper = subprocess.Popen(
            [sys.executable, "-m", "lineshaft.cli", "run", "--config", str(trial.file)],
            stdout=subprocess.DEVNULL,
            stderr=(root / "run.log").open("ab"),
        )
        try:
            await trial.ready()
            trial.ports = json.loads((trial.data / "bus" / "ports.json").read_text())
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
