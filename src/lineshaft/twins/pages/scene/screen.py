"""The screen of a twin in three dimensions: the picture, and the list of its parts beside it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from lineshaft.console import (
    Body,
    Column,
    Table,
    View,
    button,
    dialog,
    empty,
    menu,
    notice,
    paragraph,
    section,
    split,
    stack,
    table,
    undo,
    upload,
)
from lineshaft.console import Scene as Picture
from lineshaft.console import scene as draw_picture
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.errors import BadFile, NoFile
from lineshaft.twins.files.gltf import MOST_MB
from lineshaft.twins.model.layout import Solid
from lineshaft.twins.model.scene import Scene
from lineshaft.twins.service import Crowd, Looks, Scenes

from .detail import draw_machine, draw_part
from .parts import LayoutParts, ModelParts, Part
from .places import draw_places

REFRESH_S = 1.0


class SceneScreen:
    """One twin in three dimensions."""

    def __init__(self, view: View, path: PlantPath) -> None:
        self._view = view
        self._path = path
        self._scenes = view.ask(Scenes)
        self._looks: Looks
        self._parts: ModelParts | LayoutParts
        self._shown: dict[str, Part] = {}
        self._properties: list[str] = []
        self._picture: Picture
        self._table: Table
        self._detail: Any = None
        self._picked = ""
        self._refused = ""
        self._crowd: Crowd | None = None

    async def draw(self) -> None:
        view = self._view
        self._looks = await self._scenes.get(view.who, self._path)
        self._parts = await self._find_parts()
        self._shown = {one.id: one for one in await self._parts.now()}
        if not self._shown:
            self._draw_nothing()
            return
        left, right = split(start=0.64)
        with left:
            self._draw_picture()
        with right:
            if self._crowd is not None:
                draw_places(view, self._crowd)
            self._detail = stack()
            self._draw_list()
        await self._refresh()
        view.every(REFRESH_S, self._refresh, name=f"scene {self._path}")

    async def _find_parts(self) -> ModelParts | LayoutParts:
        """What the picture is made of; a model that may not be shown gives way to the layout."""
        view, looks = self._view, self._looks
        if looks.has_model:
            try:
                _, drawing = await self._scenes.model(view.who, self._path)
                self._properties = await self._scenes.properties(view.who, looks.twin)
                return ModelParts(view, self._path, looks.scene, drawing.parts)
            except (BadFile, NoFile) as error:
                self._refused = view.said(error.message)
        self._crowd = await self._scenes.crowd(view.who, self._path)
        return LayoutParts(view, self._path, await self._scenes.layout(view.who, self._path))

    def _draw_nothing(self) -> None:
        text = self._view.text
        empty(
            text("Nothing to draw yet"),
            text("Machines below this place appear here, or a model that is uploaded."),
            symbol="view_in_ar",
            action=self._draw_upload if self._may() else None,
        )

    def _may(self) -> bool:
        return bool(self._view.who.may(Role.ENGINEER, self._path))

    # ---- the picture ----

    def _draw_picture(self) -> None:
        view, parts = self._view, self._parts
        if self._refused:
            told = view.text("The model of this twin is not shown; this is the generated layout.")
            notice("warn", told, hint=self._refused)
        if self._crowd is not None:
            counts = {"n": self._crowd.machines, "most": self._crowd.most}
            told = view.text("{n} machines and parts stand here, and the first {most} are drawn.", **counts)
            notice("warn", told, hint=view.text("Choose a smaller place in the list beside to see all of it."))
        with section(view.text("3D"), subtitle=self._subtitle(), actions=self._draw_actions):
            if isinstance(parts, ModelParts):
                address = f"/api/v1/scenes/model?path={quote(self._path)}&v={self._looks.scene.version}"
                self._picture = draw_picture(model=address, on_pick=self._pick, label=view.text("Model of the machine"))
            else:
                bodies = [self._body(one) for one in parts.solids]
                self._picture = draw_picture(
                    bodies, flows=_flows(parts.solids), on_pick=self._pick, label=view.text("Layout of the machines")
                )

    def _subtitle(self) -> str:
        looks, text = self._looks, self._view.text
        if isinstance(self._parts, LayoutParts):
            return text("A layout from the plant model, along the flow. Colour is only for what is the matter.")
        file = looks.scene.file or (looks.offered.name if looks.offered else "")
        return text("{file}. Colour is only for what is the matter.", file=file)

    def _body(self, one: Solid) -> Body:
        id_, spot, shape = one.path or ".", one.spot, one.shape
        return Body(id=id_, label=self._shown[id_].name, form=shape.form, x=spot.x, z=spot.z, turn=spot.turn,
                    width=shape.width, depth=shape.depth, height=shape.height)  # fmt: skip

    def _draw_actions(self) -> None:
        if not self._may():
            return
        view = self._view
        self._draw_upload()
        entries = []
        if self._looks.scene.version:
            entries.append((view.text("Take back the last change"), self._back))
        if self._looks.scene.digest:
            entries.append((view.text("Remove the model"), self._remove))
        if entries:
            menu(view.text("More"), entries)

    # ---- the list ----

    def _draw_list(self) -> None:
        view = self._view
        label = view.text("Parts") if isinstance(self._parts, ModelParts) else view.text("Machines")
        with section(label, flush=True):
            self._table = table(
                [
                    Column("status", view.text("State"), kind="status", sortable=False),
                    Column("name", view.text("Name"), sortable=False),
                    Column("value", view.text("Value"), sortable=False),
                ],
                [_row(one) for one in self._shown.values()],
                on_row=lambda row: self._pick(row["id"]),
                filterable=len(self._shown) > 12,
                label=label,
            )

    async def _refresh(self) -> None:
        self._shown = {one.id: one for one in await self._parts.now()}
        self._picture.paint({one.id: one.status for one in self._shown.values()})
        self._table.change_many({one.id: {"status": one.status, "value": one.value} for one in self._shown.values()})

    async def _pick(self, part: str) -> None:
        if part not in self._shown:
            return
        self._picked = part
        self._picture.select(part)
        parts, view = self._parts, self._view
        if isinstance(parts, ModelParts):
            states = await parts.states()
            bound = [states[told] for told in parts.scene.bindings.get(part, ()) if told in states]
            self._detail.clear()
            with self._detail:
                draw_part(view, self._path, parts.scene, part, bound, self._properties, self._save)
            return
        solid = next(one for one in parts.solids if (one.path or ".") == part)
        self._detail.clear()
        with self._detail:
            path = PlantPath(parts.path_of(solid.path))
            await draw_machine(view, path, self._shown[part].name, self._looks.scene, solid, self._save)

    # ---- changing ----

    async def _save(self, scene: Scene) -> None:
        """Keep what was changed, show it, and offer to take it back."""
        was = self._looks.scene.version
        saved = await self._scenes.save(self._view.who, self._path, scene)
        self._looks = replace(self._looks, scene=saved)
        if isinstance(self._parts, ModelParts):
            self._parts.scene = saved
        else:
            self._parts.solids = await self._scenes.layout(self._view.who, self._path)
            self._picture.arrange([self._body(one) for one in self._parts.solids], _flows(self._parts.solids))
        await self._refresh()
        await self._pick(self._picked)
        undo(self._view.text("Saved"), lambda: self._revert(was))

    async def _revert(self, version: int) -> None:
        await self._scenes.revert(self._view.who, self._path, version)
        self._view.reload()

    async def _back(self) -> None:
        await self._revert(self._looks.scene.version - 1)

    async def _remove(self) -> None:
        was = self._looks.scene.version
        await self._scenes.detach(self._view.who, self._path, version=was)
        undo(self._view.text("Removed the model"), lambda: self._revert(was))
        self._view.reload()

    def _draw_upload(self) -> None:
        words = self._view.text
        label = words("Replace the model") if self._looks.scene.digest else words("Add a model")
        button(label, self._ask_file, symbol="upload_file")

    def _ask_file(self) -> None:
        view = self._view
        with dialog(view.text("Add a model")) as box:
            paragraph(view.text("A glTF 2.0 model as one GLB file, at most {most} MB. Parts are its nodes; those named like a property are bound to it.", most=MOST_MB))  # fmt: skip  # noqa: E501

            async def take(name: str, content: bytes) -> None:
                version = self._looks.scene.version
                await view.ask(Scenes).attach(view.who, self._path, name, content, version=version)
                box.close()
                view.reload()

            upload(view.text("Drop a GLB file here, or choose one"), take, accept=".glb,.gltf", most_mb=MOST_MB)


def _row(one: Part) -> dict[str, Any]:
    return {"id": one.id, "status": one.status, "name": one.name, "value": one.value}


def _flows(solids: list[Solid]) -> list[tuple[str, str]]:
    """From each machine to the next of its row, as the eye follows the product."""
    pairs = itertools.pairwise(solids)
    return [(a.path, b.path) for a, b in pairs if a.path.rpartition("/")[0] == b.path.rpartition("/")[0] and a.path]
