"""Turns described interfaces into connections of the edge: the tables of `[[edge.<connector>]]`.

A value or action a connector cannot reach is left out and named with the reason; the others go on. An action that
writes where a value is read shares its tag, so that whatever guards the value guards the action.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.metamodel.kinds import Json

from . import modbus, mqtt, opcua
from .acting import Doing, doing
from .operations import operand
from .reading import Action, Interface, Point, interfaces_of

_KINDS = {"number": "number", "float": "number", "double": "number", "integer": "integer", "boolean": "boolean"}
_NAME = re.compile(r"[^\w-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A value, an action, an event or a whole interface that makes nothing, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A connection as it would stand in the configuration; `settings` is what `edge` checks and saves."""

    interface: str
    connector: str
    settings: dict[str, Any]
    left_out: tuple[LeftOut, ...] = ()
    doings: tuple[Doing, ...] = ()
    """The actions it can carry out."""


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
    doings: list[Doing] = []
    left = [
        LeftOut(name=one, reason="Events are not taken over; alarms watch values here.") for one in interface.events
    ]
    wanted: tuple[Point | Action, ...] = (*interface.points, *interface.actions)
    for one in wanted:
        try:
            if isinstance(one, Point):
                tags.append(_tag(interface, connector, one))
            else:
                doings.append(_placed(interface, connector, one, tags, doings))
        except Invalid as error:
            left.append(LeftOut(name=one.name, reason=error.message))
    if not tags and not doings:
        reason = left[0].reason if left else "no value"
        raise Invalid(f"Of {len(interface.points)} values none can be read: {reason}")
    own = _NAME.sub("-", f"{name}-{interface.name}" if name else interface.name).strip("-")[:64]
    settings = {"name": own, **({"path": path} if path else {}), **head, "tags": tags}
    if methods := [one.method for one in doings if one.method]:
        settings["methods"] = methods
    return Described(
        interface=interface.name, connector=connector, settings=settings, left_out=tuple(left), doings=tuple(doings)
    )


def _placed(
    interface: Interface, connector: str, action: Action, tags: list[dict[str, Any]], doings: list[Doing]
) -> Doing:
    """An action at a place of its own, or at the tag that is read where it writes."""
    made = doing(interface, connector, action)
    for argument in made.given:
        operand(argument)
    shared = next((one for one in tags if made.tag and _same(one, made.tag)), None)
    if shared is not None and made.tag:
        shared |= {name: made.tag[name] for name in ("writable", "low", "high", "options") if name in made.tag}
        return replace(made, place=shared["path"], tag=shared)
    taken = {one["path"] for one in tags} | {one.place for one in doings}
    place = made.place if made.place not in taken else f"{made.place}-action"
    if place in taken:
        raise Invalid(f"The name {place} is taken by another action.")
    new = replace(made, place=place, tag=_at(place, made.tag), method=_at(place, made.method))
    tags += [new.tag] if new.tag else []
    return new


def _at(place: str, said: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if said is None else said | {"path": place}


def _same(tag: dict[str, Any], command: dict[str, Any]) -> bool:
    units = {tag.get("unit", ""), command.get("unit", "")} - {""}
    return bool(tag["address"] == command["address"] and tag["kind"] == command["kind"] and len(units) < 2)


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
