"""Process pictures: symbols on a canvas that show how the plant is now, and the editor for them.

drawn = synoptic(picture, now={"pump-1": {"state": Sign("run")}}, known={"tank-1": {"level": {"unit": "%"}}})
drawn.show({"tank-1": {"level": Sign("warn", "96", fraction=0.96)}})      # only what differs is sent

A picture is what the browser takes: title, width, height and items, each with id, symbol, place, size, turn, label,
link and what its slots are bound to. Pipes have ends instead of a place. `/gallery` shows every symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import theme
from .language import mark
from .live import Live
from .symbols import Symbol, symbols
from .view import here, text

GROUPS: Mapping[str, str] = {
    "tanks": mark("Tanks and vessels"),
    "pumps": mark("Pumps and compressors"),
    "valves": mark("Valves"),
    "pipes": mark("Pipes and lines"),
    "drives": mark("Drives"),
    "transport": mark("Conveying"),
    "packaging": mark("Packaging"),
    "machines": mark("Machines"),
    "heat": mark("Heating and cooling"),
    "process": mark("Process equipment"),
    "building": mark("Building and power"),
    "instruments": mark("Instruments"),
    "displays": mark("Values and texts"),
}
WORDS: Mapping[str, str] = {
    "closer": mark("Zoom in"),
    "farther": mark("Zoom out"),
    "fit": mark("Show all"),
}


@dataclass(frozen=True, slots=True)
class Sign:
    """What one slot of an item shows: a look (good, run, stop, warn, alarm, lost, stale, unknown) and a value."""

    look: str
    text: str = ""
    fraction: float | None = None
    """Where the value lies between least (0) and most (1)."""
    number: float | None = None

    @property
    def told(self) -> list[Any]:
        """The same as the browser takes it."""
        return [self.look, self.text, self.fraction, self.number]


Signs = Mapping[str, Mapping[str, Sign]]


class Synoptic(Live, component="assets/ls_synoptic.js"):
    """A process picture whose items follow the plant."""

    def show(self, now: Signs) -> int:
        """New readings by item and slot; returns how many differ from those shown."""
        shown: dict[str, dict[str, list[Any]]] = self.state["now"]
        differing: dict[str, dict[str, list[Any]]] = {}
        for item, slots in now.items():
            known = shown.setdefault(item, {})
            for slot, sign in slots.items():
                if known.get(slot) != (told := sign.told):
                    known[slot] = told
                    differing.setdefault(item, {})[slot] = told
        if differing:
            waiting = dict(self.waiting().get("put", {}))
            for item, changed in differing.items():
                waiting[item] = {**waiting.get(item, {}), **changed}
            self._tell({"put": waiting})
        return sum(map(len, differing.values()))


def synoptic(
    picture: Mapping[str, Any],
    *,
    now: Signs | None = None,
    known: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None,
    drawings: Mapping[str, Mapping[str, Any]] | None = None,
) -> Synoptic:
    """A picture to look at. `known` tells of a slot what stays: unit, and `low` and `high` of its band from 0 to 1."""
    used = {str(item["symbol"]) for item in picture["items"]}
    return Synoptic(**state_of(picture, now, known, drawings, used), editing=False, words=words_of(WORDS))


def state_of(
    picture: Mapping[str, Any],
    now: Signs | None,
    known: Mapping[str, Any] | None,
    drawings: Mapping[str, Any] | None,
    used: Iterable[str],
) -> dict[str, Any]:
    """What a picture starts with in the browser."""
    return {
        "picture": picture,
        "now": {item: {slot: sign.told for slot, sign in slots.items()} for item, slots in (now or {}).items()},
        "known": known or {},
        "drawings": drawings or {},
        "symbols": {name: _drawn(symbols()[name]) for name in sorted(used) if name in symbols()},
        "base": f"{theme.BASE}/{theme.version()}",
    }


def words_of(words: Mapping[str, str]) -> dict[str, str]:
    """What the browser says, in the viewer's language."""
    return {key: text(word) for key, word in words.items()}


def _drawn(symbol: Symbol) -> dict[str, Any]:
    """A symbol as the browser takes it; what is usual is left out."""
    title = symbol.title.get(here().language) or symbol.title["en"]
    told: dict[str, Any] = {"title": title, "group": symbol.group, "size": symbol.size, "kind": symbol.kind}
    optional = ("slots", "ports", "well", "across", "weight", "arrow", "dash", "draw")
    told |= {name: value for name in optional if (value := getattr(symbol, name))}
    return told | ({} if symbol.keep else {"keep": False})


def palette() -> dict[str, list[Symbol]]:
    """The symbols of the shelf by group, in the order people look for them; groups of other packages come last."""
    found: dict[str, list[Symbol]] = {group: [] for group in GROUPS}
    for symbol in symbols().values():
        found.setdefault(symbol.group, []).append(symbol)
    return found
