"""Files of File elements on screen: what is attached, where it lies elsewhere, and what was chosen just now."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping

from lineshaft.console import Attached, View
from lineshaft.twins.metamodel.kinds import FILE, Json, kind_of
from lineshaft.twins.metamodel.paths import walk
from lineshaft.twins.model.repository import Attachment, Kind
from lineshaft.twins.service import Repository
from lineshaft.twins.service.repository import part_name

Chosen = dict[str, Attachment]
"""Files that are not saved yet, by the value of the element that names them."""


def filed(view: View, submodel: str, path: str, said: Json, chosen: Mapping[str, Attachment]) -> Attached | str:
    """What a File element holds: a file of this submodel, or the address of one that lies elsewhere."""
    value = str(said.get("value") or "")
    if not value or "://" in value.removeprefix("file://"):
        return value
    if (file := chosen.get(value)) is not None:
        return as_attached(file)

    async def load() -> bytes:
        return (await view.ask(Repository).get_file(view.who, Kind.SUBMODEL, submodel, path)).content

    return Attached(name=value.rpartition("/")[2], load=load)


def as_attached(file: Attachment) -> Attached:
    """A file that was chosen, as the form shows it."""

    async def load() -> bytes:
        return file.content

    return Attached(name=file.name, load=load)


def taken(said: Json, value: Attached | str | None, chosen: Chosen) -> Json:
    """The element with what its field holds; a file that was chosen just now is noted with its content."""
    if isinstance(value, Attached) and value.content is None:
        return said
    rest = {name: part for name, part in said.items() if name != "value"}
    if isinstance(value, str) or value is None:
        return rest | ({"value": value} if value else {})
    assert value.content is not None
    kind = mimetypes.guess_type(value.name)[0] or "application/octet-stream"
    file = Attachment(name=value.name, content_type=kind, content=value.content)
    name = part_name(file)
    chosen[name] = file
    return rest | {"value": name, "contentType": kind}


def files_of(submodel: Json) -> Iterator[tuple[str, Json]]:
    """The File elements that name a file, with their paths."""
    return ((path, one) for path, one in walk(submodel) if kind_of(one) == FILE and one.get("value"))
