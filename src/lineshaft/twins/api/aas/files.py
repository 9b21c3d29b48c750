"""Attachments of File elements and thumbnails of shells."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from lineshaft.kernel.errors import Invalid
from lineshaft.twins.metamodel import paths
from lineshaft.twins.model.repository import Attachment, Kind

from .call import NOTHING, Answer, Call
from .roots import SHELL_ROOTS, SUBMODEL_ROOTS, ShellRoot, SubmodelRoot
from .tree import Route

MOST = 256 << 20
"""Bytes of a file."""
OPAQUE = "application/octet-stream"


def routes() -> Iterator[Route]:
    """Three operations on each of the two."""
    for root in SHELL_ROOTS:
        at = f"{root.address}/asset-information/thumbnail"
        yield Route("GET", at, partial(get_thumbnail, root), "the thumbnail")
        yield Route("PUT", at, partial(put_thumbnail, root), "replace the thumbnail")
        yield Route("DELETE", at, partial(drop_thumbnail, root), "take the thumbnail away")
    for one in SUBMODEL_ROOTS:
        at = f"{one.address}/submodel-elements/{{path}}/attachment"
        yield Route("GET", at, partial(get_attachment, one), "the file of a File element")
        yield Route("PUT", at, partial(put_attachment, one), "replace the file")
        yield Route("DELETE", at, partial(drop_attachment, one), "take the file away")


async def get_thumbnail(root: ShellRoot, call: Call) -> Answer:
    """The picture of the asset."""
    return download(await call.services.repository.get_file(call.who, Kind.SHELL, root.id(call)))


async def put_thumbnail(root: ShellRoot, call: Call) -> Answer:
    """Replace the picture."""
    await call.services.repository.put_file(call.who, Kind.SHELL, root.id(call), "", (await uploaded(call))[0])
    return NOTHING


async def drop_thumbnail(root: ShellRoot, call: Call) -> Answer:
    """Take the picture away."""
    await call.services.repository.drop_file(call.who, Kind.SHELL, root.id(call))
    return NOTHING


async def get_attachment(root: SubmodelRoot, call: Call) -> Answer:
    """The content of a File element."""
    id_, path = await root.id(call), _path(call)
    return download(await call.services.repository.get_file(call.who, Kind.SUBMODEL, id_, path))


async def put_attachment(root: SubmodelRoot, call: Call) -> Answer:
    """Replace the content; the element's value and content type follow."""
    id_, path = await root.id(call), _path(call)
    file, _ = await uploaded(call)
    await call.services.repository.put_file(call.who, Kind.SUBMODEL, id_, path, file)
    return NOTHING


async def drop_attachment(root: SubmodelRoot, call: Call) -> Answer:
    """Take the content away; the element stays, without a value."""
    id_, path = await root.id(call), _path(call)
    await call.services.repository.drop_file(call.who, Kind.SUBMODEL, id_, path)
    return NOTHING


def _path(call: Call) -> str:
    return paths.join(paths.parse(call.names["path"]))


def download(file: Attachment) -> Answer:
    """A file, never shown by a browser as a page of ours."""
    name = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    headers = (("content-disposition", name), ("x-filename", quote(file.name)))
    return Answer(body=file.content, media=file.content_type or OPAQUE, headers=headers)


async def uploaded(call: Call) -> tuple[Attachment, dict[str, list[str]]]:
    """The file of a multipart body with its other fields; its name is the field or parameter `fileName`, or its own."""
    if not call.header(b"content-type").startswith("multipart/form-data"):
        raise Invalid("The body is not multipart/form-data.", hint="Send the fields 'fileName' and 'file'.")
    body = await call.body(MOST)

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        async with Request(call.scope, receive).form(max_files=1, max_fields=20, max_part_size=1 << 20) as form:
            return await _read(form, call.one("fileName"))
    except (MultiPartException, HTTPException, UnicodeDecodeError, ValueError, KeyError) as error:
        raise Invalid("The multipart body cannot be read.", hint="Send one file and short fields.") from error


async def _read(form: FormData, told: str) -> tuple[Attachment, dict[str, list[str]]]:
    fields: dict[str, list[str]] = {}
    file: UploadFile | None = None
    for name, part in form.multi_items():
        if isinstance(part, str):
            fields.setdefault(name, []).append(part)
        else:
            file = part
    if file is None:
        raise Invalid("The multipart body holds no file.", hint="Send it as the field 'file'.")
    name = (fields.get("fileName") or [told or file.filename or ""])[0].strip() or "file"
    return Attachment(name=name[:255], content_type=_media(file, name), content=await file.read()), fields


def _media(file: UploadFile, name: str) -> str:
    told = (file.content_type or "").split(";")[0].strip()
    guessed = mimetypes.guess_type(name)[0]
    return (told if told and told != OPAQUE else guessed or OPAQUE)[:128]
