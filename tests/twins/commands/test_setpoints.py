"""Desired and reported state: sent, acknowledged, refused, late, expired; machines that are away (T80)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.twins.commands.conftest import OLGA, OTTO, TANK, Floor, place
from tests.twins.conftest import BOB, EVE, audited

from lineshaft.edge import State
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Transaction
from lineshaft.kernel.errors import Forbidden, Invalid, NotFound
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Who
from lineshaft.twins import Delivery, Interlocks, Setpoints, Wish, store
from lineshaft.twins.errors import Interlocked, NotSettable, Outdated
from lineshaft.twins.model.desire import Desire, Patience, Settable, Stage
from lineshaft.twins.service.commands.delivery import OF_ONE_MACHINE
from lineshaft.twins.settings import TwinsSettings
from lineshaft.twins.store.desires import DESIRES
from lineshaft.twins.worker import Deliverer

SOON = Patience(acknowledge=timedelta(seconds=0.4), expires=timedelta(seconds=30))
BRIEF = Patience(acknowledge=timedelta(seconds=0.3), expires=timedelta(seconds=1.5))


@dataclass
class Stage80:
    """A floor on which desires are delivered."""

    floor: Floor
    setpoints: Setpoints
    crew: Crew

    def deliver(self) -> asyncio.Task[None]:
        floor = self.floor
        delivery = Delivery(floor.db, floor.guard, floor.twins, floor.edge)
        return self.crew.keep("desires", Deliverer(self.setpoints, delivery, floor.bus).run)

    async def one(self, name: str = "setpoint") -> Settable:
        found = await self.setpoints.list_(EVE, TANK)
        return next(one for one in found if one.point.property.name == name)

    async def until(self, stage: Stage, name: str = "setpoint", within_s: float = 15.0) -> Settable:
        async with asyncio.timeout(within_s):
            while True:
                one = await self.one(name)
                if one.desire is not None and one.desire.stage is stage:
                    return one
                await asyncio.sleep(0.02)

    async def facts(self, kind: str) -> list[dict[str, object]]:
        """What was announced of a kind, from the stream."""
        found = []
        async for messages in self.floor.bus.read("FACTS", start_seq=1, linger_s=0.05):
            found += [json.loads(m.data) for m in messages if m.subject.split(".")[-2] == kind]
            if not messages:
                break
        return found


@pytest.fixture
async def stage(floor: Floor) -> AsyncIterator[Stage80]:
    interlocks = Interlocks(floor.twins, floor.edge)
    floor.edge.before_writing(interlocks.check)
    setpoints = Setpoints(floor.db, floor.guard, floor.twins, floor.edge, interlocks, TwinsSettings())
    async with Crew() as crew:
        yield Stage80(floor, setpoints, crew)


async def test_t80_a_desired_value_reaches_the_machine_and_is_acknowledged_by_reading_it_back(stage: Stage80) -> None:
    stage.deliver()
    (asked,) = [s for s in await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=72.5)}) if s.desire]
    assert (asked.desire.stage, asked.desire.shown, asked.desire.by.name) == (Stage.PENDING, 72.5, "olga")
    done = await stage.until(Stage.ACKNOWLEDGED)
    assert stage.floor.machine.holds("setpoint") == 72.5
    assert done.desire is not None
    assert done.desire.reported == 72.5
    await stage.floor.until_known("setpoint")
    async with asyncio.timeout(5):
        while (await stage.one()).delta:
            await asyncio.sleep(0.02)
    rows = [row.after for row in await audited(stage.floor.guard, "twins.desire") if row.subject == place("setpoint")]
    assert rows[-1] == {"value": 72.5, "number": 1, "by": "olga"}
    (written,) = await audited(stage.floor.guard, "edge.write")
    assert (written.actor, written.after) == ("olga", {"asked": 72.5, "read_back": 72.5})


async def test_t80_without_acknowledgement_it_stays_pending_and_is_told_once(stage: Stage80) -> None:
    stage.floor.machine.unit.silent = True
    stage.deliver()
    await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=72.5)}, patience=SOON)
    async with asyncio.timeout(10):
        while not (told := await stage.facts("desire_overdue")):
            await asyncio.sleep(0.1)
    one = await stage.one()
    assert one.desire is not None
    assert (one.desire.stage, one.delta) == (Stage.PENDING, True)
    assert [(fact["path"], fact["value"], fact["by"]) for fact in told] == [(place("setpoint"), 72.5, "olga")]
    stage.floor.machine.unit.silent = False
    await stage.until(Stage.ACKNOWLEDGED)
    assert len(await stage.facts("desire_overdue")) == 1
    assert stage.floor.machine.holds("setpoint") == 72.5


async def test_t80_what_expires_is_said_and_never_written_afterwards(stage: Stage80) -> None:
    await stage.floor.machine.unplug()
    await stage.floor.until_health(State.LOST)
    stage.deliver()
    await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=72.5)}, patience=BRIEF)
    one = await stage.until(Stage.TIMED_OUT)
    assert one.desire is not None
    assert "does not answer" in one.desire.message
    (settled,) = await audited(stage.floor.guard, "twins.desire.settle")
    assert (settled.actor, settled.after["stage"]) == ("olga", "timed_out")
    await stage.floor.machine.plug_in()
    await stage.floor.until_health(State.GOOD)
    await asyncio.sleep(1.0)
    assert stage.floor.machine.holds("setpoint") == 60.0
    assert stage.floor.machine.writes == []


async def test_t80_a_machine_that_is_back_gets_the_newest_once(stage: Stage80) -> None:
    await stage.floor.machine.unplug()
    await stage.floor.until_health(State.LOST)
    stage.deliver()
    for value in (65, 70, 75):
        await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=value)})
    await asyncio.sleep(0.5)
    await stage.floor.machine.plug_in()
    one = await stage.until(Stage.ACKNOWLEDGED)
    assert one.desire is not None
    assert (one.desire.number, one.desire.shown) == (3, 75)
    assert stage.floor.machine.holds("setpoint") == 75
    assert len(stage.floor.machine.writes) == 1


async def test_t80_of_two_people_at_once_the_newest_wins_or_hears_of_the_other(stage: Stage80) -> None:
    stage.deliver()
    await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=70)})
    with pytest.raises(Outdated, match=r"at desire 1 by now, desired to be 70 by olga; you saw 0"):
        await stage.setpoints.desire(OTTO, TANK, {"setpoint": Wish(value=50, seen=0)})
    await stage.until(Stage.ACKNOWLEDGED)
    assert stage.floor.machine.holds("setpoint") == 70
    await asyncio.gather(
        *(stage.setpoints.desire(who, TANK, {"setpoint": Wish(value=v)}) for who, v in ((OLGA, 71), (OTTO, 72)))
    )
    one = await stage.until(Stage.ACKNOWLEDGED)
    assert one.desire is not None
    assert one.desire.number == 3
    assert stage.floor.machine.holds("setpoint") == one.desire.shown


async def test_t80_a_desire_outlives_its_process(stage: Stage80) -> None:
    """Made while nobody delivers, as after a crash; what a killed worker had claimed is asked for first."""
    await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=72.5)})
    killed = Delivery(stage.floor.db, stage.floor.guard, stage.floor.twins, stage.floor.edge)
    (claimed,) = await killed.due()
    assert (claimed.attempts, await killed.due()) == (1, [])
    await stage.floor.edge.write(OLGA, place("setpoint"), 72.5)  # the write went out, and then the process died
    stage.floor.machine.writes.clear()
    later = Delivery(stage.floor.db, stage.floor.guard, stage.floor.twins, stage.floor.edge)
    await later.deliver(replace(claimed, attempts=2))
    assert (await stage.until(Stage.ACKNOWLEDGED)).desire is not None
    assert stage.floor.machine.writes == []


async def test_what_cannot_be_is_refused_at_once_and_nothing_is_kept(stage: Stage80) -> None:
    wish = {"setpoint": Wish(value=70)}
    for who, wishes, error, words in (
        (EVE, wish, Forbidden, "operator"),
        (BOB, wish, Forbidden, "no role"),
        (OLGA, wish | {"temperature": Wish(value=5)}, NotSettable, "measured"),
        (OLGA, wish | {"speed": Wish(value=500)}, Invalid, "outside"),
        (OLGA, wish | {"mode": Wish(value="Turbo")}, Invalid, "cannot be 'Turbo'"),
        (OLGA, wish | {"weight": Wish(value=1)}, NotFound, "no property"),
        (OLGA, {"setpoint": Wish(value=float("nan"))}, Invalid, "takes a number"),
        (OLGA, {"setpoint": Wish(value="hot")}, Invalid, "takes a number"),
        (OLGA, {"setpoint": Wish(value=1, unit="bar")}, Invalid, "different things"),
    ):
        with pytest.raises(error, match=words):
            await stage.setpoints.desire(who, TANK, wishes)
    assert [one.desire for one in await stage.setpoints.list_(EVE, TANK)] == [None, None, None]
    refused = [
        e.after["refused"] for e in await audited(stage.floor.guard, "twins.desire") if "refused" in (e.after or {})
    ]
    assert len(refused) >= 7
    assert stage.floor.machine.writes == []


async def test_values_are_taken_in_their_own_units_and_enumerations_by_name(stage: Stage80) -> None:
    stage.deliver()
    wishes = {"setpoint": Wish(value=167, unit="[degF]"), "mode": Wish(value="Auto")}
    await stage.setpoints.desire(OLGA, TANK, wishes)
    found = await stage.setpoints.settled(OLGA, TANK, list(wishes), within_s=10)
    assert {s.point.property.name: s.desire.stage for s in found if s.desire} == dict.fromkeys(wishes, "acknowledged")
    assert stage.floor.machine.holds("setpoint") == pytest.approx(75)
    assert stage.floor.machine.holds("mode") == 2


async def test_a_machine_that_keeps_another_value_is_pending_until_it_reports_the_wanted_one(stage: Stage80) -> None:
    machine = stage.floor.machine
    machine.unit.on_write = lambda *_: machine.show(setpoint=66.0)
    stage.deliver()
    await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=80)})
    async with asyncio.timeout(10):
        while "reports 66.0" not in getattr((await stage.one()).desire, "message", ""):
            await asyncio.sleep(0.05)
    assert (await stage.one()).desire.stage is Stage.PENDING
    machine.show(setpoint=80.0)
    assert (await stage.until(Stage.ACKNOWLEDGED)).desire.reported == 80.0


async def test_an_interlock_keeps_every_way_of_writing_shut(stage: Stage80) -> None:
    twin = await stage.floor.twins.get(PLATFORM, TANK)
    locked = tuple(
        replace(p, interlock="guard-closed and speed = 0") if p.name == "setpoint" else p for p in twin.draft.properties
    )
    await stage.floor.twins.change(PLATFORM, replace(twin.draft, properties=locked), version=twin.version)
    stage.floor.machine.show(guard=0)
    with pytest.raises(Interlocked, match=r"guard-closed \(guard-closed is False\)"):
        await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=70)})
    with pytest.raises(Interlocked):
        await stage.floor.edge.write(OLGA, place("setpoint"), 70)
    stage.floor.machine.unit.silent = True
    with pytest.raises(Interlocked, match="not known"):
        await stage.floor.edge.write(OLGA, place("setpoint"), 70)
    assert stage.floor.machine.writes == []
    assert [e.after["asked"] for e in await audited(stage.floor.guard, "edge.write")] == [70, 70]
    stage.floor.machine.unit.silent = False
    stage.floor.machine.show(guard=1)
    async with asyncio.timeout(10):
        while True:
            try:
                await stage.floor.edge.write(OLGA, place("setpoint"), 70)
                break
            except Interlocked:
                await asyncio.sleep(0.2)  # a unit that was silent is left in peace for a moment
    assert stage.floor.machine.holds("setpoint") == 70


async def test_what_was_asked_by_somebody_who_may_no_more_is_refused(stage: Stage80) -> None:
    await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=70)})
    delivery = Delivery(stage.floor.db, stage.floor.guard, stage.floor.twins, stage.floor.edge)

    async def gone(who: Who) -> Who | None:
        return None

    stage.floor.guard.lasting = gone  # type: ignore[method-assign]
    for desire in await delivery.due():
        await delivery.deliver(desire)
    one = await stage.one()
    assert one.desire is not None
    assert (one.desire.stage, one.desire.message) == (
        Stage.REFUSED,
        "olga may no longer sign in.",
    )
    assert stage.floor.machine.writes == []


async def test_a_desire_is_withdrawn(stage: Stage80) -> None:
    await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=70)})
    with pytest.raises(Forbidden):
        await stage.setpoints.withdraw(EVE, place("setpoint"))
    await stage.setpoints.withdraw(OTTO, place("setpoint"))
    assert (await stage.one()).desire is None
    stage.deliver()
    await asyncio.sleep(0.3)
    assert stage.floor.machine.writes == []
    with pytest.raises(NotFound, match="Nothing is desired"):
        await stage.setpoints.withdraw(OTTO, place("setpoint"))


async def test_what_is_on_its_way_when_it_is_withdrawn_never_settles_a_later_desire(stage: Stage80) -> None:
    floor, setpoints = stage.floor, stage.setpoints
    delivery = Delivery(floor.db, floor.guard, floor.twins, floor.edge)
    await setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=70)})
    (flying,) = await delivery.due()
    await setpoints.withdraw(OLGA, place("setpoint"))
    await setpoints.desire(OTTO, TANK, {"setpoint": Wish(value=80, seen=0)})
    await delivery.deliver(flying)
    one = (await stage.one()).desire
    assert one is not None
    assert (one.number, one.shown, one.by.name, one.stage) == (3, 80, "otto", Stage.PENDING)
    stage.deliver()
    await stage.until(Stage.ACKNOWLEDGED)
    assert floor.machine.holds("setpoint") == 80


async def test_who_is_faster_between_looking_and_keeping_is_seen(
    stage: Stage80, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a database that lets two transactions look before either has written."""
    find = store.find_desires
    for standing in (0, 1):
        stale = (await stage.one()).desire
        await stage.setpoints.desire(OTTO, TANK, {"setpoint": Wish(value=50 + standing)})
        looks = iter([{place("setpoint"): stale} if stale else {}])

        async def look(tx: Transaction, series: Iterable[str], looks: Iterator[Any] = looks) -> dict[str, Any]:
            found = await find(tx, series)
            return next(looks, found)

        monkeypatch.setattr(store, "find_desires", look)
        with pytest.raises(Outdated, match=f"at desire {standing + 1} by now"):
            await stage.setpoints.desire(OLGA, TANK, {"setpoint": Wish(value=70, seen=standing)})
        monkeypatch.undo()
    one = (await stage.one()).desire
    assert one is not None
    assert (one.number, one.shown, one.by.name) == (2, 51, "otto")


async def test_a_silent_machine_takes_no_more_than_its_own_turns(stage: Stage80) -> None:
    delivery = Delivery(stage.floor.db, stage.floor.guard, stage.floor.twins, stage.floor.edge)
    asked = now_us() - 1_000_000
    paths = [PlantPath(place(f"v{n}")) for n in range(60)] + [PlantPath("acme/berlin/line-1/pump/speed")]
    async with stage.floor.db.begin() as tx:
        for n, path in enumerate(paths):
            desire = Desire(
                series=path, path=path, number=1, value=1.0, shown=1.0, by=OLGA, asked_us=asked + n,
                alarm_us=asked + 60_000_000, expires_us=asked + 90_000_000,
            )  # fmt: skip
            assert await store.put_desire(tx, desire, after=0)
    assert [one.path for one in await delivery.due()] == [*paths[:OF_ONE_MACHINE], paths[-1]]
    assert await delivery.due({TANK: OF_ONE_MACHINE}) == []
    assert await delivery.wait_s() < 0.1, "the rest is due, and waits for its machine"
    async with stage.floor.db.begin() as tx:
        for path in paths[OF_ONE_MACHINE:-1]:
            await tx.execute(sa.delete(DESIRES).where(DESIRES.c.series == str(path)))
    assert await delivery.wait_s() == 1.0, "what is under way is not looked at again and again"
