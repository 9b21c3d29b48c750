"""An interface of a submodel as a Thing Description."""

from __future__ import annotations

from typing import Any

from lineshaft.twins.metamodel import forms, references
from lineshaft.twins.metamodel.kinds import Json, children

from .terms import NUMBERS, PREFIXES, RANGES, TD, named, term

_TOP = frozenset({"title", "created", "modified", "support"})


def thing(submodel_id: str, interface: Json) -> Json:
    """The Thing Description of one interface; it always has a title and a security, as the standard demands."""
    parts = named(children(interface))
    endpoint = named(children(parts.get("EndpointMetadata", {})))
    made: Json = {
        "@context": [TD, PREFIXES],
        "id": f"{submodel_id}#{interface['idShort']}",
        "@type": references.semantics(interface),
        "title": interface["idShort"],
        **{name: plain(parts[name]) for name in _TOP & parts.keys() if "value" in parts[name]},
    }
    definitions = {n: generic(d) for n, d in named(children(endpoint.get("securityDefinitions", {}))).items()}
    made["securityDefinitions"] = definitions or {"nosec_sc": {"scheme": "nosec"}}
    made["security"] = _security(endpoint, made["securityDefinitions"]) or [next(iter(made["securityDefinitions"]))]
    for name, element in endpoint.items():
        if name not in {"security", "securityDefinitions"} and "value" in element:
            made["aid:contentType" if name == "contentType" else term(name)] = generic(element)
    interactions = named(children(parts.get("InteractionMetadata", {})))
    if "properties" in interactions:
        made["properties"] = dict(_property(p, made) for p in children(interactions["properties"]))
    made.update({name: {} for name in ("actions", "events") if name in interactions})
    links = [_link(file) for file in children(parts.get("ExternalDescriptor", {})) if "value" in file]
    return {**made, "links": links} if links else made


def plain(element: Json) -> Any:
    """A property as JSON."""
    return forms.scalar(element["valueType"], element.get("value"))


def generic(element: Json) -> Any:
    """Protocol terms and security schemes: whatever is below, as JSON."""
    kind = element["modelType"]
    if kind == "SubmodelElementList":
        return [generic(child) for child in children(element)]
    if kind == "ReferenceElement":
        return references.semantic(element.get("value"))
    if kind == "Property":
        return plain(element)
    return {term(n): generic(e) for n, e in named(children(element)).items() if "value" in e}


def _security(parts: dict[str, Json], definitions: Json) -> list[str]:
    """The names of the schemes in use: the last keys of the references."""
    names = [references.semantic(r.get("value")) for r in children(parts.get("security", {}))]
    return [name for name in names if name in definitions]


def _property(element: Json, made: Json) -> tuple[str, Json]:
    """An affordance with one form, which is what an interface description has."""
    parts = named(children(element))
    schema = _schema(element)
    form = named(children(parts.get("forms", {})))
    written = {term(n): generic(e) for n, e in form.items() if n != "security" and "value" in e}
    security = _security(form, made["securityDefinitions"])
    schema["forms"] = [{"href": "", **written, **({"security": security} if security else {})}]
    name = schema.pop("aid:key", None)
    if name is None:
        return element["idShort"], schema
    return str(name), {**schema, "aid:idShort": element["idShort"]}


def _schema(element: Json) -> Json:
    """A data schema; `type` in the words of JSON."""
    parts = named(children(element))
    made: Json = {}
    for name in ("title", "observable", "unit", "const", "default"):
        if "value" in parts.get(name, {}):
            made[name] = plain(parts[name])
    if "value" in parts.get("key", {}):
        made["aid:key"] = parts["key"]["value"]
    if "value" in parts.get("type", {}):
        made.update(_type(str(parts["type"]["value"])))
    if children(parts.get("enum", {})):
        made["enum"] = list(dict.fromkeys(plain(item) for item in children(parts["enum"])))
    for name, ends in RANGES.items():
        made.update(_range(parts[name], ends) if name in parts else {})
    if references.semantic(parts.get("valueSemantics", {}).get("value")):
        made["@type"] = references.semantic(parts["valueSemantics"]["value"])
    if children(parts.get("items", {})):
        made["items"] = _schema(parts["items"])
    for name in ("properties", "uriVariables"):
        if children(parts.get(name, {})):
            made[name] = dict(_named_schema(child) for child in children(parts[name]))
    return made


def _named_schema(element: Json) -> tuple[str, Json]:
    schema = _schema(element)
    name = schema.pop("aid:key", None)
    return (element["idShort"], schema) if name is None else (name, {**schema, "aid:idShort": element["idShort"]})


def _type(word: str) -> Json:
    if word in NUMBERS:
        return {"type": "number", "aid:type": word}
    known = word in {"boolean", "integer", "number", "string", "object", "array", "null"}
    return {"type": word} if known else {"aid:type": word}


def _range(element: Json, ends: tuple[str, str]) -> Json:
    found = {}
    for end, name in zip(("min", "max"), ends, strict=True):
        try:
            found[name] = float(element[end]) if name in {"minimum", "maximum"} else int(element[end])
        except (KeyError, ValueError):
            continue
        if found[name] == int(found[name]):
            found[name] = int(found[name])
    return found


def _link(file: Json) -> Json:
    type_ = {"type": file["contentType"]} if "contentType" in file else {}
    return {"href": file["value"], "rel": "describedby", **type_, "aid:idShort": file["idShort"]}
