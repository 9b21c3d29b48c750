"""Makes a twin of a type: asks where it stands and what it is called, and can be undone."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from lineshaft.console import Field, View, dialog, form, notice
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.model import AssetType, Draft, Level, say
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service import Repository, Twins, make_instance

from .naming import twin_address
from .words import address_of, named

_MOST_PLACES = 1_000
_NEAREST = (Level.LINE, Level.CELL, Level.AREA, Level.SITE, Level.ORGANISATION, Level.ASSET, Level.COMPONENT)
"""Where a machine most likely stands, first."""


async def _places(view: View) -> dict[str, str]:
    """Where a machine may stand, as far as the viewer may change it; lines and cells before halls, machines last."""
    found = await view.ask(Twins).list_(view.who, limit=_MOST_PLACES)
    fitting = [t for t in found if t.draft.level.may_hold(Level.ASSET) and view.who.may(Role.ENGINEER, t.path)]
    fitting.sort(key=lambda t: (_NEAREST.index(t.draft.level), t.path))
    return {str(t.path): f"{named(view, t)} · {t.path}" for t in fitting}


async def open_making(view: View, kind: AssetType) -> None:
    """Ask for a machine of a type of the library."""
    places = await _places(view)
    title = say(kind.title, view.language) or kind.name
    with dialog(view.text("Make a twin of {type}", type=title)) as box:
        if not _any(view, places):
            return

        async def make(values: dict[str, Any]) -> None:
            path = PlantPath(values["place"]).child(str(values["name"]).strip())
            said = {view.language: values["title"]} if values["title"] else {}
            made = await view.ask(Twins).create(
                view.who, Draft(path=path, level=Level.ASSET, type=kind.name, title=said)
            )  # fmt: skip
            box.close()

            async def back() -> None:
                await view.ask(Twins).retire(view.who, made.path, version=made.version)
                view.go("/types")

            view.toast(view.text("Made {name}", name=named(view, made)), action=(view.text("Undo"), back))
            view.go(address_of(made.path))

        name = Field(name="name", label=view.text("Name"), required=True, value=kind.name,
                     help=view.text("Part of its path: line-1, filler."))  # fmt: skip
        form(
            [_place(view, places), name, Field(name="title", label=view.text("Title"))],
            on_submit=make,
            submit=view.text("Make the twin"),
            on_cancel=box.close,
        )


async def open_making_of_vendor(view: View, shell: str, title: str) -> None:
    """Ask for an instance of a vendor's type."""
    places = await _places(view)
    with dialog(view.text("Make a twin of {type}", type=title)) as box:
        if not _any(view, places):
            return

        async def make(values: dict[str, Any]) -> None:
            repository = view.ask(Repository)
            asset, place = values["asset"] or f"urn:uuid:{uuid4()}", PlantPath(values["place"])
            made = await make_instance(repository, view.who, shell, name=values["name"], asset=asset, place=place)
            box.close()

            async def back() -> None:
                await repository.delete(view.who, Kind.SHELL, made)
                view.go("/types?tab=vendors")

            view.toast(view.text("Made {name}", name=values["name"]), action=(view.text("Undo"), back))
            view.go(twin_address(made))

        form(
            [
                _place(view, places),
                Field(name="name", label=view.text("Name"), required=True, value=title),
                Field(name="asset", label=view.text("Asset"),
                      help=view.text("Its id in the world, such as the address on its nameplate.")),
            ],
            on_submit=make,
            submit=view.text("Make the twin"),
            on_cancel=box.close,
        )  # fmt: skip


def _place(view: View, places: dict[str, str]) -> Field:
    return Field(name="place", label=view.text("Place"), kind="select", options=places, value=next(iter(places)))


def _any(view: View, places: dict[str, str]) -> bool:
    if not places:
        notice("info", view.text("There is no place for it yet."), hint=view.text("Add a line in the plant model."))
    return bool(places)
