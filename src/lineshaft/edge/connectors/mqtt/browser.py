"""What a broker offers, as a tree: the levels of topics heard during a short while, then the JSON inside.

sensors → sensors/hall-1 → sensors/hall-1/climate → sensors/hall-1/climate|temperature
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lineshaft.edge.broker import Message
from lineshaft.edge.connectors import Node
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, Value

from .topics import json_path, pick

MOST_TOPICS = 10_000
_MOST_ITEMS = 200
_MOST_BYTES = 65_536
_SIMPLE = re.compile(r"[^.\[\]'|]+")


class Heard:
    """The last payload of every topic heard."""

    def __init__(self) -> None:
        self._last: dict[str, bytes] = {}

    def note(self, messages: list[Message]) -> None:
        """Remember payloads; topics beyond a bound are left out."""
        for topic, payload, *_ in messages:
            if topic in self._last or len(self._last) < MOST_TOPICS:
                self._last[topic] = payload[:_MOST_BYTES]

    def below(self, address: str) -> list[Node]:
        """What lies below an address: topic levels, or keys inside a payload after a '|'."""
        topic, inside, path = address.partition("|")
        if inside:
            return _leaves(topic, path, self._last.get(topic, b""))
        prefix = f"{topic}/" if topic else ""
        levels: dict[str, str] = {}
        for known in self._last:
            if known.startswith(prefix) and known != topic:
                level = known[len(prefix) :].split("/", 1)[0]
                levels.setdefault(level, prefix + level)
        nodes = [self._level(level, levels[level]) for level in sorted(levels)]
        return nodes + (_leaves(topic, "", self._last[topic]) if topic in self._last else [])

    def _level(self, name: str, address: str) -> Node:
        deeper = any(known.startswith(f"{address}/") for known in self._last)
        if address not in self._last:
            return Node(address=address, name=name, has_children=deeper)
        document = _parse(self._last[address])
        if isinstance(document, dict | list):
            return Node(address=address, name=name, has_children=True)
        return _scalar(address, name, document, has_children=deeper)


def _leaves(topic: str, path: str, payload: bytes) -> list[Node]:
    document = pick(_parse(payload), _steps(path))
    if isinstance(document, dict):
        items: list[tuple[str, Any]] = [(_key(path, key), value) for key, value in document.items()]
        names = list(document)
    elif isinstance(document, list):
        items = [(f"{path}[{i}]", value) for i, value in enumerate(document)]
        names = [f"[{i}]" for i in range(len(document))]
    else:
        return []
    return [_node(f"{topic}|{at}", name, value) for (at, value), name in zip(items, names, strict=True)][:_MOST_ITEMS]


def _node(address: str, name: str, value: Any) -> Node:
    if isinstance(value, dict | list):
        return Node(address=address, name=name, has_children=bool(value))
    return _scalar(address, name, value)


def _scalar(address: str, name: str, value: Value | None, *, has_children: bool = False) -> Node:
    kind = Kind.BOOLEAN if isinstance(value, bool) else Kind.TEXT if isinstance(value, str) else Kind.NUMBER
    return Node(address=address, name=name, has_children=has_children, readable=True, kind=kind, value=value)


def _key(path: str, key: str) -> str:
    step = key if _SIMPLE.fullmatch(key) else f"['{key}']"
    return f"{path}.{step}" if path and not step.startswith("[") else f"{path}{step}"


def _steps(path: str) -> tuple[str | int, ...]:
    try:
        return json_path(path)
    except Invalid:
        return ("",)


def _parse(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return payload[:200].decode(errors="replace")
