"""Places things on a page: headings, sections, grids, columns, tabs and the plain page.

heading(view.text("Connections"), actions=lambda: button(view.text("Add"), add, icon="add"))
with section(view.text("Health")):
    facts([...])
with columns(2, 1):
    with section("left"): ...
    with section("right"): ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element

from .language import LANGUAGES
from .view import guarded, here, text

Draw = Callable[[], object]


def element(tag: str, *classes: str, content: str | None = None, **attributes: Any) -> Element:
    """An HTML element with our classes; `content` is plain text; `aria_label` becomes `aria-label`."""
    made = _Text(tag, content) if content is not None else ui.element(tag)
    made.classes(" ".join(classes))
    with made.props.suspend_updates():
        made.props.update({k.rstrip("_").replace("_", "-"): v for k, v in attributes.items() if v not in (None, "")})
    return made


class _Text(Element):  # type: ignore[misc]
    """An element that holds only text and changes it with the least possible message."""

    def __init__(self, tag: str, content: str) -> None:
        super().__init__(tag)
        self._text = content

    def set(self, content: str) -> None:
        """Change the text; nothing is sent when it is the same."""
        if content != self._text and not self.is_deleted:
            self._text = content
            self.update()

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        return [*super()._displayed_contents(only_visible=only_visible), self._text]


def icon(name: str, *classes: str) -> Element:
    """A quiet outlined symbol by its Material name; decoration, never the only carrier of meaning."""
    return element("i", "ls-icon", *classes, content=name, aria_hidden="true")


def heading(title: str, *, subtitle: str = "", status: str | None = None, actions: Draw | None = None) -> Element:
    """The page's first line: what this is, how it is, what can be done.

    heading("Filler", subtitle="Line 1", status="good", actions=lambda: button("Edit", edit))
    """
    from .display import badge

    with element("header", "ls-heading") as head:
        with element("div", "ls-heading-text"):
            with element("div", "ls-heading-line"):
                element("h1", content=title, tabindex="-1")
                if status is not None:
                    badge(status)
            if subtitle:
                element("p", "ls-muted", content=subtitle)
        if actions is not None:
            with element("div", "ls-actions"):
                actions()
    return head


def section(title: str = "", *, subtitle: str = "", actions: Draw | None = None, flush: bool = False) -> Element:
    """A card with a title, used with `with`; `flush` lets a table or chart reach its edges.

    with section("Energy", actions=lambda: button("Export", export, kind="quiet")):
        facts([("Today", "412 kWh")])
    """
    with element("section", "ls-card", "ls-flush" if flush else ""):
        if title or actions:
            with element("div", "ls-card-head"):
                with element("div"):
                    if title:
                        element("h2", content=title)
                    if subtitle:
                        element("p", "ls-muted", content=subtitle)
                if actions is not None:
                    with element("div", "ls-actions"):
                        actions()
        return element("div", "ls-card-body")


def tiles(*, size: str = "medium") -> Element:
    """A grid of tiles: `with tiles(): tile(…)`; size is small, medium or large, `row` lets a few fill the width."""
    return element("div", "ls-tiles", f"ls-tiles-{size}")


def columns(*weights: int) -> Element:
    """Side by side on wide screens, below each other on phones: `with columns(2, 1): …` gives 2/3 and 1/3."""
    grid = element("div", "ls-columns")
    grid.style(f"--ls-columns: {' '.join(f'minmax(0, {w}fr)' for w in weights or (1, 1))}")
    return grid


def row(*, spread: bool = False) -> Element:
    """Things in a line that wraps; `spread` pushes them to both ends."""
    return element("div", "ls-row", "ls-spread" if spread else "")


def stack(*, tight: bool = False) -> Element:
    """Things below each other with the usual gap."""
    return element("div", "ls-stack", "ls-tight" if tight else "")


def split(*, start: float = 0.3, phone: str = "left") -> tuple[Element, Element]:
    """Two panes with a bar between that can be dragged or moved with arrow keys; below each other on phones.

    `start` is the left pane's share of the width, `phone` the pane that stands above the other there.

    left, right = split()
    with left: tree(...)
    with right: ...
    """
    with element("div", "ls-split", "ls-split-right-first" if phone == "right" else "") as pane:
        pane.style(f"--ls-split: {start:.0%}")
        left = element("div", "ls-split-pane")
        element("div", "ls-split-bar", role="separator", tabindex="0", aria_orientation="vertical",
                aria_label=text("Resize"))  # fmt: skip
        right = element("div", "ls-split-pane")
    return left, right


class Tabs:
    """Panels of which one shows; each is drawn when first opened."""

    def __init__(
        self,
        panels: Mapping[str, Draw],
        selected: str,
        on_change: Callable[[str], object] | None,
        names: Sequence[str],
    ) -> None:
        self._panels = dict(panels)
        self._names = dict(zip(panels, names, strict=True)) if names else {}
        self._on_change = on_change
        self._buttons: dict[str, Element] = {}
        self._bodies: dict[str, Element] = {}
        with element("div", "ls-tabs", role="tablist"):
            for name in panels:
                tab = element("button", "ls-tab", content=name, role="tab", type="button")
                self._buttons[name] = tab.on("click", guarded(self.show, name), args=[])
        self._place = element("div", "ls-tab-body")
        self.selected = ""
        drawing = self._open(self._label_of(selected) or next(iter(panels)))
        here().soon(lambda: self._drawn(drawing))

    def _label_of(self, chosen: str) -> str:
        """The panel that is meant, by its label or by its name in the address; empty for one that is not there."""
        return chosen if chosen in self._panels else next((p for p, n in self._names.items() if n == chosen), "")

    def _open(self, name: str) -> object:
        self.selected = name
        for other, tab in self._buttons.items():
            tab.props["aria-selected"] = "true" if other == name else "false"
            tab.props["tabindex"] = "0" if other == name else "-1"
        for body in self._bodies.values():
            body.set_visibility(False)
        if name in self._bodies:
            self._bodies[name].set_visibility(True)
            return None
        with self._place, element("div", "ls-stack", role="tabpanel") as body:
            self._bodies[name] = body
            return self._panels[name]()

    async def show(self, name: str) -> None:
        """Open a panel by its name."""
        if self._names:
            here().remember(tab=self._names[name])
        await self._drawn(self._open(name))
        if self._on_change:
            self._on_change(name)

    async def _drawn(self, drawing: object) -> None:
        """Wait for a panel that takes its time to draw."""
        if isinstance(drawing, Awaitable):
            with self._bodies[self.selected]:
                await drawing


def tabs(
    panels: Mapping[str, Draw],
    *,
    selected: str = "",
    on_change: Callable[[str], object] | None = None,
    names: Sequence[str] = (),
) -> Tabs:
    """Panels behind tabs; each function draws its panel when it is first opened, and may be async.

    With `names` the open tab stands in the address as `?tab=name`, so that reloading and going back find it again;
    `selected` is then such a name.

    tabs({view.text("Now"): draw_now, view.text("Trend"): draw_trend}, names=["now", "trend"], selected=tab)
    """
    return Tabs(panels, selected, on_change, names)


def plain_page(title: str, *, subtitle: str = "") -> Element:
    """A centred card with the platform's mark, for pages without a frame, such as sign-in.

    @page("/sign-in", title="Sign in", public=True, plain=True)
    def sign_in(view: View) -> None:
        with plain_page(view.text("Sign in"), subtitle=plant_name):
            post_form("/sign-in", [Field(name="user", label="User"), ...], submit="Sign in")
    """
    from .frame import mark_svg

    with element("div", "ls-plain"), element("main", "ls-plain-card", id="ls-main"):
        with element("div", "ls-plain-head"):
            ui.html(mark_svg(), sanitize=False).classes("ls-mark")
            with element("div"):
                element("h1", content=title, tabindex="-1")
                if subtitle:
                    element("p", "ls-muted", content=subtitle)
        body = element("div", "ls-stack")
        with element("div", "ls-plain-foot"):
            for code, name in LANGUAGES.items():
                choose = element("button", "ls-button", "ls-quiet", "ls-small", content=name, type="button", lang=code)
                choose.on("click", js_handler=f"() => lineshaft.language('{code}')")
    here().title(title)
    return body
