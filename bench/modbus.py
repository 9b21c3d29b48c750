"""How many Modbus TCP values one edge process reads: flat out, and at a steady 100,000 values/s.

Ten devices in a process of their own, each with 10,000 contiguous float32 holding registers that
move all the time. The connector's own plan and read run here; every value is decoded, scaled into
columns and checked. Peers on the same devices: pymodbus alone with full requests and one conversion
per tag, and pymodbus with one request per tag, as several gateways still do it.

    python bench/modbus.py [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import uvloop
from pymodbus.client import AsyncModbusTcpClient
from rich.console import Console
from rich.table import Table

from lineshaft.edge.connectors import Readings, Tag
from lineshaft.edge.connectors.modbus import CONNECTOR, ModbusConnector
from lineshaft.kernel.terms import PlantPath

DEVICES, REGISTERS, GROUPS = 10, 20_000, 10
VALUES = REGISTERS // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    method: str
    values_per_s: float
    cpu_percent: float
    requests_per_s: float | None = None
    late: str = ""
    note: str = ""


@asynccontextmanager
async def devices() -> AsyncIterator[list[int]]:
    """The fake devices in their own process; yields their ports."""
    module = "lineshaft.edge.connectors.modbus.fake"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, "--flat", str(DEVICES), "--registers", str(REGISTERS)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        yield json.loads(line)["ports"]
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)


async def connector(number: int, port: int) -> ModbusConnector:
    """A connected connector with one tag for every float32 of a device."""
    root = PlantPath(f"bench/device-{number}")
    tags = [
        Tag(path=root.child(f"v{place}"), address=f"holding:{place * 2}:float32", every=timedelta(seconds=1))
        for place in range(VALUES)
    ]
    one = CONNECTOR(CONNECTOR.Settings(host="127.0.0.1", port=port), tags, root=root)
    await one.connect()
    return one


def check(readings: Readings) -> int:
    """Count the values, after making sure that each is what its register must hold."""
    turn = readings.number - readings.index / 8
    assert not readings.quality.any(), "a value is not good"
    assert (turn == np.floor(turn)).all(), "a value was decoded wrongly"
    assert ((turn >= 0) & (turn < 1024)).all(), "a value was decoded wrongly"
    return len(readings)


async def measured(method: str, seconds: float, work: Callable[[float], Awaitable[int]]) -> tuple[Result, float]:
    """Run `work` until a deadline; it returns how many values it read."""
    began, used = time.perf_counter(), time.process_time()
    values = await work(time.monotonic() + seconds)
    took, cpu = time.perf_counter() - began, time.process_time() - used
    return Result(method=method, values_per_s=values / took, cpu_percent=100 * cpu / took), took


async def flat_out(connectors: list[ModbusConnector], seconds: float) -> Result:
    plans = [c.plan(c.tags) for c in connectors]

    async def poll(one: ModbusConnector, plan: object, until: float) -> int:
        values = 0
        while time.monotonic() < until:
            values += check(await one.read(plan))
        return values

    async def work(until: float) -> int:
        return sum(await asyncio.gather(*(poll(c, p, until) for c, p in zip(connectors, plans, strict=True))))

    result, _ = await measured("Lineshaft, flat out", seconds, work)
    requests = sum(len(p.layout.blocks) for p in plans) / (DEVICES * VALUES) * result.values_per_s
    return Result(
        method=result.method,
        values_per_s=result.values_per_s,
        cpu_percent=result.cpu_percent,
        requests_per_s=requests,
    )


async def paced(connectors: list[ModbusConnector], seconds: float) -> Result:
    """100 groups of 1,000 values, each once a second, started evenly over the second; 100 writes in between."""
    size = VALUES // GROUPS
    late = cycles = 0
    latencies: list[float] = []

    plans = [[one.plan(one.tags[g * size : (g + 1) * size]) for g in range(GROUPS)] for one in connectors]

    async def poll(one: ModbusConnector, plan: object, start: float, until: float) -> int:
        nonlocal late, cycles
        values, due = 0, start
        while due < until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            values += check(await one.read(plan))
            cycles += 1
            late += began - due > 0.1 or time.monotonic() - due > 1.0
            due += 1.0
        return values

    async def write(until: float) -> None:
        pause = max(0.01, (until - time.monotonic()) / 110)
        for number in range(100):
            one = connectors[number % DEVICES]
            value = 7 + (VALUES - 1) / 8
            began = time.perf_counter()
            await one.write(one.tags[-1], value)
            latencies.append(time.perf_counter() - began)
            await asyncio.sleep(pause)

    async def work(until: float) -> int:
        start = time.monotonic() + 0.2
        polls = (
            poll(one, plans[number][group], start + (number * GROUPS + group) / (DEVICES * GROUPS), until)
            for number, one in enumerate(connectors)
            for group in range(GROUPS)
        )
        *values, _ = await asyncio.gather(*polls, write(until))
        return sum(v for v in values if v)

    result, _ = await measured("Lineshaft, 100 groups × 1,000 values every second", seconds, work)
    p95 = 1000 * float(np.percentile(latencies, 95))
    return Result(
        method=result.method,
        values_per_s=result.values_per_s,
        cpu_percent=result.cpu_percent,
        late=f"{late} of {cycles}",
        note=f"100 writes meanwhile: p95 {p95:.1f} ms",
    )


async def bare(ports: list[int], seconds: float, *, per_request: int, method: str) -> Result:
    """pymodbus without Lineshaft: sequential requests on each device, one conversion per value."""

    async def poll(port: int, until: float) -> int:
        values, start = 0, 0
        async with AsyncModbusTcpClient("127.0.0.1", port=port) as client:
            while time.monotonic() < until:
                answer = await client.read_holding_registers(start, count=per_request, device_id=1)
                for at in range(0, per_request, 2):
                    client.convert_from_registers(answer.registers[at : at + 2], client.DATATYPE.FLOAT32)
                values += per_request // 2
                start = (start + per_request) % (REGISTERS - per_request)
        return values

    async def work(until: float) -> int:
        return sum(await asyncio.gather(*(poll(port, until) for port in ports)))

    result, _ = await measured(method, seconds, work)
    return Result(
        method=method,
        values_per_s=result.values_per_s,
        cpu_percent=result.cpu_percent,
        requests_per_s=result.values_per_s * 2 / per_request,
    )


async def run(*, quick: bool) -> list[Result]:
    short, steady = (3.0, 8.0) if quick else (15.0, 60.0)
    async with devices() as ports:
        connectors = [await connector(number, port) for number, port in enumerate(ports)]
        results = [await flat_out(connectors, short), await paced(connectors, steady)]
        for one in connectors:
            await one.close()
        results.append(await bare(ports, short, per_request=124, method="pymodbus alone, 124 registers a request"))
        results.append(await bare(ports, short, per_request=2, method="pymodbus alone, one request per value"))
    return results


def show(results: list[Result]) -> None:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, loopback, devices in their own process"
    table = Table(title=f"Modbus TCP polling: {DEVICES} devices × {VALUES:,} float32 ({machine})")
    for column in ("method", "values/s", "CPU % of a core", "requests/s", "late cycles", "note"):
        table.add_column(column, justify="left" if column in ("method", "note") else "right")
    for r in results:
        requests = "" if r.requests_per_s is None else f"{r.requests_per_s:,.0f}"
        table.add_row(r.method, f"{r.values_per_s:,.0f}", f"{r.cpu_percent:.0f}", requests, r.late, r.note)
    Console(width=160).print(table)


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    words.add_argument("--quick", action="store_true", help="under 30 s")
    results = uvloop.run(run(quick=words.parse_args().quick))
    show(results)
    print(f"FIGURE values_per_s {results[0].values_per_s:.0f} values/s")


if __name__ == "__main__":
    main()
