"""What every document must be before it is let in: the metamodel's constraints, one sentence for what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.errors import BadDocument, Stale
from lineshaft.twins.metamodel import descriptors
from lineshaft.twins.metamodel.checking import MOST, Finding, check
from lineshaft.twins.metamodel.tidying import tidy
from lineshaft.twins.model.repository import Json, Kind

LIVE = "."
"""Parts the ETag of a document from that of the live values in it."""
LONGEST_ID = 2048
_ALL = 100_000
"""Findings of one document that are compared with those it had before."""
_MODEL_TYPES = {
    Kind.SHELL: "AssetAdministrationShell",
    Kind.SUBMODEL: "Submodel",
    Kind.CONCEPT: "ConceptDescription",
}


def check_document(kind: Kind, document: Any, before: Json | None = None) -> Json:
    """The document, tidied, when it may be kept; BadDocument names every fault.

    Faults that stood in it `before`, because a file was taken in with them, may stay: who changes one element
    need not mend the others.
    """
    if not isinstance(document, dict):
        raise BadDocument(f"A {kind.words} is one JSON object, not {type(document).__name__}.")
    told: Json = document if kind is Kind.PACKAGE else tidy(document)
    named(kind, told)
    wanted = _MODEL_TYPES.get(kind)
    if wanted and told.get("modelType", wanted) != wanted:
        raise BadDocument(f"The modelType of a {kind.words} is {wanted}, not {str(told['modelType'])[:80]!r}.")
    told = {"modelType": wanted, **told} if wanted and "modelType" not in told else told
    findings = _findings(kind, told)
    if findings and before is not None:
        findings = _new(_findings(kind, before, most=_ALL), _findings(kind, told, most=_ALL))
    if findings:
        raise BadDocument(_sentence(kind, findings), findings=findings[:MOST])
    return told


def _findings(kind: Kind, document: Json, *, most: int = MOST) -> list[Finding]:
    if kind is Kind.PACKAGE:
        return []
    if wanted := _MODEL_TYPES.get(kind):
        return check(document, wanted, most=most)
    return descriptors.findings(document, of_a_shell=kind is Kind.SHELL_DESCRIPTOR)


def _new(before: list[Finding], after: list[Finding]) -> list[Finding]:
    """What is wrong now and was not; a fault that stood in a list moves with its item."""
    left = list((Counter(after) - Counter(before)).elements())
    gone = Counter((one.constraint, one.message) for one in (Counter(before) - Counter(after)).elements())
    new = []
    for one in left:
        gone[one.constraint, one.message] -= 1
        if gone[one.constraint, one.message] < 0:
            new.append(one)
    return new


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
