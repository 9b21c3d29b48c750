"""Picks values out of a machine's own tree, and lets each be named, given a unit, or written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lineshaft.console import (
    Column,
    Table,
    Tree,
    TreeNode,
    View,
    button,
    dialog,
    form,
    section,
    table,
    tree,
    unit_text,
)
from lineshaft.edge.connectors import Node
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, PlantPath

from .tags import Tag, said, tag_fields, taken

Check = Callable[[list[Tag]], object]
"""Raises Invalid when the connection could not be built with these tags."""


class Picking:
    """The tree of a machine and the tags made of what is ticked there."""

    def __init__(self, view: View, browse: Callable[[str], Any], check: Check) -> None:
        self._view = view
        self._browse = browse
        self._check = check
        self._nodes: dict[str, Node] = {}
        self._above: dict[str, str] = {}
        """The address a node was found below."""
        self.tags: dict[str, Tag] = {}
        """By address, as they stand in plant.toml."""
        self._chosen: Table | None = None
        self._tree: Tree | None = None

    def draw(self, told: str) -> None:
        """The tree, what is chosen, and a way to add what cannot be browsed; `told` says what ticking means."""
        text = self._view.text
        with section(text("Pick what you want to see"), subtitle=told):
            ticked = [address for address in self.tags if address in self._nodes]
            self._tree = tree(
                self._branches, ticks=True, ticked=ticked, on_tick=self._ticked, label=text("Address space")
            )
        with section(
            text("Chosen values"),
            flush=True,
            actions=lambda: button(text("Write an address"), self._open_add, symbol="add", kind="quiet"),
        ):
            self._chosen = table(
                [
                    Column("path", text("Property")),
                    Column("value", text("Value now"), sortable=False),
                    Column("every", text("Interval"), sortable=False, phone=False),
                    Column("address", text("Address"), kind="code", phone=False),
                ],
                key="address",
                actions=[
                    ("edit", text("Change"), lambda row: self._open_change(row["address"])),
                    ("delete", text("Remove"), lambda row: self._drop(row["address"])),
                ],
                filterable=False,
                empty=(
                    text("Nothing chosen yet"),
                    text("What you tick appears here, to be named and given a unit."),
                ),
                label=text("Chosen values"),
            )
        self._show()

    async def _branches(self, parent: str | None) -> list[TreeNode]:
        nodes: list[Node] = await self._browse(parent or "")
        self._nodes.update({n.address: n for n in nodes})
        self._above.update({n.address: parent or "" for n in nodes})
        return [_tree_node(n) for n in nodes]

    def _ticked(self, addresses: list[str]) -> None:
        by_hand = {a: t for a, t in self.tags.items() if a not in self._nodes}
        kept = {a: self.tags[a] for a in addresses if a in self.tags}
        self.tags = {**by_hand, **kept}
        for address in addresses:
            if address in self._nodes and address not in self.tags:
                self.tags[address] = self._tag_of(self._nodes[address])
        self._show()

    def _tag_of(self, node: Node) -> Tag:
        tag: Tag = {"path": self._free_name(node), "address": node.address}
        if node.unit:
            tag["unit"] = node.unit
        if node.kind is not None and node.kind is not Kind.NUMBER:
            tag["kind"] = node.kind.value
        if node.writable:
            tag["writable"] = True
        return tag

    def _free_name(self, node: Node) -> str:
        """The name of a node, with as many names from above as it takes to tell it from the others."""
        taken = {tag["path"] for tag in self.tags.values()}
        name, at = _clean(node.name) or "value", self._above.get(node.address, "")
        while name in taken and (above := self._nodes.get(at)) is not None:
            name, at = "/".join(part for part in (_clean(above.name), name) if part), self._above.get(at, "")
        return next(n for n in (name, *(f"{name}-{i}" for i in range(2, 10_000))) if n not in taken)

    # ---- by hand ----

    def _open_add(self) -> None:
        self._open(self._view.text("Write an address"), {}, self._view.text("Add"), "")

    def _open_change(self, address: str) -> None:
        tag = self.tags[address]
        self._open(tag["path"], {"every": "1s", **tag}, self._view.text("Save"), address)

    def _open(self, title: str, values: Tag, submit: str, replaced: str) -> None:
        with dialog(title) as box:

            def save(entered: Tag) -> None:
                self._put(entered, replaced)
                box.close()

            form(tag_fields(self._view), values=values, on_submit=save, submit=submit, on_cancel=box.close)

    def _put(self, entered: Tag, replaced: str) -> None:
        """Take a tag as entered, in the place of the one it replaces."""
        old = self.tags.get(replaced, {})
        tag = taken(old, entered)
        address = str(tag["address"])
        if address != replaced and address in self.tags:
            raise Invalid("This address is chosen already.", hint="Change that row instead.", field="address")
        tags = {address if a == replaced else a: tag if a == replaced else t for a, t in self.tags.items()}
        tags.setdefault(address, tag)
        self._check(list(tags.values()))
        self.tags = tags
        self._show()

    def _drop(self, address: str) -> None:
        self.tags.pop(address, None)
        self._show()

    def _show(self) -> None:
        assert self._chosen is not None
        assert self._tree is not None
        self._tree.tick([address for address in self.tags if address in self._nodes])
        self._chosen.set([self._row(address, tag) for address, tag in self.tags.items()])

    def _row(self, address: str, tag: Tag) -> dict[str, Any]:
        node = self._nodes.get(address)
        value = said(None if node is None else node.value, str(tag.get("unit", "")))
        return {"path": tag["path"], "address": address, "value": value, "every": tag.get("every", "1s")}


def _clean(name: str) -> str:
    return str(PlantPath.clean(name))


def _tree_node(node: Node) -> TreeNode:
    said = "" if node.value is None else str(node.value)[:40]
    return TreeNode(
        id=node.address,
        label=node.name,
        symbol="folder" if node.has_children and not node.readable else "sensors" if node.readable else "category",
        children=node.has_children,
        note=f"{said} {unit_text(node.unit)}".strip(),
        tickable=node.readable,
    )
