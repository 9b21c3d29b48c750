"""Counts what a drawing really draws: what it uses, repeats as a pattern or sets as a marker counts each time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from lineshaft.twins.errors import BadFile, FileTooLarge

MOST_DRAWN = 100_000
MOST_CHAIN = 200
_SHADES = ("linearGradient", "radialGradient")
_INHERITED = ("fill", "stroke")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


@dataclass(slots=True)
class _Element:
    tag: str
    corners: int
    """At most as many as its path or points can have, at each of which a marker is drawn."""
    refers: list[tuple[str, str]]
    inside: list[_Element] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Drawn:
    elements: int = 0
    corners: int = 0


def check_reuse(svg: str) -> None:
    """BadFile when parts of the inside of a drawing hold themselves, FileTooLarge when they draw too much."""
    counting = _Counting()
    counting.read(svg)


class _Counting:
    def __init__(self) -> None:
        self._known: dict[str, _Element] = {}
        self._open = [_Element("svg", 0, [])]
        self._drawn: dict[int, _Drawn | None] = {}

    def read(self, svg: str) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = lambda _: self._open.pop()
        root = self._open[0]
        parser.Parse(f"<svg>{svg}</svg>", True)
        self._count(root, 0)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        refers = [(name, id_) for name, value in attributes.items() for id_ in _REFERENCE.findall(value)]
        if (target := attributes.get("href", "")).startswith("#"):
            refers.append(("href", target[1:]))
        corners = len(attributes.get("d", attributes.get("points", ""))) // 2
        made = _Element(tag, corners, refers)
        self._known.setdefault(attributes.get("id", ""), made)
        self._open[-1].inside.append(made)
        self._open.append(made)

    def _count(self, one: _Element, deep: int) -> _Drawn:
        if one.tag in _SHADES:
            return _Drawn()
        found = self._drawn.get(id(one), _Drawn(-1))
        if found is None or deep > MOST_CHAIN:
            raise BadFile("Parts of the drawing use each other in a ring, or too deep.", hint="Flatten it and save it.")
        if found.elements < 0:
            self._drawn[id(one)] = None
            found = self._drawn[id(one)] = self._counted(one, deep + 1)
        return found

    def _counted(self, one: _Element, deep: int) -> _Drawn:
        within = [self._count(inner, deep) for inner in one.inside]
        elements, corners = 1 + sum(d.elements for d in within), one.corners + sum(d.corners for d in within)
        own = elements
        for name, id_ in one.refers:
            if (target := self._known.get(id_)) is not None:
                again = self._count(target, deep)
                times = own if name in _INHERITED else 2 + corners if name.startswith("marker") else 1
                elements += again.elements * times
                corners += again.corners if name == "href" else 0
        if elements > MOST_DRAWN:
            raise FileTooLarge(
                "The drawing repeats its parts too often.", hint=f"At most {MOST_DRAWN} elements, drawn ones counted."
            )
        return _Drawn(elements, corners)
