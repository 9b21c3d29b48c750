"""Old samples are forgotten by rule, others stay, and no rollup is computed from half-forgotten rows."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from lineshaft.edge import SampleBatch, samples_subject
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import series_id
from lineshaft.telemetry.settings import RetentionRule, TelemetrySettings
from lineshaft.telemetry.store import Engine
from lineshaft.telemetry.store.rollups import Span, roll
from lineshaft.telemetry.store.series import NewSeries, SeriesBook
from lineshaft.telemetry.worker.recorder import Recorder
from lineshaft.telemetry.worker.retention import DAY_S, Retention

TODAY = 20_000
PATHS = ("acme/a/vibration", "acme/b/temperature", "acme/c/count")


async def filled(engine: Engine, catalogue: Database, insert: Callable[[Iterable[dict[str, Any]]], None]) -> None:
    """One sample of each path on each of the last hundred days, with its rollups."""
    await SeriesBook(catalogue).add([NewSeries(id=series_id(p), path=p, kind="number") for p in PATHS])
    days = range(TODAY - 99, TODAY + 1)
    insert({"series": series_id(p), "ts": d * DAY_S * 10**6, "number": 1.0, "seq": 1} for p in PATHS for d in days)
    for level in (60, 3600):
        roll(engine, level, Span(start=0, end=(TODAY + 1) * DAY_S))


def days_left(engine: Engine, path: str, table: str = "samples", time: str = "ts") -> list[int]:
    rows = engine.rows(
        f"SELECT intDiv(toUnixTimestamp({time}), {DAY_S}) AS day FROM {table} FINAL "
        "WHERE series = {id:UInt64} ORDER BY day",
        {"id": series_id(path)},
    )
    return [row[0] - TODAY for row in rows]


def retention(engine: Engine, catalogue: Database, *rules: RetentionRule) -> Retention:
    settings = TelemetrySettings(retention=rules)
    return Retention(engine, catalogue, settings, clock_us=lambda: (TODAY * DAY_S + 5) * 10**6)


async def test_each_series_is_kept_as_the_first_rule_that_fits_says(
    engine: Engine, catalogue: Database, insert: Callable[[Iterable[dict[str, Any]]], None]
) -> None:
    await filled(engine, catalogue, insert)
    rules = (RetentionRule(pattern="**/vibration", raw=10, minutes=20), RetentionRule(pattern="acme/b/**", raw=50))
    await retention(engine, catalogue, *rules).carry_out()
    assert days_left(engine, PATHS[0]) == list(range(-11, 1))
    assert days_left(engine, PATHS[0], "rollup_1m", "bucket") == list(range(-21, 1))
    assert len(days_left(engine, PATHS[0], "rollup_1h", "bucket")) == 100
    assert days_left(engine, PATHS[1]) == list(range(-51, 1))
    assert len(days_left(engine, PATHS[2])) == 100
    await retention(engine, catalogue, *rules).carry_out()
    assert days_left(engine, PATHS[0]) == list(range(-11, 1))


async def test_a_rule_for_everything_drops_whole_months(
    engine: Engine, catalogue: Database, insert: Callable[[Iterable[dict[str, Any]]], None]
) -> None:
    await filled(engine, catalogue, insert)
    months = "SELECT uniqExact(partition) FROM system.parts WHERE active AND table = 'samples'"
    before = engine.rows(months)[0][0]
    await retention(engine, catalogue, RetentionRule(raw=30)).carry_out()
    for path in PATHS:
        assert days_left(engine, path) == list(range(-31, 1))
    assert engine.rows(months)[0][0] < before


async def test_samples_older_than_they_are_kept_are_refused(
    bus: Bus,
    engine: Engine,
    catalogue: Database,
    recording: Callable[..., Awaitable[Recorder]],
    until: Callable[[Callable[[], bool]], Awaitable[None]],
) -> None:
    rule = RetentionRule(pattern="acme/old", raw=10)
    keeper = Retention(engine, catalogue, TelemetrySettings(retention=(rule,)))
    recorder = await recording(kept_from=keeper.kept_from)
    midnight = now_us() // (DAY_S * 10**6) * DAY_S * 10**6
    ts = [midnight - d * DAY_S * 10**6 for d in (10, 11)]
    for path in ("acme/old", "acme/new"):
        some = SampleBatch(
            paths=[path],
            index=np.zeros(2, dtype=np.int32),
            ts=np.array(ts),
            number=np.array([1.0, math.pi]),
            quality=np.zeros(2, dtype=np.uint8),
            received_us=now_us(),
        )
        await bus.publish(samples_subject("acme", "box"), some.encode())
    await until(lambda: recorder.health().stored_samples == 3)
    assert recorder.health().too_old == 1


async def test_nothing_is_forgotten_without_rules(engine: Engine, catalogue: Database) -> None:
    keeper = retention(engine, catalogue)
    task = asyncio.create_task(keeper.run())
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    assert keeper.kept_from("acme/a") == 0


@pytest.mark.parametrize("wrong", [{"minutes": 5}, {"raw": 10, "hours": 9}])
def test_rollups_may_not_go_before_their_samples(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="shorter than raw"):
        RetentionRule(**wrong)
