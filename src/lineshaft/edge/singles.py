"""Single-precision numbers as the decimals they stand for.

A machine that holds 23.45 as a 32-bit float means 23.45. Widened bit by bit it becomes 23.450000762939453,
which nobody wants to read and which takes twice the room on disk. The decimal with the fewest digits that
rounds to the same single (Steele and White 1990) says the same, and loses nothing: rounded to 32 bits it
is the number the machine holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST_SHIFT = 22
"""Powers of ten are exact in double precision up to here; beyond, numbers are widened as they are."""


def decimals(singles: NDArray[np.float32]) -> NDArray[np.float64]:
    """The shortest decimals that mean these singles, as doubles; NaN and infinities stay what they are."""
    with np.errstate(invalid="ignore"):  # a NaN that signals says so when it is widened
        wide = singles.astype(np.float64)
    open_ = np.flatnonzero(np.isfinite(wide) & (wide != np.rint(wide)))
    for digits in (6, 7, 8, 9):
        if not len(open_):
            break
        value = wide[open_]
        shift = digits - 1 - np.floor(np.log10(np.abs(value)))
        scale = 10.0 ** np.minimum(shift, _MOST_SHIFT)
        rounded = np.rint(value * scale) / scale
        same = (rounded.astype(np.float32) == singles[open_]) & (shift <= _MOST_SHIFT)
        wide[open_[same]] = rounded[same]
        open_ = open_[~same]
    return wide
