"""Report by exception: what did not change is not sent, until silence has lasted too long.

State is kept in columns, one slot per path; a batch is judged at once. Only tags with a deadband
that occur several times in one batch need a loop, because each report moves the band.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lineshaft.edge.connectors import Readings, Tag

_NEVER = np.iinfo(np.int64).min


class Changes:
    """Remembers what was reported last, per path of one connector's list."""

    def __init__(self, tags: tuple[Tag, ...], *, polled: bool, max_silence_s: float) -> None:
        self._polled = polled
        self._silence_us = int(max_silence_s * 1e6)
        self._band = np.array([tag.deadband for tag in tags])
        self._number = np.full(len(tags), np.nan)
        self._quality = np.zeros(len(tags), dtype=np.uint8)
        self._ts = np.full(len(tags), _NEVER, dtype=np.int64)
        self._text: dict[int, str | None] = {}

    def reported(self, readings: Readings) -> Readings:
        """The rows worth sending. Values that came by themselves pass, unless their tag has a deadband."""
        banded = bool(self._band.any())
        if (not self._polled and not banded) or len(readings) == 0:
            return readings
        self._grow(len(readings.paths))
        keep = self._one_by_one(readings) if _repeats(readings.index) else self._at_once(readings)
        return readings if keep.all() else pick(readings, keep)

    def forget(self) -> None:
        """After a lost link everything is news again."""
        self._ts.fill(_NEVER)

    def _at_once(self, r: Readings) -> NDArray[np.bool_]:
        slot = r.index
        last, band = self._number[slot], self._band[slot]
        with np.errstate(invalid="ignore"):
            moved = np.abs(r.number - last) > band
        moved |= np.isnan(r.number) != np.isnan(last)
        if not self._polled:
            moved |= band == 0
        keep: NDArray[np.bool_] = moved | (r.quality != self._quality[slot]) | self._silent(slot, r.ts)
        if r.text is not None:
            keep |= np.fromiter(
                (self._text.get(int(s)) != t for s, t in zip(slot, r.text, strict=True)), bool, len(slot)
            )
            self._text.update((int(s), t) for s, t in zip(slot, r.text, strict=True))
        self._note(slot[keep], r.number[keep], r.quality[keep], r.ts[keep])
        return keep

    def _one_by_one(self, r: Readings) -> NDArray[np.bool_]:
        keep = np.zeros(len(r), dtype=bool)
        for row in range(len(r)):
            keep[row] = self._at_once(pick(r, np.arange(len(r)) == row))[0]
        return keep

    def _silent(self, slot: NDArray[np.int32], ts: NDArray[np.int64]) -> NDArray[np.bool_]:
        last = self._ts[slot]
        never = last == _NEVER
        quiet: NDArray[np.bool_] = never | (ts - np.where(never, 0, last) >= self._silence_us)
        return quiet

    def _note(
        self, slot: NDArray[np.int32], number: NDArray[np.float64], quality: NDArray[np.uint8], ts: NDArray[np.int64]
    ) -> None:
        self._number[slot], self._quality[slot], self._ts[slot] = number, quality, ts

    def _grow(self, size: int) -> None:
        more = size - len(self._number)
        if more <= 0:
            return
        self._band = np.concatenate([self._band, np.zeros(more)])
        self._number = np.concatenate([self._number, np.full(more, np.nan)])
        self._quality = np.concatenate([self._quality, np.zeros(more, dtype=np.uint8)])
        self._ts = np.concatenate([self._ts, np.full(more, _NEVER, dtype=np.int64)])


def _repeats(index: NDArray[np.int32]) -> bool:
    return len(index) > 1 and len(np.unique(index)) < len(index)


def pick(readings: Readings, keep: NDArray[np.bool_]) -> Readings:
    """Some rows of readings."""
    text = readings.text
    return Readings(
        paths=readings.paths,
        index=readings.index[keep],
        ts=readings.ts[keep],
        number=readings.number[keep],
        quality=readings.quality[keep],
        text=None if text is None else [text[int(i)] for i in np.flatnonzero(keep)],
    )
