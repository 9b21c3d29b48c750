"""Production calendars as submodels: the file they carry and the calendar they inherit from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lineshaft.twins.metamodel.kinds import FILE, Json, children, kind_of
from lineshaft.twins.metamodel.references import raw_target
from lineshaft.twins.submodels.building import new
from lineshaft.twins.submodels.errors import BadSubmodel
from lineshaft.twins.submodels.tables import template

from .slots import read_slots
from .working import ProductionCalendar

_EXTENSIONS = ("X_BREAK", "X_PRODUCTION_DAY", "X_MAINTENANCE")
_DEEPEST = 16


def calendar_submodel(id_: str, *, file: str = "", inherited_from: Json | None = None) -> Json:
    """A calendar submodel that names its file, its parent and the three extensions of the template."""
    values: dict[str, Any] = {
        f"specificationExtensionVariables[{i}].variableName": name for i, name in enumerate(_EXTENSIONS)
    }
    values |= {"calendar": file} if file else {}
    values |= {"inheritedFrom": inherited_from} if inherited_from else {}
    return new(template("calendar"), id_, values=values)


def calendar_of(
    submodel: Json,
    read: Callable[[str], str | bytes],
    find: Callable[[str], Json | None],
    *,
    zone: str = "UTC",
) -> ProductionCalendar:
    """The calendar with all it inherits. `read` gives the text of a file, `find` a submodel by id."""
    return _calendar(submodel, read, find, zone, ())


def _calendar(
    submodel: Json,
    read: Callable[[str], str | bytes],
    find: Callable[[str], Json | None],
    zone: str,
    below: tuple[str, ...],
) -> ProductionCalendar:
    id_ = str(submodel.get("id"))
    if id_ in below or len(below) >= _DEEPEST:
        raise BadSubmodel(f"The calendar {id_!r} inherits from itself: {' -> '.join((*below, id_))}.")
    parts = {one.get("idShort"): one for one in children(submodel)}
    file = parts.get("calendar", {})
    text = read(file["value"]) if kind_of(file) == FILE and file.get("value") else ""
    parent = _parent(parts.get("inheritedFrom", {}), find)
    return ProductionCalendar(
        slots=tuple(read_slots(text, zone=zone)) if text else (),
        parent=_calendar(parent, read, find, zone, (*below, id_)) if parent else None,
    )


def _parent(said: Json, find: Callable[[str], Json | None]) -> Json | None:
    keys = (said.get("value") or {}).get("keys") or []
    if not keys:
        return None
    target = str(keys[0].get("value")) if keys[0].get("type") == "Submodel" else raw_target(said.get("value"))
    found = find(target)
    if found is None:
        raise BadSubmodel(f"The calendar inherits from {target!r}, and there is no such submodel.")
    return found
