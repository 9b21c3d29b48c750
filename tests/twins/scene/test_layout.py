"""Where machines stand when nobody has drawn it."""

from __future__ import annotations

import pytest

from lineshaft.twins.errors import BadTwin
from lineshaft.twins.model.layout import AISLE_M, GAP_M, LONGEST_M, SHAPES, Standing, in_order, laid_out
from lineshaft.twins.model.scene import Scene, Spot, check_scene, guessed


def standing(path: str, type_: str = "", row: str = "line") -> Standing:
    return Standing(path=path, row=row, type=type_)


def test_machines_stand_in_the_usual_order_of_a_line_and_numbers_count() -> None:
    kinds = {"labeller": "labeller", "capper": "capper", "filler": "filler", "c-10": "conveyor", "c-2": "conveyor"}
    order = in_order([standing(path, kind) for path, kind in kinds.items()], [])
    assert [one.path for one in order] == ["c-2", "c-10", "filler", "capper", "labeller"]


def test_what_feeds_what_goes_before_the_usual_order() -> None:
    machines = [standing(name, name) for name in ("filler", "capper", "labeller")]
    order = in_order(machines, [("labeller", "filler"), ("filler", "capper"), ("capper", "elsewhere")])
    assert [one.path for one in order] == ["labeller", "filler", "capper"]


def test_a_ring_of_feeds_still_gives_everybody_one_place() -> None:
    order = in_order([standing("a"), standing("b")], [("a", "b"), ("b", "a")])
    assert [one.path for one in order] == ["a", "b"]


def test_solids_of_a_row_stand_side_by_side_and_rows_an_aisle_apart() -> None:
    solids = laid_out(
        [standing("filler", "filler"), standing("capper", "capper"), standing("tank", "tank", row="room")]
    )
    filler, capper, tank = solids
    assert [one.path for one in solids] == ["filler", "capper", "tank"]
    gap = (capper.spot.x - capper.shape.width / 2) - (filler.spot.x + filler.shape.width / 2)
    assert gap == pytest.approx(GAP_M)
    assert filler.spot.z == capper.spot.z == SHAPES["filler"].depth / 2
    assert tank.spot.z - tank.shape.depth / 2 == pytest.approx(SHAPES["filler"].depth + AISLE_M)


def test_a_long_row_goes_on_in_another() -> None:
    solids = laid_out([standing(f"m{n}") for n in range(40)])
    assert max(one.spot.x + one.shape.width / 2 for one in solids) <= LONGEST_M
    assert len({one.spot.z for one in solids}) == 3


def test_who_was_put_somewhere_stands_there() -> None:
    [one] = laid_out([standing("filler", "filler")], spots={"filler": Spot(x=9, z=-2, turn=90), "gone": Spot(x=0, z=0)})
    assert (one.spot, one.moved) == (Spot(x=9, z=-2, turn=90), True)


def test_parts_named_like_a_property_are_bound_to_it() -> None:
    parts = ["Bearing_Temperature", "Frame", "speed.001", "motor temp"]
    found = guessed(parts, ["bearing-temperature", "speed", "drive/motor-temp"])
    assert found == {
        "Bearing_Temperature": ("bearing-temperature",),
        "speed.001": ("speed",),
        "motor temp": ("drive/motor-temp",),
    }


@pytest.mark.parametrize(
    ("scene", "says"),
    [
        (Scene(spots={"a": Spot(x=float("nan"), z=0)}), "a would stand at x nan m"),
        (Scene(spots={"a": Spot(x=0, z=1e6)}), "would stand at"),
        (Scene(bindings={"": ("speed",)}), "A part name has 0 letters"),
        (Scene(bindings={f"p{n}": () for n in range(1001)}), "binds 1001 parts"),
    ],
)
def test_a_scene_that_cannot_be_is_refused(scene: Scene, says: str) -> None:
    with pytest.raises(BadTwin, match=says):
        check_scene(scene)
