"""Puts the console on a web application.

    app = FastAPI(); app.include_router(...)          # every API route first
    mount(
        app,
        plant="Bottling Berlin", timezone="Europe/Berlin", language="en",
        identify=sessions.identify,                    # request -> who | None, may be async
        services={"twins": twins, "historian": historian},
        search=[twins.search], health=overall_health,
    )

Screens come from `@page` functions: import their modules first. The console takes every address nobody
else has, so it is mounted last.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import copy
from datetime import tzinfo
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from nicegui import Client, ui
from nicegui import app as nicegui_app

from . import theme
from .display import error_panel
from .frame import Frame, Health, Surroundings, identify, not_found
from .language import mark, preferred
from .layout import heading
from .registry import Page, Visit, find, pages
from .search import Provider
from .view import View

LANGUAGE_COOKIE = "lineshaft_language"
THEME_COOKIE = "lineshaft_theme"
PROBLEM = "application/problem+json"
RECONNECT_S = 10.0
"""How long a tab may be away before its page is drawn anew."""


def mount(
    app: FastAPI,
    *,
    identify: Callable[[Request], Any],
    services: Mapping[str, Any] | None = None,
    plant: str = "Lineshaft",
    timezone: str | tzinfo = "UTC",
    language: str = "en",
    sign_in: str = "/sign-in",
    sign_out: str = "/sign-out",
    search: Sequence[Provider] = (),
    health: Callable[[Any], Awaitable[Health]] | None = None,
    role_of: Callable[[Any], int] | None = None,
    development: bool = False,
) -> None:
    """Serve every registered page on `app`; `development` adds /gallery. See the module."""
    if development:
        from . import gallery  # noqa: F401  (registers its page)
    around = Surroundings(
        plant=plant,
        timezone=ZoneInfo(timezone) if isinstance(timezone, str) else timezone,
        language=language,
        services=services or {},
        identify=identify,
        role_of=role_of or highest_role,
        sign_in=sign_in,
        sign_out=sign_out,
        search=search,
        health=health,
    )
    _forget()
    for one in pages():
        _serve(around, one)
    theme.serve()
    ui.run_with(
        app,
        root=_root(around),
        title=plant,
        reconnect_timeout=RECONNECT_S,
        tailwind=False,
        show_welcome_message=False,
        favicon=theme.ASSETS / "favicon.svg",
        binding_refresh_interval=None,
    )


def _forget() -> None:
    """Take back what an earlier mount in this process added, so that a server can be started again."""
    nicegui_app.user_middleware.clear()
    nicegui_app.middleware_stack = None


def highest_role(who: Any) -> int:
    """The highest role number among a viewer's grants."""
    return max((int(grant.role) for grant in getattr(who, "grants", ())), default=0)


def _serve(around: Surroundings, one: Page) -> None:
    async def answer(request: Request, client: Client) -> Response | None:
        return await _answer(around, request, client)

    ui.page(one.address, response_timeout=5.0)(answer)
    Client.page_routes.pop(answer, None)


def _root(around: Surroundings) -> Callable[..., Awaitable[Response | None]]:
    """Answers addresses no page has with a readable panel in the frame."""

    async def answer(request: Request, client: Client) -> Response | None:
        client.status_code = 404
        return await _answer(around, request, client)

    return answer


async def _answer(around: Surroundings, request: Request, client: Client) -> Response | None:
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    visit = find(address) or _missing(address)
    if visit.page.draw is _draw_missing and "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"title": "Not found", "status": 404, "instance": address}, 404, media_type=PROBLEM)
    who = await identify(around, request)
    if who is None and not visit.page.public:
        return RedirectResponse(f"{around.sign_in}?next={quote(address)}", status_code=303)
    language = preferred(
        request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""), around.language
    )
    theme.head(language, around.timezone)
    client.content.classes(replace="ls-root")
    frame = Frame(around, client, who, language, request.cookies.get(THEME_COOKIE, "auto"))
    frame.draw(visit)
    client.page = copy(client.page)
    client.page.language = {"en": "en-US", "zh": "zh-CN"}[language]
    await frame.show(visit)
    return None


def _missing(address: str) -> Visit:
    return Visit(page=Page(address=address, title=mark("Not found"), draw=_draw_missing), address=address, arguments={})


def _draw_missing(view: View) -> None:
    heading(view.text("Not found"))
    error_panel(not_found(view.address.split("?", maxsplit=1)[0]))
