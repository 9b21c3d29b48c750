"""The one place that asks what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime

MICROS = 1_000_000


def now() -> datetime:
    """The present moment, aware, UTC."""
    return datetime.now(UTC)


def now_us() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def to_us(moment: datetime) -> int:
    """An aware time as microseconds since 1970 UTC, exactly."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * MICROS + delta.microseconds


def from_us(micros: int) -> datetime:
    """The time of a number of microseconds since 1970 UTC."""
    seconds, rest = divmod(micros, MICROS)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
