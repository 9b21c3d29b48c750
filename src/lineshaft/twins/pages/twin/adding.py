"""Adds a submodel to a twin from a template, shipped or loaded, and takes one away; both can be undone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from lineshaft.console import Column, dialog, paragraph, section, stack, table, upload
from lineshaft.twins.metamodel.kinds import Json
from lineshaft.twins.model import say
from lineshaft.twins.model.merging import without_live
from lineshaft.twins.pages.naming import called
from lineshaft.twins.service import Receiving, Repository
from lineshaft.twins.service.repository import Loaded
from lineshaft.twins.submodels import Entry, Template, catalogue, new, template

from .opened import Carried, Opened

Then = Callable[[str], Awaitable[object]]
"""What happens afterwards, with the id of the submodel to show; empty for any."""


async def open_adding(twin: Opened, then: Then) -> None:
    """A window with the templates; choosing one adds a submodel of it."""
    loaded = await twin.view.ask(Repository).templates.all(twin.view.who)
    with dialog(twin.view.text("Add a submodel from a template"), wide=True) as box:
        _Adding(twin, then, box.close).draw(loaded)


class _Adding:
    """The templates there are: those that were loaded, which can be taken away again, and those of the platform."""

    def __init__(self, twin: Opened, then: Then, close: Callable[[], object]) -> None:
        self._twin, self._view, self._then, self._close = twin, twin.view, then, close
        self._place: Any = None

    def draw(self, loaded: Sequence[Loaded]) -> None:
        view = self._view
        paragraph(view.text("It starts with what the template cannot be without; the rest is added while you edit."))
        self._place = stack()
        self._draw_lists(loaded)
        upload(
            view.text("Load a template: drop its AASX, JSON or XML file here, or choose it"),
            self._load,
            accept=".aasx,.json,.xml",
        )

    async def _show(self) -> None:
        self._draw_lists(await self._view.ask(Repository).templates.all(self._view.who))

    def _draw_lists(self, loaded: Sequence[Loaded]) -> None:
        view = self._view
        mine = {one.id: one.template for one in loaded}
        entries = catalogue(mine.values())
        self._place.clear()
        with self._place:
            if mine:
                with section(view.text("Loaded templates"), flush=True):
                    self._draw_loaded([one for one in entries if one.name in mine], mine)
            with section(view.text("Templates that come with the platform"), flush=True) if mine else stack():
                self._draw_shipped([one for one in entries if one.name not in mine])

    def _draw_loaded(self, entries: Iterable[Entry], mine: dict[str, Template]) -> None:
        view = self._view
        table(
            [
                Column("title", view.text("Template")),
                Column("version", view.text("Version"), kind="code", sortable=False, phone=False),
                Column("summary", view.text("What it says"), sortable=False, phone=False),
                *self._counts(),
            ],
            [_row(one, view.language) for one in entries],
            key="name",
            on_row=lambda row: self._choose(mine[row["name"]]),
            actions=[("delete", view.text("Unload"), self._unload)],
            filterable=len(mine) > 8,
            label=view.text("Loaded templates"),
        )

    def _draw_shipped(self, entries: Iterable[Entry]) -> None:
        view = self._view
        table(
            [
                Column("number", view.text("IDTA"), kind="code", phone=False),
                Column("title", view.text("Template")),
                Column("summary", view.text("What it says"), sortable=False, phone=False),
                *self._counts(),
            ],
            [_row(one, view.language) for one in entries],
            key="name",
            on_row=lambda row: self._choose(template(row["name"])),
            label=view.text("Templates"),
        )

    def _counts(self) -> list[Column]:
        text = self._view.text
        return [
            Column("mandatory", text("Needed"), kind="number", digits=0, phone=False),
            Column("elements", text("Elements"), kind="number", digits=0, phone=False),
        ]

    async def _choose(self, chosen: Template) -> None:
        self._close()
        await _add(self._twin, chosen, self._then)

    # ---- loading ----

    async def _load(self, name: str, content: bytes) -> None:
        view = self._view
        loaded = await view.ask(Receiving).load_templates(view.who, content)
        await self._show()
        titles = view.text(", ").join(say(one.template.title, view.language) for one in loaded)
        view.toast(view.text("Loaded {names}", names=titles), kind="good")

    async def _unload(self, row: dict[str, Any]) -> None:
        view, templates = self._view, self._view.ask(Repository).templates
        gone = await templates.unload(view.who, row["name"])
        await self._show()

        async def back() -> None:
            await templates.load(view.who, [gone])
            await self._show()

        view.toast(view.text("Unloaded {name}", name=row["title"]), action=(view.text("Undo"), back))


def _row(one: Entry, language: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "number": f"{one.number} {one.version}",
        "version": one.version,
        "title": say(one.title, language),
        "summary": say(one.summary, language),
        "mandatory": one.mandatory,
        "elements": one.elements,
    }


async def _add(twin: Opened, chosen: Template, then: Then) -> None:
    view = twin.view
    taken = {str(one.content.get("idShort")) for one in twin.submodels}
    id_short = next(
        f"{chosen.id_short}{n or ''}" for n in range(len(taken) + 1) if f"{chosen.id_short}{n or ''}" not in taken
    )
    made = await view.ask(Repository).carry(view.who, twin.document.id, new(chosen, id_short=id_short))

    async def back() -> None:
        await view.ask(Repository).let_go(view.who, twin.document.id, made.id)
        await then("")

    await then(made.id)
    told = view.text("Added {name}", name=say(chosen.title, view.language))
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
