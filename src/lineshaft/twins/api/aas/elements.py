"""The elements of a submodel, under every address a submodel has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.metamodel import TakenElement, forms, paths, references, tidy
from lineshaft.twins.metamodel.kinds import ELEMENTS, LIST, Json, children, kind_of
from lineshaft.twins.model.repository import Kind

from . import submodels
from .asked import no_shape, paged, part, shape
from .call import Answer, Call, dump, made, told
from .documents import content
from .roots import SUBMODEL_ROOTS, SubmodelRoot
from .tree import Route

FORMS = ("metadata", "value", "reference", "path")


def routes() -> Iterator[Route]:
    """Listing, reading and writing of elements."""
    for root in SUBMODEL_ROOTS:
        at = f"{root.address}/submodel-elements"
        one = f"{at}/{{path}}"
        yield Route("GET", at, partial(listing, "normal", root), "a page of elements")
        yield Route("POST", at, partial(add, root), "add an element")
        yield Route("GET", one, partial(read, "normal", root), "one element")
        yield Route("POST", one, partial(add, root), "add an element below this one")
        yield Route("PUT", one, partial(put, root), "replace or create the element")
        yield Route("PATCH", one, partial(patch, root), "change parts of the element")
        yield Route("DELETE", one, partial(drop, root), "delete the element")
        for form in FORMS:
            yield Route("GET", f"{at}/${form}", partial(listing, form, root), f"a page of elements in {form} form")
            yield Route("GET", f"{one}/${form}", partial(read, form, root), f"the element in {form} form")
        yield Route("PATCH", f"{one}/$metadata", partial(patch_metadata, root), "change what describes the element")
        yield Route("PATCH", f"{one}/$value", partial(patch_value, root), "write the value of the element")


# ---- reading ----


async def read(form: str, root: SubmodelRoot, call: Call) -> Answer:
    """One element in a form."""
    path = call.names["path"]
    steps = paths.parse(path)
    wanted = _modifiers(form, call)
    found = await call.services.repository.get(call.who, Kind.SUBMODEL, await root.id(call))
    submodel = content(found)
    element = paths.find(submodel, steps)
    if form == "reference":
        return told(references.to_element(submodel, steps), etag=found.etag)
    if form == "path":
        return told(forms.paths(element, path, core=wanted.core), etag=found.etag)
    if form == "metadata":
        return told(forms.metadata(element, call.dialect), etag=found.etag)
    if form == "value":
        return told(forms.value(element, call.dialect, core=wanted.core, blobs=wanted.blobs), etag=found.etag)
    return told(forms.normal(element, core=wanted.core, blobs=wanted.blobs), etag=found.etag)


def _modifiers(form: str, call: Call) -> Any:
    if form in ("metadata", "reference"):
        no_shape(call, "level", "extent")
    return shape(call)


async def listing(form: str, root: SubmodelRoot, call: Call) -> Answer:
    """A page of the elements right below the submodel."""
    wanted = _modifiers(form, call)
    found = await call.services.repository.get(call.who, Kind.SUBMODEL, await root.id(call))
    submodel = content(found)
    if form == "path":
        shown_paths, next_ = part(call, forms.paths(submodel, core=wanted.core), str)
        return paged(call, map(dump, shown_paths), next_)
    shown, next_ = part(call, children(submodel), _name)
    if form == "value":
        values = forms.named_values(shown, call.dialect, core=wanted.core, blobs=wanted.blobs)
        page = paged(call, (), next_).body
        return Answer(body=page.removesuffix(b"[]}") + dump(values) + b"}", etag=found.etag)
    make: dict[str, Callable[[Json], Json]] = {
        "normal": lambda one: forms.listed(one, core=wanted.core, blobs=wanted.blobs),
        "metadata": lambda one: _described(one, call),
        "reference": lambda one: references.to_element(submodel, (_name(one),)),
    }
    return paged(call, (dump(make[form](one)) for one in shown), next_)


def _name(element: Json) -> str:
    return str(element.get("idShort", ""))


def _described(element: Json, call: Call) -> Json:
    """In a listing nothing is refused: what has no metadata form of its own stands as it is."""
    try:
        return forms.metadata(element, call.dialect)
    except Invalid:
        return element


# ---- writing ----


async def add(root: SubmodelRoot, call: Call) -> Answer:
    """POST: append an element to the submodel, or to the element at a path."""
    parent = call.names.get("path", "")
    body = element_of(await call.object("a submodel element"))
    added = ""

    def edit(submodel: Json) -> Json:
        nonlocal added
        added = paths.add(submodel, parent, body)
        return submodel

    answer = await submodels.change(root, call, edit)
    return made(_location(root, call, added), body, etag=answer.etag)


async def put(root: SubmodelRoot, call: Call) -> Answer:
    """PUT: replace the element, or create it there."""
    path = call.names["path"]
    body = element_of(await call.object("a submodel element"))
    is_new = False

    def edit(submodel: Json) -> Json:
        nonlocal is_new
        is_new = paths.put(submodel, path, body)
        return submodel

    answer = await submodels.change(root, call, edit)
    return made(_location(root, call, path), body, etag=answer.etag) if is_new else answer


async def patch(root: SubmodelRoot, call: Call) -> Answer:
    """PATCH with the normal form: attributes in the body replace those there."""
    shape(call)
    body = await call.object("parts of a submodel element")
    return await _change(root, call, lambda element: _merged(element, body))


async def patch_metadata(root: SubmodelRoot, call: Call) -> Answer:
    """Replace what describes the element; its value and children stay."""
    no_shape(call, "level", "extent")
    body = await call.object("metadata")
    return await _change(root, call, lambda element: submodels.described(element, body))


async def patch_value(root: SubmodelRoot, call: Call) -> Answer:
    """Write the value of the element."""
    shape(call)
    path = paths.join(paths.parse(call.names["path"]))
    body = await call.value()
    return await submodels.write(call, await root.id(call), path, body)


async def drop(root: SubmodelRoot, call: Call) -> Answer:
    """DELETE: take the element out; members of a list behind it move down."""
    path = call.names["path"]

    def edit(submodel: Json) -> Json:
        paths.drop(submodel, path)
        return submodel

    return await submodels.change(root, call, edit)


async def _change(root: SubmodelRoot, call: Call, new: Callable[[Json], Json]) -> Answer:
    path = call.names["path"]

    def edit(submodel: Json) -> Json:
        spot = paths.spot(submodel, path)
        changed = new(spot.element)
        kept = kind_of(spot.parent) == LIST or changed.get("idShort") == spot.element.get("idShort")
        if not kept and any(one.get("idShort") == changed.get("idShort") for one in spot.siblings):
            raise TakenElement(f"There is an element {str(changed.get('idShort'))[:128]!r} already.")
        spot.siblings[spot.index] = changed
        return submodel

    return await submodels.change(root, call, edit)


def _merged(element: Json, body: Json) -> Json:
    if body.get("modelType", element.get("modelType")) != element.get("modelType"):
        raise Invalid(
            f"The element is a {kind_of(element)}, the body a {str(body['modelType'])[:80]}.",
            hint="Replace it with PUT.",
        )
    return {name: value for name, value in (element | body).items() if value is not None}


def element_of(body: Json) -> Json:
    """A body that says which kind of element it is, tidied."""
    if kind_of(body) not in ELEMENTS:
        raise Invalid(
            f"modelType {str(body.get('modelType'))[:80]!r} is no kind of submodel element.",
            hint=f"There are: {', '.join(ELEMENTS)}.",
        )
    return tidy(body)


def _location(root: SubmodelRoot, call: Call, path: str) -> str:
    return f"{root.location(call)}/submodel-elements/{quote(path, safe='')}"
