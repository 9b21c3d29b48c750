"""What can be asked of the memory of the plant, and what comes back: nouns, no I/O.

Every table that leaves is Arrow and long: one row per sample or per bucket, `path` first
(dictionary<utf8>), then `ts` (timestamp[us, UTC]; for buckets their start), then the values.
Spans are half-open: `start <= ts < end`.

    raw        path, ts, number, text, quality
    resampled  path, ts, then one float64 column per aggregate (`count` is int64)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from math import isnan
from typing import TYPE_CHECKING

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, PlantPath, Quality, Value

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

MOST_SERIES = 10_000
"""Series one selection may name."""


class Grades(StrEnum):
    """Which qualities count in a query."""

    GOOD = "good"
    """Good values only."""
    USABLE = "usable"
    """Good and uncertain values."""
    ALL = "all"
    """Bad values too, where they carry a value; raw queries also show the rows without one."""

    @property
    def below(self) -> int:
        """The first quality byte left out."""
        return {"good": 0x40, "usable": 0x80, "all": 0x100}[self.value]


class Aggregate(StrEnum):
    """One value per series and bucket."""

    MEAN = "mean"
    """Arithmetic mean of the samples."""
    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"
    COUNT = "count"
    """Number of samples with a number; 0 in an empty bucket that is shown."""
    SUM = "sum"
    TIME_WEIGHTED = "time_weighted"
    """Mean over time: each value holds until the next one, also the one before the bucket (but not longer
    than `max_gap`). Nothing is held over a sample of a quality that was filtered out, nor beyond now."""
    DURATION = "duration"
    """Seconds of the bucket in which a value was known, by the same rule: the weight of `time_weighted`."""


class Fill(StrEnum):
    """What stands in a bucket that has no sample."""

    NONE = "none"
    """The bucket has no row."""
    NULL = "null"
    """A row of nulls, so that a chart breaks its line."""
    PREVIOUS = "previous"
    """The last value before, also from before the range, unless it is older than `max_gap`."""
    LINEAR = "linear"
    """On the straight line between the neighbours, unless they are further apart than `max_gap`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which series a question is about: those named, and those found below a subtree and by a pattern.

    A `pattern` is a glob over whole paths: `*` matches within one part, `**` across parts:
    `acme/*/line-1/**/temperature`. Found series are ordered by path and cut at `limit`; a cut is
    told in `Answer.more`. Named ones that are not known come back in `Answer.unknown`.
    """

    paths: tuple[str, ...] = ()
    subtree: str | None = None
    pattern: str = ""
    limit: int = 1_000

    def __post_init__(self) -> None:
        if not self.paths and self.subtree is None and not self.pattern:
            raise Invalid("The question names no series.", hint="Give paths, a subtree or a pattern.")
        if len(self.paths) > MOST_SERIES or not 0 < self.limit <= MOST_SERIES:
            raise Invalid(f"A question is about 1 to {MOST_SERIES:,} series.", hint="Ask in several parts.")

    @classmethod
    def of(cls, *paths: str) -> Selection:
        """These series."""
        return cls(paths=paths)

    @classmethod
    def under(cls, subtree: str, *, limit: int = 1_000) -> Selection:
        """Every series at or below a place."""
        return cls(subtree=subtree, limit=limit)

    @property
    def finds(self) -> bool:
        """Whether series are found by place or pattern, beyond those named."""
        return self.subtree is not None or bool(self.pattern)

    def admits(self, path: str) -> bool:
        """Whether a path is found by the subtree and the pattern."""
        return (
            self.finds
            and PlantPath(path).within(self.subtree or "")
            and (not self.pattern or glob(self.pattern).fullmatch(path) is not None)
        )


@lru_cache(maxsize=256)
def glob(pattern: str) -> re.Pattern[str]:
    """A path glob as a regular expression: `*` and `?` stay within a part, `**` does not."""
    pieces = {"**/": "(?:.+/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(pieces.get(part) or re.escape(part) for part in parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A path that has samples."""

    path: PlantPath
    kind: Kind
    """Text when its first value was text, else number."""
    since: datetime
    """When its first sample arrived."""
    unit: str = ""
    """In UCUM, as its tag or the machine says; empty where nobody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A place in the tree of paths."""

    path: PlantPath
    series: bool
    """Whether it is itself a series."""
    deeper: bool
    """Whether there are series below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The newest sample of one series."""

    path: PlantPath
    ts: datetime
    number: float | None = None
    text: str | None = None
    quality: Quality = Quality.GOOD

    @property
    def value(self) -> Value | None:
        """The number or the text; None when the sample carries neither."""
        return self.text if self.number is None else self.number

    def age(self, now: datetime) -> timedelta:
        """How long ago the machine said so; never negative."""
        return max(now - self.ts, timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """Newest values in columns, one row for each path asked for; nan and None where nothing was heard."""

    number: NDArray[np.float64]
    text: NDArray[np.object_]

    def value(self, row: int) -> Value | None:
        """The number or the text of a row."""
        number = float(self.number[row])
        return self.text[row] if isnan(number) else number


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A table and what there is to know about it."""

    table: pa.Table
    unknown: tuple[str, ...] = ()
    """Paths that were named and have no series."""
    more: bool = False
    """Whether the selection found more series than its limit."""
    source: str = "raw"
    """The coarsest table read: raw, 1s, 1m or 1h."""
    width: timedelta | None = None
    """Width of the buckets where they have one; None for raw values and calendar buckets."""
    next: tuple[int, int] | None = None
    """Give this as `after` for the next page of raw values; None at the end."""


class JobState(StrEnum):
    """How far an import is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in {JobState.WAITING, JobState.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowTrouble:
    """A row of a file that is no sample, and why."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The import of one file."""

    id: str
    name: str
    state: JobState = JobState.WAITING
    rows: int = 0
    """Rows read so far."""
    total: int = 0
    """Rows of the file; 0 until it was looked through."""
    written: int = 0
    """Samples written, each once it was durable."""
    bad: int = 0
    """Rows left out."""
    troubles: tuple[RowTrouble, ...] = ()
    """The first hundred of them."""
    message: str = ""
    """Why it failed."""
    created_at: datetime
    ended_at: datetime | None = None
