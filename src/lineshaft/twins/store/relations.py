"""How things are related, read out of documents: bills of materials (IDTA 02011), references, shells.

A thing is named by its global asset id where it has one. An entity without one (a screw in a box) is named
by where it is described: `<submodel id>#<idShortPath>`.

    Pump inside the statements of Press, or HasPart(Press, Pump), or IsPartOf(Pump, Press)
        part    Press -> Pump     count: the BulkCount of Pump, else 1
    ArcheType OneUp turns the nesting round: what stands inside is the whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import sqlalchemy as sa

from lineshaft.kernel.db import Transaction
from lineshaft.twins.metamodel.kinds import (
    ANNOTATED,
    ELEMENTS,
    ENTITY,
    PROPERTY,
    REFERENCE,
    RELATIONSHIP,
    Json,
    children,
    kind_of,
)
from lineshaft.twins.metamodel.paths import walk
from lineshaft.twins.metamodel.references import raw_target, semantic
from lineshaft.twins.model.relations import OWN, own_name
from lineshaft.twins.model.repository import Edge, Kind

from .repository_tables import DOCUMENTS, RELATIONS
from .tables import parts


class Relation(NamedTuple):
    """One edge, and the element that says so."""

    path: str
    kind: Edge
    source: str
    target: str
    bulk: float | None = None
    name: str = ""
    """What people call it, where they gave it a name of their own."""


NAME_MOST = 128


_BY_NAME = {
    "haspart": (Edge.PART, False),
    "ispartof": (Edge.PART, True),
    "sameas": (Edge.SAME, False),
    "feeds": (Edge.FEEDS, False),
    "locatedin": (Edge.LOCATED, False),
    "producedby": (Edge.PRODUCED, False),
}
"""What a relationship says, by the name in its semantic id or the beginning of its idShort; whether it is turned."""


TELLING = frozenset(ELEMENTS.index(kind) for kind in (ENTITY, REFERENCE, RELATIONSHIP, ANNOTATED))
"""Kinds of elements that state an edge, as the index numbers them."""


def relations_of(kind: Kind, document: Json) -> list[Relation]:
    """Every edge a document states, in its order."""
    if kind is Kind.SHELL:
        return list(_of_shell(document))
    if kind is not Kind.SUBMODEL:
        return []
    found = list(_of_nesting(document))
    nested = {(one.source, one.target) for one in found if one.kind is Edge.PART}
    told = _of_elements(document)
    return found + [one for one in told if one.kind is not Edge.PART or (one.source, one.target) not in nested]


def _of_shell(shell: Json) -> Iterator[Relation]:
    id_ = shell["id"]
    asset = (shell.get("assetInformation") or {}).get("globalAssetId")
    if asset:
        yield Relation("assetInformation", Edge.SAME, id_, asset)
    for n, reference in enumerate(shell.get("submodels") or ()):
        if target := raw_target(reference):
            yield Relation(f"submodels[{n}]", Edge.HAS_SUBMODEL, id_, target)
    if target := raw_target(shell.get("derivedFrom")):
        yield Relation("derivedFrom", Edge.DERIVED, id_, target)


def _of_nesting(submodel: Json) -> Iterator[Relation]:
    up = _archetype(submodel) == "OneUp"
    for path, entity in walk(submodel):
        if kind_of(entity) != ENTITY:
            continue
        name = _name(submodel, path, entity)
        if "." not in path and name == entity.get("globalAssetId"):
            yield Relation(path, Edge.SAME, f"{submodel['id']}#{path}", name)
        for child in children(entity):
            if kind_of(child) == ENTITY and child.get("idShort"):
                below = f"{path}.{child['idShort']}"
                inner = _name(submodel, below, child)
                whole, part, counted = (inner, name, entity) if up else (name, inner, child)
                yield Relation(below, Edge.PART, whole, part, _bulk(counted))


def _of_elements(submodel: Json) -> Iterator[Relation]:
    for path, element in walk(submodel):
        kind = kind_of(element)
        if kind == REFERENCE and (target := _identifiable(element.get("value"))):
            yield Relation(path, Edge.REFERS, submodel["id"], target)
        elif kind in (RELATIONSHIP, ANNOTATED):
            (first, _), (second, part) = (_end(submodel, element.get(end)) for end in ("first", "second"))
            edge, turned = _meaning(element)
            if first and second and turned:
                _, whole_part = _end(submodel, element.get("first"))
                yield Relation(path, edge, second, first, _bulk(whole_part) if edge is Edge.PART else None)
            elif first and second:
                bulk = _bulk(part) if edge is Edge.PART else None
                yield Relation(path, edge, first, second, bulk, _own(element) if edge is Edge.REFERS else "")


def _meaning(element: Json) -> tuple[Edge, bool]:
    meaning = semantic(element.get("semanticId"))
    if meaning == OWN:
        return Edge.REFERS, False
    for word in re.split(r"[/:#]", meaning.lower()):
        if word in _BY_NAME:
            return _BY_NAME[word]
    name = str(element.get("idShort") or "").lower().replace("_", "")
    return next((told for word, told in _BY_NAME.items() if name.startswith(word)), (Edge.REFERS, False))


def _own(element: Json) -> str:
    if semantic(element.get("semanticId")) != OWN:
        return ""
    return own_name(element).replace("\x00", "")[:NAME_MOST]


def _archetype(submodel: Json) -> str:
    for element in children(submodel):
        if kind_of(element) == PROPERTY and str(element.get("idShort", "")).lower() == "archetype":
            return str(element.get("value") or "")
    return ""


def _name(submodel: Json, path: str, entity: Json) -> str:
    return entity.get("globalAssetId") or f"{submodel['id']}#{path}"


def _bulk(entity: Json | None) -> float | None:
    """How many of it there are."""
    for one in children(entity) if entity else ():
        if one.get("idShort") == "BulkCount":
            try:
                return float(one.get("value") or 1)
            except (TypeError, ValueError):
                return None
    return None


def _end(submodel: Json, reference: object) -> tuple[str, Json | None]:
    """The thing at one end of a relationship, with its entity when that is in the same submodel."""
    keys = reference.get("keys") if isinstance(reference, dict) else None
    if not isinstance(keys, list) or not keys:
        return "", None
    values = [str(key.get("value", "")) for key in keys]
    if len(keys) == 1 or keys[0].get("type") != "Submodel":
        return (values[0] if keys[0].get("type") == "AssetAdministrationShell" else values[-1]), None
    path = ".".join(values[1:])
    entity = _at(submodel, values[1:]) if values[0] == submodel["id"] else None
    if entity is None:
        return f"{values[0]}#{path}", None
    return _name(submodel, path, entity), entity


def _at(submodel: Json, names: list[str]) -> Json | None:
    here: Json | None = submodel
    for name in names:
        here = next((c for c in children(here or {}) if c.get("idShort") == name), None)
    return here


def _identifiable(reference: object) -> str:
    """What a reference element points at: the shell, submodel or concept, or the thing outside."""
    keys = reference.get("keys") if isinstance(reference, dict) else None
    if not isinstance(keys, list) or not keys:
        return ""
    inside = reference.get("type") == "ModelReference" if isinstance(reference, dict) else False
    return str(keys[0 if inside else -1].get("value", ""))


# ---- rows ----


async def add(tx: Transaction, relations: Iterable[tuple[int, Relation]]) -> None:
    """Keep the relations of documents, each with the number of its document."""
    rows = [(number, one.path, one.kind.value, one.source, one.target, one.bulk, one.name) for number, one in relations]
    if rows:
        await tx.insert(RELATIONS, ("document", "path", "kind", "source", "target", "count", "name"), rows)


async def drop(tx: Transaction, number: int) -> None:
    await tx.execute(sa.delete(RELATIONS).where(RELATIONS.c.document == number))


class Stated(NamedTuple):
    """An edge with the number of the document that states it."""

    document: int
    kind: str
    source: str
    target: str
    count: float  # type: ignore[assignment]
    name: str


async def of_documents(tx: Transaction, numbers: list[int] | None = None) -> list[Stated]:
    """The edges of some documents, or of all."""
    bulk = sa.func.coalesce(RELATIONS.c.count, 1.0)
    ends = (RELATIONS.c.source, RELATIONS.c.target)
    query = sa.select(RELATIONS.c.document, RELATIONS.c.kind, *ends, bulk, RELATIONS.c.name)
    if numbers is None:
        return [Stated._make(row) for row in (await tx.execute(query)).all()]
    found: list[Stated] = []
    for some in parts(numbers):
        found += [Stated._make(row) for row in (await tx.execute(query.where(RELATIONS.c.document.in_(some)))).all()]
    return found


async def count(tx: Transaction) -> int:
    """How many edges there are."""
    return int(await tx.scalar(sa.select(sa.func.count()).select_from(RELATIONS)) or 0)


async def wholes(tx: Transaction, names: Iterable[str]) -> list[tuple[str, str]]:
    """(part, whole) of everything these things are right in."""
    found: list[tuple[str, str]] = []
    for some in parts(names):
        mine = (RELATIONS.c.kind == Edge.PART.value, RELATIONS.c.target.in_(some))
        rows = await tx.execute(sa.select(RELATIONS.c.target, RELATIONS.c.source).where(*mine))
        found += [(row.target, row.source) for row in rows]
    return found


async def alike(tx: Transaction, names: Iterable[str]) -> list[tuple[str, str]]:
    """(name, other name) of things that have several: a shell, its asset, an entity of a bill of materials."""
    found: list[tuple[str, str]] = []
    for some in parts(names):
        for here, there in ((RELATIONS.c.source, RELATIONS.c.target), (RELATIONS.c.target, RELATIONS.c.source)):
            query = sa.select(here, there).where(RELATIONS.c.kind == Edge.SAME.value, here.in_(some))
            found += [tuple(row) for row in await tx.execute(query)]
    return found


async def stating(tx: Transaction, name: str, semantic_id: str) -> list[str]:
    """Ids of the submodels of a meaning that relate a thing to anything."""
    ends = sa.or_(RELATIONS.c.source == name, RELATIONS.c.target == name)
    joined = RELATIONS.join(DOCUMENTS, DOCUMENTS.c.number == RELATIONS.c.document)
    query = sa.select(DOCUMENTS.c.id).select_from(joined).where(ends, DOCUMENTS.c.semantic == semantic_id).distinct()
    return sorted((await tx.execute(query)).scalars())
