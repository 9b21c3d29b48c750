"""From bus messages to one table of rows: columns are joined, paths become ids, impossible values are mended.

Nothing here looks at single samples. A path dictionary is turned into ids once and remembered by its
bytes, because an edge sends the same few dictionaries over and over.

Mended, so that one machine's fault is nobody else's loss:

    time before 2000 (history: 1970) or a day ahead    stored at the time it came, as UNCERTAIN_TIME
    a number that is NaN or infinite                   no number, and bad when there is no text either
    a path that is none, a message that is no batch    left out, and named to the caller
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.edge import read_columns, told_units
from lineshaft.kernel.bus import Message
from lineshaft.kernel.clock import MICROS
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Quality, series_id
from lineshaft.kernel.units import MOST_UNIT
from lineshaft.telemetry.store.series import NewSeries

Y2000_US = 946_684_800 * MICROS
DAY_US = 86_400 * MICROS
MOST_PATH = 1_024
_REMEMBERED_BYTES = 96 * 1024 * 1024
_TS = pa.timestamp("us", tz="UTC")
_NONE = np.uint64(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """Something on the bus that could not be stored, and why."""

    message: Message
    why: str
    whole: bool
    """Whether nothing of the message was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Rows ready to be stored, and what has to be done with them."""

    rows: pa.Table
    through: int
    """The last message that went in."""
    sent_ns: int
    """When that message was sent."""
    new: tuple[NewSeries, ...] = ()
    unread: tuple[Unread, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    """Path to unit, where messages told one."""
    too_old: int = 0
    """Rows older than their series is kept."""


@dataclass(slots=True, kw_only=True)
class _Paths:
    """A path dictionary as ids; 0 stands for what is no path."""

    ids: NDArray[np.uint64]
    texts: Sequence[str] = ()
    """The paths themselves, while some are not known yet."""
    bad: str = ""
    before: NDArray[np.int64] | None = None
    """Per path, the time before which samples are not kept."""


@dataclass(slots=True, kw_only=True)
class _Part:
    """The columns of one message."""

    message: Message
    series: NDArray[np.uint64]
    ts: NDArray[np.int64]
    number: NDArray[np.float64]
    quality: NDArray[np.uint8]
    text: pa.Array | None
    received: int
    earliest: int
    keep: NDArray[np.bool_] | None = None


@dataclass(slots=True)
class _Findings:
    new: dict[int, NewSeries] = field(default_factory=dict)
    noted: dict[int, _Paths] = field(default_factory=dict)
    """Path dictionaries of which every new path is in `new`, by `id`; an edge repeats them with each message."""
    unread: list[Unread] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    too_old: int = 0


class Gatherer:
    """Remembers path dictionaries from one gathering to the next; used by one thread at a time."""

    def __init__(
        self,
        unknown: Callable[[NDArray[np.uint64]], NDArray[np.bool_]],
        kept_from: Callable[[str], int] | None = None,
    ) -> None:
        self._unknown = unknown
        self._kept_from = kept_from
        """The time (µs) before which the samples of a path are not kept."""
        self._paths: dict[bytes, _Paths] = {}
        self._bytes = 0
        self._day = 0

    def gather(self, messages: Sequence[Message], *, base: int) -> Gathered:
        """One table of everything in these messages; `samples.seq` is the message's number plus `base`."""
        self._new_day(messages[-1].time_ns // 1000 // DAY_US)
        findings = _Findings()
        parts: list[_Part] = []
        for message in messages:
            try:
                parts.append(self._read(message, findings))
            except Exception as error:  # bytes from outside: whatever they break is their own loss only
                findings.unread.append(Unread(message=message, why=str(error), whole=True))
        return Gathered(
            rows=_join(parts, base),
            through=messages[-1].seq,
            sent_ns=messages[-1].time_ns,
            new=tuple(replace(one, unit=findings.units.get(one.path, "")) for one in findings.new.values()),
            unread=tuple(findings.unread),
            units=findings.units,
            too_old=findings.too_old,
        )

    def _read(self, message: Message, findings: _Findings) -> _Part:
        batch = read_columns(message.data)
        path, ts, number, text, quality = batch.columns
        if path.null_count or ts.null_count or quality.null_count:
            raise Invalid("A sample without path, time or quality.")
        has_text = text.null_count < len(text)
        paths = self._paths_of(path.dictionary)
        index = path.indices.to_numpy()
        # Seen as unsigned, a negative index is too large as well.
        if len(index) and int(index.view(np.uint32).max()) >= len(paths.ids):
            raise Invalid("A sample points outside the batch's list of paths.")
        part = _Part(
            message=message,
            series=paths.ids[index],
            ts=ts.view(pa.int64()).to_numpy(),
            number=number.to_numpy(zero_copy_only=False),
            quality=quality.to_numpy(),
            text=text if has_text else None,
            received=message.time_ns // 1000,
            earliest=Y2000_US,
        )
        metadata = batch.schema.metadata or {}
        _told(part, metadata)
        if b"units" in metadata:
            findings.units |= _units(metadata, path.dictionary, paths)
        self._note_new(index, paths, part, findings)
        if paths.bad:
            part.keep = part.series != _NONE
            findings.unread.append(Unread(message=message, why=paths.bad, whole=False))
        if paths.before is not None:
            young = part.ts >= paths.before[index]
            findings.too_old += int(len(young) - young.sum())
            part.keep = young if part.keep is None else part.keep & young
        return part

    def _new_day(self, day: int) -> None:
        """What is remembered of a path holds for one day, because by then it is kept from another time on."""
        if day != self._day and self._kept_from is not None:
            self._paths.clear()
            self._bytes = 0
        self._day = day

    def _paths_of(self, dictionary: pa.Array) -> _Paths:
        key = b"".join(bytes(buffer) for buffer in dictionary.buffers() if buffer is not None)
        key += b"%d.%d" % (dictionary.offset, len(dictionary))
        paths = self._paths.get(key)
        if paths is None:
            if self._bytes > _REMEMBERED_BYTES:
                self._paths.clear()
                self._bytes = 0
            paths = self._paths[key] = self._to_ids(dictionary)
            self._bytes += len(key)
        return paths

    def _to_ids(self, dictionary: pa.Array) -> _Paths:
        texts = dictionary.to_pylist()
        ids = np.fromiter((series_id(t or "") for t in texts), dtype=np.uint64, count=len(texts))
        unknown, bad = np.flatnonzero(self._unknown(ids)), ""
        for at in unknown.tolist():
            fault = _fault(texts[at])
            if fault:
                ids[at], bad = _NONE, bad or fault
        before = None
        if self._kept_from is not None:
            limits = [self._kept_from(text) if ids[i] else 0 for i, text in enumerate(texts)]
            before = np.array(limits, dtype=np.int64) if any(limits) else None
        return _Paths(ids=ids, texts=texts if len(unknown) else (), bad=bad, before=before)

    def _note_new(self, index: NDArray[np.int32], paths: _Paths, part: _Part, findings: _Findings) -> None:
        """Note the paths nobody knows yet that really have a row here."""
        if not paths.texts or id(paths) in findings.noted:
            return
        unknown = self._unknown(paths.ids) & (paths.ids != _NONE)
        if not unknown.any():
            paths.texts = ()
            return
        used, first = np.unique(index, return_index=True)
        new = unknown[used]
        if new.sum() == unknown.sum():
            findings.noted[id(paths)] = paths
        for at, row in zip(used[new].tolist(), first[new].tolist(), strict=True):
            number = int(paths.ids[at])
            is_text = part.text is not None and part.text[row].is_valid
            series = NewSeries(id=number, path=paths.texts[at], kind="text" if is_text else "number")
            findings.new.setdefault(number, series)


def _told(part: _Part, metadata: dict[bytes, bytes]) -> None:
    """Take what the sender says of its clock, where it can be true."""
    if metadata.get(b"history") == b"1":
        part.earliest = 0
    try:
        received = int(metadata.get(b"received", b"0"))
    except ValueError:
        return
    if Y2000_US <= received <= part.received + DAY_US:
        part.received = received


def _units(metadata: dict[bytes, bytes], dictionary: pa.Array, paths: _Paths) -> dict[str, str]:
    """The units told of paths in the message itself, where they can be units."""
    own = {text for text, id_ in zip(dictionary.to_pylist(), paths.ids, strict=True) if id_ != _NONE}
    return {path: unit for path, unit in told_units(metadata).items() if path in own and len(unit) <= MOST_UNIT}


def _fault(text: str | None) -> str:
    """What is wrong with a path; empty when nothing is."""
    if text is None or len(text) > MOST_PATH:
        return f"A path is missing or longer than {MOST_PATH:,} characters."
    try:
        PlantPath.parse(text)
    except Invalid as error:
        return error.message
    return ""


def _join(parts: Sequence[_Part], base: int) -> pa.Table:
    """All parts as one table; columns that only hold defaults are left out."""
    for part in parts:
        _mend_times(part)
    if not parts:
        return pa.table({})
    lengths = [len(part.series) for part in parts]
    number = np.concatenate([part.number for part in parts])
    quality = np.concatenate([part.quality for part in parts])
    text = _texts(parts)
    finite = np.isfinite(number)
    if not finite.all():
        number, quality = _mend_numbers(number, quality, finite, text)
    columns = {
        "series": pa.array(np.concatenate([part.series for part in parts])),
        "ts": pa.array(np.concatenate([part.ts for part in parts])).view(_TS),
        "number": pa.array(number),
        "seq": pa.array(np.repeat(np.array([p.message.seq + base for p in parts], dtype=np.uint64), lengths)),
    }
    if text is not None:
        columns["text"] = text.fill_null("")
    if quality.any():
        columns["quality"] = pa.array(quality)
    table = pa.table(columns)
    if any(part.keep is not None for part in parts):
        keep = [np.ones(n, dtype=np.bool_) if p.keep is None else p.keep for p, n in zip(parts, lengths, strict=True)]
        table = table.filter(pa.array(np.concatenate(keep)))
    return table


def _mend_times(part: _Part) -> None:
    ts, latest = part.ts, part.received + DAY_US
    if not len(ts) or (int(ts.min()) >= part.earliest and int(ts.max()) <= latest):
        return
    odd = (ts < part.earliest) | (ts > latest)
    # A microsecond apart, so that several samples of one path do not become one.
    part.ts = np.where(odd, part.received + np.arange(len(ts)), ts)
    part.quality = np.where(odd & (part.quality < Quality.BAD), np.uint8(Quality.UNCERTAIN_TIME), part.quality)


def _mend_numbers(
    number: NDArray[np.float64], quality: NDArray[np.uint8], finite: NDArray[np.bool_], text: pa.Array | None
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    blank = ~finite if text is None else ~finite & text.is_null().to_numpy(zero_copy_only=False)
    no_data = np.where(blank & (quality < Quality.BAD), np.uint8(Quality.BAD_NO_DATA), quality)
    return np.where(finite, number, np.nan), no_data


def _texts(parts: Sequence[_Part]) -> pa.Array | None:
    if all(part.text is None for part in parts):
        return None
    return pa.concat_arrays([pa.nulls(len(p.series), pa.utf8()) if p.text is None else p.text for p in parts])
