"""A twin of the tree as Asset Administration Shell documents (metamodel 3.1): the shell and what it carries.

    shell               identified by the twin's own id, so that it stays the same when the twin moves;
                        found by its place under the specific asset id `plantPath`
    OperationalData     one Property per property of the twin; its values are read live from the series
                        named in the extension `series`, and never written into the document
    Structure           what is right below it, as IDTA 02011 OneDown: entities that are shells themselves

Ids are URNs of UUIDs (RFC 9562): version 5, made from the twin's id, for what has no id of its own.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

from lineshaft.kernel.terms import Kind

from .nodes import Point, Twin
from .repository import Json
from .types import Words, called

OPERATIONAL_DATA = "urn:lineshaft:submodel:OperationalData:1:0"
STRUCTURE = "https://admin-shell.io/idta/HierarchicalStructures/1/1/Submodel"
_STRUCTURE_PARTS = "https://admin-shell.io/idta/HierarchicalStructures"
_IEC61360 = "https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIec61360/3"
TYPE = "urn:lineshaft:type:"
"""What the asset type of a twin of the tree begins with."""
SERIES = "series"
"""Name of the extension that says which series an element's value is read from."""
PARTS = ("OperationalData", "Structure")
"""The submodels made for a twin here."""
_TYPES = {Kind.NUMBER: "xs:double", Kind.INTEGER: "xs:long", Kind.BOOLEAN: "xs:boolean"}


def shell_id(twin: str) -> str:
    """The id of a twin's shell."""
    return f"urn:uuid:{uuid.UUID(twin)}"


def part_id(twin: str, part: str) -> str:
    """The id of something that belongs to a twin: its asset, a submodel."""
    return f"urn:uuid:{uuid.uuid5(uuid.UUID(twin), part)}"


def made_for(shell: str, part: str) -> str:
    """The id of a submodel that the platform adds to a shell, the same wherever that shell is kept."""
    name = shell.removeprefix("urn:uuid:")
    try:
        return part_id(name, part)
    except ValueError:
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{shell}#{part}')}"


def asset_id(twin: str) -> str:
    """The global id of the asset a twin stands for."""
    return part_id(twin, "asset")


def id_short(name: str) -> str:
    """A name as idShort: letters, digits, '_' and '-', beginning with a letter, at least two of them (AASd-002)."""
    kept = re.sub(r"[^a-zA-Z0-9_-]+", "_", name).strip("-_")
    if not kept or not kept[0].isalpha():
        kept = f"n{kept}" if kept else f"n{name.encode().hex()}"
    return (kept if len(kept) > 1 else f"{kept}_0")[:128]


def shell_of(twin: Twin) -> Json:
    """The shell of a twin with references to the submodels made for it here."""
    return {
        "modelType": "AssetAdministrationShell",
        "id": shell_id(twin.id),
        "idShort": id_short(twin.path.name),
        **_named(twin.draft.title, twin.path.name),
        **({"description": _texts(twin.draft.description)} if twin.draft.description else {}),
        "assetInformation": {
            "assetKind": "Instance",
            "globalAssetId": asset_id(twin.id),
            **({"assetType": f"{TYPE}{twin.draft.type}"} if twin.draft.type else {}),
            "specificAssetIds": [{"name": "plantPath", "value": str(twin.path)}],
        },
        "submodels": [model_reference("Submodel", part_id(twin.id, part)) for part in PARTS],
    }


def operational_data(twin: Twin) -> Json:
    """The submodel of a twin's properties; their values come from their series."""
    return {
        "modelType": "Submodel",
        "id": part_id(twin.id, "OperationalData"),
        "idShort": "OperationalData",
        "kind": "Instance",
        "semanticId": semantic_reference(OPERATIONAL_DATA),
        **_elements([_property(point, name) for point, name in names_of(twin.points)]),
    }


def names_of(points: Sequence[Point]) -> list[tuple[Point, str]]:
    """Each property with its idShort; those that would be called alike get a number."""
    taken: set[str] = set()
    found = []
    for point in points:
        name, count = id_short(point.property.name), 1
        while name in taken:
            count += 1
            name = f"{id_short(point.property.name)[:120]}_{count}"
        taken.add(name)
        found.append((point, name))
    return found


def structure(twin: Twin, children: Sequence[Twin]) -> Json:
    """What is right below a twin, as bill of materials 02011 with archetype OneDown."""
    names = [id_short(child.path.name) for child in children]
    parts = [_entity(name, child.id) for name, child in zip(names, children, strict=True)]
    entry = _entity("EntryNode", twin.id)
    entry["semanticId"] = semantic_reference(f"{_STRUCTURE_PARTS}/EntryNode/1/0")
    entry |= {"statements": [*parts, *(_has_part(twin.id, name) for name in names)]} if parts else {}
    return {
        "modelType": "Submodel",
        "id": part_id(twin.id, "Structure"),
        "idShort": "HierarchicalStructures",
        "kind": "Instance",
        "semanticId": semantic_reference(STRUCTURE),
        "submodelElements": [
            {
                "modelType": "Property",
                "idShort": "ArcheType",
                "semanticId": semantic_reference(f"{_STRUCTURE_PARTS}/ArcheType/1/0"),
                "valueType": "xs:string",
                "value": "OneDown",
            },
            entry,
        ],
    }


def _entity(name: str, twin: str) -> Json:
    return {
        "modelType": "Entity",
        "idShort": name,
        "semanticId": semantic_reference(f"{_STRUCTURE_PARTS}/Node/1/0"),
        "entityType": "SelfManagedEntity",
        "globalAssetId": asset_id(twin),
    }


def _has_part(twin: str, name: str) -> Json:
    def node(*path: str) -> Json:
        keys = [{"type": "Submodel", "value": part_id(twin, "Structure")}]
        return {"type": "ModelReference", "keys": keys + [{"type": "Entity", "value": part} for part in path]}

    return {
        "modelType": "RelationshipElement",
        "idShort": id_short(f"HasPart_{name}"),
        "semanticId": semantic_reference(f"{_STRUCTURE_PARTS}/HasPart/1/0"),
        "first": node("EntryNode"),
        "second": node("EntryNode", name),
    }


def _property(point: Point, name: str) -> Json:
    prop = point.property
    return {
        "modelType": "Property",
        "idShort": name,
        **_named(prop.title, prop.name),
        **({"description": _texts(prop.description)} if prop.description else {}),
        "valueType": _TYPES.get(prop.kind, "xs:string"),
        "extensions": [{"name": SERIES, "valueType": "xs:string", "value": str(point.series)}],
        **({"embeddedDataSpecifications": [_unit(prop.name, prop.unit)]} if prop.unit else {}),
    }


def _unit(name: str, unit: str) -> Json:
    """Data specification IEC 61360 (IDTA-01003-a) with no more than the unit, in UCUM."""
    return {
        "dataSpecification": semantic_reference(_IEC61360),
        "dataSpecificationContent": {
            "modelType": "DataSpecificationIec61360",
            "preferredName": [{"language": "en", "text": name}],
            "unit": unit,
        },
    }


def _elements(elements: list[Json]) -> dict[str, Any]:
    return {"submodelElements": elements} if elements else {}


def _named(title: Words, name: str) -> Json:
    return {"displayName": _texts(title)} if title else {"displayName": [{"language": "en", "text": called({}, name)}]}


def _texts(words: Words) -> list[Json]:
    return [{"language": language, "text": text} for language, text in sorted(words.items())]


def semantic_reference(value: str) -> Json:
    """A reference to a meaning outside: a semantic id."""
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def model_reference(kind: str, value: str) -> Json:
    """A reference to one of our own identifiables."""
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value}]}
