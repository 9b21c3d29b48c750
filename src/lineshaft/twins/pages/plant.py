"""Plant model: build the tree, give series a place, shape types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lineshaft.console import (
    Field,
    Tree,
    TreeNode,
    View,
    button,
    dialog,
    empty,
    form,
    heading,
    menu,
    page,
    paragraph,
    row,
    section,
    split,
    stack,
    tabs,
    tree,
)
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.model import Draft, Level, Twin
from lineshaft.twins.service import Twins

from .editing import ask_retire, level_options, offer_undo, open_move, read_editor, type_options
from .placing import Placing
from .properties import spoken
from .types import draw_types
from .words import LEVELS, address_of, named

_MOST_BRANCHES = 500


@page("/plant", title="Plant model", section="Plant", icon="account_tree", order=20, role=int(Role.ENGINEER))
async def plant(view: View, path: str = "", tab: str = "") -> None:
    """The tree and everything that shapes it."""
    heading(
        view.text("Plant model"), subtitle=view.text("What exists, where it stands, and which values belong to it.")
    )
    model = _Model(view, path)
    placing = Placing(view)
    waiting = await placing.count()
    places = view.text("Without a place ({n})", n=waiting) if waiting else view.text("Without a place")
    panels = {view.text("Tree"): model.draw, places: placing.draw, view.text("Types"): lambda: draw_types(view)}
    tabs(panels, names=["tree", "places", "types"], selected=tab)


class _Model:
    """The tree at the left, the chosen twin at the right."""

    def __init__(self, view: View, path: str) -> None:
        self._view = view
        self._twins = view.ask(Twins)
        self._path = path
        self._tree: Tree | None = None
        self._right: Any = None
        self._turn = 0

    async def draw(self) -> None:
        text = self._view.text
        left, right = split(start=0.3)
        with left, section(text("Plant"), actions=self._draw_adding):
            self._tree = tree(
                self._branches,
                on_select=self._choose,
                selected=self._path,
                label=text("Plant"),
                empty=text("Nothing here yet. Start with your organisation."),
            )
        with right:
            self._right = stack()
        await self._show()

    def _draw_adding(self) -> None:
        button(self._view.text("Add"), self._open_add, symbol="add", kind="quiet")

    async def _branches(self, parent: str | None) -> list[TreeNode]:
        found = await self._twins.children(self._view.who, parent or "", limit=_MOST_BRANCHES)
        return [
            TreeNode(
                id=t.path,
                label=named(self._view, t),
                symbol=t.icon,
                children=t.children > 0,
                open=self._path.startswith(t.path + "/") or t.draft.level in (Level.ORGANISATION, Level.SITE),
            )
            for t in found
        ]

    async def _choose(self, path: str) -> None:
        self._path = path
        self._view.remember(path=path)
        await self._show()

    async def _again(self, path: str) -> None:
        """Show the tree as it is now, with a twin chosen."""
        self._path = path
        self._view.remember(path=path)
        assert self._tree is not None
        self._tree.select(path)
        await self._tree.reload()
        await self._show()

    def _later(self, path: str) -> None:
        self._view.soon(lambda: self._again(path))

    async def _show(self) -> None:
        """Draw what is chosen at once when all of it is read; whoever has chosen on meanwhile sees that."""
        turn = self._turn = self._turn + 1
        twin = await self._twins.find(self._view.who, self._path) if self._path else None
        editor = await self._read_editor(twin) if twin else None
        if turn != self._turn:
            return
        self._right.clear()
        with self._right:
            if twin is None:
                self._draw_nothing_chosen()
            else:
                self._draw_chosen(twin)
            if editor is not None:
                editor()

    async def _read_editor(self, twin: Twin) -> Callable[[], None] | None:
        if not self._view.who.may(Role.ENGINEER, twin.path):
            return None
        return await read_editor(self._view, twin.path, on_done=lambda: self._later(twin.path))

    def _draw_nothing_chosen(self) -> None:
        text = self._view.text
        if self._tree is not None and self._tree.state["roots"] == []:
            empty(
                text("Nothing here yet"),
                text("Connect a machine first and let its values find their places, or build the tree by hand."),
                symbol="account_tree",
                action=lambda: button(text("Add connection"), lambda: self._view.go("/connections/add"), symbol="add"),
            )
        else:
            empty(
                text("Choose something in the tree"),
                text("Or add a place or a machine below what is chosen."),
                symbol="account_tree",
            )

    def _draw_chosen(self, twin: Twin) -> None:
        view = self._view
        parent = str(twin.path.parent or "")
        with section(named(view, twin), subtitle=f"{view.text(LEVELS[twin.draft.level])} · {twin.path}"), row():
            button(view.text("Add below"), self._open_add, symbol="add")
            button(view.text("Values"), lambda: view.go(address_of(twin.path)), symbol="show_chart", kind="quiet")
            entries = [
                (view.text("Move …"), lambda: open_move(view, twin, then=self._later)),
                (view.text("Retire"), lambda: ask_retire(view, twin, then=lambda: self._later(parent))),
            ]
            menu(view.text("More"), entries)

    # ---- adding ----

    async def _open_add(self) -> None:
        """Ask for a place or a machine below the chosen twin."""
        view = self._view
        parent = await self._twins.find(view.who, self._path) if self._path else None
        title = view.text("Add below {name}", name=named(view, parent)) if parent else view.text("Add an organisation")
        above = parent.draft.level if parent else None
        options = level_options(view, above) if above else {"organisation": view.text("Organisation")}
        fields = [
            Field(
                name="name", label=view.text("Name"), required=True, help=view.text("Part of its path: line-1, filler.")
            ),
            Field(name="title", label=view.text("Title"), help=view.text("How people call it; may have blanks.")),
        ]
        if parent is not None:
            types = await type_options(view, parent.path.organisation)
            told = view.text("A template gives it properties, units and ranges.")
            fields.append(
                Field(name="type", label=view.text("Template"), kind="select", options=types, value="", help=told)
            )
        usual = _usual(above, options)
        fields.append(Field(name="level", label=view.text("Level"), kind="select", options=options, value=usual))
        with dialog(title) as box:
            if parent is not None:
                paragraph(str(parent.path), muted=True)

            async def add(values: dict[str, Any]) -> None:
                made = await self._twins.create(view.who, _draft(view, self._path if parent else "", values))
                box.close()
                await offer_undo(
                    view, made.path, view.text("Added {name}", name=named(view, made)), lambda: self._later(self._path)
                )
                await self._again(made.path)

            form(fields, on_submit=add, submit=view.text("Add"), on_cancel=box.close)


def _usual(above: Level | None, options: dict[str, str]) -> str:
    """What usually stands below: the next level down; below lines and cells machines."""
    if above is None:
        return next(iter(options))
    lower = [level for level in options if Level(level).rank > above.rank]
    machines = above in (Level.LINE, Level.CELL) and Level.ASSET.value in options
    return Level.ASSET.value if machines else (lower or list(options))[0]


def _draft(view: View, parent: str, values: dict[str, Any]) -> Draft:
    name = str(values["name"]).strip()
    path = PlantPath.parse(f"{parent}/{name}" if parent else name)
    return Draft(
        path=path,
        level=Level(values["level"]),
        title=spoken({}, view, str(values["title"] or "")),
        type=str(values.get("type") or ""),
    )
