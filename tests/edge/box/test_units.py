"""Units travel with the first sample of a path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lineshaft.edge import SampleBatch, told_units
from lineshaft.edge.connectors import Readings
from lineshaft.kernel.clock import now_us

from .conftest import ENGINEER, Stage


async def _told(stage: Stage, path: str, count: int) -> list[str]:
    """The units told with the samples of a path, once there are `count` samples."""
    await stage.until(lambda: len(stage.rows(path)) >= count)
    return [batch.units[path] for batch in stage.batches if path in batch.units]


async def test_a_unit_leaves_with_the_first_sample_of_its_path_and_when_it_changes(stage: Stage) -> None:
    outlet, path = stage.box.outlet, "acme/hall/gauge"
    await stage.until(lambda: bool(stage.box._crew._tasks))
    outlet.declare(path, "bar")
    for count in (1, 2):
        await outlet.put(Readings.of([path, "acme/hall/other"], [float(count), 0.0], now_us()))
        assert await _told(stage, path, count) == ["bar"]
    for unit, units in (("bar", ["bar"]), ("mbar", ["bar", "mbar"]), ("", ["bar", "mbar", ""])):
        outlet.declare(path, unit)
        await outlet.put(Readings.of([path], [0.0], now_us()))
        assert await _told(stage, path, len(stage.rows(path)) + 1) == units
    assert all("acme/hall/other" not in batch.units for batch in stage.batches)


async def test_a_tag_says_its_unit_and_a_machine_only_where_the_tag_leaves_the_number_as_it_is(stage: Stage) -> None:
    tags = [
        {"path": "own", "address": "a", "unit": "°C"},
        {"path": "scaled", "address": "b", "scale": 0.1},
        {"path": "plain", "address": "c"},
    ]
    raw = {"name": "q", "path": "hall/q", "broker": "mqtt://127.0.0.1:1", "tags": tags}
    await stage.edge.save(ENGINEER, "mqtt", raw)
    await stage.until(lambda: "q" in stage.box._runners)
    runner = stage.box._runners["q"]
    paths = [f"acme/hall/q/{name}" for name in ("own", "scaled", "plain", "found")]
    said = dict.fromkeys(paths, "°F")
    await runner.put(replace(Readings.of(paths, [1.0] * 4, now_us()), units=said))
    await stage.until(lambda: bool(stage.rows(paths[3])))
    told: dict[str, str] = {}
    for batch in stage.batches:
        told |= batch.units
    assert told == {paths[0]: "Cel", paths[2]: "[degF]", paths[3]: "[degF]"}


def test_a_batch_carries_units_and_bears_nonsense() -> None:
    told = SampleBatch(
        paths=["acme/a"],
        index=np.zeros(1, dtype=np.int32),
        ts=np.array([1]),
        number=np.array([1.0]),
        quality=np.zeros(1, dtype=np.uint8),
        units={"acme/a": "m³"},
    )
    assert SampleBatch.decode(told.encode()).units == {"acme/a": "m³"}
    for nonsense in (b"{", b"[]", b'{"acme/a": 1}', b"\xff"):
        assert told_units({b"units": nonsense}) == {}
