"""Reading a property from its machine now: fast, slow, silent, gone, and by whom (T81)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.twins.commands.conftest import TANK, Floor, place
from tests.twins.conftest import BOB, EVE

from lineshaft.edge import SHELF, CannotAsk, State
from lineshaft.kernel.errors import Forbidden, Invalid, NotFound, Timeout
from lineshaft.kernel.terms import Quality
from lineshaft.security import PLATFORM
from lineshaft.twins import LiveReads
from lineshaft.twins.model.live import Source


async def test_t81_a_slow_machine_is_asked_and_says_what_it_shows_now(floor: Floor) -> None:
    reads = LiveReads(floor.twins, floor.edge)
    floor.machine.unit.delay_s = 0.2
    floor.machine.show(temperature=72.25)
    answer = await reads.read(EVE, place("temperature"), within_s=5)
    assert (answer.source, answer.value, answer.unit) == (Source.LIVE, 72.25, "Cel")
    assert answer.quality is Quality.GOOD
    assert answer.age_s is not None
    assert answer.age_s < 5


async def test_t81_a_silent_machine_is_a_time_out_unless_the_twin_will_do(floor: Floor) -> None:
    reads = LiveReads(floor.twins, floor.edge)
    floor.machine.unit.silent = True
    started = asyncio.get_running_loop().time()
    with pytest.raises(Timeout, match=r"temperature"):
        await reads.read(EVE, place("temperature"), within_s=0.3)
    assert asyncio.get_running_loop().time() - started < 2
    answer = await reads.read(EVE, place("temperature"), within_s=0.3, or_twin=True)
    assert (answer.source, answer.value) == (Source.TWIN, 61.5)
    assert answer.message
    assert answer.age_s is not None
    assert answer.age_s >= 0.3


async def test_t81_a_machine_that_is_gone_is_still_a_time_out(floor: Floor) -> None:
    reads = LiveReads(floor.twins, floor.edge)
    await floor.machine.unplug()
    await floor.until_health(State.LOST)
    with pytest.raises(Timeout, match="plc does not answer"):
        await reads.read(EVE, place("temperature"))
    answer = await reads.read(EVE, place("temperature"), or_twin=True)
    assert (answer.source, answer.quality) == (Source.TWIN, Quality.BAD_NOT_CONNECTED)


async def test_an_enumeration_is_read_by_its_name(floor: Floor) -> None:
    floor.machine.show(mode=2)
    answer = await LiveReads(floor.twins, floor.edge).read(EVE, place("mode"))
    assert answer.value == "Auto"


async def test_many_who_ask_at_once_cost_one_question(floor: Floor) -> None:
    reads = LiveReads(floor.twins, floor.edge)
    floor.machine.unit.delay_s = 0.1
    asked: list[str] = []
    original = floor.edge.read

    async def counted(who, path, *, within_s):
        asked.append(path)
        return await original(who, path, within_s=within_s)

    floor.edge.read = counted  # type: ignore[method-assign]
    answers = await asyncio.gather(*(reads.read(EVE, place("temperature"), within_s=5) for _ in range(20)))
    assert {answer.value for answer in answers} == {61.5}
    assert len(asked) == 1


async def test_who_may_not_see_the_twin_reaches_no_machine(floor: Floor) -> None:
    reads = LiveReads(floor.twins, floor.edge)
    with pytest.raises(Forbidden):
        await reads.read(BOB, place("temperature"))
    with pytest.raises(Forbidden):
        await floor.edge.read(BOB, place("temperature"))
    with pytest.raises(NotFound, match="It has: temperature"):
        await reads.read(EVE, place("weight"))
    with pytest.raises(Invalid, match="above 0"):
        await reads.read(EVE, place("temperature"), within_s=0)


async def test_what_no_connection_holds_can_only_be_told_by_the_twin(floor: Floor, tell) -> None:
    reads = LiveReads(floor.twins, floor.edge)
    twin = await floor.twins.get(EVE, TANK)
    draft = replace(twin.draft, bindings={"temperature": f"{TANK}/computed"})
    await floor.twins.change(PLATFORM, draft, version=twin.version)
    await tell({f"{TANK}/computed": 7.5})
    with pytest.raises(NotFound, match="holds"):
        await reads.read(EVE, place("temperature"))
    answer = await reads.read(EVE, place("temperature"), or_twin=True)
    assert (answer.source, answer.value) == (Source.TWIN, 7.5)


@pytest.mark.parametrize("connector", ["mqtt", "sparkplug"])
def test_connectors_behind_a_broker_say_that_they_cannot_be_asked(connector: str) -> None:
    assert not SHELF.get(connector).load().CONNECTOR.asks
    assert CannotAsk.status == 400
