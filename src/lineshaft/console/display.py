"""Shows facts: states, lists of values, notices, code, progress and what to do when there is nothing."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from nicegui.element import Element

from lineshaft.kernel.errors import PlatformError

from .format import number, unit_text
from .language import mark
from .layout import Draw, element, icon
from .live import Live
from .view import View, as_platform_error, here, text

STATES: dict[str, tuple[str, str]] = {
    "good": ("good", mark("Good")),
    "ok": ("good", mark("OK")),
    "running": ("run", mark("Running")),
    "connected": ("run", mark("Connected")),
    "online": ("run", mark("Online")),
    "active": ("run", mark("Active")),
    "starting": ("busy", mark("Starting")),
    "connecting": ("busy", mark("Connecting")),
    "busy": ("busy", mark("Busy")),
    "uncertain": ("warn", mark("Uncertain")),
    "warning": ("warn", mark("Warning")),
    "warn": ("warn", mark("Warning")),
    "degraded": ("warn", mark("Degraded")),
    "held": ("warn", mark("Held")),
    "pending": ("busy", mark("Pending")),
    "acknowledged": ("good", mark("Acknowledged")),
    "overdue": ("warn", mark("Late")),
    "refused": ("alarm", mark("Refused")),
    "timed out": ("lost", mark("Timed out")),
    "bad": ("alarm", mark("Bad")),
    "alarm": ("alarm", mark("Alarm")),
    "error": ("alarm", mark("Error")),
    "failed": ("alarm", mark("Failed")),
    "lost": ("lost", mark("Lost")),
    "offline": ("lost", mark("Offline")),
    "disconnected": ("lost", mark("Disconnected")),
    "stale": ("stale", mark("Stale")),
    "stopped": ("stop", mark("Stopped")),
    "idle": ("stop", mark("Idle")),
    "disabled": ("stop", mark("Disabled")),
    "unknown": ("unknown", mark("Unknown")),
}
"""What a state looks like (shape and colour) and what it is called; any other word is shown as unknown."""


def look_of(state: str) -> str:
    """The look of a state word: good, run, busy, warn, alarm, lost, stale, stop or unknown."""
    return STATES.get(state.lower(), ("unknown", ""))[0]


def label_of(state: str, view: View | None = None) -> str:
    """The name of a state in the viewer's language."""
    known = STATES.get(state.lower())
    return (view or here()).text(known[1] if known else state)


class Badge(Live, component="assets/ls_badge.js"):
    """A state by shape, colour and word."""

    def set(self, state: str, label: str | None = None) -> None:
        """Change the state; `label` replaces its usual name."""
        self.patch(look=look_of(state), label=label_of(state, self.view) if label is None else label)


def badge(state: str, label: str | None = None) -> Badge:
    """A status badge, `badge("running")`; also good, uncertain, bad, unknown, lost, stopped, stale, alarm …"""
    return Badge(look=look_of(state), label=label_of(state) if label is None else label)


class Value(Live, component="assets/ls_value.js"):
    """One live value with unit, quality and age, in a line of text."""

    def set(self, value: Any, *, quality: object = "good", at: datetime | int | None = None) -> None:
        """Change the value; see `tile` for the arguments."""
        shown_now = shown(value, self.state["digits"], self.view)
        self.patch(value=shown_now, **reading_state(quality, at, self.view))


def value(
    now: Any = None,
    *,
    unit: str = "",
    digits: int | None = None,
    quality: object = "good",
    at: datetime | int | None = None,
) -> Value:
    """A live value inside facts or text: `speed = value(unit="Cel")`, later `speed.set(71.3, at=when)`."""
    return Value(value=shown(now, digits), unit=unit_text(unit), digits=digits, **reading_state(quality, at))


def shown(now: Any, digits: int | None = None, view: View | None = None) -> str:
    """A value as text: numbers formatted, truth as on/off, the rest as it is."""
    if isinstance(now, bool):
        return (view or here()).text("On" if now else "Off")
    if now is None or isinstance(now, int | float):
        return number(now, digits)
    return str(now)


def reading_state(quality: object, at: datetime | int | None, view: View | None = None) -> dict[str, Any]:
    """Quality look and time (milliseconds) of a reading, as the components take them; `at` may be in µs."""
    name = str(getattr(quality, "grade", quality)).lower()
    millis = at // 1000 if isinstance(at, int) else int(at.timestamp() * 1000) if at else None
    return {"look": look_of(name), "label": label_of(name, view), "at": millis}


class Facts:
    """A list of names and values whose texts can change."""

    def __init__(self) -> None:
        self._values: dict[str, Element] = {}

    def put(self, label: str, content: Element) -> None:
        self._values[label] = content

    def set(self, label: str, content: str) -> None:
        """Change the text of one fact."""
        self._values[label].set(content)


def facts(pairs: Sequence[tuple[str, Any]], *, narrow: bool = False) -> Facts:
    """Names with values below each other; a value is text, a number, a part, or a function that draws it.

    speed = value(unit="/min")
    facts([("Maker", "KHS"), ("State", lambda: badge("running")), ("Speed", speed)])
    """
    made = Facts()
    with element("dl", "ls-facts", "ls-facts-narrow" if narrow else ""):
        for label, content in pairs:
            with element("div"):
                element("dt", content=label)
                with element("dd") as cell:
                    if isinstance(content, Element):
                        content.move(cell)
                    elif callable(content):
                        content()
                    else:
                        made.put(label, element("span", content=shown(content)))
    return made


def paragraph(content: str, *, muted: bool = False) -> Element:
    """A line of text; returns an element with `.set(text)`."""
    return element("p", "ls-text", "ls-muted" if muted else "", content=content)


def link(content: str, address: str) -> Element:
    """A link to another page of the console or the web."""
    outside = not address.startswith("/")
    return element("a", "ls-link", content=content, href=address, target="_blank" if outside else None)


def notice(kind: str, message: str, *, hint: str = "", cause: str = "", actions: Draw | None = None) -> Element:
    """A panel that says what is the matter and what to do; kind is info, good, warn or bad.

    The technical cause is folded away until somebody asks for it.
    """
    symbols = {"info": "info", "good": "check_circle", "warn": "warning", "bad": "report"}
    with element("div", "ls-notice", f"ls-notice-{kind}", role="alert" if kind == "bad" else "status") as panel:
        icon(symbols[kind])
        with element("div", "ls-notice-text"):
            element("p", "ls-notice-message", content=message)
            if hint:
                element("p", content=hint)
            if cause:
                with element("details"):
                    element("summary", content=text("Technical cause"))
                    element("pre", content=cause)
        if actions is not None:
            with element("div", "ls-actions"):
                actions()
    return panel


def gravity(error: PlatformError) -> str:
    """How loud an error is shown: red is for faults of ours, amber for what does not answer, quiet for the rest."""
    return "bad" if error.status == 500 else "warn" if error.status > 500 else "info"


def error_panel(error: Exception, *, retry: Callable[[], object] | None = None) -> Element:
    """An error as a panel: its sentence, its hint, the cause on demand, and a way on.

    What may answer later offers to try again; what is not there, or not for the viewer, leads to the overview.
    """
    from .actions import button

    known, view = as_platform_error(error), here()
    details = f"{known.code}" + (f"\n{known.details}" if known.details else "")
    cause = str(known.details.get("cause", "")) or (details if known.status >= 500 else "")

    def onward() -> None:
        if known.status in (403, 404):
            button(text("To the overview"), lambda: view.go("/"), kind="quiet")
        elif retry is not None:
            button(text("Try again"), retry, kind="quiet")

    return notice(gravity(known), view.said(known.message), hint=view.said(known.hint), cause=cause, actions=onward)


def empty(title: str, message: str = "", *, symbol: str = "inbox", action: Draw | None = None) -> Element:
    """What stands where there is nothing yet, with the next step.

    empty("No connections yet", "Connect your first machine to see values here.",
          action=lambda: button("Add a connection", add))
    """
    with element("div", "ls-empty") as panel:
        icon(symbol)
        element("p", "ls-empty-title", content=title)
        if message:
            element("p", "ls-muted", content=message)
        if action is not None:
            action()
    return panel


def picture(svg: str, label: str) -> Element:
    """A drawing in SVG on white, such as a code to scan; nothing in it can run. `label` is read aloud."""
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    return element("img", "ls-picture", src=source, alt=label)


class Progress(Live, component="assets/ls_progress.js"):
    """How far long work has come."""

    def set(self, fraction: float | None, label: str = "") -> None:
        """Move on; None means nobody knows how long it takes."""
        self.patch(fraction=fraction, label=label)


def progress(fraction: float | None = None, label: str = "") -> Progress:
    """A progress bar: `bar = progress()`, later `bar.set(0.4, "4,000 of 10,000 rows")`."""
    return Progress(fraction=fraction, label=label)


class Code(Live, component="assets/ls_code.js"):
    """Text to read or copy exactly."""

    def set(self, content: str) -> None:
        """Replace the text."""
        self.patch(content=content)


def code(content: str, *, title: str = "") -> Code:
    """A block of code or configuration with a copy button."""
    return Code(content=content, title=title, copy=text("Copy"), copied=text("Copied"))
