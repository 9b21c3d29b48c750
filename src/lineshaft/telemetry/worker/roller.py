"""Keeps the rollups right: computes buckets that ended, and anew those that got late rows.

Everything it knows is one line per level in the store: `seq` and `closed`. Buckets before `closed` know
all rows up to `seq`. A beat does three things and moves both on:

    late     rows with a higher seq, in buckets before closed     those buckets are computed anew
    ended    buckets from closed to now less the settling time    they are computed for the first time
    fast     series that bring many rows a second                 they get their past rolled up by the second

A beat that was cut off is done again. Rows in the future wait until their bucket ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

from lineshaft.edge import SAMPLES_STREAM
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.log import get_log
from lineshaft.kernel.tasks import Threads
from lineshaft.telemetry.settings import TelemetrySettings
from lineshaft.telemetry.store import Engine
from lineshaft.telemetry.store.positions import Rolled, create_tables, find_rolled, note_rolled, stored_seq
from lineshaft.telemetry.store.rollups import (
    LEVELS,
    Hour,
    News,
    Span,
    first_second,
    hours_with,
    mark_fast,
    newly_fast,
    roll,
)
from lineshaft.telemetry.store.schema import ROLLUPS

from .recorder import Progress

log = get_log("telemetry")
_HOUR = 3600
_ROWS_AT_ONCE = 500_000
_HOURS_AT_ONCE = 31 * 24
_WAIT_S = 2.0


class Roller:
    """The one who computes rollups; `beat` is one round, `run` goes on for ever."""

    def __init__(
        self,
        engine: Engine,
        settings: TelemetrySettings,
        *,
        progress: Callable[[], Progress] | None = None,
        lack_of_room: Callable[[], str] = lambda: "",
    ) -> None:
        """`progress` tells how far samples are stored; without it, what the recorder noted counts."""
        self._engine = engine
        self._settings = settings
        self._threads = Threads("roller", 1)
        self._progress = progress or self._noted
        self._lack_of_room = lack_of_room
        self._rolled: dict[int, Rolled] = {}
        self._waits = False
        self.beat_s = 0.0
        """How long the last round took."""

    @property
    def rolled(self) -> dict[int, Rolled]:
        """What each level knows, by its width in seconds."""
        return dict(self._rolled)

    async def run(self) -> None:
        """Beat about once a second; rests at least twice as long as it worked, so that storing comes first."""
        await self._threads.run(create_tables, self._engine)
        while True:
            began = time.monotonic()
            try:
                if not self._lack_of_room():
                    await self._threads.run(self.beat)
                self._waits = False
            except Unavailable as error:
                if not self._waits:
                    log.error("rollups wait", why=str(error))
                self._waits = True
                await asyncio.sleep(_WAIT_S)
            self.beat_s = time.monotonic() - began
            await asyncio.sleep(max(1.0, 2 * self.beat_s))

    def beat(self, *, now_s: float | None = None) -> None:
        """Work in everything that is stored and whose bucket ended; blocks."""
        progress = self._progress()
        now = min(now_us() / 1e6, progress.until_s) if now_s is None else now_s
        closing = {level: int(now - self._settings.settle_s) // level * level for level in LEVELS}
        if not self._rolled:
            self._rolled = {level: self._remember(level, closing[level]) for level in LEVELS}
        news = News(after=min(r.seq for r in self._rolled.values()), through=progress.seq)
        has_news = news.through > news.after
        if has_news:
            self._take_in_fast(news)
        late = hours_with(self._engine, news.where()) if has_news else []
        moved = {}
        for level in LEVELS:
            known = self._rolled[level]
            end = max(known.closed, closing[level])
            for span in _spans(late, level, known.closed):
                roll(self._engine, level, span, news)
            self._close(level, Span(start=known.closed, end=end))
            moved[level] = Rolled(seq=max(known.seq, news.through), closed=end)
        # Without news, what is lost when this is not written down is a second's work.
        if has_news or moved[LEVELS[1]] != self._rolled[LEVELS[1]]:
            note_rolled(self._engine, {ROLLUPS[level]: rolled for level, rolled in moved.items()})
        self._rolled = moved

    def _noted(self) -> Progress:
        return Progress(seq=stored_seq(self._engine, SAMPLES_STREAM), until_s=now_us() / 1e6)

    def _remember(self, level: int, closed: int) -> Rolled:
        """What a level knows; at the very first start nothing, so that all there is counts as late."""
        return find_rolled(self._engine, ROLLUPS[level]) or Rolled(seq=0, closed=closed)

    def _close(self, level: int, span: Span) -> None:
        """Compute the buckets that ended; after a long pause only hours that hold something."""
        if span.end - span.start <= _HOUR:
            if span.end > span.start:
                roll(self._engine, level, span)
            return
        for part in _spans(hours_with(self._engine, span.where()), level, span.end):
            roll(self._engine, level, Span(start=max(part.start, span.start), end=part.end))

    def _take_in_fast(self, news: News) -> None:
        """Mark series that turned out to be fast, once their past has rollups of one second."""
        series = newly_fast(self._engine, news, per_s=self._settings.fast_per_s)
        if not series:
            return
        only = f"series IN ({','.join(map(str, series))})"
        past = Span(start=first_second(self._engine, series), end=self._rolled[1].closed)
        if past.end > past.start:
            for hours in _spans(hours_with(self._engine, f"{only} AND {past.where()}"), 1, past.end):
                roll(self._engine, 1, hours, only=only)
        mark_fast(self._engine, series)
        log.info("series are fast and get rollups of one second", series=len(series))


def _spans(hours: list[Hour], level: int, end: int) -> Iterator[Span]:
    """Spans of whole buckets before `end` that cover some hours, each of a bounded number of rows and hours."""
    group: list[Hour] = []
    for hour in hours:
        if hour.first >= end:
            break
        full = group and (
            sum(h.rows for h in group) + hour.rows > _ROWS_AT_ONCE
            or hour.start - group[0].start > _HOURS_AT_ONCE * _HOUR
        )
        if full:
            yield _span(group, level, end)
            group = []
        group.append(hour)
    if group:
        yield _span(group, level, end)


def _span(hours: list[Hour], level: int, end: int) -> Span:
    return Span(start=hours[0].first // level * level, end=min(hours[-1].start + _HOUR, end))
