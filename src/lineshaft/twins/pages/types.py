"""Asset types: the library, and what an organisation makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lineshaft.console import (
    Column,
    Field,
    View,
    button,
    dialog,
    empty,
    form,
    row,
    section,
    split,
    stack,
    table,
    unit_text,
)
from lineshaft.kernel.errors import Invalid
from lineshaft.security import Role
from lineshaft.twins.model import AssetType, Property, say
from lineshaft.twins.service import Twins

from .making import open_making
from .properties import open_property, spoken
from .words import KINDS


async def draw_types(view: View) -> None:
    """Types at the left, the chosen one at the right."""
    tops = await view.ask(Twins).children(view.who, limit=100)
    organisations = list(dict.fromkeys(t.path.organisation for t in tops))
    if not organisations:
        empty(view.text("No organisation yet"), view.text("Types belong to an organisation; add one in the tree."))
        return
    await _Types(view, organisations[0]).draw()


class _Types:
    """The types of one organisation."""

    def __init__(self, view: View, organisation: str) -> None:
        self._view = view
        self._types = view.ask(Twins).types
        self._organisation = organisation
        self._may = view.who.may(Role.ENGINEER, organisation)
        self._table: Any = None
        self._right: Any = None

    async def draw(self) -> None:
        text = self._view.text
        left, right = split(start=0.4)
        with left, section(text("Types"), flush=True, actions=self._draw_adding if self._may else None):
            self._table = table(
                [
                    Column("title", text("Type")),
                    Column("properties", text("Properties"), kind="number", digits=0),
                    Column("from", text("Source"), phone=False),
                ],
                key="name",
                on_row=lambda shown: self._show(shown["name"]),
                sort="title",
                label=text("Types"),
            )
        with right:
            self._right = stack()
            with self._right:
                empty(text("Choose a type"), text("Its properties appear here."), symbol="category")
        await self._reload()

    async def _reload(self) -> None:
        found = await self._types.list_(self._view.who, self._organisation)
        text = self._view.text
        rows = [
            {
                "name": t.name,
                "title": say(t.title, self._view.language) or t.name,
                "properties": len(t.properties),
                "from": text("library") if t.library else text("own"),
            }
            for t in found
        ]
        self._table.set(rows)

    async def _show(self, name: str) -> None:
        kind = await self._types.get(self._view.who, self._organisation, name)
        self._right.clear()
        with self._right:
            self._draw_type(kind)

    def _draw_type(self, kind: AssetType) -> None:
        view = self._view
        title = say(kind.title, view.language) or kind.name
        actions = (lambda: self._draw_actions(kind)) if self._may else None
        with section(title, subtitle=say(kind.description, view.language), flush=True, actions=actions):
            table(
                [
                    Column("title", view.text("Property")),
                    Column("kind", view.text("Kind"), phone=False),
                    Column("unit", view.text("Unit")),
                    Column("range", view.text("Normal range"), sortable=False, phone=False),
                    Column("writable", view.text("Can be set"), phone=False),
                ],
                [self._row(p) for p in kind.properties],
                actions=self._actions(kind) if self._may else (),
                filterable=False,
                empty=(view.text("No properties yet"), view.text("Add what can be known about such a machine.")),
                label=title,
            )

    def _row(self, prop: Property) -> dict[str, Any]:
        view = self._view
        low, high = ("" if v is None else f"{v:g}" for v in (prop.low, prop.high))
        return {
            "id": prop.name,
            "title": say(prop.title, view.language) or prop.name,
            "kind": view.text(KINDS[prop.kind]),
            "unit": unit_text(prop.unit),
            "range": f"{low} … {high}" if low or high else "",
            "writable": view.text("yes") if prop.writable else "",
        }

    # ---- changing ----

    def _draw_adding(self) -> None:
        button(self._view.text("Add a type"), self._open_add, symbol="add", kind="quiet")

    def _draw_actions(self, kind: AssetType) -> None:
        view = self._view
        with row():
            button(view.text("Make a twin"), lambda: open_making(view, kind), symbol="add_box")
            button(view.text("Add a property"), lambda: self._add(kind), symbol="add", kind="quiet")
            button(view.text("Rename"), lambda: self._open_rename(kind), kind="quiet")
            if not kind.library:
                button(view.text("Remove"), lambda: self._drop(kind), kind="quiet")

    def _actions(self, kind: AssetType) -> list[tuple[str, str, Callable[[dict[str, Any]], object]]]:
        view = self._view
        return [
            ("edit", view.text("Change"), lambda shown: self._edit(kind, shown["id"])),
            ("delete", view.text("Remove"), lambda shown: self._remove(kind, shown["id"])),
        ]

    def _add(self, kind: AssetType) -> None:
        async def save(prop: Property, _series: str) -> None:
            if kind.find(prop.name) is not None:
                raise Invalid(self._view.text("There is a property of that name."), field="name")
            await self._save(kind, replace(kind, properties=(*kind.properties, prop)))

        open_property(self._view, None, save=save)

    def _edit(self, kind: AssetType, name: str) -> None:
        async def save(prop: Property, _series: str) -> None:
            changed = tuple(prop if p.name == prop.name else p for p in kind.properties)
            await self._save(kind, replace(kind, properties=changed))

        open_property(self._view, kind.find(name), save=save)

    async def _remove(self, kind: AssetType, name: str) -> None:
        await self._save(kind, replace(kind, properties=tuple(p for p in kind.properties if p.name != name)))

    async def _save(self, old: AssetType, new: AssetType) -> None:
        saved = await self._types.put(self._view.who, self._organisation, new, version=old.version)
        self._view.toast(
            self._view.text("Saved {name}", name=say(saved.title, self._view.language) or saved.name), kind="good"
        )
        await self._reload()
        await self._show(saved.name)

    async def _drop(self, kind: AssetType) -> None:
        await self._types.drop(self._view.who, self._organisation, kind.name, version=kind.version)
        self._view.toast(self._view.text("Removed {name}", name=say(kind.title, self._view.language) or kind.name))
        self._right.clear()
        await self._reload()

    def _open_add(self) -> None:
        view = self._view
        with dialog(view.text("Add a type")) as box:

            async def add(values: dict[str, Any]) -> None:
                kind = AssetType(name=str(values["name"]).strip(), title=spoken({}, view, str(values["title"] or "")))
                await self._save(kind, kind)
                box.close()

            form(
                [
                    Field(
                        name="name", label=view.text("Name"), required=True, help=view.text("A short one: press, oven.")
                    ),
                    Field(name="title", label=view.text("Title")),
                ],
                on_submit=add,
                submit=view.text("Add"),
                on_cancel=box.close,
            )

    def _open_rename(self, kind: AssetType) -> None:
        view = self._view
        with dialog(view.text("Rename")) as box:

            async def save(values: dict[str, Any]) -> None:
                title = spoken(kind.title, view, str(values["title"] or ""))
                said = spoken(kind.description, view, str(values["description"] or ""))
                await self._save(kind, replace(kind, title=title, description=said))
                box.close()

            form(
                [
                    Field(name="title", label=view.text("Title"), value=say(kind.title, view.language), required=True),
                    Field(
                        name="description",
                        label=view.text("Description"),
                        kind="long",
                        value=say(kind.description, view.language),
                    ),
                ],
                on_submit=save,
                on_cancel=box.close,
            )
