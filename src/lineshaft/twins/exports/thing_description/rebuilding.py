"""Things as submodels again: the same tree, with types and meanings as the template has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lineshaft.twins.metamodel.kinds import Json

from .terms import LEXICAL, RANGES, SCHEMES, SUBMODEL, TYPES, id_short, meaning, reference

_TOP = ("title", "created", "modified", "support")
_KNOWN = frozenset({*_TOP, "@context", "id", "@type", "security", "securityDefinitions", "properties", "actions",
                    "events", "links", "aid:contentType"})  # fmt: skip


def submodels_of(things: Sequence[Json]) -> list[Json]:
    """The interface descriptions that things came from: one submodel for each id before the '#'."""
    found: dict[str, Json] = {}
    for thing in things:
        id_, _, name = str(thing.get("id") or f"urn:things#{thing['title']}").rpartition("#")
        key = {"type": "Submodel", "value": SUBMODEL}
        submodel = found.setdefault(
            id_, {"modelType": "Submodel", "id": id_, "idShort": "AssetInterfacesDescription",
                  "semanticId": {"type": "ModelReference", "keys": [key]}, "submodelElements": []}
        )  # fmt: skip
        submodel["submodelElements"].append(_interface(thing, id_, name))
    return list(found.values())


def _interface(thing: Json, submodel: str, name: str) -> Json:
    here = [("Submodel", submodel), ("SubmodelElementCollection", name)]
    endpoint = [
        *[leaf(id_short(n), thing[n]) for n in thing if n not in _KNOWN],
        *([leaf("contentType", thing["aid:contentType"])] if "aid:contentType" in thing else []),
        _security(thing.get("security", ()), here),
        collection("securityDefinitions", [_scheme(n, s) for n, s in thing["securityDefinitions"].items()]),
    ]
    interactions = [collection(n, [], keep=True) for n in ("actions", "events") if n in thing]
    if "properties" in thing:
        interactions.append(collection("properties", [_property(n, p, here) for n, p in thing["properties"].items()]))
    parts = [leaf(n, thing[n]) for n in _TOP if n in thing]
    parts += [collection("EndpointMetadata", endpoint), collection("InteractionMetadata", interactions)]
    if "links" in thing:
        parts.append(collection("ExternalDescriptor", [_file(link) for link in thing["links"]]))
    types = thing.get("@type", [])
    means = [reference(type_) for type_ in ([types] if isinstance(types, str) else types)]
    made = {"modelType": "SubmodelElementCollection", "idShort": name, "value": parts}
    return {
        **made, **({"semanticId": means[0]} if means else {}),
        **({"supplementalSemanticIds": means[1:]} if means[1:] else {}),
    }  # fmt: skip


def leaf(name: str, value: Any, term: str = "", type_: str = "") -> Json:
    """JSON as an element: scalars as properties, objects as collections, arrays as lists."""
    means = meaning(term or name)
    if isinstance(value, dict):
        return collection(name, [leaf(id_short(n), v) for n, v in value.items()], term)
    if isinstance(value, list):
        return _list(name, value, term, type_)
    known = type_ or LEXICAL.get(name, "") or _type_of(value)
    return {"modelType": "Property", "idShort": name, **means, "valueType": known, "value": _lexical(value)}


def collection(name: str, elements: list[Json], term: str = "", *, keep: bool = False) -> Json:
    made = {"modelType": "SubmodelElementCollection", "idShort": name, **meaning(term or name)}
    return {**made, "value": elements} if elements and not keep else made


def _list(name: str, values: list[Any], term: str, type_: str) -> Json:
    items = [{n: v for n, v in leaf("", value, "-", type_).items() if n != "idShort"} for value in values]
    kind = items[0]["modelType"] if items else "SubmodelElementCollection"
    typed = {"valueTypeListElement": items[0]["valueType"]} if kind == "Property" else {}
    return {
        "modelType": "SubmodelElementList", "idShort": name, **meaning(term or name), "typeValueListElement": kind,
        **typed, "value": items,
    }  # fmt: skip


def _security(names: Any, here: list[tuple[str, str]]) -> Json:
    """References from where a security is used to where it is defined."""
    path = [*here, ("SubmodelElementCollection", "EndpointMetadata"),
            ("SubmodelElementCollection", "securityDefinitions")]  # fmt: skip
    items = []
    for name in [names] if isinstance(names, str) else names:
        keys = [{"type": t, "value": v} for t, v in [*path, ("SubmodelElementCollection", name)]]
        items.append({"modelType": "ReferenceElement", **meaning("security"),
                      "value": {"type": "ModelReference", "keys": keys}})  # fmt: skip
    return {"modelType": "SubmodelElementList", "idShort": "security", **meaning("security"),
            "typeValueListElement": "ReferenceElement", "value": items}  # fmt: skip


def _scheme(name: str, scheme: Json) -> Json:
    kind = SCHEMES.get(str(scheme.get("scheme")))
    made = collection(name, [_scheme_member(n, v) for n, v in scheme.items()], "-")
    return {**made, "semanticId": reference(f"https://www.w3.org/2019/wot/security#{kind}")} if kind else made


def _scheme_member(name: str, value: Any) -> Json:
    made = leaf(id_short(name), value)
    if name != "scheme" and ":" not in name:
        made["semanticId"] = reference(f"https://www.w3.org/2019/wot/security#{name}")
    return made


def _property(name: str, schema: Json, here: list[tuple[str, str]]) -> Json:
    made = _schema(name, schema, "property")
    for form in schema.get("forms", [])[:1]:
        terms = [leaf(id_short(n), v) for n, v in form.items() if n != "security" and (n, v) != ("href", "")]
        terms += [_security(form["security"], here)] if "security" in form else []
        made["value"] = [*made.get("value", []), collection("forms", terms)]
    return made


def _schema(name: str, schema: Json, term: str) -> Json:
    """A data schema as a collection; `aid:idShort` says what it is called when its key is no idShort."""
    type_ = TYPES.get(schema.get("type", ""), "")
    parts = [leaf("key", name)] if "aid:idShort" in schema else []
    if "type" in schema or "aid:type" in schema:
        parts.append(leaf("type", schema.get("aid:type", schema.get("type"))))
    parts += [leaf(n, schema[n]) for n in ("title", "observable", "unit") if n in schema]
    parts += [leaf(n, schema[n], type_=type_) for n in ("const", "enum", "default") if n in schema]
    parts += [_range(n, ends, schema, type_) for n, ends in RANGES.items() if set(ends) & schema.keys()]
    if "@type" in schema:
        parts.append({"modelType": "ReferenceElement", "idShort": "valueSemantics", **meaning("valueSemantics"),
                      "value": reference(schema["@type"])})  # fmt: skip
    if "items" in schema:
        parts.append(_schema("items", schema["items"], "items"))
    for below in ("properties", "uriVariables"):
        if below in schema:
            inner = [_schema(n, s, "schema") for n, s in schema[below].items()]
            parts.append(collection(below, inner, "schemas" if below == "properties" else below))
    return collection(schema.get("aid:idShort", name), parts, term)


def _range(name: str, ends: tuple[str, str], schema: Json, type_: str) -> Json:
    kind = (type_ or "xs:double") if name == "min_max" else "xs:unsignedInt"
    found = {end: _number(schema[term], kind) for end, term in zip(("min", "max"), ends, strict=True) if term in schema}
    return {"modelType": "Range", "idShort": name, **meaning(name), "valueType": kind, **found}


def _number(value: float, type_: str) -> str:
    return str(float(value)) if type_ == "xs:double" else str(value)


def _file(link: Json) -> Json:
    made = {"modelType": "File", "idShort": link.get("aid:idShort", "descriptor"), **meaning("descriptor")}
    return {**made, "value": link["href"], **({"contentType": link["type"]} if "type" in link else {})}


def _type_of(value: Any) -> str:
    kinds = {bool: "xs:boolean", int: "xs:integer", float: "xs:double"}
    return kinds.get(type(value), "xs:string")


def _lexical(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
