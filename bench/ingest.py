"""Samples from Arrow batches on the durable bus to queryable rows, beside bare inserts of the same rows.

A publisher process plays a hundred edges with a hundred tags each. A batch holds ten readings of the tags
of one edge (1,000 samples), taken since its last batch, so that no two rows are the same. The batches go
to the real hub (every message synced to disk before it is acknowledged); this process runs the real
recorder and the real roller on an embedded store. The clock stops when every row can be queried.

The peer is `clickhouse_connect.Client.insert_arrow` as it comes, alone in its process: the same rows, the
same table on the same disk (so every insert is synced as well), 500,000 rows at once, no bus, no catalogue,
no rollups, no paths.

    python bench/ingest.py [--quick] [--seconds 60]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import numpy as np
import psutil
import pyarrow as pa
import uvloop
from numpy.typing import NDArray

from lineshaft.edge import SAMPLES_STREAM, SAMPLES_SUBJECT, SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus, Embedded, StreamSpec
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.db import Database
from lineshaft.kernel.log import configure
from lineshaft.kernel.processes import Keeper
from lineshaft.kernel.terms import series_id
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Engine, Limits
from lineshaft.telemetry.store.schema import SAMPLES, statements
from lineshaft.telemetry.store.series import SeriesBook
from lineshaft.telemetry.worker.recorder import Recorder
from lineshaft.telemetry.worker.roller import Roller
from report import figure, table

EDGES, TAGS, READINGS = 100, 100, 10
ROWS = TAGS * READINGS
IN_FLIGHT = 64
AT_ONCE = 500


class Plant:
    """Makes batches: walks rounded to a thousandth, as sensors give them."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.walk = np.round(50 + np.cumsum(rng.normal(0, 0.1, 1_000_000)), 3)
        self.paths = [[f"acme/plant-{e // 10}/line-{e}/machine-{t}/speed" for t in range(TAGS)] for e in range(EDGES)]
        self.index = np.tile(np.arange(TAGS, dtype=np.int32), READINGS)
        self.quality = np.zeros(ROWS, dtype=np.uint8)
        self.last = np.full(EDGES, now_us() - 10_000, dtype=np.int64)
        self.made = 0

    def columns(self) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:
        """Edge, times and numbers of the next batch."""
        edge, self.made = self.made % EDGES, self.made + 1
        since, now = int(self.last[edge]), max(now_us(), int(self.last[edge]) + READINGS)
        self.last[edge] = now
        steps = since + (np.arange(1, READINGS + 1) * (now - since)) // READINGS
        start = self.made * 37 % (len(self.walk) - ROWS)
        return edge, np.repeat(steps, TAGS), self.walk[start : start + ROWS]

    def batch(self) -> SampleBatch:
        """The next batch as an edge sends it."""
        edge, ts, number = self.columns()
        return SampleBatch(
            paths=self.paths[edge],
            index=self.index,
            ts=ts,
            number=number,
            quality=self.quality,
            edge=f"edge-{edge}",
            seq=self.made,
            received_us=now_us(),
        )


async def publish(url: str, user: str, password: str, seconds: float) -> None:
    """The publisher process: prints how many batches the hub has acknowledged."""
    bus = await Bus.connect(url, user=user, password=password)
    plant, end = Plant(), time.monotonic() + seconds

    async def sender() -> int:
        sent = 0
        while time.monotonic() < end:
            batch = plant.batch()
            await bus.publish(samples_subject("acme", batch.edge), batch.encode(), together=True)
            sent += 1
        return sent

    print(sum(await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))), flush=True)
    await bus.close()


async def through_the_platform(folder: Path, seconds: float) -> tuple[int, float, dict[str, float]]:
    """Samples, seconds until all could be queried, and processor seconds of each process."""
    embedded = Embedded(BusSettings(port=0, websocket_port=0, monitoring_port=0, mqtt_port=0, front_port=0), folder)
    keeper, db = Keeper(folder / "run"), Database.at(folder)
    for program in embedded.programs():
        await keeper.start(program)
    await embedded.wait_ready()
    await db.open(["lineshaft.telemetry"])
    login = embedded.credentials
    bus = await Bus.connect(embedded.hub_url, user=login.user, password=login.password)
    await bus.ensure_stream(
        StreamSpec(name=SAMPLES_STREAM, subjects=(f"{SAMPLES_SUBJECT}.>",), max_bytes=10 << 30, together=True)
    )
    settings = TelemetrySettings()
    engine = Engine(settings.store_url(folder), limits=Limits(memory_mb=settings.memory_mb))
    recorder = Recorder(bus, engine, SeriesBook(db), settings)
    roller = Roller(engine, settings, progress=recorder.progress)
    work = [asyncio.create_task(recorder.run()), asyncio.create_task(roller.run())]
    await asyncio.sleep(0.5)
    hub = psutil.Process(keeper.pid("nats-hub"))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, __file__, "--publish"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    await child.stdout.readline()  # it is ready
    began = time.monotonic()
    own, hub_own = psutil.Process().cpu_times(), hub.cpu_times()
    told, _ = await child.communicate(json.dumps([embedded.hub_url, login.user, login.password, seconds]).encode())
    sent = int(told)
    publishing = time.monotonic() - began
    while recorder.health().stored_samples < sent * ROWS:
        if any(task.done() for task in work):
            await asyncio.gather(*work)
        await asyncio.sleep(0.01)
    took = time.monotonic() - began
    found = engine.rows(f"SELECT count() FROM {SAMPLES} FINAL SETTINGS max_execution_time = 0")[0][0]
    assert found == sent * ROWS, f"{found} rows of {sent * ROWS} acknowledged samples"
    used = _used(psutil.Process().cpu_times(), own)
    costs = {"publishing_s": publishing, "store": used, "hub": _used(hub.cpu_times(), hub_own), "beat_s": roller.beat_s}
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    costs["rss_mb"] = psutil.Process().memory_info().rss / 1e6
    engine.close()
    await bus.close()
    await db.close()
    await keeper.stop()
    return sent * ROWS, took, costs


def _used(now: psutil._common.pcputimes, before: psutil._common.pcputimes) -> float:
    return (now.user + now.system) - (before.user + before.system)


def blocks(seconds: float) -> Iterator[pa.Table]:
    """The rows of the publisher as columns of the table, in blocks."""
    plant, end = Plant(), time.monotonic() + seconds
    ids = [np.array([series_id(path) for path in paths], dtype=np.uint64) for paths in plant.paths]
    while time.monotonic() < end:
        made = [plant.columns() for _ in range(AT_ONCE)]
        rows = AT_ONCE * ROWS
        yield pa.table(
            {
                "series": np.concatenate([ids[edge][plant.index] for edge, _, _ in made]),
                "ts": pa.array(np.concatenate([ts for _, ts, _ in made])).view(pa.timestamp("us", tz="UTC")),
                "number": np.concatenate([number for _, _, number in made]),
                "text": pa.array([""]).take(pa.array(np.zeros(rows, dtype=np.int32))),
                "quality": np.zeros(rows, dtype=np.uint8),
                "seq": np.repeat(np.arange(plant.made - AT_ONCE, plant.made, dtype=np.uint64), ROWS),
            }
        )


def bare(folder: Path, seconds: float) -> tuple[int, float]:
    """The peer, in a process of its own: samples and seconds."""
    client = clickhouse_connect.get_client(interface="chdb", path=str(folder / "bare"))
    client.command("SET enable_alp_codec = 1")
    for statement in statements():
        client.command(statement)
    began, rows = time.monotonic(), 0
    for block in blocks(seconds):
        client.insert_arrow(SAMPLES, block)
        rows += block.num_rows
    took = time.monotonic() - began
    found = client.query(f"SELECT count() FROM {SAMPLES} FINAL").result_rows[0][0]
    assert found == rows, f"{found} rows of {rows}"
    client.close()
    return rows, took


async def in_a_process(folder: Path, seconds: float) -> tuple[int, float]:
    """Run the peer alone."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--bare", str(folder), str(seconds), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await child.communicate()
    rows, took = told.split()
    return int(rows), float(took)


async def main(seconds: float) -> None:
    """Run both, one after the other."""
    with tempfile.TemporaryDirectory(prefix="lineshaft-") as temporary:
        folder = Path(temporary)
        rows, took, costs = await through_the_platform(folder, seconds)
        bare_rows, bare_took = await in_a_process(folder, seconds / 2)
    rate, bare_rate = rows / took, bare_rows / bare_took
    per_million = 1e6 / rows
    table(
        "Samples from durable Arrow batches to queryable rows",
        ["way", "samples", "seconds", "samples/s"],
        [
            ["bus, recorder, rollups", f"{rows:,}", took, f"{rate:,.0f}"],
            ["bare clickhouse-connect inserts", f"{bare_rows:,}", bare_took, f"{bare_rate:,.0f}"],
        ],
        method=f"{EDGES * TAGS:,} series; published for {costs['publishing_s']:.1f} s, batches of {ROWS:,}; "
        f"processor seconds per million samples: store process {costs['store'] * per_million:.2f}, "
        f"hub {costs['hub'] * per_million:.2f}; store process {costs['rss_mb']:.0f} MB",
    )
    figure("samples_per_s", rate, "samples/s")
    figure("ratio_to_bare_insert", rate / bare_rate, "1")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--publish", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    configure(level="error")
    if asked.publish:
        print("ready", flush=True)
        uvloop.run(publish(*json.loads(sys.stdin.read())))
    elif asked.bare:
        print(*bare(Path(asked.bare[0]), float(asked.bare[1])))
    else:
        uvloop.run(main(10 if asked.quick else asked.seconds))
