"""Submodels as wholes: their forms, and writing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.metamodel import forms
from lineshaft.twins.metamodel.kinds import Json, children
from lineshaft.twins.model.desire import Stage
from lineshaft.twins.model.repository import Document, Kind
from lineshaft.twins.service.commands import ElementValues, Written

from . import documents
from .asked import Shape, after, filters, if_match, limit, no_shape, paged, shape
from .call import NOTHING, Answer, Call, dump
from .documents import SUBMODELS, content
from .roots import SUBMODEL_ROOTS, SubmodelRoot
from .tree import Route

ACKNOWLEDGE_S = 10.0
"""How long a write waits for a machine to report the value."""
_BLOB = b'"Blob"'
"""Without these bytes a document holds no Blob, and goes out as it is."""
_PAGES = 20
"""Pages of submodels looked through for one page of paths: submodels without elements have none."""


def routes() -> Iterator[Route]:
    """The listing of submodels, and each of them under all its addresses."""
    yield Route("GET", "/submodels", partial(listing, "normal"), "a page of submodels")
    yield Route("POST", "/submodels", partial(documents.create, SUBMODELS), "create a submodel")
    for form in ("metadata", "value", "reference", "path"):
        yield Route("GET", f"/submodels/${form}", partial(listing, form), f"a page of submodels in {form} form")
    for root in SUBMODEL_ROOTS:
        yield from _one(root)


def _one(root: SubmodelRoot) -> Iterator[Route]:
    at = root.address
    yield Route("GET", at, partial(read, root), "the submodel")
    yield Route("PUT", at, partial(replace, root), "replace or create the submodel")
    yield Route("PATCH", at, partial(patch, root), "change parts of the submodel")
    yield Route("DELETE", at, partial(delete, root), "delete the submodel")
    for form in ("metadata", "value", "reference", "path"):
        yield Route("GET", f"{at}/${form}", partial(read_form, form, root), f"the submodel in {form} form")
    yield Route("PATCH", f"{at}/$metadata", partial(patch_metadata, root), "change what describes the submodel")
    yield Route("PATCH", f"{at}/$value", partial(patch_value, root), "write values")


# ---- reading ----


async def read(root: SubmodelRoot, call: Call) -> Answer:
    """The normal form: the stored bytes, unless somebody asks for less or there are blobs to leave out."""
    found = await call.services.repository.get(call.who, Kind.SUBMODEL, await root.id(call))
    return Answer(body=normal(found, shape(call)), etag=found.etag)


def normal(document: Document, wanted: Shape) -> bytes:
    """A document held to level and extent."""
    if not wanted.core and (wanted.blobs or _BLOB not in document.body):
        return document.body
    return dump(forms.normal(content(document), core=wanted.core, blobs=wanted.blobs))


async def read_form(form: str, root: SubmodelRoot, call: Call) -> Answer:
    """One of the other forms."""
    make = _form(form, call)
    found = await call.services.repository.get(call.who, Kind.SUBMODEL, await root.id(call))
    return Answer(body=make(found), etag=found.etag)


async def listing(form: str, call: Call) -> Answer:
    """A page of submodels in a form."""
    if form == "path":
        return await _paths(call)
    return await documents.page(SUBMODELS, _form(form, call), call)


async def _paths(call: Call) -> Answer:
    """The paths of all submodels in one list, paged by path: a page may end within a submodel."""
    core, most, wanted = shape(call).core, limit(call), filters(call)
    at, skip = _position(after(call, str, r"\d{1,18}:\d{1,9}"))
    shown: list[bytes] = []
    for _ in range(_PAGES):
        page = await call.services.repository.page(call.who, Kind.SUBMODEL, wanted, after=at, limit=most)
        for one in page.documents:
            found = forms.paths(content(one), core=core)[skip:]
            room = most - len(shown)
            shown += map(dump, found[:room])
            if len(found) > room:
                return paged(call, shown, f"{at or 0}:{skip + room}")
            at, skip = one.number, 0
        if page.after is None or len(shown) == most:
            return paged(call, shown, None if page.after is None else f"{at}:0")
    return paged(call, shown, f"{at}:0")


def _position(key: str | None) -> tuple[int | None, int]:
    """Which submodel was shown last, and how many paths of the next one."""
    number, _, skip = (key or "0:0").partition(":")
    return int(number) or None, int(skip)


def _form(form: str, call: Call) -> Callable[[Document], bytes]:
    if form in ("metadata", "reference"):
        no_shape(call, "level", "extent")
    wanted, dialect = shape(call), call.dialect
    match form:
        case "metadata":
            return lambda found: dump(forms.metadata(content(found), dialect))
        case "reference":
            return partial(documents.reference, SUBMODELS)
        case "path":
            return lambda found: dump(forms.paths(content(found), core=wanted.core))
        case "value":
            return lambda found: dump(forms.value(content(found), dialect, core=wanted.core, blobs=wanted.blobs))
    return lambda found: normal(found, wanted)


# ---- writing ----


async def replace(root: SubmodelRoot, call: Call) -> Answer:
    """PUT: in a shell's tree a submodel can be created too, once the shell refers to it."""
    return await documents.replaced(SUBMODELS, await root.id(call), call, root.location(call))


async def delete(root: SubmodelRoot, call: Call) -> Answer:
    """DELETE: of a shell's tree the reference goes too."""
    id_, shell = await root.id(call), root.shell.id(call) if root.shell else ""
    await call.services.repository.delete(call.who, Kind.SUBMODEL, id_, if_match=if_match(call), out_of=shell)
    return NOTHING


async def change(root: SubmodelRoot, call: Call, edit: documents.Edit) -> Answer:
    """Change the submodel in one transaction; 204."""
    found = await call.services.repository.change(
        call.who, Kind.SUBMODEL, await root.id(call), edit, if_match=if_match(call)
    )
    return Answer(status=204, etag=found.etag)


async def patch(root: SubmodelRoot, call: Call) -> Answer:
    """PATCH with the normal form: attributes in the body replace those there, elements are matched by idShort."""
    shape(call)
    body = await call.object("parts of a submodel")
    return await change(root, call, lambda submodel: merged(submodel, body))


def merged(there: Json, body: Json) -> Json:
    """A submodel with the attributes and elements of the body; what the body does not name stays."""
    for name in ("id", "modelType"):
        if name in body and body[name] != there[name]:
            raise Invalid(f"{name} {str(body[name])[:200]!r} is not {there[name]!r}.", hint=f"{name} never changes.")
    elements = list(children(there))
    given = body.get("submodelElements") or []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Invalid("submodelElements is not a list of elements.")
    for new in given:
        at = next((i for i, one in enumerate(elements) if one.get("idShort") == new.get("idShort")), None)
        if at is None:
            elements.append(new)
        else:
            elements[at] = elements[at] | new
    whole = there | body | {"submodelElements": elements}
    return {name: value for name, value in whole.items() if value is not None and value != []}


async def patch_metadata(root: SubmodelRoot, call: Call) -> Answer:
    """Replace what describes the submodel; elements and values stay."""
    no_shape(call, "level", "extent")
    body = await call.object("metadata")
    return await change(root, call, lambda submodel: described(submodel, body))


def described(there: Json, body: Json) -> Json:
    """Something with new metadata: values and children are taken from what is there."""
    kept = {name: value for name, value in there.items() if name not in forms.metadata(there)}
    fixed = {name: there[name] for name in ("modelType", "id", "idShort") if name in there}
    for name in ("modelType", "id"):
        if name in fixed and body.get(name, fixed[name]) != fixed[name]:
            raise Invalid(f"{name} {str(body[name])[:200]!r} is not {fixed[name]!r}.", hint=f"{name} never changes.")
    return fixed | body | kept


async def patch_value(root: SubmodelRoot, call: Call) -> Answer:
    """Write values: properties into the hot state, everything else into the document."""
    shape(call)
    body = await call.value()
    id_ = await root.id(call)
    return await write(call, id_, "", body)


async def write(call: Call, id_: str, path: str, body: Any) -> Answer:
    """Write value-only JSON into the submodel or one of its elements, all of it or nothing.

    What shows a machine's value is set on the machine: 204 once it reports it, 202 while it has not yet.
    """
    values = ElementValues(call.services.repository, call.services.setpoints)
    wanted = Written(path=path, value=body, dialect=call.dialect)
    stage = await values.write(call.who, id_, wanted, if_match=if_match(call), within_s=ACKNOWLEDGE_S)
    return Answer(status=202) if stage is Stage.PENDING else NOTHING
