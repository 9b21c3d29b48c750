"""Fields of a form for elements of a submodel: their kind, words and unit from the template, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineshaft.console import Field, View, mark, unit_text
from lineshaft.twins.metamodel.errors import BadValue
from lineshaft.twins.metamodel.kinds import BLOB, ENTITY, FILE, MULTI_LANGUAGE, PROPERTY, RANGE, Json, kind_of
from lineshaft.twins.model.shell import SERIES
from lineshaft.twins.pages.naming import element_help, element_title, unit_of
from lineshaft.twins.submodels import Element, Line, enter, entered
from lineshaft.twins.submodels.sheet import ENTERED
from lineshaft.twins.submodels.values import matches, within

ENDS = ("min", "max")
_SHAPES = {
    "xs:date": mark("Enter a date such as 2026-05-01."),
    "xs:dateTime": mark("Enter a time such as 2026-05-01T08:00:00Z."),
    "xs:time": mark("Enter a time of day such as 08:00:00."),
    "xs:duration": mark("Enter a duration such as P1Y or PT8H."),
    "xs:anyURI": mark("Enter a web address or another URI."),
}
"""What to write instead, by the type of a property."""
_REAL = ("xs:double", "xs:float", "xs:decimal")
_SAMPLES = {
    "xs:dateTime": "2026-05-01T08:00:00Z",
    "xs:time": "08:00:00",
    "xs:duration": "P1Y",
    "xs:anyURI": "https://…",
}


def is_bound(said: Json) -> bool:
    """Whether the value of an element is read from a series, so that nobody enters it."""
    return any(one.get("name") == SERIES for one in said.get("extensions", ()))


def fields_of(view: View, line: Line) -> list[Field]:
    """The fields of one element; two for a range, none for what is kept as it is. A file is shown by the form."""
    kind = kind_of(line.said)
    if kind not in ENTERED or is_bound(line.said):
        return []
    title, value = element_title(line.element, line.said, view.language), entered(line.said)
    if kind != RANGE:
        return [_field(view, line, line.path, title or line.path, value)]
    words = (view.text("lowest"), view.text("highest"))
    return [
        _field(view, line, f"{line.path}#{end}", f"{title} ({word})", one)
        for end, word, one in zip(ENDS, words, value, strict=True)
    ]


def _field(view: View, line: Line, name: str, title: str, value: Any) -> Field:
    said, element = line.said, line.element
    kind, options = _control(view, said, element, value)
    return Field(
        name=name,
        label=view.text("Asset") if kind_of(said) == ENTITY else title,
        kind=kind,
        help=element_help(element, view.language),
        value=value if kind == "texts" else value or "",
        options=options,
        required=line.needed,
        unit=unit_text(element.unit or unit_of(said)),
        placeholder=_SAMPLES.get(str(said.get("valueType", "")), ""),
    )


def _control(view: View, said: Json, element: Element, value: Any) -> tuple[str, Mapping[Any, str]]:
    if kind_of(said) == MULTI_LANGUAGE:
        return "texts", {}
    if kind_of(said) == FILE:
        return "file", {}
    if said.get("valueType") == "xs:boolean":
        return "select", {"": "–", "true": view.text("Yes"), "false": view.text("No")}
    if element.choices:
        known = dict.fromkeys((*element.choices, *([value] if value else [])))
        return "select", {"": "–", **{one: one for one in known}}
    return ("date" if said.get("valueType") == "xs:date" else "text"), {}


def taken(line: Line, values: Mapping[str, Any]) -> Any:
    """What was entered for an element, from the values of a form; what is not in it stays."""
    if kind_of(line.said) == RANGE and f"{line.path}#min" in values:
        return tuple(values[f"{line.path}#{end}"] or None for end in ENDS)
    value = values.get(line.path, entered(line.said))
    return value if value != "" else None


def written(view: View, line: Line, value: Any) -> tuple[Json, str]:
    """The element with what was entered, and what is wrong with that in one sentence; empty when nothing is."""
    try:
        made = enter(line.said, value, line.path)
    except BadValue:
        return line.said, _shape(view, str(line.said.get("valueType", "")))
    return made, "" if made == line.said else _against(view, made, line.element)


def _shape(view: View, type_: str) -> str:
    if type_ in _SHAPES:
        return view.text(_SHAPES[type_])
    if type_ in _REAL:
        return view.text("Enter a number.")
    if type_ == "xs:string":
        return view.text("The text holds characters that cannot be kept.")
    return view.text("Enter a whole number that fits {type}.", type=type_.removeprefix("xs:"))


def _against(view: View, said: Json, element: Element) -> str:
    """What the template has against a new value."""
    value = entered(said)
    if kind_of(said) == MULTI_LANGUAGE and value:
        lacking = [one for one in element.languages if not any(there.split("-")[0] == one for there in value)]
        return view.text("The template wants this text in the language {one} too.", one=lacking[0]) if lacking else ""
    if kind_of(said) != PROPERTY or not value:
        return ""
    if element.allowed and not any(matches(pattern, value) for pattern in element.allowed):
        return view.text("The template wants text of the form {pattern}.", pattern=element.allowed[0])
    if element.span and not within(element.span, value):
        return view.text("The template wants a number within {span}.", span=element.span)
    return ""


def is_empty(line: Line) -> bool:
    """Whether an element that the template wants has no value yet."""
    return line.needed and not line.holds and not is_bound(line.said) and _unsaid(line.said)


def _unsaid(said: Json) -> bool:
    value = entered(said)
    return kind_of(said) != BLOB and value in (None, "", {}, (None, None))
