"""References as JSON: what they mean, whether two are the same, and those that point at our own things."""

from __future__ import annotations

from typing import Any

from .kinds import LIST, SUBMODEL, Json, kind_of
from .paths import Steps, find


def normalised(text: str) -> str:
    """White space around a key value never means anything; published templates have some."""
    return " ".join(text.split())


def semantic(reference: Any) -> str:
    """What a reference comes down to: the value of its last key; '' for none."""
    keys = reference.get("keys") if isinstance(reference, dict) else None
    last = keys[-1] if isinstance(keys, list) and keys else None
    value = last.get("value") if isinstance(last, dict) else None
    return normalised(value) if isinstance(value, str) else ""


def semantics(thing: Json) -> list[str]:
    """The semantic ids of something, main before supplemental."""
    more = thing.get("supplementalSemanticIds")
    found = [thing.get("semanticId"), *(more if isinstance(more, list) else [])]
    return [text for text in map(semantic, found) if text]


def same(one: Any, other: Any) -> bool:
    """Whether two references have equal keys; type and `referredSemanticId` do not count."""
    return _keys(one) == _keys(other) != []


def _keys(reference: Any) -> list[tuple[Any, str]]:
    keys = reference.get("keys") if isinstance(reference, dict) else None
    found = keys if isinstance(keys, list) else []
    return [(k.get("type"), normalised(str(k.get("value", "")))) for k in found if isinstance(k, dict)]


def to_identifiable(kind: str, identifier: str) -> Json:
    """A model reference to a shell, submodel or concept description."""
    return {"type": "ModelReference", "keys": [{"type": kind, "value": identifier}]}


def to_element(submodel: Json, steps: Steps) -> Json:
    """A model reference to an element; members of a list are named by their index."""
    found = to_identifiable(SUBMODEL, submodel["id"])
    parent: Json = submodel
    for count, step in enumerate(steps, 1):
        element = find(submodel, steps[:count])
        name = str(step) if kind_of(parent) == LIST else element["idShort"]
        found["keys"].append({"type": kind_of(element), "value": name})
        parent = element
    return found


def submodel_ids(shell: Json) -> list[str]:
    """The ids of the submodels a shell refers to, in its order."""
    return [text for text in (raw_target(one) for one in shell.get("submodels") or ()) if text]


def without(shell: Json, submodel: str) -> Json:
    """The shell without its references to a submodel."""
    left = [one for one in shell.get("submodels") or () if raw_target(one) != submodel]
    return {name: value for name, value in (shell | {"submodels": left}).items() if value or name != "submodels"}


def raw_target(reference: Any) -> str:
    """The value of the last key as it stands: an id is never normalised."""
    keys = reference.get("keys") if isinstance(reference, dict) else None
    value = keys[-1].get("value") if isinstance(keys, list) and keys and isinstance(keys[-1], dict) else ""
    return value if isinstance(value, str) else ""
