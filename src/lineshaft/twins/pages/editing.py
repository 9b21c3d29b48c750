"""Changes a twin: what it is called, what it is, which properties it has, where it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lineshaft.console import (
    Column,
    Field,
    TreeNode,
    View,
    button,
    dialog,
    form,
    paragraph,
    row,
    section,
    table,
    tree,
    undo,
    unit_text,
)
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.model import ICONS, Draft, Level, Point, Property, Twin, say
from lineshaft.twins.service import Twins

from .properties import open_property, spoken
from .words import KINDS, LEVELS, address_of, named, point_name

Done = Callable[[], object]
_MOST_BRANCHES = 500


async def draw_editor(view: View, path: str, *, on_done: Done) -> None:
    """Forms for everything about one twin; each save is one change that can be taken back."""
    (await read_editor(view, path, on_done=on_done))()


async def read_editor(view: View, path: str, *, on_done: Done) -> Callable[[], None]:
    """Read what those forms need; returns how to draw them without waiting for anything more."""
    twin = await view.ask(Twins).get(view.who, path)
    return _Editor(view, twin, await type_options(view, twin.path.organisation), on_done).draw


class _Editor:
    """One twin being edited, based on the version that was read."""

    def __init__(self, view: View, twin: Twin, types: dict[str, str], on_done: Done) -> None:
        self._view = view
        self._twins = view.ask(Twins)
        self._twin = twin
        self._types = types
        self._on_done = on_done

    def draw(self) -> None:
        text = self._view.text
        with section(text("About")):
            form(self._fields(), on_submit=self._save_about, submit=text("Save"))
        with section(
            text("Properties"),
            flush=True,
            actions=lambda: button(text("Add a property"), self._add, symbol="add", kind="quiet"),
        ):
            self._draw_properties()
        self._draw_absent()

    def _fields(self) -> list[Field]:
        text, draft = self._view.text, self._twin.draft
        return [
            Field(
                name="title",
                label=text("Title"),
                value=say(draft.title, self._view.language),
                placeholder=named(self._view, self._twin),
            ),
            Field(
                name="type",
                label=text("Type"),
                kind="select",
                options=self._types,
                value=draft.type,
            ),
            Field(
                name="level",
                label=text("Level"),
                kind="select",
                options=level_options(self._view),
                value=draft.level.value,
            ),
            Field(
                name="description",
                label=text("Description"),
                kind="long",
                value=say(draft.description, self._view.language),
            ),
            Field(
                name="icon",
                label=text("Symbol"),
                value=draft.icon,
                placeholder=self._twin.icon,
                help=text("Name of a Material symbol; empty takes that of the type."),
                advanced=True,
            ),
        ]

    async def _save_about(self, values: dict[str, Any]) -> None:
        draft = self._twin.draft
        await self._save(
            replace(
                draft,
                title=spoken(draft.title, self._view, str(values["title"] or "")),
                description=spoken(draft.description, self._view, str(values["description"] or "")),
                type=str(values["type"] or ""),
                level=Level(values["level"]),
                icon=str(values["icon"] or "").strip(),
            )
        )

    async def _save(self, draft: Draft) -> None:
        saved = await self._twins.change(self._view.who, draft, version=self._twin.version)
        if saved.version != self._twin.version:
            await offer_undo(
                self._view, saved.path, self._view.text("Saved {name}", name=named(self._view, saved)), self._on_done
            )
        self._on_done()

    # ---- properties ----

    def _draw_properties(self) -> None:
        text = self._view.text
        table(
            [
                Column("name", text("Property")),
                Column("kind", text("Kind"), phone=False),
                Column("unit", text("Unit")),
                Column("range", text("Normal range"), sortable=False, phone=False),
                *([Column("series", text("Series"), kind="code", phone=False)] if self._rebound else []),
                Column("from", text("Source"), phone=False),
            ],
            [self._row(p) for p in self._twin.points],
            actions=[("edit", text("Change"), self._edit), ("delete", text("Remove"), self._remove)],
            filterable=len(self._twin.points) > 12,
            empty=(text("No properties yet"), text("Choose a type, or add a property.")),
            label=text("Properties"),
        )

    @property
    def _rebound(self) -> bool:
        """Whether some property reads another series than that of its own path."""
        return any(point.series != point.path for point in self._twin.points)

    def _row(self, point: Point) -> dict[str, Any]:
        prop, text = point.property, self._view.text
        low, high = ("" if v is None else f"{v:g}" for v in (prop.low, prop.high))
        return {
            "id": prop.name,
            "name": point_name(self._view, point),
            "kind": text(KINDS[prop.kind]),
            "unit": unit_text(prop.unit),
            "range": f"{low} … {high}" if low or high else "",
            "series": "" if point.series == point.path else str(point.series),
            "from": text("own") if point.own else text("type"),
        }

    def _draw_absent(self) -> None:
        """Properties of the type that this one does not have, with the way back."""
        kind, without = self._twin.kind, self._twin.draft.without
        absent = [p for p in kind.properties if p.name in without] if kind else []
        if not absent:
            return
        with (
            section(
                self._view.text("Of its type, but not here"), subtitle=self._view.text("Press one to bring it in.")
            ),
            row(),
        ):
            for prop in absent:
                title = say(prop.title, self._view.language) or prop.name
                button(title, lambda name=prop.name: self._bring(name), kind="quiet", symbol="add")

    async def _bring(self, name: str) -> None:
        draft = self._twin.draft
        await self._save(replace(draft, without=tuple(n for n in draft.without if n != name)))

    def _add(self) -> None:
        open_property(self._view, None, save=self._added, series="")

    def _edit(self, row: dict[str, Any]) -> None:
        point = self._twin.find(row["id"])
        assert point is not None
        series = "" if point.series == point.path else str(point.series)
        open_property(self._view, point.property, save=self._changed, series=series)

    async def _added(self, prop: Property, series: str) -> None:
        if self._twin.find(prop.name) is not None:
            raise Invalid(self._view.text("There is a property of that name."), field="name")
        await self._changed(prop, series)

    async def _changed(self, prop: Property, series: str) -> None:
        draft = self._twin.draft
        own = [prop if p.name == prop.name else p for p in draft.properties]
        typed = self._twin.kind.find(prop.name) if self._twin.kind else None
        if prop.name not in {p.name for p in own} and prop != typed:
            own.append(prop)
        bindings = {**draft.bindings, prop.name: series or str(draft.path.child(prop.name))}
        await self._save(replace(draft, properties=tuple(own), bindings=bindings))

    async def _remove(self, row: dict[str, Any]) -> None:
        """An own property goes; one of the type is left out here."""
        name, draft = row["id"], self._twin.draft
        typed = self._twin.kind is not None and self._twin.kind.find(name) is not None
        await self._save(
            replace(
                draft,
                properties=tuple(p for p in draft.properties if p.name != name),
                without=(*draft.without, name) if typed and name not in draft.without else draft.without,
                bindings={k: v for k, v in draft.bindings.items() if k != name},
            )
        )


async def type_options(view: View, organisation: str) -> dict[str, str]:
    """Every type to choose from, by its title."""
    types = await view.ask(Twins).types.list_(view.who, organisation)
    titled = sorted((say(t.title, view.language) or t.name, t.name) for t in types)
    return {"": view.text("None"), **{name: title for title, name in titled}}


def level_options(view: View, above: Level | None = None) -> dict[str, str]:
    """Levels to choose from, those that may stand below another."""
    return {level.value: view.text(word) for level, word in LEVELS.items() if above is None or above.may_hold(level)}


async def offer_undo(view: View, path: str, message: str, then: Done) -> None:
    """Say what was done, and take it back when asked."""
    twins = view.ask(Twins)
    last = (await twins.history(view.who, path, limit=1))[0]

    async def back() -> None:
        await twins.undo(view.who, last.id)
        then()

    undo(message, back)


async def ask_retire(view: View, twin: Twin, *, then: Done | None = None) -> None:
    """Retire a twin; no question before, because it can be taken back."""
    twins = view.ask(Twins)
    change = await twins.retire(view.who, twin.path, version=twin.version)
    parent = twin.path.parent

    async def back() -> None:
        await twins.undo(view.who, change.id)
        if then is None:
            view.go(address_of(twin.path))
        else:
            then()

    more = view.text(" and {n} below it", n=change.twins - 1) if change.twins > 1 else ""
    undo(view.text("Retired {name}", name=named(view, twin)) + more, back)
    if then is None:
        view.go(f"/?path={parent}" if parent else "/")
    else:
        then()


def open_move(view: View, twin: Twin, *, then: Callable[[str], object] | None = None) -> None:
    """Choose where a twin should stand."""
    twins = view.ask(Twins)
    target = {"parent": str(twin.path.parent or "")}
    with dialog(view.text("Move {name}", name=named(view, twin)), wide=True) as box:
        paragraph(view.text("Choose the place it should stand below. Its values stay bound to where they come from."))

        async def branches(parent: str | None) -> list[TreeNode]:
            found = await twins.children(view.who, parent or "", limit=_MOST_BRANCHES)
            return [
                TreeNode(
                    id=t.path,
                    label=named(view, t),
                    symbol=ICONS[t.draft.level],
                    children=t.children > 0,
                    open=twin.path.startswith(t.path + "/"),
                )
                for t in found
                if not t.path.within(twin.path)
            ]

        tree(
            branches,
            on_select=lambda path: target.update(parent=path),
            selected=target["parent"],
            label=view.text("Plant"),
        )

        async def move(values: dict[str, Any]) -> None:
            to = PlantPath.clean(target["parent"], str(values["name"]))
            moved = await twins.move(view.who, twin.path, to, version=twin.version)
            box.close()
            go = then or (lambda path: view.go(address_of(path)))
            await offer_undo(view, moved.path, view.text("Moved to {place}", place=moved.path), lambda: go(twin.path))
            go(moved.path)

        form(
            [Field(name="name", label=view.text("Name there"), value=twin.path.name, required=True)],
            on_submit=move,
            submit=view.text("Move"),
            on_cancel=box.close,
        )
