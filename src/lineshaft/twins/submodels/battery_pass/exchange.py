"""Takes a battery passport from one form into the other by the table `fields.toml`, and tells what is lost.

Both forms come from the same regulation and do not have the same fields: neither direction is without loss, so the
losses are part of the answer. Nothing is made up to fill a gap.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any, TypeAlias

from lineshaft.twins.metamodel.errors import BadValue
from lineshaft.twins.metamodel.forms import value
from lineshaft.twins.metamodel.kinds import ENTITY, LIST, SLOTS, Json, kind_of
from lineshaft.twins.metamodel.paths import walk
from lineshaft.twins.metamodel.values import lexical
from lineshaft.twins.submodels.building import new
from lineshaft.twins.submodels.catalogue import template_for
from lineshaft.twins.submodels.facts import Element
from lineshaft.twins.submodels.tables import template
from lineshaft.twins.submodels.units import BadUnit, convert

VERSION = "urn:io.catenax.battery.battery_pass:6.1.0"
Steps: TypeAlias = list[str | int]
_STEP = re.compile(r"([^/\[\]]+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field both forms have."""

    part: str
    element: str
    aspect: str
    document: bool = False
    beside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A value that has no place in the other form, and where it stood."""

    path: str
    value: Any
    reason: str = "the other form has no such field"


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The passport in the other form: the aspect, or the submodels; and what did not go with it."""

    aspect: Json = field(default_factory=dict)
    submodels: tuple[Json, ...] = ()
    losses: tuple[Loss, ...] = ()


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    """The table of common fields."""
    file = resources.files("lineshaft.twins.submodels.battery_pass") / "fields.toml"
    return tuple(
        Row(
            part=part,
            element=row["element"],
            aspect=row["aspect"],
            document=row.get("document", False),
            beside=tuple(row.get("with", {}).items()),
        )
        for part, listed in tomllib.loads(file.read_text(encoding="utf-8")).items()
        for row in listed
    )


def to_battery_pass(submodels: Iterable[Json]) -> Exchanged:
    """The parts of a battery passport as one `battery_pass` aspect."""
    aspect: Json = {"specVersion": VERSION}
    losses: list[Loss] = []
    for submodel in submodels:
        found = template_for(submodel)
        part = found.name if found else ""
        for path, told in _values(submodel):
            hit = _found(path, part, "element")
            if hit is None:
                losses.append(Loss(path=f"{submodel.get('idShort')}.{path}", value=told))
            else:
                _place_value(aspect, hit[0], _filled(hit[0].aspect, hit[1]), told)
    return Exchanged(aspect=aspect, losses=tuple(losses))


def from_battery_pass(aspect: Json, name: Callable[[str], str] = "urn:{}".format) -> Exchanged:
    """The aspect as submodels of 02035; `name` gives each part (`battery_nameplate`, …) its id."""
    values: dict[str, dict[str, Any]] = {}
    losses: list[Loss] = []
    for path, told in _leaves(_documents_as_ids(aspect)):
        hit = _found(path, "", "aspect")
        if hit is not None:
            _take(values, losses, hit, path, told, aspect)
        elif not _is_beside(path, told):
            losses.append(Loss(path=path, value=told))
    made = [new(template(part), name(part), values=own) for part, own in values.items()]
    return Exchanged(submodels=tuple(made), losses=tuple(losses))


def _values(submodel: Json) -> Iterator[tuple[str, Any]]:
    """Every element that has a value of its own, with its path; texts in the first language, English before others."""
    for path, element in walk(submodel):
        if kind_of(element) in SLOTS and kind_of(element) != ENTITY:
            continue
        told = value(element) if "value" in element else None
        if kind_of(element) == "MultiLanguageProperty" and told:
            texts = {language: text for one in told for language, text in one.items()}
            told = texts.get("en") or next(iter(texts.values()))
        if told not in (None, "", [], {}):
            yield path, told


def _found(path: str, part: str, side: str) -> tuple[Row, list[int]] | None:
    """The row of a path with the indices its [] stand for."""
    for row, pattern in _patterns(side):
        if (not part or row.part == part) and (hit := pattern.fullmatch(path)):
            return row, [int(one) for one in hit.groups()]
    return None


@lru_cache(maxsize=2)
def _patterns(side: str) -> tuple[tuple[Row, re.Pattern[str]], ...]:
    texts = [(row, row.element if side == "element" else row.aspect) for row in rows()]
    return tuple((row, re.compile(re.escape(text).replace(r"\[\]", r"\[(\d+)\]"))) for row, text in texts)


def _filled(pattern: str, indices: list[int]) -> str:
    left = iter(indices)
    return re.sub(r"\[\]", lambda _: f"[{next(left)}]", pattern)


def _place_value(aspect: Json, row: Row, path: str, told: Any) -> None:
    told = {"contentType": "URL", "header": str(told), "content": str(told)} if row.document else told
    _place(aspect, path, told)
    for name, text in row.beside:
        _place(aspect, f"{path.rpartition('/')[0]}/{name}", text)


def _place(here: Any, path: str, told: Any) -> None:
    """Put a value at a path, making objects and lists on the way."""
    steps: Steps = [int(index) if index else name for name, index in _STEP.findall(path)]
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        if isinstance(step, int):
            here.extend({} if not isinstance(after, int) else [] for _ in range(step + 1 - len(here)))
        if after is None:
            here[step] = told
        elif isinstance(step, int):
            here = here[step]
        else:
            here = here.setdefault(step, [] if isinstance(after, int) else {})


def _leaves(here: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(here, dict):
        for name, inner in here.items():
            yield from _leaves(inner, f"{path}/{name}".removeprefix("/"))
    elif isinstance(here, list):
        for index, inner in enumerate(here):
            yield from _leaves(inner, f"{path}[{index}]")
    elif here is not None and path != "specVersion":
        yield path, here


def _documents_as_ids(here: Any) -> Any:
    """An object that is a link to a document becomes that link."""
    if isinstance(here, dict):
        if isinstance(here.get("content"), str) and here.keys() <= {"contentType", "header", "content"}:
            return here["content"]
        return {name: _documents_as_ids(inner) for name, inner in here.items()}
    return [_documents_as_ids(inner) for inner in here] if isinstance(here, list) else here


def _take(
    values: dict[str, dict[str, Any]],
    losses: list[Loss],
    hit: tuple[Row, list[int]],
    path: str,
    told: Any,
    aspect: Json,
) -> None:
    row, indices = hit
    try:
        fits = _fitting(_element(row), _in_our_unit(row, path, told, aspect))
    except (BadValue, BadUnit) as error:
        losses.append(Loss(path=path, value=told, reason=error.message))
    else:
        values.setdefault(row.part, {})[_filled(row.element, indices)] = fits


def _element(row: Row) -> Element:
    wanted = row.element.replace("[]", "[0]")
    return next(element for path, element in template(row.part).walk() if path == wanted)


def _fitting(element: Element, told: Any) -> Any:
    """The value as its type wants it: 96.0 may become an integer, 96.5 may not."""
    if element.kind == LIST or not element.type:
        return {"en": str(told)}
    if isinstance(told, float) and told.is_integer() and element.type not in ("xs:float", "xs:double", "xs:decimal"):
        told = int(told)
    if element.type == "xs:string" and not isinstance(told, str):
        told = str(told)
    lexical(element.type, told)
    return told


def _in_our_unit(row: Row, path: str, told: Any, aspect: Json) -> Any:
    ours = next((text for name, text in row.beside if name.lower().endswith("unit")), "")
    if not ours or not isinstance(told, int | float):
        return told
    name = next(name for name, text in row.beside if text == ours)
    around: Mapping[str, Any] = dict(_leaves(aspect))
    theirs = str(around.get(f"{path.rpartition('/')[0]}/{name}", ours))
    words = {"unit:partPerMillion": "ppm", "unit:percent": "%"}
    return told if theirs == ours else convert(float(told), words.get(theirs, theirs), words.get(ours, ours))


def _is_beside(path: str, told: Any) -> bool:
    """Whether a value only says how another is written: a unit, or the sort of an id."""
    place, _, name = path.rpartition("/")
    for row, _pattern in _patterns("aspect"):
        for own, text in row.beside:
            at = re.escape(row.aspect.rpartition("/")[0]).replace(r"\[\]", r"\[\d+\]")
            if own == name and re.fullmatch(at, place) and (told == text or own.lower().endswith("unit")):
                return True
    return False
