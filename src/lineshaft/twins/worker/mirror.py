"""Keeps the unified namespace: the newest value of each property on the retained topic `uns/<path>`.

A topic's payload: {"value", "ts" (ISO 8601, UTC), "timestamp_ms", "quality" (good, uncertain, bad), "unit"}.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from lineshaft.kernel.bus import Front, Retained
from lineshaft.security import PLATFORM
from lineshaft.telemetry import Latest, Selection
from lineshaft.twins.model import Point
from lineshaft.twins.service import Twins

ROOT = "uns"
TICK_S = 0.1
LOOK_S = 1.0
"""How often the mirror looks whether the tree has changed."""
_AT_ONCE = 5_000


class Mirror:
    """Current values on retained MQTT topics: on change only, each topic at most once in `mirror_every_s`."""

    def __init__(self, twins: Twins, front: Front) -> None:
        self._twins = twins
        self._front = front
        self._settings = twins.settings
        self._revision = ""
        self._topics: dict[str, list[tuple[str, Point]]] = {}
        """By series: the topics that show it."""
        self._waiting: dict[str, tuple[Point, Latest]] = {}
        """Newest value of each topic that differs from what the topic shows; a change of mind costs nothing."""
        self._shown: dict[str, tuple[object, ...]] = {}
        self._sent_at: dict[str, float] = {}
        self.written = 0
        """Topics written so far."""

    async def run(self) -> None:
        """Mirror until the front is lost; begins anew with every topic."""
        self._shown.clear()
        self._sent_at.clear()
        async with Retained(self._front, "lineshaft-uns") as shelf:
            old = await shelf.topics(ROOT)
            while True:
                await self._look_up()
                await shelf.clear((old | self._shown.keys()) - self._wanted())
                old = set()
                self._forget()
                await self._until_changed(shelf)

    async def _look_up(self) -> None:
        """Which series belong to which topics now."""
        self._revision = await self._twins.now.revision()
        self._topics = {}
        for point in await self._twins.now.points(PLATFORM):
            self._topics.setdefault(point.series, []).append((f"{ROOT}/{point.path}", point))

    def _wanted(self) -> set[str]:
        return {topic for pairs in self._topics.values() for topic, _ in pairs}

    def _forget(self) -> None:
        wanted = self._wanted()
        for known in (self._shown, self._sent_at, self._waiting):
            for topic in known.keys() - wanted:
                del known[topic]

    async def _until_changed(self, shelf: Retained) -> None:
        series = list(self._topics)
        parts = [series[i : i + _AT_ONCE] for i in range(0, len(series), _AT_ONCE)]
        watchers = [asyncio.create_task(self._watch(part)) for part in parts]
        try:
            await self._write(shelf, watchers)
        finally:
            for task in watchers:
                task.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)

    async def _watch(self, series: list[str]) -> None:
        async for changed in self._twins.now.values(Selection(paths=tuple(series)), coalesce_s=TICK_S):
            for latest in changed:
                for topic, point in self._topics.get(latest.path, ()):
                    if self._shown.get(topic) == _key(point, latest):
                        self._waiting.pop(topic, None)
                    else:
                        self._waiting[topic] = (point, latest)

    async def _write(self, shelf: Retained, watchers: list[asyncio.Task[None]]) -> None:
        """Write what waits, within the rates, until the tree changes."""
        loop = asyncio.get_running_loop()
        look_at = loop.time() + LOOK_S
        budget = 0.0
        while not any(task.done() for task in watchers):
            budget = min(budget + self._settings.mirror_most_per_s * TICK_S, self._settings.mirror_most_per_s)
            now = loop.time()
            for topic in [
                t for t in self._waiting if now - self._sent_at.get(t, -1e9) >= self._settings.mirror_every_s
            ]:
                if budget < 1:
                    break
                if topic not in self._waiting:
                    continue  # it went back to what is shown, while others were written
                budget -= 1
                point, latest = self._waiting.pop(topic)
                await shelf.put(topic, payload(point, latest))
                self._shown[topic], self._sent_at[topic] = _key(point, latest), now
                self.written += 1
            if now >= look_at:
                if await self._twins.now.revision() != self._revision:
                    return
                look_at = now + LOOK_S
            await asyncio.sleep(TICK_S)
        for task in watchers:
            if task.done():
                task.result()


def _key(point: Point, latest: Latest) -> tuple[object, ...]:
    return (point.property.label(latest.value), latest.quality, point.property.unit)


def payload(point: Point, latest: Latest) -> bytes:
    """The message of a topic."""
    told: Mapping[str, Any] = {
        "value": point.property.label(latest.value),
        "ts": latest.ts.isoformat().replace("+00:00", "Z"),
        "timestamp_ms": int(latest.ts.timestamp() * 1000),
        "quality": latest.quality.grade.value,
        "unit": point.property.unit,
    }
    return msgspec.json.encode(told)
