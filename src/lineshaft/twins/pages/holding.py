"""Carries values that are told only when they change over the edges of a chart.

A value stands until the next one, so a curve begins with the sample from before the span and goes on to its end.
Where that sample is bad, as after a lost connection, nothing stands and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lineshaft.console import Curve
from lineshaft.kernel.clock import from_us, now_us, to_us
from lineshaft.kernel.terms import TimeRange
from lineshaft.security import Who
from lineshaft.telemetry import Grades, Historian, Selection

_NEAR = 50
"""The part of a span within which a curve reaches an edge by itself."""
_Sample = tuple[int, float]


async def held(
    who: Who, historian: Historian, curves: Mapping[str, Curve], paths: Sequence[str], span: TimeRange
) -> dict[str, Curve]:
    """The curves of some series with what stood before the span and what stands at its end."""
    start, end = to_us(span.start), min(to_us(span.end), now_us())
    near = (end - start) // _NEAR
    times = {path: np.asarray(curve.ts, dtype=np.int64) for path, curve in curves.items()}
    begins = [path for path in paths if path not in times or times[path][0] > start + near]
    stops = [path for path in paths if path not in times or times[path][-1] < end - near]
    before, after = [await _stood(who, historian, *asked) for asked in ((begins, start), (stops, end))]
    found: dict[str, Curve] = {}
    for path in paths:
        left = [before[path]] if path in before else []
        right = [(end, after[path][1])] if path in after else []
        if path in curves or left:
            found[path] = _framed(curves.get(path), left, right)
    return found


async def _stood(who: Who, historian: Historian, paths: Sequence[str], at: int) -> dict[str, _Sample]:
    """The usable numbers that stood at a moment, with their times in µs."""
    if not paths:
        return {}
    table = (await historian.standing(who, Selection.of(*paths), from_us(at))).table
    rows = table.set_column(1, "ts", table["ts"].cast("int64")).to_pylist()
    usable = (r for r in rows if r["number"] is not None and r["quality"] < Grades.USABLE.below)
    return {row["path"]: (row["ts"], row["number"]) for row in usable}


def _framed(curve: Curve | None, left: Sequence[_Sample], right: Sequence[_Sample]) -> Curve:
    """A curve with a sample at either side, where there is one."""

    def column(values: object, n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        own = np.asarray([] if values is None else values, dtype=np.float64)
        return np.concatenate([[one[n] for one in left], own, [one[n] for one in right]])

    if curve is None:
        return Curve(ts=column(None, 0).astype(np.int64), mean=column(None, 1))
    ts = np.concatenate([[t for t, _ in left], np.asarray(curve.ts), [t for t, _ in right]]).astype(np.int64)
    return Curve(ts=ts, mean=column(curve.mean, 1), low=column(curve.low, 1), high=column(curve.high, 1))
