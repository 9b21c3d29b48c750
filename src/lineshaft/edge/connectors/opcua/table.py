"""Builds columns of readings from raw rows, tag by tag only where a value is more than a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from lineshaft.edge.connectors import Problem, Readings, Tag
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.terms import Kind, Quality

from .values import Unfit, convert, element_of, meaning, quality_of
from .wire import NAN, Raw

Report = Callable[[Problem], None]

_EPOCH_1970 = 116_444_736_000_000_000
"""1970 on the clock of OPC UA, which counts 100 ns since 1601."""
_OVERFLOW = 0x0480
"""Info bits of a status code: the server's queue was full and values were lost. Part 4, clause 7.39."""
_GONE = "Browse the server for the node as it is called now; the tag comes back by itself when the node does."
_NO_NUMBER = "The server says it is good, and it is not a finite number."
_SLOW = "Raise `queue` of the connection, or give the tag a longer `every`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One tag fed by a node: the whole value, or one element of it."""

    tag: int
    """Place among the connector's tags and paths."""
    element: tuple[int, ...] = ()


@dataclass(slots=True, kw_only=True)
class Item:
    """One node that is watched, and the tags it feeds. Its handle is its place among the items."""

    handle: int
    node: ua.NodeId
    every_ms: float
    picks: list[Pick] = field(default_factory=list)
    names: Mapping[int, str] = field(default_factory=dict)
    """Words of an enumeration."""


class Table:
    """Knows where the value of each item goes, and what is wrong with which tag just now."""

    def __init__(self, tags: Sequence[Tag], paths: Sequence[str], items: Sequence[Item]) -> None:
        self._tags, self._paths, self._items = tags, paths, items
        self._direct = np.array([_direct(item, tags) for item in items], dtype=np.int32)
        self._scale = np.array([tag.scale for tag in tags], dtype=np.float64)
        self._offset = np.array([tag.offset for tag in tags], dtype=np.float64)
        self.units: Mapping[str, str] = {}
        """Told with the next readings, by path."""
        self._gone: set[int] = set()
        self._overflown: set[int] = set()
        self._unfit: dict[int, str] = {}

    def readings(self, raw: Raw, report: Report) -> Readings:
        """Columns of one batch; what is wrong with a tag is reported when it begins."""
        handle = np.array(raw.handle, dtype=np.int32)
        status = np.array(raw.status, dtype=np.uint32)
        self._watch(handle, status, report)
        quality = _qualities(status)
        ts = _micros(np.array(raw.filetime, dtype=np.int64))
        index = self._direct[handle]
        fast = index >= 0
        fast[list(raw.objects)] = False
        number = np.array(raw.number, dtype=np.float64)[fast]
        columns = self._scaled(index[fast], ts[fast], number, quality[fast], report)
        columns["units"], self.units = self.units, {}
        if fast.all():
            return Readings(paths=self._paths, **columns)
        return self._with_slow(columns, raw, np.flatnonzero(~fast), ts, quality, report)

    def missing(self, item: Item, status: int, report: Report) -> Readings:
        """Name the tags of a node the server does not serve; one bad row for each."""
        self._lose(item, status, report)
        return self.bad((pick.tag for pick in item.picks), Quality.BAD_CONFIG_ERROR)

    def bad(self, tags: Iterable[int], quality: Quality) -> Readings:
        """One row of this quality, and no value, for each tag."""
        index = np.fromiter(tags, dtype=np.int32)
        return Readings(
            paths=self._paths,
            index=index,
            ts=np.full(len(index), now_us(), dtype=np.int64),
            number=np.full(len(index), NAN),
            quality=np.full(len(index), quality, dtype=np.uint8),
        )

    def _scaled(
        self,
        index: NDArray[np.int32],
        ts: NDArray[np.int64],
        raw: NDArray[np.float64],
        quality: NDArray[np.uint8],
        report: Report,
    ) -> dict[str, Any]:
        number = raw * self._scale[index] + self._offset[index]
        odd = ~np.isfinite(number) & (quality < Quality.BAD)
        for tag in np.unique(index[odd]).tolist():
            self._refuse(tag, _NO_NUMBER, report)
        quality[odd] = np.where(np.isnan(number[odd]), Quality.BAD_NO_DATA, Quality.BAD_OUT_OF_RANGE)
        number[quality >= Quality.BAD] = NAN
        return {"index": index, "ts": ts, "number": number, "quality": quality}

    def _with_slow(
        self,
        fast: dict[str, Any],
        raw: Raw,
        rows: NDArray[np.intp],
        ts: NDArray[np.int64],
        quality: NDArray[np.uint8],
        report: Report,
    ) -> Readings:
        slow = [
            (pick.tag, int(ts[row]), *self._one(raw, int(row), pick, Quality(int(quality[row])), report))
            for row in rows
            for pick in self._items[raw.handle[row]].picks
        ]
        tags, times, numbers, texts, qualities = zip(*slow, strict=True)
        return Readings(
            paths=self._paths,
            index=np.concatenate([fast["index"], np.array(tags, dtype=np.int32)]),
            ts=np.concatenate([fast["ts"], np.array(times, dtype=np.int64)]),
            number=np.concatenate([fast["number"], np.array(numbers, dtype=np.float64)]),
            quality=np.concatenate([fast["quality"], np.array(qualities, dtype=np.uint8)]),
            text=[*[None] * len(fast["index"]), *texts] if any(text is not None for text in texts) else None,
            units=fast["units"],
        )

    def _one(
        self, raw: Raw, row: int, pick: Pick, quality: Quality, report: Report
    ) -> tuple[float, str | None, Quality]:
        """Number, text and quality of one row for one tag."""
        if quality >= Quality.BAD:
            return NAN, None, quality
        tag = self._tags[pick.tag]
        value = raw.objects[row] if row in raw.objects else raw.number[row]
        try:
            number, text = convert(element_of(value, pick.element), tag, self._items[raw.handle[row]].names)
        except Unfit as unfit:
            self._refuse(pick.tag, f"{tag.address} {unfit}", report)
            return NAN, None, unfit.quality
        if text is None and not math.isfinite(number):
            self._refuse(pick.tag, _NO_NUMBER, report)
            return NAN, None, Quality.BAD_NO_DATA if math.isnan(number) else Quality.BAD_OUT_OF_RANGE
        self._unfit.pop(pick.tag, None)
        return number, text, quality

    def _watch(self, handle: NDArray[np.int32], status: NDArray[np.uint32], report: Report) -> None:
        """Report nodes that vanish or are too fast for the server, and forget those that are back."""
        if not status.any() and not self._gone:
            return
        for row in np.flatnonzero((status & _OVERFLOW) == _OVERFLOW):
            self._overflow(self._items[handle[row]], report)
        for row in np.flatnonzero(status >> 31):
            if quality_of(int(status[row])) is Quality.BAD_CONFIG_ERROR:
                self._lose(self._items[handle[row]], int(status[row]), report)
        if self._gone:
            self._gone.difference_update(handle[(status >> 31) == 0].tolist())

    def _lose(self, item: Item, status: int, report: Report) -> None:
        if item.handle in self._gone:
            return
        self._gone.add(item.handle)
        for pick in item.picks:
            tag = self._tags[pick.tag]
            message = f"The server does not serve {tag.address}: {meaning(status)}."
            report(Problem(path=tag.path, message=message, hint=_GONE))

    def _overflow(self, item: Item, report: Report) -> None:
        if item.handle in self._overflown:
            return
        self._overflown.add(item.handle)
        for pick in item.picks:
            tag = self._tags[pick.tag]
            message = f"{tag.address} changes faster than the server can queue; some of its values were lost."
            report(Problem(path=tag.path, message=message, hint=_SLOW))

    def _refuse(self, tag: int, message: str, report: Report) -> None:
        if self._unfit.get(tag) != message:
            self._unfit[tag] = message
            report(Problem(path=self._tags[tag].path, message=message))


def _direct(item: Item, tags: Sequence[Tag]) -> int:
    """The one tag a number of this item goes to without being looked at; -1 when there is more to do."""
    if len(item.picks) != 1 or item.picks[0].element:
        return -1
    tag = item.picks[0].tag
    return tag if tags[tag].kind in {Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN} else -1


def _qualities(status: NDArray[np.uint32]) -> NDArray[np.uint8]:
    quality = np.zeros(len(status), dtype=np.uint8)
    for code in np.unique(status):
        if code:
            quality[status == code] = quality_of(int(code))
    return quality


def _micros(filetime: NDArray[np.int64]) -> NDArray[np.int64]:
    """Microseconds since 1970; now, where the server gave no time."""
    return np.where(filetime > 0, (filetime - _EPOCH_1970) // 10, now_us())


def joined(one: Readings, other: Readings) -> Readings:
    """Both batches in one; they share their paths."""
    if not len(other):
        return one
    text = None if one.text is None else [*one.text, *[None] * len(other)]
    return Readings(
        paths=one.paths,
        index=np.concatenate([one.index, other.index]),
        ts=np.concatenate([one.ts, other.ts]),
        number=np.concatenate([one.number, other.number]),
        quality=np.concatenate([one.quality, other.quality]),
        text=text,
    )
