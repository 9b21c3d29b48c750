"""The way from a machine or a place to the process pictures that show it."""

from __future__ import annotations

from functools import partial

from lineshaft.console import View, button, menu
from lineshaft.twins.model import say
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.service import Pictures

from .screen import picture_address

_MOST = 10


async def pictures_of(view: View, path: str) -> list[Picture]:
    """The nearest pictures that show what stands at or below a path."""
    return await view.ask(Pictures).showing(view.who, path, limit=_MOST + 1)


def draw_links(view: View, found: list[Picture]) -> None:
    """A button that leads to the picture, or lists them; nothing without any."""
    if len(found) == 1:
        button(view.text("Process picture"), lambda: view.go(picture_address(found[0].id)), symbol="schema")
    elif found:
        shown = [(say(p.title, view.language), partial(view.go, picture_address(p.id))) for p in found[:_MOST]]
        more = [(view.text("All pictures …"), partial(view.go, "/synoptics"))] if len(found) > _MOST else []
        menu(view.text("Process pictures"), [*shown, *more], symbol="schema", named=True)
