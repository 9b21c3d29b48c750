"""Several boxes on one catalogue: each runs its own connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from lineshaft.edge import EdgeSettings, State
from lineshaft.edge.errors import BadConnection
from lineshaft.edge.worker import EdgeBox
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Unavailable

from .conftest import ENGINEER, Stage
from .test_out_of_service import OUT, TANK

Start = Callable[[str], tuple[EdgeBox, asyncio.Task[None]]]


@pytest.fixture
def start(stage: Stage, db: Database, tmp_path: Path) -> Start:
    """Starts more boxes beside the first, which is called e1."""

    def begin(name: str) -> tuple[EdgeBox, asyncio.Task[None]]:
        settings = EdgeSettings(name=name, batch_ms=20, max_silence=60)
        box = EdgeBox(settings, organisation="acme", bus=stage.bus, front=None, db=db, folder=tmp_path / name)
        return box, stage.crew.keep(name, box.run)

    return begin


def running(box: EdgeBox) -> dict[str, State]:
    return {health.connection: health.state for health in box.health()}


def second(stage: Stage, **more: object) -> dict[str, object]:
    return stage.raw(name="two", path="hall/two", **more)


async def test_each_box_runs_and_answers_for_its_own_connections(stage: Stage, start: Start) -> None:
    other, _ = start("e2")
    assert (await stage.edge.save(ENGINEER, "modbus", stage.raw())).edge == "e1"
    assert (await stage.edge.save(ENGINEER, "modbus", second(stage, edge="e2"))).edge == "e2"
    await stage.until(lambda: running(stage.box) == {"plc": State.GOOD} and running(other) == {"two": State.GOOD})
    assert (await stage.edge.write(ENGINEER, "acme/hall/two/level", 55.0)).read_back == 55.0
    assert (await stage.edge.write(ENGINEER, "acme/hall/tank/level", 54.0)).read_back == 54.0
    assert await stage.edge.browse(ENGINEER, name="two")
    assert len(await stage.edge.test(ENGINEER, "modbus", second(stage))) == 2
    with pytest.raises(Unavailable, match=r"Nobody answers on lineshaft\.edge\.e3\.do"):
        await stage.edge.test(ENGINEER, "modbus", second(stage, edge="e3"))
    await stage.until_health(State.GOOD)
    assert (await stage.edge.get(ENGINEER, "two")).health.state is State.GOOD
    assert (running(stage.box), running(other)) == ({"plc": State.GOOD}, {"two": State.GOOD})


async def test_a_connection_keeps_its_box_until_another_is_named(stage: Stage, start: Start) -> None:
    other, _ = start("e2")
    await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e2"))
    assert (await stage.edge.save(ENGINEER, "modbus", stage.raw())).edge == "e2"
    await stage.until(lambda: (running(stage.box), running(other)) == ({}, {"plc": State.GOOD}))
    await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e1"))
    await stage.until(lambda: (running(stage.box), running(other)) == ({"plc": State.GOOD}, {}))
    assert OUT not in stage.qualities(TANK[0]), "it is still read"
    await stage.edge.remove(ENGINEER, "plc")
    assert (await stage.edge.restore(ENGINEER, "plc", 2)).edge == "e2"
    with pytest.raises(BadConnection, match="edge: the name of a box is letters"):
        await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e2.do"))


async def test_a_connection_of_a_box_that_does_not_run_says_so(stage: Stage) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e9"))
    await stage.until(lambda: bool(stage.edge._boxes))
    health = (await stage.edge.get(ENGINEER, "plc")).health
    assert (health.state, health.error) == (State.UNKNOWN, "The edge box 'e9' has not reported for some time.")
    assert health.hint.endswith("these report: e1.")
    assert running(stage.box) == {}


async def test_two_boxes_of_one_name_are_said_until_one_is_gone(
    stage: Stage, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw())
    await stage.until_health(State.GOOD)
    assert (await stage.edge.get(ENGINEER, "plc")).health.error == ""
    _, rival = start("e1")

    async def until_said(sentence: str) -> None:
        async with asyncio.timeout(30):
            while (await stage.edge.get(ENGINEER, "plc")).health.error != sentence:
                await asyncio.sleep(0.1)

    await until_said("Two edge boxes are called 'e1'; both run this connection.")
    rival.cancel()
    await asyncio.wait([rival])
    await until_said("")
    assert capsys.readouterr().out.count("another edge box has our name") == 2, "each says it once"


async def test_connections_from_before_boxes_had_names_are_run_by_one(stage: Stage, start: Start, db: Database) -> None:
    await stage.edge.save(ENGINEER, "modbus", stage.raw(edge="e9"))
    async with db.begin() as tx:
        await tx.execute(sa.text("UPDATE edge_connections SET edge = ''"))
    boxes = [start("e2")[0], start("e3")[0]]
    await stage.until(lambda: [running(box) for box in boxes].count({"plc": State.GOOD}) == 1)
    await asyncio.sleep(1)
    assert [running(box) for box in boxes].count({}) == 1
