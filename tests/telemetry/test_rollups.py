"""Rollups equal a recomputation from raw, whatever comes late, twice, out of order, or is cut off."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineshaft.edge import SAMPLES_STREAM
from lineshaft.telemetry.errors import TooMuch
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Engine, Limits, rollups
from lineshaft.telemetry.store.positions import create_tables, find_place, note_place, stored_seq
from lineshaft.telemetry.store.rollups import SLICE_ROWS, News, Span, roll, slices
from lineshaft.telemetry.store.schema import POSITIONS, ROLLUPS, UNKNOWN_US
from lineshaft.telemetry.worker.roller import Roller

Row = dict[str, Any]
Put = Callable[[Iterable[Row]], None]
T0 = 1_759_996_800 - 90  # a minute and a half before a full hour
SETTINGS = TelemetrySettings(settle_s=2.0, fast_per_s=5.0)


def rolled(engine: Engine, level: int) -> dict[tuple[int, int], Row]:
    """What the store holds of a level."""
    table = engine.query(f"SELECT * FROM {ROLLUPS[level]} FINAL")
    rows = table.to_pylist()
    return {(r.pop("series"), r.pop("bucket")): r for r in rows}


def same(have: dict[tuple[int, int], Row], want: dict[tuple[int, int], Row]) -> None:
    """Compare every bucket and column exactly; NaN equals NaN."""
    assert have.keys() == want.keys()
    for key, row in want.items():
        for column, value in row.items():
            got = have[key][column]
            both_nan = isinstance(value, float) and math.isnan(value) and math.isnan(got)
            assert both_nan or got == value, (key, column, got, value)


def stored(engine: Engine, seq: int) -> None:
    """Say that everything up to a seq is stored, as the recorder does."""
    place = find_place(engine, SAMPLES_STREAM, created="then", last_message=seq)
    note_place(engine, place.at(seq))


def fast_of(engine: Engine) -> set[int]:
    return {row[0] for row in engine.rows("SELECT series FROM fast_series")}


# A batch: rows at offsets of quarter seconds in five minutes, dyadic numbers so that sums are exact.
ROW = st.tuples(
    st.integers(1, 3),
    st.integers(0, 1_200),
    st.one_of(st.integers(-4_000, 4_000).map(lambda n: n / 4), st.just(math.nan)),
    st.sampled_from([0, 0, 0, 0, 0x40, 0x43, 0x80]),
)
BATCH = st.one_of(
    st.lists(ROW, max_size=40),
    # one second of a fast series, ten rows a second for two to four seconds
    st.tuples(st.integers(1, 3), st.integers(0, 280), st.integers(20, 40)).map(
        lambda t: [(t[0], t[1] * 4 + i * 0.4, float(i), 0) for i in range(t[2])]
    ),
)
STEP = st.one_of(
    st.tuples(st.just("store"), BATCH),
    st.tuples(st.just("again"), st.integers(0, 5)),
    st.tuples(st.just("beat"), st.integers(0, 120)),
    st.tuples(st.just("restart"), st.booleans()),
)


@pytest.mark.parametrize("slice_rows", [SLICE_ROWS, 7])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=14))
def test_rollups_equal_recomputation_after_any_mixture(
    slice_rows: int,
    steps: list[tuple[str, Any]],
    engine: Engine,
    insert: Put,
    recompute: Callable[[Iterable[Row], int], dict[tuple[int, int], Row]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollups, "SLICE_ROWS", slice_rows)
    for table in ("samples", "fast_series", POSITIONS, *ROLLUPS.values()):
        engine.command(f"TRUNCATE TABLE {table}")
    roller, now, seq = Roller(engine, SETTINGS), T0, 0
    batches: list[list[Row]] = []
    for what, how in steps:
        if what == "store":
            seq += 1
            rows = [
                {"series": s, "ts": int((T0 + t / 4) * 1_000_000), "number": n, "quality": q, "seq": seq}
                for s, t, n, q in how
            ]
            unique = list({(r["series"], r["ts"]): r for r in rows}.values())
            batches.append(unique)
            insert(unique)
            stored(engine, seq)
        elif what == "again" and batches:
            insert(batches[how % len(batches)])
        elif what == "beat":
            now += how
            roller.beat(now_s=now)
        elif what == "restart":
            if how:  # cut off before the note: the store forgets the last one
                engine.command(f"TRUNCATE TABLE {POSITIONS}")
                stored(engine, seq)
            roller = Roller(engine, SETTINGS)
    roller.beat(now_s=T0 + 3 * 3_600)
    everything = [row for batch in batches for row in batch]
    for level in (60, 3600):
        same(rolled(engine, level), recompute(everything, level))
    fast = fast_of(engine)
    same(rolled(engine, 1), recompute([r for r in everything if r["series"] in fast], 1))


def test_a_bucket_appears_when_it_ended_and_the_settling_time_is_over(engine: Engine, insert: Put) -> None:
    roller = Roller(engine, SETTINGS)
    roller.beat(now_s=T0)
    insert({"series": 1, "ts": (T0 + i) * 1_000_000, "number": 1.0, "seq": 1} for i in range(60))
    stored(engine, 1)
    minute = T0 // 60 * 60
    roller.beat(now_s=minute + 61.9)
    assert (1, minute) not in rolled(engine, 60)
    roller.beat(now_s=minute + 62)
    assert rolled(engine, 60)[1, minute]["count"] == minute + 60 - T0


def test_a_late_row_changes_minute_and_hour_at_the_next_beat(engine: Engine, insert: Put) -> None:
    roller = Roller(engine, SETTINGS)
    insert([{"series": 1, "ts": T0 * 1_000_000, "number": 1.0, "seq": 1}])
    stored(engine, 1)
    roller.beat(now_s=T0 + 7_200)
    insert([{"series": 1, "ts": (T0 + 1) * 1_000_000, "number": 9.0, "seq": 2}])
    stored(engine, 2)
    roller.beat(now_s=T0 + 7_200)
    for level in (60, 3600):
        row = rolled(engine, level)[1, T0 // level * level]
        assert (row["count"], row["max"], row["area"], row["seq"]) == (2, 9.0, 1e6, 2)


def test_rows_beyond_what_is_noted_as_stored_count_once_they_are(engine: Engine, insert: Put) -> None:
    roller = Roller(engine, SETTINGS)
    roller.beat(now_s=T0 + 7_200)
    insert([{"series": 1, "ts": T0 * 1_000_000, "number": 1.0, "seq": 1}])
    roller.beat(now_s=T0 + 7_200)
    assert rolled(engine, 60) == {}
    stored(engine, 1)
    roller.beat(now_s=T0 + 7_200)
    assert rolled(engine, 60)[1, T0 // 60 * 60]["count"] == 1


def test_a_series_that_turns_fast_gets_its_past_by_the_second(engine: Engine, insert: Put) -> None:
    roller = Roller(engine, SETTINGS)
    slow = [{"series": 1, "ts": (T0 + i) * 1_000_000, "number": 1.0, "seq": 1} for i in range(0, 7_000, 10)]
    insert(slow)
    stored(engine, 1)
    roller.beat(now_s=T0 + 7_200)
    assert rolled(engine, 1) == {}
    insert({"series": 1, "ts": (T0 + 7_200) * 1_000_000 + i * 100_000, "number": 2.0, "seq": 2} for i in range(30))
    stored(engine, 2)
    roller.beat(now_s=T0 + 7_300)
    assert fast_of(engine) == {1}
    seconds = rolled(engine, 1)
    assert len(seconds) == len(slow) + 3
    assert seconds[1, T0 + 7_201]["count"] == 10


def test_a_sample_that_is_sent_again_with_another_value_replaces_the_first(engine: Engine, insert: Put) -> None:
    roller = Roller(engine, SETTINGS)
    for seq, number in ((1, 5.0), (2, 7.0)):
        insert([{"series": 1, "ts": T0 * 1_000_000, "number": number, "seq": seq}])
        stored(engine, seq)
        roller.beat(now_s=T0 + 7_200)
    row = rolled(engine, 60)[1, T0 // 60 * 60]
    assert (row["count"], row["sum"]) == (1, 7.0)


def test_the_last_fraction_of_a_second_belongs_to_its_bucket(engine: Engine, insert: Put) -> None:
    roller = Roller(engine, SETTINGS)
    hour = (T0 // 3_600 + 1) * 3_600
    insert([{"series": 1, "ts": hour * 1_000_000 - 1, "number": 1.0, "seq": 1}])
    stored(engine, 1)
    roller.beat(now_s=hour + 7_200)
    assert rolled(engine, 60)[1, hour - 60]["last_us"] == 59_999_999


def test_an_idle_beat_writes_nothing(engine: Engine, insert: Put) -> None:
    roller = Roller(engine, SETTINGS)
    insert([{"series": 1, "ts": T0 * 1_000_000, "number": 1.0, "seq": 1}])
    stored(engine, 1)
    roller.beat(now_s=T0 + 7_200)
    before = engine.rows(f"SELECT count(), max(at) FROM {POSITIONS}")
    roller.beat(now_s=T0 + 7_201)
    assert engine.rows(f"SELECT count(), max(at) FROM {POSITIONS}") == before


def test_rows_in_the_future_wait_for_their_bucket(engine: Engine, insert: Put) -> None:
    roller = Roller(engine, SETTINGS)
    roller.beat(now_s=T0)
    insert([{"series": 1, "ts": (T0 + 3_000) * 1_000_000, "number": 1.0, "seq": 1}])
    stored(engine, 1)
    roller.beat(now_s=T0 + 100)
    assert rolled(engine, 60) == {}
    roller.beat(now_s=T0 + 3_100)
    assert len(rolled(engine, 60)) == 1


@pytest.mark.parametrize("number", [0.1, 1e300, -0.0, 5e-324, 1 / 3, 123456.789, math.pi * 1e-7, float(2**53 + 2)])
def test_numbers_come_back_bit_by_bit(engine: Engine, insert: Put, number: float) -> None:
    numbers = [number * k for k in (1, -1, 0.5, 3)] + [number]
    insert({"series": 1, "ts": i, "number": n, "seq": 1} for i, n in enumerate(numbers))
    engine.command("OPTIMIZE TABLE samples FINAL")
    got = [row[0] for row in engine.rows("SELECT number FROM samples FINAL ORDER BY ts")]
    assert [n.hex() for n in got] == [n.hex() for n in numbers]


def test_stored_seq_is_zero_in_an_empty_store(engine: Engine) -> None:
    assert stored_seq(engine, SAMPLES_STREAM) == 0


@pytest.mark.parametrize("rows", [1, SLICE_ROWS, SLICE_ROWS + 1, 720_000_000])
def test_slices_hold_every_series_once(rows: int) -> None:
    parts = list(slices(rows))
    assert len(parts) == -(-rows // SLICE_ROWS)
    assert (parts[0].first, parts[-1].last) == (0, 2**64 - 1)
    assert [part.first for part in parts[1:]] == [part.last + 1 for part in parts[:-1]]
    assert list(slices(0)) == []


def test_an_hour_of_many_series_that_all_come_late_needs_memory_for_a_slice_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20,000 series with a late row a minute: at once they need more than a question may have."""
    engine = Engine(f"chdb://{tmp_path / 'telemetry'}", limits=Limits(question_mb=96))
    create_tables(engine)
    series, hour = np.random.default_rng(1).integers(0, 2**64, 20_000, dtype=np.uint64), T0 // 3_600 * 3_600
    for minute in range(0, 60, 6):
        ts = (hour + (minute + np.repeat(np.arange(6), len(series))) * 60) * 1_000_000
        columns = {"series": np.tile(series, 6), "ts": pa.array(ts).view(pa.timestamp("us", tz="UTC"))}
        rows = {**columns, "number": np.ones(len(ts)), "seq": pa.array(np.ones(len(ts)), pa.uint64())}
        engine.insert("samples", pa.table(rows))
    late = (60, Span(start=hour, end=hour + 3_600), News(after=0, through=1))
    monkeypatch.setattr(rollups, "SLICE_ROWS", 60 * len(series))
    with pytest.raises(TooMuch):
        roll(engine, *late)
    monkeypatch.setattr(rollups, "SLICE_ROWS", 100_000)
    roll(engine, *late)
    assert engine.rows("SELECT count(), uniqExact(series), sum(count) FROM rollup_1m FINAL") == [
        (60 * len(series), len(series), 60 * len(series))
    ]
    engine.close()


def test_rollups_of_older_stores_get_the_new_columns_and_say_that_they_know_nothing(
    engine: Engine, insert: Put
) -> None:
    insert([{"series": 1, "ts": T0 * 1_000_000 + 5, "number": 1.0, "seq": 1}])
    stored(engine, 1)
    Roller(engine, SETTINGS).beat(now_s=T0 + 7_200)
    for column in ("min_us", "max_us"):
        engine.command(f"ALTER TABLE {ROLLUPS[60]} DROP COLUMN {column}")
    create_tables(engine)
    [old] = rolled(engine, 60).values()
    assert (old["min"], old["min_us"], old["max_us"]) == (1.0, UNKNOWN_US, UNKNOWN_US)
    insert([{"series": 1, "ts": T0 * 1_000_000 + 60_000_009, "number": 2.0, "seq": 2}])
    stored(engine, 2)
    Roller(engine, SETTINGS).beat(now_s=T0 + 7_200)
    hour = rolled(engine, 3600)
    [start] = {start for _, start in hour}
    assert (hour[1, start]["min_us"], hour[1, start]["max_us"]) == (UNKNOWN_US, (T0 + 60 - start) * 1_000_000 + 9)
