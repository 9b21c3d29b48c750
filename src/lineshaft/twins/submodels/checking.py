"""Checks a submodel against its template: what is missing, too many, of the wrong kind or type, or unknown.

Rules of IDTA-02000 (cardinality and the qualifiers AllowedValue, AllowedRange, RequiredLang, EitherOr, FormChoices).
A finding is grave, or a note: more elements than the template knows are allowed, so they are only listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lineshaft.twins.metamodel.kinds import LIST, SUBMODEL, Json, children, kind_of
from lineshaft.twins.metamodel.paths import DEEPEST, step_to
from lineshaft.twins.metamodel.references import semantics

from .facts import Element, Template, expected_below
from .matching import Likeness, Match, match, same_but_version
from .values import wrong_value


class Rule(StrEnum):
    """What a finding is about."""

    MISSING = "missing"
    TOO_MANY = "too_many"
    KIND = "kind"
    TYPE = "type"
    LIST = "list"
    """A list says its entries are of another kind, type or meaning."""
    MEANING = "meaning"
    VALUE = "value"
    DEPTH = "depth"
    VERSION = "version"
    """A note: the id of another version of the element."""
    NAME = "name"
    """A note: another idShort than the template's."""
    UNKNOWN = "unknown"
    """A note: the template does not know the element."""


NOTES = frozenset({Rule.VERSION, Rule.NAME, Rule.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing about an element: `path` is its idShortPath, `means` the semantic id the template gives it."""

    rule: Rule
    path: str
    means: str
    message: str

    @property
    def grave(self) -> bool:
        return self.rule not in NOTES


def check(submodel: Json, template: Template) -> list[Finding]:
    """Everything a submodel has against its template, in the order of its elements; nothing when it fits."""
    return [*_submodel(submodel, template), *_level("", submodel, template.elements, ())]


def grave(findings: Sequence[Finding]) -> list[Finding]:
    """Without the notes."""
    return [one for one in findings if one.grave]


def _submodel(submodel: Json, template: Template) -> Iterator[Finding]:
    if kind_of(submodel) != SUBMODEL:
        yield _finding(Rule.KIND, "", template.means, f"it is a {kind_of(submodel) or 'JSON object'}, not a Submodel")
    ids = semantics(submodel)
    if not template.means or template.means in ids:
        return
    older = next((one for one in ids if one in template.accepts or same_but_version(one, template.means)), "")
    if older:
        yield _finding(Rule.VERSION, "", template.means, f"its semanticId {older!r} is that of another version")
    else:
        told = repr(ids[0]) if ids else "missing"
        yield _finding(Rule.MEANING, "", template.means, f"its semanticId is {told}")


def _level(path: str, parent: Json, expected: Sequence[Element], above: tuple[Element, ...]) -> Iterator[Finding]:
    if len(above) > DEEPEST:
        yield _finding(Rule.DEPTH, path, "", f"elements are nested deeper than {DEEPEST} levels")
        return
    matches = match(children(parent), expected, in_list=kind_of(parent) == LIST)
    yield from _missing(path, parent, expected, matches)
    for one in matches:
        place = step_to(path, parent, one.index, one.child)
        if one.element is not None:
            yield from _element(place, one, one.element, (*above, one.element))
        elif expected:
            yield _finding(Rule.UNKNOWN, place, "", "the template does not know this element")
    yield from _too_many(path, parent, expected, matches)


def _missing(path: str, parent: Json, expected: Sequence[Element], matches: list[Match]) -> Iterator[Finding]:
    there = [m.element for m in matches if m.element is not None]
    filled = {e.either for e in there if e.either}
    for index, element in enumerate(expected):
        count = sum(e is element for e in there)
        if count >= element.many.least or element.either in filled:
            continue
        filled |= {element.either} - {""}
        place = step_to(path, parent, index, {"idShort": element.name})
        need = f"at least {element.many.least}" if element.many.least > 1 else f"a {element.kind}"
        yield _finding(Rule.MISSING, place, element.means, f"the template wants {need} here ({element.many})")


def _too_many(path: str, parent: Json, expected: Sequence[Element], matches: list[Match]) -> Iterator[Finding]:
    if kind_of(parent) == LIST:
        return  # Published lists of several phases or methods call their sample entry `One` (02023).
    for element in expected:
        same = [m for m in matches if m.element is element and m.likeness >= Likeness.NAME]
        if element.many.only_one and len(same) > 1:
            place = step_to(path, parent, same[1].index, same[1].child)
            yield _finding(Rule.TOO_MANY, place, element.means, f"there are {len(same)} and may be one")


def _element(path: str, found: Match, element: Element, chain: tuple[Element, ...]) -> Iterator[Finding]:
    child = found.child
    if kind_of(child) != element.kind:
        yield _finding(
            Rule.KIND, path, element.means, f"it is a {kind_of(child) or 'JSON object'}, not a {element.kind}"
        )
        return
    yield from _recognised(path, found, element)
    if element.kind == LIST:
        yield from _list(path, child, element)
    if element.type and not element.free and not element.arbitrary and child.get("valueType") != element.type:
        yield _finding(Rule.TYPE, path, element.means, f"its valueType is {child.get('valueType')}, not {element.type}")
    elif reason := wrong_value(child, element):
        yield _finding(Rule.VALUE, path, element.means, reason)
    below = expected_below(element, chain[:-1])
    ends_here = not element.elements and not children(child)
    if not ends_here and (below or not element.arbitrary):
        yield from _level(path, child, below, chain)


def _recognised(path: str, found: Match, element: Element) -> Iterator[Finding]:
    name, ids = found.child.get("idShort", ""), semantics(found.child)
    if found.likeness is Likeness.VERSION:
        yield _finding(Rule.VERSION, path, element.means, f"its semanticId {ids[0]!r} is that of another version")
    elif found.likeness in (Likeness.NAME, Likeness.KIND) and ids and element.means and not element.arbitrary:
        yield _finding(Rule.MEANING, path, element.means, f"its semanticId is {ids[0]!r}")
    if element.many.only_one and not element.renamed and element.name and name and name != element.name:
        yield _finding(Rule.NAME, path, element.means, f"the template calls it {element.name!r}")


def _list(path: str, child: Json, element: Element) -> Iterator[Finding]:
    told = child.get("typeValueListElement", "")
    if element.of not in ("", "SubmodelElement", told):
        yield _finding(Rule.LIST, path, element.means, f"its entries are of kind {told or 'unsaid'}, not {element.of}")
    type_ = child.get("valueTypeListElement", element.of_type)
    if element.of_type and type_ != element.of_type and not element.free:
        yield _finding(Rule.LIST, path, element.means, f"its entries are of type {type_}, not {element.of_type}")


def _finding(rule: Rule, path: str, means: str, message: str) -> Finding:
    return Finding(rule=rule, path=path, means=means, message=f"{path or 'The submodel'}: {message}.")
