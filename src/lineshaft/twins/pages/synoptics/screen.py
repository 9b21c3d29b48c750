"""One process picture as the plant is now, its versions, and the way to its editor."""

from __future__ import annotations

import json
from typing import Any

from lineshaft.console import (
    Column,
    Synoptic,
    View,
    button,
    confirm,
    dialog,
    download_button,
    heading,
    mark,
    menu,
    page,
    synoptic,
    table,
    undo,
)
from lineshaft.kernel.clock import from_us
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.model import say
from lineshaft.twins.model.picture import Edition, Picture
from lineshaft.twins.pages.words import place_of
from lineshaft.twins.service import Parcel, Pictures, Watched

from .signs import drawn, known_of, signs_of

REFRESH_S = 0.5
DEEDS = {"saved": mark("Saved"), "restored": mark("Restored"), "removed": mark("Removed")}


def picture_address(id_: str) -> str:
    """The screen of a picture."""
    return f"/synoptics/{id_}"


@page("/synoptics/{key}", title="Synoptic", section=None, icon="schema", role=int(Role.VIEWER))
async def picture(view: View, key: str) -> None:
    """A picture that follows the plant."""
    await _Screen(view, await view.ask(Pictures).get(view.who, key)).draw()


class _Screen:
    """One picture on screen."""

    def __init__(self, view: View, shown: Picture) -> None:
        self._view = view
        self._picture = shown
        self._watched: Watched
        self._part: Synoptic

    async def draw(self) -> None:
        view, shown = self._view, self._picture
        title = say(shown.title, view.language)
        view.title(title, trail=[(view.text("Synoptics"), "/synoptics")])
        heading(title, subtitle=str(shown.place), actions=self._actions)
        watching = view.ask(Pictures).watching
        self._watched = await watching.find(view.who, shown)
        self._part = synoptic(
            drawn(view, shown),
            now=signs_of(view, await watching.now(view.who, self._watched)),
            known=await known_of(view, shown, self._watched),
            drawings={name: _told(one) for name, one in (await view.ask(Pictures).drawings(view.who, shown)).items()},
        )
        view.every(REFRESH_S, self._refresh, name="synoptic")

    async def _refresh(self) -> None:
        now = await self._view.ask(Pictures).watching.now(self._view.who, self._watched)
        self._part.show(signs_of(self._view, now))

    def _actions(self) -> None:
        view, shown = self._view, self._picture
        button(view.text("Overview"), lambda: view.go(place_of(shown.place)), symbol="dashboard", kind="quiet")
        download_button(view.text("Export"), self._export, lambda: f"{self._name}.json", kind="quiet")
        if view.who.may(Role.ENGINEER, shown.place):
            edit = f"{picture_address(shown.id)}/edit"
            button(view.text("Edit"), lambda: view.go(edit), symbol="edit")
            more = [(view.text("Versions …"), self._open_versions), (view.text("Remove …"), self._remove)]
            menu(view.text("More"), more)
        else:
            button(view.text("Versions"), self._open_versions, symbol="history", kind="quiet")

    @property
    def _name(self) -> str:
        """The title as a file may be called."""
        return PlantPath.clean(say(self._picture.title, "en")) or self._picture.id

    async def _export(self) -> str:
        parcel = await Parcel.of(self._view.ask(Pictures), self._view.who, self._picture)
        return json.dumps(parcel, ensure_ascii=False, indent=1)

    async def _remove(self) -> None:
        view, shown = self._view, self._picture
        title = say(shown.title, view.language)
        consequence = view.text("Its versions stay, so that it can be brought back.")
        if await confirm(view.text("Remove {title}?", title=title), consequence, do=view.text("Remove"), danger=True):
            await view.ask(Pictures).remove(view.who, shown.id, version=shown.version)
            view.go("/synoptics")
            undo(view.text("{title} was removed", title=title), lambda: self._back(shown.version))

    async def _back(self, version: int) -> None:
        await self._view.ask(Pictures).restore(self._view.who, self._picture.id, version)
        self._view.go(picture_address(self._picture.id))

    async def _open_versions(self) -> None:
        view, shown = self._view, self._picture
        found = await view.ask(Pictures).editions(view.who, shown.id)
        may = view.who.may(Role.ENGINEER, shown.place)
        with dialog(view.text("Versions"), wide=True):
            table(
                [
                    Column("version", view.text("Version"), kind="number", digits=0),
                    Column("at", view.text("When"), kind="time"),
                    Column("by", view.text("Who")),
                    Column("deed", view.text("What")),
                    Column("items", view.text("Items"), kind="number", digits=0, phone=False),
                ],
                [_row(view, edition) for edition in found],
                actions=[("history", view.text("Restore"), self._restore)] if may else [],
                filterable=False,
                label=view.text("Versions"),
            )

    async def _restore(self, row: dict[str, Any]) -> None:
        view = self._view
        await view.ask(Pictures).restore(view.who, self._picture.id, int(row["version"]))
        view.reload()
        view.toast(view.text("Version {n} stands again", n=row["version"]), kind="good")


def _row(view: View, edition: Edition) -> dict[str, Any]:
    return {
        "id": edition.version,
        "version": edition.version,
        "at": from_us(edition.at_us),
        "by": edition.by,
        "deed": view.text(DEEDS.get(edition.deed, edition.deed)),
        "items": edition.items,
    }


def _told(drawing: Any) -> dict[str, Any]:
    return {"svg": drawing.svg, "box": drawing.box, "size": drawing.size, "parts": drawing.parts}
