"""Models and kept runs go with a twin that is moved or renamed; the series they read and write stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.errors import NotFound
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Guard, Role
from lineshaft.telemetry import Intake
from lineshaft.twins import Draft, Level, Twins
from lineshaft.twins.model.simulation import Altered, Scenario
from lineshaft.twins.worker import Beside

from .conftest import ADA, EVE, OLLI, TANK, Plant, person

BUFFER = PlantPath("acme/berlin/line-2/buffer")


async def kept(plant: Plant) -> Scenario:
    found = await plant.scenarios.run(OLLI, plant.model, plant.span(600, 700), Altered(factors={"outflow": 2.0}))
    return await plant.scenarios.keep(OLLI, found, "twice")


async def move(twins: Twins) -> None:
    await twins.create(PLATFORM, Draft(path=PlantPath("acme/berlin/line-2"), level=Level.LINE))
    await twins.move(ADA, TANK, BUFFER)


async def test_kept_runs_follow_a_twin_that_is_moved_and_come_back_with_it(plant: Plant, twins: Twins) -> None:
    one = await kept(plant)
    before = await plant.scenarios.get(EVE, one.id)
    await move(twins)
    assert await plant.scenarios.list_(EVE, TANK) == []
    [there] = await plant.scenarios.list_(EVE, BUFFER)
    assert (there.id, there.name, there.model.path) == (one.id, "twice", BUFFER)
    assert there.model.sources == one.model.sources, "what was read stays where it was"
    after = await plant.scenarios.get(EVE, one.id)
    assert after.outputs["level"] == pytest.approx(before.outputs["level"])
    assert (await plant.scenarios.rename(OLLI, one.id, "doubled")).model.path == BUFFER
    await twins.move(ADA, BUFFER, TANK)
    assert await plant.scenarios.list_(EVE, TANK) == [replace(one, name="doubled")]


async def test_kept_runs_follow_when_what_stands_above_the_twin_is_renamed(plant: Plant, twins: Twins) -> None:
    one = await kept(plant)
    await twins.move(ADA, "acme/berlin/line-1", "acme/berlin/filling")
    assert [found.id for found in await plant.scenarios.list_(EVE, "acme/berlin/filling/tank")] == [one.id]
    [change] = await twins.history(PLATFORM, "acme/berlin/filling", limit=1)
    await twins.undo(ADA, change.id)
    assert await plant.scenarios.list_(EVE, TANK) == [one]


async def test_a_viewer_of_the_new_place_alone_sees_the_runs_and_one_of_the_old_place_no_more(
    plant: Plant, twins: Twins
) -> None:
    one = await kept(plant)
    await move(twins)
    there, left = person("zoe", Role.VIEWER, "acme/berlin/line-2"), person("leo", Role.VIEWER, "acme/berlin/line-1")
    assert [found.id for found in await plant.scenarios.list_(there, BUFFER)] == [one.id]
    assert (await plant.scenarios.get(there, one.id)).scenario.id == one.id
    with pytest.raises(NotFound):
        await plant.scenarios.get(left, one.id)


async def test_the_model_of_a_moved_twin_goes_on_reading_and_writing_the_same_series(
    plant: Plant, twins: Twins, bus: Bus, guard: Guard
) -> None:
    model = await plant.simulations.save(ADA, plant.model)
    await plant.simulations.fails(PLATFORM, model, "The FMU ended.")
    await move(twins)
    assert await plant.simulations.list_(EVE, TANK) == []
    [standing] = await plant.simulations.standings(EVE, BUFFER)
    assert standing.fault is not None
    assert standing.model.series_of("leak") == f"{TANK}/balance/leak"
    assert standing.model.sources == model.sources
    beside = Beside(plant.simulations, plant.historian, Intake(bus, guard))
    await beside.beat()
    assert beside.troubles == {}
    changed = await plant.simulations.save(ADA, replace(standing.model, writes="", every_s=2.0))
    assert changed.series_of("leak") == f"{TANK}/balance/leak", "a change of the model moves no series"
    await twins.move(ADA, BUFFER, TANK)
    assert await plant.simulations.get(EVE, TANK, "balance") == replace(model, every_s=2.0, version=2)


async def test_a_model_suggested_for_a_moved_twin_reads_what_its_properties_read(plant: Plant, twins: Twins) -> None:
    [before] = [one for one in await plant.simulations.suggest(EVE, TANK) if one.mechanism == "tank"]
    await move(twins)
    [after] = [one for one in await plant.simulations.suggest(EVE, BUFFER) if one.mechanism == "tank"]
    assert (before.inputs["inflow"], after.inputs["inflow"]) == ("inflow", f"/{TANK}/inflow")
    assert (before.corrections, after.corrections) == (("level_measured",), ("level_measured",))
