"""What no machine can mean: times before 2000 or a day ahead, numbers that are none, endless texts.

    time     the arrival, as UNCERTAIN_TIME
    number   none, as BAD_NO_DATA unless there is a text
    text     none, as BAD_OUT_OF_RANGE: one message of the bus could not carry it

So one machine's fault is nobody else's loss. Each is named by its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lineshaft.edge.connectors import Problem, Readings
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.terms import PlantPath, Quality

MOST_TEXT = 250_000
"""Characters of one value; a megabyte at most, which every message bus takes."""
_Y2000_US = 946_684_800_000_000
_AHEAD_US = 86_400_000_000
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which JSON can spell and UTF-8 cannot carry."""
Rows = NDArray[np.bool_]


def sieved(readings: Readings) -> tuple[Readings, list[Problem]]:
    """The readings as they may be sent, and what was wrong with them."""
    problems: list[Problem] = []
    for sieve in (_times, _numbers, _halves, _texts):
        readings, found = sieve(readings)
        problems += found
    return readings, problems


def _times(r: Readings) -> tuple[Readings, Iterator[Problem]]:
    now = now_us()
    odd: Rows = (r.ts < _Y2000_US) | (r.ts > now + _AHEAD_US)
    if not odd.any():
        return r, iter(())
    message, hint = "Its source time cannot be believed; the arrival time is used.", "Set the machine's clock."
    mended = replace(r, ts=np.where(odd, now, r.ts), quality=_worse(r.quality, odd, Quality.UNCERTAIN_TIME))
    return mended, _problems(r, odd & (r.quality < Quality.BAD), message, hint)


def _numbers(r: Readings) -> tuple[Readings, Iterator[Problem]]:
    odd: Rows = ~np.isfinite(r.number)
    if r.text is not None and odd.any():
        odd &= np.fromiter((text is None for text in r.text), bool, len(r))
    claimed = odd & (r.quality < Quality.BAD)
    if not claimed.any() and not np.isinf(r.number).any():
        return r, iter(())
    number = np.where(np.isfinite(r.number), r.number, np.nan)
    mended = replace(r, number=number, quality=_worse(r.quality, claimed, Quality.BAD_NO_DATA))
    return mended, _problems(r, claimed, "It claims to be good and is not a number.", "Look at the machine.")


def _halves(r: Readings) -> tuple[Readings, Iterator[Problem]]:
    if r.text is None or not any(text is not None and _HALF.search(text) for text in r.text):
        return r, iter(())
    text = [None if told is None else told.encode("utf-8", "replace").decode() for told in r.text]
    return replace(r, text=text), iter(())


def _texts(r: Readings) -> tuple[Readings, Iterator[Problem]]:
    if r.text is None or not any(text is not None and len(text) > MOST_TEXT for text in r.text):
        return r, iter(())
    long: Rows = np.fromiter((text is not None and len(text) > MOST_TEXT for text in r.text), bool, len(r))
    text = [None if too_long else told for told, too_long in zip(r.text, long, strict=True)]
    message = f"A text of more than {MOST_TEXT:,} characters was left out."
    mended = replace(r, text=text, quality=_worse(r.quality, long, Quality.BAD_OUT_OF_RANGE))
    return mended, _problems(r, long, message, "Read a part of it, or a link to it.")


def _worse(quality: NDArray[np.uint8], rows: Rows, than: Quality) -> NDArray[np.uint8]:
    return np.where(rows & (quality < than), np.uint8(than), quality)


def _problems(r: Readings, rows: Rows, message: str, hint: str) -> Iterator[Problem]:
    for at in np.unique(r.index[rows]).tolist():
        yield Problem(path=PlantPath(r.paths[at]), message=message, hint=hint)
