"""`kill -9` at any moment: every acknowledged sample is there exactly once, and rollups equal raw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import random
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lineshaft.edge import SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus, Embedded
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.processes import Keeper
from lineshaft.kernel.terms import series_id
from lineshaft.telemetry.store import RemoteStore
from lineshaft.telemetry.store.schema import ROLLUPS

Row = dict[str, Any]
PATHS = [f"acme/line/machine-{i}/value" for i in range(20)]
KILLS = 8


class Sender:
    """Publishes until the hub acknowledges; remembers everything acknowledged, in the order of the stream."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._random = random.Random(7)
        self.acknowledged: list[tuple[int, SampleBatch]] = []
        self.enough = False

    async def run(self, name: str) -> None:
        number = 0
        while not self.enough:
            number += 1
            batch = self._batch()
            subject, body = samples_subject("acme", name), batch.encode()
            while True:
                with contextlib.suppress(Unavailable):
                    seq = await self._bus.publish(subject, body, msg_id=f"{name}:{number}", within_s=2)
                    break
            self.acknowledged.append((seq, batch))
            await asyncio.sleep(0.005)

    def _batch(self) -> SampleBatch:
        """Mostly new samples, some late ones, some sent before; quarters, so that sums are exact."""
        if self.acknowledged and self._random.random() < 0.1:
            return self._random.choice(self.acknowledged)[1]
        late = self._random.choice([0, 0, 0, 0, 5_000_000, 90_000_000, 4_000_000_000])
        rows = self._random.choice([1, 20, 200])
        step = self._random.choice([0, 1_000])
        return SampleBatch(
            paths=PATHS,
            index=np.arange(rows, dtype=np.int32) % len(PATHS),
            ts=now_us() - late + np.arange(rows, dtype=np.int64) * step,
            number=np.array([self._random.randrange(-400, 400) / 4 for _ in range(rows)]),
            quality=np.array([self._random.choice([0, 0, 0, 0x80]) for _ in range(rows)], dtype=np.uint8),
            received_us=now_us(),
        )

    def rows(self) -> list[Row]:
        """All that was acknowledged, as rows; of one moment the last one."""
        ids = [series_id(path) for path in PATHS]
        kept: dict[tuple[int, int], Row] = {}
        for seq, batch in sorted(self.acknowledged, key=lambda pair: pair[0]):
            for i, ts, number, quality in zip(batch.index, batch.ts, batch.number, batch.quality, strict=True):
                row = {"series": ids[i], "ts": int(ts), "number": float(number), "quality": int(quality), "seq": seq}
                kept[row["series"], row["ts"]] = row
        return list(kept.values())


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killing_recorder_and_hub_loses_and_doubles_nothing(
    tmp_path: Path,
    bus: Bus,
    embedded: Embedded,
    keeper: Keeper,
    recompute: Callable[[Iterable[Row], int], dict[tuple[int, int], Row]],
    slowness: Callable[[], float],
    until: Any,
) -> None:
    sender = Sender(bus)
    sending = [asyncio.create_task(sender.run(f"box-{i}")) for i in range(4)]
    recording = await start(tmp_path, embedded)
    dice = random.Random(11)
    for kill in range(KILLS):
        await asyncio.sleep(dice.uniform(0.5, 3.0))
        if kill % 4 == 3:
            pid = keeper.pid("nats-hub")
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            continue
        recording.kill()
        await recording.wait()
        recording = await start(tmp_path, embedded)
    sender.enough = True
    await asyncio.wait_for(asyncio.gather(*sending), 20 * slowness())
    wanted, last = sender.rows(), max(seq for seq, _ in sender.acknowledged)
    store = RemoteStore(bus, within_s=10 * slowness())
    second = max(row["ts"] for row in wanted) // 1_000_000
    await until(lambda: rolled_through(store, last, second), within_s=60)
    samples = await ask(
        store, "SELECT series, toUnixTimestamp64Micro(ts) AS ts, number, quality, seq FROM samples FINAL"
    )
    assert sorted(map(key, samples)) == sorted(map(key, wanted))
    fast = {row["series"] for row in await ask(store, "SELECT series FROM fast_series")}
    assert fast
    for level, table in ROLLUPS.items():
        [known] = await ask(store, f"SELECT argMax(closed, at) AS closed FROM positions WHERE name = '{table}'")
        source = [row for row in wanted if level > 1 or row["series"] in fast]
        want = {place: row for place, row in recompute(source, level).items() if place[1] < known["closed"]}
        # The roller goes on while we compare: what it has closed since belongs to no side.
        rows = await ask(store, f"SELECT * FROM {table} FINAL WHERE bucket < toDateTime({known['closed']})")
        have = {(r.pop("series"), r.pop("bucket")): r for r in rows}
        assert have.keys() == want.keys()
        assert [(place, have[place], row) for place, row in want.items() if not alike(have[place], row)] == []
    recording.kill()
    await recording.wait()


def key(row: Row) -> tuple[Any, ...]:
    return (row["series"], row["ts"], row["number"], row["quality"], row["seq"])


def alike(have: Row, want: Row) -> bool:
    """Whether all columns are the same; NaN is like NaN."""
    return all(have[name] == value or (value != value and math.isnan(have[name])) for name, value in want.items())


async def ask(store: RemoteStore, sql: str) -> list[Row]:
    rows: list[Row] = (await store.ask(sql)).to_pylist()
    return rows


async def start(folder: Path, embedded: Embedded) -> asyncio.subprocess.Process:
    """Start the process that records."""
    script = Path(__file__).with_name("recording_process.py")
    with (folder / "recording.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(script), stdin=asyncio.subprocess.PIPE, stdout=output, stderr=output
        )
    assert process.stdin is not None
    login = embedded.credentials
    process.stdin.write(json.dumps([str(folder), embedded.hub_url, login.user, login.password]).encode() + b"\n")
    await process.stdin.drain()
    return process


async def rolled_through(store: RemoteStore, seq: int, second: int) -> bool:
    """Whether the finest rollups know everything."""
    query = "SELECT argMax(seq, at) AS seq, argMax(closed, at) AS closed FROM positions WHERE name = 'rollup_1s'"
    [known] = await ask(store, query)
    return bool(known["seq"] >= seq and known["closed"] > second)
