"""Submodels: who the twin is, and each submodel as a tree of its elements with values as they are, or as a form."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import orjson

from lineshaft.console import (
    ABSENT,
    Column,
    Table,
    Tree,
    TreeNode,
    attached,
    button,
    empty,
    facts,
    link,
    mark,
    menu,
    notice,
    paragraph,
    section,
    split,
    stack,
    table,
    tree,
)
from lineshaft.security import Role
from lineshaft.twins.metamodel import paths, references
from lineshaft.twins.metamodel.kinds import COLLECTION, ENTITY, LIST, Json, children, kind_of
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import called, element_title, submodel_title, value_note
from lineshaft.twins.pages.twin import filed
from lineshaft.twins.pages.twin.adding import open_adding, take_away
from lineshaft.twins.pages.twin.connecting import TEMPLATE, open_connecting
from lineshaft.twins.pages.twin.editor import Editor
from lineshaft.twins.pages.twin.opened import Carried, Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.pages.words import address_of
from lineshaft.twins.service import Repository
from lineshaft.twins.submodels import check, grave

REFRESH_S = 1.0
_SYMBOLS = {COLLECTION: "folder", LIST: "list", ENTITY: "deployed_code"}
_MOST_FAULTS = 5
_MOST_FILES = 24
_INDEX = re.compile(r"\[\d+\]")
KINDS = (mark("Instance"), mark("Type"), mark("Role"), mark("NotApplicable"))
"""Kinds of assets, as the metamodel spells them."""


@tab("submodels", title="Submodels", order=10)
async def submodels(twin: Opened) -> None:
    """The submodels at the left, the chosen one at the right."""
    await _Submodels(twin).draw()


class _Submodels:
    """All submodels of a twin, of which one is shown."""

    def __init__(self, twin: Opened) -> None:
        self._twin = twin
        self._may = twin.may(Role.ENGINEER)
        self._shown: _Content | None = None
        self._list: Table
        self._right: Any = None

    async def draw(self) -> None:
        twin, view = self._twin, self._twin.view
        left, right = split(start=0.34)
        with left:
            self._draw_list()
            with section(view.text("Identity")):
                facts(_identity(twin), narrow=True)
        with right:
            self._right = stack()
        view.every(REFRESH_S, self._refresh, name="submodel")
        await self._show(twin.submodels[0].id if twin.submodels else "")

    def _draw_list(self) -> None:
        view = self._twin.view

        def adding() -> None:
            button(view.text("Add"), self._open_adding, symbol="add", kind="quiet")

        hint = view.text("They come from templates, with files, or through the API.")
        with section(view.text("Submodels"), flush=True, actions=adding if self._may else None):
            self._list = table(
                [
                    Column("name", view.text("Name"), sortable=False),
                    Column("template", view.text("Template"), sortable=False, phone=False),
                ],
                [_row(self._twin, one) for one in self._twin.submodels],
                on_row=lambda row: self._show(row["id"]),
                filterable=False,
                empty=(view.text("No submodels"), hint),
                label=view.text("Submodels"),
            )

    async def _open_adding(self) -> None:
        async def then(id_: str) -> None:
            await self._read()
            made = next((one for one in self._twin.submodels if one.id == id_), None)
            if made is None:
                await self._show_any("")
            else:
                self._edit(made)

        await open_adding(self._twin, then)

    async def _again(self, id_: str) -> None:
        """Read everything again and show one."""
        await self._read()
        await self._show_any(id_)

    async def _read(self) -> None:
        await self._twin.reload()
        self._list.set([_row(self._twin, one) for one in self._twin.submodels])

    async def _show_any(self, id_: str) -> None:
        ids = [one.id for one in self._twin.submodels]
        await self._show(id_ if id_ in ids else next(iter(ids), ""))

    async def _show(self, id_: str) -> None:
        view, self._shown = self._twin.view, None
        chosen = next((one for one in self._twin.submodels if one.id == id_), None)
        self._right.clear()
        with self._right:
            if chosen is None:
                empty(view.text("Nothing to show"), view.text("Choose a submodel, or add one from a template."))
                return
            self._shown = _Content(self._twin, chosen)
            self._shown.draw(self._actions(chosen))

    def _actions(self, chosen: Carried) -> Any:
        view = self._twin.view
        if not self._may or self._twin.is_projected(chosen):
            return None

        def draw() -> None:
            if chosen.template is not None and chosen.template.name == TEMPLATE:
                button(view.text("Connect …"), lambda: open_connecting(self._twin, chosen, self._again), symbol="cable")
            button(view.text("Edit"), lambda: self._edit(chosen), symbol="edit")
            menu(view.text("More"), [(view.text("Take away"), lambda: take_away(self._twin, chosen, self._again))])

        return draw

    def _edit(self, chosen: Carried) -> None:
        self._shown = None
        self._right.clear()
        with self._right:
            Editor(self._twin, chosen, lambda: self._again(chosen.id))

    async def _refresh(self) -> None:
        if self._shown is not None:
            await self._shown.refresh()


def _row(twin: Opened, one: Carried) -> dict[str, Any]:
    title = one.template.title if one.template else {}
    return {
        "id": one.id,
        "name": submodel_title(twin.view, one.content, one.template),
        "template": title.get(twin.view.language) or title.get("en") or "",
    }


def _identity(twin: Opened) -> list[tuple[str, Any]]:
    view, document, asset = twin.view, twin.document, twin.shell.get("assetInformation", {})
    pairs: list[tuple[str, Any]] = [
        (view.text("Asset"), asset.get("globalAssetId", "")),
        (view.text("Asset kind"), view.text(asset.get("assetKind") or ABSENT)),
        (view.text("Place"), partial(link, str(document.place), address_of(document.place))),
        (view.text("Version"), str(document.version)),
    ]
    told = asset.get("specificAssetIds", ())
    pairs += [(one["name"], one["value"]) for one in told if one["name"] != "plantPath"]
    return pairs


class _Content:
    """One submodel as a tree of its elements; values change as they are."""

    def __init__(self, twin: Opened, carried: Carried) -> None:
        self.carried = carried
        self._view = twin.view
        self._content: Json = carried.content
        self._etag = carried.document.etag
        self._tree: Tree | None = None
        self._elements = dict(carried.template.walk()) if carried.template else {}

    def draw(self, actions: Any) -> None:
        view, meaning = self._view, references.semantic(self._content.get("semanticId"))
        name = submodel_title(view, self._content, self.carried.template)
        self._draw_faults()
        with section(name, subtitle=meaning, actions=actions):
            self._tree = tree(self._below, label=name, empty=view.text("No elements"))
        self._draw_files()

    def _draw_files(self) -> None:
        """The files that its elements name: pictures as such, everything by its name."""
        view = self._view
        found = list(filed.files_of(self._content))
        if not found:
            return
        with section(view.text("Files")), stack():
            for path, said in found[:_MOST_FILES]:
                held = filed.filed(view, self.carried.id, path, said, {})
                title = self._label(path, said) or path
                if isinstance(held, str):
                    link(title, held) if held.startswith(("http://", "https://")) else paragraph(held)
                else:
                    attached(held, title)

    def _draw_faults(self) -> None:
        """What the submodel has against its template, by element."""
        if self.carried.template is None:
            return
        view, faults = self._view, grave(check(self._content, self.carried.template))
        if faults:
            named = "; ".join(f"{one.path or self.carried.id}: {one.message}" for one in faults[:_MOST_FAULTS])
            title = self.carried.template.title
            told = view.text(
                "{n} things are not as the template {name} wants them.",
                n=len(faults),
                name=title.get(view.language) or title.get("en") or self.carried.template.id_short,
            )
            notice("warn", told, hint=named)

    async def _below(self, parent: str | None) -> list[TreeNode]:
        view, found = self._view, []
        at = paths.find(self._content, parent) if parent else self._content
        for index, child in enumerate(children(at)):
            path = paths.step_to(parent or "", at, index, child)
            found.append(
                TreeNode(
                    id=path,
                    label=self._label(path, child) or f"[{index}]",
                    symbol=_SYMBOLS.get(kind_of(child), "label"),
                    children=bool(children(child)),
                    note=value_note(view, child),
                )
            )
        return found

    def _label(self, path: str, child: Json) -> str:
        """What an element is called, in the words of its template where that knows it."""
        element = self._elements.get(_INDEX.sub("[0]", path))
        return element_title(element, child, self._view.language) if element else called(child, self._view.language)

    async def refresh(self) -> None:
        """Show values that changed."""
        if self._tree is None:
            return
        document = await self._view.ask(Repository).get(self._view.who, Kind.SUBMODEL, self.carried.id)
        if document.etag == self._etag:
            return
        self._etag, self._content = document.etag, orjson.loads(document.body)
        for path, element in paths.walk(self._content):
            if not children(element):
                self._tree.change(path, note=value_note(self._view, element))
