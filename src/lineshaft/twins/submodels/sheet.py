"""A submodel as a form shows it: each element beside what its template says, and what may be added where.

What a person enters is plain: text, texts by language, the two ends of a range, the last key of a reference, the
asset of an entity. `entered` reads it out of an element, `enter` writes it in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lineshaft.twins.metamodel.kinds import (
    ENTITY,
    FILE,
    LIST,
    MULTI_LANGUAGE,
    PROPERTY,
    RANGE,
    REFERENCE,
    SLOTS,
    SUBMODEL,
    Json,
    children,
    kind_of,
)
from lineshaft.twins.metamodel.paths import step_to
from lineshaft.twins.metamodel.references import semantic
from lineshaft.twins.metamodel.values import lexical

from .building import reference
from .facts import Element, Template, expected_below
from .matching import Match, match

ENTERED = frozenset({PROPERTY, MULTI_LANGUAGE, RANGE, FILE, REFERENCE, ENTITY})
"""The kinds of which a person enters a value; others are kept as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One element; `lines` are those it holds, `offers` what its template would allow besides."""

    path: str
    said: Json
    element: Element
    known: bool = False
    """Whether the template knows it; otherwise `element` is what the instance itself says."""
    needed: bool = False
    """Whether the template forbids to take it out."""
    lines: tuple[Line, ...] = ()
    offers: tuple[Element, ...] = ()

    @property
    def holds(self) -> bool:
        return self.element.kind in SLOTS


def sheet(submodel: Json, template: Template | None) -> Line:
    """The whole submodel as one line with all its lines."""
    expected = template.elements if template else ()
    return _line("", submodel, Element(kind=SUBMODEL, elements=expected), (), known=template is not None, needed=True)


def _line(path: str, said: Json, element: Element, above: tuple[Element, ...], *, known: bool, needed: bool) -> Line:
    below = expected_below(element, above)
    in_list = kind_of(said) == LIST
    found = match(children(said), below, in_list=in_list)
    if not in_list:
        found.sort(key=lambda one: _rank(one, below))
    counts = {id(one): sum(other.element is one for other in found) for one in below}
    lines = []
    for one in found:
        place, seen = step_to(path, said, one.index, one.child), one.element or _as_said(one.child)
        must = one.element is not None and counts[id(one.element)] <= one.element.many.least
        chain = (*above, element)
        lines.append(_line(place, one.child, seen, chain, known=one.element is not None, needed=must))
    offers = tuple(one for one in below if in_list or not (one.many.only_one and counts[id(one)]))
    return Line(
        path=path, said=said, element=element, known=known, needed=needed, lines=tuple(lines), offers=offers
    )  # fmt: skip


def _rank(found: Match, below: Sequence[Element]) -> tuple[int, int]:
    """The order of the template; what it does not know comes last."""
    place = next((i for i, one in enumerate(below) if one is found.element), len(below))
    return place, found.index


def _as_said(said: Json) -> Element:
    return Element(
        kind=kind_of(said),
        name=str(said.get("idShort", "")),
        means=semantic(said.get("semanticId")),
        type=str(said.get("valueType", "")),
    )


def entered(said: Json) -> Any:
    """What a person sees and changes of an element: text, texts by language, (min, max); None for nothing."""
    kind = kind_of(said)
    if kind == MULTI_LANGUAGE:
        return {str(one["language"]): str(one["text"]) for one in said.get("value") or ()}
    if kind == RANGE:
        return (said.get("min"), said.get("max"))
    if kind == REFERENCE:
        return semantic(said.get("value"))
    return said.get("globalAssetId" if kind == ENTITY else "value")


def enter(said: Json, value: Any, path: str = "") -> Json:
    """The element with another value; BadValue when it does not fit its type. What is empty is left out."""
    kind, kept = kind_of(said), dict(said)
    if value == entered(said):
        return kept
    for name in _attributes(kind):
        kept.pop(name, None)
    return kept | _written(kind, str(said.get("valueType", "")), value, path)


def _attributes(kind: str) -> tuple[str, ...]:
    return {RANGE: ("min", "max"), ENTITY: ("globalAssetId",)}.get(kind, ("value",))


def _written(kind: str, type_: str, value: Any, path: str) -> Json:
    if kind == MULTI_LANGUAGE:
        return _texts(value or {})
    if kind == RANGE:
        ends = {name: end for name, end in zip(("min", "max"), value or (), strict=False) if end not in (None, "")}
        return {name: lexical(type_, end, path) for name, end in ends.items()}
    if value in (None, ""):
        return {"entityType": "CoManagedEntity"} if kind == ENTITY else {}
    if kind == PROPERTY:
        return {"value": lexical(type_, value, path)}
    if kind == REFERENCE:
        return {"value": reference(str(value))}
    if kind == ENTITY:
        return {"globalAssetId": value, "entityType": "SelfManagedEntity"}
    return {"value": value}


def _texts(said: Mapping[str, str]) -> Json:
    texts = [{"language": language, "text": text} for language, text in said.items() if text]
    return {"value": texts} if texts else {}
