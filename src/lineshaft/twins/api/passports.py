"""Digital product passports over HTTP, and the codes that lead to products."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response

from lineshaft.kernel.http import caller
from lineshaft.security import Who
from lineshaft.twins.metamodel import identifiers
from lineshaft.twins.service import PassportDesk
from lineshaft.twins.submodels.passport import Tier, product_code

Caller = Annotated[Who, Depends(caller)]


def router(passports: PassportDesk) -> APIRouter:
    """The routes, below /api/v1; a product is named by its identifier in base64url, as in the AAS API."""
    api = APIRouter(prefix="/dpp", tags=["passports"])

    @api.get("/{product}")
    async def get_passport(
        who: Caller, product: str, tier: Literal["public", "legitimate", "authority"] = "public"
    ) -> dict[str, Any]:
        """The passport: its metadata, and one member per content specification with the value of that submodel."""
        return (await passports.read(who, identifiers.decode_id(product), Tier[tier.upper()])).body

    @api.get("/{product}/code")
    async def get_code(who: Caller, product: str) -> Response:
        """The QR code of a product that has a passport, as SVG."""
        read = await passports.read(who, identifiers.decode_id(product))
        return Response(product_code(read.product), media_type="image/svg+xml")

    return api
