"""Shells: their listing, references, asset information and the submodels they refer to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from lineshaft.kernel.errors import Conflict, Invalid, NotFound
from lineshaft.twins.metamodel import checking, references, tidy
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Json, Kind

from . import documents
from .asked import if_match, paged, part
from .call import NOTHING, Answer, Call, dump, made, told
from .documents import SHELLS, content
from .roots import SHELL_ROOTS, ShellRoot
from .tree import Route


def routes() -> Iterator[Route]:
    """Everything about shells but files and submodels."""
    yield from documents.routes(SHELLS, "aasId")
    yield Route(
        "GET", "/shells/$reference", partial(documents.page, SHELLS, partial(documents.reference, SHELLS)),
        "a page of references to shells",
    )  # fmt: skip
    for root in SHELL_ROOTS:
        at = root.address
        if not at.startswith("/shells"):
            yield Route("GET", at, partial(read, root), "the shell")
            yield Route("PUT", at, partial(replace, root), "replace the shell")
        yield Route("GET", f"{at}/$reference", partial(reference, root), "a reference to the shell")
        yield Route("GET", f"{at}/asset-information", partial(read_asset, root), "what the shell stands for")
        yield Route("PUT", f"{at}/asset-information", partial(write_asset, root), "say what the shell stands for")
        yield Route("GET", f"{at}/submodel-refs", partial(list_refs, root), "a page of references to submodels")
        yield Route("POST", f"{at}/submodel-refs", partial(add_ref, root), "let the shell refer to a submodel")
        yield Route("DELETE", f"{at}/submodel-refs/{{smId}}", partial(drop_ref, root), "take such a reference back")


async def read(root: ShellRoot, call: Call) -> Answer:
    """The shell of a stand-alone service."""
    found = await call.services.repository.get(call.who, Kind.SHELL, root.id(call))
    return Answer(body=found.body, etag=found.etag)


async def replace(root: ShellRoot, call: Call) -> Answer:
    """Replace the shell of a stand-alone service."""
    return await documents.replaced(SHELLS, root.id(call), call, root.location(call))


async def reference(root: ShellRoot, call: Call) -> Answer:
    """A reference to the shell."""
    found = await call.services.repository.get(call.who, Kind.SHELL, root.id(call))
    return Answer(body=documents.reference(SHELLS, found), etag=found.etag)


async def read_asset(root: ShellRoot, call: Call) -> Answer:
    """The asset information."""
    found = await call.services.repository.get(call.who, Kind.SHELL, root.id(call))
    return told(content(found)["assetInformation"], etag=found.etag)


async def write_asset(root: ShellRoot, call: Call) -> Answer:
    """Replace the asset information."""
    body = checked(await call.object("an asset information"), "AssetInformation")

    def edit(shell: Json) -> Json:
        return shell | {"assetInformation": body}

    return await change(root, call, edit)


async def change(root: ShellRoot, call: Call, edit: documents.Edit) -> Answer:
    """Change the shell; 204."""
    found = await call.services.repository.change(call.who, Kind.SHELL, root.id(call), edit, if_match=if_match(call))
    return Answer(status=204, etag=found.etag)


async def list_refs(root: ShellRoot, call: Call) -> Answer:
    """A page of the references to submodels, in the shell's order."""
    found = await call.services.repository.get(call.who, Kind.SHELL, root.id(call))
    shown, next_ = part(call, content(found).get("submodels") or [], references.raw_target)
    return paged(call, map(dump, shown), next_)


async def add_ref(root: ShellRoot, call: Call) -> Answer:
    """Let the shell refer to one more submodel; 409 when it does already."""
    body = checked(await call.object("a reference"), "Reference")
    target = references.raw_target(body)
    if body["keys"][-1]["type"] != "Submodel":
        raise Invalid("The reference does not end at a Submodel.", hint='The last key has "type": "Submodel".')

    def edit(shell: Json) -> Json:
        there = shell.get("submodels") or []
        if target in map(references.raw_target, there):
            raise Conflict(f"The shell refers to {target[:200]!r} already.")
        return shell | {"submodels": [*there, body]}

    await change(root, call, edit)
    return made(f"{root.location(call)}/submodel-refs/{encode_id(target)}", body)


async def drop_ref(root: ShellRoot, call: Call) -> Answer:
    """Take a reference back; the submodel itself stays."""
    target = call.id("smId")

    def edit(shell: Json) -> Json:
        if target not in references.submodel_ids(shell):
            raise NotFound(f"The shell refers to no submodel {target[:200]!r}.")
        return references.without(shell, target)

    await change(root, call, edit)
    return NOTHING


def checked(body: Json, kind: str) -> Json:
    """The body, tidied, when nothing is wrong with it."""
    body = tidy(body)
    for finding in checking.check(body, kind, most=1):
        named = f" ({finding.constraint})" if finding.constraint else ""
        raise Invalid(f"{finding.path or kind}: {finding.message}{named}", hint="Nothing was written.")
    return body
