"""JSON for the bus and the catalogue: msgspec, taught our few words."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from .terms import PlantPath

T = TypeVar("T")


def encode(thing: object) -> bytes:
    """Dataclasses, structs, enums, times and plant paths as JSON."""
    return msgspec.json.encode(thing, enc_hook=_plain)


def decode(data: bytes, kind: type[T]) -> T:
    """The thing again; msgspec.DecodeError says what does not fit."""
    return msgspec.json.decode(data, type=kind, dec_hook=_ours)


def _plain(thing: object) -> object:
    if isinstance(thing, str):
        return str.__str__(thing)
    if hasattr(thing, "item"):
        return thing.item()  # NumPy scalars
    raise TypeError(f"{type(thing).__name__} has no JSON form")


def _ours(kind: type, thing: Any) -> Any:
    if kind is PlantPath:
        return PlantPath(thing)
    raise TypeError(f"{kind.__name__} cannot be read from JSON")
