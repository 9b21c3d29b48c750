"""A chart of 1,000 points over one year of 1 Hz values of one series, one among 1,000 series.

The year is inserted straight into an embedded store in the portions in which the recorder would, 31.5 M
rows of the series itself and one row every ten minutes of the 999 others; then the real roller computes
its rollups. Every chart asks the service the way a screen does (permission, catalogue, cover, stitching),
for a year that ends at another odd second each time, so that both ends cut an hour and nothing repeats.

The peer is the same chart as plain SQL over the raw rows in the same store.

    python bench/chart.py [--quick]      quick builds a fortnight instead of the year
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from lineshaft.edge import SAMPLES_STREAM
from lineshaft.kernel.clock import MICROS, from_us, to_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.log import configure
from lineshaft.kernel.terms import TimeRange, series_id
from lineshaft.security import PLATFORM, Guard
from lineshaft.telemetry import Historian, Selection, TelemetrySettings, fitting
from lineshaft.telemetry.store import Catalogue, Engine, Limits, LocalStore
from lineshaft.telemetry.store.positions import Place, create_tables, note_place
from lineshaft.telemetry.store.series import NewSeries, SeriesBook
from lineshaft.telemetry.worker.roller import Roller
from report import figure, table

BEGIN = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
PORTION_S = 2 * 86_400
EVERY_S = 600
POINTS = 1_000
PATH = "acme/berlin/line-1/filler/speed"
OTHERS = [f"acme/berlin/line-{n // 100}/machine-{n}/temperature" for n in range(999)]


def fill(engine: Engine, days: int) -> int:
    """Insert everything and roll it up as it comes; returns how many rows."""
    roller = Roller(engine, TelemetrySettings())
    rng = np.random.default_rng(1)
    others = np.array([series_id(path) for path in OTHERS], dtype=np.uint64)
    rows = 0
    for number, start in enumerate(range(0, days * 86_400, PORTION_S), 1):
        span = min(PORTION_S, days * 86_400 - start)
        own, slow = np.arange(span), np.arange(0, span, EVERY_S)
        series = np.concatenate([np.full(span, series_id(PATH), np.uint64), np.tile(others, len(slow))])
        offsets = np.concatenate([own, np.repeat(slow, len(others))]).astype(np.int64)
        walk = 100 + np.cumsum(rng.normal(0, 0.02, span)) + 10 * np.sin(own / 43_200 * np.pi)
        values = np.round(np.concatenate([walk, rng.normal(60, 5, len(offsets) - span)]), 3)
        ts = (BEGIN + start + offsets) * MICROS
        columns = {"series": series, "ts": pa.array(ts).view(pa.timestamp("us", "UTC")), "number": values}
        engine.insert("samples", pa.table({**columns, "seq": pa.array(np.full(len(ts), number), pa.uint64())}))
        note_place(engine, Place(name=SAMPLES_STREAM, created="bench", base=0, seq=number))
        roller.beat(now_s=BEGIN + start + span + 60)
        rows += len(ts)
    return rows


async def settled(engine: Engine) -> None:
    """Wait, ten seconds at most, until the merges that follow a year's inserts in minutes are done."""
    for _ in range(50):
        if not engine.rows("SELECT 1 FROM system.merges LIMIT 1"):
            return
        await asyncio.sleep(0.2)


async def timed(ask: Callable[[TimeRange], Awaitable[int]], spans: Sequence[TimeRange]) -> tuple[list[float], int]:
    """How long each question took, in ms, and the points of the last answer."""
    took, points = [], 0
    for span in spans:
        began = time.perf_counter()
        points = await ask(span)
        took.append((time.perf_counter() - began) * 1e3)
    return took, points


def spans(days: int, length: timedelta, count: int) -> list[TimeRange]:
    """Spans of one length that end at odd moments near the end of the data."""
    chance = random.Random(1)
    ends = [(BEGIN + days * 86_400) * MICROS - chance.randrange(3_600 * MICROS) for _ in range(count)]
    return [TimeRange(start=max(from_us(end) - length, from_us(BEGIN * MICROS)), end=from_us(end)) for end in ends]


async def measure(engine: Engine, db: Database, days: int, count: int) -> list[tuple[str, list[float], int]]:
    """All questions, cold ones included: nothing is asked before."""
    historian = Historian(LocalStore(engine), Catalogue(db), Guard(db))
    one = Selection.of(PATH)

    async def band(span: TimeRange) -> int:
        return len((await historian.trend(PLATFORM, one, span, points=POINTS)).table)

    async def thinned(span: TimeRange) -> int:
        return len((await historian.thinned(PLATFORM, one, span, points=POINTS)).table)

    async def ten(span: TimeRange) -> int:
        paths = Selection.of(PATH, *OTHERS[:9])
        return len((await historian.trend(PLATFORM, paths, span, points=POINTS)).table)

    async def plain(span: TimeRange) -> int:
        start, end, width = to_us(span.start), to_us(span.end), fitting(span, POINTS).width_us
        sql = f"""SELECT intDiv(toUnixTimestamp64Micro(ts), {width}) AS b, min(number), max(number), avg(number)
            FROM samples WHERE series = {series_id(PATH)} AND ts >= fromUnixTimestamp64Micro({start}, 'UTC')
                AND ts < fromUnixTimestamp64Micro({end}, 'UTC') GROUP BY b ORDER BY b"""
        return len(await LocalStore(engine).ask(sql))

    whole = spans(days, timedelta(days=days), count)
    unit = "year" if days == 365 else "fortnight"
    return [
        (f"band over the {unit}", *await timed(band, whole)),
        ("band over a day", *await timed(band, spans(days, timedelta(days=1), count))),
        ("band over ten minutes (raw rows)", *await timed(band, spans(days, timedelta(minutes=10), count))),
        (f"band of ten series over the {unit}", *await timed(ten, whole[: count // 4])),
        (f"LTTB over the {unit}", *await timed(thinned, whole[: count // 4])),
        (f"peer: plain SQL over the {unit}'s raw rows", *await timed(plain, whole[:10])),
    ]


async def bench(folder: Path, days: int, count: int) -> None:
    """Build, ask, print."""
    limits = Limits(memory_mb=TelemetrySettings().memory_mb, question_mb=TelemetrySettings().question_mb)
    engine = Engine(f"chdb://{folder / 'store'}", limits=limits)
    create_tables(engine)
    db = Database.at(folder)
    await db.open(["lineshaft.security", "lineshaft.telemetry"])
    new = [NewSeries(id=series_id(path), path=path, kind="number") for path in (PATH, *OTHERS)]
    await SeriesBook(db).add(new)
    began = time.perf_counter()
    rows = fill(engine, days)
    await settled(engine)
    print(f"{rows:,} rows inserted and rolled up in {time.perf_counter() - began:.0f} s")
    results = await measure(engine, db, days, count)
    shown = [
        (name, len(ms), points, *(float(np.percentile(ms, p)) for p in (50, 95)), max(ms))
        for name, ms, points in results
    ]
    method = f"{rows:,} rows in 1,000 series, {days * 86_400:,} of them in the one asked for; spans end at odd seconds."
    table("Charts of 1,000 points", ("question", "asked", "rows", "p50 ms", "p95 ms", "max ms"), shown, method=method)
    figure("p95_ms", float(np.percentile(results[0][1], 95)), "ms")
    figure("day_p95_ms", float(np.percentile(results[1][1], 95)), "ms")
    figure("lttb_p95_ms", float(np.percentile(results[4][1], 95)), "ms")
    await db.close()
    engine.close()


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fortnight instead of a year, fewer questions")
    quick = parser.parse_args().quick
    configure(level="warning")
    if quick:
        print("Quick: a fortnight (1.2 M rows of the series) instead of the year; the figure is of the fortnight.")
    with tempfile.TemporaryDirectory(prefix="lineshaft-chart-") as folder:
        asyncio.run(bench(Path(folder), 14 if quick else 365, 40 if quick else 100))


if __name__ == "__main__":
    main()
