"""The registry: our own shells and submodels describe themselves, others can be registered.

A registered descriptor goes before the derived one of the same id. Listings show what was registered, then our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from lineshaft.kernel.errors import Conflict, Invalid, NotFound
from lineshaft.twins.metamodel import descriptors, references
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Document, Filters, Json, Kind

from .asked import after, decoded, if_match, limit, paged, part
from .call import NOTHING, Answer, Call, dump, made, told
from .documents import Edit, content
from .tree import Route

_KINDS = ("Instance", "NotApplicable", "Role", "Type")


@dataclass(frozen=True, slots=True)
class Registry:
    """One of the two registries: what it keeps, and what of ours it derives."""

    kind: Kind
    own: Kind
    address: str
    name: str


SHELLS = Registry(Kind.SHELL_DESCRIPTOR, Kind.SHELL, "shell-descriptors", "aasId")
SUBMODELS = Registry(Kind.SUBMODEL_DESCRIPTOR, Kind.SUBMODEL, "submodel-descriptors", "smId")


def routes() -> Iterator[Route]:
    """Both registries, and the submodel descriptors inside shell descriptors."""
    for of in (SHELLS, SUBMODELS):
        one = f"/{of.address}/{{{of.name}}}"
        yield Route("GET", f"/{of.address}", partial(listing, of), "a page of descriptors")
        yield Route("POST", f"/{of.address}", partial(create, of), "register a descriptor")
        yield Route("GET", one, partial(read, of), "one descriptor")
        yield Route("PUT", one, partial(replace, of), "replace or register a descriptor")
        yield Route("DELETE", one, partial(drop, of), "take a descriptor out")
    below = "/shell-descriptors/{aasId}/submodel-descriptors"
    yield Route("GET", below, list_below, "a page of the submodel descriptors of a shell")
    yield Route("POST", below, add_below, "add a submodel descriptor to a registered shell")
    yield Route("GET", f"{below}/{{smId}}", read_below, "one submodel descriptor of a shell")
    yield Route("PUT", f"{below}/{{smId}}", replace_below, "replace or add it")
    yield Route("DELETE", f"{below}/{{smId}}", drop_below, "take it out")


# ---- reading ----


async def listing(of: Registry, call: Call) -> Answer:
    """A page: what was registered, then what is ours."""
    wanted = _filters(call) if of is SHELLS else Filters()
    key = after(call, str, r"(registered|own):\d{0,18}") or "registered:"
    source, _, number = key.partition(":")
    at, room, shown = int(number) if number else None, limit(call), []
    next_: str | None = None
    if source == "registered":
        page = await call.services.repository.page(call.who, of.kind, wanted, after=at, limit=room)
        shown = [one.body for one in page.documents]
        next_, at = (None if page.after is None else f"registered:{page.after}"), None
        if next_ is None and len(shown) == room:
            next_ = "own:"
    if next_ is None and len(shown) < room:
        own, left = await _own_page(of, call, wanted, at, room - len(shown))
        shown, next_ = [*shown, *own], None if left is None else f"own:{left}"
    return paged(call, shown, next_)


async def _own_page(
    of: Registry, call: Call, wanted: Filters, at: int | None, room: int
) -> tuple[list[bytes], int | None]:
    page = await call.services.repository.page(call.who, of.own, wanted, after=at, limit=room)
    hidden = await call.services.repository.written(call.who, of.kind, [one.id for one in page.documents])
    return list(
        map(dump, await _derived(of, call, [one for one in page.documents if one.id not in hidden]))
    ), page.after


def _filters(call: Call) -> Filters:
    kind = call.one("assetKind")
    if kind and kind not in _KINDS:
        raise Invalid(f"assetKind={kind[:40]!r} is unknown.", hint=f"Use {', '.join(_KINDS)}.")
    return Filters(asset_kind=kind, asset_type=decoded(call, "assetType"))


async def read(of: Registry, call: Call) -> Answer:
    """One descriptor."""
    found, etag = await _descriptor(of, call, call.id(of.name))
    return told(found, etag=etag)


async def _descriptor(of: Registry, call: Call, id_: str) -> tuple[Json, str]:
    registered = await _registered(of, call, id_)
    if registered is not None:
        return content(registered), registered.etag
    try:
        own = await call.services.repository.get(call.who, of.own, id_)
    except NotFound as error:
        raise NotFound(f"There is no {of.kind.words} {id_[:200]!r}.") from error
    (derived,) = await _derived(of, call, [own])
    return derived, ""


async def _registered(of: Registry, call: Call, id_: str) -> Document | None:
    try:
        return await call.services.repository.get(call.who, of.kind, id_)
    except NotFound:
        return None


async def _derived(of: Registry, call: Call, own: Sequence[Document]) -> list[Json]:
    """The descriptors of things of ours, with the address the caller reached us at; submodels are read together."""
    if of is SUBMODELS:
        return [_of_submodel(call, one) for one in own]
    shells = list(map(content, own))
    wanted = [id_ for shell in shells for id_ in references.submodel_ids(shell)]
    known = await call.services.repository.written(call.who, Kind.SUBMODEL, wanted)
    described = {id_: _of_submodel(call, one) for id_, one in known.items()}
    return [_of_shell(call, shell, described) for shell in shells]


def _of_submodel(call: Call, own: Document) -> Json:
    return descriptors.of_submodel(own.body, _href(call, "submodels", own.id), call.dialect.version)


def _of_shell(call: Call, shell: Json, described: Mapping[str, Json]) -> Json:
    submodels = [described[id_] for id_ in references.submodel_ids(shell) if id_ in described]
    return descriptors.of_shell(shell, submodels, _href(call, "shells", shell["id"]), call.dialect.version)


def _href(call: Call, address: str, id_: str) -> str:
    host = call.header(b"host") or "localhost"
    place = call.services.public_url.rstrip("/") or f"{call.scope.get('scheme', 'http')}://{host}"
    return place + call.at(address, encode_id(id_))


# ---- writing ----


async def create(of: Registry, call: Call) -> Answer:
    """Register a descriptor."""
    body = await call.object("a descriptor")
    found = await call.services.repository.create(call.who, of.kind, body)
    return made(call.at(of.address, encode_id(found.id)), body=found.body, etag=found.etag)


async def replace(of: Registry, call: Call) -> Answer:
    """Replace or register a descriptor."""
    id_, body = call.id(of.name), await call.object("a descriptor")
    body.setdefault("id", id_)
    found, is_new = await call.services.repository.replace(call.who, of.kind, id_, body, if_match=if_match(call))
    if is_new:
        return made(call.at(of.address, call.names[of.name]), body=found.body, etag=found.etag)
    return Answer(status=204, etag=found.etag)


async def drop(of: Registry, call: Call) -> Answer:
    """Take a registered descriptor out; of our own things the thing itself would have to go."""
    id_ = call.id(of.name)
    await _only_registered(of, call, id_)
    await call.services.repository.delete(call.who, of.kind, id_, if_match=if_match(call))
    return NOTHING


async def _only_registered(of: Registry, call: Call, id_: str) -> Json:
    registered = await _registered(of, call, id_)
    if registered is None:
        await _descriptor(of, call, id_)
        raise Conflict(
            f"The descriptor of {id_[:200]!r} is derived from the {of.own.words} kept here.",
            hint=f"Change the {of.own.words} itself, or register a descriptor with PUT.",
        )
    return content(registered)


def checked(body: Json) -> Json:
    """A submodel descriptor with nothing wrong in it."""
    for finding in descriptors.findings(body, of_a_shell=False):
        raise Invalid(f"{finding.path or 'The descriptor'} {finding.message}.", hint="Nothing was registered.")
    return body


# ---- submodel descriptors inside a shell descriptor ----


async def list_below(call: Call) -> Answer:
    """A page of them."""
    found, _ = await _descriptor(SHELLS, call, call.id("aasId"))
    shown, next_ = part(call, found.get("submodelDescriptors") or [], lambda one: str(one["id"]))
    return paged(call, map(dump, shown), next_)


async def read_below(call: Call) -> Answer:
    """One of them."""
    found, etag = await _descriptor(SHELLS, call, call.id("aasId"))
    return told(found["submodelDescriptors"][_at(found, call.id("smId"))], etag=etag)


def _at(descriptor: Json, id_: str) -> int:
    there = descriptor.get("submodelDescriptors") or []
    found = next((i for i, one in enumerate(there) if one.get("id") == id_), None)
    if found is None:
        raise NotFound(f"The shell descriptor holds no submodel descriptor {id_[:200]!r}.")
    return found


async def add_below(call: Call) -> Answer:
    """Add one."""
    body = checked(await call.object("a submodel descriptor"))

    def edit(descriptor: Json) -> Json:
        there = descriptor.get("submodelDescriptors") or []
        if any(one.get("id") == body["id"] for one in there):
            raise Conflict(f"The shell descriptor holds {body['id'][:200]!r} already.")
        return descriptor | {"submodelDescriptors": [*there, body]}

    await _change(call, edit)
    location = call.at("shell-descriptors", call.names["aasId"], "submodel-descriptors", encode_id(body["id"]))
    return made(location, body)


async def replace_below(call: Call) -> Answer:
    """Replace or add one."""
    id_, body = call.id("smId"), await call.object("a submodel descriptor")
    if checked({"id": id_, **body})["id"] != id_:
        raise Invalid(f"The body is of {str(body['id'])[:200]!r}, the address of {id_[:200]!r}.")
    is_new = False

    def edit(descriptor: Json) -> Json:
        nonlocal is_new
        there = list(descriptor.get("submodelDescriptors") or [])
        at = next((i for i, one in enumerate(there) if one.get("id") == id_), len(there))
        is_new = at == len(there)
        there[at : at + 1] = [{"id": id_, **body}]
        return descriptor | {"submodelDescriptors": there}

    await _change(call, edit)
    location = call.at("shell-descriptors", call.names["aasId"], "submodel-descriptors", call.names["smId"])
    return made(location, {"id": id_, **body}) if is_new else NOTHING


async def drop_below(call: Call) -> Answer:
    """Take one out."""
    id_ = call.id("smId")

    def edit(descriptor: Json) -> Json:
        at = _at(descriptor, id_)
        left = [one for i, one in enumerate(descriptor["submodelDescriptors"]) if i != at]
        return {k: v for k, v in (descriptor | {"submodelDescriptors": left}).items() if v != []}

    await _change(call, edit)
    return NOTHING


async def _change(call: Call, edit: Edit) -> None:
    id_ = call.id("aasId")
    await _only_registered(SHELLS, call, id_)
    await call.services.repository.change(call.who, Kind.SHELL_DESCRIPTOR, id_, edit, if_match=if_match(call))
