"""One twin: who it is, and a tab for each thing it can show."""

from __future__ import annotations

from functools import partial

import orjson

from lineshaft.console import View, button, download_button, heading, page, tabs
from lineshaft.security import Role
from lineshaft.twins.files import to_bytes
from lineshaft.twins.metamodel import identifiers
from lineshaft.twins.metamodel.references import submodel_ids
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.pages.synoptics import draw_links, pictures_of
from lineshaft.twins.pages.words import address_of

from .opened import Opened, find_submodel, open_twin
from .tab import tabs_of


@page("/twins/{key}", title="Twin", section=None, icon="badge", role=int(Role.VIEWER))
async def twin(view: View, key: str, tab: str = "") -> None:
    """One shell with its tabs."""
    opened = await open_twin(view, identifiers.decode_id(key))
    view.title(opened.name, trail=[(view.text("Twins"), "/twins")])
    pictures = await pictures_of(view, opened.document.place) if opened.of_the_tree else []
    heading(opened.name, subtitle=opened.document.id, actions=lambda: _draw_actions(opened, pictures))
    found = tabs_of(opened)
    panels = {view.text(one.title): partial(one.draw, opened) for one in found}
    tabs(panels, names=[one.name for one in found], selected=tab)


def _draw_actions(twin: Opened, pictures: list[Picture]) -> None:
    view = twin.view
    if twin.of_the_tree:
        button(view.text("Machine"), lambda: view.go(address_of(twin.document.place)), symbol="precision_manufacturing")
    draw_links(view, pictures)
    name = str(twin.shell.get("idShort") or "twin")
    download_button(view.text("AASX"), lambda: _package(twin), f"{name}.aasx", kind="quiet")


async def _package(twin: Opened) -> bytes:
    found = [await find_submodel(twin.view, id_, newest=None) for id_ in submodel_ids(twin.shell)]
    submodels = [orjson.loads(one.body) for one in found if one is not None]
    content, _ = to_bytes({"assetAdministrationShells": [twin.shell], "submodels": submodels}, form="aasx")
    return content
