"""Collects the screens: one decorator names an address, a title and a place in the navigation.

@page("/connections", title="Connections", section="Plant", icon="lan", order=20, role=3)
async def connections(view: View) -> None:
    heading(view.text("Connections"))

@page("/assets/{path:path}", title="Asset", section=None)      # an address with parts, not in the navigation
async def asset(view: View, path: str, tab: str = "now") -> None:   # `tab` comes from ?tab=…
    ...
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, get_type_hints
from urllib.parse import parse_qsl, urlsplit

from starlette.routing import compile_path

PageFunction = Callable[..., Awaitable[None] | None]

_pages: dict[str, Page] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One screen: its address, its place in the navigation and the function that draws it."""

    address: str
    title: str
    draw: PageFunction
    section: str | None = None
    icon: str = ""
    order: int = 100
    role: int = 0
    """Least role number that may open it; services check again."""
    public: bool = False
    """Shown to people who are not signed in."""
    plain: bool = False
    """Drawn without bar and navigation."""

    def matches(self, path: str) -> dict[str, Any] | None:
        """The parts of a path when this page answers it."""
        pattern, _, convertors = compile_path(self.address)
        found = pattern.match(path)
        return {k: convertors[k].convert(v) for k, v in found.groupdict().items()} if found else None


def page(
    address: str,
    *,
    title: str,
    section: str | None = None,
    icon: str = "",
    order: int = 100,
    role: int = 0,
    public: bool = False,
    plain: bool = False,
) -> Callable[[PageFunction], PageFunction]:
    """Make a function a screen. `section=None` leaves it out of the navigation; `title` is translated."""

    def register(draw: PageFunction) -> PageFunction:
        _pages[address] = Page(
            address=address,
            title=title,
            draw=draw,
            section=section,
            icon=icon,
            order=order,
            role=role,
            public=public,
            plain=plain,
        )
        return draw

    return register


def pages() -> list[Page]:
    """Every screen registered so far, in navigation order."""
    return sorted(_pages.values(), key=lambda p: (p.order, p.title))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A page together with the arguments its address carries."""

    page: Page
    address: str
    arguments: dict[str, Any]


def find(address: str) -> Visit | None:
    """Which page answers an address such as `/assets/acme/line-1?tab=trend`; fixed addresses win over patterns."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/") or "/"
    for candidate in sorted(_pages.values(), key=lambda p: ("{" in p.address, -len(p.address))):
        found = candidate.matches(path)
        if found is not None:
            arguments = _query(candidate.draw, dict(parse_qsl(parts.query))) | found
            return Visit(page=candidate, address=address, arguments=arguments)
    return None


def _query(draw: PageFunction, query: dict[str, str]) -> dict[str, Any]:
    """Query values the page function asks for by name, as the type it names; what does not fit is left out."""
    hints = get_type_hints(draw)
    arguments: dict[str, Any] = {}
    for name in list(inspect.signature(draw).parameters)[1:]:
        if name in query:
            convert = next((t for t in (int, float) if t == hints.get(name)), str)
            try:
                arguments[name] = convert(query[name])
            except ValueError:
                continue
    return arguments
