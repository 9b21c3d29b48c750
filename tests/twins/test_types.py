"""Asset types: what an organisation makes of the library."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, NotAllowed, Outcome, Role
from lineshaft.twins import AssetType, BadTwin, Found, NoType, Outdated, Property, Running, Taken, Twins

from .conftest import ADA, BOB, EVE, at, audited, facts, person

LINE = "acme/berlin/line-1"
PRESS = AssetType(name="press", properties=(Property(name="force", unit="kN"),))


async def test_a_change_of_a_type_reaches_its_twins_at_once(twins: Twins, db: Database) -> None:
    made = await twins.types.put(ADA, "acme", PRESS, version=0)
    assert (made.version, made.library) == (1, False)
    await twins.create(ADA, at(f"{LINE}/press-1", type="press"))
    known = len(await facts(db))
    bigger = replace(made, properties=(*made.properties, Property(name="stroke", unit="mm")))
    await twins.types.put(ADA, "acme", bigger, version=1)
    press = await twins.get(ADA, f"{LINE}/press-1")
    assert [p.property.name for p in press.points] == ["force", "stroke"]
    assert press.version == 1
    assert [name for name, _ in (await facts(db))[known:]] == ["twin_changed"]


async def test_series_of_new_properties_are_placed(twins: Twins) -> None:
    await twins.types.put(ADA, "acme", PRESS, version=0)
    await twins.create(ADA, at(f"{LINE}/press-1", type="press"))
    stroke = Found(path=PlantPath(f"{LINE}/press-1/stroke"))
    await twins.adoption.note([stroke], adopt=False)
    assert [f.path for f in await twins.adoption.unplaced(ADA)] == [stroke.path]
    await twins.types.put(
        ADA, "acme", replace(PRESS, properties=(*PRESS.properties, Property(name="stroke"))), version=1
    )
    assert await twins.adoption.unplaced(ADA) == []


async def test_of_two_people_the_second_is_told_both_versions(twins: Twins) -> None:
    await twins.types.put(ADA, "acme", PRESS, version=0)
    with pytest.raises(Outdated, match="version 1 by now; you changed version 0"):
        await twins.types.put(ADA, "acme", PRESS, version=0)


async def test_own_types_take_the_place_of_the_librarys(twins: Twins) -> None:
    pump = await twins.types.get(ADA, "acme", "pump")
    assert (pump.library, pump.version) == (True, 0)
    mine = await twins.types.put(ADA, "acme", replace(pump, title={"en": "Our pump"}), version=0)
    assert (await twins.types.get(EVE, "acme", "pump")) == mine
    await twins.types.drop(ADA, "acme", "pump", version=1)
    assert await twins.types.get(ADA, "acme", "pump") == pump
    with pytest.raises(NoType):
        await twins.types.drop(ADA, "acme", "pump")


async def test_a_type_in_use_stays(twins: Twins) -> None:
    await twins.types.put(ADA, "acme", PRESS, version=0)
    await twins.create(ADA, at(f"{LINE}/press-1", type="press"))
    with pytest.raises(Taken, match="used by 1 twins"):
        await twins.types.drop(ADA, "acme", "press")
    assert (await twins.types.get(ADA, "acme", "press")).version == 1


async def test_types_belong_to_their_organisation(twins: Twins, guard: Guard) -> None:
    await twins.types.put(ADA, "acme", PRESS, version=0)
    with pytest.raises(NotAllowed):
        await twins.types.list_(BOB, "acme")
    assert "press" not in {t.name for t in await twins.types.list_(BOB, "other")}
    with pytest.raises(NotAllowed):
        await twins.types.put(EVE, "acme", replace(PRESS, title={"en": "Eve's"}), version=1)
    lena = person("lena", Role.ENGINEER, LINE)
    assert "press" in {t.name for t in await twins.types.list_(lena, "acme")}
    with pytest.raises(NotAllowed):
        await twins.types.put(lena, "acme", PRESS, version=1)
    denied = [r.actor for r in await audited(guard, "twins.type") if r.outcome is Outcome.DENIED]
    assert sorted(denied) == ["eve", "lena"]
    assert (await twins.types.get(ADA, "acme", "press")).version == 1


async def test_a_type_that_contradicts_itself_is_refused(twins: Twins) -> None:
    with pytest.raises(BadTwin, match="runs by its property 'speed', which it does not have"):
        await twins.types.put(ADA, "acme", replace(PRESS, running=Running(property="speed")), version=0)
    with pytest.raises(NoType):
        await twins.types.get(ADA, "acme", "press")
