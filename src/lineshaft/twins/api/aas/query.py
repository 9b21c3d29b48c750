"""`/query/...`: what fits a condition of the AAS query language."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from lineshaft.twins.metamodel import query
from lineshaft.twins.model.repository import Kind

from .asked import Shape, after, limit, paged
from .call import Answer, Call, dump
from .submodels import normal
from .tree import Route

ABOUT = {
    "shells": (Kind.SHELL, "AssetAdministrationShell"),
    "submodels": (Kind.SUBMODEL, "Submodel"),
    "concept-descriptions": (Kind.CONCEPT, "ConceptDescription"),
    "shell-descriptors": (Kind.SHELL_DESCRIPTOR, "AssetAdministrationShellDescriptor"),
    "submodel-descriptors": (Kind.SUBMODEL_DESCRIPTOR, "SubmodelDescriptor"),
}
MOST = 64 << 10
"""Bytes of a question."""


def routes() -> Iterator[Route]:
    """One address for each kind of thing."""
    for about in ABOUT:
        yield Route("POST", f"/query/{about}", partial(ask, about), f"{about} that fit a condition")


async def ask(about: str, call: Call) -> Answer:
    """A page of what fits; with `"$select": "id"` of ids."""
    kind, model = ABOUT[about]
    body = await call.json(MOST)
    question = query.parse(body, about)
    call.scope["lineshaft.asked"] = dump(body).decode()
    found = await call.services.repository.ask(call.who, kind, question, after=after(call, int), limit=limit(call))
    if question.ids_only:
        return paged(call, (dump(one.id) for one in found.documents), found.after, resultType="Identifier")
    entries = (normal(one, Shape()) if kind is Kind.SUBMODEL else one.body for one in found.documents)
    return paged(call, entries, found.after, resultType=model)
