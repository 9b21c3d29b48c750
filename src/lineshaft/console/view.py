"""What a page function is given: who looks, what they may ask, how they read.

async def overview(view: View) -> None:
    plant = await view.ask(Twins).tree(view.who)
    heading(view.text("Overview"))
    speed = tile(view.text("Speed"), unit="{bottles}/min")

    async def refresh() -> None:
        now = await view.ask(Historian).latest(view.who, [path])
        speed.set(now[path].number, quality=now[path].quality, at=now[path].ts)

    view.every(0.5, refresh)
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

from nicegui import Client, background_tasks, ui

from lineshaft.kernel.errors import Conflict, Internal, NotFound, PlatformError, Unauthorised
from lineshaft.kernel.log import get_log

from . import format as write
from .language import catalogue, mark

log = get_log("console")
T = TypeVar("T")
Work = Callable[[], Awaitable[object] | object]

_views: weakref.WeakKeyDictionary[Client, View] = weakref.WeakKeyDictionary()


class Screen(Protocol):
    """What the frame around a page does for it."""

    def go(self, address: str) -> None: ...
    def reload(self) -> None: ...
    def remember(self, address: str) -> None: ...
    def ended(self) -> None: ...
    @property
    def hidden(self) -> bool: ...
    @property
    def site(self) -> str: ...
    def speak(self, language: str) -> None: ...
    def title(self, text: str, trail: Sequence[tuple[str, str]]) -> None: ...
    def toast(self, message: str, hint: str, kind: str, action: tuple[str, Work] | None) -> None: ...


@dataclass(kw_only=True, eq=False)
class View:
    """One visit of one person to one page."""

    who: Any
    """The viewer: the first argument of every service method."""
    role: int
    """The highest role number the viewer holds anywhere."""
    services: Mapping[str, Any]
    language: str
    dark: str
    """`auto`, `light` or `dark`, as the viewer chose."""
    timezone: tzinfo
    address: str
    screen: Screen
    _troubled: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def ask(self, kind: type[T]) -> T:
        """The service of a class, `view.ask(Twins)`; NotFound when this process does not have it."""
        for service in self.services.values():
            if isinstance(service, kind):
                return service
        raise NotFound(f"This process has no {kind.__name__}.", hint="Start it with a role that includes that context.")

    def text(self, message: str, **values: object) -> str:
        """The message in the viewer's language: `view.text("{n} machines", n=3)`."""
        return catalogue(self.language).text(message, **values)

    def said(self, sentence: str) -> str:
        """A sentence a service wrote, such as an error's, in the viewer's language where it is known."""
        return catalogue(self.language).said(sentence)

    def moment(self, when: datetime | None, *, seconds: bool = True) -> str:
        """A time in the viewer's zone."""
        return write.moment(when, self.timezone, seconds=seconds)

    def go(self, address: str) -> None:
        """Show another page of the console without loading it anew."""
        self.screen.go(address)

    def reload(self) -> None:
        """Draw this page again, after something it shows has changed."""
        self.screen.reload()

    def remember(self, **query: str) -> None:
        """Write into the address what is shown now, so that reloading, going back and sharing find it again."""
        path, _, old = self.address.partition("?")
        kept = {name: value for name, value in (dict(parse_qsl(old)) | query).items() if value}
        self.address = f"{path}?{urlencode(kept, safe='/,')}" if kept else path
        self.screen.remember(self.address)

    @property
    def site(self) -> str:
        """Where the viewer reaches the platform: `http://127.0.0.1:8080`."""
        return self.screen.site

    def speak(self, language: str) -> None:
        """Show the whole console in another language from now on."""
        self.screen.speak(language)

    def title(self, text: str, *, trail: Sequence[tuple[str, str]] = ()) -> None:
        """Name what this page shows and where it lies: `view.title("Filler", trail=[("Line 1", "/assets/…")])`."""
        self.screen.title(text, trail)

    def toast(
        self, message: str, *, hint: str = "", kind: str = "info", action: tuple[str, Work] | None = None
    ) -> None:
        """Tell something for a few seconds; kind is info, good, warn or bad; action is (label, what to do)."""
        self.screen.toast(message, hint, kind, action)

    async def run(self, work: Awaitable[T] | T) -> T | None:
        """Await something; a PlatformError becomes a sentence and a hint on screen, and None is returned."""
        try:
            return await work if inspect.isawaitable(work) else work
        except Exception as error:
            self.explain(error)
            return None

    def explain(self, error: Exception) -> None:
        """Show an error as a toast: sentence, then what to do; faults of ours are logged too.

        Whoever is no longer signed in is led to the sign-in page at once.
        """
        known = as_platform_error(error)
        if isinstance(known, Unauthorised):
            self.screen.ended()
            return
        again = (self.text("Load again"), self.reload) if isinstance(known, Conflict) else None
        self.toast(self.said(known.message), hint=self.said(known.hint), kind="bad", action=again)

    def soon(self, work: Work) -> asyncio.Task[Any]:
        """Do something once, right after the page has been drawn; errors are shown. It ends with the page."""
        call = guarded(work)
        assert call is not None
        task: asyncio.Task[Any] = background_tasks.create(call(), name="console soon", context=ui.context.slot)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def leave(self) -> None:
        """Stop what `soon` began, because the page is going away."""
        for task in self._tasks:
            task.cancel()

    def every(self, seconds: float, work: Work, *, name: str = "") -> ui.timer:
        """Do something now and then again and again; runs never overlap, rest in hidden tabs and end with the page.

        A failure is told once, and again only after it has worked in between.
        """
        key = name or getattr(work, "__qualname__", str(id(work)))

        async def beat() -> None:
            if self.screen.hidden:
                return
            try:
                done = work()
                if inspect.isawaitable(done):
                    await done
                self._troubled.discard(key)
            except Exception as error:
                if key not in self._troubled:
                    self._troubled.add(key)
                    self.explain(error)

        return ui.timer(seconds, beat)


def as_platform_error(error: Exception) -> PlatformError:
    """The error itself when people can read it, otherwise a fault of ours, logged with its trace."""
    if isinstance(error, PlatformError):
        return error
    log.error("a page failed", error=str(error), kind=type(error).__name__, exc_info=error)
    return Internal(
        mark("Something went wrong on our side."),
        hint=mark("Try again; if it stays, tell your administrator the time."),
        cause=f"{type(error).__name__}: {error}",
    )


def enter(client: Client, view: View) -> None:
    """Make a view the current one of a browser tab."""
    _views[client] = view


def here() -> View:
    """The view of the page that is being drawn or handled right now."""
    return _views[ui.context.client]


def text(message: str, **values: object) -> str:
    """The message in the language of whoever looks right now; for parts and helpers without a `view`."""
    return here().text(message, **values)


def guarded(handler: Callable[..., Any] | None, *arguments: Any) -> Callable[..., Any] | None:
    """A handler whose errors become a sentence on screen; it gets the event only when it asks for one more argument."""
    if handler is None:
        return None

    async def attempt(*values: Any) -> Any:
        view = here()
        try:
            done = handler(*values)
            return await done if inspect.isawaitable(done) else done
        except Exception as error:
            view.explain(error)
            return None

    async def with_event(event: Any) -> Any:
        return await attempt(*arguments, event)

    async def without() -> Any:
        return await attempt(*arguments)

    return with_event if _takes(handler) > len(arguments) else without


def _takes(handler: Callable[..., Any]) -> int:
    """How many positional arguments a handler needs; those with a default are its own."""
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(handler).parameters.values()
    return sum(p.kind in plain and p.default is p.empty for p in parameters)
