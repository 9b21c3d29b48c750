"""Lets people act: buttons, menus, questions before and undo after, downloads."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element

from .layout import element, icon
from .view import View, guarded, here, text

PATIENCE_S = 0.3
"""How long a deed may take before its button looks busy."""

Handler = Callable[..., Any]
Content = bytes | str


class Button(Element):  # type: ignore[misc]
    """Something to press, found by its label in tests: `user.find("Save").click()`."""

    words: Any = None

    def __init__(self, label: str, **attributes: str) -> None:
        super().__init__("button")
        self.label = label
        named = {name.replace("_", "-"): value for name, value in attributes.items() if value}
        self.props.update({"type": "button", **named})

    def set_label(self, label: str) -> None:
        """Name it differently."""
        self.label = label
        if self.words is not None:
            self.words.set(label)

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        return [*super()._displayed_contents(only_visible=only_visible), self.label]


def button(
    label: str,
    on_click: Handler | None = None,
    *,
    kind: str = "normal",
    symbol: str = "",
    enabled: bool = True,
    hint: str = "",
) -> Button:
    """A button; kind is primary (one per page), normal, quiet or danger. Errors of the handler are shown.

    button("Save", save, kind="primary", symbol="save")
    """
    with Button(label, title=hint) as made:
        if symbol:
            icon(symbol)
        made.words = element("span", content=label)
    made.classes(f"ls-button ls-{kind}")
    enable(made, enabled)
    return _clicked(made, on_click)


def icon_button(symbol: str, label: str, on_click: Handler | None = None) -> Button:
    """A button that shows only a symbol; `label` is read aloud and shown on hover."""
    with Button(label, title=label, aria_label=label) as made:
        icon(symbol)
    made.classes("ls-icon-button")
    return _clicked(made, on_click)


def _clicked(made: Button, on_click: Handler | None) -> Button:
    if on_click is not None:
        made.on("click", _once(made, guarded(on_click)), args=[])
    return made


def _once(made: Button, press: Any) -> Callable[[], Awaitable[None]]:
    """A handler that is not begun again while it runs, and looks busy when that takes a moment."""
    running = False

    async def pressed() -> None:
        nonlocal running
        if running:
            return
        running = True
        patience = asyncio.get_running_loop().call_later(PATIENCE_S, _busy, made, True)
        try:
            await press()
        finally:
            running = False
            patience.cancel()
            _busy(made, False)

    return pressed


def _busy(made: Button, yes: bool) -> None:
    if not made.is_deleted and yes != ("aria-busy" in made.props):
        made.props.set_optional("aria-busy", "true" if yes else None)


def enable(control: Button, yes: bool = True) -> None:
    """Switch a button on or off."""
    if yes:
        control.props.pop("disabled", None)
    else:
        control.props["disabled"] = True


def menu(
    label: str, entries: Sequence[tuple[str, Handler]], *, symbol: str = "more_vert", named: bool = False
) -> Button:
    """A button that opens a list of actions: `menu("More", [("Rename", rename), ("Remove", remove)])`.

    `named` shows the label beside the symbol.
    """
    made = button(label, kind="quiet", symbol=symbol) if named else icon_button(symbol, label)
    with made, ui.menu().classes("ls-menu"):
        for name, handler in entries:
            ui.menu_item(name, on_click=guarded(handler)).classes("ls-menu-item")
    return made


async def confirm(question: str, consequence: str = "", *, do: str, danger: bool = False) -> bool:
    """Ask before something that cannot be undone; `do` names the deed on the button.

    if await confirm("Remove 3 connections?", "Their history stays.", do="Remove", danger=True): ...
    """
    with ui.dialog() as dialog, element("div", "ls-dialog", role="alertdialog", aria_label=question):
        element("h2", content=question)
        if consequence:
            element("p", content=consequence)
        with element("div", "ls-dialog-actions"):
            stay = button(text("Cancel"), lambda: dialog.submit(False), kind="quiet")
            stay.props["autofocus"] = True
            button(do, lambda: dialog.submit(True), kind="danger" if danger else "primary")
    answer = await dialog
    dialog.delete()
    return bool(answer)


class Dialog:
    """A window over the page, opened with `with`; `close()` takes it away."""

    def __init__(self, title: str, *, wide: bool = False) -> None:
        self._dialog = ui.dialog()
        with (
            self._dialog,
            element("div", "ls-dialog", "ls-dialog-wide" if wide else "", role="dialog", aria_label=title),
        ):
            element("h2", content=title)
            self._body = element("div", "ls-stack")

    def __enter__(self) -> Dialog:
        self._body.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._body.__exit__(*error)
        fields = (ui.input, ui.number, ui.select, ui.textarea)
        first = next((e for e in self._body.descendants() if isinstance(e, fields)), None)
        if first is not None:
            first.props["autofocus"] = True
        self._dialog.open()

    def close(self) -> None:
        """Take the window away."""
        self._dialog.close()


def dialog(title: str, *, wide: bool = False) -> Dialog:
    """A window for a short task: `with dialog("Rename") as box: form(…, on_submit=…)`."""
    return Dialog(title, wide=wide)


def toast(message: str, *, hint: str = "", kind: str = "info") -> None:
    """Tell something for a few seconds; kind is info, good, warn or bad."""
    here().toast(message, hint=hint, kind=kind)


def undo(message: str, back: Callable[[], Awaitable[object] | object]) -> None:
    """Say what was done and offer to take it back: `undo("Removed Filler", restore)`."""
    view: View = here()
    view.toast(message, kind="info", action=(text("Undo"), back))


def hand_over(content: Content, filename: str, media_type: str = "") -> None:
    """Give the viewer a file: their browser saves it."""
    ui.download.content(content, filename, media_type)


def download_button(
    label: str,
    make: Callable[[], Awaitable[Content] | Content],
    filename: str | Callable[[], str],
    *,
    media_type: str = "",
    kind: str = "normal",
) -> Button:
    """A button that makes a file and hands it over: `download_button("CSV", make_csv, "trend.csv")`."""

    async def make_it() -> None:
        made = make()
        content = await made if inspect.isawaitable(made) else made
        hand_over(content, filename if isinstance(filename, str) else filename(), media_type)

    return button(label, make_it, kind=kind, symbol="download")
