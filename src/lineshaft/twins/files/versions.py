"""Brings an environment of metamodel 3.1 into what a version can hold, and lists what is lost or stays doubtful.

3.0 knows no asset kind Role, no hyphen in an idShort and no idShort in a list, and demands members that 3.1 lets
stand empty. 3.1 wants idShorts of two letters at least. What need not change is shared with the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final, TypeAlias

from .grammar import CHILDREN, CLASSES, What
from .report import Report

Json: TypeAlias = dict[str, Any]
VERSIONS: Final = ("3.0", "3.1")
_ID_SHORT_31 = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*[a-zA-Z0-9_]")
_CATEGORIES: Final = frozenset({"CONSTANT", "PARAMETER", "VARIABLE"})
_DATA: Final = frozenset({"Property", "MultiLanguageProperty", "Range", "Blob", "File", "ReferenceElement"})
_VARIABLES: Final = ("inputVariables", "outputVariables", "inoutputVariables")


def fit(environment: Json, version: str, report: Report) -> Json:
    """The environment as `version` writes it; `report` gets a finding per loss."""
    fitted = (_Lowering(report) if version == "3.0" else _Judging(report)).environment(environment)
    return {name: items for name, items in fitted.items() if items}


class _Walk:
    """Goes through shells, concepts and every element, with the path of each."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def environment(self, environment: Json) -> Json:
        return {name: [self.identifiable(item) for item in items] for name, items in environment.items()}

    def identifiable(self, item: Json) -> Json:
        path = item["id"]
        item = self.top(item, path)
        return self._below(item, path, f"{path} › ")

    def _below(self, parent: Json, path: str, base: str) -> Json:
        slot = CHILDREN.get(parent["modelType"])
        if parent["modelType"] == "Operation":
            return self._operation(parent, path)
        items = parent.get(slot) if slot else None
        if not slot or not items:
            return parent
        in_list = parent["modelType"] == "SubmodelElementList"
        names = {item.get("idShort") for item in items}
        made = [self._element(item, base, i, in_list, names) for i, item in enumerate(items)]
        if all(a is b for a, b in zip(made, items, strict=True)):
            return parent
        return {**parent, slot: [item for item in made if item is not None]}

    def _element(self, item: Json, base: str, at: int, in_list: bool, names: set[str | None]) -> Json | None:
        path = f"{base}[{at}]" if in_list else f"{base}{item.get('idShort', f'[{at}]')}"
        made = self.element(item, path, in_list, names)
        below = path if item["modelType"] == "SubmodelElementList" else f"{path}."
        return None if made is None else self._below(made, path, below)

    def _operation(self, operation: Json, path: str) -> Json:
        made = dict(operation)
        for name in _VARIABLES:
            for at, variable in enumerate(operation.get(name, ())):
                value = self._element(variable["value"], f"{path}.{name}.", at, False, set())
                if value is not variable["value"]:
                    made[name] = [*made[name]]
                    made[name][at] = {"value": value} if value else None
            if name in made and None in made[name]:
                made[name] = [v for v in made[name] if v]
        return made

    def top(self, item: Json, path: str) -> Json:
        """A shell, submodel or concept description, without what is below."""
        raise NotImplementedError

    def element(self, item: Json, path: str, in_list: bool, names: set[str | None]) -> Json | None:
        """One element without what is below; None when the version cannot hold it."""
        raise NotImplementedError


class _Judging(_Walk):
    """3.1: nothing changes; names that its pattern does not have are told."""

    def top(self, item: Json, path: str) -> Json:
        return self._named(item, path)

    def element(self, item: Json, path: str, in_list: bool, names: set[str | None]) -> Json | None:
        return self._named(item, path)

    def _named(self, item: Json, path: str) -> Json:
        name = item.get("idShort")
        if name is not None and not _ID_SHORT_31.fullmatch(name):
            self.report.add("AASd-002", path, "3.1 has no such idShort; it is written as it is.", name)
        return item


class _Lowering(_Walk):
    """3.1 to 3.0."""

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self._renamed: dict[str, list[tuple[str, str]]] = {}

    def environment(self, environment: Json) -> Json:
        made = super().environment(environment)
        return _References(made, self._renamed).rewritten() if self._renamed else made

    def top(self, item: Json, path: str) -> Json:
        made = self._named(item, path, set())
        information = item.get("assetInformation", {})
        if information.get("assetKind") == "Role":
            self.report.add("AssetKind", path, "3.0 has no kind Role; it becomes NotApplicable.", "Role")
            made = {**made, "assetInformation": {**information, "assetKind": "NotApplicable"}}
        if len(item["id"]) > 2000:
            self.report.add("Identifier", path, "3.0 ends identifiers at 2000 characters; it is written as it is.")
        return self._specified(made, path)

    def element(self, item: Json, path: str, in_list: bool, names: set[str | None]) -> Json | None:
        made: Json | None = self._unnamed(item, path) if in_list else self._named(item, path, names)
        if made is not None and item["modelType"] in _DATA:
            made = self._categorised(made, path)
        demand = _DEMANDS.get(item["modelType"])
        if demand and made is not None:
            made = demand(made, path, self.report)
        return made and self._specified(made, path)

    def _unnamed(self, item: Json, path: str) -> Json:
        if "idShort" not in item:
            return item
        self.report.add("AASd-120", path, "3.0 has no idShort in a list; it is left out.", item["idShort"],
                        left_out=True)  # fmt: skip
        return {name: value for name, value in item.items() if name != "idShort"}

    def _named(self, item: Json, path: str, names: set[str | None]) -> Json:
        name = item.get("idShort")
        if name is None or "-" not in name:
            return item
        new = name.replace("-", "_")
        while new in names:
            new += "_"
        names.add(new)
        self.report.add("AASd-002", path, f"3.0 has no hyphen in an idShort; it becomes {new}.", name)
        self._renamed.setdefault(name, []).append((path, new))
        return {**item, "idShort": new}

    def _categorised(self, item: Json, path: str) -> Json:
        if item.get("category", "CONSTANT") in _CATEGORIES:
            return item
        self.report.add("AASd-090", path, "3.0 has no such category of a data element; it is left out.",
                        item["category"], left_out=True)  # fmt: skip
        return {name: value for name, value in item.items() if name != "category"}

    def _specified(self, item: Json, path: str) -> Json:
        """Value lists of 3.0 name a valueId for each value."""
        for at, embedded in enumerate(item.get("embeddedDataSpecifications", ())):
            content = embedded["dataSpecificationContent"]
            pairs = content.get("valueList", {}).get("valueReferencePairs", ())
            kept = [pair for pair in pairs if "valueId" in pair]
            if len(kept) == len(pairs):
                continue
            self.report.add("ValueReferencePair", path, "3.0 demands a valueId for each value; those without are "
                            "left out.", f"{len(pairs) - len(kept)} values", left_out=True)  # fmt: skip
            content = {**content, "valueList": {"valueReferencePairs": kept}}
            if not kept:
                del content["valueList"]
            specifications = [*item["embeddedDataSpecifications"]]
            specifications[at] = {**embedded, "dataSpecificationContent": content}
            item = {**item, "embeddedDataSpecifications": specifications}
        return item


def _with_entity_type(item: Json, path: str, report: Report) -> Json | None:
    if "entityType" in item:
        return item
    own = "globalAssetId" in item or "specificAssetIds" in item
    type_ = "SelfManagedEntity" if own else "CoManagedEntity"
    report.add("Entity", path, f"3.0 demands an entityType; {type_} is written, as AASd-014 says of its asset ids.")
    return {**item, "entityType": type_}


def _with_content_type(item: Json, path: str, report: Report) -> Json | None:
    if "contentType" in item:
        if len(item["contentType"]) > 100:
            report.add("ContentType", path, "3.0 ends content types at 100 characters; it is written as it is.")
        return item
    report.add("ContentType", path, "3.0 demands a contentType; application/octet-stream is written.")
    return {**item, "contentType": "application/octet-stream"}


def _with_both_ends(item: Json, path: str, report: Report) -> Json | None:
    if "first" in item and "second" in item:
        return item
    report.add("RelationshipElement", path, "3.0 demands first and second; the element is left out.", left_out=True)
    return None


_DEMANDS: dict[str, Callable[[Json, str, Report], Json | None]] = {
    "Entity": _with_entity_type, "File": _with_content_type, "Blob": _with_content_type,
    "RelationshipElement": _with_both_ends, "AnnotatedRelationshipElement": _with_both_ends,
}  # fmt: skip


class _References:
    """Model references follow the elements that were renamed."""

    def __init__(self, environment: Json, renamed: dict[str, list[tuple[str, str]]]) -> None:
        self._environment = environment
        self._new = {path: new for spots in renamed.values() for path, new in spots}

    def rewritten(self) -> Json:
        return {
            name: [self._object("", item, item["modelType"]) for item in items]
            for name, items in self._environment.items()
        }

    def _object(self, _name: str, obj: Json, class_: str) -> Json:
        class_ = obj.get("modelType", class_)
        if class_ == "Reference":
            return self._reference(obj)
        made = obj
        for name, member in CLASSES[class_].items():
            if member.what < What.OBJECT or name not in obj:
                continue
            old = obj[name]
            new: Any
            if member.what is What.LIST:
                new = [self._object(name, item, member.of) for item in old]
                changed = any(a is not b for a, b in zip(new, old, strict=True))
            else:
                new = self._object(name, old, member.of)
                changed = new is not old
            if changed:
                made = {**made, name: new}
        return made

    def _reference(self, reference: Json) -> Json:
        keys = reference["keys"]
        if reference["type"] != "ModelReference" or len(keys) < 2:
            return reference
        made, path, sep = [keys[0]], keys[0]["value"], " › "
        for before, key in pairwise(keys):
            in_list = before["type"] == "SubmodelElementList"
            path += f"[{key['value']}]" if in_list else f"{sep}{key['value']}"
            sep = "."
            new = self._new.get(path)
            made.append({**key, "value": new} if new else key)
        return {**reference, "keys": made} if made != keys else reference
