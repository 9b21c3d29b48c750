"""What stands around every page: bar, search, navigation, health, and the way from page to page.

The frame is drawn once per browser tab. Links inside the console swap only the page, so values, search
and navigation stay; the address bar and the back button work as on any site.
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request
from nicegui import Client, background_tasks, json, ui
from nicegui.element import Element

from lineshaft.kernel.errors import Forbidden, NotFound

from .display import Badge, badge, error_panel
from .language import LANGUAGES, mark
from .layout import element, heading, icon
from .live import Live
from .registry import Page, Visit, find, pages
from .search import Provider, SearchBox
from .view import View, Work, enter, guarded, text

BUILD_S = 1.5
"""How long the first answer waits for a page; what takes longer appears when it is ready."""
TOAST_S = 6.0
IDENTIFY_S = 15.0
"""How often an open tab asks again who is looking; signing out elsewhere closes it within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the platform is, for the dot in the bar: a state word, what to call it, a sentence and where to read more."""

    state: str
    message: str
    address: str = ""
    label: str = ""
    """A few words beside the dot; the name of the state when empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every tab is given by `mount`."""

    plant: str
    timezone: Any
    language: str
    services: Mapping[str, Any]
    identify: Callable[[Request], Any]
    role_of: Callable[[Any], int]
    sign_in: str
    sign_out: str
    search: Sequence[Provider]
    health: Callable[[Any], Awaitable[Health]] | None


class Toast(Live, component="assets/ls_toast.js"):
    """A message that goes away by itself."""


class Frame:
    """One browser tab: who looks, in which language, and the page that is shown."""

    def __init__(self, around: Surroundings, client: Client, who: Any, language: str, dark: str) -> None:
        self.around = around
        self._client = weakref.ref(client)
        self.who = who
        self.language = language
        self.dark = dark
        self.hidden = False
        """Whether the browser shows another tab; timers rest meanwhile."""
        self.view = self._new_view("/")
        self._build: asyncio.Task[Any] | None = None
        self._trail: Element | None = None
        self._links: dict[str, Element] = {}
        self._dot: Badge | None = None

    @property
    def client(self) -> Client:
        """The browser tab; held weakly, so that a closed one is forgotten with all it showed."""
        client = self._client()
        if client is None:
            raise NotFound("The browser tab has been closed.")
        return client

    def _browser(self, script: str) -> None:
        """Run something in the browser if it is still there."""
        client = self._client()
        if client is not None and not client.is_deleted:
            client.run_javascript(script)

    # -- drawing ------------------------------------------------------------------------------

    def draw(self, visit: Visit) -> None:
        """Draw the frame, or only a bare place for plain pages."""
        enter(self.client, self.view)
        ui.on("lineshaft-go", self._asked)
        ui.on("lineshaft-hidden", lambda event: setattr(self, "hidden", bool(event.args)))
        if not visit.page.plain:
            element("a", "ls-skip", content=text("Skip to content"), href="#ls-main")
        with element("div", "ls-plainframe" if visit.page.plain else "ls-frame"):
            if not visit.page.plain:
                self._draw_bar()
                self._draw_navigation()
            with element("div", "ls-middle"):
                self._draw_banner()
                if not visit.page.plain:
                    self._trail = element("nav", "ls-trail", aria_label=text("Where you are"))
                self.content = element(
                    "main" if not visit.page.plain else "div", "ls-page", id_="ls-main", tabindex="-1"
                )
        self._toasts = element("div", "ls-toasts", role="status", aria_live="polite")
        if not visit.page.public:
            self.view.every(IDENTIFY_S, self._still_there, name="identity")

    def ended(self) -> None:
        """Go to the sign-in page, which says why, and from there back here."""
        self._leave(f"{self.around.sign_in}?next={quote(self.view.address)}&ended=1")

    async def _still_there(self) -> None:
        """Leave when the session has ended elsewhere; take over changed rights."""
        who = await identify(self.around, self.client.request)
        if who is None:
            self.ended()
        else:
            self.who = self.view.who = who
            self.view.role = self.around.role_of(who)

    def _draw_bar(self) -> None:
        with element("header", "ls-bar"):
            with element("button", "ls-icon-button", "ls-nav-toggle", type="button", aria_label=text("Navigation"),
                         data_ls="nav"):  # fmt: skip
                icon("menu")
            with element("a", "ls-brand", href="/"):
                ui.html(mark_svg(), sanitize=False).classes("ls-mark")
                element("span", "ls-plant", content=self.around.plant)
            SearchBox(self.around.search)
            with element("div", "ls-bar-end"):
                self._draw_health()
                self._draw_language()
                self._draw_theme()
                self._draw_user()

    def _draw_health(self) -> None:
        with element("a", "ls-health", href="/", title=text("Connection to the platform")) as place:
            self._dot = badge("connected", text("Connected"))
        if self.around.health is not None:
            ask = self.around.health

            async def refresh() -> None:
                now = await asyncio.wait_for(ask(self.who), 5)
                place.props.update({"href": now.address or "/", "title": self.view.said(now.message)})
                assert self._dot is not None
                self._dot.set(now.state, self.view.said(now.label) or None)

            self.view.every(2.0, refresh, name="health")

    def _draw_theme(self) -> None:
        name = text("Light, dark or automatic")
        with element("button", "ls-icon-button", type="button", data_ls="theme", title=name, aria_label=name):
            icon("contrast")

    def _draw_language(self) -> None:
        name = text("Language")
        with element("button", "ls-icon-button", type="button", title=name, aria_label=name):
            icon("translate")
            with ui.menu().classes("ls-menu"):
                for code, own_name in LANGUAGES.items():
                    with ui.menu_item(own_name).classes("ls-menu-item") as entry:
                        entry.on("click", js_handler=f"() => lineshaft.language('{code}')")
                        if code == self.language:
                            entry.props("active")

    def _draw_user(self) -> None:
        name = str(getattr(self.who, "name", ""))
        with element("button", "ls-user", type="button", aria_label=text("Account of {name}", name=name)):
            element("span", "ls-avatar", content=(name[:1] or "?").upper(), aria_hidden="true")
            element("span", "ls-user-name", content=name)
            with ui.menu().classes("ls-menu"):
                for page in (p for p in pages() if p.section == "" and p.role <= self.view.role):
                    ui.menu_item(text(page.title), lambda p=page: self.go(p.address)).classes("ls-menu-item")
                with ui.menu_item(text("Sign out")).classes("ls-menu-item") as leave:
                    leave.on("click", js_handler=f"() => lineshaft.post('{self.around.sign_out}')")

    def _draw_navigation(self) -> None:
        with element("nav", "ls-nav", aria_label=text("Navigation"), id_="ls-nav"):
            sections: dict[str, list[Page]] = {}
            for page in pages():
                if page.section and page.role <= self.view.role and "{" not in page.address:
                    sections.setdefault(page.section, []).append(page)
            for name, members in sections.items():
                with element("div", "ls-nav-section"):
                    element("p", "ls-nav-title", content=text(name))
                    for page in members:
                        self._draw_link(page)

    def _draw_link(self, page: Page) -> None:
        with element("a", "ls-nav-link", href=page.address, title=text(page.title)) as place:
            icon(page.icon or "chevron_right")
            element("span", content=text(page.title))
        self._links[page.address] = place

    def _draw_banner(self) -> None:
        with element("div", "ls-offline", role="alert"):
            icon("cloud_off")
            element("span", content=text("The connection to the platform is lost. What you see is from"))
            element("span", "ls-offline-since", content="–")
            element("span", content=text("Connecting again …"))

    # -- going from page to page --------------------------------------------------------------

    async def show(self, visit: Visit) -> None:
        """Draw a page into the frame; errors become a panel with a way to try again."""
        if self._build is not None and not self._build.done():
            self._build.cancel()
        self.view.leave()
        self.content.clear()
        self.view = self._new_view(visit.address)
        enter(self.client, self.view)
        self._mark_place(visit)
        self.title(text(visit.page.title), ())
        self._build = background_tasks.create(
            self._draw_page(visit), name=f"page {visit.address}", context=self.content
        )
        await asyncio.wait([self._build], timeout=BUILD_S)

    async def _draw_page(self, visit: Visit) -> None:
        try:
            if visit.page.role > self.view.role:
                raise Forbidden(
                    mark("You may not open this page."), hint=mark("Ask an administrator for the role it needs.")
                )
            drawn = visit.page.draw(self.view, **visit.arguments)
            if inspect.isawaitable(drawn):
                await drawn
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.content.clear()
            with self.content:
                heading(text(visit.page.title))
                error_panel(error, retry=self.reload)
        finally:
            self._browser("lineshaft.shown()")

    def _new_view(self, address: str) -> View:
        return View(
            who=self.who,
            role=self.around.role_of(self.who) if self.who is not None else 0,
            services=self.around.services,
            language=self.language,
            dark=self.dark,
            timezone=self.around.timezone,
            address=address,
            screen=self,
        )

    async def _asked(self, event: Any) -> None:
        """A link was followed or the back button pressed."""
        address = str(event.args)
        visit = find(address)
        who = await identify(self.around, self.client.request)
        if who is None and (visit is None or not visit.page.public):
            self._leave(f"{self.around.sign_in}?next={quote(address)}&ended=1")
        elif visit is None or visit.page.plain:
            self._leave(address)
        else:
            self.who = who
            await self.show(visit)

    def _leave(self, address: str) -> None:
        self._browser(f"lineshaft.leave({json.dumps(address)})")

    def _mark_place(self, visit: Visit) -> None:
        """Show in the navigation where the viewer is: the longest entry that holds the address."""
        path = visit.address.split("?", maxsplit=1)[0]
        holding = [a for a in self._links if path == a or (a != "/" and path.startswith(a + "/"))]
        current = max(holding, key=len, default="")
        for address, place in self._links.items():
            if (address == current) != ("aria-current" in place.props):
                place.props.set_optional("aria-current", "page" if address == current else None)

    # -- what a view may ask of its screen ------------------------------------------------------

    def go(self, address: str) -> None:
        """Show another page."""
        self._browser(f"lineshaft.go({json.dumps(address)})")

    def reload(self) -> None:
        """Draw the page again."""
        visit = find(self.view.address)
        if visit is not None:
            background_tasks.create(self.show(visit), name="reload", context=self.client.content)

    def remember(self, address: str) -> None:
        """Put what is shown into the address bar without going anywhere."""
        self._browser(f"lineshaft.remember({json.dumps(address)})")

    @property
    def site(self) -> str:
        """Scheme, host and port of the address in the browser."""
        return str(self.client.request.base_url).rstrip("/")

    def speak(self, language: str) -> None:
        """Remember the language in the browser and load the page again."""
        self._browser(f"lineshaft.language({json.dumps(language)})")

    def title(self, name: str, trail: Sequence[tuple[str, str]]) -> None:
        """Name the page in the browser and in the breadcrumb."""
        full = f"{name} · {self.around.plant}"
        self.client.title = full
        self._browser(f"document.title = {json.dumps(full)}")
        if self._trail is None:
            return
        self._trail.clear()
        with self._trail, element("ol"):
            with element("li"), element("a", href="/", aria_label=text("Overview")):
                icon("home")
            for label, address in trail:
                with element("li"), element("a", href=address):
                    element("span", content=label)
            with element("li", aria_current="page"):
                element("span", content=name)

    def toast(self, message: str, hint: str, kind: str, action: tuple[str, Work] | None) -> None:
        """Show a message for some seconds, longer when it offers something to do or is bad news."""
        with self._toasts:
            made = Toast(message=message, hint=hint, kind=kind, action=action[0] if action else "",
                         close=text("Close"), seconds=TOAST_S * (2 if action or kind == "bad" else 1))  # fmt: skip
        made.on("gone", lambda _: made.delete())
        if action is not None:
            made.on("act", guarded(lambda _: action[1]()))


async def identify(around: Surroundings, request: Request) -> Any:
    """Who asks, or None."""
    who = around.identify(request)
    return await who if inspect.isawaitable(who) else who


def not_allowed() -> Forbidden:
    """The error of a page that needs a higher role."""
    return Forbidden(mark("You may not open this page."), hint=mark("Ask an administrator for the role it needs."))


def not_found(address: str) -> NotFound:
    """The error of an address no page answers."""
    return NotFound(
        text("There is no page at {address}.", address=address),
        hint=mark("Use the navigation or the search to find what you need."),
    )


def mark_svg() -> str:
    """The platform's mark: a shaft with two pulleys and their belts."""
    return (
        '<svg viewBox="0 0 32 32" role="img" aria-label="Lineshaft" fill="none" stroke="currentColor" '
        'stroke-width="2.4" stroke-linecap="round"><path d="M3 9h26"/><rect x="7" y="4" width="5" height="10" rx="1.2" '
        'fill="currentColor" stroke="none"/><rect x="20" y="4" width="5" height="10" rx="1.2" fill="currentColor" '
        'stroke="none"/><path d="M9.5 14v6M22.5 14v6"/><circle cx="9.5" cy="24" r="4"/><circle cx="22.5" cy="24" '
        'r="4"/></svg>'
    )
