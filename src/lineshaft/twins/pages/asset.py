"""Asset: one thing of the plant, its values as they come, their course, its parts and its changes."""

from __future__ import annotations

from lineshaft.console import (
    Badge,
    Column,
    Table,
    Tile,
    View,
    button,
    heading,
    menu,
    page,
    paragraph,
    section,
    stack,
    table,
    tabs,
    tile,
    tiles,
    unit_text,
)
from lineshaft.console import badge as draw_badge
from lineshaft.security import Role
from lineshaft.twins.model import Brief, Group, PointState, Twin, TwinState, say
from lineshaft.twins.model.picture import Picture
from lineshaft.twins.model.shell import shell_id
from lineshaft.twins.service import Twins

from .cards import draw_machine, draw_place, set_machine, set_place
from .changes import draw_changes
from .editing import ask_retire, draw_editor, open_move
from .naming import twin_address
from .setpoints import SetpointCard, draw_setpoints
from .synoptics import draw_links, pictures_of
from .trends import Courses, draw_trend
from .words import (
    ACTIVITIES,
    LEVELS,
    MACHINES,
    address_of,
    named,
    place_of,
    plain,
    point_name,
    point_status,
    status_of,
    trail_of,
    value_text,
)

REFRESH_S = 0.5
MOST_TILES = 8
_MOST_PARTS = 500


@page("/assets/{path:path}", title="Asset", section=None, icon="precision_manufacturing", role=int(Role.VIEWER))
async def asset(view: View, path: str, tab: str = "") -> None:
    """Everything about one twin."""
    await _Asset(view, plain(path)).draw(tab)


class _Asset:
    """One twin on screen."""

    def __init__(self, view: View, path: str) -> None:
        self._view = view
        self._twins = view.ask(Twins)
        self._path = path
        self._twin: Twin
        self._pictures: list[Picture] = []
        self._badge: Badge | None = None
        self._tiles: dict[str, Tile] = {}
        self._table: Table | None = None
        self._setpoints: SetpointCard | None = None
        self._parts: dict[str, Tile] = {}

    async def draw(self, tab: str) -> None:
        view = self._view
        self._twin = await self._twins.get(view.who, self._path)
        view.title(named(view, self._twin), trail=trail_of(view, await self._above()))
        self._pictures = await pictures_of(view, self._path)
        self._draw_heading()
        panels = {"now": (view.text("Now"), self._draw_now), "parts": (view.text("Parts"), self._draw_parts)}
        if not self._twin.children:
            del panels["parts"]
        elif not self._twin.points:
            del panels["now"]
        panels["changes"] = view.text("Changes"), self._draw_changes
        if self._may(Role.ENGINEER):
            panels["edit"] = view.text("Edit"), self._draw_editor
        tabs(dict(panels.values()), names=list(panels), selected=tab)
        view.every(REFRESH_S, self._refresh)

    async def _above(self) -> list[Twin]:
        parts = self._path.split("/")
        found = [await self._twins.find(self._view.who, "/".join(parts[:n])) for n in range(1, len(parts))]
        return [t for t in found if t is not None]

    def _may(self, role: Role) -> bool:
        return bool(self._view.who.may(role, self._path))

    # ---- heading ----

    def _draw_heading(self) -> None:
        view, twin = self._view, self._twin
        kind = say(twin.kind.title, view.language) if twin.kind else view.text(LEVELS[twin.draft.level])
        heading(named(view, twin), subtitle=f"{kind} · {twin.path}", actions=self._draw_actions)
        if told := say(twin.draft.description, view.language) or (
            say(twin.kind.description, view.language) if twin.kind else ""
        ):
            paragraph(told, muted=True)

    def _draw_actions(self) -> None:
        view, twin = self._view, self._twin
        if twin.points:
            self._badge = draw_badge("unknown", "")
        button(view.text("Twin"), lambda: view.go(twin_address(shell_id(twin.id))), symbol="badge")
        draw_links(view, self._pictures)
        if twin.children:
            button(view.text("Overview"), lambda: view.go(place_of(twin.path)), symbol="dashboard")
        if self._may(Role.ENGINEER):
            entries = [
                (view.text("Move …"), lambda: open_move(view, twin)),
                (view.text("Retire"), lambda: ask_retire(view, twin)),
            ]
            menu(view.text("More"), entries)

    # ---- now ----

    async def _draw_now(self) -> None:
        view, twin = self._view, self._twin
        if not twin.points:
            paragraph(view.text("This has no values of its own."), muted=True)
            return
        state = await self._twins.now.state(view.who, self._path, twin=twin)
        courses = Courses(view, twin)
        recent = await courses.recent()
        with tiles():
            for shown in _most_telling(twin, state.points):
                self._draw_tile(shown, recent.get(shown.point.series))
        self._setpoints = await draw_setpoints(view, twin)
        await draw_trend(view, courses)
        with section(view.text("All values"), flush=True):
            self._table = self._draw_table(state)
        self._show(state)

    def _draw_tile(self, shown: PointState, course: list[float | None] | None) -> None:
        prop = shown.point.property
        numeric = shown.number is not None and prop.label(shown.number) == shown.number
        self._tiles[prop.name] = tile(
            point_name(self._view, shown.point),
            unit=prop.unit if numeric else "",
            spark=(course or []) if numeric else None,
            low=prop.low,
            high=prop.high,
        )

    def _draw_table(self, state: TwinState) -> Table:
        words = self._view.text
        return table(
            [
                Column("quality", words("Quality"), kind="status"),
                Column("name", words("Property")),
                Column("value", words("Value"), sortable=False),
                Column("age", words("Age"), kind="ago", phone=False),
                Column("range", words("Normal range"), sortable=False, phone=False),
                Column("series", words("Series"), kind="code", phone=False),
            ],
            [self._row(p) for p in state.points],
            filterable=len(state.points) > 12,
            label=words("All values"),
        )

    def _row(self, shown: PointState) -> dict[str, object]:
        prop = shown.point.property
        return {
            "id": prop.name,
            "name": point_name(self._view, shown.point),
            "quality": point_status(shown),
            "value": value_text(self._view, shown),
            "age": shown.ts,
            "range": _range(prop.low, prop.high, unit_text(prop.unit)),
            "series": str(shown.point.series),
        }

    async def _refresh(self) -> None:
        if self._twin.points:
            self._show(await self._twins.now.state(self._view.who, self._path, twin=self._twin))
        if self._setpoints is not None:
            await self._setpoints.refresh()
        if self._parts:
            await self._show_parts()

    def _show(self, state: TwinState) -> None:
        view = self._view
        if self._badge is not None:
            status = status_of(state.condition, state.trouble)
            known = status if status != "unknown" or state.activity is not state.activity.UNKNOWN else "good"
            label = view.text(ACTIVITIES[state.activity]) if status in ("running", "stopped", "unknown") else None
            self._badge.set(known if any(p.grade for p in state.points) else "unknown", label)
        for shown in state.points:
            if (drawn := self._tiles.get(shown.point.property.name)) is not None:
                value = shown.value if not isinstance(shown.value, str | bool) else value_text(view, shown)
                drawn.set(value, at=shown.ts, status=point_status(shown))
        rows = {str(row["id"]): row for row in map(self._row, state.points)}
        if self._table is not None:
            self._table.change_many({k: {n: r[n] for n in ("quality", "value", "age")} for k, r in rows.items()})

    # ---- parts, changes, editing ----

    async def _draw_parts(self) -> None:
        view = self._view
        parts = await self._twins.children(view.who, self._path, limit=_MOST_PARTS)
        briefs, groups = await self._parts_now()
        with tiles():
            for part in parts:
                if part.path in briefs:
                    self._parts[part.path] = draw_machine(view, briefs[part.path])
                elif part.path in groups and groups[part.path].twins:
                    self._parts[part.path] = draw_place(view, groups[part.path])
                else:
                    self._draw_empty_part(part)

    def _draw_empty_part(self, part: Twin) -> None:
        where = address_of(part.path) if part.draft.level in MACHINES else place_of(part.path)
        tile(named(self._view, part), href=where, status="unknown", note=self._view.text(LEVELS[part.draft.level]))

    async def _parts_now(self) -> tuple[dict[str, Brief], dict[str, Group]]:
        """The machines right below in short, and the places in numbers."""
        now, who = self._twins.now, self._view.who
        briefs = {str(b.path): b for b in await now.briefs(who, self._path, limit=5_000) if b.path.parent == self._path}
        return briefs, {str(g.path): g for g in (await now.overview(who, self._path, attention=1)).groups}

    async def _show_parts(self) -> None:
        briefs, groups = await self._parts_now()
        for path, shown in self._parts.items():
            if path in briefs:
                set_machine(self._view, shown, briefs[path])
            elif path in groups:
                set_place(shown, groups[path])

    async def _draw_changes(self) -> None:
        await draw_changes(self._view, self._path, may_undo=self._may(Role.ENGINEER))

    async def _draw_editor(self) -> None:
        with stack():
            await draw_editor(self._view, self._path, on_done=self._view.reload)


def _most_telling(twin: Twin, points: tuple[PointState, ...]) -> list[PointState]:
    """What the tiles show: what calls for attention, the state, then measured quantities; setpoints are below."""
    telling = twin.running.property if twin.running else ""

    def rank(shown: PointState) -> tuple[int, int]:
        prop = shown.point.property
        severity = shown.trouble.severity if shown.trouble else 0
        return (-severity, 0 if prop.name == telling else 1 if prop.measured else 2)

    known = [p for p in points if p.grade is not None and (p.trouble or not p.point.property.writable)]
    return sorted(known, key=rank)[:MOST_TILES]


def _range(low: float | None, high: float | None, unit: str) -> str:
    if low is None and high is None:
        return ""
    if low is None:
        return f"≤ {high:g} {unit}".strip()
    return f"≥ {low:g} {unit}".strip() if high is None else f"{low:g} … {high:g} {unit}".strip()
