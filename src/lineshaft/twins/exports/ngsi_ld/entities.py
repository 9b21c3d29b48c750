"""Builds the entities, depth first, parents before children."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson

from lineshaft.twins.exports.contract import Exported, Losses, below, texts
from lineshaft.twins.metamodel import forms, references
from lineshaft.twins.metamodel.kinds import Json, children

CORE: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
_KEEPS: Final = frozenset({"semanticId", "description", "displayName", "kind", "globalAssetId", "derivedFrom"})
_RESERVED: Final = frozenset({"id", "type", "@context", "scope", "value", "object", "languageMap", "datasetId"})
_TIMES: Final = {"xs:dateTime": "DateTime", "xs:date": "Date", "xs:time": "Time"}
_OWN: Final = frozenset({"SubmodelElementCollection", "SubmodelElementList", "Entity"})
_UNSAID: Final = {
    "Operation": "NGSI-LD has no calls.",
    "Capability": "NGSI-LD has no capabilities.",
    "BasicEventElement": "NGSI-LD subscribes to attributes and declares no events.",
    "Blob": "NGSI-LD carries no binary content; keep it as a file.",
}


def export(shells: Sequence[Json], submodels: Sequence[Json]) -> Exported:
    """One JSON array of entities, as `entityOperations/upsert` of a broker takes it."""
    builder = _Builder()
    for shell in shells:
        builder.shell(shell)
    for submodel in submodels:
        builder.submodel(submodel)
    data = orjson.dumps(builder.entities, option=orjson.OPT_INDENT_2)
    return Exported(data=data, content_type="application/ld+json", suffix=".jsonld", losses=builder.losses.done())


class _Builder:
    def __init__(self) -> None:
        self.entities: list[Json] = []
        self.losses = Losses("NGSI-LD", _KEEPS)

    def shell(self, shell: Json) -> None:
        """A shell with its asset and its submodels."""
        entity = self._entity(_urn("AssetAdministrationShell", shell["id"]), "AssetAdministrationShell", shell)
        asset = shell["assetInformation"]
        entity["assetKind"] = _property(asset["assetKind"])
        if "globalAssetId" in asset:
            entity["globalAssetId"] = _property(asset["globalAssetId"])
        if "derivedFrom" in shell:
            entity["derivedFrom"] = _relationship(_urn("AssetAdministrationShell", _target(shell["derivedFrom"])))
        ids = references.submodel_ids(shell)
        if ids:
            entity["hasSubmodel"] = _relationships([_urn("Submodel", id_) for id_ in ids])
        for name in asset.keys() - {"assetKind", "globalAssetId"}:
            self.losses.add(shell["id"], f"assetInformation.{name}", "It has no attribute in NGSI-LD.")
        self.losses.members(shell, shell["id"])

    def submodel(self, submodel: Json) -> None:
        """A submodel and everything below it."""
        entity = self._entity(_urn("Submodel", submodel["id"]), submodel.get("idShort", "Submodel"), submodel)
        self.losses.members(submodel, submodel["id"])
        self._attributes(entity, submodel, submodel["id"])

    def _entity(self, urn: str, type_: str, thing: Json) -> Json:
        entity: Json = {"id": urn, "type": type_}
        for name in ("displayName", "description"):
            if thing.get(name):
                entity[name] = {"type": "LanguageProperty", "languageMap": texts(thing[name])}
        if "idShort" in thing:
            entity["idShort"] = _property(thing["idShort"])
        meaning = references.semantic(thing.get("semanticId"))
        if meaning:
            entity["semanticId"] = _property(meaning)
        entity["@context"] = [CORE]
        self.entities.append(entity)
        return entity

    def _attributes(self, entity: Json, parent: Json, path: str) -> None:
        meanings: dict[str, str] = {}
        for index, element in enumerate(children(parent)):
            place = below(path, parent, index, element)
            name = element.get("idShort") or f"item{index}"
            if name in _RESERVED or name in entity:
                self.losses.add(place, "idShort", f"NGSI-LD uses the name itself; the attribute is called {name}_.")
                name += "_"
            attribute = self._attribute(element, entity["id"], name, place)
            if attribute is None:
                continue
            entity[name] = attribute
            self.losses.members(element, place, {"globalAssetId"})
            meaning = references.semantic(element.get("semanticId"))
            if meaning.startswith(("http://", "https://", "urn:")):
                meanings[name] = meaning
        if meanings:
            entity["@context"] = [meanings, CORE]

    def _attribute(self, element: Json, urn: str, name: str, path: str) -> Any:
        kind = element["modelType"]
        if kind in _UNSAID:
            self.losses.add(path, kind, _UNSAID[kind])
            return None
        if kind == "SubmodelElementList" and all(c["modelType"] == "Property" for c in children(element)):
            return self._array(element, path)
        if kind in _OWN:
            return self._own(element, f"{urn}:{quote(name, safe='')}", path)
        made = _LEAVES[kind](element)
        if made is None:
            self.losses.add(path, kind, "It has no value, and NGSI-LD has no attributes without one.")
            return None
        if kind in {"RelationshipElement", "AnnotatedRelationshipElement"} and children(element):
            self.losses.add(path, "annotations", "They have no attribute in NGSI-LD.")
        meaning = references.semantic(element.get("semanticId"))
        return {**made, "semanticId": _property(meaning)} if meaning else made

    def _array(self, element: Json, path: str) -> Json | None:
        found = []
        for index, item in enumerate(children(element)):
            place = f"{path}[{index}]"
            value = forms.scalar(item["valueType"], item.get("value"))
            if value is None:
                self.losses.add(place, "Property", "It has no value, and arrays of NGSI-LD have no empty places.")
            else:
                found.append(value)
            self.losses.members(item, place)
            if "semanticId" in item:
                self.losses.add(place, "semanticId", "Items of an array have none in NGSI-LD.")
        if not found:
            self.losses.add(path, "SubmodelElementList", "It is empty, and NGSI-LD has no attributes without a value.")
        return _property(found) if found else None

    def _own(self, element: Json, urn: str, path: str) -> Json:
        """A collection is an entity of its own, to which its parent has a relationship."""
        entity = self._entity(urn, element["modelType"], element)
        if "globalAssetId" in element:
            entity["globalAssetId"] = _property(element["globalAssetId"])
        self._attributes(entity, element, path)
        return _relationship(urn)


def _property(value: Any) -> Json:
    return {"type": "Property", "value": value}


def _relationship(urn: str) -> Json:
    return {"type": "Relationship", "object": urn}


def _relationships(urns: list[str]) -> Any:
    """Several relationships of one name are told apart by their datasetId."""
    if len(urns) == 1:
        return _relationship(urns[0])
    return [{**_relationship(urn), "datasetId": f"urn:ngsi-ld:dataset:{i}"} for i, urn in enumerate(urns)]


def _urn(type_: str, id_: str) -> str:
    return f"urn:ngsi-ld:{type_}:{quote(id_, safe='')}"


def _target(reference: Json) -> str:
    return references.raw_target(reference)


def _points_at(reference: Json) -> str:
    """A model reference as the URN of what it points at, any other as the text of its last key."""
    keys = reference["keys"]
    if reference["type"] == "ModelReference" and keys[0]["type"] == "Submodel":
        return ":".join([_urn("Submodel", keys[0]["value"]), *(quote(key["value"], safe="") for key in keys[1:])])
    value = keys[-1]["value"]
    return value if ":" in value else _urn("Reference", value)


def _typed(element: Json) -> Json | None:
    if "value" not in element:
        return None
    if element["valueType"] in _TIMES:
        return _property({"@type": _TIMES[element["valueType"]], "@value": element["value"]})
    return _property(forms.scalar(element["valueType"], element["value"]))


def _languages(element: Json) -> Json | None:
    return {"type": "LanguageProperty", "languageMap": texts(element["value"])} if element.get("value") else None


def _range(element: Json) -> Json | None:
    ends = {end: forms.scalar(element["valueType"], element[end]) for end in ("min", "max") if end in element}
    return _property(ends) if ends else None


def _file(element: Json) -> Json | None:
    if "value" not in element:
        return None
    type_ = {"contentType": _property(element["contentType"])} if "contentType" in element else {}
    return {**_property(element["value"]), **type_}


def _refers(element: Json) -> Json | None:
    return _relationship(_points_at(element["value"])) if "value" in element else None


def _relates(element: Json) -> Json | None:
    if "second" not in element:
        return None
    first = {"first": _relationship(_points_at(element["first"]))} if "first" in element else {}
    return {**_relationship(_points_at(element["second"])), **first}


_LEAVES: dict[str, Callable[[Json], Json | None]] = {
    "Property": _typed, "MultiLanguageProperty": _languages, "Range": _range, "File": _file,
    "ReferenceElement": _refers, "RelationshipElement": _relates, "AnnotatedRelationshipElement": _relates,
}  # fmt: skip
