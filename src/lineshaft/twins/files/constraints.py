"""The constraints of the metamodel on one object at a time, through `aas-core3.1`, and on elements side by side.

Objects are checked without the elements below them: a submodel of half a million elements never stands in memory
a second time as objects of the checker.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from aas_core3_1 import jsonization, verification
from aas_core3_1 import types as aas

from .report import Report

_READ: dict[str, Callable[[Any], Any]] = {
    "AssetAdministrationShell": jsonization.asset_administration_shell_from_jsonable,
    "Submodel": jsonization.submodel_from_jsonable,
    "ConceptDescription": jsonization.concept_description_from_jsonable,
}
_TYPES = {item.value: item for item in aas.DataTypeDefXSD}
_STEP = re.compile(r"_(\w)")
_VALUE = "Value must be consistent with the value type."
LIGHT: Final = {
    "Property": ("value",), "Range": ("min", "max"), "File": ("value",), "Blob": ("value",),
}  # fmt: skip
"""Members that differ from element to element and are checked by `check_light`, apart from the rest."""


def check_object(class_: str, obj: dict[str, Any], path: str, report: Report) -> bool:
    """Check one object without the elements below it; False when the checker could not even read it."""
    read = _READ.get(class_, jsonization.submodel_element_from_jsonable)
    try:
        known = read(obj)
    except jsonization.DeserializationException as error:
        where = _member_path(str(error.path))
        report.add("structure", f"{path} › {where}", f"{error.cause}; it is left out.", _at(obj, where), left_out=True)
        return False
    for wrong in verification.verify(known):
        where = _member_path(str(wrong.path))
        report.cite(f"{path} › {where}" if where else path, wrong.cause, _at(obj, where) if where else "")
    return True


def light_is_right(kind: str, obj: dict[str, Any]) -> bool:
    """Whether the id and the light members are beyond doubt; when not, `check_object` says what is wrong."""
    name = obj.get("idShort", "Aa")
    if not (type(name) is str and len(name) <= 128 and verification.matches_id_short(name)):
        return False
    for member in LIGHT.get(kind, ()):
        if member in obj and not (type(obj[member]) is str and _LIGHT[kind](obj[member], obj)):
            return False
    return True


def _typed(value: str, obj: dict[str, Any]) -> bool:
    type_ = obj["valueType"]
    if type_ == "xs:string":
        return value.isprintable() or verification.matches_xml_serializable_string(value)
    return verification.value_consistent_with_xsd_type(value, _TYPES[type_])


def _path(value: str, _obj: dict[str, Any]) -> bool:
    return next(verification.verify_path_type(value), None) is None


def _base64(_value: str, _obj: dict[str, Any]) -> bool:
    return False


_LIGHT: dict[str, Callable[[str, dict[str, Any]], bool]] = {
    "Property": _typed, "Range": _typed, "File": _path, "Blob": _base64,
}  # fmt: skip


def check_siblings(children: list[dict[str, Any]], path: str, report: Report) -> None:
    """Children of anything but a list: each has an idShort of its own (AASd-117, AASd-022)."""
    names = [child.get("idShort") for child in children]
    if len(set(names)) == len(names) and None not in names:
        return
    for name, count in Counter(names).items():
        if name is None:
            report.add("AASd-117", path, "Every element that is not in a list needs an idShort.", f"{count} without")
        elif count > 1:
            report.add("AASd-022", path, f"{count} elements side by side have the same idShort.", name)


def check_list(list_: dict[str, Any], children: list[dict[str, Any]], path: str, report: Report) -> None:
    """Items of a list are of the kind, value type and meaning the list says (AASd-107, -108, -109, -114)."""
    kind, type_ = list_["typeValueListElement"], list_.get("valueTypeListElement")
    alike = _ABSTRACT.get(kind, frozenset({kind}))
    meanings = [_keys(child["semanticId"]) for child in children if "semanticId" in child]
    wanted = list_.get("semanticIdListElement")
    if any(child["modelType"] not in alike for child in children):
        report.add("AASd-108", path, "Items are not all of the kind in typeValueListElement.", kind)
    if kind in {"Property", "Range"} and (type_ is None or any(child.get("valueType") != type_ for child in children)):
        report.add("AASd-109", path, "Items are not all of the type in valueTypeListElement.", type_ or "none")
    if wanted is not None and any(m != _keys(wanted) for m in meanings):
        report.add("AASd-107", path, "An item has another semanticId than semanticIdListElement.", _last(wanted))
    if len(set(meanings)) > 1:
        report.add("AASd-114", path, "Items have different semanticIds.", f"{len(set(meanings))} of them")


def check_template(submodel: dict[str, Any], path: str, report: Report) -> None:
    """Template qualifiers stand on elements of templates only (AASd-129)."""
    if submodel.get("kind") == "Template":
        return
    for child in submodel.get("submodelElements", ()):
        if any(q.get("kind") == "TemplateQualifier" for q in child.get("qualifiers", ())):
            name = child.get("idShort", "")
            report.add("AASd-129", f"{path} › {name}", "A template qualifier stands in a submodel that is no template.")


_DATA = frozenset({"Property", "MultiLanguageProperty", "Range", "Blob", "File", "ReferenceElement"})
_ABSTRACT = {
    "DataElement": _DATA,
    "EventElement": frozenset({"BasicEventElement"}),
    "RelationshipElement": frozenset({"RelationshipElement", "AnnotatedRelationshipElement"}),
    "SubmodelElement": _DATA | {
        "RelationshipElement", "AnnotatedRelationshipElement", "SubmodelElementCollection", "SubmodelElementList",
        "Entity", "BasicEventElement", "Operation", "Capability",
    },
}  # fmt: skip


def _keys(reference: dict[str, Any]) -> tuple[str, ...]:
    return tuple(key["value"] for key in reference["keys"])


def _last(reference: dict[str, Any]) -> str:
    keys = _keys(reference)
    return keys[-1] if keys else ""


def _member_path(path: str) -> str:
    return _STEP.sub(lambda found: found[1].upper(), path.lstrip("."))


def _at(obj: Any, where: str) -> object:
    """What stands at `semanticId.keys[0].value`."""
    for step in re.findall(r"[^.\[\]]+", where):
        try:
            obj = obj[int(step) if isinstance(obj, list) else step]
        except (KeyError, IndexError, TypeError, ValueError):
            return ""
    return obj if isinstance(obj, str | int | float) else ""
