"""Adds a submodel to a twin from one of the templates, and takes one away; both can be undone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from lineshaft.console import Column, dialog, paragraph, table
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.model.merging import without_live
from lineshaft.twins.pages.naming import called
from lineshaft.twins.service import Repository
from lineshaft.twins.submodels import Entry, catalogue, new, template

from .opened import Carried, Opened

Then = Callable[[str], Awaitable[object]]
"""What happens afterwards, with the id of the submodel to show; empty for any."""


def open_adding(twin: Opened, then: Then) -> None:
    """A window with the templates; choosing one adds a submodel of it."""
    view = twin.view
    with dialog(view.text("Add a submodel from a template"), wide=True) as box:

        async def chosen(row: dict[str, Any]) -> None:
            box.close()
            await _add(twin, row["name"], then)

        paragraph(view.text("It starts with what the template cannot be without; the rest is added while you edit."))
        table(
            [
                Column("number", view.text("IDTA"), kind="code", phone=False),
                Column("title", view.text("Template")),
                Column("summary", view.text("What it says"), sortable=False, phone=False),
                Column("mandatory", view.text("Needed"), kind="number", digits=0, phone=False),
                Column("elements", view.text("Elements"), kind="number", digits=0, phone=False),
            ],
            [_row(one, view.language) for one in catalogue()],
            key="name",
            on_row=chosen,
            label=view.text("Templates"),
        )


def _row(one: Entry, language: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "number": f"{one.number} {one.version}",
        "title": one.title.get(language) or one.title["en"],
        "summary": one.summary.get(language) or one.summary["en"],
        "mandatory": one.mandatory,
        "elements": one.elements,
    }


async def _add(twin: Opened, name: str, then: Then) -> None:
    view, chosen = twin.view, template(name)
    taken = {str(one.content.get("idShort")) for one in twin.submodels}
    id_short = next(
        f"{chosen.id_short}{n or ''}" for n in range(len(taken) + 1) if f"{chosen.id_short}{n or ''}" not in taken
    )
    made = await view.ask(Repository).carry(view.who, twin.document.id, new(chosen, id_short=id_short))

    async def back() -> None:
        await view.ask(Repository).let_go(view.who, twin.document.id, made.id)
        await then("")

    await then(made.id)
    told = view.text("Added {name}", name=chosen.title.get(view.language) or chosen.title["en"])
    view.toast(told, action=(view.text("Undo"), back))


async def take_away(twin: Opened, carried: Carried, then: Then) -> None:
    """Take a submodel away from a twin."""
    view, repository = twin.view, twin.view.ask(Repository)
    kept: Json = without_live(carried.content)
    await repository.let_go(view.who, twin.document.id, carried.id)

    async def back() -> None:
        await repository.carry(view.who, twin.document.id, kept)
        await then(carried.id)

    await then("")
    told = view.text("Took away {name}", name=called(kept, view.language))
    view.toast(told, action=(view.text("Undo"), back))
