"""Reads a property from its machine now; where that fails, what the twin knows, for those who say they take it.

People who ask for the same value at the same time share one question: machines are slow.
"""

from __future__ import annotations

import asyncio

from lineshaft.edge import Edge, Seen
from lineshaft.kernel.clock import from_us, now
from lineshaft.kernel.errors import Invalid, PlatformError
from lineshaft.kernel.terms import PlantPath, Quality
from lineshaft.security import PLATFORM, Who
from lineshaft.twins.errors import NoTwin
from lineshaft.twins.model import Point, Twin
from lineshaft.twins.model.live import Answer, Source
from lineshaft.twins.service.twins import Twins

LONGEST_S = 30.0


class LiveReads:
    """Values from machines, one question for all who wait for it."""

    def __init__(self, twins: Twins, edge: Edge) -> None:
        self._twins = twins
        self._edge = edge
        self._asking: dict[tuple[str, float], asyncio.Task[Seen]] = {}

    async def read(self, who: Who, path: str, *, within_s: float = 2.0, or_twin: bool = False) -> Answer:
        """The value of the property at a path, from its machine within a time; Timeout when that is silent.

        With `or_twin` a machine that gives no answer is no error: then the twin says what it knows, and why.
        """
        if not 0 < within_s <= LONGEST_S:
            raise Invalid(f"A machine has above 0 and at most {LONGEST_S:g} s to answer, not {within_s:g} s.")
        twin, point = await self._find(who, path)
        try:
            seen = await self._ask(point.series, within_s)
        except PlatformError as error:
            if not or_twin:
                raise
            return await self._known(who, twin, point, error.message)
        return Answer(
            path=point.path,
            source=Source.LIVE,
            value=point.property.label(seen.value),
            unit=point.property.unit,
            ts=(at := from_us(seen.ts_us)),
            age_s=max(0.0, (now() - at).total_seconds()),
            quality=Quality.of(seen.quality),
        )

    async def _find(self, who: Who, path: str) -> tuple[Twin, Point]:
        place = PlantPath.parse(path)
        twin = await self._twins.get(who, place.parent or place)
        point = twin.find(place.name)
        if point is None:
            known = ", ".join(p.property.name for p in twin.points) or "none"
            raise NoTwin(f"{twin.path} has no property {place.name!r}.", hint=f"It has: {known}.")
        return twin, point

    async def _ask(self, series: str, within_s: float) -> Seen:
        key = (series, within_s)
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._edge.read(PLATFORM, series, within_s=within_s))
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def _answered(self, key: tuple[str, float], done: asyncio.Task[Seen]) -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            done.exception()  # nobody may be left to hear it

    async def _known(self, who: Who, twin: Twin, point: Point, why: str) -> Answer:
        state = await self._twins.now.state(who, twin.path, twin=twin)
        known = next(p for p in state.points if p.point == point)
        return Answer(
            path=point.path,
            source=Source.TWIN,
            value=known.value,
            unit=point.property.unit,
            ts=known.ts,
            age_s=known.age_s,
            quality=known.quality,
            message=why,
        )
