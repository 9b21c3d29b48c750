"""`/serialization`: shells, submodels and concept descriptions as one file, in the format `Accept` asks for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence, Set
from functools import partial
from typing import Any

from lineshaft.kernel.errors import Invalid, NotFound, PlatformError
from lineshaft.kernel.tasks import in_thread
from lineshaft.twins.files import Attachment, part_of, to_bytes
from lineshaft.twins.metamodel import identifiers, paths, references
from lineshaft.twins.metamodel.kinds import FILE, Json, kind_of
from lineshaft.twins.model.repository import Document, Kind

from .asked import flag
from .call import Answer, Call
from .documents import content
from .results import JSON
from .tree import Route

MOST = 10_000
"""Documents of one file."""
FILES_MOST = 256 << 20
"""Bytes of attachments in one package."""
AT_ONCE = 50
XML = "application/xml"
AASX = "application/asset-administration-shell-package+xml"
AASX_ZIP = "application/asset-administration-shell-package"
MEDIA = (JSON, XML, AASX, AASX_ZIP)
_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
GROUPS = {
    Kind.SHELL: "assetAdministrationShells",
    Kind.SUBMODEL: "submodels",
    Kind.CONCEPT: "conceptDescriptions",
}


class NotAcceptable(PlatformError):
    """None of the formats asked for can be made."""

    code = "twins.not_acceptable"
    status = 406


def routes() -> Iterator[Route]:
    """The one address."""
    yield Route("GET", "/serialization", answer, "shells and submodels as a file")


async def answer(
    call: Call, *, shells: Sequence[str] = (), submodels: Sequence[str] = (), bounds: Set[str] | None = None
) -> Answer:
    """The file; without ids in the query it holds `shells` and `submodels`, or everything one may see."""
    media = wanted_media(call.header(b"accept"))
    concepts = flag(call, "includeConceptDescriptions", default=True)
    named = {Kind.SHELL: _ids(call, "aasIds"), Kind.SUBMODEL: _ids(call, "submodelIds")}
    for id_ in [*named[Kind.SHELL], *named[Kind.SUBMODEL]]:
        if bounds is not None and id_ not in bounds:
            raise NotFound(f"{id_[:200]!r} does not belong to this service.")
    if not any(named.values()):
        named = {Kind.SHELL: list(shells), Kind.SUBMODEL: list(submodels)}
    found = await gathered(call, named, concepts=concepts, everything=bounds is None and not any(named.values()))
    if media == JSON:
        return Answer(body=_environment(found))
    return Answer(body=await _packed(call, found, media), media=media)


def _environment(found: dict[Kind, list[Document]]) -> bytes:
    groups = (b'"%b":[%b]' % (GROUPS[k].encode(), b",".join(d.body for d in docs)) for k, docs in found.items() if docs)
    return b"{%b}" % b",".join(groups)


def wanted_media(accept: str) -> str:
    """The best of the formats we can make; JSON when anything will do."""
    asked = [_weighed(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    for media, weight in sorted(asked, key=lambda one: -one[1]):
        if weight > 0 and (made := JSON if media in ("*/*", "application/*") else media) in MEDIA:
            return made
    raise NotAcceptable(f"{accept[:80]!r} cannot be made.", hint=f"Accept {JSON}, {XML} or {AASX}.")


def _weighed(part: str) -> tuple[str, float]:
    """A media type of `Accept`, and how much it is wanted (RFC 9110, 12.4.2)."""
    media, *more = (text.strip().lower() for text in part.split(";"))
    told = next((text[2:] for text in more if text.startswith("q=")), "1")
    return media, float(told) if _WEIGHT.fullmatch(told) else 1.0


def _ids(call: Call, name: str) -> list[str]:
    return [identifiers.decode_id(text) for given in call.query.get(name, ()) for text in given.split(",")]


async def gathered(
    call: Call, named: dict[Kind, list[str]], *, concepts: bool, everything: bool
) -> dict[Kind, list[Document]]:
    """The documents of a file: those named, or all, with the concept descriptions their semantic ids lead to."""
    if everything:
        found = {kind: [one async for one in _all(call, kind)] for kind in (Kind.SHELL, Kind.SUBMODEL)}
        found[Kind.CONCEPT] = [one async for one in _all(call, Kind.CONCEPT)] if concepts else []
    else:
        found = {kind: await _each(call, kind, ids) for kind, ids in named.items()}
        meanings = _meanings(map(content, found[Kind.SUBMODEL])) if concepts else ()
        found[Kind.CONCEPT] = await _each(call, Kind.CONCEPT, meanings, missing_ok=True)
    if sum(map(len, found.values())) > MOST:
        raise Invalid(f"That would be more than {MOST} documents.", hint="Name some with aasIds and submodelIds.")
    return found


async def _all(call: Call, kind: Kind) -> AsyncIterator[Document]:
    after, count = None, 0
    while count <= MOST:
        page = await call.services.repository.page(call.who, kind, after=after, limit=1000, newest=None)
        for one in page.documents:
            yield one
        after, count = page.after, count + len(page.documents)
        if after is None:
            return


async def _each(call: Call, kind: Kind, ids: Iterable[str], *, missing_ok: bool = False) -> list[Document]:
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MOST:
        raise Invalid(f"{len(wanted)} {kind.words}s are more than {MOST}.", hint="Ask for fewer at once.")
    found: list[Document] = []
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        asked = (call.services.repository.get(call.who, kind, id_, newest=None) for id_ in some)
        for one in await asyncio.gather(*asked, return_exceptions=missing_ok):
            if isinstance(one, Document):
                found.append(one)
            elif not isinstance(one, NotFound):
                raise one
    return found


def _meanings(submodels: Iterable[Json]) -> Iterator[str]:
    for submodel in submodels:
        yield from references.semantics(submodel)
        for _, element in paths.walk(submodel):
            yield from references.semantics(element)


async def _packed(call: Call, found: dict[Kind, list[Document]], media: str) -> bytes:
    """The environment as XML, or as a package with the files its elements name."""
    environment = {GROUPS[kind]: list(map(content, documents)) for kind, documents in found.items() if documents}
    choices: dict[str, Any] = {"form": "xml" if media == XML else "aasx", "version": call.dialect.version}
    if media != XML:
        choices["supplements"] = kept = [one async for one in _supplements(call, found)]
        faces = [part for one in found[Kind.SHELL] for _, part in _named_files(Kind.SHELL, content(one))]
        choices["thumbnail"] = next((one for one in kept if one.name in faces), None)
    made, _ = await in_thread(partial(to_bytes, environment, **choices))
    return made


async def _supplements(call: Call, found: dict[Kind, list[Document]]) -> AsyncIterator[Attachment]:
    room, seen = FILES_MOST, set[str]()
    for kind, documents in found.items():
        for one in documents:
            for path, name in _named_files(kind, content(one)):
                file = await _file(call, kind, one.id, path) if name not in seen else None
                if file is None:
                    continue
                seen.add(name)
                room -= len(file.content)
                if room < 0:
                    raise Invalid(f"The files are larger than {FILES_MOST} bytes.", hint="Ask for fewer shells.")
                yield Attachment(name=name, content_type=file.content_type, data=file.content)


def _named_files(kind: Kind, document: Json) -> Iterator[tuple[str, str]]:
    """Paths of elements with a file kept here, and its name in a package."""
    if kind is Kind.SHELL:
        thumbnail = (document.get("assetInformation") or {}).get("defaultThumbnail") or {}
        elements: list[tuple[str, Any]] = [("", thumbnail.get("path"))]
    else:
        elements = [(path, one.get("value")) for path, one in paths.walk(document) if kind_of(one) == FILE]
    yield from ((path, part) for path, name in elements if isinstance(name, str) and (part := part_of(name)))


async def _file(call: Call, kind: Kind, id_: str, path: str) -> Any:
    try:
        return await call.services.repository.get_file(call.who, kind, id_, path)
    except NotFound:
        return None
