"""Checks interlocks against what machines say at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from lineshaft.edge import CannotAsk, Edge, NoTag
from lineshaft.kernel.errors import Timeout, Unavailable
from lineshaft.kernel.terms import Grade, PlantPath, Value
from lineshaft.security import PLATFORM, Role, Who
from lineshaft.twins.errors import Interlocked
from lineshaft.twins.model import Point
from lineshaft.twins.model.interlocks import Condition, Interlock, parse_interlock
from lineshaft.twins.service.twins import Twins

ASK_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One condition of an interlock: whether it holds, and what was read."""

    condition: Condition
    holds: bool
    values: dict[str, Value | None]

    def told(self, who: Who, place: PlantPath) -> str:
        """The condition with the values somebody may see; its short names stand for properties at `place`."""
        seen = ", ".join(
            f"{name} is {_said(value)}" if who.may(Role.VIEWER, _path(name, place)) else f"{name} is not yours to see"
            for name, value in self.values.items()
        )
        return f"{self.condition.text} ({seen})" if seen else self.condition.text


class Interlocks:
    """What must hold before something is written: of properties, and of operations."""

    def __init__(self, twins: Twins, edge: Edge) -> None:
        self._twins = twins
        self._edge = edge
        self._revision = ""
        self._guarded: dict[str, list[Point]] = {}
        self._points: dict[str, Point] = {}
        self._reading: dict[str, Point] = {}

    async def check(self, who: Who, series: PlantPath, value: Value) -> None:
        """Raise Interlocked unless everything holds that a property of this series asks for."""
        del value
        await self._look_up()
        for point in self._guarded.get(series, ()):
            place = point.path.parent or point.path
            await self.require(who, parse_interlock(point.property.interlock), place, point.path)

    async def require(self, who: Who, interlock: Interlock, place: PlantPath, what: str) -> None:
        """Raise Interlocked naming every condition that does not hold; names stand for properties at `place`."""
        broken = [one.told(who, place) for one in await self.findings(interlock, place) if not one.holds]
        if broken:
            raise Interlocked(f"{what} is interlocked: {'; '.join(broken)}.")

    async def findings(self, interlock: Interlock, place: PlantPath) -> list[Finding]:
        """Each condition with what was read for it, all at this moment."""
        values = await self._values(interlock.names, place)
        return [
            Finding(condition=one, holds=one.holds(values), values={name: values[name] for name in one.names})
            for one in interlock.conditions
        ]

    async def point_of(self, series: PlantPath) -> Point | None:
        """The property whose values are at a path, the one that stands there before those bound to it."""
        await self._look_up()
        return self._points.get(series) or self._reading.get(series)

    async def reported(self, series: PlantPath) -> Value | None:
        """What the machine says of a path; of one that cannot be asked, what it told last."""
        try:
            return (await self._edge.read(PLATFORM, series)).value
        except CannotAsk:
            known = await self._twins.now.newest(series)
            return None if known is None else known.value

    async def value_at(self, series: PlantPath) -> Value | None:
        """What stands at a path now, as people read it; None when nobody can vouch for it."""
        point = await self.point_of(series)
        return await self._value(point.path) if point else None

    async def _values(self, names: Iterable[str], place: PlantPath) -> dict[str, Value | None]:
        await self._look_up()
        wanted = list(names)
        paths = [_path(name, place) for name in wanted]
        return dict(zip(wanted, await asyncio.gather(*(self._value(path) for path in paths)), strict=True))

    async def _value(self, path: PlantPath) -> Value | None:
        """What the machine says now; of what cannot be asked what was told last, when that is good and fresh."""
        point = self._points.get(path)
        if point is None:
            return None
        try:
            seen = await self._edge.read(PLATFORM, point.series, within_s=ASK_WITHIN_S)
        except (CannotAsk, NoTag):
            return await self._told(point)
        except (Timeout, Unavailable):
            return None
        return point.property.label(seen.value) if seen.quality == 0 else None

    async def _told(self, point: Point) -> Value | None:
        state = await self._twins.now.point(point)
        trusted = state.grade is Grade.GOOD and not state.stale
        return state.value if trusted else None

    async def _look_up(self) -> None:
        revision = await self._twins.now.revision()
        if revision != self._revision:
            points = await self._twins.now.points(PLATFORM)
            self._points = {point.path: point for point in points}
            self._guarded = {}
            self._reading = {point.series: point for point in reversed(points)}
            for point in points:
                if point.property.interlock:
                    self._guarded.setdefault(point.series, []).append(point)
            self._revision = revision


def _path(name: str, place: PlantPath) -> PlantPath:
    return PlantPath(name) if "/" in name else place.child(name)


def _said(value: Value | None) -> str:
    return "not known" if value is None else repr(value)
