"""What a plant shows before it shows machines: the one next step, and values that wait for their places."""

from __future__ import annotations

from lineshaft.console import View, button, empty, heading, notice
from lineshaft.security import Role
from lineshaft.twins.service import Twins

from .editing import offer_undo
from .placing import COUNTED, MOST_AT_ONCE

LOOK_S = 5.0
"""How often an empty plant is looked at again."""


class Beginning:
    """The way from nothing to machines on the screen, for the whole plant or one place of it."""

    def __init__(self, view: View, path: str) -> None:
        self._view = view
        self._twins = view.ask(Twins)
        self._path = path
        self._waiting = 0

    async def count(self) -> int:
        """How many series wait for a place here, for those who may give them one."""
        self._waiting = await self._look()
        return self._waiting

    async def _look(self) -> int:
        if self._view.role < Role.ENGINEER:
            return 0
        found = await self._twins.adoption.unplaced(self._view.who, self._path, declined=False, limit=COUNTED)
        return len(found)

    def draw(self) -> None:
        """The whole page of a plant without machines."""
        heading(self._view.text("Overview"))
        if self._waiting:
            self._draw_arrived()
        elif self._view.role >= Role.ENGINEER:
            self._draw_first_machine()
        else:
            text = self._view.text
            told = text("They appear here once an engineer has connected them.")
            empty(text("No machines yet"), told, symbol="precision_manufacturing")
        self._view.every(LOOK_S, self._look_again)

    def _draw_arrived(self) -> None:
        text = self._view.text
        empty(
            text("{n} values have arrived", n=self._waiting),
            text("Give them their places in the plant; you can change all of it later."),
            symbol="account_tree",
            action=lambda: button(text("Find their places"), self._give_places, kind="primary", symbol="check"),
        )

    def _draw_first_machine(self) -> None:
        view = self._view
        empty(
            view.text("No machines yet"),
            view.text("Connect the first one: choose its protocol, pick its values, see them live."),
            symbol="precision_manufacturing",
            action=lambda: button(
                view.text("Add connection"), lambda: view.go("/connections/add"), kind="primary", symbol="add"
            ),
        )

    async def _look_again(self) -> None:
        """Begin anew when the first machines or values have come."""
        seen = await self._twins.now.overview(self._view.who, self._path)
        if seen.groups or seen.twins or await self._look() != self._waiting:
            self._view.reload()

    def draw_waiting(self) -> None:
        """A line above a plant that has machines and yet values without a place."""
        text = self._view.text
        if self._waiting:
            notice(
                "info",
                text("{n} values have no place in the plant yet.", n=self._waiting),
                actions=lambda: button(text("Find their places"), self._give_places),
            )

    async def _give_places(self) -> None:
        """Give everything that waits the place its path proposes, as one change that can be taken back."""
        view, adoption = self._view, self._twins.adoption
        waiting = await adoption.unplaced(view.who, self._path, declined=False, limit=MOST_AT_ONCE)
        proposed = await adoption.propose(view.who, waiting)
        change = await adoption.accept(view.who, proposed)
        message = view.text("Placed {n} series", n=sum(len(p.adds) for p in proposed))
        await offer_undo(view, change.path, message, view.reload)
        view.reload()
