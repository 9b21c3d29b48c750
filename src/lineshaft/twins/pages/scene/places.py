"""The smaller places to look at where a layout cannot show every machine of a large one."""

from __future__ import annotations

from typing import Any

from lineshaft.console import Column, View, section, table
from lineshaft.twins.model import called
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.service import Crowd


def draw_places(view: View, crowd: Crowd) -> None:
    """A list of lines and areas; choosing one draws it."""

    def go(row: dict[str, Any]) -> None:
        view.go(twin_address(shell_id(row["id"]), "3d"))

    with section(view.text("Draw a smaller place"), flush=True):
        table(
            [
                Column("name", view.text("Name")),
                Column("place", view.text("Place"), kind="code", phone=False),
                Column("machines", view.text("Machines"), kind="number", digits=0),
            ],
            [
                {
                    "id": one.id,
                    "name": called(one.draft.title, one.path.name, view.language),
                    "place": str(one.path),
                    "machines": count,
                }
                for one, count in crowd.places
            ],
            on_row=go,
            filterable=len(crowd.places) > 12,
            label=view.text("Draw a smaller place"),
        )
