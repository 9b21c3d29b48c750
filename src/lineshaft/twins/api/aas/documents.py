"""What shells, submodels, concept descriptions and descriptors have in common: pages, create, read, replace, delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import orjson

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Document, Filters, Json, Kind

from .asked import after, filters, if_match, limit, paged
from .call import NOTHING, Answer, Call, dump, made
from .tree import Route


@dataclass(frozen=True, slots=True)
class Collection:
    """One kind of document and the address of its listing."""

    kind: Kind
    address: str
    model: str
    """The `modelType`, '' for what has none."""


SHELLS = Collection(Kind.SHELL, "shells", "AssetAdministrationShell")
SUBMODELS = Collection(Kind.SUBMODEL, "submodels", "Submodel")
CONCEPTS = Collection(Kind.CONCEPT, "concept-descriptions", "ConceptDescription")

Form = Callable[[Document], bytes]
Edit = Callable[[Json], Json]


def whole(document: Document) -> bytes:
    """The normal form, as the store holds it."""
    return document.body


def reference(of: Collection, document: Document) -> bytes:
    """A reference to the document."""
    return dump(references.to_identifiable(of.model, document.id))


def content(document: Document) -> Json:
    """The document as an object."""
    found: Json = orjson.loads(document.body)
    return found


async def page(of: Collection, form: Form, call: Call, *, narrowed: Filters | None = None) -> Answer:
    """One page of a listing, each entry in a form."""
    wanted = filters(call) if narrowed is None else narrowed
    found = await call.services.repository.page(call.who, of.kind, wanted, after=after(call, int), limit=limit(call))
    return paged(call, map(form, found.documents), found.after)


async def create(of: Collection, call: Call) -> Answer:
    """POST: a new document; 409 when its id is taken."""
    document = of_model(of, await call.object(f"a {of.kind.words}"))
    made_ = await call.services.repository.create(call.who, of.kind, document)
    return made(call.at(of.address, encode_id(made_.id)), body=made_.body, etag=made_.etag)


async def read(of: Collection, name: str, call: Call) -> Answer:
    """GET: the document as it is now."""
    found = await call.services.repository.get(call.who, of.kind, call.id(name))
    return Answer(body=found.body, etag=found.etag)


async def replace(of: Collection, name: str, call: Call) -> Answer:
    """PUT: replace the document, or create it."""
    return await replaced(of, call.id(name), call, call.at(of.address, call.names[name]))


async def replaced(of: Collection, id_: str, call: Call, location: str) -> Answer:
    """PUT of a document whose id is known."""
    document = of_model(of, await call.object(f"a {of.kind.words}"))
    if document.setdefault("id", id_) != id_:
        raise Invalid(
            f"The body is of {str(document['id'])[:200]!r}, the address of {id_[:200]!r}.",
            hint="An id never changes: create a new one and delete the old.",
        )
    found, is_new = await call.services.repository.replace(call.who, of.kind, id_, document, if_match=if_match(call))
    if is_new:
        return made(location, body=found.body, etag=found.etag)
    return Answer(status=204, etag=found.etag)


async def delete(of: Collection, name: str, call: Call) -> Answer:
    """DELETE: take the document out."""
    await call.services.repository.delete(call.who, of.kind, call.id(name), if_match=if_match(call))
    return NOTHING


def of_model(of: Collection, document: Json) -> Json:
    """The body with its `modelType`, which the address implies."""
    if of.model and document.setdefault("modelType", of.model) != of.model:
        raise Invalid(f"The body is a {str(document['modelType'])[:80]!r}, not a {of.model}.")
    return document


def routes(of: Collection, name: str) -> Iterator[Route]:
    """The five operations every kind of document has."""
    listing, one = f"/{of.address}", f"/{of.address}/{{{name}}}"
    yield Route("GET", listing, partial(page, of, whole), f"a page of {of.kind.words}s")
    yield Route("POST", listing, partial(create, of), f"create a {of.kind.words}")
    yield Route("GET", one, partial(read, of, name), f"one {of.kind.words}")
    yield Route("PUT", one, partial(replace, of, name), f"replace or create a {of.kind.words}")
    yield Route("DELETE", one, partial(delete, of, name), f"delete a {of.kind.words}")
