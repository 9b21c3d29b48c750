"""Series on their way into the tree: noted, proposed, accepted, declined, adopted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from lineshaft.edge import Node, Tag
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.terms import Kind, PlantPath
from lineshaft.security import Guard, NotAllowed, Role
from lineshaft.telemetry import Live, SeriesGrew, UnitsChanged
from lineshaft.twins import (
    BadTwin,
    Deed,
    Found,
    Level,
    Outdated,
    Property,
    Twins,
    TwinsSettings,
    found_in_nodes,
    found_in_tags,
)
from lineshaft.twins.service import enriched
from lineshaft.twins.worker import Adopter

from .conftest import ADA, BOB, EVE, at, person

LINE = "acme/berlin/line-1"
PUMP = f"{LINE}/pump-1"
Tell = Callable[..., Awaitable[int]]


def series(*paths: str, **said: object) -> list[Found]:
    return [Found(path=PlantPath(p), **said) for p in paths]


async def waiting(twins: Twins) -> list[str]:
    return [str(f.path) for f in await twins.adoption.unplaced(ADA)]


async def test_what_no_twin_reads_is_unplaced(twins: Twins) -> None:
    await twins.create(ADA, at(PUMP, properties=(Property(name="speed"),)))
    assert await twins.adoption.note(series(f"{PUMP}/speed", f"{PUMP}/flow", "other/x/y"), adopt=False) == 0
    assert await waiting(twins) == [f"{PUMP}/flow"]
    assert [f.path for f in await twins.adoption.unplaced(BOB)] == ["other/x/y"]
    with pytest.raises(NotAllowed):
        await twins.adoption.unplaced(BOB, "acme")


async def test_adoption_makes_twins_by_path(twins: Twins) -> None:
    placed = await twins.adoption.note(series(f"{PUMP}/speed", f"{PUMP}/flow", "acme/paris/hall/gate/open"), adopt=True)
    assert placed == 3
    assert await waiting(twins) == []
    pump = await twins.get(ADA, PUMP)
    assert (pump.draft.type, pump.changed_by) == ("pump", "Lineshaft")
    assert [p.property.name for p in pump.points] == ["speed", "flow"]
    assert (await twins.get(ADA, "acme/paris/hall")).draft.level is Level.AREA
    assert (await twins.get(ADA, "acme/paris/hall/gate")).draft.type == "gate"
    assert (await twins.history(ADA, PUMP))[0].deed is Deed.ADOPTED


async def test_adoption_twice_changes_nothing(twins: Twins) -> None:
    await twins.adoption.note(series(f"{PUMP}/speed"), adopt=True)
    assert await twins.adoption.note(series(f"{PUMP}/speed"), adopt=True) == 0
    assert (await twins.get(ADA, PUMP)).version == 1
    assert await twins.adoption.note(series(f"{PUMP}/flow"), adopt=True) == 1
    assert [p.property.name for p in (await twins.get(ADA, PUMP)).points] == ["speed", "flow"]


async def test_what_was_retired_is_not_adopted_again(twins: Twins) -> None:
    await twins.adoption.note(series(f"{PUMP}/speed"), adopt=True)
    gone = await twins.retire(ADA, PUMP)
    assert await waiting(twins) == [f"{PUMP}/speed"]
    assert await twins.adoption.note([], adopt=True) == 0
    assert await twins.find(ADA, PUMP) is None
    await twins.undo(ADA, gone.id)
    assert await waiting(twins) == []


async def test_taking_an_adoption_back_is_respected_too(twins: Twins) -> None:
    await twins.adoption.note(series(f"{PUMP}/speed"), adopt=True)
    await twins.undo(ADA, (await twins.history(ADA, PUMP))[0].id)
    assert await twins.adoption.note([], adopt=True) == 0
    assert await twins.find(ADA, PUMP) is None


async def test_new_series_follow_a_twin_that_was_moved(twins: Twins) -> None:
    await twins.adoption.note(series(f"{PUMP}/speed"), adopt=True)
    await twins.move(ADA, PUMP, f"{LINE}/cooling-pump")
    assert await twins.adoption.note(series(f"{PUMP}/flow"), adopt=True) == 1
    assert await twins.find(ADA, PUMP) is None
    moved = await twins.get(ADA, f"{LINE}/cooling-pump")
    assert [p.series for p in moved.points] == [f"{PUMP}/speed", f"{PUMP}/flow"]


async def test_impossible_paths_hold_nobody_up(twins: Twins) -> None:
    assert await twins.adoption.note(series("acme/a b/c", "acme", f"{PUMP}/speed"), adopt=True) == 1


async def test_a_viewer_may_look_but_not_accept(twins: Twins) -> None:
    await twins.adoption.note(series(f"{PUMP}/rpm"), adopt=False)
    proposed = await twins.adoption.propose(EVE)
    assert [p.adds for p in proposed] == [("speed",)]
    with pytest.raises(NotAllowed):
        await twins.adoption.accept(EVE, proposed)
    with pytest.raises(NotAllowed):
        await twins.adoption.decline(EVE, [f"{PUMP}/rpm"])
    assert await twins.find(ADA, PUMP) is None


async def test_a_proposal_is_accepted_whole_or_in_part(twins: Twins) -> None:
    await twins.adoption.note(series(f"{PUMP}/rpm", f"{LINE}/tank-1/level"), adopt=False)
    pump, tank = await twins.adoption.propose(ADA, under=LINE)
    change = await twins.adoption.accept(ADA, [pump])
    assert (change.deed, change.by, change.path, change.twins) == (Deed.ADOPTED, "ada", PUMP, 1)
    point = (await twins.get(ADA, PUMP)).find("speed")
    assert point is not None
    assert (point.series, point.property.unit) == (f"{PUMP}/rpm", "/min")
    assert await waiting(twins) == [f"{LINE}/tank-1/level"]
    with pytest.raises(Outdated, match="is at version 1 by now; the proposal was made for version 0"):
        await twins.adoption.accept(ADA, [tank, pump])
    assert await twins.find(ADA, tank.draft.path) is None
    with pytest.raises(BadTwin, match="Nothing was accepted"):
        await twins.adoption.accept(ADA, [])


async def test_nobody_proposes_where_they_see_nothing(twins: Twins) -> None:
    lena = person("lena", Role.ENGINEER, LINE)
    assert len(await twins.adoption.propose(lena, series(f"{PUMP}/speed"))) == 1
    with pytest.raises(NotAllowed):
        await twins.adoption.propose(lena, series("acme/paris/pump/speed"))


async def test_declined_series_wait_for_people(twins: Twins, guard: Guard) -> None:
    await twins.adoption.note(series(f"{PUMP}/speed"), adopt=False)
    await twins.adoption.decline(ADA, [f"{PUMP}/speed"])
    assert await twins.adoption.note([], adopt=True) == 0
    assert len(await twins.adoption.propose(ADA)) == 1


def test_tags_and_nodes_tell_what_they_know() -> None:
    tag = Tag(path=PlantPath(f"{PUMP}/speed"), address="1", unit="rpm", writable=True, low=0.0, high=50.0)
    on = Tag(path=PlantPath(f"{PUMP}/on"), address="2", kind=Kind.BOOLEAN)
    assert found_in_tags([tag, on]) == [
        Found(path=tag.path, unit="rpm", writable=True, low=0.0, high=50.0),
        Found(path=on.path, kind=Kind.BOOLEAN, writable=False),
    ]
    nodes = [
        Node(address="ns=2;s=1", name="Motor Speed", readable=True, kind=Kind.NUMBER, unit="rpm"),
        Node(address="ns=2;s=2", name="Folder", has_children=True),
    ]
    assert found_in_nodes(nodes, PUMP) == [
        Found(path=PlantPath(f"{PUMP}/Motor-Speed"), kind=Kind.NUMBER, unit="rpm", writable=False, title="Motor Speed")
    ]
    known = series(f"{PUMP}/speed", f"{PUMP}/new", unit="bar")
    assert [f.unit for f in enriched(known, found_in_tags([tag]))] == ["rpm", "bar"]


async def test_text_is_seen_to_be_text(twins: Twins, tell: Tell) -> None:
    await tell({f"{PUMP}/reason": "jam"})
    await twins.adoption.note(series(f"{PUMP}/reason"), adopt=True)
    [point] = (await twins.get(ADA, PUMP)).points
    assert point.property.kind is Kind.TEXT


async def test_the_adopter_listens_to_telemetry(twins: Twins, db: Database, guard: Guard, live: Live, bus: Bus) -> None:
    await twins.adoption.note(series(f"{PUMP}/speed"), adopt=False)
    eager = Twins(db, guard, live, TwinsSettings(auto_adopt=True))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(Adopter(eager, bus).run()), group.create_task(relay(db, bus))]
        async with db.begin() as tx:
            await tx.announce(SeriesGrew(paths=(f"{PUMP}/flow", f"{LINE}/tank-1/level")))
        async with asyncio.timeout(10):
            while await waiting(twins) or await twins.find(ADA, f"{LINE}/tank-1") is None:
                await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
    pump = await twins.get(ADA, PUMP)
    assert [p.property.name for p in pump.points] == ["speed", "flow"]
    assert pump.version == 2


async def test_without_auto_adopt_series_only_wait(twins: Twins, bus: Bus) -> None:
    adopter = Adopter(twins, bus)
    await adopter._grew(SeriesGrew(paths=(f"{PUMP}/speed",)))
    assert await waiting(twins) == [f"{PUMP}/speed"]
    assert await twins.find(ADA, PUMP) is None


async def test_a_binding_elsewhere_places_a_series(twins: Twins) -> None:
    await twins.adoption.note(series(f"{LINE}/meter/x"), adopt=False)
    made = await twins.create(
        ADA, at(PUMP, properties=(Property(name="power"),), bindings={"power": f"{LINE}/meter/x"})
    )
    assert await waiting(twins) == []
    await twins.change(ADA, replace(made.draft, bindings={}), version=1)
    assert await waiting(twins) == [f"{LINE}/meter/x"]


async def test_units_said_later_reach_what_waits_and_leave_twins_alone(
    twins: Twins, db: Database, guard: Guard, live: Live, bus: Bus
) -> None:
    adopter = Adopter(Twins(db, guard, live, TwinsSettings(auto_adopt=True)), bus)
    await adopter._grew(SeriesGrew(paths=(f"{PUMP}/seal-gap",), units={f"{PUMP}/seal-gap": "°C"}))
    pump = await twins.get(ADA, PUMP)
    assert [(p.property.name, p.property.unit) for p in pump.points] == [("seal-gap", "Cel")]
    waits = f"{LINE}/tank-1/level"
    await twins.adoption.note(series(waits), adopt=False)
    await adopter._learnt(UnitsChanged(units={waits: "mm", f"{PUMP}/seal-gap": "bar", "acme/unheard/of": "A"}))
    assert [(f.path, f.unit) for f in await twins.adoption.unplaced(ADA)] == [(waits, "mm")]
    assert await twins.get(ADA, PUMP) == pump
