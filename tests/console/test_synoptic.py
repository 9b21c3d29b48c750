"""Process pictures: a shelf of symbols that can all be drawn, and values of which only what changed is sent."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from lineshaft.console import Sign, Synoptic, View, symbols, synoptic
from lineshaft.console.symbols import SLOTS, Symbol, _read
from lineshaft.console.synoptic import GROUPS
from lineshaft.console.theme import ASSETS

from .conftest import Show

KINDS = set(re.findall(r"(\w+)", (ASSETS / "synoptic_kinds.js").read_text().rsplit("kinds = {", 1)[1]))
CLASSES = set("bndmwsg")


def test_the_shelf_has_far_more_than_sixty_symbols_in_groups_the_palette_knows() -> None:
    shelf = symbols()
    assert len(shelf) >= 100
    assert {s.group for s in shelf.values()} == set(GROUPS)
    assert Counter(s.group for s in shelf.values())["valves"] >= 10


@pytest.mark.parametrize("symbol", symbols().values(), ids=lambda s: s.name)
def test_each_symbol_is_drawn_without_colours_within_its_size_and_called_in_both_languages(symbol: Symbol) -> None:
    assert all(symbol.title[language] for language in ("en", "zh"))
    assert symbol.is_pipe or symbol.kind in KINDS | {"shape"}
    assert symbol.is_pipe or min(symbol.size) > 0
    drawn = fromstring(f"<g>{symbol.draw}</g>")
    assert {e.get("class") for e in drawn} <= CLASSES
    assert not re.search(r"#[0-9a-f]{3}|fill=|stroke=|style=|<script|href", symbol.draw)
    assert all(0 <= x <= symbol.size[0] and 0 <= y <= symbol.size[1] for x, y in symbol.ports)
    if symbol.well:
        assert "level" in symbol.slots
        x, y, width, height = symbol.well
        assert 0 <= x <= x + width <= symbol.size[0]
        assert 0 <= y <= y + height <= symbol.size[1]


def test_a_symbol_with_a_slot_nobody_knows_is_refused_with_the_names_there_are() -> None:
    told = tomllib.loads('title = {en = "X", zh = "X"}\ngroup = "tanks"\nsize = [1, 1]\nslots = ["colour"]')
    with pytest.raises(ValueError, match=f"has the slots \\['colour'\\]; there are {', '.join(SLOTS)}"):
        _read("x", told)
    with pytest.raises(ValueError, match="'x' cannot be read: 'size'"):
        _read("x", {"title": {"en": "X"}, "group": "tanks"})


async def test_only_readings_that_differ_are_sent_and_a_picture_carries_the_symbols_it_uses(show: Show) -> None:
    drawn: list[Synoptic] = []
    items = [{"id": "t", "symbol": "tank", "x": 0, "y": 0, "w": 80, "h": 120}]

    def draw(view: View) -> None:
        picture = {"title": "Tanks", "width": 400, "height": 300, "items": items}
        drawn.append(synoptic(picture, now={"t": {"level": Sign("good", "60", 0.6, 60.0)}}))

    async with show(draw) as user:
        await user.should_see("Tanks")
        part = drawn[0]
        assert list(part.state["symbols"]) == ["tank"]
        assert part.show({"t": {"level": Sign("good", "60", 0.6, 60.0)}}) == 0
        assert part.waiting() == {}
        assert part.show({"t": {"level": Sign("warn", "97", 0.97, 97.0), "state": Sign("run")}}) == 2
        assert part.show({"t": {"level": Sign("warn", "98", 0.98, 98.0)}}) == 1
        assert part.waiting() == {"put": {"t": {"level": ["warn", "98", 0.98, 98.0], "state": ["run", "", None, None]}}}


def test_the_kinds_the_shelf_names_are_drawn_by_the_browser() -> None:
    assert {s.kind for s in symbols().values()} - {"pipe"} <= KINDS
    assert Path(ASSETS / "synoptic_pipes.js").is_file()
