"""Two courses in numbers: how far one lies from the other, where both are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The second course less the first; `largest` is the difference of the greatest size, at `largest_us`."""

    mean_first: float
    mean_second: float
    mean: float
    largest: float
    largest_us: int
    last: float


def difference(ts_us: NDArray[np.int64], first: Floats, second: Floats) -> Difference | None:
    """How the second differs from the first over the instants at which both are known; None without any."""
    known = np.isfinite(first) & np.isfinite(second)
    if not known.any():
        return None
    a, b, ts = first[known], second[known], ts_us[known]
    apart = b - a
    at = int(np.argmax(np.abs(apart)))
    return Difference(
        mean_first=float(a.mean()),
        mean_second=float(b.mean()),
        mean=float(apart.mean()),
        largest=float(apart[at]),
        largest_us=int(ts[at]),
        last=float(apart[-1]),
    )


def held(ts_us: NDArray[np.int64], values: Floats, at_us: NDArray[np.int64]) -> Floats:
    """A course at other instants: a value holds until the next one; NaN outside of the course."""
    if not len(ts_us):
        return np.full(len(at_us), np.nan)
    index = np.searchsorted(ts_us, at_us, side="right") - 1
    step = int(ts_us[1] - ts_us[0]) if len(ts_us) > 1 else 1
    inside = (index >= 0) & (at_us < ts_us[-1] + step)
    return np.where(inside, values[np.clip(index, 0, None)], np.nan)
