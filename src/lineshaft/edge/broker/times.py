"""Source times as devices write them: numbers in s, ms, us or ns, and ISO 8601 text."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from lineshaft.kernel.clock import to_us

EARLIEST_US = 946_684_800_000_000
"""2000-01-01: a device whose clock says less has not been set."""
_FACTOR = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}


def micros(raw: object, unit: str = "auto") -> int | None:
    """A source time as microseconds since 1970 UTC; None when it is no time at all.

    Text without a zone is UTC. With `auto` a number's size tells its unit, right for 1973 to 5138.
    """
    if isinstance(raw, str):
        return _from_text(raw, unit)
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return None
    if unit in {"auto", "iso"}:
        size = abs(raw)
        unit = "s" if size < 1e11 else "ms" if size < 1e14 else "us" if size < 1e17 else "ns"
    value = raw * _FACTOR[unit]
    return round(value) if abs(value) < 9.2e18 else None


def _from_text(raw: str, unit: str) -> int | None:
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        try:
            return micros(float(raw), unit)
        except ValueError:
            return None
    return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def believable(ts_us: int, received_us: int, max_ahead_us: int) -> bool:
    """Whether a source time may be taken as it is: after 2000 and not far in the future."""
    return EARLIEST_US <= ts_us <= received_us + max_ahead_us
