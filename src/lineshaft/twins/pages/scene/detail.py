"""What was picked in the picture: its values, and for engineers what it stands for or where it stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from lineshaft.console import Column, Field, View, button, chips, form, paragraph, row, section, table
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.model import PointState
from lineshaft.twins.model.layout import Solid
from lineshaft.twins.model.scene import Scene, Spot
from lineshaft.twins.pages.words import address_of, point_name, point_status, value_text
from lineshaft.twins.service import Twins

Save = Callable[[Scene], Awaitable[None]]


def draw_values(view: View, points: list[PointState], label: str) -> None:
    """Values with their quality."""
    table(
        [
            Column("quality", view.text("Quality"), kind="status", sortable=False),
            Column("name", view.text("Property"), sortable=False),
            Column("value", view.text("Value"), sortable=False),
        ],
        [
            {"id": str(p.point.path), "quality": point_status(p), "name": point_name(view, p.point),
             "value": value_text(view, p)}
            for p in points
        ],
        filterable=False,
        empty=(view.text("No values"), view.text("Nothing is bound to this part yet.")),
        label=label,
    )  # fmt: skip


def draw_part(
    view: View, path: PlantPath, scene: Scene, part: str, states: list[PointState], properties: list[str], save: Save
) -> None:
    """A part of a model."""
    with section(part, flush=True):
        draw_values(view, states, part)
    if not view.who.may(Role.ENGINEER, path) or not properties:
        return

    async def bind(chosen: list[str]) -> None:
        bindings = {name: told for name, told in scene.bindings.items() if name != part}
        if chosen:
            bindings[part] = tuple(chosen)
        await save(replace(scene, bindings=bindings))

    with section(view.text("Stands for"), subtitle=view.text("Choose the properties this part shows.")):
        names = {told: told.replace("/", " · ").replace("-", " ") for told in properties}
        chips(names, list(scene.bindings.get(part, ())), bind, label=view.text("Properties"))


async def draw_machine(view: View, path: PlantPath, title: str, scene: Scene, solid: Solid, save: Save) -> None:
    """A machine of a layout; `path` is its own."""
    state = await view.ask(Twins).now.state(view.who, path)
    with section(title, flush=True, actions=lambda: _draw_way(view, path)):
        draw_values(view, list(state.points), title)
    if solid.path and view.who.may(Role.ENGINEER, path):
        with section(view.text("Where it stands"), subtitle=view.text("On the floor of the picture, in metres.")):
            _draw_place(view, scene, solid, save)


def _draw_way(view: View, path: str) -> None:
    button(view.text("Open"), lambda: view.go(address_of(path)), symbol="precision_manufacturing", kind="quiet")


def _draw_place(view: View, scene: Scene, solid: Solid, save: Save) -> None:
    async def put(values: dict[str, Any]) -> None:
        spot = Spot(x=float(values["x"]), z=float(values["z"]), turn=float(values["turn"] or 0))
        await save(replace(scene, spots={**scene.spots, solid.path: spot}))

    async def back() -> None:
        await save(replace(scene, spots={name: one for name, one in scene.spots.items() if name != solid.path}))

    spot = solid.spot
    fields = [
        Field(name="x", label=view.text("Along the flow"), kind="number", value=spot.x, unit="m", required=True),
        Field(name="z", label=view.text("Across the flow"), kind="number", value=spot.z, unit="m", required=True),
        Field(name="turn", label=view.text("Turned by"), kind="number", value=spot.turn, unit="°"),
    ]
    form(fields, on_submit=put, submit=view.text("Put it there"))
    if solid.moved:
        with row():
            paragraph(view.text("It was put here by hand."), muted=True)
            button(view.text("Back to the layout"), back, kind="quiet")
