"""Bytes on disk per sample: a real recording, and signals like those of the demo plant.

The samples take the real way: batches as an edge sends them, the durable bus, recorder, rollups. Then the
store merges its parts as it would over the day, and everything in its folder counts: samples with time,
quality and sequence, all rollups, indexes, positions, the definitions of tables. The bus keeps nothing.

SKAB is a recording of a pump loop (github.com/waico/SKAB): eight signals once a second; its two columns of
labels are no signals and are left out. It is read from a folder outside the project.

    python bench/disk.py [--quick] [--skab ../shared/data/skab]
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import uvloop
from numpy.typing import NDArray

from lineshaft.edge import SAMPLES_STREAM, SAMPLES_SUBJECT, SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus, Embedded, StreamSpec
from lineshaft.kernel.clock import now_us, to_us
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.db import Database
from lineshaft.kernel.log import configure
from lineshaft.kernel.processes import Keeper
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Engine
from lineshaft.telemetry.store.positions import create_tables
from lineshaft.telemetry.store.schema import ROLLUPS, SAMPLES
from lineshaft.telemetry.store.series import SeriesBook
from lineshaft.telemetry.worker.recorder import Recorder
from lineshaft.telemetry.worker.roller import Roller
from report import figure, table

SKAB = Path(__file__).parents[2] / "shared" / "data" / "skab"
LABELS = {"datetime", "anomaly", "changepoint"}
TABLES = (SAMPLES, *ROLLUPS.values())


def skab(folder: Path) -> Iterator[SampleBatch]:
    """The recording as one box sends it: a batch every hundred seconds of the recording."""
    for file in sorted(folder.rglob("*.csv")):
        with file.open(newline="") as text:
            rows = list(csv.DictReader(text, delimiter=";"))
        names = [name for name in rows[0] if name not in LABELS]
        paths = [f"skab/bench/{file.parent.name}/{name.replace(' ', '-')}" for name in names]
        times = [to_us(datetime.fromisoformat(row["datetime"]).replace(tzinfo=UTC)) for row in rows]
        values = np.array([[float(row[name]) for name in names] for row in rows])
        yield from batches(paths, np.array(times), values, rows_at_once=100)


def demo(hours: float) -> Iterator[SampleBatch]:
    """Signals as the demo plant's machines have them: 16-bit converters and short decimals, ten times a second to
    once in ten seconds, sampled with the jitter of a poll (tenths of a millisecond)."""
    rng = np.random.default_rng(3)
    start = now_us() - int(hours * 3.6e9)
    for number, (every_s, make) in enumerate(
        [(0.1, _vibration), (1.0, _temperature), (1.0, _speed), (1.0, _state), (1.0, _energy), (10.0, _level)]
    ):
        count = int(hours * 3600 / every_s)
        jitter = rng.integers(0, 20, (count, 1)) * 100
        ts = start + (np.arange(count) * int(every_s * 1e6))[:, None] + jitter
        paths = [f"acme/plant/line-{i}/machine-{number}/value" for i in range(8)]
        values = np.stack([make(rng, count) for _ in paths], axis=1)
        yield from batches(paths, ts[:, 0], values, rows_at_once=120)


def _vibration(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.round(2.5 + 0.4 * rng.standard_normal(n), 2)


def _temperature(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.round(60 + np.cumsum(rng.normal(0, 0.03, n)), 1)


def _speed(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.round(1_480 + 3 * rng.standard_normal(n))


def _state(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.cumsum(rng.random(n) < 0.002) % 6.0


def _energy(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.round(np.cumsum(rng.random(n) * 0.02), 2)


def _level(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    return np.round(50 + 20 * np.sin(np.arange(n) / 300) + rng.normal(0, 0.05, n), 2)


def batches(
    paths: list[str], ts: NDArray[np.int64], values: NDArray[np.float64], *, rows_at_once: int
) -> Iterator[SampleBatch]:
    """Rows of a table as batches."""
    width = len(paths)
    for begin in range(0, len(ts), rows_at_once):
        some = ts[begin : begin + rows_at_once]
        yield SampleBatch(
            paths=paths,
            index=np.tile(np.arange(width, dtype=np.int32), len(some)),
            ts=np.repeat(some, width),
            number=values[begin : begin + len(some)].reshape(-1),
            quality=np.zeros(len(some) * width, dtype=np.uint8),
            received_us=now_us(),
        )


async def stored(folder: Path, source: Iterator[SampleBatch]) -> tuple[int, int, dict[str, int]]:
    """Samples (each moment once), bytes of the store's folder, and bytes of each table's columns and indexes."""
    embedded = Embedded(BusSettings(port=0, websocket_port=0, monitoring_port=0, mqtt_port=0, front_port=0), folder)
    keeper, db = Keeper(folder / "run"), Database.at(folder)
    for program in embedded.programs():
        await keeper.start(program)
    await embedded.wait_ready()
    await db.open(["lineshaft.telemetry"])
    login = embedded.credentials
    bus = await Bus.connect(embedded.hub_url, user=login.user, password=login.password)
    await bus.ensure_stream(StreamSpec(name=SAMPLES_STREAM, subjects=(f"{SAMPLES_SUBJECT}.>",), max_bytes=10 << 30))
    settings = TelemetrySettings()
    engine = Engine(settings.store_url(folder))
    create_tables(engine)
    recorder = Recorder(bus, engine, SeriesBook(db), settings)
    roller = Roller(engine, settings)
    recording = asyncio.create_task(recorder.run())
    last = await send(bus, source)
    while recorder.health().stored_seq < last:
        await asyncio.sleep(0.1)
    recording.cancel()
    await asyncio.wait([recording])
    roller.beat()
    samples = engine.rows(f"SELECT count() FROM {SAMPLES} FINAL")[0][0]
    for name in (*TABLES, "positions", "fast_series"):
        engine.command(f"OPTIMIZE TABLE {name} FINAL")
    by_table = dict(engine.rows("SELECT table, sum(bytes_on_disk) FROM system.parts WHERE active GROUP BY table"))
    size = bytes_in_use(engine)
    engine.close()
    await bus.close()
    await db.close()
    await keeper.stop()
    return samples, size, {name: int(by_table.get(name, 0)) for name in TABLES}


async def send(bus: Bus, source: Iterator[SampleBatch]) -> int:
    """Publish everything, sixteen batches under way, and return the last message's number."""
    last = 0

    async def sender() -> None:
        nonlocal last
        for batch in source:
            last = max(last, await bus.publish(samples_subject("bench", "box"), batch.encode()))

    await asyncio.gather(*(sender() for _ in range(16)))
    return last


def bytes_in_use(engine: Engine) -> int:
    """Bytes of the store's folder, without parts that were merged away and wait for their removal."""
    gone = [Path(path) for (path,) in engine.rows("SELECT path FROM system.parts WHERE NOT active")]
    files = [file for file in engine.folder.rglob("*") if file.is_file() and file.parent not in gone]
    return sum(file.stat().st_size for file in files)


async def main(recording: Path, hours: float) -> None:
    """Measure both sources."""
    found: list[tuple[str, int, int, dict[str, int]]] = []
    sources = {"like the demo plant": demo(hours)}
    if recording.is_dir():
        sources = {"SKAB recording": skab(recording), **sources}
    else:
        print(f"The SKAB recording is not in {recording}; give its folder with --skab. Only made-up signals follow.")
    for name, source in sources.items():
        with tempfile.TemporaryDirectory(prefix="lineshaft-") as folder:
            found.append((name, *await stored(Path(folder), source)))
    table(
        "Disk per sample",
        ["source", "samples", "bytes/sample", *(name for name in TABLES)],
        [
            [name, f"{count:,}", f"{size / count:.2f}", *(f"{by_table[t] / count:.2f}" for t in TABLES)]
            for name, count, size, by_table in found
        ],
        method="the whole folder of the store after merges; beside it the bytes per sample of each table",
    )
    figure("bytes_per_sample", max(size / count for _, count, size, _ in found), "bytes/sample")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--skab", type=Path, default=SKAB)
    asked = parser.parse_args()
    configure(level="error")
    uvloop.run(main(asked.skab, 1 if asked.quick else 12))
