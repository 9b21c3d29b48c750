"""Finds out which element of an instance is which element of its template.

A semantic id decides, main or supplemental; then its older and newer versions; an element without any is known by
its idShort. Of several that mean the same (interfaces of different protocols, arbitrary properties) the one with
more supplemental ids, the same kind and the same name in common wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from lineshaft.twins.metamodel.kinds import Json, kind_of
from lineshaft.twins.metamodel.references import semantics

from .facts import Element

_VERSION = re.compile(r"(#\d{3}|(/\d+){1,3}|:\d+\.\d+\.\d+(?=#)|\*\d{2,3})$|(?<=:)\d+\.\d+\.\d+(?=#)")
_NUMBER = re.compile(r"[_-]*\d{1,5}[_-]*")
_COUNTED = re.compile(r"\[\\d\{(\d),(\d)\}\]|\{(0+)\}$")


class Likeness(IntEnum):
    """How an element was recognised, weakest first."""

    NONE = 0
    KIND = 1
    """Only by its place: an arbitrary element, or the entry of a list."""
    NAME = 2
    VERSION = 3
    """By the id of another version."""
    MEANING = 4


@dataclass(frozen=True, slots=True)
class Match:
    """One element of the instance with what the template says of it; None when it says nothing."""

    index: int
    child: Json
    element: Element | None
    likeness: Likeness


def match(children: Sequence[Json], expected: Sequence[Element], *, in_list: bool = False) -> list[Match]:
    """Each child with its counterpart in the template."""
    found = []
    for index, child in enumerate(children):
        ids = semantics(child)
        ranked = [(_rank(child, ids, one, in_list=in_list), -i, one) for i, one in enumerate(expected)]
        best = max(ranked, key=lambda r: r[:2], default=None)
        if best is None or best[0][0] is Likeness.NONE:
            found.append(Match(index, child, None, Likeness.NONE))
        else:
            found.append(Match(index, child, best[2], best[0][0]))
    return found


def same_but_version(one: str, other: str) -> bool:
    """Whether two ids differ in nothing but a version at the end (IRDI `#004`, URL `/1/0`, URN `:1.0.0#`)."""
    return one != other and _unversioned(one) == _unversioned(other) != ""


@lru_cache(maxsize=8192)
def _unversioned(id_: str) -> str:
    return _VERSION.sub("", id_)


def is_named_like(name: str, element: Element) -> bool:
    """Whether an idShort is the template's, or a numbered one where it allows several."""
    if not element.name or not name:
        return False
    if name == element.name:
        return True
    if element.many.only_one:
        return False
    stem = _COUNTED.split(element.pattern)[0] if element.pattern else element.name
    return name.startswith(stem) and _NUMBER.fullmatch(name, len(stem)) is not None


def _rank(child: Json, ids: list[str], element: Element, *, in_list: bool) -> tuple[Likeness, int, int, int]:
    name = not in_list and is_named_like(child.get("idShort", ""), element)
    kind = kind_of(child) == element.kind
    likeness = _likeness(ids, element, name=name, kind=kind, in_list=in_list)
    return likeness, len(set(ids) & set(element.also)), int(kind), int(name)


def _likeness(ids: list[str], element: Element, *, name: bool, kind: bool, in_list: bool) -> Likeness:
    own = (element.means, *element.accepts)
    if element.means and any(one in own for one in ids):
        return Likeness.MEANING
    if ids and element.means and any(same_but_version(ids[0], one) for one in own):
        return Likeness.VERSION
    if element.also and any(one in element.also for one in ids) and kind:
        return Likeness.MEANING
    if name and not element.arbitrary:
        return Likeness.NAME
    return Likeness.KIND if kind and (in_list or element.arbitrary) else Likeness.NONE
