"""Series that no twin reads, and the tree proposed for them."""

from __future__ import annotations

from typing import Any

from lineshaft.console import (
    Ask,
    Column,
    Rows,
    Table,
    View,
    button,
    notice,
    paragraph,
    row,
    section,
    stack,
    table,
    unit_text,
)
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins.model import Found, Proposed
from lineshaft.twins.service import Twins

from .editing import offer_undo
from .words import KINDS, LEVELS

COUNTED = 1_000
MOST_AT_ONCE = 10_000
"""Series one proposal is about."""


class Placing:
    """What waits for a place, and what was proposed."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._twins = view.ask(Twins)
        self._known: dict[str, Found] = {}
        self._proposed: dict[str, Proposed] = {}
        self._waiting: Table | None = None
        self._proposals: Table | None = None
        self._below: Any = None

    async def count(self) -> int:
        """How many wait, up to a thousand."""
        return len(await self._twins.adoption.unplaced(self._view.who, declined=False, limit=COUNTED))

    async def draw(self) -> None:
        text = self._view.text
        if self._twins.settings.auto_adopt:
            notice("info", text("New series find their place by themselves, by their path."),
                   hint=text("What was retired or left out stays here until you place it."))  # fmt: skip
        with section(text("Series without a place"), flush=True, actions=self._draw_actions):
            self._waiting = table(
                [
                    Column("path", text("Series"), kind="code", sortable=False),
                    Column("kind", text("Kind"), sortable=False, phone=False),
                    Column("unit", text("Unit"), sortable=False),
                ],
                load=self._load,
                key="path",
                selectable=True,
                empty=(text("Every series has its place"), text("New ones appear here when machines send them.")),
                label=text("Series without a place"),
            )
        self._below = stack()

    def _draw_actions(self) -> None:
        text = self._view.text
        button(text("Leave out"), self._leave_out, kind="quiet")
        button(text("Propose places"), self._propose, kind="primary", symbol="auto_awesome")

    async def _load(self, ask: Ask) -> Rows:
        found = await self._twins.adoption.unplaced(self._view.who, after=ask.after or "", limit=ask.limit)
        self._known |= {str(one.path): one for one in found}
        words = ask.filter.casefold()
        rows = [self._row(one) for one in found if words in one.path.casefold()]
        return Rows(rows=rows, next=str(found[-1].path) if len(found) == ask.limit else None)

    def _row(self, one: Found) -> dict[str, Any]:
        kind = self._view.text(KINDS[one.kind]) if one.kind else ""
        return {"path": str(one.path), "kind": kind, "unit": unit_text(one.unit)}

    async def _leave_out(self) -> None:
        assert self._waiting is not None
        chosen = self._waiting.selected
        if not chosen:
            self._view.toast(self._view.text("Tick the series to leave out first."), kind="warn")
            return
        await self._twins.adoption.decline(self._view.who, chosen)
        self._view.toast(self._view.text("Left out {n} series; they stay listed here.", n=len(chosen)))

    # ---- proposals ----

    async def _propose(self) -> None:
        """Propose places for what is ticked, or for everything that waits."""
        assert self._waiting is not None
        chosen = [self._known[path] for path in self._waiting.selected] or None
        proposed = await self._twins.adoption.propose(self._view.who, chosen)
        self._proposed = {str(p.draft.path): p for p in proposed}
        self._below.clear()
        with self._below:
            self._draw_proposals()

    def _draw_proposals(self) -> None:
        text = self._view.text
        with section(
            text("Proposed"),
            flush=True,
            subtitle=text("Untick what you do not want; places above are made as needed."),
            actions=lambda: button(text("Accept"), self._accept, kind="primary", symbol="check"),
        ):
            self._proposals = table(
                [
                    Column("path", text("Place"), kind="code"),
                    Column("level", text("Level"), phone=False),
                    Column("type", text("Type")),
                    Column("adds", text("Values"), sortable=False, phone=False),
                    Column("guessed", text("Guessed units"), sortable=False, phone=False),
                ],
                [self._proposal(p) for p in self._proposed.values()],
                key="path",
                selectable=True,
                empty=(text("Nothing to propose"), text("Every series has its place.")),
                label=text("Proposed"),
            )
            self._proposals.patch(selected=list(self._proposed))
        if any(p.guessed for p in self._proposed.values()):
            with row():
                paragraph(text("Guessed units come from the type; look at them before you accept."), muted=True)

    def _proposal(self, one: Proposed) -> dict[str, Any]:
        draft, text = one.draft, self._view.text
        return {
            "path": str(draft.path),
            "level": text(LEVELS[draft.level]),
            "type": draft.type,
            "adds": ", ".join(one.adds[:4]) + (text(" and {n} more", n=len(one.adds) - 4) if len(one.adds) > 4 else ""),
            "guessed": ", ".join(one.guessed),
        }

    async def _accept(self) -> None:
        assert self._proposals is not None
        chosen = {path for tick in self._proposals.selected for path in (tick, *_above(tick))}
        wanted = [one for path, one in self._proposed.items() if path in chosen]
        change = await self._twins.adoption.accept(self._view.who, wanted)
        message = self._view.text("Placed {n} series", n=sum(len(p.adds) for p in wanted))
        await offer_undo(self._view, change.path, message, self._view.reload)
        self._below.clear()
        assert self._waiting is not None
        await self._waiting.reload()


def _above(path: str) -> list[str]:
    parts = PlantPath(path).split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts))]
