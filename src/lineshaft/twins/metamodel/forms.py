"""The forms of a submodel and its elements: normal, metadata, value-only, reference and path.

Clauses 'Serialization modifiers' and 'Value-only serialization' of IDTA-01002 and IDTA-01001, both 3.1. Nothing
here changes what it is given; parts that stay are shared with it.

    level core      the thing and its children, without grandchildren
    blobs           whether the bytes of a Blob are told; by default they are not
"""

from __future__ import annotations

from typing import Any

from .dialects import V31, Dialect
from .errors import BadForm
from .kinds import (
    ANNOTATED,
    BLOB,
    CAPABILITY,
    ENTITY,
    EVENT,
    FILE,
    LEVELLED,
    LIST,
    MULTI_LANGUAGE,
    OPERATION,
    PROPERTY,
    RANGE,
    REFERENCE,
    RELATIONSHIP,
    SLOTS,
    VALUELESS,
    Json,
    children,
    kind_of,
)
from .paths import step_to

_NUMBERS = frozenset({
    "xs:decimal", "xs:integer", "xs:int", "xs:long", "xs:short", "xs:byte", "xs:nonNegativeInteger",
    "xs:positiveInteger", "xs:nonPositiveInteger", "xs:negativeInteger", "xs:unsignedLong", "xs:unsignedInt",
    "xs:unsignedShort", "xs:unsignedByte",
})  # fmt: skip
_FLOATS = frozenset({"xs:double", "xs:float"})
_NOT_METADATA = {
    "Submodel": ("submodelElements",),
    "SubmodelElementCollection": ("value",),
    LIST: ("value",),
    PROPERTY: ("value", "valueId"),
    MULTI_LANGUAGE: ("value", "valueId"),
    RANGE: ("min", "max"),
    REFERENCE: ("value",),
    RELATIONSHIP: ("first", "second"),
    ANNOTATED: ("first", "second", "annotations"),
    BLOB: ("value", "contentType"),
    FILE: ("value", "contentType"),
    ENTITY: ("statements", "globalAssetId", "specificAssetIds"),
    EVENT: ("observed",),
}
_DEEP = 1_000_000


def normal(thing: Json, *, core: bool = False, blobs: bool = False) -> Json:
    """The thing itself, held to `level` and `extent`."""
    return _normal(thing, 1 if core and kind_of(thing) in LEVELLED else _DEEP, blobs)


def listed(thing: Json, *, core: bool = False, blobs: bool = False) -> Json:
    """One of the elements of a listing: with `core` it stands without its children."""
    return _normal(thing, 0 if core else _DEEP, blobs)


def _normal(thing: Json, depth: int, blobs: bool) -> Json:
    kind = kind_of(thing)
    slot = SLOTS.get(kind)
    if slot in thing and slot is not None:
        if depth <= 0 and kind in LEVELLED:
            return {name: value for name, value in thing.items() if name != slot}
        return thing | {slot: [_normal(child, depth - 1, blobs) for child in children(thing)]}
    if kind == BLOB and not blobs and "value" in thing:
        return {name: value for name, value in thing.items() if name != "value"}
    return thing


def metadata(thing: Json, dialect: Dialect = V31) -> Json:
    """What describes the thing, without values and children."""
    kind = kind_of(thing)
    if kind in (CAPABILITY, OPERATION) and not dialect.metadata_of_all:
        raise BadForm(f"A {kind} has no metadata form in version {dialect.version}.")
    left_out = _NOT_METADATA.get(kind, ())
    return {name: value for name, value in thing.items() if name not in left_out}


def value(thing: Json, dialect: Dialect = V31, *, core: bool = False, blobs: bool = False) -> Any:
    """The value-only form as `$value` of the thing itself answers it; BadForm for what has none."""
    kind = kind_of(thing)
    if kind in VALUELESS:
        raise BadForm(f"A {kind} has no value-only form.")
    found = _value(thing, dialect, 1 if core else _DEEP, blobs)
    if kind == PROPERTY and not dialect.bare_scalars:
        return {thing["idShort"]: found} if thing.get("idShort") else [found]
    return found


def named_values(things: list[Json], dialect: Dialect = V31, *, core: bool = False, blobs: bool = False) -> Any:
    """The value-only form of a listing of elements."""
    found = _named(things, dialect, 0 if core else _DEEP, blobs)
    return found if dialect.merged_values else [{name: one} for name, one in found.items()]


def _named(things: list[Json], dialect: Dialect, depth: int, blobs: bool) -> Json:
    """idShort -> value; what has neither is left out, and so is a property or a reference without a value."""
    found = {}
    for thing in things:
        kind = kind_of(thing)
        if (
            kind in VALUELESS
            or (kind in (PROPERTY, REFERENCE) and thing.get("value") is None)
            or "idShort" not in thing
        ):
            continue
        found[thing["idShort"]] = _value(thing, dialect, depth, blobs)
    return found


def _value(thing: Json, dialect: Dialect, depth: int, blobs: bool) -> Any:
    kind = kind_of(thing)
    below = children(thing) if depth > 0 or kind == ANNOTATED else []
    if kind == PROPERTY:
        return scalar(thing.get("valueType", ""), thing.get("value"))
    if kind == LIST:
        return [_value(one, dialect, depth - 1, blobs) for one in below if kind_of(one) not in VALUELESS]
    if kind in ("Submodel", "SubmodelElementCollection"):
        return _named(below, dialect, depth - 1, blobs)
    if kind == ENTITY:
        told = _some(thing, "entityType", "globalAssetId", "specificAssetIds")
        return told | ({"statements": _named(below, dialect, depth - 1, blobs)} if depth > 0 else {})
    if kind in (RELATIONSHIP, ANNOTATED):
        return _relation(thing, below, dialect, depth, blobs)
    return _leaf(thing, kind, blobs)


def _relation(thing: Json, below: list[Json], dialect: Dialect, depth: int, blobs: bool) -> Json:
    told = _some(thing, "first", "second")
    if not below:
        return told
    found = _named(below, dialect, depth - 1, blobs)
    return told | {"annotations": found if dialect.named_annotations else [{n: one} for n, one in found.items()]}


def _leaf(thing: Json, kind: str, blobs: bool) -> Any:
    if kind == MULTI_LANGUAGE:
        return [{one["language"]: one["text"]} for one in thing.get("value") or ()]
    if kind == RANGE:
        told = _some(thing, "min", "max")
        return {name: scalar(thing.get("valueType", ""), text) for name, text in told.items()}
    if kind == FILE or (kind == BLOB and blobs):
        return _some(thing, "contentType", "value")
    if kind == BLOB:
        return _some(thing, "contentType")
    if kind == REFERENCE:
        return thing.get("value")
    return _some(thing, "observed")


def _some(thing: Json, *names: str) -> Json:
    return {name: thing[name] for name in names if thing.get(name) is not None}


def scalar(value_type: str, text: Any) -> Any:
    """A lexical value as JSON: numbers and truth values as such, all else as text; None without a value."""
    if not isinstance(text, str):
        return None
    bare = text.strip()
    try:
        if value_type in _NUMBERS:
            return int(bare) if "." not in bare else float(bare)
        if value_type in _FLOATS:
            found = float(bare)
            return found if abs(found) < float("inf") else text
    except ValueError:
        return text
    if value_type == "xs:boolean" and bare in _TRUTH:
        return _TRUTH[bare]
    return text


_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def paths(thing: Json, path: str = "", *, core: bool = False) -> list[str]:
    """The idShortPaths of an element (not of a submodel, whose path is '') and of what is below it."""
    kind = kind_of(thing)
    if path and kind not in LEVELLED:
        raise BadForm(f"A {kind} has no path form: it holds no elements.")
    found = [path] if path else []
    for index, child in enumerate(children(thing)):
        place = step_to(path, thing, index, child)
        found += [place] if core or not children(child) else _below(child, place)
    return found


def _below(thing: Json, path: str) -> list[str]:
    found = [path]
    for index, child in enumerate(children(thing)):
        found += _below(child, step_to(path, thing, index, child))
    return found
