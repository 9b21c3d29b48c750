"""The editor of one process picture: what it can be bound to, saving, and what to do when somebody was faster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from lineshaft.console import (
    Editor,
    Leaf,
    View,
    button,
    dialog,
    heading,
    notice,
    page,
    paragraph,
    row,
    synoptic_editor,
    upload,
)
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.errors import Outdated
from lineshaft.twins.model import Twin, say
from lineshaft.twins.model.picture import Drawing, Picture
from lineshaft.twins.model.sketch import SHAPES
from lineshaft.twins.pages.words import named, point_name
from lineshaft.twins.service import Pictures, Twins, unwrapped

from .screen import picture_address
from .signs import drawn, known_of, signs_of

REFRESH_S = 1.0
_MOST = 500


@page("/synoptics/{key}/edit", title="Edit synoptic", section=None, icon="schema", role=int(Role.ENGINEER))
async def edit(view: View, key: str) -> None:
    """Change a picture."""
    opened = await view.ask(Pictures).get(view.who, key)
    if view.who.may(Role.ENGINEER, opened.place):
        await _Desk(view, opened).draw()
    else:
        view.go(picture_address(key))


class _Desk:
    """One picture in the editor. What is bound anew is watched too, before it is saved."""

    def __init__(self, view: View, opened: Picture) -> None:
        self._view = view
        self._pictures = view.ask(Pictures)
        self._picture = opened
        self._part: Editor

    async def draw(self) -> None:
        view, shown = self._view, self._picture
        title = say(shown.title, view.language)
        trail = [(view.text("Synoptics"), "/synoptics"), (title, picture_address(shown.id))]
        view.title(view.text("Edit"), trail=trail)
        heading(title, subtitle=str(shown.place), actions=self._actions)
        self._watched = await self._pictures.watching.find(view.who, shown)
        drawings = await self._pictures.drawings(view.who, shown)
        self._part = synoptic_editor(
            drawn(view, shown),
            now=signs_of(view, await self._pictures.watching.now(view.who, self._watched)),
            known=await known_of(view, shown, self._watched),
            drawings={name: msgspec.to_builtins(one) for name, one in drawings.items()},
            links=await self._links(),
            on_save=self._save,
            on_browse=self._browse,
            on_pick=self._open_drawing,
            on_change=self._bound,
        )
        view.every(REFRESH_S, self._refresh, name="synoptic")

    def _actions(self) -> None:
        view = self._view
        button(view.text("Done"), lambda: view.go(picture_address(self._picture.id)), symbol="visibility")

    async def _links(self) -> dict[str, str]:
        """Where items may lead: the other pictures."""
        found = await self._pictures.list_(self._view.who, limit=_MOST)
        return {picture_address(p.id): say(p.title, self._view.language) for p in found if p.id != self._picture.id}

    async def _refresh(self) -> None:
        now = await self._pictures.watching.now(self._view.who, self._watched)
        self._part.show(signs_of(self._view, now))

    async def _bound(self, parcel: dict[str, Any]) -> None:
        """Something was bound: show at once what it says."""
        view, picture = self._view, unwrapped(parcel)
        self._watched = await self._pictures.watching.find(view.who, picture)
        self._part.tell("known", await known_of(view, picture, self._watched))
        await self._refresh()

    # ---- binding ----

    async def _browse(self, path: str) -> list[Leaf]:
        """What lies below a place: what it holds, then its own properties."""
        view, twins = self._view, self._view.ask(Twins)
        below = await twins.children(view.who, path, limit=_MOST)
        found = [self._leaf(twin) for twin in below]
        if not path:
            return found
        twin = await twins.get(view.who, path)
        return found + [
            Leaf(path=str(p.path), label=point_name(view, p), symbol="sell", property=True, kind=p.property.kind.value,
                 unit=p.property.unit)
            for p in twin.points
        ]  # fmt: skip

    def _leaf(self, twin: Twin) -> Leaf:
        shape = SHAPES.get(twin.draft.type, ("",))[0]
        return Leaf(path=str(twin.path), label=named(self._view, twin), symbol=_icon(twin), shape=shape)

    # ---- saving ----

    async def _save(self, parcel: dict[str, Any]) -> int | None:
        mine = unwrapped(parcel)
        try:
            saved = await self._pictures.save(self._view.who, mine)
        except Outdated as late:
            self._open_late(mine, late)
            return None
        self._picture = saved
        self._view.toast(self._view.text("Saved as version {n}", n=saved.version), kind="good")
        return saved.version

    def _open_late(self, mine: Picture, late: Outdated) -> None:
        """Somebody was faster: put both together, or keep this as a picture of its own."""
        view = self._view
        with dialog(view.text("Somebody else saved this picture meanwhile")) as box:
            notice("warn", view.said(late.message), hint=view.said(late.hint))

            async def together() -> None:
                both, clashes = await self._pictures.merge(view.who, mine)
                drawings = await self._pictures.drawings(view.who, both)
                told = drawn(view, both)
                self._part.tell("merged", told, {name: msgspec.to_builtins(one) for name, one in drawings.items()})
                await self._bound(msgspec.to_builtins(both, enc_hook=str))
                box.close()
                hint = view.text("Both of you changed {n} items: yours stand.", n=len(clashes)) if clashes else ""
                view.toast(view.text("Both are put together. Look at it, then save."), hint=hint, kind="good")

            async def copied() -> None:
                titles = {language: f"{title} (2)" for language, title in mine.title.items()}
                saved = await self._pictures.save(view.who, replace(mine, id="", version=0, title=titles))
                box.close()
                view.go(f"{picture_address(saved.id)}/edit")

            with row():
                button(view.text("Put both together"), together, kind="primary")
                button(view.text("Save mine as a copy"), copied)
                button(view.text("Keep editing"), box.close, kind="quiet")

    # ---- drawings ----

    def _open_drawing(self) -> None:
        view = self._view
        with dialog(view.text("Own drawing (SVG)")) as box:
            paragraph(view.text("It becomes a symbol or a background. Elements with an id can be bound to values."))

            async def take_in(name: str, content: bytes) -> None:
                digest, drawing, findings = await self._pictures.add_drawing(view.who, self._picture.place, content)
                title = PlantPath.clean(name.rsplit(".", 1)[0]) or "drawing"
                self._part.tell("drawing", f"{title}-{digest[:4]}", digest, msgspec.to_builtins(drawing))
                box.close()
                if findings:
                    self._open_report(drawing, findings)

            upload(view.text("Drop a file here, or choose one"), take_in, accept=".svg", most_mb=1)

    def _open_report(self, drawing: Drawing, findings: tuple[str, ...]) -> None:
        view = self._view
        with dialog(view.text("What was taken out of the drawing"), wide=True):
            paragraph(view.text("{n} elements can be bound.", n=len(drawing.parts)))
            for sentence in findings:
                paragraph(view.said(sentence), muted=True)


def _icon(twin: Twin) -> str:
    """The symbol of a twin, when it is one and no image."""
    return twin.icon if twin.icon.isidentifier() else "category"
