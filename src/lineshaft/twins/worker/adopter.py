"""Gives new series a place in the tree: all are noted, and with `auto_adopt` placed by their path."""

from __future__ import annotations

import contextlib

from lineshaft.edge import Edge, Tag
from lineshaft.kernel.bus import Bus
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.log import get_log
from lineshaft.kernel.outbox import on_fact
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM
from lineshaft.telemetry import SeriesGrew, UnitsChanged
from lineshaft.twins.model import Found
from lineshaft.twins.service import Twins, enriched, found_in_tags

log = get_log("twins")


class Adopter:
    """Takes note of every series there is; gives those without a place one when the settings say so."""

    def __init__(self, twins: Twins, bus: Bus, edge: Edge | None = None) -> None:
        self._twins = twins
        self._bus = bus
        self._edge = edge

    async def run(self) -> None:
        """Place what has been waiting, then listen for ever."""
        await self._note([])
        await on_fact(self._bus, SeriesGrew, "twins-adopter", self._grew)

    async def learn(self) -> None:
        """Take note of units that machines say later, for ever."""
        await on_fact(self._bus, UnitsChanged, "twins-adopter", self._learnt)

    async def _learnt(self, fact: UnitsChanged) -> None:
        await self._twins.adoption.learn(fact.units)

    async def _grew(self, fact: SeriesGrew) -> None:
        found = [Found(path=PlantPath(path), unit=fact.units.get(path, "")) for path in fact.paths]
        await self._note(enriched(found, found_in_tags(await self._tags())))

    async def _note(self, found: list[Found]) -> None:
        adopt = self._twins.settings.auto_adopt
        placed = await self._twins.adoption.note(found, adopt=adopt)
        while placed:
            log.info("series found their place", count=placed)
            placed = await self._twins.adoption.note([], adopt=adopt)

    async def _tags(self) -> list[Tag]:
        if self._edge is None:
            return []
        tags: list[Tag] = []
        for view in await self._edge.list_(PLATFORM):
            with contextlib.suppress(PlatformError):  # a broken connection is named on its own page
                tags += self._edge.built(view.connection.connector, view.connection.raw).tags
        return tags
