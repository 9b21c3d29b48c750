"""Turns described actions into what a connection carries out: a tag that is written, or a method that is called.

modbus      one value into coils or holding registers
opcua       a method, its arguments in the order of the input
mqtt        one message; the argument is its whole payload, or one member of it beside constants
sparkplug   one metric, by NCMD or DCMD
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath

from . import modbus, mqtt, opcua
from .reading import Action, Argument, Interface, Point

_KINDS = {"integer": "integer", "boolean": "boolean", "string": "text"}
_VALUE = "{value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """An action as a connection carries it out; `place` is where its tag or method stands, below the connection."""

    action: Action
    place: str
    given: tuple[Argument, ...]
    """What is written or handed over, in order."""
    tag: dict[str, Any] | None = None
    method: dict[str, Any] | None = None


def doing(interface: Interface, connector: str, action: Action) -> Doing:
    """How a connector does it; Invalid says in one sentence why it cannot."""
    if not action.form:
        raise Invalid("The action has no form that says how it is called.")
    place = str(PlantPath.clean(action.name))
    if connector == "opcua":
        method = {"path": place, **opcua.method(action)}
        return Doing(action=action, place=place, given=action.inputs, method=method)
    if connector == "mqtt":
        return _message(action, place)
    return _written(interface, connector, action, place)


def _written(interface: Interface, connector: str, action: Action, place: str) -> Doing:
    """One value into one tag."""
    (argument,) = _one(action, "a Modbus form writes" if connector == "modbus" else "a metric is")
    point = Point(name=action.name, type=argument.type, unit=argument.unit, form=action.form)
    address = modbus.command(interface, point) if connector == "modbus" else mqtt.metric(point)
    return Doing(action=action, place=place, given=(argument,), tag=_tag(place, argument) | address)


def _message(action: Action, place: str) -> Doing:
    asked = action.asked or action.inputs[:1]
    if len(asked) != 1:
        said = "has no input, and an empty message says nothing" if not asked else f"takes {len(asked)} values"
        raise Invalid(f"The action {said}; over MQTT one value can be sent.")
    (argument,) = asked
    topic = mqtt.command_topic(action)
    options: dict[str, Any] = {"write_topic": topic}
    if argument.key:
        members = (f"{_json(one.key)}: {_VALUE if one is argument else _literal(one)}" for one in action.inputs)
        options["write_payload"] = "{" + ", ".join(members) + "}"
    options |= mqtt.delivery(action)
    address = f"{topic}|$['{argument.key}']" if argument.key else topic
    tag = {**_tag(place, argument), "address": address, "options": options}
    return Doing(action=action, place=place, given=(argument,), tag=tag)


def _one(action: Action, what: str) -> tuple[Argument, ...]:
    if len(action.inputs) != 1:
        count = len(action.inputs)
        hint = "Give its input a const." if not count else ""
        raise Invalid(f"The action takes {count or 'no'} values, and {what} exactly one.", hint=hint)
    return action.inputs


def _tag(place: str, argument: Argument) -> dict[str, Any]:
    limits = {name: value for name in ("low", "high") if (value := getattr(argument, name)) is not None}
    unit = {"unit": argument.unit} if argument.unit else {}
    return {"path": place, "kind": _KINDS.get(argument.type, "number"), **unit, **limits, "writable": True}


def _literal(argument: Argument) -> str:
    """A constant as JSON: numbers and truth as they are written, everything else as text."""
    text = argument.constant
    return text if argument.type in ("number", "integer", "float", "double", "boolean") else _json(text)


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()
