"""What elements of a document reach: series they show, machines their operations write to; and who may bind them so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lineshaft.kernel.terms import Value
from lineshaft.security import Role, Who
from lineshaft.twins.metamodel.errors import BadValue
from lineshaft.twins.metamodel.kinds import OPERATION, Json, kind_of
from lineshaft.twins.metamodel.paths import find, walk
from lineshaft.twins.model.interlocks import parse_interlock
from lineshaft.twins.model.steps import INTERLOCK, extension, plain_of, steps_of
from lineshaft.twins.store.bound import MARK

from .living import bound

STEPS_MARK = b'"steps"'
"""In the body of every document of which an operation may say what machines do."""
_UNTOUCHED = object()
"""Stands in for a machine's value while others are written, so that it shows which were meant."""


def forbidden(who: Who, document: Json) -> tuple[Role, str] | None:
    """The first path that the document needs a role at which its writer lacks; None when there is none.

    Whoever reads the document later sees the values of its series: that needs viewer. What its operations write to
    needs operator, beside the rights of those who invoke them.
    """
    needed = [(Role.VIEWER, series) for _, _, series in bound(document)]
    needed += [(Role.OPERATOR, path) for path in acted(document)]
    return next(((role, path) for role, path in needed if not who.may(role, path)), None)


def acted(document: Json) -> Iterator[str]:
    """The paths that operations of a document write to or call."""
    for _, element in walk(document):
        if kind_of(element) == OPERATION:
            parse_interlock(extension(element, INTERLOCK))
            yield from (step.path for step in steps_of(element))


def may_reach(body: bytes) -> bool:
    """Whether a document could show a series or reach a machine, at a glance."""
    return MARK in body or STEPS_MARK in body


def without_machines(document: Json, write: Callable[[Json], None]) -> dict[str, tuple[str, Value]]:
    """Let a write change a document, except for what machines show: by path, the series and the value it is to have."""
    there = {path: find(document, path) for path, _, _ in bound(document)}
    kept = {path: element.get("value", _UNTOUCHED) for path, element in there.items()}
    for element in there.values():
        element["value"] = _UNTOUCHED
    write(document)
    found = {}
    for path, kind, series in list(bound(document)):
        element = find(document, path)
        if (text := element.pop("value", None)) is not _UNTOUCHED:
            found[path] = (series, _wanted(path, kind, text))
        if kept[path] is not _UNTOUCHED:
            element["value"] = kept[path]
    return found


def _wanted(path: str, kind: str, text: str | None) -> Value:
    if text is None:
        raise BadValue(path, "a machine's value cannot be taken away")
    return plain_of(kind, text)
