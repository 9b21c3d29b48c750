"""A real embedded store, and rollups recomputed by hand to compare with."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import TimeRange, series_id
from lineshaft.security import PLATFORM, Guard
from lineshaft.telemetry import Aggregate, Answer, Bucket, Historian, Selection
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Catalogue, Engine, LocalStore
from lineshaft.telemetry.store.positions import Rolled, create_tables, note_rolled
from lineshaft.telemetry.store.rollups import LEVELS, Span, roll
from lineshaft.telemetry.store.schema import ROLLUPS, UNKNOWN_US
from lineshaft.telemetry.store.series import NewSeries, SeriesBook
from lineshaft.telemetry.worker.recorder import Recorder

Row = dict[str, Any]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An embedded store with its tables, in a fresh folder."""
    engine = Engine(f"chdb://{tmp_path / 'telemetry'}")
    create_tables(engine)
    yield engine
    engine.close()


@pytest.fixture
def insert(engine: Engine) -> Callable[[Iterable[Row]], None]:
    """Insert rows given as dictionaries with series, ts (µs), number, quality, seq."""

    def put(rows: Iterable[Row]) -> None:
        some = list(rows)
        if not some:
            return
        engine.insert(
            "samples",
            pa.table(
                {
                    "series": pa.array([r["series"] for r in some], pa.uint64()),
                    "ts": pa.array([r["ts"] for r in some], pa.int64()).view(pa.timestamp("us", tz="UTC")),
                    "number": np.array([r["number"] for r in some], dtype=np.float64),
                    "quality": pa.array([r.get("quality", 0) for r in some], pa.uint8()),
                    "seq": pa.array([r["seq"] for r in some], pa.uint64()),
                }
            ),
        )

    return put


@pytest.fixture
def recompute() -> Callable[[Iterable[Row], int], dict[tuple[int, int], Row]]:
    """Rollup rows of a level, straight from the definition, row by row."""
    return recomputed


def recomputed(rows: Iterable[Row], level: int) -> dict[tuple[int, int], Row]:
    """By (series, bucket); of two rows for one moment the later sent counts."""
    kept: dict[tuple[int, int], Row] = {}
    for row in rows:
        key = (row["series"], row["ts"])
        if key not in kept or row["seq"] >= kept[key]["seq"]:
            kept[key] = row
    buckets: dict[tuple[int, int], list[Row]] = {}
    for (series, ts), row in sorted(kept.items()):
        buckets.setdefault((series, ts // (level * 1_000_000) * level), []).append(row)
    return {key: _summed(key[1] * 1_000_000, rows) for key, rows in buckets.items()}


def _summed(start: int, rows: list[Row]) -> Row:
    fine = [r.get("quality", 0) < 64 and bool(np.isfinite(r["number"])) for r in rows]
    good = [r for r, ok in zip(rows, fine, strict=True) if ok]
    values = [r["number"] for r in good]
    spans = [b["ts"] - a["ts"] for a, b in itertools.pairwise(rows)]
    nothing = float("nan")
    return {
        "count": len(rows),
        "good": len(good),
        "min": min(values, default=nothing),
        "max": max(values, default=nothing),
        "min_us": next((r["ts"] - start for r in good if r["number"] == min(values)), UNKNOWN_US),
        "max_us": next((r["ts"] - start for r in good if r["number"] == max(values)), UNKNOWN_US),
        "sum": sum(values),
        "first": values[0] if values else nothing,
        "last": values[-1] if values else nothing,
        "first_us": rows[0]["ts"] - start,
        "last_us": rows[-1]["ts"] - start,
        "held_us": sum(span for span, ok in zip(spans, fine, strict=False) if ok),
        "area": sum(span * r["number"] for span, r, ok in zip(spans, rows, fine, strict=False) if ok),
        "gap_us": max(spans, default=0),
        "open": int(fine[-1]),
        "seq": max(r["seq"] for r in rows),
    }


@dataclass
class Plant:
    """A historian over a store that tests fill by hand."""

    engine: Engine
    db: Database
    runner: asyncio.Runner
    historian: Historian
    numbers: Iterator[int]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def within() -> Any:
            async with asyncio.timeout(30):
                return await work

        return self.runner.run(within())

    def new_path(self) -> str:
        path = f"acme/hall/s{next(self.numbers)}"
        self.name(path)
        return path

    def name(self, *paths: str) -> None:
        """Write paths into the catalogue."""
        new = [NewSeries(id=series_id(path), path=path, kind="number") for path in paths]
        self.run(SeriesBook(self.db).add(new))

    def insert(self, path: str, rows: Iterable[Any]) -> None:
        """Rows have ts (µs), number, quality, seq and may have a text."""
        rows = list(rows)
        if rows:
            table = {
                "series": pa.array(np.full(len(rows), series_id(path), np.uint64)),
                "ts": pa.array([r.ts for r in rows], pa.int64()).view(pa.timestamp("us", tz="UTC")),
                "number": pa.array([r.number for r in rows], pa.float64()),
                "text": [getattr(r, "text", "") for r in rows],
                "quality": pa.array([r.quality for r in rows], pa.uint8()),
                "seq": pa.array([r.seq for r in rows], pa.uint64()),
            }
            self.engine.insert("samples", pa.table(table))

    def roll(self, path: str, closed: dict[int, int], seq: int, *, begin: int) -> None:
        """Compute the rollups of one series; each level knows what starts before `closed` seconds."""
        for level in LEVELS:
            span = Span(start=begin, end=closed[level])
            roll(self.engine, level, span, only=f"series = {series_id(path)}")
        self.know(closed, seq)

    def know(self, closed: dict[int, int], seq: int) -> None:
        """Note that each level knows what starts before `closed` seconds, from rows up to `seq`."""
        note_rolled(self.engine, {ROLLUPS[level]: Rolled(seq=seq, closed=closed[level]) for level in LEVELS})
        self.historian._reading._known = None

    def resample(self, path: str, span: TimeRange, bucket: Bucket, *aggregates: Aggregate, **options: Any) -> Answer:
        asked = self.historian.resample(
            PLATFORM, Selection.of(path), span, bucket, aggregates or tuple(Aggregate), **options
        )
        answer: Answer = self.run(asked)
        return answer


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder: Path = tmp_path_factory.mktemp("plant")
    engine = Engine(f"chdb://{folder / 'telemetry'}")
    create_tables(engine)
    with asyncio.Runner() as runner:
        db = Database.at(folder)
        runner.run(db.open(["lineshaft.security", "lineshaft.telemetry"]))
        historian = Historian(LocalStore(engine), Catalogue(db), Guard(db))
        yield Plant(engine, db, runner, historian, itertools.count())
        runner.run(db.close())
    engine.close()


@pytest.fixture
async def catalogue(db: Database) -> Database:
    """The catalogue with the tables of telemetry."""
    await db.open(["lineshaft.telemetry"])
    return db


@pytest.fixture
async def recording(bus: Bus, engine: Engine, catalogue: Database) -> AsyncIterator[Callable[..., Awaitable[Recorder]]]:
    """Start a recorder with settings and the like; called again, the one before ends first."""
    running: list[asyncio.Task[None]] = []

    async def start(settings: TelemetrySettings | None = None, **more: Any) -> Recorder:
        await end()
        quick = settings or TelemetrySettings(flush_s=0.05)
        recorder = Recorder(bus, engine, SeriesBook(catalogue), quick, **more)
        running.append(asyncio.create_task(recorder.run()))
        return recorder

    async def end() -> None:
        while running:
            task = running.pop()
            task.cancel()
            await asyncio.wait([task], timeout=10)

    yield start
    await end()
