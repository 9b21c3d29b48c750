"""Fetches the blocks of a poll, splits what is refused and leaves out what is silent.

One poll is bounded: each silence halves the patience for the next unit, so a whole dead trunk costs
about two time-outs and not one per unit. A refused block is halved until the refusal is pinned on
single spans; what was learned shapes the next plan, so it is paid for once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lineshaft.kernel.terms import Quality

from .errors import ExceptionCode, LinkLost, Refused, UnitFailed
from .planner import Block, Grave, Layout, Lessons, Span
from .settings import ModbusSettings
from .units import Units
from .wire import Link

REFUSED_AGAIN_S = 300.0
"""How long a refused span is left alone: somebody must change the device or the configuration."""
FAILED_AGAIN_S = 30.0
"""The same for a span the device reports as its own failure."""
_DIGS = 4
"""Most buried spans asked again in one poll."""


@dataclass(frozen=True, slots=True)
class Image:
    """What one poll fetched: all bytes in the plan's layout, and a quality per row."""

    raw: bytearray
    quality: NDArray[np.uint8]

    def blame(self, rows: Sequence[int] | NDArray[np.intp], quality: Quality) -> None:
        self.quality[rows] = int(quality)


class Patience:
    """How long to wait in one poll: halved with each silence, never below an eighth."""

    def __init__(self, full_s: float) -> None:
        self._full_s = full_s
        self._left_s = full_s

    def for_unit(self, slowest_s: float) -> float:
        """Seconds for a unit whose slowest recent answer took `slowest_s`."""
        return min(self._full_s, max(self._left_s, 3 * slowest_s))

    def wear(self) -> None:
        self._left_s = max(self._left_s / 2, self._full_s / 8)


class Reader:
    """Reads layouts over the links of one connection."""

    def __init__(self, settings: ModbusSettings, links: Sequence[Link], lessons: Lessons, units: Units) -> None:
        self.settings = settings
        self.links = links
        self.lessons = lessons
        self.units = units
        self._probe: asyncio.Task[None] | None = None

    async def fetch(self, layout: Layout, rows: int) -> Image:
        """Fetch every block; raises LinkLost when the link breaks."""
        image = Image(bytearray(layout.size), np.zeros(rows, np.uint8))
        patience = Patience(self.settings.answer_timeout_s)
        shares = [layout.blocks[i :: len(self.links)] for i in range(len(self.links))]
        if len(shares) == 1:
            await self._fetch_share(self.links[0], shares[0], image, patience)
        else:
            work = (self._fetch_share(*pair, image, patience) for pair in zip(self.links, shares, strict=True))
            for outcome in await asyncio.gather(*work, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
        await self._visit_graves(layout, image, patience)
        self._probe_silent(layout)
        return image

    async def greet(self, firsts: Sequence[Span]) -> bool:
        """Whether anybody answers, asking one span of each unit in turn; all is well with nobody to ask."""
        patience = Patience(self.settings.answer_timeout_s)
        for span in firsts:
            try:
                await self.ask(self.links[0], [span], patience, retries=0)
            except UnitFailed as failure:
                self._note(span.unit, failure)
            else:
                if not self.units.silent(span.unit):
                    return True
        return not firsts

    async def rest(self) -> None:
        """Stop asking silent units."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
            self._probe = None

    async def _fetch_share(self, link: Link, blocks: Sequence[Block], image: Image, patience: Patience) -> None:
        for block in blocks:
            if not self.units.silent(block.unit):
                await self._fetch_block(link, block, image, patience)
            if self.units.silent(block.unit):
                image.blame(block.rows, self.units.of(block.unit).quality)

    async def _fetch_block(self, link: Link, block: Block, image: Image, patience: Patience) -> None:
        visit = _Visit(self, link, block, image, patience)
        try:
            refusal = await visit.attempt(block.spans)
            if refusal is not None:
                await visit.resolve(block.spans, refusal)
        except UnitFailed as failure:
            self._note(block.unit, failure)

    async def ask(
        self, link: Link, spans: Sequence[Span], patience: Patience, *, retries: int | None = None
    ) -> bytes | Refused:
        """Read from the first span's start to the last end; raises UnitFailed or LinkLost."""
        unit = spans[0].unit
        left = self.settings.retries if retries is None else retries
        start, end = spans[0].start, max(s.end for s in spans)
        while True:
            began = time.monotonic()
            wait_s = patience.for_unit(self.units.of(unit).slowest_s)
            try:
                data = await link.read(unit, spans[0].table, start, end - start, patience_s=wait_s)
            except Refused as refusal:
                if refusal.from_gateway:
                    self._note(unit, refusal)
                else:
                    self.units.answered(unit, time.monotonic() - began)
                return refusal
            except UnitFailed:
                patience.wear()
                if left <= 0:
                    raise
                left -= 1
            else:
                self.units.answered(unit, time.monotonic() - began)
                return data

    def _note(self, unit: int, error: UnitFailed | Refused) -> None:
        quality = error.quality if isinstance(error, UnitFailed) else Quality.BAD_NOT_CONNECTED
        self.units.failed(unit, quality=quality, message=error.message, hint=error.hint)

    async def _visit_graves(self, layout: Layout, image: Image, patience: Patience) -> None:
        now = time.monotonic()
        due = 0
        for span in layout.buried:
            grave = self.lessons.graves.get(span)
            if grave is None:
                continue
            image.blame(span.rows, grave.quality)
            if grave.retry_at <= now and due < _DIGS and not self.units.silent(span.unit):
                due += 1
                await self._dig(span, patience)

    async def _dig(self, span: Span, patience: Patience) -> None:
        try:
            answer = await self.ask(self.links[-1], [span], patience)
        except UnitFailed as failure:
            self._note(span.unit, failure)
            return
        if isinstance(answer, bytes):
            self.lessons.dig_up(span)
        elif not answer.from_gateway:
            self.lessons.graves[span] = grave_of(answer)

    def _probe_silent(self, layout: Layout) -> None:
        """Ask one silent unit of this plan, in the background, once its wait is over."""
        if self._probe is not None and not self._probe.done():
            return
        due = set(self.units.due())
        span = next((block.spans[0] for block in layout.blocks if block.unit in due), None)
        if span is not None:
            self._probe = asyncio.create_task(self._probe_span(span), name=f"modbus probe of unit {span.unit}")

    async def _probe_span(self, span: Span) -> None:
        try:
            await self.ask(self.links[-1], [span], Patience(self.settings.answer_timeout_s), retries=0)
        except UnitFailed as failure:
            self._note(span.unit, failure)
        except LinkLost:
            return  # the next poll meets the broken link and says so


class _Visit:
    """One block being fetched: in one piece, or in as many as it takes."""

    def __init__(self, reader: Reader, link: Link, block: Block, image: Image, patience: Patience) -> None:
        self.reader, self.link, self.block, self.image, self.patience = reader, link, block, image, patience

    async def attempt(self, spans: Sequence[Span]) -> Refused | None:
        """Ask for these spans in one request and keep the bytes; return the refusal, if any."""
        answer = await self.reader.ask(self.link, spans, self.patience)
        if isinstance(answer, Refused):
            return answer
        at = self.block.offset(spans[0].start)
        self.image.raw[at : at + len(answer)] = answer
        return None

    async def resolve(self, spans: Sequence[Span], refusal: Refused) -> bool:
        """Find out which of the refused spans are to blame, and learn it; whether some are."""
        if refusal.from_gateway or not (refusal.of_address or refusal.reason == ExceptionCode.DEVICE_FAILURE):
            return self._blame(spans)
        if refusal.reason == ExceptionCode.ILLEGAL_FUNCTION:
            return self._bury(spans, refusal)
        if len(spans) == 1:
            return self._bury(spans, refusal) if self._alone(refusal) else self._blame(spans)
        return await self._halve(spans, refusal)

    async def _halve(self, spans: Sequence[Span], refusal: Refused) -> bool:
        middle = len(spans) // 2
        halves = spans[:middle], spans[middle:]
        refusals = [await self.attempt(half) for half in halves]
        if refusal.reason == ExceptionCode.DEVICE_FAILURE and all(refusals):
            return self._blame(spans)  # the whole unit is ill, not one register
        guilty = [await self.resolve(half, r) for half, r in zip(halves, refusals, strict=True) if r is not None]
        if not any(guilty):  # too long together, or something in the gap between them
            self.reader.lessons.cut((self.block.unit, self.block.table), halves[1][0].start)
        return any(guilty)

    def _alone(self, refusal: Refused) -> bool:
        """Whether a refused single span is bad while its block has others, or was refused for its address."""
        return refusal.of_address or len(self.block.spans) > 1

    def _bury(self, spans: Sequence[Span], refusal: Refused) -> bool:
        grave = grave_of(refusal)
        for span in spans:
            self.reader.lessons.bury(span, grave)
            self.image.blame(span.rows, grave.quality)
        return True

    def _blame(self, spans: Sequence[Span]) -> bool:
        for span in spans:
            self.image.blame(span.rows, Quality.BAD_DEVICE_FAILURE)
        return True


def grave_of(refusal: Refused) -> Grave:
    """What to remember of a refused span."""
    mistaken = refusal.of_address
    return Grave(
        retry_at=time.monotonic() + (REFUSED_AGAIN_S if mistaken else FAILED_AGAIN_S),
        quality=Quality.BAD_CONFIG_ERROR if mistaken else Quality.BAD_DEVICE_FAILURE,
        message=refusal.message,
        hint=refusal.hint,
    )
