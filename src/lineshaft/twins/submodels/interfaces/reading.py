"""Reads interface descriptions: where an asset answers, which values it offers and what it can be told to do.

    Interface… / EndpointMetadata       base address, security, defaults
               / InteractionMetadata / properties / <name>    type, unit, limits
                                                 / forms      href and the terms of the protocol
                                     / actions / <name>       input, output: type, unit, limits, const, properties
                                              / forms

Names are those of W3C Thing Description 1.1 and its bindings with '_' for ':'. Values inside an object
(`properties` below a property) are points of their own: their `path` leads from the message to the value.
The template leaves open what stands in `actions`; they are read as the Thing Description has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lineshaft.twins.metamodel.kinds import COLLECTION, LIST, RANGE, Json, children, kind_of
from lineshaft.twins.metamodel.references import semantics

_INTERFACE = "https://admin-shell.io/idta/AssetInterfacesDescription/1/"
_SCHEMES = {
    "modbus+tcp": "modbus", "modbus": "modbus", "opc.tcp": "opcua", "mqtt": "mqtt", "mqtts": "mqtt", "http": "http",
    "https": "http", "bacnet": "bacnet",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value an asset offers."""

    name: str
    """idShorts from the property down, with '/'."""
    path: tuple[str, ...] = ()
    """Keys from the message to the value, inside an object."""
    type: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    observable: bool = False
    form: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One value an action takes or gives back."""

    name: str
    """idShort; "Value" and "Result" of an action that takes or gives one value without a name."""
    key: str = ""
    """What a message calls it; empty when it is the whole message."""
    type: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    constant: str = ""
    """What it always is; such an argument is not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something an asset can be told to do."""

    name: str
    title: str
    inputs: tuple[Argument, ...] = ()
    outputs: tuple[Argument, ...] = ()
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> tuple[Argument, ...]:
        """The arguments somebody has to give."""
        return tuple(one for one in self.inputs if not one.constant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface of an asset. `protocol` comes from the base address: published ids name MQTT for OPC UA, too."""

    name: str
    title: str
    protocol: str
    base: str
    endpoint: Mapping[str, str]
    security: tuple[Mapping[str, str], ...]
    points: tuple[Point, ...]
    actions: tuple[Action, ...] = ()
    events: tuple[str, ...] = ()
    """Names of what it reports by itself."""


def interfaces_of(submodel: Json) -> list[Interface]:
    """Every interface of an interface description."""
    return [_interface(one) for one in children(submodel) if _is_interface(one)]


def _is_interface(said: Json) -> bool:
    own = any(one.startswith(_INTERFACE) and one.endswith("/Interface") for one in semantics(said))
    return own or (kind_of(said) == COLLECTION and "EndpointMetadata" in _by_name(said))


def _interface(said: Json) -> Interface:
    parts = _by_name(said)
    endpoint = parts.get("EndpointMetadata", {})
    base = _texts(endpoint).get("base", "")
    schemes = _by_name(endpoint).get("securityDefinitions", {})
    interactions = _by_name(parts.get("InteractionMetadata", {}))
    properties, actions = (children(interactions.get(name, {})) for name in ("properties", "actions"))
    return Interface(
        name=str(said.get("idShort", "")),
        title=_texts(said).get("title") or str(said.get("idShort", "")),
        protocol=_SCHEMES.get(urlsplit(base).scheme.lower(), ""),
        base=base,
        endpoint=_texts(endpoint),
        security=tuple(_texts(one) for one in children(schemes)),
        points=tuple(point for one in properties for point in _points(one, (), (), {})),
        actions=tuple(_action(one) for one in actions),
        events=tuple(_by_name(interactions.get("events", {}))),
    )


def _points(said: Json, names: tuple[str, ...], keys: tuple[str, ...], form: Mapping[str, str]) -> Iterator[Point]:
    parts, texts = _by_name(said), _texts(said)
    name = str(said.get("idShort", ""))
    names = (*names, name)
    keys = (*keys, texts.get("key") or name) if form else ()
    own = _form(parts["forms"]) if "forms" in parts else form
    inner = children(parts.get("properties", {}))
    if inner:
        for one in inner:
            yield from _points(one, names, keys, own)
        return
    low, high = _limits(parts.get("min_max", {}))
    yield Point(
        name="/".join(names),
        path=keys,
        type=texts.get("type", "").rsplit(":", 1)[-1],
        unit=texts.get("unit", ""),
        low=low,
        high=high,
        observable=texts.get("observable", "").lower() in ("true", "1"),
        form={**own, **({"key": texts["key"]} if "key" in texts else {})},
    )


def _action(said: Json) -> Action:
    parts, texts = _by_name(said), _texts(said)
    name = str(said.get("idShort", ""))
    return Action(
        name=name,
        title=texts.get("title", ""),
        inputs=tuple(_arguments(parts.get("input", {}), "Value")),
        outputs=tuple(_arguments(parts.get("output", {}), "Result")),
        form={**_form(parts.get("forms", {})), **({"key": texts["key"]} if "key" in texts else {})},
    )


def _arguments(said: Json, name: str) -> Iterator[Argument]:
    """The members of an object, or the one value there is; none without a description."""
    members = children(_by_name(said).get("properties", {}))
    for one in members:
        own = str(one.get("idShort", ""))
        yield _argument(one, re.sub(r"\W", "_", own), _texts(one).get("key") or own)
    if not members and children(said):
        yield _argument(said, name, "")


def _argument(said: Json, name: str, key: str) -> Argument:
    texts = _texts(said)
    low, high = _limits(_by_name(said).get("min_max", {}))
    type_ = texts.get("type", "").rsplit(":", 1)[-1]
    return Argument(
        name=name, key=key, type=type_, unit=texts.get("unit", ""), low=low, high=high, constant=texts.get("const", "")
    )


def _form(forms: Json) -> dict[str, str]:
    """The terms of a form; of several, the first is taken."""
    first = children(forms)[0] if kind_of(forms) == LIST and children(forms) else forms
    return _texts(first)


def _limits(said: Json) -> tuple[float | None, float | None]:
    if kind_of(said) != RANGE:
        return None, None
    return _number(said.get("min")), _number(said.get("max"))


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _by_name(said: Json) -> dict[str, Json]:
    return {str(one.get("idShort", "")): one for one in children(said)}


def _texts(said: Json) -> dict[str, str]:
    """The values of properties right below, by name."""
    return {
        str(one.get("idShort", "")): str(one["value"]).strip()
        for one in children(said)
        if isinstance(one.get("value"), str) and one["value"].strip()
    }
