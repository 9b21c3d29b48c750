"""Follows the references of a mapping: from a source to the tag that reads it, from a sink to the element it feeds.

Source   Submodel / <interface> / InteractionMetadata / properties / <name> / …    of an interface description
Sink     Submodel / … / <element>                                                  of any submodel
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.metamodel.kinds import LIST, Json
from lineshaft.twins.submodels.errors import BadSubmodel
from lineshaft.twins.submodels.interfaces import Described

from .mapping import Mapping

_FIXED = ("InteractionMetadata", "properties")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Where the values of one mapping come from and go to."""

    sources: Table[str, str]
    """Source id -> path of the series in the plant."""
    sinks: Table[str, tuple[str, str]]
    """Sink id -> submodel id and idShortPath."""


def wired(mapping: Mapping, described: Table[str, Sequence[Described]], *, organisation: str) -> Wiring:
    """The wiring of a mapping; `described` are the connections made of each interface description, by its id.

    BadSubmodel names a source that no connection reads.
    """
    sources = {
        source.id: _series(mapping, source.id, source.reference, described, organisation) for source in mapping.sources
    }
    return Wiring(sources=sources, sinks={sink.id: element_of(sink.reference) for sink in mapping.sinks})


def element_of(reference: Json) -> tuple[str, str]:
    """The submodel and the idShortPath a model reference leads to."""
    keys = reference.get("keys") or []
    if len(keys) < 2 or keys[0].get("type") != "Submodel":
        raise BadSubmodel("A reference of a mapping leads to no element of a submodel.", hint="Use a ModelReference.")
    path = ""
    for before, key in pairwise(keys):
        path += f"[{key['value']}]" if before.get("type") == LIST else f".{key['value']}"
    return str(keys[0]["value"]), path.removeprefix(".")


def _series(
    mapping: Mapping, id_: str, reference: Json, described: Table[str, Sequence[Described]], organisation: str
) -> str:
    submodel, path = element_of(reference)
    interface, *steps = path.split(".")
    name = "/".join(step for step in steps if step not in _FIXED)
    tag = str(PlantPath.clean(name))
    for one in described.get(submodel, ()):
        if one.interface == interface and any(tag == own["path"] for own in one.settings["tags"]):
            root = str(one.settings.get("path", one.settings["name"]))
            whole = root if root.split("/", 1)[0] == organisation else f"{organisation}/{root}"
            return f"{whole}/{tag}"
    raise BadSubmodel(f"{mapping.name}: no connection reads the source {id_!r}, {path} of {submodel!r}.")
