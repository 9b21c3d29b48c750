"""From a change on the machine to the value on the WebSocket, at a tenth of full load.

A Modbus device with 10,000 registers in motion loads the platform (5,000 values/s); one more device has a
register that this program sets. It is polled every 50 ms. The clock runs from the moment the register
changes to the moment the WebSocket brings the new value.

    python bench/latency.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time

import numpy as np
import websockets

from lineshaft.app.trial import platform
from lineshaft.edge.connectors.modbus.fake import ReplayServer
from report import figure, table

LOAD_VALUES = 5_000


async def load_device() -> tuple[asyncio.subprocess.Process, int]:
    """A device in a process of its own with registers that move all the time."""
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "lineshaft.edge.connectors.modbus.fake",
            "--flat",
            "1",
            "--registers",
            str(2 * LOAD_VALUES),
        ),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    told = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    return process, told["ports"][0]


def plant(load_port: int, probe_port: int) -> dict[str, object]:
    """Both devices as connections."""
    load = [{"path": f"v{n}", "address": f"holding:{2 * n}:float32", "every": "1s"} for n in range(LOAD_VALUES)]
    probe = [{"path": "value", "address": "holding:0:float32", "every": "50ms"}]
    common = {"host": "127.0.0.1", "mode": "tcp"}
    return {
        "edge": {
            "batch_ms": 50,
            "modbus": [
                {"name": "load", "path": "load", "port": load_port, "tags": load, **common},
                {"name": "probe", "path": "probe", "port": probe_port, "tags": probe, **common},
            ],
        }
    }


async def measure(address: str, token: str, device: ReplayServer, changes: int) -> list[float]:
    """Milliseconds of every change."""
    path = "acme/probe/value"
    found: list[float] = []
    url = address.replace("http", "ws") + "/api/v1/live"
    async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        await socket.send(json.dumps({"type": "subscribe", "id": "probe", "paths": [path]}))
        for number in range(1, changes + 1):
            await asyncio.sleep(float(np.random.default_rng(number).uniform(0.1, 0.3)))
            began = time.perf_counter()
            await device.set({"value": float(number)})
            async with asyncio.timeout(10):
                while not _brought(json.loads(await socket.recv()), path, number):
                    pass
            found.append((time.perf_counter() - began) * 1000)
    return found


def _brought(message: dict[str, object], path: str, number: int) -> bool:
    values = message.get("values", [])
    assert isinstance(values, list)
    return any(v.get("path") == path and v.get("value") == number for v in values)


async def main(changes: int) -> None:
    process, load_port = await load_device()
    try:
        async with ReplayServer(["value"]) as device, platform(plant(load_port, device.port)) as rig:
            await asyncio.sleep(5)
            found = await measure(rig.address, rig.token, device, changes)
    finally:
        process.terminate()
        await process.wait()
    names = ("median", "p95", "p99", "max")
    numbers = [float(np.percentile(found, q)) for q in (50, 95, 99, 100)]
    rows = [(n, v) for n, v in zip(names, numbers, strict=True)]
    method = f"{changes} changes of a register polled every 50 ms, beside {LOAD_VALUES:,} values/s of Modbus load"
    table("PLC change to value on the WebSocket", ("percentile", "ms"), rows, method=method)
    figure("p99_ms", numbers[2], "ms")


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true")
    asyncio.run(main(60 if words.parse_args().quick else 500))
