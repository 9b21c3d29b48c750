"""Who changed what on a twin, and the way back."""

from __future__ import annotations

from typing import Any

from lineshaft.console import Column, View, confirm, section, table, undo
from lineshaft.kernel.clock import from_us
from lineshaft.twins.model import Change, Deed, Draft, Step
from lineshaft.twins.service import Twins

from .words import DEEDS, address_of


async def draw_changes(view: View, path: str, *, may_undo: bool) -> None:
    """The history of a twin, newest first, with undo for engineers."""
    twins = view.ask(Twins)
    changes = await twins.history(view.who, path)
    known = {change.id: change for change in changes}

    async def take_back(row: dict[str, Any]) -> None:
        change = known[row["id"]]
        if change.twins > 1 and not await confirm(
            view.text("Take this back for {n} twins?", n=change.twins), do=view.text("Take back")
        ):
            return
        done = await twins.undo(view.who, change.id)

        async def again() -> None:
            await twins.undo(view.who, done.id)
            view.go(address_of(path))

        undo(view.text("Taken back"), again)
        if await twins.find(view.who, path):
            view.reload()
        else:
            view.go("/")

    with section(view.text("Changes"), flush=True):
        table(
            [
                Column("at", view.text("When"), kind="time"),
                Column("by", view.text("Who")),
                Column("deed", view.text("What")),
                Column("detail", view.text("Details"), sortable=False, phone=False),
            ],
            [_row(view, change) for change in changes],
            actions=[("undo", view.text("Take back"), take_back)] if may_undo else (),
            sort="at",
            descending=True,
            filterable=False,
            label=view.text("Changes"),
        )


def _row(view: View, change: Change) -> dict[str, Any]:
    deed = view.text(DEEDS[change.deed])
    return {
        "id": change.id,
        "at": from_us(change.at_us),
        "by": change.by,
        "deed": f"{deed} · {view.text('taken back')}" if change.undone else deed,
        "detail": _detail(view, change, change.steps[0]) if change.steps else "",
    }


def _detail(view: View, change: Change, step: Step) -> str:
    """What became different, in one line."""
    if step.before is None or step.after is None:
        return view.text("with {n} others", n=change.twins - 1) if change.twins > 1 else ""
    if step.before.path != step.after.path:
        return f"{step.before.path} → {step.after.path}"
    names = _differing(view, step.before, step.after)
    return ", ".join(names) if change.deed is not Deed.ADOPTED else view.text("new properties")


def _differing(view: View, before: Draft, after: Draft) -> list[str]:
    parts = {
        "title": view.text("title"),
        "description": view.text("description"),
        "type": view.text("type"),
        "level": view.text("level"),
        "icon": view.text("symbol"),
        "properties": view.text("properties"),
        "without": view.text("properties"),
        "bindings": view.text("series"),
        "running": view.text("running"),
    }
    changed = [word for name, word in parts.items() if getattr(before, name) != getattr(after, name)]
    return list(dict.fromkeys(changed))
