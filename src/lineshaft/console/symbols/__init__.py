"""The shelf of symbols for process pictures: one file is one symbol.

    title = { en = "Centrifugal pump", zh = "离心泵" }
    group = "pumps"                     where the palette shows it
    size = [60, 60]                     of the drawing, and of a new item
    slots = ["state", "value"]          what can be bound: state, open, level, value, alarm
    ports = [[0, 30], [60, 8]]          where pipes end
    well = [10, 18, 60, 86]             the part of the drawing that a level fills from below (`across`: from the left)
    draw = '<circle class="b" cx="30" cy="28" r="24"/>'

A drawing has no colours: `b` is the body, whose grey says whether it runs, `n` a line, `d` a dashed line, `m` a mark,
`w` the well, `s` a part that opens, `g` a letter. Any `kind` but `shape` is drawn from values.
Other packages add symbols by the entry point `lineshaft.console.symbols`, which names a package of such files.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from typing import Any

ENTRY_POINTS = "lineshaft.console.symbols"
SLOTS = ("state", "open", "level", "value", "alarm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One symbol, as its file tells it."""

    name: str
    title: Mapping[str, str]
    group: str
    size: tuple[float, float]
    slots: tuple[str, ...] = ()
    ports: tuple[tuple[float, float], ...] = ()
    kind: str = "shape"
    keep: bool = True
    """Whether the drawing keeps its proportions when it is resized by a corner."""
    well: tuple[float, ...] = ()
    across: bool = False
    weight: float = 0.0
    """Thickness of a pipe."""
    arrow: bool = False
    dash: bool = False
    draw: str = ""

    @property
    def is_pipe(self) -> bool:
        return self.kind == "pipe"


@cache
def symbols() -> Mapping[str, Symbol]:
    """Every symbol on the shelf by name, ours before those of other packages."""
    found: dict[str, Symbol] = {}
    for folder in _folders():
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(".toml"):
                name = file.name.removesuffix(".toml")
                found.setdefault(name, _read(name, tomllib.loads(file.read_text(encoding="utf-8"))))
    return found


def _folders() -> Iterator[Traversable]:
    yield resources.files(__name__)
    for entry in metadata.entry_points(group=ENTRY_POINTS):
        yield resources.files(entry.value)


def _read(name: str, told: dict[str, Any]) -> Symbol:
    """A file as a symbol; ValueError names the file and what is wrong in it."""
    try:
        symbol = Symbol(
            name=name,
            **told
            | {
                "size": tuple(told["size"]),
                "slots": tuple(told.get("slots", ())),
                "ports": tuple((x, y) for x, y in told.get("ports", ())),
                "well": tuple(told.get("well", ())),
            },
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"The symbol {name!r} cannot be read: {error}.") from error
    if unknown := set(symbol.slots) - set(SLOTS):
        raise ValueError(f"The symbol {name!r} has the slots {sorted(unknown)}; there are {', '.join(SLOTS)}.")
    return symbol
