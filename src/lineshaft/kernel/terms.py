"""The few words every context says: paths, qualities, values, spans of time.

A PlantPath names a thing by its place, in the order of ISA-95 part 1, clause 5.3:
`organisation/site/area/line/cell/asset/property`. Any depth is allowed; no level is implied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

import xxhash

from .errors import Invalid

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

Value: TypeAlias = float | int | bool | str

# No dots, blanks, wildcards or slashes inside a segment: each breaks NATS subjects or MQTT topics.
_SEGMENT = re.compile(r"[^\s./\\*>+#$\"'\x00-\x1f]{1,64}")


class PlantPath(str):
    """A place in the plant, such as `acme/berlin/filling/line-1/filler/speed`.

    A plain `str` at run time, so that paths travel through dictionaries and Arrow unchanged.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> PlantPath:
        """Return the path, or raise Invalid naming the segment that is wrong."""
        for segment in text.split("/"):
            if not _SEGMENT.fullmatch(segment):
                raise Invalid(
                    f"{text!r} is not a plant path: the part {segment!r} is not allowed.",
                    hint="Use 1 to 64 characters per part, without blanks . * > + # $ quotes or backslashes, "
                    "and '/' between parts, as in acme/berlin/line-1/filler/speed.",
                )
        return cls(text)

    @classmethod
    def clean(cls, *parts: str) -> PlantPath:
        """Build a path from free text, replacing what a segment may not hold by '-'."""
        pieces = (piece for part in parts for piece in part.split("/"))
        return cls("/".join(p for p in (_clean(piece) for piece in pieces) if p))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type, handler: object) -> CoreSchema:
        """In web bodies a path is text that must parse."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(_parsed, core_schema.str_schema())

    @property
    def organisation(self) -> str:
        return self.split("/", 1)[0]

    @property
    def name(self) -> str:
        return self.rsplit("/", 1)[-1]

    @property
    def parent(self) -> PlantPath | None:
        head, slash, _ = self.rpartition("/")
        return PlantPath(head) if slash else None

    def child(self, *parts: str) -> PlantPath:
        return PlantPath("/".join((self, *parts)))

    def within(self, subtree: str) -> bool:
        """Whether this path is `subtree` or lies below it; the empty subtree holds everything."""
        return subtree in ("", self) or self.startswith(subtree + "/")


def _parsed(text: str) -> PlantPath:
    try:
        return PlantPath.parse(text)
    except Invalid as error:
        raise ValueError(str(error)) from error


def _clean(text: str) -> str:
    return re.sub(r"[\s./\\*>+#$\"'\x00-\x1f]+", "-", text.strip()).strip("-")[:64]


def series_id(path: str) -> int:
    """The id of a path's series: xxHash64 of its UTF-8, as in ClickHouse's `xxHash64`. Unsigned 64 bit."""
    return xxhash.xxh64_intdigest(path.encode())


class Quality(IntEnum):
    """How far a value may be trusted, after OPC UA part 8, clause 7: good, uncertain, bad.

    The top two bits are the class (0 good, 1 uncertain, 2 bad), the rest the reason.
    """

    GOOD = 0x00
    GOOD_LOCAL_OVERRIDE = 0x01
    UNCERTAIN = 0x40
    UNCERTAIN_LAST_USABLE = 0x41
    UNCERTAIN_SENSOR = 0x42
    UNCERTAIN_TIME = 0x43
    BAD = 0x80
    BAD_NOT_CONNECTED = 0x81
    BAD_CONFIG_ERROR = 0x82
    BAD_DEVICE_FAILURE = 0x83
    BAD_OUT_OF_RANGE = 0x84
    BAD_NO_DATA = 0x85
    BAD_STALE = 0x86
    BAD_TYPE = 0x87
    BAD_OUT_OF_SERVICE = 0x88
    """Nobody reads it any more: its connection was switched off or removed."""

    @property
    def grade(self) -> Grade:
        return (Grade.GOOD, Grade.UNCERTAIN, Grade.BAD, Grade.BAD)[self.value >> 6]

    @classmethod
    def of(cls, number: int) -> Quality:
        """The quality of a stored byte; unknown sub-codes fall back to their class."""
        return cls(number) if number in cls._value2member_map_ else cls(min(number >> 6, 2) << 6)


class Grade(StrEnum):
    """The three classes of quality."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class Kind(StrEnum):
    """What sort of value a property holds."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"
    ENUM = "enum"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """A half-open span of time, `start <= t < end`, both aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise Invalid("A time range needs times with a zone.", hint="Write 2026-01-31T08:00:00Z.")
        if self.end < self.start:
            raise Invalid(
                f"The range ends ({self.end.isoformat()}) before it starts ({self.start.isoformat()}).",
                hint="Swap start and end.",
            )

    @property
    def span(self) -> timedelta:
        return self.end - self.start

    @classmethod
    def last(cls, span: timedelta, *, until: datetime | None = None) -> TimeRange:
        end = until or datetime.now(UTC)
        return cls(start=end - span, end=end)


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The word a person probably meant, for hints; None when nothing is close."""
    import difflib

    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return found[0] if found else None
