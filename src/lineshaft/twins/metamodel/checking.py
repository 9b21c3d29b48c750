"""Checks documents against the constraints of metamodel 3.1, through `aas-core3.1`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from aas_core3_1 import jsonization, verification

from .kinds import ELEMENTS, LIST, SLOTS, SUBMODEL, Json, children, kind_of
from .paths import DEEPEST, step_to, walk

_READERS: dict[str, Callable[[Any], Any]] = {
    "AssetAdministrationShell": jsonization.asset_administration_shell_from_jsonable,
    SUBMODEL: jsonization.submodel_from_jsonable,
    "ConceptDescription": jsonization.concept_description_from_jsonable,
    "AssetInformation": jsonization.asset_information_from_jsonable,
    "Reference": jsonization.reference_from_jsonable,
    "SpecificAssetId": jsonization.specific_asset_id_from_jsonable,
    **dict.fromkeys(ELEMENTS, jsonization.submodel_element_from_jsonable),
}
_NAMED = re.compile(r"^Constraint (AAS[a-z0-9]*-[a-z0-9-]+): (.*)$", re.DOTALL)
_NAMES = (("ID-shorts need", "AASd-117"), ("ID-shorts of", "AASd-022"), ("ID-short of Referables", "AASd-002"))
"""Constraints the library checks without naming them, by how it begins to tell."""
_UNIQUE = "AASd-022"
_STEP = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]")
MOST = 100
"""Findings told of one document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: where, why, and what stood there."""

    constraint: str
    """Such as 'AASd-022'; '' for the shape itself."""
    path: str
    message: str
    value: str = ""


def check(document: Json, kind: str = "", *, most: int = MOST) -> list[Finding]:
    """What is wrong with a shell, submodel, concept description, element or part; nothing when it is right.

    `kind` names what it must be when `modelType` does not say; `path` of a finding in a submodel is an idShortPath
    with the attribute behind '/'.
    """
    wanted = kind or kind_of(document)
    read = _READERS.get(wanted)
    if read is None:
        return [Finding(constraint="", path="modelType", message=f"{wanted!r} is not a kind we know")]
    if _too_deep(document):
        return [Finding(constraint="", path="", message=f"elements are nested deeper than {DEEPEST} levels")]
    try:
        thing = read(document)
    except jsonization.DeserializationException as error:
        return [_finding(document, str(error.path), str(error.cause))]
    except (RecursionError, ValueError, TypeError, AttributeError, OverflowError) as error:
        return [Finding(constraint="", path="", message=f"it cannot be read ({type(error).__name__})")]
    told = (_finding(document, str(error.path), error.cause) for error in verification.verify(thing))
    twice = list(_twice(document))
    rest = (one for one in told if one.constraint != _UNIQUE or one.path not in {there for there, _ in twice})
    return list(islice(chain((one for _, one in twice), rest), most))


def _twice(document: Json) -> Iterator[tuple[str, Finding]]:
    """Equal idShorts of siblings, with the path of their parent; the library says of some where, and of none which."""
    for path, parent in [("", document), *walk(document)]:
        if kind_of(parent) in SLOTS and kind_of(parent) != LIST:
            names = Counter(child.get("idShort") for child in children(parent) if isinstance(child, dict))
            for name in (str(name) for name, count in names.items() if name is not None and count > 1):
                there = f"{path}.{name}" if path else name
                yield (
                    path,
                    Finding(constraint=_UNIQUE, path=there, message="an idShort stands only once among siblings"),
                )


def _too_deep(document: Json) -> bool:
    level = [document]
    for _ in range(DEEPEST + 1):
        level = [child for one in level for child in children(one) if isinstance(child, dict)]
        if not level:
            return False
    return True


def _finding(document: Json, path: str, cause: str) -> Finding:
    named = _NAMED.match(cause)
    constraint = named[1] if named else next((name for start, name in _NAMES if cause.startswith(start)), "")
    place, value = _told(document, path)
    if isinstance(value, dict):
        value = value.get("value")
    shown = str(value)[:200] if isinstance(value, str | int | float) else ""
    return Finding(constraint=constraint, path=place, message=(named[2] if named else cause)[:500], value=shown)


def _told(document: Json, path: str) -> tuple[str, Any]:
    """A path of the library as idShortPath and attribute, with what stands there."""
    here: Any = document
    elements, attributes = "", ""
    parent: Json | None = None
    for name, index in _steps(path):
        if index is None:
            key = _camel(name)
            parent = here if isinstance(here, dict) else None
            here = here.get(key) if isinstance(here, dict) else None
            attributes += f"/{key}"
        else:
            here = here[index] if isinstance(here, list) and index < len(here) else None
            is_child = parent is not None and isinstance(here, dict) and children(parent)[index : index + 1] == [here]
            if is_child and parent is not None:
                elements, attributes = step_to(elements, parent, index, here), ""
            else:
                attributes += f"/{index}"
    return (elements + attributes if elements else attributes.removeprefix("/")), here


def _steps(path: str) -> Iterator[tuple[str, int | None]]:
    for found in _STEP.finditer(path):
        yield (found[1], None) if found[1] else ("", int(found[2]))


def _camel(name: str) -> str:
    """Verification says `submodel_elements`, reading says `submodelElements`."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
