"""Twins as Asset Administration Shells: found by words, in the tree and in the graph, and files taken in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lineshaft.console import (
    Column,
    TreeNode,
    View,
    button,
    dialog,
    heading,
    notice,
    page,
    paragraph,
    section,
    stack,
    table,
    tabs,
    tree,
    upload,
)
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.model import Level
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.service import Received, Receiving, Repository, Twins

from .finding import shells
from .graph import draw_graph
from .naming import twin_address
from .words import named

_MOST_FINDINGS = 200
_MOST_BRANCHES = 500


@page("/twins", title="Twins", section="Plant", icon="badge", order=25, role=int(Role.VIEWER))
async def twins(view: View, tab: str = "", twin: str = "") -> None:
    """Every shell the viewer may see: by words, where it stands, and how they hang together."""
    heading(
        view.text("Twins"),
        subtitle=view.text("Asset Administration Shells: one for every machine, and those that came as files"),
        actions=lambda: _import_button(view),
    )
    panels: dict[str, Callable[[], object]] = {
        view.text("Search"): lambda: _draw_list(view),
        view.text("Tree"): lambda: _draw_tree(view),
        view.text("Graph"): partial(draw_graph, view, twin),
    }
    tabs(panels, names=["search", "tree", "graph"], selected=tab)


def _draw_list(view: View) -> None:
    with section(view.text("Shells"), flush=True):
        table(
            [
                Column("name", view.text("Name"), sortable=False),
                Column("place", view.text("Place"), kind="code", sortable=False),
                Column("asset", view.text("Asset"), kind="code", sortable=False, phone=False),
                Column("submodels", view.text("Submodels"), kind="number", digits=0, sortable=False, phone=False),
                Column("version", view.text("Version"), kind="number", digits=0, sortable=False, phone=False),
            ],
            load=lambda ask: shells(view, ask),
            href=lambda shown: twin_address(shown["id"]),
            empty=(view.text("No twins yet"), view.text("Add a machine in the plant model, or import a file.")),
            label=view.text("Shells"),
        )


def _draw_tree(view: View) -> None:
    async def branches(parent: str | None) -> list[TreeNode]:
        found = await view.ask(Twins).children(view.who, parent or "", limit=_MOST_BRANCHES)
        return [
            TreeNode(
                id=one.path,
                label=named(view, one),
                symbol=one.icon,
                children=one.children > 0,
                open=one.draft.level in (Level.ORGANISATION, Level.SITE),
                href=twin_address(shell_id(one.id)),
            )
            for one in found
        ]

    with section(view.text("Plant")):
        tree(branches, label=view.text("Plant"), empty=view.text("Nothing here yet."))


# ---- files ----


def _import_button(view: View) -> None:
    places = [grant.subtree for grant in view.who.grants if grant.role >= Role.ENGINEER]
    if places:
        button(view.text("Import a file"), lambda: _open_import(view), symbol="upload_file", kind="primary")


def _open_import(view: View) -> None:
    with dialog(view.text("Import a file"), wide=True) as box:
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


def _plain(message: str) -> str:
    """A message of the metamodel without the marks of its documentation."""
    return message.replace("``", "").replace("*I.e.*", "i.e.")


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
                Column("constraint", view.text("Rule"), kind="code", phone=False),
                Column("path", view.text("Where"), sortable=False),
                Column("message", view.text("What"), sortable=False),
            ],
            [
                {
                    "id": str(n),
                    "constraint": f.constraint,
                    "path": f.path,
                    "message": f"{_plain(f.message)} {f.value}".strip(),
                }
                for n, f in enumerate(received.report.findings[:_MOST_FINDINGS])
            ],
            label=view.text("Findings"),
        )
