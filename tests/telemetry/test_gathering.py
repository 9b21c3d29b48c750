"""Joining columns of many messages gives exactly the rows that row-by-row thinking gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.edge import SampleBatch
from lineshaft.kernel.bus import Message
from lineshaft.kernel.terms import Quality, series_id
from lineshaft.telemetry.worker.gathering import DAY_US, Y2000_US, Gatherer

NOW = 1_760_000_000_000_000
PATHS = [f"acme/line/p{i}" for i in range(6)]
SAMPLE = st.tuples(
    st.integers(0, 5),
    st.one_of(
        st.integers(NOW - 10, NOW + 10), st.sampled_from([0, -1, Y2000_US, NOW + DAY_US, NOW + DAY_US + 1, 2**62])
    ),
    st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(1.5)),
    st.one_of(st.none(), st.sampled_from(["", "on", "grün"])),
    st.sampled_from([0, 0x40, 0x80, 0xFF]),
)
MESSAGE = st.tuples(st.lists(SAMPLE, max_size=12), st.booleans(), st.sampled_from([NOW, 0, NOW + 2 * DAY_US]))


def message(seq: int, samples: list[tuple[Any, ...]], history: bool, received: int) -> Message:
    index, ts, number, text, quality = zip(*samples, strict=True) if samples else ((), (), (), (), ())
    batch = SampleBatch(
        paths=PATHS,
        index=np.array(index, dtype=np.int32),
        ts=np.array(ts, dtype=np.int64),
        number=np.array(number, dtype=np.float64),
        text=pa.array(text, pa.utf8()),
        quality=np.array(quality, dtype=np.uint8),
        received_us=received,
        history=history,
    )
    return Message("lineshaft.samples.acme.box", batch.encode(), "", seq, NOW * 1_000)


def expected(seq: int, samples: list[tuple[Any, ...]], history: bool, received: int) -> list[tuple[Any, ...]]:
    """One row after the other, straight from the words of the module."""
    came = received if Y2000_US <= received <= NOW + DAY_US else NOW
    earliest = 0 if history else Y2000_US
    rows = []
    for place, (index, ts, number, text, quality) in enumerate(samples):
        possible, finite = earliest <= ts <= came + DAY_US, math.isfinite(number)
        grade = quality if possible or quality >= 0x80 else int(Quality.UNCERTAIN_TIME)
        if not finite and text is None and grade < 0x80:
            grade = int(Quality.BAD_NO_DATA)
        at, value = ts if possible else came + place, number if finite else math.nan
        rows.append((series_id(PATHS[index]), at, repr(value), text or "", grade, seq + 1_000))
    return rows


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    count = table.num_rows
    columns = {name: table[name].to_pylist() if name in table.column_names else None for name in ("text", "quality")}
    return list(
        zip(
            table["series"].to_pylist(),
            table["ts"].cast(pa.int64()).to_pylist(),
            map(repr, table["number"].to_pylist()),
            columns["text"] or [""] * count,
            columns["quality"] or [0] * count,
            table["seq"].to_pylist(),
            strict=True,
        )
    )


@settings(max_examples=150, deadline=None)
@given(messages=st.lists(MESSAGE, min_size=1, max_size=6))
def test_gathering_equals_thinking_row_by_row(messages: list[tuple[Any, ...]]) -> None:
    gatherer = Gatherer(lambda ids: np.ones(len(ids), dtype=np.bool_))
    made = gatherer.gather([message(i, *told) for i, told in enumerate(messages)], base=1_000)
    want = [row for i, told in enumerate(messages) for row in expected(i, *told)]
    assert rows(made.rows) == want
    assert {new.path for new in made.new} == {PATHS[s[0]] for samples, *_ in messages for s in samples}
    assert (made.through, made.unread) == (len(messages) - 1, ())


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_broken_bytes_are_told_and_never_raise(data: st.DataObject) -> None:
    whole = bytearray(message(1, [(0, NOW, 1.0, "on", 0), (1, NOW, 2.0, None, 0)], False, NOW).data)
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    broken = Message("lineshaft.samples.acme.box", bytes(whole[:cut]), "", 1, NOW * 1_000)
    good = message(2, [(0, NOW, 1.0, None, 0)], False, NOW)
    made = Gatherer(lambda ids: np.zeros(len(ids), dtype=np.bool_)).gather([broken, good], base=0)
    assert made.through == 2
    assert rows(made.rows)[-1] == (series_id(PATHS[0]), NOW, "1.0", "", 0, 2)


def test_a_new_day_asks_anew_since_when_a_path_is_kept() -> None:
    asked: list[str] = []

    def kept_from(path: str) -> int:
        asked.append(path)
        return NOW

    gatherer = Gatherer(lambda ids: np.zeros(len(ids), dtype=np.bool_), kept_from)
    today = message(1, [(0, NOW, 1.0, None, 0), (0, NOW - 1, 1.0, None, 0)], False, NOW)
    made = gatherer.gather([today], base=0)
    assert (made.rows.num_rows, made.too_old) == (1, 1)
    gatherer.gather([today], base=0)
    assert len(asked) == len(PATHS)
    tomorrow = Message(today.subject, today.data, "", 2, (NOW + DAY_US) * 1_000)
    gatherer.gather([tomorrow], base=0)
    assert len(asked) == 2 * len(PATHS)
