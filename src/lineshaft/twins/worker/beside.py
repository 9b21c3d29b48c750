"""Runs mechanism models beside their machines, and writes what they compute next to what is measured.

What was computed up to now is known from the newest stored result, so nothing is kept here that a restart
loses: a model that was away computes what it missed, an hour of it at most. Inputs that arrive later than
`SETTLE_S` are not worked in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pyarrow as pa

from lineshaft.edge import SampleBatch
from lineshaft.kernel.clock import MICROS, from_us, now_us
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.log import get_log
from lineshaft.kernel.terms import TimeRange
from lineshaft.security import PLATFORM
from lineshaft.telemetry import Historian, Intake, Selection
from lineshaft.twins.model.simulation import Altered, Model
from lineshaft.twins.service import Computed, Simulations

log = get_log("twins")
SETTLE_S = 3.0
TICK_S = 1.0
MOST_MISSED = timedelta(hours=1)


@dataclass(slots=True)
class _Place:
    """How far a model is computed, and the state it had there."""

    until_us: int = 0
    """Zero before what is stored was looked up."""
    state: Mapping[str, float] | None = None
    due_us: int = 0
    trouble: str | None = None
    """Why it does not run, empty when it does, None before it was tried."""


@dataclass(slots=True)
class Beside:
    """The worker; `troubles` says which models do not run and why."""

    simulations: Simulations
    historian: Historian
    intake: Intake
    _places: dict[tuple[str, str, int], _Place] = field(default_factory=dict)

    @property
    def troubles(self) -> dict[str, str]:
        """By `<twin>/<model>`."""
        return {f"{path}/{name}": p.trouble for (path, name, _), p in self._places.items() if p.trouble}

    async def run(self) -> None:
        """Beat about once a second, for ever."""
        while True:
            await self.beat()
            await asyncio.sleep(TICK_S)

    async def beat(self) -> None:
        """Compute what is due of every model; one that fails stops no other and is named once."""
        models = {(m.path, m.name, m.version): m for m in await self.simulations.list_(PLATFORM) if m.enabled}
        self._places = {key: place for key, place in self._places.items() if key in models}
        for key, model in models.items():
            place = self._places.setdefault(key, _Place())
            if place.due_us > now_us():
                continue
            await self._try(model, place)
            place.due_us = now_us() + round(max(2.0, model.every_s) * MICROS)

    async def _try(self, model: Model, place: _Place) -> None:
        """Compute what is due; a failure and its end are remembered where everybody can look them up."""
        try:
            place.until_us = place.until_us or await self._stored(model)
            await self._advance(model, place)
        except PlatformError as error:
            if place.trouble != error.message:
                log.error("a model does not run", model=f"{model.path}/{model.name}", why=error.message)
                await self.simulations.fails(PLATFORM, model, error.message)
            place.trouble, place.state = error.message, None
            return
        if place.trouble != "":
            await self.simulations.runs(PLATFORM, model)
        place.trouble = ""

    async def _stored(self, model: Model) -> int:
        """Where to go on: after the newest stored result, an hour ago at most."""
        oldest = now_us() - MOST_MISSED // timedelta(microseconds=1)
        outputs = [model.series_of(v.name) for v in await self.simulations.variables(PLATFORM, model.mechanism)]
        newest = (await self.historian.latest(PLATFORM, Selection(paths=tuple(outputs)))).table["ts"]
        stored = newest.cast(pa.int64()).to_pylist()
        return max(oldest, *(int(ts) + 1 for ts in stored), 0)

    async def _advance(self, model: Model, place: _Place) -> None:
        step_us = round(model.every_s * MICROS)
        end = (now_us() - round(SETTLE_S * MICROS)) // step_us * step_us
        if end <= place.until_us:
            return
        span = TimeRange(start=from_us(place.until_us), end=from_us(end))
        done = await self.simulations.compute(PLATFORM, model, span, Altered(), state=place.state)
        await self._write(done)
        place.until_us, place.state = end, done.state or None

    async def _write(self, done: Computed) -> None:
        columns = {done.model.series_of(name): column for name, column in done.outputs.items()}
        columns |= {done.model.residual_of(name): column for name, column in done.residuals.items()}
        known = {path: np.isfinite(column) for path, column in columns.items()}
        paths = [path for path in columns if known[path].any()]
        if not paths:
            return
        counts = [int(known[path].sum()) for path in paths]
        batch = SampleBatch(
            paths=paths,
            index=np.repeat(np.arange(len(paths), dtype=np.int32), counts),
            ts=np.concatenate([done.ts_us[known[path]] for path in paths]),
            number=np.concatenate([columns[path][known[path]] for path in paths]),
            quality=np.zeros(sum(counts), dtype=np.uint8),
        )
        await self.intake.write(PLATFORM, batch)
