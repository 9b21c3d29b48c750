"""Pictures that were removed: who did it and when, and the way back for those who may change them."""

from __future__ import annotations

from typing import Any

from lineshaft.console import Column, View, dialog, paragraph, table
from lineshaft.kernel.clock import from_us
from lineshaft.twins.model import say
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.service import Pictures

from .screen import picture_address

_MOST = 1_000


async def open_removed(view: View) -> None:
    """List them in a window; restoring one leads to it."""
    found = await view.ask(Pictures).removed(view.who, limit=_MOST)
    with dialog(view.text("Removed pictures"), wide=True) as box:
        paragraph(view.text("A restored picture comes back as it was, with all its versions."), muted=True)

        async def restore(row: dict[str, Any]) -> None:
            back = await view.ask(Pictures).restore(view.who, str(row["id"]), int(row["version"]))
            box.close()
            view.go(picture_address(back.id))
            view.toast(view.text("{title} is back", title=row["title"]), kind="good")

        table(
            [
                Column("title", view.text("Title")),
                Column("place", view.text("Place"), kind="code", phone=False),
                Column("changed", view.text("Removed"), kind="time"),
                Column("by", view.text("By"), phone=False),
            ],
            sorted((_row(view, one) for one in found), key=lambda row: row["changed"], reverse=True),
            actions=[("restore_from_trash", view.text("Restore"), restore)],
            filterable=len(found) > 10,
            empty=(view.text("No picture was removed"), view.text("What you remove is kept here.")),
            label=view.text("Removed pictures"),
        )


def _row(view: View, gone: Picture) -> dict[str, Any]:
    return {
        "id": gone.id,
        "title": say(gone.title, view.language),
        "place": str(gone.place),
        "version": gone.version,
        "changed": from_us(gone.changed_us),
        "by": gone.changed_by,
    }
