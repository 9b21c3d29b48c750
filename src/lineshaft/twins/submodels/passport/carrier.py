"""The data carrier on the product: a QR code with the product's identifier (EN 18220; ISO/IEC 18004)."""

from __future__ import annotations

import io
from urllib.parse import urlsplit

import segno

from lineshaft.twins.submodels.errors import BadSubmodel

_LONGEST = 2000


def product_code(identifier: str, *, scale: int = 4) -> str:
    """An SVG image of a QR code that holds the web address; level M corrects 15 % of damage."""
    parts = urlsplit(identifier)
    if parts.scheme not in ("http", "https") or not parts.hostname or len(identifier) > _LONGEST:
        raise BadSubmodel(
            f"{identifier[:80]!r} is not a web address, so nobody could open it.",
            hint="The product identifier of a passport is an http or https address (EN 18219).",
        )
    out = io.BytesIO()
    segno.make(identifier, error="m", micro=False).save(out, kind="svg", scale=scale, xmldecl=False, title=identifier)
    return out.getvalue().decode()
