"""All process pictures, and new ones: drawn up from the tree, empty, or taken in from a file."""

from __future__ import annotations

import json
from typing import Any

from lineshaft.console import (
    Column,
    Field,
    View,
    button,
    dialog,
    empty,
    form,
    heading,
    menu,
    page,
    paragraph,
    section,
    table,
    upload,
)
from lineshaft.kernel.clock import from_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.model import Level, Twin, say
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.pages.words import named
from lineshaft.twins.service import Parcel, Pictures, Twins

from .removed import open_removed
from .screen import picture_address

PLACES = (Level.ORGANISATION, Level.SITE, Level.AREA, Level.LINE, Level.CELL)
_MOST = 1_000


@page("/synoptics", title="Synoptics", section="Plant", icon="schema", order=15, role=int(Role.VIEWER))
async def synoptics(view: View) -> None:
    """The process pictures the viewer may see."""
    found = await view.ask(Pictures).list_(view.who, limit=_MOST)
    places = await _places(view)
    heading(
        view.text("Synoptics"),
        subtitle=view.text("Process pictures that show how the plant is now"),
        actions=lambda: _actions(view, places) if places else None,
    )
    if not found:
        _draw_empty(view, places)
        return
    with section(view.text("Pictures"), flush=True):
        table(
            [
                Column("title", view.text("Title")),
                Column("place", view.text("Place"), kind="code"),
                Column("items", view.text("Items"), kind="number", digits=0, phone=False),
                Column("version", view.text("Version"), kind="number", digits=0, phone=False),
                Column("changed", view.text("Changed"), kind="time", phone=False),
                Column("by", view.text("By"), phone=False),
            ],
            [_row(view, one) for one in found],
            href=lambda row: picture_address(str(row["id"])),
            label=view.text("Pictures"),
        )


def _row(view: View, shown: Picture) -> dict[str, Any]:
    return {
        "id": shown.id,
        "title": say(shown.title, view.language),
        "place": str(shown.place),
        "items": len(shown.items),
        "version": shown.version,
        "changed": from_us(shown.changed_us),
        "by": shown.changed_by,
    }


async def _places(view: View) -> list[Twin]:
    """Where the viewer may put a picture."""
    found = await view.ask(Twins).list_(view.who, levels=PLACES, limit=_MOST)
    return [t for t in found if view.who.may(Role.ENGINEER, t.path)]


def _draw_empty(view: View, places: list[Twin]) -> None:
    if not places:
        empty(view.text("No pictures yet"), view.text("They appear here once an engineer has drawn one."))
        return
    empty(
        view.text("No pictures yet"),
        view.text("The first one is drawn from the plant model, with states and main values. Change it as you like."),
        symbol="schema",
        action=lambda: button(view.text("Draw the first picture"), lambda: _draw_up(view, places[0].path)),
    )


def _actions(view: View, places: list[Twin]) -> None:
    button(view.text("New picture"), lambda: _open_new(view, places), symbol="add", kind="primary")
    more = [
        (view.text("Import from JSON …"), lambda: _open_import(view)),
        (view.text("Removed pictures …"), lambda: open_removed(view)),
    ]
    menu(view.text("More"), more)


def _open_new(view: View, places: list[Twin]) -> None:
    starts = {"tree": view.text("Machines of the place, drawn up for me"), "empty": view.text("An empty canvas")}
    named_places = {str(t.path): f"{named(view, t)} ({t.path})" for t in places}
    with dialog(view.text("New picture")) as box:

        async def make(values: dict[str, Any]) -> None:
            place, title = str(values["place"]), str(values["title"] or "").strip()
            if values["start"] == "tree":
                await _draw_up(view, place, title)
            else:
                title = title or view.text("New picture")
                made = Picture(title={view.language: title}, place=PlantPath(place))
                saved = await view.ask(Pictures).save(view.who, made)
                view.go(f"{picture_address(saved.id)}/edit")
            box.close()

        form(
            [
                Field(name="place", label=view.text("Place"), kind="select", options=named_places, required=True,
                      value=str(places[0].path), help=view.text("Who may see the place may see the picture.")),
                Field(name="title", label=view.text("Title"), placeholder=view.text("Name of the place")),
                Field(name="start", label=view.text("Start with"), kind="select", options=starts, value="tree"),
            ],
            on_submit=make,
            submit=view.text("Create"),
        )  # fmt: skip


async def _draw_up(view: View, place: str, title: str = "") -> None:
    pictures = view.ask(Pictures)
    made = await pictures.draw_up(view.who, place, title=title, language=view.language)
    if not made.items:
        raise Invalid("There are no machines with values at this place.", hint="Choose another place.")
    view.go(picture_address((await pictures.save(view.who, made)).id))


def _open_import(view: View) -> None:
    with dialog(view.text("Import a picture")) as box:
        paragraph(view.text("What an export wrote, also of another plant. It becomes a new picture."))

        async def take_in(name: str, content: bytes) -> None:
            try:
                parcel = json.loads(content)
            except ValueError as error:
                raise Invalid(f"{name} is not JSON: {error}.", hint="Choose a file that an export wrote.") from error
            if not isinstance(parcel, dict):
                raise Invalid(f"{name} is not a picture.", hint="Choose a file that an export wrote.")
            saved = await Parcel.taken(view.ask(Pictures), view.who, parcel, new=True)
            box.close()
            view.go(picture_address(saved.id))

        upload(view.text("Drop a file here, or choose one"), take_in, accept=".json", most_mb=16)
