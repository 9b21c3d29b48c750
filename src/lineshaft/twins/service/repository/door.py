"""What every document must be before it is let in: the metamodel's constraints, one sentence for what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.errors import BadDocument, Stale
from lineshaft.twins.metamodel import descriptors
from lineshaft.twins.metamodel.checking import Finding, check
from lineshaft.twins.model.repository import Json, Kind

LIVE = "."
"""Parts the ETag of a document from that of the live values in it."""
LONGEST_ID = 2048
_MODEL_TYPES = {
    Kind.SHELL: "AssetAdministrationShell",
    Kind.SUBMODEL: "Submodel",
    Kind.CONCEPT: "ConceptDescription",
}


def check_document(kind: Kind, document: Any) -> Json:
    """The document itself when it may be kept; BadDocument names every fault."""
    if not isinstance(document, dict):
        raise BadDocument(f"A {kind.words} is one JSON object, not {type(document).__name__}.")
    told: Json = document
    named(kind, told)
    wanted = _MODEL_TYPES.get(kind)
    if wanted is None:
        _check_descriptor(kind, told)
        return told
    if told.get("modelType", wanted) != wanted:
        raise BadDocument(f"The modelType of a {kind.words} is {wanted}, not {str(told['modelType'])[:80]!r}.")
    told = told if "modelType" in told else {"modelType": wanted, **told}
    if findings := check(told, wanted):
        raise BadDocument(_sentence(kind, findings), findings=findings)
    return told


def _check_descriptor(kind: Kind, document: Json) -> None:
    if kind is Kind.PACKAGE:
        return
    if findings := descriptors.findings(document, of_a_shell=kind is Kind.SHELL_DESCRIPTOR):
        raise BadDocument(_sentence(kind, findings), findings=findings)


@contextmanager
def about(number: int, thing: Any) -> Iterator[None]:
    """Let a refusal inside say which of many documents it is about."""
    try:
        yield
    except PlatformError as error:
        id_ = str(thing.get("id", "") if isinstance(thing, dict) else "")[:200]
        error.message = f"Number {number + 1} ({id_ or 'without an id'}): {error.message}"
        raise


def named(kind: Kind, document: Json) -> str:
    """The id of a document; BadDocument without a proper one."""
    id_ = document.get("id")
    if not isinstance(id_, str) or not id_.strip() or len(id_) > LONGEST_ID or "\x00" in id_:
        shown = "" if id_ is None else str(id_)[:80]
        finding = Finding(
            constraint="", path="id", message=f"must be text of 1 to {LONGEST_ID} characters", value=shown
        )
        raise BadDocument(f"The {kind.words} has no proper id.", findings=[finding])
    return id_


def _sentence(kind: Kind, findings: list[Finding]) -> str:
    first = findings[0]
    where = f" at {first.path}" if first.path else ""
    value = f" (there is {first.value!r})" if first.value else ""
    named = f"{first.constraint}: " if first.constraint else ""
    more = f" {len(findings) - 1} more." if len(findings) > 1 else ""
    return f"The {kind.words} is wrong{where}: {named}{first.message.rstrip('.')}{value}.{more}"


def check_match(etag: str, if_match: str) -> None:
    """Stale unless a document's ETag is among those the caller saw; without any nothing is asked.

    Values that are read from series move on while somebody writes, and are not what they write: they do not count.
    """
    if not if_match or if_match.strip() == "*":
        return
    seen = {one.strip().removeprefix("W/").strip('"').partition(LIVE)[0] for one in if_match.split(",")}
    if etag not in seen:
        raise Stale("The document has changed since it was read.")


def step_of(document: Json) -> str:
    """The last part of a submodel's place: its idShort, or what its id makes of one."""
    name = document.get("idShort")
    return name if isinstance(name, str) and name else PlantPath.clean(document["id"].replace("/", "-"))
