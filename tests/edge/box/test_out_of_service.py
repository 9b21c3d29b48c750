"""Values of connections that are switched off, removed or lost, and of those that come back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from lineshaft.edge import State
from lineshaft.edge.connectors.mqtt import fake as mqtt_fake
from lineshaft.edge.connectors.opcua.replay import ReplayServer as Plc
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.terms import Quality

from .conftest import ENGINEER, Stage

OUT = Quality.BAD_OUT_OF_SERVICE


AWAY = Quality.BAD_NOT_CONNECTED


TANK = ("acme/hall/tank/pressure", "acme/hall/tank/level")


async def ended(stage: Stage, how: str) -> None:
    """Switch the connection off, or remove it."""
    if how == "removed":
        await stage.edge.remove(ENGINEER, "plc")
    else:
        await stage.edge.enable(ENGINEER, "plc", on=False)


@pytest.mark.parametrize("how", ["removed", "disabled"])
async def test_values_of_a_connection_that_ends_are_told_to_be_out_of_service_once(stage: Stage, how: str) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: all(stage.qualities(path) == [0] for path in TANK))
    await ended(stage, how)
    await stage.until(lambda: all(stage.qualities(path) == [0, OUT] for path in TANK))
    assert np.isnan(stage.rows(TANK[0])[-1][0])
    await asyncio.sleep(1)
    assert all(stage.qualities(path) == [0, OUT] for path in TANK)


@pytest.mark.parametrize("how", ["removed", "disabled"])
async def test_so_are_those_of_one_that_was_lost(stage: Stage, how: str) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(timeout_s=1.0, answer_timeout_s=0.3))
    await stage.until_health(State.GOOD)
    await stage.device.close()
    await stage.until_health(State.LOST)
    await stage.until(lambda: all(stage.qualities(path)[-1:] == [AWAY] for path in TANK))
    await ended(stage, how)
    await stage.until(lambda: all(stage.qualities(path)[-1] == OUT for path in TANK))
    await asyncio.sleep(1)
    assert all(stage.qualities(path).count(OUT) == 1 for path in TANK)


@pytest.mark.parametrize("how", ["removed", "disabled"])
async def test_so_are_those_of_one_that_never_answered(stage: Stage, how: str) -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    await stage.edge.save(ENGINEER, "modbus", stage.raw(port=port, timeout_s=20.0, answer_timeout_s=10.0))
    await stage.until(lambda: bool(stage.box.health()))
    assert await stage.health() is State.UNKNOWN
    await ended(stage, how)
    await stage.until(lambda: all(stage.qualities(path) == [OUT] for path in TANK))
    silent.close()


async def test_a_switched_off_connection_is_good_again_when_it_is_switched_on(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    await ended(stage, "disabled")
    await stage.until(lambda: all(stage.qualities(path)[-1:] == [OUT] for path in TANK))
    await ended(stage, "removed")
    await stage.until(lambda: stage.box.health() == [])
    await stage.edge.restore(ENGINEER, "plc", 1)
    await stage.until(lambda: all(stage.qualities(path) == [0, OUT, 0] for path in TANK))


MODES = pytest.mark.parametrize("mode", ["subscribe", "poll"])


def steady(plc: Plc, mode: str) -> dict[str, object]:
    """A connection to a machine whose one value does not change."""
    tags = [{"path": "recipe", "address": plc.addresses["recipe"], "every": "50ms"}]
    return {"name": "plc", "path": "hall/tank", "url": plc.url, "mode": mode, "tags": tags}


async def told(stage: Stage, *expected: tuple[float, int]) -> None:
    """Wait until the recipe's samples, in the order of their time, are these."""
    names = {7.0: "seven"}

    def now() -> list[tuple[object, int]]:
        rows = {int(b.ts[i]): (float(b.number[i]), int(b.quality[i])) for b in stage.batches for i in range(len(b))}
        return [(names.get(number), quality) for _, (number, quality) in sorted(rows.items())]

    await stage.until(lambda: now() == [(names.get(n), q) for n, q in expected])


@MODES
async def test_a_steady_value_is_good_again_when_its_connection_is_switched_on(stage: Stage, mode: str) -> None:
    async with Plc(["recipe"]) as plc:
        await plc.set({"recipe": 7.0})
        await stage.edge.save(ENGINEER, "opcua", steady(plc, mode))
        await told(stage, (7.0, 0))
        await ended(stage, "disabled")
        await told(stage, (7.0, 0), (np.nan, OUT))
        await stage.edge.enable(ENGINEER, "plc", on=True)
        await told(stage, (7.0, 0), (np.nan, OUT), (7.0, 0))
        await asyncio.sleep(0.5)
        await told(stage, (7.0, 0), (np.nan, OUT), (7.0, 0))
        await stage.edge.remove(ENGINEER, "plc")


@MODES
async def test_a_steady_value_is_good_again_when_its_machine_is_back(stage: Stage, mode: str) -> None:
    plc = Plc(["recipe"])
    await plc.start()
    await plc.set({"recipe": 7.0}, now_us() - 3_600_000_000)
    raw = steady(plc, mode)
    await stage.edge.save(ENGINEER, "opcua", raw)
    await told(stage, (7.0, 0))
    await plc.stop()
    await told(stage, (7.0, 0), (np.nan, AWAY))
    again = Plc(["recipe"])
    await again.start(port=plc.device.port)
    await again.set({"recipe": 7.0}, now_us() - 3_600_000_000)
    await told(stage, (7.0, 0), (7.0, 0), (np.nan, AWAY), (7.0, 0))
    await stage.edge.remove(ENGINEER, "plc")
    await stage.until(lambda: stage.box.health() == [])
    await again.stop()


async def test_a_tag_taken_out_of_a_connection_is_out_of_service_and_the_others_are_not(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: all(stage.qualities(path) == [0] for path in TANK))
    await stage.edge.save(ENGINEER, "modbus", stage.raw(tags=stage.raw()["tags"][1:]))
    await stage.until(lambda: stage.qualities(TANK[0]) == [0, OUT])
    await stage.until(lambda: stage.qualities(TANK[1]) == [0, 0])


async def test_what_a_connection_discovered_is_out_of_service_as_well(stage: Stage, tmp_path: Path) -> None:
    async with mqtt_fake.stand(tmp_path / "broker") as stand:
        await stage.edge.save(ENGINEER, "mqtt", {"name": "plc", "path": "hall", **stand.raw})
        found = "acme/hall/hall-1/climate/temperature"
        await stage.until(lambda: 0 in stage.qualities(found))
        await ended(stage, "removed")
        await stage.until(lambda: stage.qualities(found)[-1] == OUT)
        await stage.until(lambda: stage.qualities("acme/hall/hall-1/lux")[-1] == OUT)


async def test_a_box_that_stops_says_nothing_of_service(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until(lambda: all(stage.qualities(path) == [0] for path in TANK))
    await stage.crew.stop()
    await asyncio.sleep(0.5)
    assert all(stage.qualities(path) == [0] for path in TANK)
