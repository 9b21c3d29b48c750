"""Writes value-only JSON into elements: checks every type, says where and why, changes nothing when one is wrong.

`written(element, value)` is the element with new values. `lexicals(element, value)` is the same change as
idShortPath -> lexical value, when it touches properties only: such a change can be kept hot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aas_core3_1 import stringification, verification

from .dialects import V31, Dialect
from .errors import BadValue
from .kinds import (
    ANNOTATED,
    BLOB,
    COLLECTION,
    ENTITY,
    EVENT,
    FILE,
    LIST,
    MULTI_LANGUAGE,
    PROPERTY,
    RANGE,
    REFERENCE,
    RELATIONSHIP,
    SLOTS,
    SUBMODEL,
    Json,
    children,
    kind_of,
)
from .paths import step_to

_SHOWN = 60


def lexical(value_type: str, value: Any, path: str = "") -> str:
    """A JSON scalar as the lexical value of an xs: type; BadValue when it is none."""
    known = stringification.data_type_def_xsd_from_str(value_type)
    if known is None:
        raise BadValue(path, f"its valueType {value_type!r} is not a type of XML Schema")
    text = _text(value, value_type, path)
    if not verification.matches_xml_serializable_string(text):
        raise BadValue(path, "the text holds characters that XML cannot carry")
    try:
        fits = verification.value_consistent_with_xsd_type(text, known)
    except ValueError:
        fits = False
    if not fits:
        raise BadValue(path, f"{_shown(value)} is not of type {value_type}")
    return text


def _text(value: Any, value_type: str, path: str) -> str:
    if isinstance(value, bool):
        if value_type != "xs:boolean":
            raise BadValue(path, f"{_shown(value)} is not of type {value_type}")
        return "true" if value else "false"
    if isinstance(value, int | float):
        if value_type in ("xs:string", "xs:boolean"):
            raise BadValue(path, f"{_shown(value)} is a number, the property is {value_type}")
        return _decimal(value) if value_type == "xs:decimal" and isinstance(value, float) else str(value)
    if isinstance(value, str):
        return value
    raise BadValue(path, f"{_shown(value)} is not a single value")


def _decimal(value: float) -> str:
    return format(value, "f") if "e" in repr(value) else repr(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def lexicals(element: Json, value: Any, path: str = "", dialect: Dialect = V31) -> dict[str, str | None] | None:
    """The change as idShortPath -> lexical value; None when it touches more than values of properties."""
    found: dict[str, str | None] = {}
    for place, target, new in _leaves(element, _unnamed(element, value, dialect), path):
        if kind_of(target) != PROPERTY:
            return None
        found[place] = None if new is None else lexical(target.get("valueType", ""), new, place)
    return found


def _leaves(element: Json, value: Any, path: str) -> Iterator[tuple[str, Json, Any]]:
    kind = kind_of(element)
    if kind in (SUBMODEL, COLLECTION):
        for index, child, new in _members(element, value, path):
            yield from _leaves(child, new, step_to(path, element, index, child))
    elif kind == LIST and isinstance(value, list) and len(value) == len(children(element)):
        for index, (child, new) in enumerate(zip(children(element), value, strict=True)):
            yield from _leaves(child, new, step_to(path, element, index, child))
    else:
        yield path, element, value


def _members(parent: Json, value: Any, path: str) -> Iterator[tuple[int, Json, Any]]:
    """The children named in an object, each with its new value; BadValue for a name nothing has."""
    if not isinstance(value, dict):
        raise BadValue(path, f"{_shown(value)} is not an object with idShorts as names")
    by_name = {child.get("idShort"): (i, child) for i, child in enumerate(children(parent))}
    for name, new in value.items():
        if name not in by_name:
            raise BadValue(path, f"it has no element {name[:_SHOWN]!r}")
        yield *by_name[name], new


def _unnamed(element: Json, value: Any, dialect: Dialect) -> Any:
    """`{"Prop": 2.5}` is `2.5` where a dialect says so."""
    named = isinstance(value, dict) and list(value) == [element.get("idShort")]
    return value[element["idShort"]] if dialect.named_scalars_in and named and kind_of(element) == PROPERTY else value


def written(element: Json, value: Any, path: str = "", dialect: Dialect = V31) -> Json:
    """The element with the values of its value-only form; what is not named stays."""
    return _written(element, _unnamed(element, value, dialect), path)


def _written(element: Json, value: Any, path: str) -> Json:
    kind = kind_of(element)
    if kind in (SUBMODEL, COLLECTION):
        return _with_children(element, _children(element, value, path))
    if kind == LIST:
        return _with_children(element, _list(element, value, path))
    if kind == PROPERTY:
        return _with(element, value=None if value is None else lexical(element.get("valueType", ""), value, path))
    if kind in _OBJECTS:
        return _object(element, value, path, kind)
    if kind == MULTI_LANGUAGE:
        return _with(element, value=_languages(value, path))
    if kind == REFERENCE:
        return _with(element, value=_reference(value, path))
    raise BadValue(path, f"a {kind} has no value to write")


def _children(element: Json, value: Any, path: str) -> list[Json]:
    found = list(children(element))
    for index, child, new in _members(element, value, path):
        found[index] = _written(child, new, step_to(path, element, index, child))
    return found


def _list(element: Json, value: Any, path: str) -> list[Json]:
    there = children(element)
    if not isinstance(value, list):
        raise BadValue(path, f"{_shown(value)} is not a list")
    if len(value) != len(there):
        raise BadValue(path, f"it has {len(there)} members, the value has {len(value)}")
    pairs = enumerate(zip(there, value, strict=True))
    return [_written(child, new, step_to(path, element, i, child)) for i, (child, new) in pairs]


_OBJECTS = {
    RANGE: ("min", "max"),
    FILE: ("contentType", "value"),
    BLOB: ("contentType", "value"),
    RELATIONSHIP: ("first", "second"),
    ANNOTATED: ("first", "second", "annotations"),
    ENTITY: ("entityType", "globalAssetId", "specificAssetIds", "statements"),
    EVENT: ("observed",),
}


def _object(element: Json, value: Any, path: str, kind: str) -> Json:
    if not isinstance(value, dict):
        raise BadValue(path, f"{_shown(value)} is not an object with {', '.join(_OBJECTS[kind])}")
    for name in value:
        if name not in _OBJECTS[kind]:
            raise BadValue(path, f"a {kind} has no {name[:_SHOWN]!r} in its value")
    told = {name: new for name, new in value.items() if name not in ("statements", "annotations")}
    if kind == RANGE:
        typed = element.get("valueType", "")
        told = {name: None if new is None else lexical(typed, new, path) for name, new in told.items()}
    changed = _with(element, **{name: _checked(name, new, path) for name, new in told.items()})
    slot = SLOTS.get(kind)
    if slot not in value or slot is None:
        return changed
    below = value[slot]
    if isinstance(below, list) and all(isinstance(one, dict) for one in below):
        below = {name: new for one in below for name, new in one.items()}
    return _with_children(changed, _children(element, below, path))


def _checked(name: str, value: Any, path: str) -> Any:
    if value is None:
        return None
    if name in ("first", "second", "observed"):
        return _reference(value, path)
    if name != "specificAssetIds" and not isinstance(value, str):
        raise BadValue(path, f"{name} {_shown(value)} is not text")
    return value


def _reference(value: Any, path: str) -> Any:
    if value is not None and not (isinstance(value, dict) and isinstance(value.get("keys"), list)):
        raise BadValue(path, f"{_shown(value)} is not a reference with 'type' and 'keys'")
    return value


def _languages(value: Any, path: str) -> list[Json] | None:
    if value is None:
        return None
    if isinstance(value, dict):  # as the OpenAPI files have it; the text of the specification says a list
        value = [{name: text} for name, text in value.items()]
    if not isinstance(value, list) or not all(isinstance(one, dict) and len(one) == 1 for one in value):
        raise BadValue(path, f'{_shown(value)} is not a list of objects such as {{"en": "…"}}')
    found = [{"language": name, "text": text} for one in value for name, text in one.items()]
    if not all(isinstance(one["text"], str) for one in found):
        raise BadValue(path, "a text is not a string")
    return found or None


def _with(element: Json, **parts: Any) -> Json:
    """A copy with new parts; None takes one out."""
    merged = element | parts
    return {name: part for name, part in merged.items() if part is not None}


def _with_children(element: Json, new: list[Json]) -> Json:
    slot = SLOTS[kind_of(element)]
    return element | {slot: new} if new else {name: part for name, part in element.items() if name != slot}
