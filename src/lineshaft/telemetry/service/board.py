"""The newest value of every series, in columns, updated a batch at a time.

One slot per series. A batch is put with a handful of numpy operations; its path dictionary is turned
into slots once and remembered, because an edge sends the same dictionary over and over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from lineshaft.edge import SCHEMA
from lineshaft.kernel.clock import MICROS, from_us, now_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Quality
from lineshaft.telemetry.model import Latest, Newest

AHEAD_US = 60 * MICROS
"""A value further ahead of our clock than this is replaced by whatever comes next, or a wrong clock would stick."""
_Y2000_US = 946_684_800 * MICROS
_DAY_US = 86_400 * MICROS
_REMEMBERED = 512
_FIRST_ROOM = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """What samples tell, beside whose they are."""

    ts: NDArray[np.int64]
    number: NDArray[np.float64]
    quality: NDArray[np.uint8]
    text: NDArray[np.object_] | None

    def take(self, rows: NDArray[np.bool_]) -> _Columns:
        text = None if self.text is None else self.text[rows]
        return _Columns(ts=self.ts[rows], number=self.number[rows], quality=self.quality[rows], text=text)

    def mended(self, now: int, *, earliest: int) -> _Columns:
        """Times that cannot be true become now and uncertain, as the recorder stores them."""
        if not len(self.ts) or (int(self.ts.min()) >= earliest and int(self.ts.max()) <= now + _DAY_US):
            return self
        odd = (self.ts < earliest) | (self.ts > now + _DAY_US)
        uncertain = np.where(odd & (self.quality < Quality.BAD), np.uint8(Quality.UNCERTAIN_TIME), self.quality)
        return replace(self, ts=np.where(odd, now, self.ts), quality=uncertain)


class Board:
    """Bounded columns of newest values; `tick` counts batches and tells what changed since."""

    def __init__(self, *, most_series: int = 1_000_000) -> None:
        self._most = most_series
        self._slot: dict[str, int] = {}
        self._remembered: dict[tuple[int, int, int], NDArray[np.int32]] = {}
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

    def put(self, batch: pa.RecordBatch) -> int:
        """Take a sample batch in (see `edge.SCHEMA`) and return how many of its samples were news.

        Raises Invalid, with nothing taken in, when the batch points outside its list of paths.
        """
        path, ts, number, text, quality = (batch.column(name) for name in SCHEMA.names)
        slots = self._slots(path)
        columns = _Columns(
            ts=ts.view(pa.int64()).to_numpy(),
            number=number.to_numpy(zero_copy_only=False),
            quality=quality.to_numpy(),
            text=None if text.null_count == len(text) else text.to_numpy(zero_copy_only=False),
        )
        if (slots < 0).any():
            known = slots >= 0
            self.refused += int((~known).sum())
            slots, columns = slots[known], columns.take(known)
        past = (batch.schema.metadata or {}).get(b"history") == b"1"
        return self._write(slots, columns.mended(now_us(), earliest=0 if past else _Y2000_US))

    def _write(self, slots: NDArray[np.int32], told: _Columns) -> int:
        held = self._ts[slots]
        news = np.flatnonzero((told.ts >= held) | (held > now_us() + AHEAD_US))
        if len(news) == 0:
            return 0
        ts = told.ts[news]
        if (np.diff(ts) < 0).any():
            news = news[np.argsort(ts, kind="stable")]
        # Of a slot that occurs more than once numpy keeps the last value written: the newest.
        chosen = slots[news]
        self._ts[chosen] = told.ts[news]
        self._number[chosen], self._quality[chosen] = told.number[news], told.quality[news]
        self._text[chosen] = None if told.text is None else told.text[news]
        self.tick += 1
        self._changed[chosen] = self.tick
        return len(news)

    def slots_of(self, paths: Iterable[str]) -> NDArray[np.int32]:
        """Where these paths are; those never heard of are left out."""
        found = [slot for path in paths if (slot := self._slot.get(path)) is not None]
        return np.array(found, dtype=np.int32)

    def newest(self, paths: Sequence[str]) -> Newest:
        """The newest values of these paths, in their order."""
        slots = np.fromiter((self._slot.get(path, -1) for path in paths), dtype=np.int32, count=len(paths))
        heard = slots >= 0
        number, text = np.full(len(paths), np.nan), np.full(len(paths), None, dtype=object)
        number[heard], text[heard] = self._number[slots[heard]], self._text[slots[heard]]
        return Newest(number=number, text=text)

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

    def _slots(self, path: pa.DictionaryArray) -> NDArray[np.int32]:
        """The slot of each sample; -1 where there is none left."""
        key = _digest(path.dictionary)
        book = self._remembered.get(key)
        if book is None:
            book = np.array([self._slot_for(name) for name in path.dictionary.to_pylist()], dtype=np.int32)
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[key] = book
        index: NDArray[np.int32] = path.indices.to_numpy()
        # Seen as unsigned, a negative index is too large as well.
        if len(index) and int(index.view(np.uint32).max()) >= len(book):
            raise Invalid("A sample points outside the batch's list of paths.")
        slots: NDArray[np.int32] = book[index]
        return slots

    def _slot_for(self, path: str | None) -> int:
        slot = self._slot.get(path or "")
        if slot is None:
            if not path or len(self.paths) >= self._most:
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


def _digest(texts: pa.StringArray) -> tuple[int, int, int]:
    """Tells lists of paths apart without looking at each path."""
    digest = xxhash.xxh3_128()
    for buffer in texts.buffers():
        if buffer is not None:
            digest.update(buffer)
    return digest.intdigest(), texts.offset, len(texts)
