"""Turns described interfaces into connections of the edge: the tables of `[[edge.<connector>]]`.

A point a connector cannot reach is left out and named with the reason; the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.metamodel.kinds import Json

from . import modbus, mqtt, opcua
from .reading import Interface, Point, interfaces_of

_KINDS = {"number": "number", "float": "number", "double": "number", "integer": "integer", "boolean": "boolean"}
_NAME = re.compile(r"[^\w-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A point, or a whole interface, that makes no tag, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A connection as it would stand in the configuration; `settings` is what `edge` checks and saves."""

    interface: str
    connector: str
    settings: dict[str, Any]
    left_out: tuple[LeftOut, ...] = ()


def connections_of(submodel: Json, *, path: str = "", name: str = "") -> tuple[list[Described], list[LeftOut]]:
    """A connection for every interface some connector speaks, below a place of the plant; and what is left out."""
    found: list[Described] = []
    left: list[LeftOut] = []
    for interface in interfaces_of(submodel):
        try:
            found.append(_connection(interface, path, name))
        except Invalid as error:
            left.append(LeftOut(name=interface.name, reason=error.message))
    return found, left


def _connection(interface: Interface, path: str, name: str) -> Described:
    connector, head = _head(interface)
    tags: list[dict[str, Any]] = []
    left: list[LeftOut] = []
    for point in interface.points:
        try:
            tags.append(_tag(interface, connector, point))
        except Invalid as error:
            left.append(LeftOut(name=point.name, reason=error.message))
    if not tags:
        raise Invalid(f"Of {len(interface.points)} values none can be read: {left[0].reason if left else 'no value'}")
    own = _NAME.sub("-", f"{name}-{interface.name}" if name else interface.name).strip("-")[:64]
    settings = {"name": own, **({"path": path} if path else {}), **head, "tags": tags}
    return Described(interface=interface.name, connector=connector, settings=settings, left_out=tuple(left))


def _head(interface: Interface) -> tuple[str, dict[str, Any]]:
    if interface.protocol == "modbus":
        return "modbus", modbus.head(interface)
    if interface.protocol == "opcua":
        return "opcua", opcua.head(interface)
    if interface.protocol == "mqtt":
        return mqtt.head(interface)
    spoken = interface.protocol or interface.base or "nothing"
    raise Invalid(f"The interface speaks {spoken}, which no connector here does.")


_ADDRESSES: dict[str, Callable[[Point], dict[str, Any]]] = {
    "opcua": opcua.tag,
    "mqtt": mqtt.tag,
    "sparkplug": mqtt.metric,
}


def _tag(interface: Interface, connector: str, point: Point) -> dict[str, Any]:
    made: dict[str, Any] = {"path": str(PlantPath.clean(point.name)), "kind": _KINDS.get(point.type, "text")}
    if point.unit:
        made["unit"] = point.unit
    if not point.type:
        made["kind"] = "number"
    return made | (modbus.tag(interface, point) if connector == "modbus" else _ADDRESSES[connector](point))
