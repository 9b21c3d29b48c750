"""What one slot of a picture says now: whether it runs, what is the matter, a value and how full it is."""

from __future__ import annotations

from dataclasses import dataclass

from lineshaft.kernel.terms import Grade, Value

from .nodes import Point
from .picture import Binding
from .state import PointState, Trouble, TwinState
from .types import Activity, Running


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One slot now; without any value yet `known` is false."""

    known: bool = True
    activity: Activity = Activity.UNKNOWN
    """Of slots that tell whether something runs or is open."""
    trouble: Trouble | None = None
    value: Value | None = None
    number: float | None = None
    fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The values at which a bar is empty and full, and the normal range within them, from 0 to 1."""

    least: float
    most: float
    low: float | None = None
    high: float | None = None

    def fraction(self, number: float | None) -> float | None:
        """Where a number lies, cut at both ends, to a thousandth."""
        if number is None:
            return None
        return round(min(max((number - self.least) / (self.most - self.least), 0.0), 1.0), 3)


def span_of(binding: Binding, point: Point | None) -> Span | None:
    """From the binding, else per cent, else around the normal range of the property; None when nobody says."""
    prop = point.property if point else None
    low, high = (prop.low, prop.high) if prop else (None, None)
    whole = (0.0, 100.0) if prop and prop.unit == "%" else _around(low, high)
    least = binding.least if binding.least is not None else whole[0] if whole else None
    most = binding.most if binding.most is not None else whole[1] if whole else None
    if least is None or most is None or least >= most:
        return None
    bare = Span(least=least, most=most)
    return Span(least=least, most=most, low=bare.fraction(low), high=bare.fraction(high))


def _around(low: float | None, high: float | None) -> tuple[float, float] | None:
    if high is None:
        return None
    least = low if low is not None else min(0.0, high)
    return (least, high + (high - least) * 0.25) if high > least else None


def of_machine(state: TwinState) -> Reading:
    """A whole machine: whether it works, and the worst of its values."""
    known = any(p.grade is not None for p in state.points)
    return Reading(known=known, activity=state.activity, trouble=state.trouble)


def of_point(slot: str, state: PointState, span: Span | None, running: Running | None) -> Reading:
    """A property; `running` says how its machine shows that it works, when this is the property that tells."""
    if state.grade is None:
        return Reading(known=False)
    trouble = state.trouble
    if slot == "alarm" and trouble is None and state.number:
        trouble = Trouble.ALARM
    return Reading(
        activity=_activity(state, running),
        trouble=trouble,
        value=state.value,
        number=state.number,
        fraction=span.fraction(state.number) if span else None,
    )


def _activity(state: PointState, running: Running | None) -> Activity:
    if state.stale or state.grade is Grade.BAD:
        return Activity.UNKNOWN
    if running is not None and running.property == state.point.property.name:
        return running.judge(state.value)
    if state.number is None:
        return Activity.UNKNOWN
    return Activity.RUNNING if state.number > 0 else Activity.STOPPED
