"""Builds the interfaces: contents at the top of a submodel, schemas below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.exports.contract import Exported, Losses, below, texts
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.kinds import Json, children

from .limits import CONTENTS, DEPTH, DISPLAY, INTERFACE, TEXT, dtmi, name, shortened

_CONTEXT: Final = "dtmi:dtdl:context;3"
_KEEPS: Final = frozenset({"displayName", "description", "semanticId"})
_SCHEMAS: Final = {
    "xs:boolean": "boolean", "xs:float": "float", "xs:double": "double", "xs:dateTime": "dateTime", "xs:date": "date",
    "xs:time": "time", "xs:duration": "duration", "xs:string": "string", "xs:anyURI": "string", "xs:int": "integer",
    "xs:short": "integer", "xs:byte": "integer", "xs:unsignedShort": "integer", "xs:unsignedByte": "integer",
    "xs:long": "long", "xs:unsignedInt": "long",
}  # fmt: skip
_UNSAID: Final = {
    "Capability": "DTDL has no capabilities.",
    "BasicEventElement": "DTDL telemetry carries data and not the change of an element.",
    "Blob": "DTDL has no binary data.",
}


def export(shells: Sequence[Json], submodels: Sequence[Json]) -> Exported:
    """One JSON array of interfaces. Raises Invalid when a submodel is larger than an interface may be."""
    builder = _Builder()
    known = {submodel["id"] for submodel in submodels}
    interfaces = [builder.submodel(submodel) for submodel in submodels]
    interfaces = [builder.shell(shell, known) for shell in shells] + interfaces
    for interface in interfaces:
        if len(interface["contents"]) > CONTENTS or len(orjson.dumps(interface)) > INTERFACE:
            raise Invalid(
                f"{interface['@id']} is larger than DTDL allows (1 MiB, {CONTENTS} contents).",
                hint="Export its submodels in parts.",
            )
    data = orjson.dumps(interfaces, option=orjson.OPT_INDENT_2)
    return Exported(data=data, content_type="application/json", suffix=".dtdl.json", losses=builder.losses.done())


class _Builder:
    def __init__(self) -> None:
        self.losses = Losses("DTDL", _KEEPS)

    def shell(self, shell: Json, known: set[str]) -> Json:
        """An interface whose components are the submodels."""
        taken: set[str] = {"globalAssetId"}
        contents: list[Json] = [{"@type": "Property", "name": "globalAssetId", "schema": "string"}]
        for id_ in references.submodel_ids(shell):
            if id_ in known:
                component = name(f"submodel{len(contents)}", taken, shell["id"], Losses("DTDL"))
                contents.append({"@type": "Component", "name": component, "schema": dtmi(id_, "submodel")})
            else:
                self.losses.add(shell["id"], id_, "The submodel is not part of the export, and a component needs one.")
        for member in shell["assetInformation"]:
            self.losses.add(shell["id"], f"assetInformation.{member}", "DTDL describes types and carries no values.")
        self.losses.members(shell, shell["id"])
        return self._interface(shell, "shell", contents)

    def submodel(self, submodel: Json) -> Json:
        """An interface whose contents are the elements."""
        path = submodel["id"]
        taken: set[str] = set()
        contents = [self._content(e, below(path, submodel, i, e), taken) for i, e in enumerate(children(submodel))]
        self.losses.add(path, "values", "DTDL describes types and carries no values.")
        self.losses.members(submodel, path)
        return self._interface(submodel, "submodel", [content for content in contents if content])

    def _interface(self, thing: Json, kind: str, contents: list[Json]) -> Json:
        made: Json = {"@context": _CONTEXT, "@id": dtmi(thing["id"], kind), "@type": "Interface"}
        return {**made, **self._words(thing, thing["id"]), "contents": contents}

    def _words(self, thing: Json, path: str) -> Json:
        """Names, descriptions and the meaning, which stands in the comment."""
        found: Json = {}
        for member, most in (("displayName", DISPLAY), ("description", TEXT)):
            if thing.get(member):
                found[member] = shortened(texts(thing[member]), most, path, member, self.losses)
        meaning = references.semantic(thing.get("semanticId"))
        if meaning:
            found["comment"] = shortened({"": f"semanticId {meaning}"}, TEXT, path, "semanticId", self.losses)[""]
        return found

    def _content(self, element: Json, path: str, taken: set[str]) -> Json | None:
        kind = element["modelType"]
        if kind in _UNSAID:
            self.losses.add(path, kind, _UNSAID[kind])
            return None
        head = {"name": name(element.get("idShort", "item"), taken, path, self.losses), **self._words(element, path)}
        if kind == "Operation":
            return {"@type": "Command", **head, **self._command(element, path)}
        if kind in {"ReferenceElement", "RelationshipElement", "AnnotatedRelationshipElement"}:
            self.losses.members(element, path)
            self.losses.add(path, "target", "DTDL relationships name interfaces, and the reference names one thing.")
            return {"@type": "Relationship", **head}
        schema = self._schema(element, path, 1)
        return {"@type": "Property", **head, "schema": schema} if schema else None

    def _command(self, operation: Json, path: str) -> Json:
        self.losses.members(operation, path)
        made: Json = {}
        for side, lists in (("request", ("inputVariables", "inoutputVariables")),
                            ("response", ("outputVariables", "inoutputVariables"))):  # fmt: skip
            variables = [v["value"] for each in lists for v in operation.get(each, ())]
            if variables:
                made[side] = {"name": side, "schema": self._object(variables, f"{path}.{side}", operation, 1)}
        return made

    def _schema(self, element: Json, path: str, depth: int) -> Any:
        """The schema of a value; '' when DTDL has none for it."""
        kind = element["modelType"]
        self.losses.members(element, path, {"globalAssetId", "entityType"})
        if kind == "Property":
            return self._scalar(element, path)
        if kind in {"File", "ReferenceElement"}:
            if "contentType" in element:
                self.losses.add(path, "contentType", "A DTDL string has no content type.")
            return "string"
        if depth > DEPTH:
            self.losses.add(path, kind, f"DTDL ends at {DEPTH} levels; it becomes a string of JSON.")
            return "string"
        return self._complex(element, kind, path, depth)

    def _complex(self, element: Json, kind: str, path: str, depth: int) -> Any:
        if kind == "MultiLanguageProperty":
            return {"@type": "Map", "mapKey": {"name": "language", "schema": "string"},
                    "mapValue": {"name": "text", "schema": "string"}}  # fmt: skip
        if kind == "Range":
            scalar = self._scalar(element, path)
            return _fields({"min": scalar, "max": scalar})
        if kind in {"RelationshipElement", "AnnotatedRelationshipElement"}:
            return _fields({"first": "string", "second": "string"})
        if kind == "SubmodelElementList":
            return self._array(element, path, depth)
        extra = {"globalAssetId": "string"} if kind == "Entity" else {}
        return self._object(children(element), path, element, depth, extra)

    def _array(self, element: Json, path: str, depth: int) -> Any:
        items = children(element)
        first = next((self._schema(i, f"{path}[{n}]", depth + 1) for n, i in enumerate(items[:1])), "")
        if not first:
            first = _SCHEMAS.get(element.get("valueTypeListElement", ""), "string")
            self.losses.add(path, "items", f"The list is empty or holds what DTDL cannot say; items become {first}.")
        elif len(items) > 1:
            self.losses.add(path, "items", "DTDL arrays have one schema; that of the first item stands for all.")
        return {"@type": "Array", "elementSchema": first}

    def _object(
        self, elements: list[Json], path: str, parent: Json, depth: int, extra: dict[str, Any] | None = None
    ) -> Any:
        taken = set(extra or ())
        fields: list[Json] = _fields(extra or {})["fields"]
        for index, element in enumerate(elements):
            place = below(path, parent, index, element)
            kind = element["modelType"]
            schema = None if kind in _UNSAID or kind == "Operation" else self._schema(element, place, depth + 1)
            if not schema:
                self.losses.add(place, kind, _UNSAID.get(kind, "DTDL has commands at the top only."))
                continue
            words = self._words(element, place)
            field = name(element.get("idShort", f"item{index}"), taken, place, self.losses)
            fields.append({"name": field, **words, "schema": schema})
        if not fields:
            self.losses.add(path, "object", "DTDL objects have a field at least; it becomes a string of JSON.")
            return "string"
        return {"@type": "Object", "fields": fields}

    def _scalar(self, element: Json, path: str) -> str:
        type_ = element["valueType"]
        if type_ not in _SCHEMAS:
            self.losses.add(path, type_, "DTDL has no such type; it becomes a string, so that no digit is lost.")
        return _SCHEMAS.get(type_, "string")


def _fields(schemas: dict[str, Any]) -> Json:
    return {"@type": "Object", "fields": [{"name": name_, "schema": schema} for name_, schema in schemas.items()]}
