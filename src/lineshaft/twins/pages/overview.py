"""Overview: the plant as a tree and as tiles, what needs attention, how far values may be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from lineshaft.console import (
    Column,
    Table,
    Tile,
    Tree,
    TreeNode,
    View,
    button,
    empty,
    heading,
    notice,
    page,
    row,
    section,
    split,
    stack,
    table,
    tile,
    tiles,
    tree,
)
from lineshaft.kernel.errors import NotFound
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Role
from lineshaft.twins.model import Attention, Brief, Condition, Group, Level, Overview, Trouble, Twin, called
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.service import Twins

from .beginning import Beginning
from .cards import draw_machine, draw_place, running_of, set_machine, set_place
from .synoptics import draw_links, pictures_of
from .words import (
    LEVELS,
    MACHINES,
    STATUS,
    TROUBLES,
    address_of,
    named,
    place_of,
    plain,
    said,
    trail_of,
)

REFRESH_S = 1.0
PLACES = tuple(level for level in LEVELS if level not in MACHINES)
AT_ONCE = 48
"""Tiles drawn before somebody asks for more."""
FIRST_ATTENTION = 8
MOST_ATTENTION = 200
_MOST_BRANCHES = 500
_MOST_MACHINES = 5_000


@page("/", title="Overview", section="Plant", icon="dashboard", order=10, role=int(Role.VIEWER))
async def overview(view: View, path: str = "") -> None:
    """The plant, or one place of it, now."""
    await _Board(view, plain(path)).draw()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """One tile: a machine, or a place with all its machines."""

    path: str
    under: str = ""
    """The place it is shown under."""
    brief: Brief | None = None
    group: Group | None = None

    @property
    def urgency(self) -> tuple[int, str]:
        shown = self.brief or self.group
        trouble = shown.trouble if shown else None
        return (-(trouble.severity if trouble else 0), self.path)


class _Board:
    """One place of the plant and everything drawn of it."""

    def __init__(self, view: View, path: str) -> None:
        self._view = view
        self._twins = view.ask(Twins)
        self._path = path
        self._numbers: dict[str, Tile] = {}
        self._tiles: dict[str, Tile] = {}
        self._titles: dict[str, str] = {}
        self._shown = AT_ONCE
        self._most = FIRST_ATTENTION
        self._well: Any = None
        self._trouble: Any = None
        self._rest: Any = None
        self._places: Any = None
        self._attention: Table | None = None
        self._plant: Tree | None = None
        self._branches: set[str] = set()

    async def draw(self) -> None:
        seen = await self._start()
        beginning = Beginning(self._view, self._path)
        waiting = await beginning.count()
        if not seen.groups and not seen.twins and (not self._path or waiting):
            beginning.draw()
            return
        await self._draw_heading()
        beginning.draw_waiting()
        places = await self._twins.list_(self._view.who, under=self._path, levels=PLACES, limit=1000)
        self._titles = {t.path: named(self._view, t) for t in places}
        self._draw_numbers(seen)
        self._well = notice(
            "good", self._view.text("All is well"), hint=self._view.text("No machine needs attention now.")
        )
        self._trouble = stack()
        with self._trouble, section(self._view.text("Needs attention"), flush=True):
            self._attention = self._draw_attention()
            self._rest = button("", self._show_all, kind="quiet")
        left, right = split(start=0.24, phone="right")
        with left, section(self._view.text("Plant")):
            self._plant = tree(self._open, on_select=self._go, selected=self._path, label=self._view.text("Plant"))
        with right:
            self._places = stack()
        await self._show(seen)
        self._view.every(REFRESH_S, self._refresh)

    async def _start(self) -> Overview:
        """Where to begin: without a place, the first one from the top that has more than one branch."""
        who = self._view.who
        seen = await self._twins.now.overview(who, self._path, attention=MOST_ATTENTION)
        if self._path:
            return seen
        while len(seen.groups) == 1 and seen.groups[0].level not in MACHINES:
            below = await self._twins.now.overview(who, seen.groups[0].path, attention=MOST_ATTENTION)
            if not below.groups:
                break
            self._path, seen = seen.groups[0].path, below
        return seen

    # ---- drawing ----

    async def _draw_heading(self) -> None:
        view = self._view
        twin = await self._twins.find(view.who, self._path) if self._path else None
        if self._path and twin is None:
            raise NotFound(f"There is nothing at {self._path}.", hint="Go back to the overview of the whole plant.")
        title = named(view, twin) if twin else view.text("Overview")
        if twin is not None:
            view.title(title, trail=trail_of(view, await self._above(twin)))
        subtitle = f"{view.text(LEVELS[twin.draft.level])} · {twin.path}" if twin else ""
        pictures = await pictures_of(view, self._path)
        heading(title, subtitle=subtitle, actions=lambda: self._draw_actions(twin, pictures))

    def _draw_actions(self, twin: Twin | None, pictures: list[Picture]) -> None:
        draw_links(self._view, pictures)
        if twin is not None and twin.points:
            button(self._view.text("Values"), lambda: self._view.go(address_of(twin.path)), symbol="show_chart")

    async def _above(self, twin: Twin) -> list[Twin]:
        parts = twin.path.split("/")
        places = ["/".join(parts[:n]) for n in range(1, len(parts))]
        found = [await self._twins.find(self._view.who, place) for place in places]
        return [t for t in found if t is not None]

    def _draw_numbers(self, seen: Overview) -> None:
        text = self._view.text
        with tiles(size="row"):
            self._numbers = {
                "running": tile(text("Machines running")),
                "attention": tile(text("Attention")),
                "good": tile(text("Good values")),
                "doubtful": tile(text("Bad or stale")),
            }
        self._count(seen)

    def _draw_attention(self) -> Table:
        text = self._view.text
        return table(
            [
                Column("state", text("State"), kind="status", sortable=False),
                Column("machine", text("Machine"), sortable=False),
                Column("what", text("What"), sortable=False),
                Column("since", text("Since"), kind="ago", sortable=False),
            ],
            href=lambda shown: address_of(shown["path"]),
            filterable=False,
            empty=(text("All is well"), text("No machine needs attention now.")),
            label=text("Needs attention"),
        )

    # ---- keeping it fresh ----

    async def _refresh(self) -> None:
        seen = await self._twins.now.overview(self._view.who, self._path, attention=MOST_ATTENTION)
        self._count(seen)
        await self._show(seen)
        await self._mark_tree()

    def _count(self, seen: Overview) -> None:
        text, counts, numbers = self._view.text, seen.counts, self._numbers
        waits = seen.conditions[Condition.ATTENTION]
        stopped = seen.conditions[Condition.STOPPED]
        known = counts.good + counts.uncertain + counts.bad + counts.stale
        doubtful = counts.bad + counts.stale
        numbers["running"].set(running_of(seen.conditions))
        numbers["running"].patch(note=text("{n} stopped", n=stopped))
        worst = STATUS[seen.attention[0].trouble] if waits and seen.attention else "good"
        numbers["attention"].set(waits, status=worst)
        numbers["attention"].patch(note=text("{n} values out of range", n=counts.out_of_range))
        numbers["good"].set(f"{counts.good} / {known}")
        numbers["good"].patch(note=text("{n} uncertain", n=counts.uncertain))
        numbers["doubtful"].set(doubtful, status=("bad" if counts.bad else "stale") if doubtful else "good")
        numbers["doubtful"].patch(note=text("{bad} bad, {stale} stale", bad=counts.bad, stale=counts.stale))

    async def _show(self, seen: Overview) -> None:
        self._show_attention(seen)
        few = seen.twins <= AT_ONCE or all(g.level in MACHINES for g in seen.groups)
        cards = await self._machine_cards(seen) if few else _place_cards(seen)
        rest = max(len(cards) - self._shown, 0)
        shown = sorted(cards, key=lambda c: c.urgency)[: self._shown]
        if {c.path for c in shown} != set(self._tiles):
            self._draw_cards(sorted(shown, key=lambda c: (c.under, c.path)), rest)
        for card in shown:
            self._set_card(self._tiles[card.path], card)

    async def _machine_cards(self, seen: Overview) -> list[_Card]:
        """Every machine, under the place it stands in; components speak through their machine and the table above."""
        briefs = await self._twins.now.briefs(self._view.who, self._path, limit=_MOST_MACHINES)
        known = {b.path for b in briefs}
        return [
            _Card(path=b.path, under=self._place(b.path), brief=b)
            for b in briefs
            if b.path != self._path and not (b.level is Level.COMPONENT and b.path.parent in known)
        ]

    def _place(self, path: PlantPath) -> str:
        """The nearest place at or above that is not a machine."""
        place: PlantPath | None = path
        while place is not None and place not in self._titles:
            place = place.parent
        return str(place or path.parent or "")

    def _show_attention(self, seen: Overview) -> None:
        assert self._attention is not None
        reasons = list(seen.attention[: self._most])
        self._well.set_visibility(not reasons)
        self._trouble.set_visibility(bool(reasons))
        self._rest.set_visibility(self._most == FIRST_ATTENTION and seen.attention_all > len(reasons))
        self._rest.set_label(self._view.text("Show all {n}", n=seen.attention_all))
        rows = [self._reason(r) for r in reasons]
        if [row["id"] for row in rows] != [row["id"] for row in self._attention.rows]:
            self._attention.set(rows)
        else:
            self._attention.change_many({row["id"]: row for row in rows})

    async def _show_all(self) -> None:
        self._most = MOST_ATTENTION
        await self._refresh()

    def _reason(self, reason: Attention) -> dict[str, Any]:
        text = self._view.text
        names = ", ".join(self._named(reason, i) for i in range(min(len(reason.properties), 3)))
        more = text(" and {n} more", n=len(reason.properties) - 3) if len(reason.properties) > 3 else ""
        return {
            "id": f"{reason.path}:{reason.trouble}",
            "path": reason.path,
            "state": STATUS[reason.trouble],
            "machine": called(reason.title, reason.path.name, self._view.language),
            "what": f"{text(TROUBLES[reason.trouble])}: {names}{more}",
            "since": reason.since,
        }

    def _named(self, reason: Attention, at: int) -> str:
        """A property, with its value where the value is what is wrong."""
        name = called(reason.titles[at], reason.properties[at], self._view.language)
        if reason.trouble not in (Trouble.ALARM, Trouble.RANGE):
            return name
        return f"{name} {said(self._view, reason.values[at], reason.units[at])}"

    # ---- tiles ----

    def _draw_cards(self, cards: Sequence[_Card], rest: int) -> None:
        text = self._view.text
        self._places.clear()
        self._tiles = {}
        with self._places:
            if not cards:
                empty(text("Nothing below this place"))
            for under, members in groupby(cards, key=lambda c: c.under):
                with section(self._name_of(under) if under else text("Places")), tiles():
                    for card in members:
                        self._tiles[card.path] = self._draw_card(card)
            if rest:
                with row():
                    button(text("Show {n} more", n=min(rest, AT_ONCE)), self._more, kind="quiet")

    def _name_of(self, path: str) -> str:
        """A place by the titles of what lies between it and the place shown."""
        known = self._titles
        parts = path.split("/")
        places = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
        below = [p for p in places if p.startswith(self._path + "/") or not self._path] or places[-1:]
        return " · ".join(known.get(p) or called({}, p.rsplit("/", 1)[-1]) for p in below)

    async def _more(self) -> None:
        self._shown += AT_ONCE
        await self._refresh()

    def _draw_card(self, card: _Card) -> Tile:
        if card.brief is not None:
            return draw_machine(self._view, card.brief)
        assert card.group is not None
        return draw_place(self._view, card.group)

    def _set_card(self, shown: Tile, card: _Card) -> None:
        if card.brief is not None:
            set_machine(self._view, shown, card.brief)
        elif card.group is not None:
            set_place(shown, card.group)

    # ---- the tree ----

    async def _open(self, parent: str | None) -> list[TreeNode]:
        found = await self._twins.children(self._view.who, parent or "", limit=_MOST_BRANCHES)
        self._branches |= {t.path for t in found}
        troubles = await self._twins.now.worst(self._view.who, [t.path for t in found])
        return [self._node(t, STATUS.get(troubles[t.path], "") if t.path in troubles else "") for t in found]

    def _node(self, twin: Twin, status: str) -> TreeNode:
        inside = self._path == twin.path or self._path.startswith(twin.path + "/")
        return TreeNode(
            id=twin.path,
            label=named(self._view, twin),
            symbol=twin.icon,
            children=twin.children > 0,
            status=status,
            open=inside,
        )

    async def _mark_tree(self) -> None:
        assert self._plant is not None
        troubles = await self._twins.now.worst(self._view.who, self._branches)
        for path in self._branches:
            self._plant.change(path, status=STATUS[troubles[path]] if path in troubles else "")

    async def _go(self, path: str) -> None:
        twin = await self._twins.get(self._view.who, path)
        machine = twin.draft.level in MACHINES or not twin.children
        self._view.go(address_of(path) if machine else place_of(path))


def _place_cards(seen: Overview) -> list[_Card]:
    return [_Card(path=g.path, group=g) for g in seen.groups]
