"""How paths of series become a tree: pure rules."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.kernel.terms import Kind, PlantPath
from lineshaft.twins import AssetType, Draft, Found, Level, Property, Proposed, Running, Twin
from lineshaft.twins.model import points_of, propose, unit_in_name
from lineshaft.twins.model.proposal import _same
from lineshaft.twins.service.library import library

PUMP = AssetType(
    name="pump",
    title={"en": "Pump", "zh": "泵"},
    also=("pumpe",),
    running=Running(property="speed", above=1.0),
    properties=(
        Property(name="speed", unit="/min", high=3000.0, also=("rpm",)),
        Property(name="flow", unit="m3/h", title={"en": "Flow"}),
        Property(name="temperature", unit="Cel", low=0.0, high=80.0),
        Property(name="running", kind=Kind.BOOLEAN),
    ),
)
TYPES = [PUMP, AssetType(name="motor", properties=(Property(name="speed", unit="/min"),))]


def found(*names: str, unit: str = "", below: str = "acme/berlin/water/pump-1", **more: object) -> list[Found]:
    return [Found(path=PlantPath(f"{below}/{n}"), unit=unit, **more) for n in names]


def last(proposed: list[Proposed]) -> Proposed:
    return proposed[-1]


def test_levels_follow_the_depth() -> None:
    path = "acme/berlin/packaging/line-1/cell-2/robot/arm/joint/angle"
    made = propose([Found(path=PlantPath(path))], TYPES, {}, bold=False)
    assert [(p.draft.path.name, p.draft.level) for p in made] == [
        ("acme", Level.ORGANISATION),
        ("berlin", Level.SITE),
        ("packaging", Level.AREA),
        ("line-1", Level.LINE),
        ("cell-2", Level.CELL),
        ("robot", Level.ASSET),
        ("arm", Level.COMPONENT),
        ("joint", Level.COMPONENT),
    ]
    assert [p.adds for p in made[-2:]] == [(), ("angle",)]


@pytest.mark.parametrize(
    ("path", "levels"),
    [
        ("acme/power", [Level.ORGANISATION]),
        ("acme/pump/speed", [Level.ORGANISATION, Level.ASSET]),
        ("acme/berlin/pump/speed", [Level.ORGANISATION, Level.SITE, Level.ASSET]),
        ("alone", []),
    ],
)
def test_short_paths_have_a_machine_too(path: str, levels: list[Level]) -> None:
    assert [p.draft.level for p in propose([Found(path=PlantPath(path))], TYPES, {}, bold=False)] == levels


def test_what_has_machines_below_is_a_place_that_has_values() -> None:
    hall = [Found(path=PlantPath(f"acme/b/building/hall-1/{p}")) for p in ("light", "air/co2", "gate/open")]
    made = {p.draft.path.name: p.draft for p in propose(hall, TYPES, {}, bold=False)}
    assert [made[n].level for n in ("hall-1", "air", "gate")] == [Level.LINE, Level.ASSET, Level.ASSET]
    assert [p.name for p in made["hall-1"].properties] == ["light"]


def test_what_lies_below_a_machine_is_its_component() -> None:
    pump = [Found(path=PlantPath(f"acme/b/a/l/pump-1/{p}")) for p in ("speed", "vibration/x", "vibration/axis/y")]
    made = {p.draft.path.name: p.draft for p in propose(pump, TYPES, {}, bold=False)}
    assert (made["pump-1"].type, made["pump-1"].level) == ("pump", Level.ASSET)
    assert [made[n].level for n in ("vibration", "axis")] == [Level.COMPONENT, Level.COMPONENT]


def test_a_guessed_machine_becomes_a_place_when_machines_appear_below() -> None:
    path = PlantPath("acme/b/building/hall-1")
    tree = {p: Twin(id=p, draft=Draft(path=PlantPath(p), level=level)) for p, level in (
        ("acme", Level.ORGANISATION), ("acme/b", Level.SITE), ("acme/b/building", Level.AREA))}  # fmt: skip
    guessed = Draft(path=path, level=Level.ASSET, properties=(Property(name="light"),))
    tree |= standing(guessed)
    air = [Found(path=PlantPath(f"{path}/air/co2"))]
    assert [(p.draft.path, p.draft.level, p.version) for p in propose(air, TYPES, tree, bold=False)] == [
        (path, Level.LINE, 4),
        (f"{path}/air", Level.ASSET, 0),
    ]
    named = replace(guessed, title={"en": "Hall"})
    assert [p.draft.level for p in propose(air, TYPES, tree | standing(named), bold=False)] == [Level.COMPONENT]


def test_a_name_and_properties_speak_for_a_type() -> None:
    one = last(propose(found("speed", "flow", unit=""), TYPES, {}, bold=False))
    assert one.draft.type == "pump"
    assert one.score > 0.75
    assert set(one.draft.without) == {"temperature", "running"}


def test_a_pump_motor_is_a_motor() -> None:
    types = list(library().values())
    for name, kind in [("pump-motor", "motor"), ("灌装机2", "filler"), ("MainEnergyMeter", "energy-meter"), ("x9", "")]:
        assert last(propose(found("speed", below=f"acme/b/{name}"), types, {}, bold=False)).draft.type == kind


def test_properties_alone_speak_only_when_there_are_many() -> None:
    assert (
        last(
            propose(found("speed", "flow", "temperature", "running", below="acme/b/p1"), TYPES, {}, bold=True)
        ).draft.type
        == "pump"
    )
    assert (
        last(propose(found("speed", "flow", "temperature", below="acme/b/p1"), TYPES, {}, bold=True)).draft.type == ""
    )


def test_a_careful_guess_takes_no_unit_and_no_range_that_nobody_told() -> None:
    one = last(propose(found("temperature", "flow"), TYPES, {}, bold=False))
    own = {p.name: p for p in one.draft.properties}
    assert (own["temperature"].unit, own["temperature"].low, own["temperature"].high) == ("", None, None)
    assert own["flow"].title == {"en": "Flow"}
    assert one.guessed == ()


def test_a_careful_guess_takes_the_range_when_the_unit_is_the_same() -> None:
    one = last(propose(found("temperature", unit="°C"), TYPES, {}, bold=False))
    assert one.draft.properties == ()
    kelvin = last(propose(found("temperature", unit="K"), TYPES, {}, bold=False))
    [own] = kelvin.draft.properties
    assert (own.unit, own.low, own.high) == ("K", None, None)


def test_a_bold_guess_names_the_units_it_took() -> None:
    one = last(propose(found("temperature", "Flow"), TYPES, {}, bold=True))
    assert one.guessed == ("temperature", "flow")
    assert one.draft.properties == ()
    assert one.draft.bindings == {"flow": "acme/berlin/water/pump-1/Flow"}


def test_synonyms_count_only_for_the_bold() -> None:
    bold = last(propose(found("rpm"), TYPES, {}, bold=True))
    assert bold.draft.bindings == {"speed": "acme/berlin/water/pump-1/rpm"}
    assert bold.adds == ("speed",)
    careful = last(propose(found("rpm"), TYPES, {}, bold=False))
    assert (careful.draft.bindings, careful.adds) == ({}, ("rpm",))
    assert "speed" in careful.draft.without


def test_a_careful_guess_keeps_the_spelling_of_the_series() -> None:
    one = last(propose(found("Speed", unit="rpm"), TYPES, {}, bold=False))
    [own] = one.draft.properties
    assert (own.name, own.unit, own.high) == ("Speed", "/min", 3000.0)
    assert one.draft.bindings == {}
    assert one.draft.running == Running(property="Speed", above=1.0)


def test_numbers_on_the_wire_may_be_truth_but_text_is_text() -> None:
    one = last(propose(found("running", kind=Kind.NUMBER), TYPES, {}, bold=False))
    assert one.draft.properties == ()
    [own] = last(propose(found("flow", unit="m3/h", kind=Kind.TEXT), TYPES, {}, bold=False)).draft.properties
    assert (own.kind, own.low) == (Kind.TEXT, None)


def test_what_a_tag_says_of_range_and_writing_counts() -> None:
    [own] = last(
        propose(found("flow", unit="m3/h", writable=True, low=1.0, high=9.0), TYPES, {}, bold=False)
    ).draft.properties
    assert (own.writable, own.low, own.high, own.title) == (True, 1.0, 9.0, {"en": "Flow"})


def standing(draft: Draft, kind: AssetType | None = None) -> dict[str, Twin]:
    return {draft.path: Twin(id="1", draft=draft, version=4, kind=kind, points=points_of(draft, kind))}


def test_an_existing_twin_gets_only_what_it_lacks() -> None:
    draft = Draft(
        path=PlantPath("acme/berlin/water/pump-1"), level=Level.ASSET, type="pump", without=("flow", "running")
    )
    [one] = propose(found("speed", "flow", "level", unit=""), TYPES, standing(draft, PUMP), bold=True)
    assert (one.version, one.adds, one.draft.without) == (4, ("flow", "level"), ("running",))
    assert [p.name for p in one.draft.properties] == ["level"]
    assert propose(found("speed"), TYPES, standing(draft, PUMP), bold=True) == []


def test_series_of_a_moved_twin_find_it_where_it_is() -> None:
    draft = Draft(path=PlantPath("acme/paris/p"), level=Level.ASSET)
    known = {"acme/berlin/water/pump-1": standing(draft)["acme/paris/p"]}
    [one] = propose(found("level"), TYPES, known, bold=False)
    assert one.draft.path == "acme/paris/p"
    assert one.draft.bindings == {"level": "acme/berlin/water/pump-1/level"}


def test_more_properties_than_a_twin_may_have_stay_without_a_place() -> None:
    one = last(propose(found(*(f"x{n}" for n in range(600))), TYPES, {}, bold=False))
    assert (len(one.draft.properties), len(one.adds)) == (500, 500)


SEGMENTS = st.sampled_from(["a", "b", "pump", "line-1", "speed", "x_bar"])
SERIES = st.lists(
    st.lists(SEGMENTS, min_size=1, max_size=8).map(lambda p: PlantPath("/".join(["acme", *p]))), max_size=12
)


@settings(deadline=None)
@given(SERIES, st.booleans())
def test_every_series_gets_exactly_one_place_in_a_whole_tree(paths: list[PlantPath], bold: bool) -> None:
    made = propose([Found(path=p) for p in set(paths)], TYPES, {}, bold=bold)
    level: dict[str, Level] = {}
    for one in made:
        parent = one.draft.path.parent
        assert parent is None or level[parent].may_hold(one.draft.level)
        assert one.draft.path not in level
        level[one.draft.path] = one.draft.level
    types = {t.name: t for t in TYPES}
    read = [p.series for one in made for p in points_of(one.draft, types.get(one.draft.type))]
    assert sorted(read) == sorted(set(paths))


@settings(deadline=None)
@given(SERIES)
def test_what_was_accepted_is_not_proposed_again(paths: list[PlantPath]) -> None:
    types = {t.name: t for t in TYPES}
    series = [Found(path=p) for p in set(paths)]
    made = propose(series, TYPES, {}, bold=True)
    tree = {
        p.draft.path: Twin(
            id=p.draft.path,
            draft=p.draft,
            kind=types.get(p.draft.type),
            points=points_of(p.draft, types.get(p.draft.type)),
        )
        for p in made
    }
    assert propose(series, TYPES, tree, bold=True) == []


@pytest.mark.parametrize(("name", "unit"), [("pressure_bar", "bar"), ("power-kw", "kW"), ("bar", ""), ("speed", "")])
def test_units_stand_in_names(name: str, unit: str) -> None:
    assert unit_in_name(name) == unit


def test_units_are_compared_by_what_they_say() -> None:
    assert _same("°C", "Cel")
    assert _same("{bottles}/min", "/min")
    assert _same("1/min", "{items}/min")
    assert _same("rpm", "/min")
    assert not _same("bar", "mbar")
    assert not _same("", "bar")


def test_the_library_speaks_english_and_chinese() -> None:
    assert len(library()) >= 13
    for kind in library().values():
        for words in (kind.title, kind.description, *(p.title for p in kind.properties)):
            assert words["en"]
            assert words["zh"]
        assert kind.icon
        assert kind == replace(kind, library=True)
