"""A full disk: ingestion stops and says why, machines keep what they have, and all goes on by itself with room.

The data folder lies on a small file system of its own, which is filled to the level a test needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from lineshaft.app.trial import Trial, platform
from lineshaft.edge.connectors.modbus.fake import ReplayServer
from lineshaft.edge.connectors.mqtt.fake import Publisher
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import series_id

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
MIN_FREE_GB = 0.2


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """A file system of half a gigabyte."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(folder: Path, *, leave: int) -> Path:
    """Fill the disk; others write to it at the same time, so the last bytes are taken one page at a time."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        most = shutil.disk_usage(folder).free - max(leave, 2_000_000)
        os.posix_fallocate(file.fileno(), 0, most)
        file.seek(most)
        with contextlib.suppress(OSError):
            while leave == 0:
                file.write(bytes(4096))
    return filler


@dataclass
class Sender:
    """Numbers sent, those acknowledged, and how often one was not."""

    path: str
    acknowledged: list[int] = field(default_factory=list)
    refused: int = 0


class Senders:
    """A device over MQTT, a program over HTTP and a machine that is polled; each counts."""

    def __init__(self, plant: Trial, login: tuple[str, str], machine: ReplayServer) -> None:
        self._plant = plant
        self._login = login
        self._machine = machine
        self._enough = asyncio.Event()
        self.mqtt = Sender("acme/device/count/n")
        self.http = Sender("acme/program/n")
        self.polled = Sender("acme/machine/n")
        self.answer: httpx.Response | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish())
            group.create_task(self._post())
            group.create_task(self._turn())

    def stop(self) -> None:
        self._enough.set()

    async def _publish(self) -> None:
        device = Publisher(
            f"mqtt://127.0.0.1:{self._plant.ports['mqtt']}", user=self._login[0], password=self._login[1]
        )
        number, document = 0, {"n": 0, "timestamp": now_us() // 1000}
        while not self._enough.is_set():
            try:
                await device.say("count", document)
            except Unavailable:
                self.mqtt.refused += 1
                await asyncio.sleep(0.3)
                continue
            self.mqtt.acknowledged.append(number)
            number, document = number + 1, {"n": number + 1, "timestamp": now_us() // 1000}
            await asyncio.sleep(0.01)
        await device.close()

    async def _post(self) -> None:
        number = 0
        async with self._plant.client() as client:
            while not self._enough.is_set():
                sample = {"path": self.http.path, "value": number}
                self.answer = await client.post("/api/v1/samples", json={"samples": [sample]})
                if self.answer.status_code == 200:
                    self.http.acknowledged.append(number)
                    number += 1
                else:
                    self.http.refused += 1
                await asyncio.sleep(0.05)

    async def _turn(self) -> None:
        number = 0
        while not self._enough.is_set():
            await self._machine.set({"n": number})
            self.polled.acknowledged.append(number)
            number += 1
            await asyncio.sleep(0.5)


@asynccontextmanager
async def _counting(folder: Path) -> AsyncIterator[tuple[Trial, Senders]]:
    async with ReplayServer(["n"]) as machine:
        tag = {"path": "n", "address": machine.addresses["n"], "every": "100ms"}
        polled = {"name": "machine", "path": "machine", "host": "127.0.0.1", "port": machine.port, "tags": [tag]}
        device = {"name": "device", "path": "device", "broker": "builtin", "subscriptions": ["count"]}
        plant: dict[str, object] = {
            "bus": {"min_free_disk_gb": MIN_FREE_GB},
            "edge": {"modbus": [polled], "mqtt": [device]},
        }
        async with platform(plant, folder=folder) as trial:
            senders = Senders(trial, await trial.device("counter", "count"), machine)
            task = asyncio.create_task(senders.run())
            try:
                yield trial, senders
            finally:
                senders.stop()
                await asyncio.wait_for(task, 30)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("leave", [100_000_000, 0], ids=["too-little-left", "no-byte-left"])
async def test_a_full_disk_stops_ingestion_with_a_reason_and_nothing_is_lost(
    leave: int, tmp_path: Path, until: Callable[..., Any]
) -> None:
    with _disk(tmp_path / "disk") as folder:
        async with _counting(folder) as (plant, senders), plant.client() as client:
            await until(lambda: len(senders.mqtt.acknowledged) > 50 and len(senders.http.acknowledged) > 20)
            assert (await client.get("/healthz")).status_code == 200

            filler = _fill(folder, leave=leave)
            health = await until(lambda: _stopped(client))
            assert str(folder) in health["why"]
            assert f"bus.min_free_disk_gb asks for {MIN_FREE_GB:.2f}" in health["why"]
            mqtt, http = senders.mqtt.refused, senders.http.refused
            await until(lambda: senders.mqtt.refused > mqtt and senders.http.refused > http, within_s=20)
            assert senders.answer is not None
            assert senders.answer.status_code == 503
            assert senders.answer.json()["hint"] != ""
            taken = len(senders.mqtt.acknowledged)
            await asyncio.sleep(2)
            more = len(senders.mqtt.acknowledged) - taken
            assert more < 20, "no device is told that its message is safe, but for what others made room"

            filler.unlink()
            await until(lambda: _runs(client), within_s=20)
            mqtt, http = len(senders.mqtt.acknowledged), len(senders.http.acknowledged)
            await until(
                lambda: len(senders.mqtt.acknowledged) > mqtt + 20 and len(senders.http.acknowledged) > http + 10,
                within_s=30,
            )
            await asyncio.sleep(1)
            senders.stop()
            for sender in (senders.mqtt, senders.http, senders.polled):
                await until(lambda sender=sender: _complete(plant, sender), within_s=20)
            told = (plant.data / "logs" / "lineshaft.log").read_text().splitlines()
            waits = sum("samples wait on the bus" in line and '"event"' in line for line in told)
            assert waits in (1, 2), "once, and once more by a recorder that had to begin anew meanwhile"
            assert sum("samples are stored again" in line for line in told) == 1


async def _stopped(client: httpx.AsyncClient) -> dict[str, Any] | None:
    answer = await client.get("/healthz")
    health = dict(answer.json())
    return health if answer.status_code == 503 and "min_free" in health["why"] else None


async def _runs(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/healthz")
    return answer.status_code == 200 and answer.json() == {"ok": True, "bus": True, "historian": True, "why": ""}


async def _complete(plant: Trial, sender: Sender) -> bool:
    sql = f"SELECT number FROM samples FINAL WHERE series = {series_id(sender.path)} AND quality = 0"
    numbers = [int(row["number"]) for row in await plant.ask(sql)]
    polled = "machine" in sender.path
    missing = set(sender.acknowledged) - set(numbers)
    assert not missing, f"{sender.path} lacks {sorted(missing)[:5]} of {len(sender.acknowledged)}"
    assert polled or len(numbers) == len(set(numbers)), f"{sender.path} holds numbers twice"
    return True
