"""How many OPC UA value changes one edge process takes from subscriptions, and how many are lost.

Servers run in processes of their own, each with a thousand values that change all the time. asyncua makes its
notifications value by value and so would set the pace; `opcua_server.py` is asyncua with notifications made as arrays,
which offers more than anybody takes. The steady rows use the packaging line of the demo, which is asyncua as it is.
The connector's own subscribe runs here, against a sink that checks every row: each value counts up by
one, so a lost change leaves a gap. Peer on the same servers: asyncua's client with its subscription
handler, which is what a Python gateway without a decoder of its own does.

    python bench/opcua.py [--quick] [--servers 2] [--values 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import uvloop
from asyncua import Client

from lineshaft.edge.connectors import Problem, Readings, Tag
from lineshaft.edge.connectors.opcua import OpcUa, OpcUaSettings
from lineshaft.kernel.terms import PlantPath
from report import figure, table

FAKE = "lineshaft.edge.connectors.opcua.fake"
LOADED = Path(__file__).with_name("opcua_server.py")
OFFERED_PER_S = 300_000
STEADY_PER_S = 10_000


class Count:
    """A sink that counts changes and the gaps between them."""

    def __init__(self, values: int) -> None:
        self._last = np.full(values, np.nan)
        self.rows = self.lost = self.batches = 0

    async def put(self, readings: Readings) -> None:
        assert not readings.quality.any(), "a value is not good"
        order = np.argsort(readings.index, kind="stable")
        index, number = readings.index[order], readings.number[order]
        before = np.concatenate([[np.nan], number[:-1]])
        first = np.concatenate([[True], index[1:] != index[:-1]])
        before[first] = self._last[index[first]]
        step = number - before
        self.lost += int(np.nansum(step - 1))
        assert not (step <= 0).any(), "changes came out of order"
        last = np.concatenate([first[1:], [True]])
        self._last[index[last]] = number[last]
        self.rows += len(readings)
        self.batches += 1

    async def flush(self) -> None:
        """Nothing waits."""

    def trouble(self, problem: Problem) -> None:
        raise AssertionError(problem)


class CountOnly:
    """The handler of the peer: it only counts."""

    def __init__(self) -> None:
        self.rows = 0

    def datachange_notification(self, _node: object, _value: object, _data: object) -> None:
        self.rows += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    method: str
    values_per_s: float
    cpu_percent: float
    lost: int | str
    rows_per_batch: float | str

    @property
    def row(self) -> tuple[object, ...]:
        us = 10_000 * self.cpu_percent / self.values_per_s
        return self.method, f"{self.values_per_s:,.0f}", f"{self.cpu_percent:.0f}", us, self.lost, self.rows_per_batch


@asynccontextmanager
async def servers(commands: Sequence[Sequence[str]]) -> AsyncIterator[list[str]]:
    """Servers, each in its own process; yields their addresses."""
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(_server(words)) for words in commands]
        ready = await asyncio.gather(*(asyncio.wait_for(s.stdout.readline(), 90) for s in started if s.stdout))
        yield [json.loads(line)["url"] for line in ready]


@asynccontextmanager
async def _server(words: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        await asyncio.wait_for(process.wait(), 20)


async def set_rate(url: str, hz: float) -> None:
    """How often each value of a fake changes."""
    async with Client(url, timeout=20) as client:
        await client.get_node("ns=2;s=Extra.Hz").write_value(hz)


async def lineshaft(urls: list[str], values: int, seconds: float, hz: float, method: str, **settings: object) -> Result:
    """All servers through connectors in this process."""
    sinks, connectors, tasks = [], [], []
    for number, url in enumerate(urls):
        root = PlantPath(f"bench/line-{number}")
        every = timedelta(milliseconds=10)
        tags = [Tag(path=root.child(f"v{n}"), address=f"ns=2;s=Extra.{n}", every=every) for n in range(values)]
        asked = {"timeout_s": 20.0, "lost_after_s": 10.0, "queue": 100, **settings}
        connector = OpcUa(OpcUaSettings(url=url, **asked), tags, root=root)  # type: ignore[arg-type]
        await connector.connect()
        sinks.append(Count(values))
        connectors.append(connector)
        tasks.append(asyncio.create_task(connector.subscribe(sinks[-1])))
    while not all(sink.rows >= values for sink in sinks):
        await asyncio.sleep(0.05)
        for task in tasks:
            assert not task.done(), task.exception()
    await asyncio.gather(*(set_rate(url, hz) for url in urls))
    await asyncio.sleep(0.5)
    rows, batches = sum(s.rows for s in sinks), sum(s.batches for s in sinks)
    began, used = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    took, cpu = time.perf_counter() - began, time.process_time() - used
    rows, batches = sum(s.rows for s in sinks) - rows, sum(s.batches for s in sinks) - batches
    await asyncio.gather(*(set_rate(url, 1.0) for url in urls))
    for task, connector in zip(tasks, connectors, strict=True):
        assert not task.done(), task.exception()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connector.close()
    lost = sum(sink.lost for sink in sinks)
    each = round(rows / max(1, batches))
    return Result(method=method, values_per_s=rows / took, cpu_percent=100 * cpu / took, lost=lost, rows_per_batch=each)


async def peer(urls: list[str], values: int, seconds: float, hz: float, method: str) -> Result:
    """All servers through asyncua's client and handler."""
    counts = [CountOnly() for _ in urls]
    async with AsyncExitStack() as stack:
        for url, count in zip(urls, counts, strict=True):
            client = await stack.enter_async_context(Client(url, timeout=20, watchdog_intervall=20))
            subscription = await client.create_subscription(100, count)
            nodes = [client.get_node(f"ns=2;s=Extra.{n}") for n in range(values)]
            for at in range(0, values, 1000):
                await subscription.subscribe_data_change(nodes[at : at + 1000], queuesize=100)
        await asyncio.gather(*(set_rate(url, hz) for url in urls))
        await asyncio.sleep(0.5)
        rows = sum(c.rows for c in counts)
        began, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        took, cpu = time.perf_counter() - began, time.process_time() - used
        rows = sum(c.rows for c in counts) - rows
        await asyncio.gather(*(set_rate(url, 1.0) for url in urls))
    return Result(
        method=method, values_per_s=rows / took, cpu_percent=100 * cpu / took, lost="not counted", rows_per_batch="1"
    )


async def run(*, count: int, values: int, quick: bool) -> list[Result]:
    seconds = 1.5 if quick else 20.0
    offered, steady = OFFERED_PER_S / (count * values), STEADY_PER_S / (count * values)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        secure = {"security": "SignAndEncrypt", "trust": "any", "pki": folder}
        line = ("-m", FAKE, "--port", "0", "--extra", str(values), "--extra-hz", "1", "--tick", "5", "--certificates")
        async with servers([(str(LOADED), "--values", str(values))] * count) as urls:
            results = [
                await lineshaft(urls, values, seconds, offered, f"Lineshaft, offered {OFFERED_PER_S:,}/s"),
                await peer(urls, values, seconds, offered, f"asyncua alone, offered {OFFERED_PER_S:,}/s"),
            ]
        async with servers([(*line, str(folder / f"server-{number}")) for number in range(count)]) as urls:
            return [
                *results,
                await lineshaft(urls, values, seconds, steady, "Lineshaft, packaging lines, 10,000/s"),
                await lineshaft(urls, values, seconds, steady, "Lineshaft, the same, SignAndEncrypt", **secure),
            ]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true", help="under 30 s")
    words.add_argument("--servers", type=int, default=2)
    words.add_argument("--values", type=int, default=1000, help="per server")
    told = words.parse_args()
    results = uvloop.run(run(count=told.servers, values=told.values, quick=told.quick))
    heads = ("method", "values/s", "CPU % of a core", "CPU µs/value", "lost", "rows/batch")
    method = f"{told.servers} servers × {told.values:,} doubles in their own processes, loopback, 100 ms publishing"
    table("OPC UA value changes taken by one edge process", heads, [result.row for result in results], method=method)
    figure("values_per_s", results[0].values_per_s, "values/s")


if __name__ == "__main__":
    main()
