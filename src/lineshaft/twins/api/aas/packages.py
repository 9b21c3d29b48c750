"""The AASX file server: packages kept as they came, found by the shells in them.

A package is named by its content, so that the same one is not kept twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import orjson

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.tasks import in_thread
from lineshaft.twins import files as aas_files
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Attachment, Document, Filters, Json, Kind

from .asked import after, decoded, if_match, limit, paged
from .call import NOTHING, Answer, Call, dump, made
from .files import download, uploaded
from .tree import Route


def routes() -> Iterator[Route]:
    """Listing and the four verbs."""
    yield Route("GET", "/packages", listing, "a page of AASX packages")
    yield Route("POST", "/packages", create, "keep an AASX package")
    yield Route("GET", "/packages/{packageId}", read, "the package itself")
    yield Route("PUT", "/packages/{packageId}", replace, "replace or keep the package")
    yield Route("DELETE", "/packages/{packageId}", drop, "forget the package")


async def listing(call: Call) -> Answer:
    """A page of descriptions, of all packages or those with a shell."""
    wanted = Filters(shell=decoded(call, "aasId"))
    found = await call.services.repository.page(
        call.who, Kind.PACKAGE, wanted, after=after(call, int), limit=limit(call)
    )
    return paged(call, (dump(_description(one)) for one in found.documents), found.after)


def _description(one: Document) -> Json:
    return {"packageId": one.id, "aasIds": orjson.loads(one.body).get("aasIds") or []}


async def create(call: Call) -> Answer:
    """Keep a package; 409 when it is kept already."""
    file, document = await _uploaded(call)
    id_ = hashlib.sha256(file.content).hexdigest()[:32]
    found = await call.services.repository.create(call.who, Kind.PACKAGE, {"id": id_, **document}, file=file)
    return made(call.at("packages", encode_id(id_)), _description(found), etag=found.etag)


async def read(call: Call) -> Answer:
    """The bytes as they came, under the name they came with."""
    return download(await call.services.repository.get_file(call.who, Kind.PACKAGE, call.id("packageId")))


async def replace(call: Call) -> Answer:
    """Replace the package of that id, or keep it under that id."""
    file, document = await _uploaded(call)
    id_ = call.id("packageId")
    found, is_new = await call.services.repository.replace(
        call.who, Kind.PACKAGE, id_, {"id": id_, **document}, if_match=if_match(call), file=file
    )
    return made(call.at("packages", call.names["packageId"]), _description(found)) if is_new else NOTHING


async def drop(call: Call) -> Answer:
    """Forget the package; shells that were imported from it stay."""
    id_ = call.id("packageId")
    await call.services.repository.delete(call.who, Kind.PACKAGE, id_, if_match=if_match(call))
    return NOTHING


async def _uploaded(call: Call) -> tuple[Attachment, Json]:
    """The package in the body and what is kept about it; what cannot be opened is refused."""
    file, fields = await uploaded(call)
    package = await in_thread(aas_files.read, file.content)
    if package.form != "aasx":
        raise Invalid("The file is not an AASX package.", hint="Send a package, not the JSON or XML in it.")
    told = [one.strip() for text in fields.get("aasIds", ()) for one in text.split(",") if one.strip()]
    held = [str(one["id"]) for one in package.environment.get("assetAdministrationShells") or ()]
    return file, {"aasIds": list(dict.fromkeys([*held, *told])), "fileName": file.name}
