"""Overview: the plant as a tree and as tiles, what needs attention, how far values may be trusted."""

from __future__ import annotations

from collections.abc import Sequence
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
from lineshaft.security import Role
from lineshaft.twins.model import Attention, Brief, Condition, Counts, Group, Overview, Twin, called
from lineshaft.twins.service import Twins

from .words import (
    ACTIVITIES,
    LEVELS,
    MACHINES,
    STATUS,
    TROUBLES,
    address_of,
    named,
    place_of,
    plain,
    status_of,
    tile_status,
    trail_of,
)

REFRESH_S = 1.0
AT_ONCE = 48
"""Tiles drawn before somebody asks for more."""
MOST_ATTENTION = 50
_MOST_BRANCHES = 500


@page("/", title="Overview", section="Plant", icon="dashboard", order=10, role=int(Role.VIEWER))
async def overview(view: View, path: str = "") -> None:
    """The plant, or one place of it, now."""
    await _Board(view, plain(path)).draw()


class _Board:
    """One place of the plant and everything drawn of it."""

    def __init__(self, view: View, path: str) -> None:
        self._view = view
        self._twins = view.ask(Twins)
        self._path = path
        self._numbers: dict[str, Tile] = {}
        self._tiles: dict[str, Tile] = {}
        self._shown = AT_ONCE
        self._places: Any = None
        self._attention: Table | None = None
        self._reasons: list[Attention] = []
        self._plant: Tree | None = None
        self._branches: set[str] = set()

    async def draw(self) -> None:
        seen = await self._start()
        if not seen.groups and not seen.twins:
            self._draw_nothing()
            return
        await self._draw_heading()
        self._draw_numbers(seen)
        left, right = split(start=0.24)
        with left, section(self._view.text("Plant")):
            self._plant = tree(self._open, on_select=self._go, selected=self._path, label=self._view.text("Plant"))
        with right, stack():
            with section(self._view.text("Needs attention"), flush=True):
                self._attention = self._draw_attention()
            with section(self._view.text("Places and machines")):
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

    def _draw_nothing(self) -> None:
        view = self._view
        heading(view.text("Overview"))
        empty(
            view.text("No machines yet"),
            view.text("Connect your first machine; its values find their place here."),
            symbol="precision_manufacturing",
            action=lambda: button(
                view.text("Add connection"), lambda: view.go("/connections/add"), kind="primary", symbol="add"
            ),
        )

    async def _draw_heading(self) -> None:
        view = self._view
        twin = await self._twins.find(view.who, self._path) if self._path else None
        if self._path and twin is None:
            raise NotFound(f"There is nothing at {self._path}.", hint="Go back to the overview of the whole plant.")
        title = named(view, twin) if twin else view.text("Overview")
        if twin is not None:
            view.title(title, trail=trail_of(view, await self._above(twin)))
        subtitle = f"{view.text(LEVELS[twin.draft.level])} · {twin.path}" if twin else ""
        heading(title, subtitle=subtitle, actions=lambda: self._draw_actions(twin))

    def _draw_actions(self, twin: Twin | None) -> None:
        if twin is not None and twin.points:
            button(self._view.text("Values"), lambda: self._view.go(address_of(twin.path)), symbol="show_chart")

    async def _above(self, twin: Twin) -> list[Twin]:
        parts = twin.path.split("/")
        places = ["/".join(parts[:n]) for n in range(1, len(parts))]
        found = [await self._twins.find(self._view.who, place) for place in places]
        return [t for t in found if t is not None]

    def _draw_numbers(self, seen: Overview) -> None:
        text = self._view.text
        with tiles(size="small"):
            self._numbers = {
                "machines": tile(text("Machines")),
                "attention": tile(text("Need attention")),
                "running": tile(text("Running")),
                "stopped": tile(text("Stopped")),
                "good": tile(text("Good values")),
                "bad": tile(text("Bad values")),
                "stale": tile(text("Stale values")),
                "outside": tile(text("Out of range")),
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
        counts: Counts = seen.counts
        waits = seen.conditions[Condition.ATTENTION]
        bad, stale, outside = counts.bad, counts.stale, counts.out_of_range
        self._numbers["machines"].set(seen.twins)
        self._numbers["attention"].set(waits, status="warning" if waits else "good")
        self._numbers["running"].set(seen.conditions[Condition.RUNNING])
        self._numbers["stopped"].set(seen.conditions[Condition.STOPPED])
        self._numbers["good"].set(counts.good)
        self._numbers["bad"].set(bad, status="bad" if bad else "good")
        self._numbers["stale"].set(stale, status="stale" if stale else "good")
        self._numbers["outside"].set(outside, status="warning" if outside else "good")

    async def _show(self, seen: Overview) -> None:
        self._show_attention(seen)
        briefs: dict[str, Brief] = {b.path: b for b in await self._briefs(seen.groups)}
        shown = sorted(seen.groups, key=_by_urgency)[: self._shown]
        if {g.path for g in shown} != set(self._tiles):
            self._draw_tiles(sorted(shown, key=lambda g: g.path), seen, briefs)
        for group in shown:
            self._set_tile(self._tiles[group.path], group, briefs.get(group.path))

    async def _briefs(self, groups: Sequence[Group]) -> list[Brief]:
        """Those of the branches that are machines themselves."""
        if not any(g.level in MACHINES for g in groups):
            return []
        return await self._twins.now.briefs(self._view.who, self._path, limit=5_000)

    def _show_attention(self, seen: Overview) -> None:
        assert self._attention is not None
        reasons = list(seen.attention)
        if reasons != self._reasons:
            self._reasons = reasons
            self._attention.set([self._reason(r) for r in reasons])

    def _reason(self, reason: Attention) -> dict[str, Any]:
        text = self._view.text
        names = ", ".join(reason.properties[:3])
        more = text(" and {n} more", n=len(reason.properties) - 3) if len(reason.properties) > 3 else ""
        return {
            "id": f"{reason.path}:{reason.trouble}",
            "path": reason.path,
            "state": STATUS[reason.trouble],
            "machine": called(reason.title, reason.path.name, self._view.language),
            "what": f"{text(TROUBLES[reason.trouble])}: {names}{more}",
            "since": reason.since,
        }

    def _draw_tiles(self, shown: Sequence[Group], seen: Overview, briefs: dict[str, Brief]) -> None:
        self._places.clear()
        self._tiles = {}
        with self._places:
            if not shown:
                empty(self._view.text("Nothing below this place"))
            with tiles():
                for group in shown:
                    self._tiles[group.path] = self._draw_tile(group, briefs.get(group.path))
            if len(seen.groups) > len(shown):
                with row():
                    rest = len(seen.groups) - len(shown)
                    button(self._view.text("Show {n} more", n=min(rest, AT_ONCE)), self._more, kind="quiet")

    async def _more(self) -> None:
        self._shown += AT_ONCE
        await self._refresh()

    def _draw_tile(self, group: Group, brief: Brief | None) -> Tile:
        view = self._view
        machine = group.level in MACHINES
        return tile(
            called(group.title, group.path.name, view.language),
            unit="" if brief else view.text("running"),
            href=address_of(group.path) if machine else place_of(group.path),
            note=view.text(LEVELS[group.level]),
        )

    def _set_tile(self, shown: Tile, group: Group, brief: Brief | None) -> None:
        view = self._view
        if brief is not None:
            shown.set(view.text(ACTIVITIES[brief.activity]), status=tile_status(brief))
            return
        waits = group.conditions[Condition.ATTENTION]
        condition = Condition.ATTENTION if waits else Condition.RUNNING
        status = status_of(condition, group.trouble) if group.twins else "unknown"
        running = group.conditions[Condition.RUNNING]
        shown.set(f"{running} / {group.twins}", status=status)

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


def _by_urgency(group: Group) -> tuple[int, str]:
    return (-(group.trouble.severity if group.trouble else 0), group.path)
