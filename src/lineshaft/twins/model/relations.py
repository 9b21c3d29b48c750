"""Relations that people make between twins, as RelationshipElements of a submodel of our own.

    part of, feeds, located in, produced by     known to the graph, each by its own kind of edge
    any other name                              an edge of kind `refers`, told by that name

The submodel belongs to the twin a relation begins at: `first` refers to its shell, `second` to the other one's.
So a relation is exported with its twin, and an imported one counts at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.errors import BadTwin, Taken

from .graph import Own, Tie
from .repository import Edge, Json
from .shell import id_short, model_reference, semantic_reference

RELATIONS = "urn:lineshaft:submodel:Relations:1:0"
MEANING = "urn:lineshaft:relation:"
OWN = f"{MEANING}Own"
NAMES = {"partof": "IsPartOf", "ispartof": "IsPartOf", "feeds": "Feeds", "locatedin": "LocatedIn",
         "producedby": "ProducedBy"}  # fmt: skip
"""What people may call the relations the graph knows, without spaces and signs, and how the element is called."""
EDGES = {"IsPartOf": Edge.PART, "Feeds": Edge.FEEDS, "LocatedIn": Edge.LOCATED, "ProducedBy": Edge.PRODUCED}
"""What the graph follows for each."""
LONGEST = 64
MOST = 2_000
"""Relations that begin at one twin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A twin at one end: its shell, where that stands, and what it is called; nothing for one not known here."""

    shell: str
    place: PlantPath | None = None
    name: str = ""
    type: str = ""
    """The type of its asset."""

    def __str__(self) -> str:
        return str(self.place or self.shell)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One relation; `id` names it among those that begin at its source."""

    id: str
    name: str
    source: End
    target: End


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """What became of a change: the relation, and the version that `undo` takes back."""

    relation: Relation | None
    version: int


def meant(name: str) -> str:
    """A name as the element will say it; BadTwin for one that cannot be a name."""
    said = " ".join(name.split())
    if not said or len(said) > LONGEST or not re.search(r"[^\W\d_]", said):
        raise BadTwin(
            f"A relation cannot be called {name[:80]!r}.",
            hint=f"Say 1 to {LONGEST} characters with a letter, such as 'feeds' or 'is cooled by'.",
        )
    return NAMES.get(re.sub(r"[\W_]", "", said).casefold(), said)


def tie(name: str) -> Tie:
    """What a question follows for a name; BadTwin for one that cannot be a name."""
    said = meant(name)
    return EDGES.get(said) or Own(said)


def empty(id_: str) -> Json:
    """The submodel without any relation."""
    return {
        "modelType": "Submodel",
        "id": id_,
        "idShort": "Relations",
        "kind": "Instance",
        "semanticId": semantic_reference(RELATIONS),
    }


def with_relation(document: Json, name: str, source: str, target: str) -> tuple[Json, str]:
    """The submodel with one more relation between two shells, and the id of that; Taken when it is there already."""
    held = document.get("submodelElements") or []
    if any(_said(one) == (name, source, target) for one in held):
        raise Taken(f"It is said already: {name}.", hint="Nothing is left to do.")
    if len(held) >= MOST:
        raise BadTwin(f"{MOST:,} relations begin there already.", hint="Remove some first.")
    known, taken = name in NAMES.values(), {one.get("idShort") for one in held}
    stem = id_short(name)[:100]
    id_ = next(one for n in range(1, len(held) + 2) if (one := f"{stem}_{n}") not in taken)
    element = {
        "modelType": "RelationshipElement",
        "idShort": id_,
        **({} if known else {"displayName": [{"language": "en", "text": name}]}),
        "semanticId": semantic_reference(MEANING + name if known else OWN),
        "first": model_reference("AssetAdministrationShell", source),
        "second": model_reference("AssetAdministrationShell", target),
    }
    return {**document, "submodelElements": [*held, element]}, id_


def without_relation(document: Json, id_: str) -> tuple[Json, Json | None]:
    """The submodel without one relation, and the element that said it; None when there is no such one."""
    held = document.get("submodelElements") or []
    gone = next((one for one in held if one.get("idShort") == id_), None)
    left = [one for one in held if one is not gone]
    rest = {name: value for name, value in document.items() if name != "submodelElements"}
    return rest | ({"submodelElements": left} if left else {}), gone


def told(document: Json) -> Iterator[tuple[str, str, str, str]]:
    """Every relation of a submodel: id, name, and the shells at its ends."""
    for one in document.get("submodelElements") or ():
        if one.get("modelType") == "RelationshipElement":
            name, source, target = _said(one)
            if source and target:
                yield str(one.get("idShort", "")), name, source, target


def own_name(element: Json) -> str:
    """What people call a relation that has no meaning known to the graph."""
    return next((str(one.get("text", "")) for one in element.get("displayName") or ()), str(element.get("idShort")))


def _said(element: Json) -> tuple[str, str, str]:
    keys = (element.get("semanticId") or {}).get("keys") or [{}]
    meaning = str(keys[-1].get("value", ""))
    shown = own_name(element)
    name = meaning.removeprefix(MEANING) if meaning.startswith(MEANING) and meaning != OWN else shown
    return name, _shell(element.get("first")), _shell(element.get("second"))


def _shell(reference: object) -> str:
    keys = reference.get("keys") if isinstance(reference, dict) else None
    first = keys[0] if keys else {}
    return str(first.get("value", "")) if first.get("type") == "AssetAdministrationShell" else ""
