"""A picture with all it needs, as one JSON document: what export writes, import reads and the editor works on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from lineshaft.security import Who
from lineshaft.twins.errors import BadPicture
from lineshaft.twins.model.picture import Drawing, Picture

from .pictures import Pictures

_PREFIX = re.compile(r'\bid="([0-9a-f]{8})-')
"""What cleaning put before the names of parts; without taking it off again it would grow each time."""


class Parcel:
    """Wraps and unwraps pictures."""

    @staticmethod
    async def of(pictures: Pictures, who: Who, picture: Picture) -> dict[str, Any]:
        """The picture with its drawings in place of their digests."""
        told: dict[str, Any] = msgspec.to_builtins(picture, enc_hook=str)
        drawings = await pictures.drawings(who, picture)
        return told | {"drawings": {name: msgspec.to_builtins(drawing) for name, drawing in drawings.items()}}

    @staticmethod
    async def taken(pictures: Pictures, who: Who, parcel: Mapping[str, Any], *, new: bool) -> Picture:
        """Save a parcel, as a new picture or as the next version of the one it names.

        Drawings it carries come from strangers: each is cleaned again, whatever was done to it before.
        """
        drawings = parcel.get("drawings", {})
        if not isinstance(drawings, Mapping) or not all(isinstance(d, str | Mapping) for d in drawings.values()):
            raise BadPicture("The drawings are not an object of drawings by name.", hint="Send what an export wrote.")
        picture = unwrapped({**parcel, "drawings": {}})
        picture = replace(picture, version=0, id="") if new else picture
        told = {name: _told(name, one) for name, one in drawings.items() if not isinstance(one, str)}
        standing = await _standing(pictures, who, picture) if picture.version else {}
        known = {name: digest for name, (digest, drawing) in standing.items() if told.get(name) == drawing}
        known |= {name: one for name, one in drawings.items() if isinstance(one, str)}
        fresh = {name: _whole(one) for name, one in told.items() if name not in known}
        return await pictures.save(who, replace(picture, drawings=known), fresh=fresh)


def unwrapped(parcel: Mapping[str, Any]) -> Picture:
    """A picture from JSON; BadPicture names the part that is wrong."""
    try:
        return msgspec.convert(dict(parcel), Picture, strict=False, dec_hook=lambda wanted, value: wanted(value))
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise BadPicture(f"This is not a picture: {error}.", hint="Send what an export wrote.") from error


async def _standing(pictures: Pictures, who: Who, picture: Picture) -> dict[str, tuple[str, Drawing]]:
    """The drawings the picture has now with their digests: those that come back as they were told stay as they are."""
    now = await pictures.get(who, picture.id)
    return {name: (now.drawings[name], drawing) for name, drawing in (await pictures.drawings(who, now)).items()}


def _told(name: str, told: Mapping[str, Any]) -> Drawing:
    try:
        return msgspec.convert(dict(told), Drawing, strict=False)
    except msgspec.ValidationError as error:
        raise BadPicture(f"The drawing {name!r} cannot be read: {error}.", hint="Send what an export wrote.") from error


def _whole(drawing: Drawing) -> bytes:
    """The markup as a file again, its own names in place of those it got for pages."""
    box = "".join(c for c in drawing.box if c in "0123456789.- ")
    width, height = drawing.size
    before = _PREFIX.search(drawing.svg)
    inside = drawing.svg.replace(f"{before[1]}-", "") if before else drawing.svg
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{width:g}" height="{height:g}">'
    return f"{head}{inside}</svg>".encode(errors="replace")
