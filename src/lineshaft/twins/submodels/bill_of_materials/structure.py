"""A structure of parts as a submodel and as edges.

    Full      the whole tree below the entry node                     HasPart or IsPartOf
    OneDown   the entry node and its own parts                        HasPart
    OneUp     the entry node and the wholes it is part of             IsPartOf

Nodes stand inside each other's statements: a node is part of the one it stands in, and with OneUp the other way
round. Relations say the same and may add edges between nodes; `HasPart` and `IsPartOf` never stand in one submodel
(IDTA 02011-1-1, elements HasPart and IsPartOf). A node is known by its `globalAssetId`; one that has no asset of
its own (CoManagedEntity) by the submodel's id and its idShortPath.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lineshaft.twins.metamodel.kinds import ENTITY, PROPERTY, RELATIONSHIP, Json, children, kind_of
from lineshaft.twins.metamodel.paths import step_to
from lineshaft.twins.metamodel.references import semantics
from lineshaft.twins.submodels.building import new, reference
from lineshaft.twins.submodels.errors import BadSubmodel
from lineshaft.twins.submodels.tables import template

_ID = "https://admin-shell.io/idta/HierarchicalStructures/"
NODE, HAS_PART, IS_PART_OF, SAME_AS, BULK_COUNT, ARCHETYPE = (
    f"{_ID}{name}/1/0" for name in ("Node", "HasPart", "IsPartOf", "SameAs", "BulkCount", "ArcheType")
)


class Archetype(StrEnum):
    """How far a submodel tells the structure."""

    FULL = "Full"
    ONE_DOWN = "OneDown"
    ONE_UP = "OneUp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One node as it stands in a submodel."""

    key: str
    """The asset, or submodel id and path of a node without one."""
    path: str
    count: int
    within: str
    """The path of the node it stands in; empty for the entry node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEdge:
    """The whole has `count` equal pieces of the part; `path` is where the submodel says so."""

    whole: str
    part: str
    count: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part to be written: bulk goods such as screws have a count and no asset of their own."""

    name: str
    asset: str = ""
    count: int = 1
    parts: tuple[Piece, ...] = ()


def edges_of(submodel: Json) -> list[PartEdge]:
    """Every whole-to-part edge the submodel tells; BadSubmodel when it breaks its archetype or contradicts itself."""
    return _Reading(submodel).edges()


def edges_of_all(submodels: Sequence[Json]) -> list[PartEdge]:
    """The edges of several submodels as one structure; Full and OneDown go together, OneUp only with its like."""
    kinds = {archetype_of(one) for one in submodels}
    if Archetype.ONE_UP in kinds and len(kinds) > 1:
        others = " and ".join(sorted(kinds - {Archetype.ONE_UP}))
        raise BadSubmodel(
            f"Structures of archetype OneUp cannot be mixed with {others}.",
            hint="OneUp tells the wholes of a part; explode the structures that tell parts.",
        )
    return [edge for one in submodels for edge in edges_of(one)]


def same_things(submodel: Json) -> list[tuple[str, str]]:
    """Pairs of nodes that are one thing, here or in another submodel (SameAs)."""
    reading = _Reading(submodel)
    return [(reading.key(r, "first"), reading.key(r, "second")) for _, r in reading.relations(SAME_AS)]


def archetype_of(submodel: Json) -> Archetype:
    """What the submodel says it is; BadSubmodel when it does not."""
    said = next((e.get("value") for e in children(submodel) if ARCHETYPE in semantics(e)), None)
    try:
        return Archetype(str(said))
    except ValueError:
        what = f"its ArcheType is {said!r}" if said else "it has no ArcheType"
        raise BadSubmodel(f"{submodel.get('id')}: {what}.", hint="Write Full, OneDown or OneUp.") from None


@dataclass(slots=True)
class _Reading:
    """One submodel while it is read."""

    submodel: Json
    parts: dict[str, Part] = field(default_factory=dict)
    found: dict[str, list[tuple[str, Json]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._walk(self.submodel, "")

    def _walk(self, parent: Json, within: str) -> None:
        waiting = [(parent, within)]
        while waiting:
            parent, within = waiting.pop()
            for index, child in enumerate(children(parent)):
                path = step_to(within, parent, index, child)
                if kind_of(child) == ENTITY:
                    self.parts[path] = self._part(child, path, within)
                    waiting.append((child, path))
                elif kind_of(child) == RELATIONSHIP:
                    for meaning in semantics(child):
                        self.found.setdefault(meaning, []).append((path, child))

    def _part(self, entity: Json, path: str, within: str) -> Part:
        key = entity.get("globalAssetId") or f"{self.submodel.get('id')}#{path}"
        return Part(key=key, path=path, count=_count(entity, path), within=within)

    def relations(self, meaning: str) -> list[tuple[str, Json]]:
        return self.found.get(meaning, [])

    def key(self, relation: Json, end: str) -> str:
        """The node a relation points at; a node of another submodel by that submodel's id and its path."""
        keys = (relation.get(end) or {}).get("keys") or []
        path = ".".join(str(k["value"]) for k in keys[1:])
        if keys and keys[0].get("value") != self.submodel.get("id"):
            return f"{keys[0]['value']}#{path}" if path else str(keys[0]["value"])
        if path not in self.parts:
            raise BadSubmodel(
                f"{self.submodel.get('id')}: the relation {relation.get('idShort')!r} points at {path!r}, "
                "and there is no such node.",
                hint="Point it at an entity of the submodel, from the entry node down.",
            )
        return self.parts[path].key

    def edges(self) -> list[PartEdge]:
        archetype = archetype_of(self.submodel)
        self._keep_depth(archetype)
        self._keep_relations(archetype)
        by_ends: dict[tuple[str, str], PartEdge] = {}
        for edge in (*self._nested(archetype), *self._related()):
            if (edge.part, edge.whole) in by_ends:
                raise BadSubmodel(
                    f"{self.submodel.get('id')}: {edge.path!r} makes {edge.part!r} part and whole of {edge.whole!r}."
                )
            by_ends.setdefault((edge.whole, edge.part), edge)
        return list(by_ends.values())

    def _nested(self, archetype: Archetype) -> Iterator[PartEdge]:
        for part in self.parts.values():
            if part.within:
                whole, piece = self.parts[part.within].key, part.key
                if archetype is Archetype.ONE_UP:
                    whole, piece = piece, whole
                yield PartEdge(whole=whole, part=piece, count=part.count, path=part.path)

    def _related(self) -> Iterator[PartEdge]:
        by_key = {part.key: part for part in self.parts.values()}
        for meaning, (whole, part) in ((HAS_PART, ("first", "second")), (IS_PART_OF, ("second", "first"))):
            for path, relation in self.relations(meaning):
                piece = self.key(relation, part)
                count = by_key[piece].count if piece in by_key else 1
                yield PartEdge(whole=self.key(relation, whole), part=piece, count=count, path=path)

    def _keep_depth(self, archetype: Archetype) -> None:
        deep = next((p.path for p in self.parts.values() if p.within and self.parts[p.within].within), None)
        if archetype is not Archetype.FULL and deep:
            raise BadSubmodel(
                f"{self.submodel.get('id')}: it is {archetype}, but {deep!r} stands two levels below the entry node.",
                hint="Only Full tells more than one level.",
            )

    def _keep_relations(self, archetype: Archetype) -> None:
        down, up = self.relations(HAS_PART), self.relations(IS_PART_OF)
        wrong = up if archetype is Archetype.ONE_DOWN else down if archetype is Archetype.ONE_UP else []
        if down and up:
            raise BadSubmodel(
                f"{self.submodel.get('id')}: {down[0][0]!r} is a HasPart and {up[0][0]!r} an IsPartOf.",
                hint="One submodel uses one of the two.",
            )
        if wrong:
            raise BadSubmodel(f"{self.submodel.get('id')}: it is {archetype}, and {wrong[0][0]!r} says the opposite.")


def _count(entity: Json, path: str) -> int:
    counts = (e for e in children(entity) if kind_of(e) == PROPERTY and BULK_COUNT in semantics(e))
    said = next((e.get("value") for e in counts), None)
    if said is None:
        return 1
    if not str(said).strip().isdigit() or int(said) < 1:
        raise BadSubmodel(f"{path}.BulkCount is {said!r}.", hint="Write how many pieces there are: 1 or more.")
    return int(said)


def build(id_: str, asset: str, parts: Iterable[Piece], *, archetype: Archetype = Archetype.FULL) -> Json:
    """A structure as a submodel: nested entities, a relation to each part, and counts of bulk goods."""
    made = new(template("bill_of_materials"), id_, values={"EntryNode": asset, "ArcheType": str(archetype)})
    entry = made["submodelElements"][0]
    writer = _Writing(id_, IS_PART_OF if archetype is Archetype.ONE_UP else HAS_PART)
    entry["statements"] = writer.statements(tuple(parts), ("EntryNode",))
    edges_of(made)
    return made


@dataclass(frozen=True, slots=True)
class _Writing:
    submodel: str
    relation: str

    def statements(self, parts: Sequence[Piece], above: tuple[str, ...]) -> list[Json]:
        names = [part.name for part in parts]
        if twice := {name for name in names if names.count(name) > 1}:
            raise BadSubmodel(f"Two parts of {above[-1]!r} are called {min(twice)!r}.", hint="Name one differently.")
        nodes = [self._node(part, (*above, part.name)) for part in parts]
        return nodes + [self._related(part, above) for part in parts]

    def _node(self, part: Piece, path: tuple[str, ...]) -> Json:
        count = [_bulk(part.count)] if part.count != 1 else []
        made: Json = {
            "modelType": ENTITY,
            "idShort": part.name,
            "semanticId": reference(NODE),
            "entityType": "SelfManagedEntity" if part.asset else "CoManagedEntity",
        }
        statements = [*count, *self.statements(part.parts, path)]
        told = {"globalAssetId": part.asset, "statements": statements}
        return made | {name: value for name, value in told.items() if value}

    def _related(self, part: Piece, above: tuple[str, ...]) -> Json:
        word = self.relation.rsplit("/", 3)[-3]
        return {
            "modelType": RELATIONSHIP,
            "idShort": f"{word}_{part.name}",
            "semanticId": reference(self.relation),
            "first": self._to(above),
            "second": self._to((*above, part.name)),
        }

    def _to(self, path: tuple[str, ...]) -> Mapping[str, Any]:
        keys = [{"type": "Submodel", "value": self.submodel}, *({"type": ENTITY, "value": step} for step in path)]
        return {"type": "ModelReference", "keys": keys}


def _bulk(count: int) -> Json:
    return {
        "modelType": PROPERTY,
        "idShort": "BulkCount",
        "semanticId": reference(BULK_COUNT),
        "valueType": "xs:unsignedLong",
        "value": str(count),
    }
