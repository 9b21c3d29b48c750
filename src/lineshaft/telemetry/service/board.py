"""The newest value of every series, in columns, updated a batch at a time.

One slot per series. A batch is put with a handful of numpy operations; its path dictionary is turned
into slots once and remembered, because an edge sends the same dictionary over and over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineshaft.edge import SampleBatch
from lineshaft.kernel.clock import MICROS, from_us, now_us
from lineshaft.kernel.terms import PlantPath, Quality
from lineshaft.telemetry.model import Latest

AHEAD_US = 60 * MICROS
"""A value further ahead of our clock than this is replaced by whatever comes next, or a wrong clock would stick."""
_REMEMBERED = 512
_FIRST_ROOM = 1_024


class Board:
    """Bounded columns of newest values; `tick` counts batches and tells what changed since."""

    def __init__(self, *, most_series: int = 1_000_000) -> None:
        self._most = most_series
        self._slot: dict[str, int] = {}
        self._remembered: dict[tuple[str, ...], NDArray[np.int32]] = {}
        self.paths: list[str] = []
        self.tick = 0
        self.refused = 0
        """Samples of series for which there was no slot left."""
        self._ts: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._number: NDArray[np.float64] = np.empty(0)
        self._quality: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
        self._text: NDArray[np.object_] = np.empty(0, dtype=object)
        self._changed: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        """The tick of the last news, 0 for none yet."""
        self._make_room(min(_FIRST_ROOM, most_series))

    def __len__(self) -> int:
        return len(self.paths)

    def put(self, batch: SampleBatch) -> int:
        """Take a batch in and return how many of its samples were news."""
        slots = self._slots(batch.paths)[batch.index]
        if (slots < 0).any():
            return self._put_known(batch, slots)
        return self._write(slots, batch.ts, batch.number, batch.quality, _texts(batch))

    def _put_known(self, batch: SampleBatch, slots: NDArray[np.int32]) -> int:
        known = slots >= 0
        self.refused += int((~known).sum())
        texts = _texts(batch)
        return self._write(
            slots[known],
            batch.ts[known],
            batch.number[known],
            batch.quality[known],
            None if texts is None else texts[known],
        )

    def _write(
        self,
        slots: NDArray[np.int32],
        ts: NDArray[np.int64],
        number: NDArray[np.float64],
        quality: NDArray[np.uint8],
        texts: NDArray[np.object_] | None,
    ) -> int:
        held = self._ts[slots]
        news = np.flatnonzero((ts >= held) | (held > now_us() + AHEAD_US))
        if len(news) == 0:
            return 0
        if (np.diff(ts[news]) < 0).any():
            news = news[np.argsort(ts[news], kind="stable")]
        # Of a slot that occurs more than once numpy keeps the last value written: the newest.
        chosen = slots[news]
        self._ts[chosen], self._number[chosen], self._quality[chosen] = ts[news], number[news], quality[news]
        self._text[chosen] = None if texts is None else texts[news]
        self.tick += 1
        self._changed[chosen] = self.tick
        return len(news)

    def slots_of(self, paths: Iterable[str]) -> NDArray[np.int32]:
        """Where these paths are; those never heard of are left out."""
        found = [slot for path in paths if (slot := self._slot.get(path)) is not None]
        return np.array(found, dtype=np.int32)

    def changed(self, slots: NDArray[np.int32], since: int) -> NDArray[np.int32]:
        """Those of `slots` written after tick `since`."""
        fresh: NDArray[np.int32] = slots[self._changed[slots] > since]
        return fresh

    def show(self, slots: Iterable[int]) -> list[Latest]:
        """The values in these slots."""
        return [self._latest(slot) for slot in slots if self._changed[slot]]

    def _latest(self, slot: int) -> Latest:
        number = float(self._number[slot])
        return Latest(
            path=PlantPath(self.paths[slot]),
            ts=from_us(int(self._ts[slot])),
            number=None if isnan(number) else number,
            text=self._text[slot],
            quality=Quality.of(int(self._quality[slot])),
        )

    def _slots(self, paths: Sequence[str]) -> NDArray[np.int32]:
        key = tuple(paths)
        slots = self._remembered.get(key)
        if slots is None:
            slots = np.array([self._slot_for(path) for path in key], dtype=np.int32)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[key] = slots
        return slots

    def _slot_for(self, path: str) -> int:
        slot = self._slot.get(path)
        if slot is None:
            if len(self.paths) >= self._most:
                return -1
            slot = self._slot[path] = len(self.paths)
            self.paths.append(path)
            if slot >= len(self._ts):
                self._make_room(min(self._most, 2 * len(self._ts)))
        return slot

    def _make_room(self, room: int) -> None:
        self._ts = _grown(self._ts, room, np.iinfo(np.int64).min)
        self._number = _grown(self._number, room, np.nan)
        self._quality = _grown(self._quality, room, 0)
        self._text = _grown(self._text, room, None)
        self._changed = _grown(self._changed, room, 0)


def _grown(column: NDArray[Any], room: int, blank: Any) -> NDArray[Any]:
    grown = np.full(room, blank, dtype=column.dtype)
    grown[: len(column)] = column
    return grown


def _texts(batch: SampleBatch) -> NDArray[np.object_] | None:
    if batch.text is None:
        return None
    texts: NDArray[np.object_] = batch.text.to_numpy(zero_copy_only=False)
    return texts
