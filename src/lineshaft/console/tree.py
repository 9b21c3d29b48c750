"""A tree that loads its branches when they are opened, filters, and can be ticked.

plant = tree(load=branches, on_select=open_asset, label=view.text("Plant"))

async def branches(parent: str | None) -> list[TreeNode]:
    return [TreeNode(id=t.path, label=t.title, symbol="factory", children=t.has_children) for t in ...]

plant.change("acme/line-1/filler", status="alarm")     # one node travels
picked = tree(load=browse, ticks=True)                 # later: picked.ticked
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .display import label_of, look_of
from .live import Live
from .view import View, guarded, here, text


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """One line of a tree."""

    id: str
    label: str
    symbol: str = ""
    children: bool = False
    """Whether it can be opened."""
    note: str = ""
    """Quiet text at the right: a value, a count, a type."""
    status: str = ""
    """A state word, shown only when it is worth attention."""
    tickable: bool = True
    open: bool = False
    href: str = ""


Branches = Callable[[str | None], Awaitable[Sequence[TreeNode]]]


class Tree(Live, component="assets/ls_tree.js"):
    """Nodes by id; see the module for how to fill it."""

    def __init__(self, load: Branches, **state: Any) -> None:
        super().__init__(nodes={}, roots=None, branches={}, selected="", ticked=[], failed={}, **state)
        self._load = load

    @property
    def ticked(self) -> list[str]:
        """Ids of the ticked nodes."""
        return list(self.state["ticked"])

    def tick(self, nodes: Sequence[str]) -> None:
        """Tick exactly these, without calling back."""
        self.patch(ticked=list(nodes))

    @property
    def selected(self) -> str:
        """Id of the chosen node, empty without one."""
        return str(self.state["selected"])

    def select(self, node: str) -> None:
        """Choose a node."""
        self.patch(selected=node)

    def change(self, node: str, **changes: Any) -> None:
        """Change note, status, label or symbol of a node that has been loaded."""
        if node in self.state["nodes"]:
            self._put({node: {**self.state["nodes"][node], **_drawn_changes(changes, self.view)}})

    async def open(self, node: str | None = None) -> None:
        """Load what lies below a node; None loads the top."""
        try:
            found = await self._load(node)
        except Exception as error:
            self.patch(
                failed={**self.state["failed"], node or "": str(error)}, **({"roots": []} if node is None else {})
            )
            self.view.explain(error)
            return
        lone = len(found) == 1
        self._put({n.id: _drawn(n, self.view) | ({"open": True} if lone and n.children else {}) for n in found})
        ids = [n.id for n in found]
        if node is None:
            self.patch(roots=ids)
        else:
            self.patch(branches={**self.state["branches"], node: ids})
        for child in found:
            if (child.open or len(found) == 1) and child.children:
                await self.open(child.id)

    async def reload(self) -> None:
        """Forget what was loaded and load the top again."""
        self.patch(nodes={}, branches={}, failed={})
        await self.open()

    def _put(self, nodes: dict[str, dict[str, Any]]) -> None:
        differing = {k: v for k, v in nodes.items() if self.state["nodes"].get(k) != v}
        self.state["nodes"].update(differing)
        if differing:
            self._tell({"put": {**self.waiting().get("put", {}), **differing}})


def _drawn(node: TreeNode, view: View) -> dict[str, Any]:
    return {
        "label": node.label,
        "symbol": node.symbol,
        "children": node.children,
        "note": node.note,
        "tickable": node.tickable,
        "open": node.open,
        "href": node.href,
        **_status(node.status, view),
    }


def _drawn_changes(changes: dict[str, Any], view: View) -> dict[str, Any]:
    status = changes.pop("status", None)
    return {**changes, **(_status(status, view) if status is not None else {})}


def _status(status: str, view: View) -> dict[str, str]:
    """How a status is marked; good and running ones are not, so that the eye finds the others."""
    look = look_of(status) if status else ""
    quiet = look in ("", "good", "run")
    return {"look": "" if quiet else look, "statusLabel": "" if quiet else label_of(status, view)}


def tree(
    load: Branches,
    *,
    on_select: Callable[[str], object] | None = None,
    on_tick: Callable[[list[str]], object] | None = None,
    ticks: bool = False,
    filterable: bool = True,
    selected: str = "",
    ticked: Sequence[str] = (),
    label: str = "",
    empty: str = "",
) -> Tree:
    """A lazy tree; `load(None)` gives the top, `load(id)` what lies below. Arrow keys move, Enter chooses.

    A branch that stands alone opens by itself, so that nobody clicks through a chain of them.
    """
    made = Tree(
        load,
        ticks=ticks,
        filterable=filterable,
        label=label,
        words={
            "filter": text("Filter"),
            "loading": text("Loading …"),
            "empty": empty or text("Nothing here yet"),
            "failed": text("This branch could not be loaded."),
            "retry": text("Try again"),
            "none": text("Nothing matches the filter"),
        },
    )
    made.state |= {"selected": selected, "ticked": list(ticked)}
    made.on("open", guarded(lambda event: made.open(event.args)))
    made.on("select", guarded(lambda event: _selected(made, event.args, on_select)))
    made.on("tick", guarded(lambda event: _ticked(made, event.args, on_tick)))
    here().soon(made.open)
    return made


def _selected(made: Tree, node: str, on_select: Callable[[str], object] | None) -> object:
    made.state["selected"] = node
    return on_select(node) if on_select else None


def _ticked(made: Tree, nodes: list[str], on_tick: Callable[[list[str]], object] | None) -> object:
    made.state["ticked"] = list(nodes)
    return on_tick(list(nodes)) if on_tick else None
