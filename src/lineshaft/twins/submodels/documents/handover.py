"""Documents handed over with a product: what a submodel of 02004 lists, and new documents and versions for it.

Classes are those of VDI 2770 sheet 1:2020, table 1; a document is of one class at least.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lineshaft.twins.metamodel.kinds import Json, children
from lineshaft.twins.metamodel.paths import add, find
from lineshaft.twins.submodels.building import new
from lineshaft.twins.submodels.errors import BadSubmodel
from lineshaft.twins.submodels.sheet import Line, entered, sheet
from lineshaft.twins.submodels.tables import template

SYSTEM = "VDI 2770 Blatt 1:2020"
CLASSES = {
    "01-01": "Identification",
    "02-01": "Technical specification",
    "02-02": "Drawings, plans",
    "02-03": "Assemblies",
    "02-04": "Certificates, declarations",
    "03-01": "Commissioning, decommissioning",
    "03-02": "Operation",
    "03-03": "General safety",
    "03-04": "Inspection, maintenance, testing",
    "03-05": "Repair",
    "03-06": "Spare parts",
    "04-01": "Contract documents",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One version of a document; `files` are the paths of its File elements with what they name."""

    document: str
    """The path of the document it is a version of."""
    path: str
    title: dict[str, str]
    version: str
    day: str = ""
    status: str = ""
    languages: tuple[str, ...] = ()
    class_id: str = ""
    class_name: dict[str, str] = field(default_factory=dict)
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What is said of a document that is handed over."""

    title: dict[str, str]
    class_id: str
    version: str
    language: str
    day: date
    issuer: str
    identifier: str


def editions_of(submodel: Json) -> list[Edition]:
    """Every version of every document, the newest of each document last."""
    top = sheet(submodel, template("documents"))
    return [edition for document in _entries(top, "Documents") for edition in _editions(document)]


def _editions(document: Line) -> Iterator[Edition]:
    kind = next(iter(_entries(document, "DocumentClassifications")), None)
    for one in _entries(document, "DocumentVersions"):
        yield Edition(
            document=document.path,
            path=one.path,
            title=_value(one, "Title") or {},
            version=_value(one, "Version") or "",
            day=_value(one, "StatusSetDate") or "",
            status=_value(one, "StatusValue") or "",
            languages=tuple(str(entered(line.said) or "") for line in _entries(one, "Language")),
            class_id=(_value(kind, "ClassId") if kind else "") or "",
            class_name=(_value(kind, "ClassName") if kind else {}) or {},
            files=tuple((line.path, str(line.said.get("value") or "")) for line in _entries(one, "DigitalFiles")),
        )


def _entries(parent: Line, name: str) -> tuple[Line, ...]:
    return next((one.lines for one in parent.lines if one.element.name == name), ())


def _value(parent: Line, name: str) -> Any:
    return next((entered(one.said) for one in parent.lines if one.element.name == name), None)


def first(id_: str, handed: Handed) -> Json:
    """A submodel with one document."""
    return new(template("documents"), id_, values=_values(handed))


def with_document(submodel: Json, handed: Handed) -> str:
    """Put another document into a submodel; returns the path of its file."""
    listed = _listed(submodel)
    path = add(submodel, listed.path, _entry(handed))
    return f"{path}.DocumentVersions[0].DigitalFiles[0]"


def with_edition(submodel: Json, document: str, handed: Handed) -> str:
    """Put another version into a document; returns the path of its file."""
    versions = next(
        (one for one in children(find(submodel, document)) if one.get("idShort") == "DocumentVersions"), None
    )
    if versions is None:
        raise BadSubmodel(f"{document} has no list of versions.", hint="Add DocumentVersions to it first.")
    made = next(one for one in children(_entry(handed)) if one.get("idShort") == "DocumentVersions")
    return f"{add(submodel, f'{document}.DocumentVersions', children(made)[0])}.DigitalFiles[0]"


def _listed(submodel: Json) -> Line:
    found = [one for one in sheet(submodel, template("documents")).lines if one.element.name == "Documents"]
    if not found:
        raise BadSubmodel("The submodel has no list of documents.", hint="Version 2 of IDTA 02004 has one.")
    return found[0]


def _entry(handed: Handed) -> Json:
    return children(first("urn:one", handed)["submodelElements"][0])[0]


def _values(handed: Handed) -> dict[str, Any]:
    document, edition = "Documents[0]", "Documents[0].DocumentVersions[0]"
    return {
        f"{document}.DocumentIds[0].DocumentDomainId": handed.issuer,
        f"{document}.DocumentIds[0].DocumentIdentifier": handed.identifier,
        f"{document}.DocumentClassifications[0].ClassId": handed.class_id,
        f"{document}.DocumentClassifications[0].ClassName": {"en": CLASSES[handed.class_id]},
        f"{document}.DocumentClassifications[0].ClassificationSystem": SYSTEM,
        f"{edition}.Language[0]": handed.language,
        f"{edition}.Version": handed.version,
        f"{edition}.Title": handed.title,
        f"{edition}.Description": handed.title,
        f"{edition}.StatusSetDate": handed.day.isoformat(),
        f"{edition}.StatusValue": "Released",
        f"{edition}.OrganizationShortName": handed.issuer,
        f"{edition}.OrganizationOfficialName": handed.issuer,
    }
