"""Process pictures over HTTP: kept, versioned, exported and imported, and read as they are now.

Who changes a picture sends the version they saw in it; 409 names who was faster.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from lineshaft.kernel.clock import from_us
from lineshaft.kernel.http import Slice, caller, pack_cursor, unpack_cursor
from lineshaft.security import Who
from lineshaft.twins.files.drawing import MOST_BYTES
from lineshaft.twins.model.picture import MOST_VERSIONS, Edition, Picture
from lineshaft.twins.model.reading import Reading
from lineshaft.twins.service import Parcel, Pictures

Caller = Annotated[Who, Depends(caller)]
Version = Annotated[int, Field(ge=0, le=MOST_VERSIONS)]
Limit = Annotated[int, Query(ge=1, le=1000)]


class PictureOut(BaseModel):
    """A picture in a list."""

    id: str
    title: dict[str, str]
    place: str
    items: int
    version: int
    changed: str
    by: str

    @classmethod
    def of(cls, picture: Picture) -> PictureOut:
        return cls(
            id=picture.id,
            title=picture.title,
            place=picture.place,
            items=len(picture.items),
            version=picture.version,
            changed=from_us(picture.changed_us).isoformat(),
            by=picture.changed_by,
        )


class EditionOut(BaseModel):
    """One version of a picture."""

    version: int
    at: str
    by: str
    deed: str
    items: int

    @classmethod
    def of(cls, edition: Edition) -> EditionOut:
        at = from_us(edition.at_us).isoformat()
        return cls(version=edition.version, at=at, by=edition.by, deed=edition.deed, items=edition.items)


class SlotOut(BaseModel):
    """One slot now."""

    known: bool
    activity: str
    trouble: str | None
    value: float | int | bool | str | None
    fraction: float | None

    @classmethod
    def of(cls, reading: Reading) -> SlotOut:
        return cls(
            known=reading.known,
            activity=reading.activity.value,
            trouble=reading.trouble.value if reading.trouble else None,
            value=reading.value,
            fraction=reading.fraction,
        )


class Ask(BaseModel):
    """Where a first picture is wanted."""

    model_config = ConfigDict(extra="forbid")

    place: str
    title: str = ""
    language: str = "en"


class DrawingOut(BaseModel):
    """A drawing that was cleaned and kept."""

    digest: str
    size: tuple[float, float]
    parts: list[str]
    """Elements that can be bound."""
    taken_out: list[str]


def router(pictures: Pictures) -> APIRouter:
    """The routes of process pictures, below /api/v1."""
    api = APIRouter(prefix="/pictures", tags=["pictures"])

    @api.get("")
    async def list_pictures(
        who: Caller, under: str = "", cursor: str = "", limit: Limit = 100, removed: bool = False
    ) -> Slice[PictureOut]:
        """The pictures of a subtree; with `removed` those you may bring back, by restoring their version."""
        after = str(unpack_cursor(cursor)[0]) if cursor else ""
        ask = pictures.removed if removed else pictures.list_
        found = await ask(who, under=under, after=after, limit=limit)
        last = pack_cursor(found[-1].id) if len(found) == limit else None
        return Slice(items=[PictureOut.of(p) for p in found], next=last)

    @api.post("", status_code=201)
    async def add(who: Caller, parcel: dict[str, Any]) -> dict[str, Any]:
        """Add a picture, as `GET` of one answers it; drawings it carries are cleaned again."""
        return await _answer(who, await Parcel.taken(pictures, who, parcel, new=True))

    @api.post("/sketches")
    async def sketch(who: Caller, body: Ask) -> dict[str, Any]:
        """A first picture of a place, made from the tree; nothing is saved."""
        found = await pictures.draw_up(who, body.place, title=body.title, language=body.language)
        return await _answer(who, found)

    @api.post("/drawings", status_code=201)
    async def add_drawing(who: Caller, place: str, file: UploadFile) -> DrawingOut:
        """Clean an SVG and keep it for pictures; what was taken out is named."""
        digest, drawing, findings = await pictures.add_drawing(who, place, await file.read(MOST_BYTES + 1))
        return DrawingOut(digest=digest, size=drawing.size, parts=list(drawing.parts), taken_out=list(findings))

    @api.get("/{id_}")
    async def get(who: Caller, id_: str, version: Version | None = None) -> dict[str, Any]:
        """One picture with its drawings, now or as it was under a version: what another plant can take in."""
        found = await pictures.get(who, id_) if version is None else await pictures.at(who, id_, version)
        return await _answer(who, found)

    @api.put("/{id_}")
    async def save(who: Caller, id_: str, parcel: dict[str, Any]) -> dict[str, Any]:
        """The next version of a picture; `version` in it is the one you saw."""
        return await _answer(who, await Parcel.taken(pictures, who, {**parcel, "id": id_}, new=False))

    @api.delete("/{id_}")
    async def remove(who: Caller, id_: str, version: Version) -> PictureOut:
        """Take a picture away; restoring a version brings it back."""
        return PictureOut.of(await pictures.remove(who, id_, version=version))

    @api.get("/{id_}/versions")
    async def versions(who: Caller, id_: str, before: Version | None = None, limit: Limit = 50) -> list[EditionOut]:
        """The versions of a picture, newest first."""
        return [EditionOut.of(e) for e in await pictures.editions(who, id_, before=before, limit=limit)]

    @api.post("/{id_}/versions/{version}/restore")
    async def restore(who: Caller, id_: str, version: Version) -> PictureOut:
        """A picture becomes again what it was."""
        return PictureOut.of(await pictures.restore(who, id_, version))

    @api.get("/{id_}/now")
    async def now(who: Caller, id_: str) -> dict[str, dict[str, SlotOut]]:
        """Every bound slot now, by item."""
        watched = await pictures.watching.find(who, await pictures.get(who, id_))
        found = await pictures.watching.now(who, watched)
        return {item: {slot: SlotOut.of(r) for slot, r in slots.items()} for item, slots in found.items()}

    async def _answer(who: Who, picture: Picture) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.to_builtins(await Parcel.of(pictures, who, picture), enc_hook=str)
        return told

    return api
