"""Builds the nodes: one walk over shells, submodels and elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from lineshaft.twins.exports.contract import Exported, Losses, below
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.kinds import Json, children
from lineshaft.twins.metamodel.paths import step_to

from . import values
from .values import Value

NAMESPACE: Final = "urn:lineshaft:twins"
_OBJECTS, _OBJECT, _VARIABLE, _PROPERTY = "i=85", "i=58", "i=63", "i=68"
_ORGANIZES, _COMPONENT, _ORDERED, _HAS_PROPERTY, _TYPE = "i=35", "i=47", "i=49", "i=46", "i=40"
_KEEPS: Final = frozenset({"displayName", "description", "semanticId", "kind", "globalAssetId", "entityType"})
_UNSAID: Final = {
    "Capability": "OPC UA has no capabilities.",
    "BasicEventElement": "OPC UA events are types and carry no observed element.",
}
_HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd" \
xmlns:uax="http://opcfoundation.org/UA/2008/02/Types.xsd">
<NamespaceUris><Uri>{NAMESPACE}</Uri></NamespaceUris>
<Models><Model ModelUri="{NAMESPACE}" Version="1.0.0" PublicationDate="2026-01-01T00:00:00Z">\
<RequiredModel ModelUri="http://opcfoundation.org/UA/" Version="1.04" PublicationDate="2019-05-01T00:00:00Z"/>\
</Model></Models>
"""


def export(shells: Sequence[Json], submodels: Sequence[Json]) -> Exported:
    """A NodeSet2 file. A submodel without a shell of the export hangs below Objects itself."""
    builder = _Builder()
    owners: dict[str, list[str]] = {submodel["id"]: [] for submodel in submodels}
    for shell in shells:
        builder.shell(shell, owners)
    for submodel in submodels:
        builder.submodel(submodel, owners[submodel["id"]])
    data = f"{_HEAD}{''.join(builder.nodes)}</UANodeSet>\n".encode()
    return Exported(data=data, content_type="application/xml", suffix=".NodeSet2.xml", losses=builder.losses.done())


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.losses = Losses("OPC UA", _KEEPS)

    def shell(self, shell: Json, owners: dict[str, list[str]]) -> None:
        """A shell and its asset; tells its submodels that it owns them."""
        id_, asset = shell["id"], shell["assetInformation"]
        self._object(id_, shell, id_, [(_OBJECTS, _ORGANIZES)])
        self._property(id_, "AssetKind", values.string(asset["assetKind"]))
        if "globalAssetId" in asset:
            self._property(id_, "GlobalAssetId", values.string(asset["globalAssetId"]))
        for name in asset.keys() - {"assetKind", "globalAssetId"}:
            self.losses.add(id_, f"assetInformation.{name}", "It has no node in OPC UA.")
        for submodel in references.submodel_ids(shell):
            if submodel in owners:
                owners[submodel].append(_node_id(id_))
            else:
                self.losses.add(id_, submodel, "The submodel is not part of the export.")
        self.losses.members(shell, id_)

    def submodel(self, submodel: Json, owners: list[str]) -> None:
        """A submodel below the shells that refer to it."""
        id_ = submodel["id"]
        places = [(owner, _COMPONENT) for owner in owners] or [(_OBJECTS, _ORGANIZES)]
        self._object(id_, submodel, id_, places)
        if "kind" in submodel:
            self._property(id_, "Kind", values.string(submodel["kind"]))
        self.losses.members(submodel, id_)
        self._below(submodel, id_, "", id_)

    def _below(self, parent: Json, id_: str, path: str, place: str) -> None:
        for index, element in enumerate(children(parent)):
            self._element(element, id_, step_to(path, parent, index, element), below(place, parent, index, element),
                          parent, path)  # fmt: skip

    def _element(self, element: Json, id_: str, path: str, place: str, parent: Json, above: str) -> None:
        kind = element["modelType"]
        if kind in _UNSAID:
            self.losses.add(place, kind, _UNSAID[kind])
            return
        self.losses.members(element, place)
        key = f"{id_}#{path}"
        reference = _ORDERED if parent["modelType"] == "SubmodelElementList" else _COMPONENT
        places = [(_node_id(f"{id_}#{above}" if above else id_), reference)]
        leaf = _LEAVES.get(kind)
        if leaf:
            self._variable(key, element, place, places, leaf(self, element, place))
        elif kind == "Operation":
            self._method(key, element, place, places)
        else:
            self._object(key, element, place, places)
            self._parts(key, element, place, kind)
            self._below(element, id_, path, place)

    def _parts(self, key: str, element: Json, place: str, kind: str) -> None:
        """What an object holds besides its children."""
        if kind == "Range":
            for end in ("min", "max"):
                if end in element:
                    self._property(key, end.title(), self._scalar(element["valueType"], element[end], place))
        for member in ("first", "second"):
            if member in element:
                self._property(key, member.title(), values.string(self._reference(element[member], place)))
        for member in ("entityType", "globalAssetId"):
            if member in element:
                self._property(key, member[0].upper() + member[1:], values.string(element[member]))

    def _object(self, key: str, thing: Json, place: str, places: list[tuple[str, str]]) -> None:
        self._node("UAObject", key, thing, place, places, _OBJECT)

    def _variable(self, key: str, thing: Json, place: str, places: list[tuple[str, str]], value: Value) -> None:
        self._node("UAVariable", key, thing, place, places, _VARIABLE, _typed(value), _valued(value))
        if "contentType" in thing:
            self._property(key, "ContentType", values.string(thing["contentType"]))

    def _node(
        self, tag: str, key: str, thing: Json, place: str, places: list[tuple[str, str]], type_: str,
        attributes: str = "", inside: str = "",
    ) -> None:  # fmt: skip
        name = thing.get("idShort") or place.rpartition(" › ")[2]
        links = "".join(f'<Reference ReferenceType="{r}" IsForward="false">{escape(p)}</Reference>' for p, r in places)
        typed = f'<Reference ReferenceType="{_TYPE}">{type_}</Reference>' if type_ else ""
        words = _texts("DisplayName", thing.get("displayName"), name) + _texts("Description", thing.get("description"))
        parent = f" ParentNodeId={quoteattr(places[0][0])}"
        self.nodes.append(
            f"<{tag} NodeId={quoteattr(_node_id(key))} BrowseName={quoteattr(f'1:{name}')}{parent}{attributes}>"
            f"{words}<References>{typed}{links}</References>{inside}</{tag}>\n"
        )
        meaning = references.semantic(thing.get("semanticId"))
        if meaning:
            self._property(key, "SemanticId", values.string(meaning))

    def _property(self, key: str, name: str, value: Value, namespace: int = 1) -> None:
        id_, owner = _node_id(f"{key}/{name}"), _node_id(key)
        browse_name = f"{namespace}:{name}" if namespace else name
        self.nodes.append(
            f"<UAVariable NodeId={quoteattr(id_)} BrowseName={quoteattr(browse_name)} ParentNodeId={quoteattr(owner)}"
            f"{_typed(value)}><DisplayName>{name}</DisplayName><References>"
            f'<Reference ReferenceType="{_TYPE}">{_PROPERTY}</Reference>'
            f'<Reference ReferenceType="{_HAS_PROPERTY}" IsForward="false">{escape(owner)}</Reference>'
            f"</References>{_valued(value)}</UAVariable>\n"
        )

    def _method(self, key: str, operation: Json, place: str, places: list[tuple[str, str]]) -> None:
        """A method with its arguments; nobody answers a call until a server binds it."""
        self._node("UAMethod", key, operation, place, places, "")
        self.losses.add(place, "call", "A file cannot answer calls; a server has to bind the method.")
        for name, lists in (("InputArguments", ("inputVariables", "inoutputVariables")),
                            ("OutputArguments", ("outputVariables", "inoutputVariables"))):  # fmt: skip
            found = [v["value"] for each in lists for v in operation.get(each, ())]
            if found:
                arguments = [(v.get("idShort", "value"), self._argument(v, place)) for v in found]
                self._property(key, name, values.arguments(arguments), namespace=0)

    def _argument(self, variable: Json, place: str) -> int:
        if variable["modelType"] == "Property":
            return values.data_type(variable["valueType"])
        self.losses.add(f"{place}.{variable.get('idShort', '')}", variable["modelType"], "The argument is a string.")
        return values.STRING

    def _scalar(self, value_type: str, lexical: str | None, place: str) -> Value:
        if not values.known(value_type):
            self.losses.add(
                place, value_type, "OPC UA has no such type; it becomes a String, so that no digit is lost."
            )
        found = values.scalar(value_type, lexical)
        if found is None:
            self.losses.add(place, value_type, "The value is none of its type; it becomes a String.")
            return values.string(lexical or "")
        return found

    def _reference(self, reference: Json, place: str) -> str:
        """A model reference as the node id it leads to, any other as its keys."""
        keys = [key["value"] for key in reference["keys"]]
        if reference["type"] == "ModelReference" and reference["keys"][0]["type"] == "Submodel":
            steps = "".join(f"[{v}]" if k["type"] == "SubmodelElementList" else f".{v}"
                            for k, v in zip(reference["keys"], keys[1:], strict=False))  # fmt: skip
            return f"{keys[0]}#{steps.removeprefix('.')}" if steps else keys[0]
        self.losses.add(place, "keys", "The types of the keys are lost; their values are joined with '/'.")
        return "/".join(keys)

    def property_value(self, element: Json, place: str) -> Value:
        return self._scalar(element["valueType"], element.get("value"), place)

    def reference_value(self, element: Json, place: str) -> Value:
        return values.string(self._reference(element["value"], place)) if "value" in element else Value(values.STRING)


_LEAVES: dict[str, Callable[[_Builder, Json, str], Value]] = {
    "Property": _Builder.property_value,
    "MultiLanguageProperty": lambda _, element, __: values.localized(element.get("value", [])),
    "File": lambda _, element, __: values.string(element["value"]) if "value" in element else Value(values.STRING),
    "Blob": lambda _, element, __: values.octets(element["value"]) if "value" in element else Value(values.BYTES),
    "ReferenceElement": _Builder.reference_value,
}


def _node_id(key: str) -> str:
    return f"ns=1;s={key}"


def _typed(value: Value) -> str:
    return f' DataType="i={value.data_type}"' + (' ValueRank="1" ArrayDimensions="0"' if value.array else "")


def _valued(value: Value) -> str:
    return f"<Value>{value.xml}</Value>" if value.xml else ""


def _texts(tag: str, strings: list[Json] | None, otherwise: str = "") -> str:
    if not strings:
        return f"<{tag}>{escape(otherwise)}</{tag}>" if otherwise else ""
    return "".join(f"<{tag} Locale={quoteattr(s['language'])}>{escape(s['text'])}</{tag}>" for s in strings)
