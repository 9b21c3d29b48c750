"""Submodels: who the twin is, and each submodel as a tree of its elements with values as they are."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from lineshaft.console import (
    Column,
    Tree,
    TreeNode,
    facts,
    link,
    section,
    split,
    stack,
    table,
    tree,
)
from lineshaft.twins.metamodel import paths, references
from lineshaft.twins.metamodel.kinds import COLLECTION, ENTITY, LIST, Json, children, kind_of
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import called, value_note
from lineshaft.twins.pages.twin.opened import Carried, Opened
from lineshaft.twins.pages.twin.tab import tab
from lineshaft.twins.pages.words import address_of
from lineshaft.twins.service import Repository

REFRESH_S = 1.0
_SYMBOLS = {COLLECTION: "folder", LIST: "list", ENTITY: "deployed_code"}


@tab("submodels", title="Submodels", order=10)
async def submodels(twin: Opened) -> None:
    """The submodels at the left, the chosen one at the right."""
    await _Submodels(twin).draw()


class _Submodels:
    """All submodels of a twin, of which one is shown."""

    def __init__(self, twin: Opened) -> None:
        self._twin = twin
        self._shown: _Content | None = None
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
        if twin.submodels:
            await self._show(twin.submodels[0].id)

    def _draw_list(self) -> None:
        twin, view = self._twin, self._twin.view
        with section(view.text("Submodels"), flush=True):
            table(
                [
                    Column("name", view.text("Name"), sortable=False),
                    Column("template", view.text("Template"), sortable=False, phone=False),
                ],
                [_row(twin, one) for one in twin.submodels],
                on_row=lambda row: self._show(row["id"]),
                filterable=False,
                empty=(view.text("No submodels"), view.text("They come with files, or through the API.")),
                label=view.text("Submodels"),
            )

    async def _show(self, id_: str) -> None:
        chosen = next(one for one in self._twin.submodels if one.id == id_)
        self._right.clear()
        with self._right:
            self._shown = _Content(self._twin, chosen)
            self._shown.draw()

    async def _refresh(self) -> None:
        if self._shown is not None:
            await self._shown.refresh()


def _row(twin: Opened, one: Carried) -> dict[str, Any]:
    title = one.template.title if one.template else {}
    return {
        "id": one.id,
        "name": called(one.content, twin.view.language),
        "template": title.get(twin.view.language) or title.get("en") or "",
    }


def _identity(twin: Opened) -> list[tuple[str, Any]]:
    view, document, asset = twin.view, twin.document, twin.shell.get("assetInformation", {})
    pairs: list[tuple[str, Any]] = [
        (view.text("Asset"), asset.get("globalAssetId", "")),
        (view.text("Asset kind"), asset.get("assetKind", "")),
        (view.text("Place"), partial(link, str(document.place), address_of(document.place))),
        (view.text("Version"), str(document.version)),
    ]
    told = asset.get("specificAssetIds", ())
    pairs += [(one["name"], one["value"]) for one in told if one["name"] != "plantPath"]
    return pairs


class _Content:
    """One submodel as a tree of its elements; values change as they are."""

    def __init__(self, twin: Opened, carried: Carried) -> None:
        self._view = twin.view
        self._id = carried.id
        self._content: Json = carried.content
        self._etag = carried.document.etag
        self._tree: Tree | None = None

    def draw(self) -> None:
        view, meaning = self._view, references.semantic(self._content.get("semanticId"))
        name = called(self._content, view.language)
        with section(name, subtitle=meaning):
            self._tree = tree(self._below, label=name, empty=view.text("No elements"))

    async def _below(self, parent: str | None) -> list[TreeNode]:
        view, found = self._view, []
        at = paths.find(self._content, parent) if parent else self._content
        for index, child in enumerate(children(at)):
            path = paths.step_to(parent or "", at, index, child)
            found.append(
                TreeNode(
                    id=path,
                    label=called(child, view.language) or f"[{index}]",
                    symbol=_SYMBOLS.get(kind_of(child), "label"),
                    children=bool(children(child)),
                    note=value_note(view, child),
                )
            )
        return found

    async def refresh(self) -> None:
        """Show values that changed."""
        if self._tree is None:
            return
        document = await self._view.ask(Repository).get(self._view.who, Kind.SUBMODEL, self._id)
        if document.etag == self._etag:
            return
        self._etag, self._content = document.etag, orjson.loads(document.body)
        for path, element in paths.walk(self._content):
            if not children(element):
                self._tree.change(path, note=value_note(self._view, element))
