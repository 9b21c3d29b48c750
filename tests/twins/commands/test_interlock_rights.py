"""Whose interlocks shut the way to a machine, and what their refusals tell."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.twins.commands.conftest import TANK, Floor, place
from tests.twins.conftest import at, audited

from lineshaft.kernel.errors import Forbidden
from lineshaft.kernel.terms import Kind, PlantPath
from lineshaft.security import PLATFORM, Grant, Guard, Outcome, Role, Who, WhoKind
from lineshaft.twins import AssetType, Draft, Interlocks, Level, Property, Twins
from lineshaft.twins.errors import Interlocked
from lineshaft.twins.model import Proposed

ELSEWHERE = "acme/hamburg/line-9"
PANEL = f"{ELSEWHERE}/panel"
SETPOINT = place("setpoint")
SHUT = Property(name="shut", writable=True, interlock="false")
SEES_BERLIN = Grant(role=Role.VIEWER, subtree="acme/berlin")


def of_hamburg(*grants: Grant) -> Who:
    own = Grant(role=Role.ENGINEER, subtree="acme/hamburg")
    return Who(id="hans", name="hans", kind=WhoKind.USER, grants=(own, *grants), origin="test")


HANS = of_hamburg(SEES_BERLIN)


def panel(*properties: Property, **said: object) -> Draft:
    bindings = {p.name: PlantPath(SETPOINT) for p in properties}
    return at(PANEL, properties=properties, **{"bindings": bindings, **said})


@pytest.fixture
async def hamburg(twins: Twins) -> Twins:
    await twins.create(PLATFORM, at(ELSEWHERE, Level.LINE), with_parents=True)
    return twins


async def test_who_only_sees_a_tag_cannot_shut_it_with_a_new_twin(hamburg: Twins, guard: Guard) -> None:
    with pytest.raises(Forbidden, match=f"only viewer on {SETPOINT}"):
        await hamburg.create(HANS, panel(SHUT))
    assert await hamburg.find(PLATFORM, PANEL) is None
    refused = [row for row in await audited(guard, "twins.create") if row.outcome is Outcome.DENIED]
    assert [(row.actor, row.subject) for row in refused] == [("hans", SETPOINT)]
    await hamburg.create(of_hamburg(Grant(role=Role.ENGINEER, subtree="acme/berlin")), panel(SHUT))


async def test_who_only_sees_a_tag_cannot_shut_it_with_a_change(hamburg: Twins) -> None:
    made = await hamburg.create(HANS, panel(replace(SHUT, interlock="")))
    with pytest.raises(Forbidden, match=f"only viewer on {SETPOINT}"):
        await hamburg.change(HANS, panel(SHUT), version=made.version)
    assert await hamburg.get(PLATFORM, PANEL) == made


async def test_who_only_sees_a_tag_cannot_shut_it_with_a_proposal(hamburg: Twins) -> None:
    with pytest.raises(Forbidden, match=f"only viewer on {SETPOINT}"):
        await hamburg.adoption.accept(HANS, [Proposed(draft=panel(SHUT), version=0, adds=(PlantPath(SETPOINT),))])
    assert await hamburg.find(PLATFORM, PANEL) is None


async def test_who_only_sees_a_tag_cannot_shut_it_with_the_interlock_of_a_type(hamburg: Twins) -> None:
    await hamburg.types.put(
        PLATFORM, "acme", AssetType(name="valve", title={"en": "Valve"}, properties=(SHUT,)), version=0
    )
    with pytest.raises(Forbidden, match=f"only viewer on {SETPOINT}"):
        await hamburg.create(HANS, panel(type="valve", bindings={"shut": PlantPath(SETPOINT)}))


async def test_who_only_sees_a_tag_cannot_shut_it_by_undoing(hamburg: Twins) -> None:
    made = await hamburg.create(PLATFORM, panel(SHUT))
    opened = await hamburg.change(PLATFORM, panel(replace(SHUT, interlock="")), version=made.version)
    (last, *_) = await hamburg.history(PLATFORM, PANEL)
    with pytest.raises(Forbidden, match=f"only viewer on {SETPOINT}"):
        await hamburg.undo(HANS, last.id)
    assert await hamburg.get(PLATFORM, PANEL) == opened


async def test_who_changes_a_type_shuts_no_tag_of_another_organisation(hamburg: Twins) -> None:
    kind = AssetType(name="valve", title={"en": "Valve"}, properties=(replace(SHUT, interlock=""),))
    await hamburg.types.put(PLATFORM, "acme", kind, version=0)
    await hamburg.create(PLATFORM, panel(type="valve", bindings={"shut": PlantPath("other/oven/setpoint")}))
    ada = Who(id="ada", name="ada", kind=WhoKind.USER, grants=(Grant(role=Role.ENGINEER, subtree="acme"),))
    with pytest.raises(Forbidden, match="no role on other/oven/setpoint"):
        await hamburg.types.put(ada, "acme", replace(kind, properties=(SHUT,)), version=1)
    assert (await hamburg.types.get(PLATFORM, "acme", "valve")).version == 1


async def test_an_interlock_names_only_what_its_author_sees(hamburg: Twins) -> None:
    nosy = Property(name="own", kind=Kind.BOOLEAN, writable=True, interlock="acme/berlin/line-1/recipe > 3")
    with pytest.raises(Forbidden, match="no role on acme/berlin/line-1/recipe"):
        await hamburg.create(of_hamburg(), at(PANEL, properties=(nosy,)))
    assert await hamburg.find(PLATFORM, PANEL) is None
    await hamburg.create(HANS, at(PANEL, properties=(nosy,)))


async def test_a_refusal_hides_values_the_writer_may_not_see(floor: Floor) -> None:
    """The interlock reads the temperature; the operator is at home at the setpoint alone."""
    twin = await floor.twins.get(PLATFORM, TANK)
    lock = f"{place('temperature')} < 50"
    locked = tuple(replace(p, interlock=lock) if p.name == "setpoint" else p for p in twin.draft.properties)
    await floor.twins.change(PLATFORM, replace(twin.draft, properties=locked), version=twin.version)
    narrow = Grant(role=Role.OPERATOR, subtree=SETPOINT)
    ole = Who(id="ole", name="ole", kind=WhoKind.USER, grants=(narrow,), origin="test")
    check = Interlocks(floor.twins, floor.edge).check
    with pytest.raises(Interlocked) as refused:
        await check(ole, PlantPath(SETPOINT), 70)
    assert refused.value.message == f"{SETPOINT} is interlocked: {lock} ({place('temperature')} is not yours to see)."
    with pytest.raises(Interlocked, match=r"temperature is 61\.5"):
        await check(PLATFORM, PlantPath(SETPOINT), 70)
