"""The kinds of submodel elements, and where the children of each live (IDTA-01001 3.1, clause 5.3.7).

Submodel                                     submodelElements
SubmodelElementCollection, -List             value
Entity                                       statements
AnnotatedRelationshipElement                 annotations
"""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

SUBMODEL = "Submodel"
COLLECTION = "SubmodelElementCollection"
LIST = "SubmodelElementList"
ENTITY = "Entity"
ANNOTATED = "AnnotatedRelationshipElement"
RELATIONSHIP = "RelationshipElement"
PROPERTY = "Property"
MULTI_LANGUAGE = "MultiLanguageProperty"
RANGE = "Range"
REFERENCE = "ReferenceElement"
BLOB = "Blob"
FILE = "File"
EVENT = "BasicEventElement"
CAPABILITY = "Capability"
OPERATION = "Operation"

ELEMENTS = (
    COLLECTION, LIST, ENTITY, EVENT, CAPABILITY, OPERATION, PROPERTY, MULTI_LANGUAGE, RANGE, REFERENCE, RELATIONSHIP,
    ANNOTATED, BLOB, FILE,
)  # fmt: skip
"""All concrete kinds; the store numbers them by their place here, so new ones go to the end."""
SLOTS = {
    SUBMODEL: "submodelElements", COLLECTION: "value", LIST: "value", ENTITY: "statements", ANNOTATED: "annotations",
}  # fmt: skip
"""Kind -> the attribute that holds its children."""
VALUELESS = frozenset({CAPABILITY, OPERATION})
"""Have no value-only form."""
LEVELLED = frozenset({SUBMODEL, COLLECTION, LIST, ENTITY})
"""What `level` applies to, and what has a `$path` form."""


def kind_of(element: Json) -> str:
    """The `modelType`; '' for what has none."""
    kind = element.get("modelType", "")
    return kind if isinstance(kind, str) else ""


def children(element: Json) -> list[Json]:
    """The elements right below, in order."""
    slot = SLOTS.get(kind_of(element))
    found = element.get(slot) if slot else None
    return found if isinstance(found, list) else []
