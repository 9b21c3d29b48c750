"""What a twin would have done: runs over what was, altered, given up, kept, and compared."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.errors import Forbidden, Invalid
from lineshaft.security import PLATFORM, Guard, Role
from lineshaft.telemetry import Intake
from lineshaft.twins.errors import NoScenario
from lineshaft.twins.model.simulation import Altered, Model
from lineshaft.twins.simulation import Run, difference, held, mechanism, pieces, run
from lineshaft.twins.worker import Beside

from .conftest import ADA, BOB, EVE, OLLI, TANK, Plant, audited, person

FREE = ("level_measured",)


def test_a_run_in_pieces_is_the_run_at_once() -> None:
    t = np.arange(0.0, 997.0)
    inflow = 20 + 5 * np.sin(t / 50)
    inflow[300:320] = np.nan
    columns = {"inflow": inflow, "outflow": np.full(len(t), 19.0), "level_measured": 50 + np.sin(t / 70)}
    whole = run(mechanism("tank"), t, columns).outputs
    found = list(pieces(mechanism("tank"), t, columns, {}, size=100))
    assert [begin for begin, _ in found] == list(range(0, 997, 100))
    for name, column in whole.items():
        assert np.concatenate([one.outputs[name] for _, one in found]) == pytest.approx(column, abs=1e-9, nan_ok=True)


def test_what_remembers_but_leaves_no_state_is_computed_whole() -> None:
    class Unit:
        memory_s = 60.0
        variables = mechanism("pump").variables

        def __init__(self) -> None:
            self.asked: list[int] = []

        def run(self, t: Any, inputs: Any, parameters: Any, state: Any) -> Run:
            self.asked.append(len(t))
            return mechanism("pump").run(t, inputs, parameters, state)

    unit, t = Unit(), np.arange(0.0, 250.0)
    [(begin, done)] = pieces(unit, t, {"speed": np.full(250, 2900.0), "flow": np.full(250, 20.0)}, {}, size=100)
    assert (begin, len(done.outputs["head"]), unit.asked) == (0, 250, [100, 250])


async def test_without_its_correction_a_model_predicts_what_would_have_been(plant: Plant) -> None:
    shares: list[float] = []
    asked = Altered(offsets={"inflow": 10.0}, free=FREE)
    span = plant.span(1800, 2400)
    found = await plant.scenarios.run(EVE, plant.model, span, asked, progress=shares.append)
    gained = (found.outputs["level"] - found.before["level"])[[0, 60, 599]]
    assert gained == pytest.approx([0.0, 10 / 60 * 60 / 4, 10 / 60 * 599 / 4], abs=1e-6)
    assert found.before["level"] == pytest.approx(found.measured["level"], abs=0.1), "the leak goes on as it was seen"
    assert found.inputs["inflow"] == pytest.approx(30.0)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ("altered", "inflow"),
    [
        (Altered(), [20, 20, 20]),
        (Altered(offsets={"inflow": -2.0}), [18, 18, 18]),
        (Altered(factors={"inflow": 1.5}), [30, 30, 30]),
        (Altered(values={"inflow": 7.0}), [7, 7, 7]),
        (Altered(ramps={"inflow": 10.0}), [20, 20 + 10 * 50 / 99, 30]),
        (Altered(factors={"inflow": 2.0}, offsets={"inflow": 1.0}), [41, 41, 41]),
    ],
)
async def test_inputs_are_altered_as_asked(plant: Plant, altered: Altered, inflow: list[float]) -> None:
    found = await plant.scenarios.run(EVE, plant.model, plant.span(600, 700), altered)
    assert found.inputs["inflow"][[0, 50, 99]] == pytest.approx(inflow)


@pytest.mark.parametrize(
    ("model", "altered", "says"),
    [
        ({}, Altered(factors={"inflw": 2.0}), "'inflw' is not bound"),
        ({}, Altered(free=("nothing",)), "'nothing' is not bound"),
        ({}, Altered(parameters={"volume_full": 0.0}), "outside 0.001 to ∞ L"),
        ({"every_s": 0.1}, Altered(), "The run has"),
    ],
)
async def test_what_cannot_be_run_is_refused_with_the_reason(
    plant: Plant, model: dict[str, float], altered: Altered, says: str
) -> None:
    span = plant.span(-90_000, 3600) if model else plant.span(0, 60)
    with pytest.raises(Invalid, match=says):
        await plant.scenarios.run(EVE, replace(plant.model, **model), span, altered)


async def test_a_run_that_is_cancelled_goes_no_further(plant: Plant) -> None:
    shares: list[float] = []

    def tell(share: float) -> None:
        shares.append(share)
        running.cancel()

    running = asyncio.create_task(plant.scenarios.run(EVE, plant.model, plant.span(0, 3000), Altered(), progress=tell))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert shares == [0.2]


async def test_a_kept_run_says_the_same_later_under_its_name(plant: Plant, guard: Guard) -> None:
    found = await plant.scenarios.run(OLLI, plant.model, plant.span(600, 700), Altered(factors={"outflow": 2.0}))
    kept = await plant.scenarios.keep(OLLI, found, "  Twice  the outflow ")
    assert kept.name == "Twice the outflow"
    assert await plant.scenarios.list_(EVE, TANK) == [kept]
    again = await plant.scenarios.get(EVE, kept.id)
    for part in ("outputs", "before", "measured", "inputs"):
        was, now = getattr(found, part), getattr(again, part)
        assert set(was) == set(now)
        assert all(np.array_equal(was[name], now[name], equal_nan=True) for name in was)
    assert [e.after["name"] for e in await audited(guard, "twins.scenario.keep") if e.after] == ["Twice the outflow"]


async def test_a_kept_run_is_renamed_discarded_and_brought_back(plant: Plant) -> None:
    found = await plant.scenarios.run(OLLI, plant.model, plant.span(600, 660), Altered())
    kept = await plant.scenarios.keep(OLLI, found, "first")
    assert (await plant.scenarios.rename(OLLI, kept.id, "second")).name == "second"
    gone = await plant.scenarios.discard(OLLI, kept.id)
    assert await plant.scenarios.list_(OLLI, TANK) == []
    back = await plant.scenarios.keep(OLLI, gone, gone.scenario.name)
    assert (back.id, back.name) == (kept.id, "second")
    with pytest.raises(NoScenario):
        await plant.scenarios.get(OLLI, "0" * 32)


async def test_a_viewer_runs_and_keeps_nothing_and_a_stranger_sees_nothing(plant: Plant) -> None:
    found = await plant.scenarios.run(EVE, plant.model, plant.span(600, 660), Altered())
    with pytest.raises(Forbidden):
        await plant.scenarios.keep(EVE, found, "mine")
    kept = await plant.scenarios.keep(ADA, found, "hers")
    for work in (plant.scenarios.rename(EVE, kept.id, "x"), plant.scenarios.discard(EVE, kept.id)):
        with pytest.raises(Forbidden):
            await work
    assert [one.name for one in await plant.scenarios.list_(ADA, TANK)] == ["hers"]
    with pytest.raises(NoScenario):
        await plant.scenarios.get(BOB, kept.id)
    with pytest.raises(Forbidden):
        await plant.scenarios.list_(BOB, TANK)


async def test_who_may_not_see_an_input_does_not_see_the_run(plant: Plant) -> None:
    model = replace(plant.model, inputs={**plant.model.inputs, "inflow": "/other/hall/pump/flow"})
    found = await plant.scenarios.run(PLATFORM, plant.model, plant.span(600, 660), Altered())
    kept = await plant.scenarios.keep(PLATFORM, replace(found, scenario=replace(found.scenario, model=model)), "both")
    assert await plant.scenarios.list_(person("zoe", Role.ENGINEER, "acme"), TANK) == []
    assert [one.id for one in await plant.scenarios.list_(PLATFORM, TANK)] == [kept.id]


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
async def test_a_name_has_one_to_eighty_letters(plant: Plant, name: str) -> None:
    found = await plant.scenarios.run(OLLI, plant.model, plant.span(600, 660), Altered())
    with pytest.raises(Invalid, match="letters"):
        await plant.scenarios.keep(OLLI, found, name)
    assert await plant.scenarios.list_(OLLI, TANK) == []


async def test_a_model_that_fails_is_remembered_until_it_runs_again(plant: Plant) -> None:
    model: Model = await plant.simulations.save(ADA, plant.model)
    [standing] = await plant.simulations.standings(EVE, TANK)
    assert standing.fault is None
    assert [v.name for v in standing.outputs] == ["level", "leak"]
    await plant.simulations.fails(PLATFORM, model, "The FMU ended.")
    [standing] = await plant.simulations.standings(EVE, TANK)
    assert standing.fault is not None
    assert (standing.fault.message, standing.fault.over_us) == ("The FMU ended.", 0)
    await plant.simulations.runs(PLATFORM, model)
    [standing] = await plant.simulations.standings(EVE, TANK)
    assert standing.fault is not None
    assert standing.fault.over_us >= standing.fault.since_us
    await plant.simulations.remove(ADA, TANK, "balance")
    await plant.simulations.save(ADA, plant.model)
    [standing] = await plant.simulations.standings(EVE, TANK)
    assert standing.fault is None


def test_a_difference_counts_where_both_courses_are_known() -> None:
    ts = np.arange(5, dtype=np.int64) * 1_000_000
    found = difference(ts, np.array([1.0, 2, np.nan, 4, 5]), np.array([1.0, 5, 9, np.nan, 4]))
    assert found is not None
    assert (found.mean_first, found.mean_second, found.mean) == pytest.approx((8 / 3, 10 / 3, 2 / 3))
    assert (found.largest, found.largest_us, found.last) == (3.0, 1_000_000, -1.0)
    assert difference(ts, np.full(5, np.nan), np.zeros(5)) is None


def test_a_course_held_at_other_instants_is_unknown_outside_of_itself() -> None:
    ts = np.array([10, 20, 30], dtype=np.int64)
    found = held(ts, np.array([1.0, 2.0, 3.0]), np.array([5, 10, 15, 29, 39, 40], dtype=np.int64))
    assert found == pytest.approx([np.nan, 1, 1, 2, 3, np.nan], nan_ok=True)


async def test_beside_the_machine_a_fault_is_told_and_ends_when_the_model_runs_again(
    plant: Plant, bus: Bus, guard: Guard
) -> None:
    beside = Beside(plant.simulations, plant.historian, Intake(bus, guard))
    good = await plant.simulations.save(ADA, replace(plant.model, name="good"))
    bad = await plant.simulations.save(ADA, replace(plant.model, parameters={"volume_full": 0.0}))
    await beside.beat()
    faults = {one.model.name: one.fault for one in await plant.simulations.standings(EVE, TANK)}
    assert faults["good"] is None
    assert faults["balance"] is not None
    assert "volume_full' is 0, outside 0.001" in faults["balance"].message
    assert list(beside.troubles) == [f"{TANK}/balance"]
    await plant.simulations.save(ADA, replace(bad, parameters={}))
    await beside.beat()
    [standing] = [one for one in await plant.simulations.standings(EVE, TANK) if one.model.name != good.name]
    assert standing.fault is not None
    assert standing.fault.over_us > 0
