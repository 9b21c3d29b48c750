"""Every sample on the bus is stored once, in order; faults of one sender are nobody else's loss."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa

from lineshaft.edge import SAMPLES_STREAM, SAMPLES_SUBJECT, SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus, StreamSpec
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import OUTBOX, Database
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import Quality, series_id
from lineshaft.telemetry.health import Work
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Engine
from lineshaft.telemetry.store.series import SERIES, to_signed
from lineshaft.telemetry.worker.guard import DiskGuard
from lineshaft.telemetry.worker.recorder import Recorder

Start = Callable[..., Awaitable[Recorder]]
Until = Callable[[Callable[[], bool]], Awaitable[None]]
HERE = samples_subject("acme", "box")
STREAM = StreamSpec(name=SAMPLES_STREAM, subjects=(f"{SAMPLES_SUBJECT}.>",), max_bytes=1 << 30)


def batch(paths: list[str], ts: list[int], number: list[float], **more: Any) -> SampleBatch:
    """One sample per path, time and number."""
    return SampleBatch(
        paths=paths,
        index=np.arange(len(ts), dtype=np.int32) % len(paths),
        ts=np.array(ts, dtype=np.int64),
        number=np.array(number, dtype=np.float64),
        quality=more.pop("quality", np.zeros(len(ts), dtype=np.uint8)),
        received_us=more.pop("received_us", now_us()),
        **more,
    )


def rows(engine: Engine, path: str) -> list[tuple[Any, ...]]:
    """(µs, number, text, quality) of a path."""
    return engine.rows(
        "SELECT toUnixTimestamp64Micro(ts), number, text, quality FROM samples FINAL WHERE series = {id:UInt64} "
        "ORDER BY ts",
        {"id": series_id(path)},
    )


def pointing_to(index: int) -> bytes:
    """A batch of one path whose only sample points somewhere else."""
    good = batch(["acme/a"], [now_us()], [1.0]).to_arrow()
    paths = pa.DictionaryArray.from_arrays(pa.array([index], pa.int32()), pa.array(["acme/a"]), safe=False)
    columns = [paths, *good.columns[1:]]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, good.schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=good.schema))
    return bytes(sink.getvalue())


async def keep_publishing(bus: Bus) -> None:
    async with asyncio.timeout(10):
        while True:
            await bus.publish(HERE, batch(["acme/a"], [now_us()], [2.0]).encode(), within_s=1)


async def test_numbers_texts_and_qualities_arrive(bus: Bus, engine: Engine, recording: Start, until: Until) -> None:
    recorder = await recording()
    t = now_us()
    text = pa.array([None, "running", None], pa.utf8())
    quality = np.array([0, 0, Quality.BAD_NOT_CONNECTED], dtype=np.uint8)
    some = batch(
        ["acme/a", "acme/b", "acme/c"], [t, t + 1, t + 2], [1.5, math.nan, math.nan], text=text, quality=quality
    )
    await bus.publish(HERE, some.encode())
    await until(lambda: recorder.health().stored_samples == 3)
    assert rows(engine, "acme/a") == [(t, 1.5, "", 0)]
    [(at, number, said, grade)] = rows(engine, "acme/b")
    assert (at, said, grade) == (t + 1, "running", 0)
    assert math.isnan(number)
    assert rows(engine, "acme/c")[0][3] == Quality.BAD_NOT_CONNECTED


async def test_a_new_path_is_in_the_catalogue_and_announced_once(
    bus: Bus, catalogue: Database, recording: Start, until: Until
) -> None:
    recorder = await recording()
    t = now_us()
    text = pa.array([None, "on"], pa.utf8())
    for step in (0, 10):
        some = batch(["acme/a", "acme/b"], [t + step, t + step], [1.0, math.nan], text=text)
        await bus.publish(HERE, some.encode())
    await until(lambda: recorder.health().stored_samples == 4)
    async with catalogue.read() as tx:
        found = await tx.all(sa.select(SERIES).order_by(SERIES.c.path))
        told = await tx.all(sa.select(OUTBOX))
    assert [(r["path"], r["kind"], r["id"]) for r in found] == [
        ("acme/a", "number", to_signed(series_id("acme/a"))),
        ("acme/b", "text", to_signed(series_id("acme/b"))),
    ]
    assert [r["body"] for r in told] == [b'{"paths":["acme/a","acme/b"],"units":{}}']


async def test_a_message_that_is_no_batch_is_put_aside_and_named_once(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    recorder = await recording()
    bad = samples_subject("acme", "broken")
    for body in (b"garbage", b"", b"\xff" * 100_000, SampleBatch.encode(batch(["acme/a"], [now_us()], [1.0]))[:-40]):
        await bus.publish(bad, body)
    await bus.publish(HERE, batch(["acme/a"], [now_us()], [1.0]).encode())
    await until(lambda: recorder.health().stored_samples == 1)
    health = recorder.health()
    assert health.unread == 4
    assert [trouble.place for trouble in health.troubles] == [bad]
    assert (await bus.stream_state("UNREAD"))["messages"] == 4


async def test_an_index_beyond_the_paths_does_not_stop_the_others(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    recorder = await recording()
    for wrong in (1, -1):
        await bus.publish(HERE, pointing_to(wrong))
    await bus.publish(HERE, batch(["acme/b"], [now_us()], [1.0]).encode())
    await until(lambda: recorder.health().stored_samples == 1)
    assert recorder.health().unread == 2


async def test_a_path_that_is_none_leaves_the_rest_of_its_batch(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    recorder = await recording()
    t = now_us()
    await bus.publish(HERE, batch(["acme/a", "acme/#/x", "", "acme/b"], [t] * 8, [1.0] * 8).encode())
    await until(lambda: recorder.health().troubles != ())
    await until(lambda: recorder.health().stored_samples == 4)
    assert len(rows(engine, "acme/a")) == len(rows(engine, "acme/b")) == 1
    assert "acme/#/x" in recorder.health().troubles[0].message


async def test_impossible_times_become_the_time_of_receipt_and_stay_apart(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    recorder = await recording()
    t = now_us()
    odd = [0, -5, 4_102_444_800_000_000, 2**62, t]
    await bus.publish(HERE, batch(["acme/a"], odd, [1.0, 2.0, 3.0, 4.0, 5.0], received_us=t + 100).encode())
    await until(lambda: recorder.health().stored_samples == 5)
    uncertain = int(Quality.UNCERTAIN_TIME)
    assert rows(engine, "acme/a") == [
        (t, 5.0, "", 0),
        *((t + 100 + i, i + 1.0, "", uncertain) for i in range(4)),
    ]


async def test_a_wrong_clock_of_the_sender_gives_way_to_the_time_of_the_bus(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    recorder = await recording()
    before = now_us()
    await bus.publish(HERE, batch(["acme/a"], [0], [1.0], received_us=5).encode())
    await until(lambda: recorder.health().stored_samples == 1)
    [(at, *_)] = rows(engine, "acme/a")
    assert before <= at <= now_us()


async def test_history_may_be_old(bus: Bus, engine: Engine, recording: Start, until: Until) -> None:
    recorder = await recording()
    await bus.publish(HERE, batch(["acme/a"], [0, 86_400_000_000], [1.0, 2.0], history=True).encode())
    await until(lambda: recorder.health().stored_samples == 2)
    assert rows(engine, "acme/a") == [(0, 1.0, "", 0), (86_400_000_000, 2.0, "", 0)]


async def test_infinite_numbers_are_stored_as_bad_without_a_number(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    recorder = await recording()
    t = now_us()
    await bus.publish(HERE, batch(["acme/a"], [t, t + 1, t + 2], [math.inf, -math.inf, 7.0]).encode())
    await until(lambda: recorder.health().stored_samples == 3)
    stored = rows(engine, "acme/a")
    assert [math.isnan(row[1]) for row in stored] == [True, True, False]
    assert [row[3] for row in stored] == [Quality.BAD_NO_DATA, Quality.BAD_NO_DATA, Quality.GOOD]


async def test_the_sample_sent_last_counts(bus: Bus, engine: Engine, recording: Start, until: Until) -> None:
    recorder = await recording()
    t = now_us()
    for number in (1.0, 2.0, 3.0):
        await bus.publish(HERE, batch(["acme/a"], [t, t], [0.0, number]).encode())
    await until(lambda: recorder.health().stored_samples == 6)
    assert rows(engine, "acme/a") == [(t, 3.0, "", 0)]
    engine.command("OPTIMIZE TABLE samples FINAL")
    assert rows(engine, "acme/a") == [(t, 3.0, "", 0)]


async def test_a_restarted_recorder_goes_on_where_it_was(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    t = now_us()
    recorder = await recording()
    await bus.publish(HERE, batch(["acme/a"], [t], [1.0]).encode())
    await until(lambda: recorder.health().stored_seq == 1)
    again = await recording()
    await bus.publish(HERE, batch(["acme/a"], [t + 1], [2.0]).encode())
    await until(lambda: again.health().stored_samples == 1)
    assert rows(engine, "acme/a") == [(t, 1.0, "", 0), (t + 1, 2.0, "", 0)]


async def test_a_stream_made_anew_is_read_from_its_beginning_and_counts_as_later(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    t = now_us()
    recorder = await recording()
    for step in range(3):
        await bus.publish(HERE, batch(["acme/a"], [t], [float(step)]).encode())
    await until(lambda: recorder.health().stored_seq == 3)
    recorder = await recording()
    await bus._api(f"STREAM.DELETE.{SAMPLES_STREAM}", {})
    await bus.ensure_stream(STREAM)
    await bus.publish(HERE, batch(["acme/a"], [t], [9.0]).encode())
    again = await recording()
    await until(lambda: again.health().stored_seq == 4)
    assert rows(engine, "acme/a") == [(t, 9.0, "", 0)]


async def test_stored_messages_leave_the_bus_but_not_those_that_wait(
    bus: Bus, engine: Engine, recording: Start, until: Until
) -> None:
    recorder = await recording(TelemetrySettings(flush_s=0.05, replay_keep_s=0))
    await bus.publish(HERE, batch(["acme/a"], [now_us()], [1.0]).encode())
    await until(lambda: recorder.health().stored_seq == 1)
    async with asyncio.timeout(10):
        while (await bus.stream_state(SAMPLES_STREAM))["messages"]:
            await asyncio.sleep(0.1)
    lack = "The disk is full."
    stuck = await recording(TelemetrySettings(flush_s=0.05, replay_keep_s=0), lack_of_room=lambda: lack)
    await bus.publish(HERE, batch(["acme/a"], [now_us()], [2.0]).encode())
    await asyncio.sleep(2.5)
    assert (await bus.stream_state(SAMPLES_STREAM))["messages"] == 1
    assert stuck.health().state is Work.FULL
    assert stuck.health().error.startswith("The disk is full.")


async def test_a_full_disk_stops_storing_and_senders_and_both_go_on_by_themselves(
    bus: Bus, engine: Engine, recording: Start, until: Until, tmp_path: Path
) -> None:
    free_gb = 1.0
    guard = DiskGuard(bus, STREAM, [tmp_path], min_free_gb=free_gb)
    watching = asyncio.create_task(guard.run())
    recorder = await recording(lack_of_room=guard.lack)
    await bus.publish(HERE, batch(["acme/a"], [now_us()], [1.0]).encode())
    await until(lambda: recorder.health().stored_samples == 1)
    guard._wanted = 1 << 60  # as if that much had to be free
    await until(lambda: guard.lack() != "")
    with pytest.raises(Unavailable, match="no room"):
        await keep_publishing(bus)
    guard._wanted = 0
    async with asyncio.timeout(10):
        while True:
            try:
                await bus.publish(HERE, batch(["acme/b"], [now_us()], [3.0]).encode(), within_s=1)
                break
            except Unavailable:
                await asyncio.sleep(0.1)
    await until(lambda: rows(engine, "acme/b") != [])
    assert recorder.health().state is Work.STORING
    watching.cancel()
    await asyncio.wait([watching])


async def test_thousands_of_new_paths_do_not_hold_it_up(
    bus: Bus, catalogue: Database, engine: Engine, recording: Start, until: Until
) -> None:
    recorder = await recording()
    began = time.monotonic()
    for b in range(20):
        paths = [f"acme/area-{b}/machine-{i}/value" for i in range(1_000)]
        await bus.publish(HERE, batch(paths, [now_us()] * 1_000, [1.0] * 1_000).encode())
    await until(lambda: recorder.health().stored_samples == 20_000)
    assert time.monotonic() - began < 10
    assert recorder.health().series == 20_000
    async with catalogue.read() as tx:
        assert await tx.scalar(sa.select(sa.func.count()).select_from(SERIES)) == 20_000


async def _facts(catalogue: Database) -> list[tuple[str, bytes]]:
    async with catalogue.read() as tx:
        rows = await tx.all(sa.select(OUTBOX).order_by(OUTBOX.c.id))
    return [(row["subject"].split(".")[-2], row["body"]) for row in rows]


async def test_units_told_with_samples_are_in_the_catalogue_and_their_changes_are_announced(
    bus: Bus, catalogue: Database, recording: Start, until: Until
) -> None:
    recorder = await recording()
    t = now_us()
    paths = ["acme/a", "acme/b"]
    tellings = [
        {"acme/a": "Cel", "acme/stranger": "bar"},
        {"acme/a": "Cel"},
        {"acme/a": "[degF]", "acme/b": "kW"},
        {"acme/b": "x" * 33},
    ]
    for step, units in enumerate(tellings):
        await bus.publish(HERE, batch(paths, [t + step, t + step], [1.0, 2.0], units=units).encode())
        await until(lambda step=step: recorder.health().stored_samples == 2 * step + 2)
    async with catalogue.read() as tx:
        found = await tx.all(sa.select(SERIES.c.path, SERIES.c.unit).order_by(SERIES.c.path))
    assert [(row["path"], row["unit"]) for row in found] == [("acme/a", "[degF]"), ("acme/b", "kW")]
    assert await _facts(catalogue) == [
        ("series_grew", b'{"paths":["acme/a","acme/b"],"units":{"acme/a":"Cel"}}'),
        ("units_changed", b'{"units":{"acme/a":"[degF]","acme/b":"kW"}}'),
    ]
