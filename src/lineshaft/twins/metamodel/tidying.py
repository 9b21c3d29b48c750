"""JSON without what says nothing: many writers put `null` or `[]` where the metamodel leaves a member out."""

from __future__ import annotations

from typing import Any

from .kinds import Json


def tidy(thing: Json) -> Json:
    """The same without members that are null or an empty list, at every depth."""
    return {name: _tidied(value) for name, value in thing.items() if value is not None and value != []}


def _tidied(value: Any) -> Any:
    if isinstance(value, dict):
        return tidy(value)
    return [_tidied(one) for one in value] if isinstance(value, list) else value
