"""What the tables hold of one document, worked out before any transaction begins."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.metamodel.references import raw_target, semantic, semantics
from lineshaft.twins.model.repository import Json, Kind

from .bound import MARK, Bound, bound_of
from .elements import FILE_MODEL as FILE
from .elements import SEMANTIC_MOST, Row, elements_of
from .relations import TELLING, Relation, relations_of

CASE, SPECIFICATION, HOLDS = "#case", "#specification", "#shell"
"""Marks in the path of `twins_semantics`: what a concept description is a case of, its data specifications,
and the shells in a package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A document with everything it is found by."""

    kind: Kind
    id: str
    place: PlantPath
    document: Json
    body: bytes
    digest: str
    elements: list[Row]
    meanings: list[tuple[str, str]]
    links: list[tuple[str, str]]
    relations: list[Relation]
    bound: list[Bound]
    files: list[str]
    """Values of File elements, and the path of a thumbnail: the names under which contents are attached."""

    def columns(self) -> dict[str, Any]:
        """The columns of `twins_documents` that follow from the document."""
        asset = self.document.get("assetInformation") or self.document
        return {
            "kind": int(self.kind),
            "id": self.id,
            "id_short": str(self.document.get("idShort") or "")[:128],
            "place": str(self.place),
            "semantic": semantic(self.document.get("semanticId"))[:SEMANTIC_MOST],
            "asset_kind": str(asset.get("assetKind") or "")[:16],
            "asset_type": str(asset.get("assetType") or ""),
            "template": self.document.get("kind") == "Template",
            "body": self.body,
            "digest": self.digest,
        }


def packed(document: Json) -> bytes:
    """The canonical bytes of a document."""
    return orjson.dumps(document)


def digest_of(body: bytes) -> str:
    """What an ETag is made of."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def entry_of(kind: Kind, document: Json, place: PlantPath) -> Entry:
    """Everything the tables will hold of a document."""
    body = packed(document)
    rows, meanings = elements_of(document) if kind is Kind.SUBMODEL else ([], _meanings(kind, document))
    return Entry(
        kind=kind,
        id=document["id"],
        place=place,
        document=document,
        body=body,
        digest=digest_of(body),
        elements=rows,
        meanings=meanings,
        links=links_of(document) if kind is Kind.SHELL else [],
        relations=relations_of(kind, document) if kind is not Kind.SUBMODEL or _tells(rows) else [],
        bound=bound_of(document) if kind is Kind.SUBMODEL and MARK in body else [],
        files=[row[6] for row in rows if row[2] == FILE and row[6]] if rows else _thumbnail(kind, document),
    )


def _tells(rows: list[Row]) -> bool:
    """Whether any element states an edge; most submodels have none, and are not walked through for it."""
    return not TELLING.isdisjoint(row[2] for row in rows)


def _meanings(kind: Kind, document: Json) -> list[tuple[str, str]]:
    found = [(text, "") for text in semantics(document)]
    if kind is Kind.CONCEPT:
        found += [(semantic(one), CASE) for one in document.get("isCaseOf") or ()]
        specified = document.get("embeddedDataSpecifications") or ()
        found += [(semantic(one.get("dataSpecification")), SPECIFICATION) for one in specified]
    elif kind is Kind.PACKAGE:
        found += [(one, HOLDS) for one in document.get("aasIds") or ()]
    return list(dict.fromkeys((text[:SEMANTIC_MOST], mark) for text, mark in found if text))


def links_of(shell: Json) -> list[tuple[str, str]]:
    """The asset ids by which a shell is found; the global one goes by the name `globalAssetId`."""
    asset = shell.get("assetInformation") or {}
    found = [("globalAssetId", asset["globalAssetId"])] if asset.get("globalAssetId") else []
    found += [(one.get("name", ""), one.get("value", "")) for one in asset.get("specificAssetIds") or ()]
    return list(dict.fromkeys((str(name)[:64], str(value)) for name, value in found if name and value))


def submodels_of(shell: Json) -> list[str]:
    """Ids of the submodels a shell refers to."""
    return [text for text in map(raw_target, shell.get("submodels") or ()) if text]


def _thumbnail(kind: Kind, document: Json) -> list[str]:
    asset = document.get("assetInformation") if kind is Kind.SHELL else None
    path = ((asset or {}).get("defaultThumbnail") or {}).get("path")
    return [path] if path else []
