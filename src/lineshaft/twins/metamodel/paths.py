"""idShortPaths: how elements of a submodel are addressed (IDTA-01002 3.1, `sme1.sme2[0].p1`).

A parsed path is a tuple of steps: `Motor.Temperature[0]` is `("Motor", "Temperature", 0)`. Members of a list
have an index and no name. What changes a submodel here changes the very objects it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .errors import BadPath, NoElement, TakenElement
from .kinds import LIST, SLOTS, Json, children, kind_of

Step: TypeAlias = str | int
Steps: TypeAlias = tuple[Step, ...]

DEEPEST = 64
"""Levels of elements a submodel may have; published templates stay below 15."""
_STEP = re.compile(r"(?:^|(?!^)\.)([^.\[\]\s\x00](?:[^.\[\]\x00-\x1f]{0,126}[^.\[\]\s\x00])?)|\[(0|[1-9][0-9]{0,8})\]")
"""A name may have blanks inside: no idShort of the standard has, those of vendors' files do."""


def parse(text: str) -> Steps:
    """The steps of an idShortPath; BadPath when it is none."""
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or (found[1] is None and not steps) or len(steps) >= DEEPEST:
            raise BadPath(f"{text[:200]!r} is not an idShortPath of at most {DEEPEST} steps.")
        steps.append(found[1] if found[2] is None else int(found[2]))
        at = found.end()
    if not steps:
        raise BadPath("The idShortPath is empty.")
    return tuple(steps)


def join(steps: Steps) -> str:
    """Steps as text again."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


def step_to(path: str, parent: Json, index: int, child: Json) -> str:
    """The path of a child from that of its parent; '' is the submodel's own."""
    if kind_of(parent) == LIST:
        return f"{path}[{index}]"
    name = child.get("idShort", "")
    return f"{path}.{name}" if path else name


def place_of(path: str) -> str:
    """Where an element stands below its submodel: `Motor.Temperature[0]` at `Motor/Temperature/0`."""
    return path.replace("[", ".").replace("]", "").replace(".", "/")


def walk(root: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every element below, parents before children, with its path."""
    waiting: list[tuple[str, Json]] = [(path, root)]
    while waiting:
        place, element = waiting.pop()
        if element is not root:
            yield place, element
        below = [(step_to(place, element, i, child), child) for i, child in enumerate(children(element))]
        waiting.extend(reversed(below))


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an element stands: `siblings[index]` is `element`, `parent` holds the siblings."""

    parent: Json
    siblings: list[Json]
    index: int

    @property
    def element(self) -> Json:
        return self.siblings[self.index]


def find(submodel: Json, path: str | Steps) -> Json:
    """The element at a path; NoElement without one."""
    return spot(submodel, path).element


def spot(submodel: Json, path: str | Steps) -> Spot:
    """Where the element at a path stands; NoElement without one."""
    steps = parse(path) if isinstance(path, str) else path
    here: Json = submodel
    found: Spot | None = None
    for step in steps:
        index = _index(here, step)
        if index is None:
            raise NoElement(f"There is no element at {join(steps)!r}.")
        found = Spot(here, children(here), index)
        here = found.element
    if found is None:
        raise BadPath("The idShortPath is empty.")
    return found


def _index(parent: Json, step: Step) -> int | None:
    siblings = children(parent)
    if kind_of(parent) == LIST or isinstance(step, int):
        fits = kind_of(parent) == LIST and isinstance(step, int) and step < len(siblings)
        return int(step) if fits else None
    return next((i for i, one in enumerate(siblings) if one.get("idShort") == step), None)


def add(submodel: Json, parent: str, element: Json) -> str:
    """Append an element to the submodel ('') or to the element at a path; returns its own path."""
    holder = find(submodel, parent) if parent else submodel
    slot = SLOTS.get(kind_of(holder))
    if slot is None:
        raise BadPath(f"{parent!r} is a {kind_of(holder)}, which holds no elements.")
    siblings = children(holder)
    name = element.get("idShort")
    if kind_of(holder) != LIST:
        if not name:
            raise BadPath("The element needs an idShort there.", hint="Add 'idShort' to the body.")
        if any(one.get("idShort") == name for one in siblings):
            raise TakenElement(f"There is an element {step_to(parent, holder, 0, element)!r} already.")
    holder[slot] = [*siblings, element]
    return step_to(parent, holder, len(siblings), element)


def put(submodel: Json, path: str, element: Json) -> bool:
    """Replace the element at a path, or make it there; whether it was made."""
    steps = parse(path)
    last = steps[-1]
    if isinstance(last, str) and element.setdefault("idShort", last) != last:
        raise BadPath(f"The body's idShort {element['idShort']!r} is not the last step of {path!r}.")
    parent = join(steps[:-1])
    try:
        here = spot(submodel, steps)
    except NoElement:
        if isinstance(last, int) and last != len(children(find(submodel, parent))):
            raise
        add(submodel, parent, element)
        return True
    here.siblings[here.index] = element
    return False


def drop(submodel: Json, path: str) -> Json:
    """Take an element out; members of a list behind it move down."""
    here = spot(submodel, path)
    gone = here.siblings.pop(here.index)
    if not here.siblings:
        here.parent.pop(SLOTS[kind_of(here.parent)])
    return gone
