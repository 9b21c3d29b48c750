"""What no machine can mean is mended and named; a batch of long texts leaves in pieces the bus can carry."""

from __future__ import annotations

import asyncio
import math

import numpy as np
from numpy.testing import assert_array_equal

from lineshaft.edge import SampleBatch
from lineshaft.edge.connectors import Readings
from lineshaft.edge.worker.outlet import Outlet
from lineshaft.edge.worker.sieve import MOST_TEXT, sieved
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.terms import Quality

PATHS = ["acme/a", "acme/b", "acme/c"]
NAN, INF = math.nan, math.inf


def readings(number, *, ts=None, quality=None, text=None) -> Readings:
    rows = len(number)
    return Readings(
        paths=PATHS,
        index=np.arange(rows, dtype=np.int32) % len(PATHS),
        ts=np.array(ts if ts is not None else [now_us()] * rows, dtype=np.int64),
        number=np.array(number, dtype=np.float64),
        quality=np.array(quality if quality is not None else [0] * rows, dtype=np.uint8),
        text=text,
    )


def test_what_is_sound_passes_untouched() -> None:
    given = readings([1.0, NAN, NAN], quality=[0, 0, Quality.BAD_NO_DATA], text=[None, "on", None])
    assert sieved(given) == (given, [])


def test_impossible_times_become_the_arrival() -> None:
    before = now_us()
    given = readings([1.0, 2.0, 3.0], ts=[1_000_000, before, 4_102_444_800_000_000], quality=[0, 0, Quality.BAD])
    fine, problems = sieved(given)
    assert fine.ts[1] == before
    assert all(before <= fine.ts[row] <= now_us() for row in (0, 2))
    assert_array_equal(fine.quality, [Quality.UNCERTAIN_TIME, 0, Quality.BAD])
    assert_array_equal(fine.number, [1.0, 2.0, 3.0])
    assert [p.path for p in problems] == ["acme/a"], "what is bad anyway is not named for its time"


def test_a_number_that_is_none_is_bad_unless_it_is_a_text() -> None:
    fine, problems = sieved(readings([INF, NAN, NAN], text=[None, "text", None]))
    assert_array_equal(fine.number, [NAN, NAN, NAN])
    assert_array_equal(fine.quality, [Quality.BAD_NO_DATA, 0, Quality.BAD_NO_DATA])
    assert [p.path for p in problems] == ["acme/a", "acme/c"]


def test_a_text_without_end_is_left_out_and_named_once_per_path() -> None:
    text = ["x" * MOST_TEXT, "x" * (MOST_TEXT + 1), "short", None, "x" * (MOST_TEXT + 1)]
    fine, problems = sieved(readings([NAN, NAN, NAN, 1.0, NAN], text=text))
    assert fine.text == [text[0], None, "short", None, None]
    assert_array_equal(fine.quality, [0, Quality.BAD_OUT_OF_RANGE, 0, 0, Quality.BAD_OUT_OF_RANGE])
    assert [p.path for p in problems] == ["acme/b"]


async def test_long_texts_leave_in_messages_the_bus_can_carry(bus: Bus) -> None:
    outlet = Outlet(bus, organisation="acme", edge="box", batch_ms=10)
    running = asyncio.create_task(outlet.run())
    moment = now_us()
    texts = [f"{row:05}" + "x" * 40_000 for row in range(60)]
    given = readings([NAN] * 60, ts=[moment + row for row in range(60)], text=texts)
    async with asyncio.timeout(10):
        await outlet.put(given)
        await outlet.flush()
        sizes, told = [], []
        async for messages in bus.read("SAMPLES", start_seq=1, linger_s=0.2):
            for message in messages:
                batch = SampleBatch.decode(message.data)
                sizes.append(len(message.data))
                told += list(zip(batch.ts.tolist(), batch.text.to_pylist(), strict=True))
            if len(told) >= 60 or not messages:
                break
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert max(sizes) <= 1_000_000
    assert sorted(told) == [(moment + row, text) for row, text in enumerate(texts)]
