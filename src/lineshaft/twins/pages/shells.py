"""Twins as Asset Administration Shells: all of them, one with its submodels alive, and files taken in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from lineshaft.console import (
    Ask,
    Column,
    Rows,
    TreeNode,
    View,
    button,
    dialog,
    download_button,
    empty,
    facts,
    heading,
    link,
    notice,
    page,
    paragraph,
    section,
    stack,
    table,
    tabs,
    tree,
    unit_text,
    upload,
)
from lineshaft.console import Tree as TreePart
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.files import to_bytes
from lineshaft.twins.metamodel import forms, identifiers, paths, references
from lineshaft.twins.metamodel.kinds import COLLECTION, ENTITY, LIST, Json, children, kind_of
from lineshaft.twins.model.repository import Document, Kind
from lineshaft.twins.service import Received, Receiving, Repository

from .words import address_of

REFRESH_S = 1.0
_SYMBOLS = {COLLECTION: "folder", LIST: "list", ENTITY: "deployed_code"}
_MOST_FINDINGS = 200


@page("/twins", title="Twins", section="Plant", icon="badge", order=25, role=int(Role.VIEWER))
async def twins(view: View) -> None:
    """Every shell the viewer may see, page by page."""
    heading(
        view.text("Twins"),
        subtitle=view.text("Asset Administration Shells: one for every machine, and those that came as files"),
        actions=lambda: _import_button(view),
    )
    with section(view.text("Shells"), flush=True):
        table(
            [
                Column("name", view.text("Name"), sortable=False),
                Column("place", view.text("Place"), kind="code", sortable=False),
                Column("asset", view.text("Asset"), kind="code", sortable=False, phone=False),
                Column("submodels", view.text("Submodels"), kind="number", digits=0, sortable=False, phone=False),
                Column("version", view.text("Version"), kind="number", digits=0, sortable=False, phone=False),
            ],
            load=lambda ask: _shells(view, ask),
            href=lambda shown: f"/twins/{identifiers.encode_id(shown['id'])}",
            filterable=False,
            empty=(view.text("No twins yet"), view.text("Add a machine in the plant model, or import a file.")),
            label=view.text("Shells"),
        )


async def _shells(view: View, ask: Ask) -> Rows:
    after = int(ask.after) if ask.after else None
    found = await view.ask(Repository).page(view.who, Kind.SHELL, after=after, limit=ask.limit)
    return Rows(
        rows=[_row(view, one) for one in found.documents], next=None if found.after is None else str(found.after)
    )


def _row(view: View, document: Document) -> dict[str, Any]:
    shell = orjson.loads(document.body)
    return {
        "id": document.id,
        "name": _called(shell, view.language),
        "place": str(document.place),
        "asset": shell.get("assetInformation", {}).get("globalAssetId", ""),
        "submodels": len(shell.get("submodels", ())),
        "version": document.version,
    }


def _called(thing: Json, language: str) -> str:
    names = {one.get("language", ""): one.get("text", "") for one in thing.get("displayName", ())}
    return str(names.get(language) or names.get("en") or thing.get("idShort") or thing.get("id") or "")


@page("/twins/{key}", title="Twin", section=None, icon="badge", role=int(Role.VIEWER))
async def twin(view: View, key: str) -> None:
    """One shell: who it is, and its submodels with live values."""
    repository = view.ask(Repository)
    document = await repository.get(view.who, Kind.SHELL, identifiers.decode_id(key))
    shell = orjson.loads(document.body)
    name = _called(shell, view.language)
    view.title(name, trail=[(view.text("Twins"), "/twins")])
    heading(name, subtitle=document.id, actions=lambda: _shell_actions(view, document, shell))
    with section(view.text("Identity")):
        facts(_identity(view, document, shell), narrow=True)
    ids = [reference["keys"][-1]["value"] for reference in shell.get("submodels", ()) if reference.get("keys")]
    found = [one for one in [await _submodel(view, id_) for id_ in ids] if one is not None]
    if not found:
        empty(view.text("No submodels"), view.text("They come with files, or through the API."))
        return
    panels: dict[str, Callable[[], None]] = {}
    for one in found:
        shown = _Submodel(view, one)
        panels[shown.name if shown.name not in panels else f"{shown.name} ({len(panels)})"] = shown.draw
        view.every(REFRESH_S, shown.refresh, name=one.id)
    tabs(panels)


async def _submodel(view: View, id_: str) -> Document | None:
    try:
        return await view.ask(Repository).get(view.who, Kind.SUBMODEL, id_)
    except NoDocument:
        return None


def _shell_actions(view: View, document: Document, shell: Json) -> None:
    if any(link.get("name") == "plantPath" for link in shell["assetInformation"].get("specificAssetIds", ())):
        button(view.text("Machine"), lambda: view.go(address_of(document.place)), symbol="precision_manufacturing")
    name = str(shell.get("idShort") or "twin")
    download_button(view.text("AASX"), lambda: _package(view, document), f"{name}.aasx", kind="quiet")


def _identity(view: View, document: Document, shell: Json) -> list[tuple[str, Any]]:
    asset = shell.get("assetInformation", {})
    pairs: list[tuple[str, Any]] = [
        (view.text("Asset"), asset.get("globalAssetId", "")),
        (view.text("Asset kind"), asset.get("assetKind", "")),
        (view.text("Place"), lambda: link(str(document.place), address_of(document.place))),
        (view.text("Version"), str(document.version)),
    ]
    told = asset.get("specificAssetIds", ())
    pairs += [(one["name"], one["value"]) for one in told if one["name"] != "plantPath"]
    return pairs


async def _package(view: View, document: Document) -> bytes:
    shell = orjson.loads(document.body)
    ids = [reference["keys"][-1]["value"] for reference in shell.get("submodels", ())]
    submodels = [orjson.loads(one.body) for one in [await _submodel(view, id_) for id_ in ids] if one is not None]
    content, _ = to_bytes({"assetAdministrationShells": [shell], "submodels": submodels}, form="aasx")
    return content


class _Submodel:
    """One submodel as a tree of its elements; values change as they are."""

    def __init__(self, view: View, document: Document) -> None:
        self._view = view
        self._id = document.id
        self._content: Json = orjson.loads(document.body)
        self._etag = document.etag
        self._tree: TreePart | None = None
        self.name = str(self._content.get("idShort") or self._id)

    def draw(self) -> None:
        view, meaning = self._view, references.semantic(self._content.get("semanticId"))
        with section(self.name, subtitle=meaning):
            self._tree = tree(self._below, label=self.name, empty=view.text("No elements"))

    async def _below(self, parent: str | None) -> list[TreeNode]:
        view, found = self._view, []
        at = paths.find(self._content, parent) if parent else self._content
        for index, child in enumerate(children(at)):
            path = paths.step_to(parent or "", at, index, child)
            found.append(
                TreeNode(
                    id=path,
                    label=_called(child, view.language) or f"[{index}]",
                    symbol=_SYMBOLS.get(kind_of(child), "label"),
                    children=bool(children(child)),
                    note=_note(view, child),
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
                self._tree.change(path, note=_note(self._view, element))


def _note(view: View, element: Json) -> str:
    """The value of an element as one short line, with its unit."""
    if children(element):
        return ""
    value = forms.value(element) if kind_of(element) not in ("Capability", "Operation") else ""
    if isinstance(value, bool):
        shown = view.text("yes") if value else view.text("no")
    elif isinstance(value, float):
        shown = f"{value:.6g}"
    elif isinstance(value, list) and all(isinstance(one, dict) for one in value):
        shown = "; ".join(str(text) for one in value for text in one.values())
    elif isinstance(value, Mapping):
        shown = ", ".join(f"{name} {part}" for name, part in value.items() if not isinstance(part, Mapping | list))
    else:
        shown = "" if value is None else str(value)
    return f"{shown[:120]} {unit_text(_unit(element))}".strip()


def _unit(element: Json) -> str:
    for specification in element.get("embeddedDataSpecifications", ()):
        if unit := specification.get("dataSpecificationContent", {}).get("unit"):
            return str(unit)
    return ""


# ---- files ----


def _import_button(view: View) -> None:
    places = [grant.subtree for grant in view.who.grants if grant.role >= Role.ENGINEER]
    if places:
        button(view.text("Import a file"), lambda: _open_import(view), symbol="upload_file", kind="primary")


def _open_import(view: View) -> None:
    with dialog(view.text("Import a file")) as box:
        paragraph(view.text("AASX, JSON or XML of metamodel 3.0 or 3.1. What is wrong in it is listed, not refused."))
        report = stack()

        async def take_in(name: str, content: bytes) -> None:
            received = await view.ask(Receiving).receive(view.who, content, place=_home(view))
            report.clear()
            with report:
                _draw_report(view, name, received)
                button(view.text("Done"), done, kind="primary")

        def done() -> None:
            box.close()
            view.reload()

        upload(view.text("Drop a file here, or choose one"), take_in, accept=".aasx,.json,.xml", most_mb=256)


def _home(view: View) -> PlantPath:
    """Where files stand that say nothing of it: the first part of the plant the viewer may change."""
    places = sorted(grant.subtree for grant in view.who.grants if grant.role >= Role.ENGINEER)
    return PlantPath(places[0]) if places and places[0] else view.ask(Repository).organisation


def _draw_report(view: View, name: str, received: Received) -> None:
    taken = received.taken
    notice(
        "warn" if taken.refused else "good",
        view.text(
            "{name}: {created} documents with {elements} elements are new, {skipped} stood here already.",
            name=name,
            created=taken.created,
            elements=taken.elements,
            skipped=taken.skipped,
        ),
    )
    for sentence in taken.refused[:20]:
        paragraph(sentence, muted=True)
    if received.report.clean:
        return
    with section(view.text("{n} findings", n=received.report.total), flush=True):
        table(
            [
                Column("constraint", view.text("Rule"), kind="code"),
                Column("path", view.text("Where"), sortable=False),
                Column("message", view.text("What"), sortable=False),
            ],
            [
                {"id": str(n), "constraint": f.constraint, "path": f.path, "message": f"{f.message} {f.value}".strip()}
                for n, f in enumerate(received.report.findings[:_MOST_FINDINGS])
            ],
            label=view.text("Findings"),
        )
