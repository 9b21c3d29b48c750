"""What can be done to the tree, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, NotAllowed, Outcome, Role
from lineshaft.twins import (
    BadTwin,
    Deed,
    Level,
    NoTwin,
    NoType,
    Outdated,
    Property,
    Superseded,
    Taken,
    Twins,
)

from .conftest import ADA, BOB, EVE, at, audited, facts, person

LINE = "acme/berlin/line-1"
FILLER = f"{LINE}/filler"


async def paths(twins: Twins, under: str = "acme") -> list[str]:
    return [str(t.path) for t in await twins.list_(ADA, under=under, limit=1000)]


async def test_a_created_twin_has_the_properties_of_its_type_and_its_own(twins: Twins) -> None:
    own = Property(name="pressure-2", unit="bar", low=1.0, high=4.0)
    made = await twins.create(ADA, at(FILLER, type="filler", properties=(own,), without=("power", "vibration")))
    assert (made.version, made.etag, made.changed_by) == (1, '"1"', "ada")
    names = [p.property.name for p in made.points]
    assert names[:3] == ["state", "mode", "stop-reason"]
    assert names[-1] == "pressure-2"
    assert not {"power", "vibration"} & set(names)
    point = made.find("pressure-2")
    assert point is not None
    assert (point.path, point.series, point.own) == (f"{FILLER}/pressure-2", f"{FILLER}/pressure-2", True)
    assert await twins.get(EVE, FILLER) == made


async def test_missing_places_above_are_made_only_when_asked(twins: Twins) -> None:
    with pytest.raises(NoTwin, match="no twin at acme/paris"):
        await twins.create(ADA, at("acme/paris/pump"))
    assert "acme/paris" not in await paths(twins)
    made = await twins.create(ADA, at("acme/paris/pump"), with_parents=True)
    assert made.path == "acme/paris/pump"
    paris = await twins.get(ADA, "acme/paris")
    assert (paris.draft.level, paris.children) == (Level.SITE, 1)


async def test_a_path_is_taken_once(twins: Twins) -> None:
    await twins.create(ADA, at(FILLER))
    with pytest.raises(Taken, match=FILLER):
        await twins.create(ADA, at(FILLER))
    assert (await twins.get(ADA, FILLER)).version == 1


@pytest.mark.parametrize(
    ("path", "level"),
    [(FILLER, Level.SITE), (FILLER, Level.ORGANISATION), ("new", Level.SITE), (LINE, Level.ASSET)],
)
async def test_levels_never_go_back_up(twins: Twins, path: str, level: Level) -> None:
    await twins.create(ADA, at(f"{LINE}/cell", Level.CELL))
    who = person("root", Role.ENGINEER, "")
    wrong = at(path, level)
    with pytest.raises(BadTwin):
        await (twins.change(who, wrong, version=None) if path == LINE else twins.create(who, wrong))


async def test_unknown_types_are_refused(twins: Twins) -> None:
    with pytest.raises(NoType, match="'fller'"):
        await twins.create(ADA, at(FILLER, type="fller"))
    with pytest.raises(NoTwin):
        await twins.get(ADA, FILLER)


@pytest.mark.parametrize(
    "bad",
    [
        Property(name="a b"),
        Property(name="a/b"),
        Property(name="ok", low=5.0, high=1.0),
        Property(name="ok", unit="m / s"),
        Property(name="ok", values=("On", "On")),
        Property(name="ok", stale_after_s=0.0),
    ],
)
async def test_properties_that_cannot_be_are_refused(twins: Twins, bad: Property) -> None:
    with pytest.raises(BadTwin):
        await twins.create(ADA, at(FILLER, properties=(bad,)))
    with pytest.raises(BadTwin, match="given twice"):
        await twins.create(ADA, at(FILLER, properties=(Property(name="x"), Property(name="x"))))


async def test_of_two_people_the_second_is_told_both_versions(twins: Twins) -> None:
    first = await twins.create(ADA, at(FILLER))
    bert = person("bert", Role.ENGINEER)
    await twins.change(bert, replace(first.draft, title={"en": "Bert's"}), version=first.version)
    with pytest.raises(Outdated, match="version 2 by now, changed by bert; you changed version 1") as caught:
        await twins.change(ADA, replace(first.draft, title={"en": "Ada's"}), version=first.version)
    assert caught.value.status == 409
    assert caught.value.details == {"current": 2, "yours": 1}
    now = await twins.get(ADA, FILLER)
    assert (now.title(), now.version) == ("Bert's", 2)


async def test_a_change_that_changes_nothing_is_no_version(twins: Twins) -> None:
    made = await twins.create(ADA, at(FILLER))
    again = await twins.change(ADA, made.draft, version=1)
    assert again.version == 1
    assert len(await twins.history(ADA, FILLER)) == 1


async def test_a_viewer_changes_nothing_and_is_audited(twins: Twins, guard: Guard) -> None:
    made = await twins.create(ADA, at(FILLER))
    before = await paths(twins)
    with pytest.raises(NotAllowed):
        await twins.create(EVE, at(f"{LINE}/capper"))
    with pytest.raises(NotAllowed):
        await twins.change(EVE, replace(made.draft, title={"en": "Eve's"}), version=1)
    with pytest.raises(NotAllowed):
        await twins.move(EVE, FILLER, f"{LINE}/other")
    with pytest.raises(NotAllowed):
        await twins.retire(EVE, FILLER)
    with pytest.raises(NotAllowed):
        await twins.undo(EVE, (await twins.history(ADA, FILLER))[0].id)
    assert await paths(twins) == before
    assert await twins.get(EVE, FILLER) == made
    for action in ("twins.create", "twins.change", "twins.move", "twins.retire", "twins.undo"):
        [row] = [r for r in await audited(guard, action) if r.outcome is Outcome.DENIED]
        assert (row.actor, row.subject.startswith(LINE)) == ("eve", True)


async def test_another_organisation_sees_nothing(twins: Twins) -> None:
    await twins.create(ADA, at(FILLER))
    for ask in (twins.get, twins.history, twins.children):
        with pytest.raises(NotAllowed):
            await ask(BOB, FILLER)
    with pytest.raises(NotAllowed):
        await twins.list_(BOB, under="acme")
    assert await twins.find(BOB, FILLER) is None
    assert await twins.list_(BOB) == []
    assert await twins.children(BOB) == []


async def test_a_line_is_the_top_for_those_who_see_only_it(twins: Twins) -> None:
    await twins.create(ADA, at(FILLER))
    lena = person("lena", Role.VIEWER, LINE)
    assert [t.path for t in await twins.children(lena)] == [LINE]
    assert [t.path for t in await twins.children(lena, LINE)] == [FILLER]
    assert [t.path for t in await twins.list_(lena, under="acme")] == [LINE, FILLER]
    assert [t.path for t in await twins.children(ADA)] == ["acme"]


async def test_what_moves_keeps_its_subtree_and_where_its_values_are(twins: Twins) -> None:
    made = await twins.create(ADA, at(FILLER, type="tank", title={"en": "Filler", "zh": "灌装机"}))
    await twins.create(ADA, at(f"{FILLER}/drive", Level.COMPONENT, type="motor"))
    to = "acme/berlin/line-2/big-filler"
    await twins.create(ADA, at("acme/berlin/line-2", Level.LINE))
    moved = await twins.move(ADA, FILLER, to, version=1)
    assert (moved.id, moved.path, moved.version, moved.children) == (made.id, to, 2, 1)
    level = moved.find("level")
    assert level is not None
    assert (level.path, level.series) == (f"{to}/level", f"{FILLER}/level")
    assert (await twins.get(ADA, f"{to}/drive")).points[0].series == f"{FILLER}/drive/speed"
    with pytest.raises(NoTwin):
        await twins.get(ADA, FILLER)
    back = await twins.move(ADA, to, FILLER)
    assert back.draft == made.draft


async def test_nothing_moves_into_itself_or_onto_another(twins: Twins) -> None:
    await twins.create(ADA, at(FILLER))
    await twins.create(ADA, at(f"{LINE}/capper"))
    with pytest.raises(BadTwin, match="inside it"):
        await twins.move(ADA, LINE, f"{LINE}/filler/line-1")
    with pytest.raises(Taken):
        await twins.move(ADA, FILLER, f"{LINE}/capper")
    with pytest.raises(NoTwin, match="acme/nowhere"):
        await twins.move(ADA, FILLER, "acme/nowhere/filler")
    with pytest.raises(NotAllowed):
        await twins.move(ADA, FILLER, "other/filler")
    assert await paths(twins, LINE) == [LINE, f"{LINE}/capper", FILLER]


async def test_undo_brings_back_what_was_retired(twins: Twins) -> None:
    await twins.create(ADA, at(FILLER, type="filler", title={"en": "Filler"}))
    await twins.create(ADA, at(f"{FILLER}/drive", Level.COMPONENT))
    before = {t.path: t for t in await twins.list_(ADA, under=LINE)}
    gone = await twins.retire(ADA, FILLER)
    assert (gone.deed, gone.twins) == (Deed.RETIRED, 2)
    assert await paths(twins, LINE) == [LINE]
    assert [c.deed for c in await twins.history(ADA, FILLER)] == [Deed.RETIRED, Deed.CREATED]
    await twins.undo(ADA, gone.id)
    after = {t.path: t for t in await twins.list_(ADA, under=LINE)}
    assert {p: (t.id, t.draft) for p, t in after.items()} == {p: (t.id, t.draft) for p, t in before.items()}
    assert after[PlantPath(FILLER)].version == 3
    with pytest.raises(Superseded, match="undone already"):
        await twins.undo(ADA, gone.id)


async def test_an_undo_can_be_undone(twins: Twins) -> None:
    made = await twins.create(ADA, at(FILLER, title={"en": "One"}))
    await twins.change(ADA, replace(made.draft, title={"en": "Two"}), version=1)
    undone = await twins.undo(ADA, (await twins.history(ADA, FILLER))[0].id)
    assert (await twins.get(ADA, FILLER)).title() == "One"
    await twins.undo(ADA, undone.id)
    assert (await twins.get(ADA, FILLER)).title() == "Two"


async def test_undo_is_refused_when_something_later_is_in_the_way(twins: Twins) -> None:
    made = await twins.create(ADA, at(FILLER))
    [creation] = await twins.history(ADA, FILLER)
    await twins.change(ADA, replace(made.draft, title={"en": "Later"}), version=1)
    with pytest.raises(Superseded, match="version 1 is now 2"):
        await twins.undo(ADA, creation.id)
    await twins.create(ADA, at(f"{LINE}/cell", Level.CELL))
    [cell] = await twins.history(ADA, f"{LINE}/cell")
    await twins.create(ADA, at(f"{LINE}/cell/robot"))
    with pytest.raises(Superseded, match="is below it"):
        await twins.undo(ADA, cell.id)
    gone = await twins.retire(ADA, FILLER)
    await twins.create(ADA, at(FILLER))
    with pytest.raises(Taken):
        await twins.undo(ADA, gone.id)
    assert (await twins.get(ADA, FILLER)).version == 1


async def test_search_finds_by_every_word_in_any_language(twins: Twins) -> None:
    await twins.create(ADA, at(FILLER, type="filler", title={"en": "Big Filler 100%", "zh": "大灌装机"}))
    await twins.create(ADA, at(f"{LINE}/capper", type="capper", title={"en": "Big Capper"}))

    async def found(words: str, **more: object) -> list[str]:
        return [t.path.name for t in await twins.list_(ADA, words=words, **more)]

    assert await found("big") == ["capper", "filler"]
    assert await found("FILL big") == ["filler"]
    assert await found("灌装") == ["filler"]
    assert await found("100%") == ["filler"]
    assert await found("%") == ["filler"]
    assert await found("", type_="capper") == ["capper"]
    assert await found("", levels=[Level.LINE]) == ["line-1"]


async def test_lists_are_paged_by_path(twins: Twins) -> None:
    wanted = sorted(f"{LINE}/m-{n}" for n in range(7))
    for path in wanted:
        await twins.create(ADA, at(path))
    seen: list[str] = []
    while page := await twins.children(ADA, LINE, after=seen[-1] if seen else "", limit=3):
        seen += [str(t.path) for t in page]
    assert seen == wanted


async def test_history_tells_who_did_what(twins: Twins) -> None:
    made = await twins.create(ADA, at(FILLER))
    await twins.change(ADA, replace(made.draft, title={"en": "Filler"}), version=1)
    await twins.move(ADA, FILLER, f"{LINE}/filler-1")
    changes = await twins.history(EVE, f"{LINE}/filler-1")
    assert [(c.deed, c.by, c.twins) for c in changes] == [
        (Deed.MOVED, "ada", 1),
        (Deed.CHANGED, "ada", 1),
        (Deed.CREATED, "ada", 1),
    ]
    [step] = changes[1].steps
    assert step.before is not None
    assert step.after is not None
    assert (step.before.title, step.after.title) == ({}, {"en": "Filler"})


async def test_every_change_is_announced_and_audited(twins: Twins, db: Database, guard: Guard) -> None:
    known = len(await facts(db))
    made = await twins.create(ADA, at(FILLER))
    await twins.change(ADA, replace(made.draft, title={"en": "Filler"}), version=1)
    await twins.move(ADA, FILLER, f"{LINE}/filler-1")
    await twins.retire(ADA, f"{LINE}/filler-1")
    told = [(name, msgspec.json.decode(body)) for name, body in (await facts(db))[known:]]
    assert told == [
        ("twin_created", {"id": made.id, "path": FILLER, "version": 1}),
        ("twin_changed", {"id": made.id, "path": FILLER, "version": 2, "was": FILLER}),
        ("twin_changed", {"id": made.id, "path": f"{LINE}/filler-1", "version": 3, "was": FILLER}),
        ("twin_retired", {"id": made.id, "path": f"{LINE}/filler-1", "version": 4}),
    ]
    [row] = await audited(guard, "twins.change")
    assert (row.actor, row.subject, row.outcome) == ("ada", FILLER, Outcome.DONE)
    assert len(await audited(guard, "twins.retire")) == 1


async def test_a_refused_change_leaves_no_trace(twins: Twins, db: Database) -> None:
    await twins.create(ADA, at(FILLER))
    known = await facts(db)
    with pytest.raises(Taken):
        await twins.create(ADA, at(FILLER))
    with pytest.raises(Outdated):
        await twins.retire(ADA, FILLER, version=7)
    assert await facts(db) == known
    assert len(await twins.history(ADA, FILLER)) == 1


async def test_binding_a_series_needs_the_right_to_see_it(twins: Twins) -> None:
    lena = person("lena", Role.ENGINEER, LINE)
    with pytest.raises(NotAllowed):
        await twins.create(lena, at(FILLER, properties=(Property(name="x"),), bindings={"x": "acme/secret/x"}))
    made = await twins.create(lena, at(FILLER, properties=(Property(name="x"),), bindings={"x": f"{LINE}/meter/x"}))
    assert made.points[0].series == f"{LINE}/meter/x"


async def test_a_needless_binding_is_left_out(twins: Twins) -> None:
    made = await twins.create(ADA, at(FILLER, properties=(Property(name="x"),), bindings={"x": f"{FILLER}/x"}))
    assert made.draft.bindings == {}


async def test_from_template_takes_its_place_in_the_levels(twins: Twins) -> None:
    made = await twins.from_template(ADA, "pump", f"{LINE}/cooling/pump-1", title={"en": "Pump 1"})
    assert (made.draft.level, made.icon, made.title("zh")) == (Level.ASSET, "water_drop", "Pump 1")
    assert (await twins.get(ADA, f"{LINE}/cooling")).draft.level is Level.LINE
    motor = await twins.from_template(ADA, "motor", f"{LINE}/cooling/pump-1/motor")
    assert motor.draft.level is Level.ASSET
    with pytest.raises(NoType):
        await twins.from_template(ADA, "spaceship", f"{LINE}/x")
