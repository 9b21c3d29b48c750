"""Puts what somebody changed in a document onto the document as it is by now, element by element.

Two people who change different elements of one document both get what they wrote. Who changes what somebody else
has changed meanwhile is told, and nothing is written. Lists whose length changed count as one element, since the
places of their entries are their names. Values that are read from series are nobody's change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from lineshaft.twins.errors import Clashing
from lineshaft.twins.metamodel.errors import NoElement
from lineshaft.twins.metamodel.kinds import LIST, SLOTS, Json, children, kind_of
from lineshaft.twins.metamodel.paths import add, drop, find, put, step_to

from .shell import SERIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One element before and after: None where it is not; `whole` with everything below it."""

    path: str
    before: Json | None
    after: Json | None
    whole: bool = True


def edits(base: Json, draft: Json) -> list[Edit]:
    """What was changed between two states of a submodel."""
    return list(_differing("", base, draft))


def merged(current: Json, found: Sequence[Edit], *, force: bool = False) -> Json:
    """The current state with these edits; Clashing names what others changed too, unless they are overruled."""
    made = deepcopy(current)
    if not force and (lost := [one.path for one in found if _clashes(made, one)]):
        raise Clashing(f"Somebody else changed {lost[0]} meanwhile.", paths=lost)
    for one in found:
        _apply(made, one)
    return made


def without_live(element: Json) -> Json:
    """An element and everything in it, without values that are read from series."""
    slot, own = SLOTS.get(kind_of(element)), _own(element)
    return own | ({slot: [without_live(child) for child in children(element)]} if slot and slot in element else {})


def _differing(path: str, base: Json, draft: Json) -> Iterator[Edit]:
    if _own(base) != _own(draft):
        yield Edit(path=path, before=_own(base), after=_own(draft), whole=False)
    if kind_of(base) == LIST:
        yield from _list(path, base, draft)
        return
    old = {str(one.get("idShort")): one for one in children(base)}
    new = {str(one.get("idShort")): one for one in children(draft)}
    for name, one in (old | new).items():
        place = step_to(path, base, 0, one)
        if name in old and name in new:
            yield from _differing(place, old[name], new[name])
        else:
            yield Edit(path=place, before=old.get(name), after=new.get(name))


def _list(path: str, base: Json, draft: Json) -> Iterator[Edit]:
    old, new = children(base), children(draft)
    if len(old) != len(new):
        yield Edit(path=path, before=base, after=draft)
        return
    for index, (one, other) in enumerate(zip(old, new, strict=True)):
        yield from _differing(step_to(path, base, index, one), one, other)


def _own(element: Json) -> Json:
    """An element without what it holds, and without a value that is read from a series."""
    slot = SLOTS.get(kind_of(element))
    live = any(one.get("name") == SERIES for one in element.get("extensions", ()))
    return {name: value for name, value in element.items() if name != slot and not (live and name == "value")}


def _clashes(current: Json, edit: Edit) -> bool:
    there = _standing(current, edit.path)
    if not edit.whole:
        return there is None or _own(there) not in (edit.before, edit.after)
    there = there and without_live(there)
    return there not in (edit.before and without_live(edit.before), edit.after and without_live(edit.after))


def _standing(current: Json, path: str) -> Json | None:
    try:
        return find(current, path) if path else current
    except NoElement:
        return None


def _apply(made: Json, edit: Edit) -> None:
    there = _standing(made, edit.path)
    if edit.after is None:
        if there is not None:
            drop(made, edit.path)
    elif there is None:
        add(made, edit.path.rpartition(".")[0], deepcopy(edit.after))
    elif edit.whole:
        put(made, edit.path, deepcopy(edit.after))
    else:
        kept = {name: value for name, value in there.items() if name not in _own(there)}
        there.clear()
        there.update(deepcopy(edit.after) | kept)
