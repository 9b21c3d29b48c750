"""Finds anything from anywhere: one box, fed by whoever has something to be found.

    async def find_assets(who: Who, words: str, limit: int) -> list[Hit]: ...
    mount(app, …, search=[find_assets])

Ctrl+K or / focuses the box, arrow keys move, Enter opens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lineshaft.kernel.log import get_log

from .live import Live
from .registry import pages
from .view import View, here, text

log = get_log("console")
TIMEOUT_S = 2.0
LIMIT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something found: where it is, what it is called and what it is."""

    title: str
    address: str
    subtitle: str = ""
    symbol: str = "chevron_right"


Provider = Callable[[Any, str, int], Awaitable[Sequence[Hit]]]


class SearchBox(Live, component="assets/ls_search.js"):
    """The box in the bar with its list of hits."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        super().__init__(
            hits=[],
            words={
                "placeholder": text("Search machines, values, pages"),
                "none": text("Nothing found"),
                "searching": text("Searching …"),
                "label": text("Search"),
            },
        )
        self._providers = providers
        self.on("ask", self._ask)

    async def _ask(self, event: Any) -> None:
        words = str(event.args["text"])
        hits = await gather(here(), self._providers, words)
        self.call("show", event.args["turn"], [asdict(hit) for hit in hits])


async def gather(view: View, providers: Sequence[Provider], words: str) -> list[Hit]:
    """Ask everybody at once; who is late or fails is left out and named in the log."""
    words = words.strip()
    if not words:
        return []
    asked = [_ask_one(provider, view, words) for provider in providers]
    found = await asyncio.gather(*asked)
    return [*_pages(view, words), *(hit for hits in found for hit in hits)][: LIMIT * 3]


async def _ask_one(provider: Provider, view: View, words: str) -> Sequence[Hit]:
    try:
        return await asyncio.wait_for(provider(view.who, words, LIMIT), TIMEOUT_S)
    except Exception as error:
        log.warning("a search provider failed", provider=getattr(provider, "__qualname__", "?"), error=str(error))
        return []


def _pages(view: View, words: str) -> list[Hit]:
    low = words.lower()
    reachable = [p for p in pages() if p.section is not None and p.role <= view.role and "{" not in p.address]
    return [
        Hit(title=view.text(p.title), address=p.address, subtitle=view.text("Page"), symbol=p.icon)
        for p in reachable
        if low in view.text(p.title).lower() or low in p.title.lower()
    ]
