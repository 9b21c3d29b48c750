"""A picture with all it needs, as one JSON document: what export writes, import reads and the editor works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from lineshaft.security import Who
from lineshaft.twins.errors import BadPicture
from lineshaft.twins.model.picture import Drawing, Picture

from .pictures import Pictures


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
        digests: dict[str, str] = {}
        for name, told in drawings.items():
            digests[name] = told if isinstance(told, str) else await _kept(pictures, who, picture, name, told)
        return await pictures.save(who, replace(picture, drawings=digests))


def unwrapped(parcel: Mapping[str, Any]) -> Picture:
    """A picture from JSON; BadPicture names the part that is wrong."""
    try:
        return msgspec.convert(dict(parcel), Picture, strict=False, dec_hook=lambda wanted, value: wanted(value))
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise BadPicture(f"This is not a picture: {error}.", hint="Send what an export wrote.") from error


async def _kept(pictures: Pictures, who: Who, picture: Picture, name: str, told: Mapping[str, Any]) -> str:
    try:
        drawing = msgspec.convert(dict(told), Drawing, strict=False)
    except msgspec.ValidationError as error:
        raise BadPicture(f"The drawing {name!r} cannot be read: {error}.", hint="Send what an export wrote.") from error
    return (await pictures.add_drawing(who, picture.place, _whole(drawing)))[0]


def _whole(drawing: Drawing) -> bytes:
    """The markup as a file again, its own names in place of those it got for pages."""
    box = "".join(c for c in drawing.box if c in "0123456789.- ")
    width, height = drawing.size
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{width:g}" height="{height:g}">'
    return f"{head}{drawing.svg}</svg>".encode(errors="replace")
