"""The way to a new connection: choose, test, pick tags from the machine, see them live, save.

Nothing is stored before the last step; every step talks to the real machine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lineshaft.console import (
    Column,
    Field,
    Form,
    Step,
    Table,
    TreeNode,
    View,
    button,
    choice,
    code,
    empty,
    fields_of,
    form,
    heading,
    notice,
    page,
    paragraph,
    row,
    section,
    stack,
    table,
    tree,
    wizard,
)
from lineshaft.edge.connectors import Node
from lineshaft.edge.model import Seen
from lineshaft.edge.service import Edge
from lineshaft.edge.settings import as_toml
from lineshaft.kernel.clock import from_us
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.terms import Kind, PlantPath, Quality
from lineshaft.security import Role

from .connection import tag_fields


@page("/connections/add", title="Add connection", section=None, role=int(Role.ENGINEER))
async def add(view: View) -> None:
    """A new connection, step by step."""
    view.title(view.text("Add connection"), trail=[(view.text("Connections"), "/connections")])
    heading(view.text("Add connection"), subtitle=view.text("Nothing is saved before you have seen live values."))
    draft = _Draft(view)
    wizard(
        [
            Step(view.text("Protocol"), draft.draw_protocol, check=draft.has_protocol),
            Step(view.text("Machine"), draft.draw_machine, check=draft.machine_is_right, again=True),
            Step(view.text("Values"), draft.draw_values, check=draft.values_are_right, again=True),
            Step(view.text("Live preview"), draft.draw_preview, again=True),
        ],
        on_finish=draft.save,
        finish=view.text("Save connection"),
    )


class _Draft:
    """What has been entered so far."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.edge = view.ask(Edge)
        self.connector = ""
        self.own: dict[str, Any] = {}
        self.tags: dict[str, dict[str, Any]] = {}
        self.nodes: dict[str, Node] = {}
        self._form: Form | None = None
        self._chosen: Table | None = None
        self._preview: Table | None = None

    @property
    def raw(self) -> dict[str, Any]:
        return {**self.own, "tags": list(self.tags.values())} if self.tags else dict(self.own)

    # ---- protocol ----

    def draw_protocol(self) -> None:
        shelf = self.edge.shelf(self.view.who)
        options = {c.name: c.title for c in shelf}
        self.connector = self.connector or next(iter(options), "")
        with section(self.view.text("What does the machine speak?")):
            choice(options, self.connector, self._choose, label=self.view.text("Protocol"))
            self._about = stack()
        self._tell_about()

    def _choose(self, name: str) -> None:
        if name != self.connector:
            self.connector, self.own, self.tags, self.nodes = name, {}, {}, {}
        self._tell_about()

    def _tell_about(self) -> None:
        self._about.clear()
        info = next((c for c in self.edge.shelf(self.view.who) if c.name == self.connector), None)
        if info is None:
            return
        with self._about:
            paragraph(self.view.text(info.summary))
            paragraph(self.view.text("Tier: {tier}", tier=info.tier), muted=True)

    def has_protocol(self) -> bool:
        return bool(self.connector)

    # ---- machine ----

    def draw_machine(self) -> None:
        text = self.view.text
        model = self.edge.settings_of(self.connector)
        required = {n for n, f in model.model_fields.items() if f.is_required()}
        important = required | {
            "host",
            "port",
            "endpoint",
            "url",
            "unit",
            "broker",
            "user",
            "password",
            "security",
            "topics",
        }
        names = [
            Field(name="name", label=text("Name of the connection"), required=True, placeholder="filler-plc"),
            Field(name="path", label=text("Place in the plant"), required=True, placeholder="site/line-1/filler"),
        ]
        own = [_advanced(f, f.name not in important) for f in fields_of(model)]
        with section(text("Where is it?")):
            self._form = form([*names, *own], values=self.own)
            with row():
                button(text("Test connection"), self._try, symbol="bolt")
            self._answer = stack()

    async def _try(self) -> bool:
        """Open the machine now and say what it answers."""
        values = self._entered()
        if values is None:
            return False
        self._answer.clear()
        try:
            nodes = await self.edge.browse(self.view.who, connector=self.connector, raw=values)
        except PlatformError as error:
            with self._answer:
                notice("bad", error.message, hint=error.hint)
            return False
        with self._answer:
            notice("good", self.view.text("It answers: {n} things at the top.", n=len(nodes)))
        return True

    def _entered(self) -> dict[str, Any] | None:
        assert self._form is not None
        values = self._form.check()
        if values is None:
            return None
        self.own = {k: v for k, v in values.items() if v not in (None, "", [], {})}
        return self.own

    async def machine_is_right(self) -> bool:
        values = self._entered()
        if values is None:
            return False
        self.edge.built(self.connector, values)
        return await self._try()

    # ---- values ----

    def draw_values(self) -> None:
        text = self.view.text
        with section(text("Pick what you want to see"), subtitle=text("Open the machine's tree and tick values.")):
            tree(self._branches, ticks=True, on_tick=self._ticked, label=text("Address space"))
        with section(text("Chosen values"), flush=True):
            self._chosen = table(
                [
                    Column("path", text("Property")),
                    Column("address", text("Address"), kind="code", phone=False),
                    Column("value", text("Value now")),
                    Column("unit", text("Unit")),
                ],
                key="address",
                actions=[("delete", text("Remove"), lambda r: self._drop(r["address"]))],
                empty=(
                    text("Nothing chosen yet"),
                    text("Some connections find their values by themselves; then go on."),
                ),
            )
        with section(text("Or write an address")):
            form(tag_fields(self.view), on_submit=self._add_by_hand, submit=text("Add"))
        self._show_chosen()

    async def _branches(self, parent: str | None) -> list[TreeNode]:
        nodes = await self.edge.browse(self.view.who, parent or "", connector=self.connector, raw=self.own)
        self.nodes.update({n.address: n for n in nodes})
        return [_tree_node(n) for n in nodes]

    def _ticked(self, addresses: list[str]) -> None:
        by_hand = {a: t for a, t in self.tags.items() if a not in self.nodes}
        kept = {a: self.tags.get(a) or self._tag_of(self.nodes[a]) for a in addresses if a in self.nodes}
        self.tags = {**by_hand, **kept}
        self._show_chosen()

    def _tag_of(self, node: Node) -> dict[str, Any]:
        taken = {t["path"] for t in self.tags.values()}
        name = str(PlantPath.clean(node.name)) or "value"
        path = next(p for p in (name, *(f"{name}-{i}" for i in range(2, 1000))) if p not in taken)
        tag: dict[str, Any] = {"path": path, "address": node.address}
        if node.unit:
            tag["unit"] = node.unit
        if node.kind is not None and node.kind is not Kind.NUMBER:
            tag["kind"] = node.kind.value
        if node.writable:
            tag["writable"] = True
        return tag

    def _add_by_hand(self, values: dict[str, Any]) -> None:
        tag = {k: v for k, v in values.items() if v not in (None, "", False)}
        self.edge.built(self.connector, {**self.own, "tags": [*self.tags.values(), tag]})
        self.tags[tag["address"]] = tag
        self._show_chosen()

    def _drop(self, address: str) -> None:
        self.tags.pop(address, None)
        self._show_chosen()

    def _show_chosen(self) -> None:
        assert self._chosen is not None
        rows = []
        for address, tag in self.tags.items():
            node = self.nodes.get(address)
            value = "" if node is None or node.value is None else str(node.value)
            rows.append({"path": tag["path"], "address": address, "value": value, "unit": tag.get("unit", "")})
        self._chosen.set(rows)

    def values_are_right(self) -> bool:
        self.edge.built(self.connector, self.raw)
        return True

    # ---- preview ----

    def draw_preview(self) -> None:
        text = self.view.text
        with section(text("Live values, read from the machine just now"), flush=True):
            self._preview = table(
                [
                    Column("path", text("Place")),
                    Column("value", text("Value")),
                    Column("quality", text("Quality"), kind="status"),
                    Column("at", text("Time"), kind="time", phone=False),
                    Column("message", text("What is wrong"), sortable=False),
                ],
                key="path",
                empty=(text("Reading …"), text("The first values appear within seconds.")),
            )
        with section(text("This is what is saved"), subtitle=text("The same lines work in plant.toml.")):
            built = self.edge.built(self.connector, self.raw)
            code(as_toml([built.connection]), title="plant.toml")
        self.view.soon(self._read)

    async def _read(self) -> None:
        try:
            seen = await self.edge.test(self.view.who, self.connector, self.raw)
        except PlatformError as error:
            notice("bad", error.message, hint=error.hint)
            return
        assert self._preview is not None
        self._preview.set([_seen_row(s) for s in seen])
        if not seen:
            empty(
                self.view.text("No values came"),
                self.view.text("Save anyway: values appear when the machine sends them."),
            )

    async def save(self) -> None:
        saved = await self.edge.save(self.view.who, self.connector, self.raw, expected=0)
        self.view.toast(self.view.text("Saved {name}", name=saved.name), kind="good")
        self.view.go(f"/connections/{saved.name}")


def _tree_node(node: Node) -> TreeNode:
    shown = "" if node.value is None else str(node.value)[:40]
    return TreeNode(
        id=node.address,
        label=node.name,
        symbol="folder" if node.has_children and not node.readable else "sensors",
        children=node.has_children,
        note=f"{shown} {node.unit}".strip(),
        tickable=node.readable,
    )


def _seen_row(seen: Seen) -> dict[str, Any]:
    return {
        "path": seen.path,
        "value": "–" if seen.value is None else str(seen.value),
        "quality": Quality.of(seen.quality).grade.value,
        "at": from_us(seen.ts_us),
        "message": seen.message,
    }


def _advanced(field: Field, yes: bool) -> Field:
    return replace(field, advanced=yes)
