"""How the plant is now: the values telemetry holds, judged against what the twins expect.

Whoever may see a twin may see the values of its properties, also where they come from elsewhere:
binding needs the right to see the series (`Twins.change`), reading the twin is enough afterwards.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lineshaft.kernel.clock import now
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Guard, Role, Who
from lineshaft.telemetry import Latest, Live, Selection
from lineshaft.twins import store
from lineshaft.twins.errors import NoTwin
from lineshaft.twins.model import (
    Attention,
    Brief,
    Condition,
    Counts,
    Group,
    Overview,
    Point,
    PointState,
    Sample,
    Trouble,
    Twin,
    TwinState,
    activity_of,
    attention_of,
    count,
    judge_point,
    leading,
    worst,
)
from lineshaft.twins.settings import TwinsSettings

from .edit import dressed

AT_ONCE = 5_000
"""Series asked of telemetry in one question."""
_BREATH = 200
"""Twins judged before others may go on."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """A twin as it was when last looked at."""

    brief: Brief
    attention: tuple[Attention, ...]


class Now:
    """State and overview; the overview of the whole plant is worked out at most once a second for everybody."""

    def __init__(self, db: Database, guard: Guard, live: Live, settings: TwinsSettings) -> None:
        self._db = db
        self._guard = guard
        self._live = live
        self._settings = settings
        self._turn = asyncio.Lock()
        self._revision: str | None = None
        self._twins: list[Twin] = []
        self._judged: dict[str, _Judged] = {}
        self._at: datetime | None = None

    async def state(self, who: Who, path: str, *, twin: Twin | None = None) -> TwinState:
        """Every property of a twin with value, quality and age; a `twin` read before spares looking it up again."""
        await self._guard.require(who, Role.VIEWER, twin.path if twin else path, "twins.state")
        if twin is None:
            async with self._db.read() as tx:
                found = await store.find(tx, path)
                if found is None:
                    raise NoTwin(f"There is no twin at {path}.")
                twin = (await dressed(tx, [found]))[0]
        return self._state(twin, await self._samples(twin.points), now())

    async def states(self, who: Who, twins: Sequence[Twin]) -> list[TwinState]:
        """The state of twins read before, of those the caller may see; one question for all of them."""
        seen = [twin for twin in twins if self._guard.allowed(who, Role.VIEWER, twin.path)]
        samples = await self._samples(p for twin in seen for p in twin.points)
        moment = now()
        return [self._state(twin, samples, moment) for twin in seen]

    async def watch(self, who: Who, path: str, *, every_s: float = 0.5) -> AsyncIterator[list[PointState]]:
        """The properties of a subtree, then for ever those that changed, at most every `every_s`.

        The tree is looked up once: whoever watches while it changes asks anew.
        """
        await self._guard.require(who, Role.VIEWER, path, "twins.state")
        async with self._db.read() as tx:
            twins = await dressed(tx, await store.subtree(tx, path))
        if not twins:
            raise NoTwin(f"There is no twin at {path}.")
        readers: dict[str, list[Point]] = {}
        for point in (p for t in twins for p in t.points):
            readers.setdefault(point.series, []).append(point)
        selection = Selection(paths=tuple(readers)[: 2 * AT_ONCE]) if readers else None
        if selection is None:
            return
        async for latest in self._live.watch(PLATFORM, selection, coalesce_s=every_s):
            moment = now()
            yield [self._judge(p, _sample(one), moment) for one in latest for p in readers[one.path]]

    async def points(self, who: Who, path: str = "") -> list[Point]:
        """Every property of a subtree with its series, by path: for those who mirror, index or export."""
        await self._guard.require(who, Role.VIEWER, path, "twins.read")
        async with self._db.read() as tx:
            twins = await dressed(tx, await store.subtree(tx, path))
        return sorted((p for t in twins for p in t.points), key=lambda p: p.path)

    def values(self, selection: Selection, *, coalesce_s: float) -> AsyncIterator[list[Latest]]:
        """Newest values of series as they change, for the platform's own work."""
        return self._live.watch(PLATFORM, selection, coalesce_s=coalesce_s)

    async def newest(self, series: str) -> Sample | None:
        """What a series said last, for the platform's own work."""
        found = await self._live.latest(PLATFORM, Selection(paths=(series,)))
        return _sample(found[0]) if found else None

    async def point(self, point: Point) -> PointState:
        """One property now, for the platform's own work."""
        return self._judge(point, await self.newest(point.series), now())

    async def revision(self) -> str:
        """Changes with everything that changes the tree or a type."""
        async with self._db.read() as tx:
            return await store.revision(tx)

    async def overview(self, who: Who, path: str = "", *, attention: int = 50) -> Overview:
        """A subtree in numbers: its branches, and what needs attention, worst and oldest first."""
        trees = tuple(t for t in who.sees() if PlantPath(t).within(path) or PlantPath(path).within(t))
        if not trees:
            await self._guard.require(who, Role.VIEWER, path, "twins.state")
        await self._refresh()
        shown = [t for t in self._twins if t.path.within(path) and any(t.path.within(tree) for tree in trees)]
        return self._overview(path, shown, attention)

    async def briefs(
        self, who: Who, path: str = "", *, condition: Condition | None = None, after: str = "", limit: int = 100
    ) -> list[Brief]:
        """The machines of a subtree in short, by path, after path `after`."""
        trees = tuple(t for t in who.sees() if PlantPath(t).within(path) or PlantPath(path).within(t))
        if not trees:
            await self._guard.require(who, Role.VIEWER, path, "twins.state")
        await self._refresh()
        found = []
        for twin in self._twins:
            judged = self._judged.get(twin.id)
            if judged is None or twin.path <= after or not twin.path.within(path):
                continue
            if condition in (None, judged.brief.condition) and any(twin.path.within(t) for t in trees):
                found.append(judged.brief)
                if len(found) == limit:
                    break
        return found

    async def worst(self, who: Who, paths: Iterable[str]) -> dict[str, Trouble]:
        """The gravest trouble at or below each of these places; those without any are left out."""
        await self._refresh()
        wanted = {path for path in paths if self._guard.allowed(who, Role.VIEWER, path)}
        found: dict[str, Trouble] = {}
        for judged in self._judged.values():
            trouble = judged.brief.trouble
            place: PlantPath | None = judged.brief.path
            while trouble is not None and place is not None:
                if place in wanted and (place not in found or trouble.severity > found[place].severity):
                    found[place] = trouble
                place = place.parent
        return found

    # ---- the whole plant ----

    async def _refresh(self) -> None:
        async with self._turn:
            if self._at is not None and (now() - self._at).total_seconds() < 1.0:
                return
            await self._look_up()
            samples = await self._samples([p for t in self._twins for p in t.points])
            moment = now()
            judged = {}
            for i, twin in enumerate(self._twins):
                if twin.points:
                    judged[twin.id] = self._judge_twin(twin, samples, moment)
                if i % _BREATH == 0:
                    await asyncio.sleep(0)
            self._judged, self._at = judged, moment

    async def _look_up(self) -> None:
        """Load the tree again when anything in it has changed."""
        async with self._db.read() as tx:
            revision = await store.revision(tx)
            if revision != self._revision:
                self._twins = sorted(await dressed(tx, await store.subtree(tx, "")), key=lambda t: t.path)
                self._revision = revision

    def _judge_twin(self, twin: Twin, samples: Mapping[str, Sample], moment: datetime) -> _Judged:
        state = self._state(twin, samples, moment)
        brief = Brief(
            path=twin.path,
            title=twin.draft.title,
            level=twin.draft.level,
            type=twin.draft.type,
            icon=twin.icon,
            activity=state.activity,
            trouble=state.trouble,
            counts=count(state.points),
            leading=leading(state.points),
        )
        return _Judged(brief, tuple(attention_of(brief, state.points)))

    def _overview(self, path: str, shown: Sequence[Twin], most: int) -> Overview:
        judged = [self._judged[t.id] for t in shown if t.id in self._judged]
        reasons = sorted(
            (a for j in judged for a in j.attention), key=lambda a: (-a.trouble.severity, a.since or now(), a.path)
        )
        assert self._at is not None
        return Overview(
            path=path,
            at=self._at,
            twins=len(judged),
            conditions=_conditions(j.brief for j in judged),
            counts=_sum(j.brief for j in judged),
            groups=self._groups(path, shown),
            attention=tuple(reasons[:most]),
            attention_all=len(reasons),
        )

    def _groups(self, path: str, shown: Sequence[Twin]) -> tuple[Group, ...]:
        """The branches right below; where the place itself is not shown, the tops of what is."""
        places = {t.path for t in shown}
        below = [t for t in shown if t.path != path]
        heads = [t for t in below if t.path.parent == path or t.path.parent not in places]
        by_path: dict[str, str] = {head.path: head.id for head in heads}
        members: dict[str, list[Brief]] = {head.id: [] for head in heads}
        for twin in below:
            if (judged := self._judged.get(twin.id)) is not None:
                members[_head(twin.path, by_path)].append(judged.brief)
        return tuple(_group(head, members[head.id]) for head in heads)

    # ---- judging ----

    def _state(self, twin: Twin, samples: Mapping[str, Sample], moment: datetime) -> TwinState:
        known = {p.series: samples[p.series] for p in twin.points if p.series in samples}
        heard = max((s.ts for s in known.values()), default=None)
        judged = (self._judge(p, known.get(p.series), moment, heard) for p in twin.points)
        activity, points = activity_of(twin.running, judged)
        return TwinState(path=twin.path, at=moment, activity=activity, points=points)

    def _judge(
        self, point: Point, sample: Sample | None, moment: datetime, heard: datetime | None = None
    ) -> PointState:
        return judge_point(point, sample, moment, self._settings.stale_after_s, heard=heard)

    async def _samples(self, points: Iterable[Point]) -> dict[str, Sample]:
        series = list(dict.fromkeys(p.series for p in points))
        found: dict[str, Sample] = {}
        for i in range(0, len(series), AT_ONCE):
            latest = await self._live.latest(PLATFORM, Selection(paths=tuple(series[i : i + AT_ONCE])))
            found |= {one.path: _sample(one) for one in latest}
        return found


def _sample(latest: Latest) -> Sample:
    return Sample(ts=latest.ts, value=latest.value, quality=latest.quality)


def _conditions(briefs: Iterable[Brief]) -> dict[Condition, int]:
    tally = Counter(b.condition for b in briefs)
    return {condition: tally[condition] for condition in Condition}


def _sum(briefs: Iterable[Brief]) -> Counts:
    return sum((b.counts for b in briefs), Counts())


def _head(path: PlantPath, heads: Mapping[str, str]) -> str:
    """Which branch a path belongs to: the nearest at or above it."""
    place: PlantPath | None = path
    while place is not None and place not in heads:
        place = place.parent
    assert place is not None
    return heads[place]


def _group(head: Twin, briefs: Sequence[Brief]) -> Group:
    return Group(
        path=head.path,
        title=head.draft.title,
        level=head.draft.level,
        icon=head.icon,
        twins=len(briefs),
        conditions=_conditions(briefs),
        counts=_sum(briefs),
        trouble=worst(b.trouble for b in briefs),
    )
