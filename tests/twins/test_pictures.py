"""Process pictures: checked, kept in versions, drawn up from the tree, and read as the plant is now."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lineshaft.kernel.clock import now
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Quality
from lineshaft.security import Guard, NotAllowed, Role, Who
from lineshaft.twins import BadPicture, NoPicture, Outdated, Pictures, Property, Twins
from lineshaft.twins.model import Activity, Level, Trouble
from lineshaft.twins.model.picture import Binding, End, Item, Picture, check_picture, merged
from lineshaft.twins.model.reading import Span, span_of
from lineshaft.twins.model.sketch import sketch
from lineshaft.twins.service import Parcel, unwrapped

from .conftest import ADA, BOB, EVE, at, audited, person

LINE = "acme/berlin/line-1"
TANK, FILLER = f"{LINE}/tank", f"{LINE}/filler"
Tell = Callable[..., Awaitable[int]]


def bound(**slots: str) -> dict[str, Binding]:
    return {slot: Binding(path=PlantPath(path)) for slot, path in slots.items()}


def box(id_: str, symbol: str = "tank", **said: Any) -> Item:
    return Item(id=id_, symbol=symbol, w=80, h=120, **said)


def picture(*items: Item, **said: Any) -> Picture:
    return Picture(title={"en": "Line"}, place=PlantPath(LINE), items=items, **said)


@pytest.fixture
async def pictures(db: Database, guard: Guard, twins: Twins) -> Pictures:
    await twins.create(ADA, at(TANK, type="tank"))
    await twins.create(ADA, at(FILLER, type="filler"))
    return Pictures(db, guard, twins.now)


# ---- the model ----


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (picture(box("a"), box("a")), "'a' is given twice"),
        (picture(box("a b")), "'a b' is not allowed"),
        (picture(box("a", x=math.nan)), "'a' stands where no picture is"),
        (picture(box("a", x=1e9)), "'a' stands where no picture is"),
        (picture(box("a", link="javascript:alert(1)")), "'a' leads to 'javascript:alert(1)'"),
        (picture(box("a", link="//evil.example/x")), "'a' leads to '//evil.example/x'"),
        (picture(box("a", bindings=bound(colour=TANK))), "'a' has no slot 'colour'"),
        (picture(box("a", bindings={"level": Binding(path=PlantPath(TANK), least=5, most=5)})), "The range of 'level'"),
        (picture(Item(id="p", symbol="pipe", start=End(item="gone"))), "'p' ends at 'gone', which is not there"),
        (picture(box("d", "drawing", drawing="hall")), "shows the drawing 'hall', which the picture does not have"),
        (replace(picture(), title={"en": " "}), "has no title"),
        (replace(picture(), width=5), "is 5 by 900"),
        (replace(picture(), grid=0), "The grid is 0"),
        (picture(*(box(f"i{n}") for n in range(2001))), "has 2001 items"),
    ],
)  # fmt: skip
def test_a_picture_that_contradicts_itself_is_refused_naming_the_item(wrong: Picture, says: str) -> None:
    with pytest.raises(BadPicture) as refused:
        check_picture(wrong)
    assert says in refused.value.message


def test_a_document_with_a_wrong_part_says_which() -> None:
    told = {"title": {"en": "Line"}, "place": LINE, "items": [{"id": "a", "symbol": "tank", "x": "left"}]}
    with pytest.raises(BadPicture, match=r"\$\.items\[0\]\.x"):
        unwrapped(told)
    with pytest.raises(Invalid, match="not a plant path"):
        check_picture(unwrapped({**told, "items": [], "place": "a b"}))


def test_what_two_people_did_is_put_together_and_what_both_changed_is_named() -> None:
    base = picture(box("a"), box("b"), box("c"), version=1)
    theirs = picture(box("a", x=10), box("b", x=10), box("new"), version=2)
    mine = picture(box("a"), box("b", x=20), box("c", x=30), box("own"), width=2000, version=1)
    both, clashes = merged(base, theirs, mine)
    assert {i.id: i.x for i in both.items} == {"a": 10, "b": 20, "c": 30, "own": 0, "new": 0}
    assert clashes == ("b", "c"), "c was removed by one and moved by the other: it stays"
    assert (both.version, both.width) == (2, 2000)


def test_a_pipe_whose_end_somebody_removed_goes_with_it() -> None:
    pipe = Item(id="p", symbol="pipe", start=End(item="a"), end=End(item="b"))
    base = picture(box("a"), box("b"), pipe)
    both, clashes = merged(base, picture(box("a")), picture(box("a"), box("b"), pipe, box("own")))
    assert ([i.id for i in both.items], clashes) == (["a", "own"], ())


def test_spans_come_from_the_binding_then_from_per_cent_then_from_the_normal_range() -> None:
    def of(binding: Binding, **said: Any) -> Span | None:
        from lineshaft.twins.model import Point

        prop = Property(name="x", **said)
        return span_of(binding, Point(property=prop, path=PlantPath("a/x"), series=PlantPath("a/x")))

    free = Binding(path=PlantPath("a/x"))
    assert of(free, unit="%", low=5, high=95) == Span(least=0, most=100, low=0.05, high=0.95)
    assert of(free, low=0, high=80) == Span(least=0, most=100, low=0, high=0.8)
    assert of(replace(free, least=-50, most=50), unit="Cel") == Span(least=-50, most=50)
    assert of(free, unit="Cel") is None
    assert Span(least=0, most=4).fraction(9) == 1.0


# ---- keeping ----


async def test_a_picture_is_saved_in_versions_that_can_be_looked_at_and_restored(
    pictures: Pictures, guard: Guard
) -> None:
    first = await pictures.save(ADA, picture(box("a", bindings=bound(level=f"{TANK}/level"))))
    second = await pictures.save(ADA, replace(first, items=()))
    assert (first.version, second.version, second.id) == (1, 2, first.id)
    assert (await pictures.at(EVE, first.id, 1)).items == first.items
    third = await pictures.restore(ADA, first.id, 1)
    assert (third.version, third.items) == (3, first.items)
    assert [(e.version, e.deed, e.items, e.by) for e in await pictures.editions(EVE, first.id)] == [
        (3, "restored", 1, "ada"), (2, "saved", 0, "ada"), (1, "saved", 1, "ada")]  # fmt: skip
    assert [e.action for e in await audited(guard, "twins.picture.restore")] == ["twins.picture.restore"]
    assert len(await audited(guard, "twins.picture.save")) == 2


async def test_the_second_of_two_engineers_is_told_who_was_faster_and_loses_nothing(pictures: Pictures) -> None:
    eli = person("eli", Role.ENGINEER)
    base = await pictures.save(ADA, picture(box("a")))
    await pictures.save(eli, replace(base, items=(box("a", x=50),)))
    mine = replace(base, items=(box("a"), box("b")))
    with pytest.raises(Outdated) as refused:
        await pictures.save(ADA, mine)
    assert refused.value.message == "eli saved version 2 of this picture; you changed version 1."
    assert [i.x for i in (await pictures.get(ADA, base.id)).items] == [50], "nothing was written"
    both, clashes = await pictures.merge(ADA, mine)
    assert ({i.id: i.x for i in both.items}, clashes) == ({"a": 50, "b": 0}, ())
    assert (await pictures.save(ADA, both)).version == 3


async def test_of_many_who_save_at_once_one_wins(pictures: Pictures) -> None:
    base = await pictures.save(ADA, picture())
    tries = [pictures.save(ADA, replace(base, items=(box(f"i{n}"),))) for n in range(8)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(d).__name__ for d in done) == ["Outdated"] * 7 + ["Picture"]
    assert (await pictures.get(ADA, base.id)).version == 2


async def test_a_removed_picture_is_gone_until_it_is_restored(pictures: Pictures) -> None:
    made = await pictures.save(ADA, picture(box("a")))
    await pictures.remove(ADA, made.id, version=1)
    with pytest.raises(NoPicture):
        await pictures.get(ADA, made.id)
    assert await pictures.list_(ADA) == []
    assert (await pictures.restore(ADA, made.id, 1)).version == 3
    assert [p.id for p in await pictures.list_(EVE)] == [made.id]


async def test_removed_pictures_are_listed_for_those_who_may_bring_them_back(pictures: Pictures) -> None:
    near = person("nia", Role.ENGINEER, FILLER)
    line, filler = [await pictures.save(ADA, replace(picture(), place=PlantPath(place))) for place in (LINE, FILLER)]
    assert await pictures.removed(ADA) == [], "what stands is not listed"
    for one in (line, filler):
        await pictures.remove(ADA, one.id)
    seen = {who.name: [p.id for p in await pictures.removed(who)] for who in (ADA, near, EVE, BOB)}
    assert seen == {"ada": [line.id, filler.id], "nia": [filler.id], "eve": [], "bob": []}
    assert [p.id for p in await pictures.removed(ADA, under=FILLER)] == [filler.id]
    [gone] = await pictures.removed(near)
    await pictures.restore(near, gone.id, gone.version)
    assert (await pictures.removed(near), [p.id for p in await pictures.list_(EVE)]) == ([], [filler.id])


async def test_rights_are_those_of_the_place_and_of_what_is_bound(pictures: Pictures, guard: Guard) -> None:
    with pytest.raises(NotAllowed):
        await pictures.save(EVE, picture())
    near = person("nia", Role.ENGINEER, f"{LINE}/filler")
    stranger = replace(picture(box("a", bindings=bound(state=TANK))), place=PlantPath(FILLER))
    with pytest.raises(NotAllowed):
        await pictures.save(near, stranger)
    assert await pictures.list_(ADA) == [], "nothing was written"
    made = await pictures.save(ADA, picture())
    assert await pictures.list_(BOB) == []
    with pytest.raises(NoPicture):
        await pictures.get(BOB, made.id)
    with pytest.raises(NotAllowed):
        await pictures.remove(EVE, made.id)


async def test_a_machine_knows_the_pictures_that_show_it_as_far_as_somebody_may_see_them(
    pictures: Pictures, twins: Twins
) -> None:
    reads = {"properties": (Property(name="speed"),), "bindings": {"speed": f"{LINE}/loose/number"}}
    await twins.create(ADA, at(f"{LINE}/drive", **reads))
    line = await pictures.save(ADA, picture(box("t", bindings=bound(level=f"{TANK}/level", state=FILLER))))
    near = await pictures.save(ADA, replace(line, id="", version=0, place=PlantPath(TANK)))
    loose = await pictures.save(ADA, picture(box("n", bindings=bound(value=f"{LINE}/loose/number"))))

    async def showing(who: Who, path: str, **most: int) -> list[str]:
        return [shown.id for shown in await pictures.showing(who, path, **most)]

    assert await showing(EVE, TANK) == [near.id, line.id], "the nearest first"
    assert await showing(EVE, TANK, limit=1) == [near.id]
    assert await showing(EVE, f"{LINE}/drive") == [loose.id], "by the series its property reads"
    assert set(await showing(ADA, "")) == {line.id, near.id, loose.id}
    only_tank = person("tom", Role.VIEWER, TANK)
    assert (await showing(only_tank, TANK), await showing(only_tank, FILLER)) == ([near.id], [])
    assert await showing(BOB, TANK) == []
    await pictures.save(ADA, replace(line, items=()))
    await pictures.remove(ADA, near.id)
    assert await showing(ADA, TANK) == [], "neither an older version nor one that was removed"


# ---- as the plant is now ----


async def test_slots_show_what_their_properties_say(pictures: Pictures, tell: Tell) -> None:
    await tell({f"{TANK}/level": 97.0, f"{TANK}/inlet-valve": True, f"{FILLER}/state": "Execute",
                f"{FILLER}/speed": 120.0, f"{LINE}/loose/number": 5.0})  # fmt: skip
    items = (
        box("t", bindings=bound(level=f"{TANK}/level", state=TANK)),
        box("v", "valve", bindings=bound(open=f"{TANK}/inlet-valve")),
        box("f", "filler", bindings=bound(state=FILLER, value=f"{FILLER}/speed")),
        box("s", "badge", bindings=bound(state=f"{FILLER}/state")),
        box("l", "value", bindings=bound(value=f"{LINE}/loose/number")),
        box("w", "value", bindings=bound(value=f"{TANK}/volume")),
        box("d", "alarm", bindings=bound(alarm=f"{TANK}/inlet-valve")),
    )
    watched = await pictures.watching.find(EVE, picture(*items))
    now_ = await pictures.watching.now(EVE, watched)
    level = now_["t"]["level"]
    assert (level.value, level.fraction, level.trouble) == (97.0, 0.97, Trouble.RANGE)
    assert now_["t"]["state"].trouble is Trouble.RANGE
    assert now_["v"]["open"].activity is Activity.RUNNING
    assert now_["f"]["state"].activity is Activity.RUNNING
    assert now_["f"]["value"].value == 120.0
    assert (now_["s"]["state"].activity, now_["s"]["state"].value) == (Activity.RUNNING, "Execute")
    assert now_["l"]["value"].value == 5.0
    assert now_["w"]["value"].known is False
    assert now_["d"]["alarm"].trouble is Trouble.ALARM


async def test_values_that_are_bad_or_lost_never_look_like_something_that_runs(pictures: Pictures, tell: Tell) -> None:
    await tell({f"{TANK}/inlet-valve": True}, quality=Quality.BAD_NOT_CONNECTED, ts=now())
    watched = await pictures.watching.find(ADA, picture(box("v", bindings=bound(open=f"{TANK}/inlet-valve"))))
    shown = (await pictures.watching.now(ADA, watched))["v"]["open"]
    assert (shown.activity, shown.trouble) == (Activity.UNKNOWN, Trouble.LOST)


async def test_what_somebody_may_not_see_is_not_shown_on_a_picture_they_may_see(pictures: Pictures, tell: Tell) -> None:
    await tell({f"{TANK}/level": 50.0})
    shown = replace(picture(box("t", bindings=bound(level=f"{TANK}/level"))), place=PlantPath(FILLER))
    made = await pictures.save(ADA, shown)
    near = person("nia", Role.VIEWER, FILLER)
    watched = await pictures.watching.find(near, await pictures.get(near, made.id))
    assert (watched.slots, watched.twins) == ({}, ())


# ---- drawn up from the tree ----


async def test_a_first_picture_shows_machines_in_the_order_things_flow_with_state_and_values(
    pictures: Pictures, twins: Twins
) -> None:
    for name in ("capper", "labeller"):
        await twins.create(ADA, at(f"{LINE}/{name}", type=name))
    drawn = await pictures.draw_up(ADA, "acme/berlin")
    machines = [i for i in drawn.items if i.link]
    assert [i.symbol for i in machines] == ["tank", "filler", "capper", "labeller"]
    assert [i.x for i in machines] == sorted(i.x for i in machines)
    ways = [i for i in drawn.items if i.symbol == "duct"]
    assert [(w.start.item, w.end.item) for w in ways if w.start and w.end] == [
        (machines[1].id, machines[2].id), (machines[2].id, machines[3].id)]  # fmt: skip
    tank = machines[0]
    assert tank.bindings["level"] == Binding(path=PlantPath(f"{TANK}/level"), least=0, most=100)
    assert {i.symbol for i in drawn.items} >= {"panel", "badge", "value"}
    assert check_picture(drawn) is drawn
    assert (await pictures.list_(ADA), drawn.version) == ([], 0), "nothing is saved"


def test_a_place_without_machines_gives_an_empty_picture_and_many_fit_without_overlap() -> None:
    assert sketch(PlantPath("acme"), "Acme", []).items == ()


async def test_panels_of_many_places_do_not_overlap(pictures: Pictures, twins: Twins) -> None:
    for n in range(5):
        for m in range(n + 1):
            await twins.create(ADA, at(f"acme/berlin/area-{n}/m{m}", type="pump"), with_parents=True)
    await twins.create(ADA, at("acme/berlin/hall", Level.AREA), with_parents=True)
    drawn = await pictures.draw_up(ADA, "acme")
    panels = [i for i in drawn.items if i.symbol == "panel"]
    assert len(panels) == 6
    for one in panels:
        assert one.x >= 0
        assert one.x + one.w <= drawn.width
        assert one.y + one.h <= drawn.height
        for other in panels:
            apart = one.x + one.w <= other.x or other.x + other.w <= one.x or one.y + one.h <= other.y
            assert one is other or apart or other.y + other.h <= one.y


async def test_what_an_export_wrote_becomes_the_same_picture_elsewhere(pictures: Pictures) -> None:
    made = await pictures.save(ADA, picture(box("a", bindings=bound(level=f"{TANK}/level")), box("b")))
    parcel = await Parcel.of(pictures, ADA, made)
    again = await Parcel.taken(pictures, ADA, parcel, new=True)
    assert again.id != made.id
    assert (again.items, again.title, again.version) == (made.items, made.title, 1)
