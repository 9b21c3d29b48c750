"""Stand-alone services: one shell or one submodel at an address of its own.

Whoever is given `/api/v3.1/one/{id}` can work with that one shell (or submodel) with any client of the
AssetAdministrationShellServiceSpecification (or SubmodelServiceSpecification), and sees nothing of the repository
around it. `/one/{id}` itself answers the shell or submodel; `/aas` and `/submodel` below it are the roots of the two
services; `shells` below a root lists the shell itself, or the shells that refer to the submodel.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from lineshaft.kernel.errors import NotFound
from lineshaft.twins.metamodel import references
from lineshaft.twins.model.repository import Filters, Kind

from . import documents, serialization
from .asked import limit, paged, shape
from .call import Answer, Call
from .documents import SHELLS
from .submodels import normal
from .tree import Route


def routes() -> Iterator[Route]:
    """What a stand-alone service has besides the shell or submodel itself."""
    yield Route("GET", "/one/{id}", either, "the shell or submodel of that id")
    yield Route("GET", "/one/{id}/aas/shells", itself, "the shell, as a page of one")
    yield Route("GET", "/one/{id}/submodel/shells", holders, "the shells that refer to the submodel")
    yield Route("GET", "/one/{id}/aas/serialization", partial(bundle, Kind.SHELL), "the shell and its submodels")
    yield Route("GET", "/one/{id}/submodel/serialization", partial(bundle, Kind.SUBMODEL), "the submodel, as a file")


async def either(call: Call) -> Answer:
    """The shell of that id, else the submodel."""
    wanted, id_ = shape(call), call.id("id")
    try:
        found = await call.services.repository.get(call.who, Kind.SHELL, id_)
    except NotFound:
        found = await call.services.repository.get(call.who, Kind.SUBMODEL, id_)
        return Answer(body=normal(found, wanted), etag=found.etag)
    return Answer(body=found.body, etag=found.etag)


async def itself(call: Call) -> Answer:
    """A page of the one shell there is."""
    limit(call)
    found = await call.services.repository.get(call.who, Kind.SHELL, call.id("id"))
    return paged(call, [found.body], None)


async def holders(call: Call) -> Answer:
    """A page of the shells that refer to the submodel."""
    found = await call.services.repository.get(call.who, Kind.SUBMODEL, call.id("id"))
    return await documents.page(SHELLS, documents.whole, call, narrowed=Filters(submodel=found.id))


async def bundle(kind: Kind, call: Call) -> Answer:
    """The environment of the one thing; ids in the query may name no more than what belongs to it."""
    found = await call.services.repository.get(call.who, kind, call.id("id"))
    if kind is Kind.SUBMODEL:
        return await serialization.answer(call, shells=[], submodels=[found.id], bounds=await _around(call, found.id))
    held = references.submodel_ids(documents.content(found))
    return await serialization.answer(call, shells=[found.id], submodels=held, bounds={found.id, *held})


async def _around(call: Call, submodel: str) -> set[str]:
    page = await call.services.repository.page(call.who, Kind.SHELL, Filters(submodel=submodel), limit=1000)
    return {submodel, *(one.id for one in page.documents)}
