"""Lets the console's search box find twins by name, title and type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineshaft.security import Who

from .model import say
from .service import Twins

if TYPE_CHECKING:
    from lineshaft.console import Hit, Provider


def finder(twins: Twins) -> Provider:
    """A provider for `console.mount(search=[…])`."""

    async def find(who: Who, words: str, limit: int) -> list[Hit]:
        from lineshaft.console import Hit  # the gateway box has twins, but no screens

        found = await twins.list_(who, words=words, limit=limit)
        return [
            Hit(
                title=twin.title(),
                address=f"/assets/{twin.path}",
                subtitle=" · ".join(p for p in (say(twin.kind.title) if twin.kind else "", str(twin.path)) if p),
                symbol=twin.icon,
            )
            for twin in found
        ]

    return find
