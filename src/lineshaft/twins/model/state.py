"""How things are now: the value of every property, what is wrong with it, and a whole plant in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from lineshaft.kernel.terms import Grade, Kind, PlantPath, Quality, Value

from .nodes import Level, Point
from .types import Activity, Running, Words


class Trouble(StrEnum):
    """What may be wrong with a value, worst first."""

    ALARM = "alarm"
    """The machine says that it has a fault."""
    LOST = "lost"
    """The connection to the machine is lost."""
    BAD = "bad"
    """The machine says that the value is bad."""
    RANGE = "range"
    """The value is out of its normal range."""
    STALE = "stale"
    """Nothing has been heard for too long."""
    UNCERTAIN = "uncertain"
    """The machine is not sure of the value."""

    @property
    def severity(self) -> int:
        """6 is worst."""
        return _SEVERITY[self]


_SEVERITY = {trouble: 6 - i for i, trouble in enumerate(Trouble)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The newest value of a series, as telemetry tells it."""

    ts: datetime
    value: Value | None
    quality: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class PointState:
    """One property now. Without any value yet `ts`, `age_s` and `quality` are None."""

    point: Point
    value: Value | None = None
    """As people read it: an enumeration by its name."""
    number: float | None = None
    """The same as a number, for lines and gauges."""
    ts: datetime | None = None
    age_s: float | None = None
    quality: Quality | None = None
    stale: bool = False
    out_of_range: bool = False
    trouble: Trouble | None = None

    @property
    def grade(self) -> Grade | None:
        return None if self.quality is None else self.quality.grade


class Condition(StrEnum):
    """A machine in one word, what needs attention first."""

    ATTENTION = "attention"
    RUNNING = "running"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinState:
    """A twin now: each property, and all of them in one word."""

    path: PlantPath
    at: datetime
    activity: Activity
    points: tuple[PointState, ...]

    @property
    def trouble(self) -> Trouble | None:
        """The worst of its properties."""
        return worst(p.trouble for p in self.points)

    @property
    def condition(self) -> Condition:
        return condition_of(self.activity, self.trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Values of a subtree by how far they may be trusted; each is counted once, `waiting` ones have no value yet."""

    good: int = 0
    uncertain: int = 0
    bad: int = 0
    stale: int = 0
    waiting: int = 0
    out_of_range: int = 0
    """Also counted among the others."""

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            good=self.good + other.good,
            uncertain=self.uncertain + other.uncertain,
            bad=self.bad + other.bad,
            stale=self.stale + other.stale,
            waiting=self.waiting + other.waiting,
            out_of_range=self.out_of_range + other.out_of_range,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A twin with values, in short: for tiles, lists and sums."""

    path: PlantPath
    title: Words
    level: Level
    type: str
    icon: str
    activity: Activity
    trouble: Trouble | None
    counts: Counts
    leading: PointState | None = None
    """The value that says most about it: its first measured quantity, where there is one."""

    @property
    def condition(self) -> Condition:
        return condition_of(self.activity, self.trouble)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """One reason to look at one twin: what is wrong, with which of its properties, since when."""

    path: PlantPath
    title: Words
    trouble: Trouble
    properties: tuple[str, ...]
    """Names of the properties concerned."""
    titles: tuple[Words, ...]
    """What these are called, in the same order."""
    values: tuple[Value | None, ...]
    """What they say now, as people read it, in the same order."""
    units: tuple[str, ...]
    """Their units, in the same order."""
    since: datetime | None
    """Source time of the oldest value concerned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A branch right below the place asked about: how many of its machines are in which condition."""

    path: PlantPath
    title: Words
    level: Level
    icon: str
    twins: int
    conditions: dict[Condition, int]
    counts: Counts
    trouble: Trouble | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A subtree now. `attention` is cut at what was asked for; `attention_all` says how many there are."""

    path: str
    at: datetime
    twins: int
    conditions: dict[Condition, int]
    counts: Counts
    groups: tuple[Group, ...]
    attention: tuple[Attention, ...]
    attention_all: int


_SILENT = (Quality.BAD_STALE, Quality.BAD_OUT_OF_SERVICE)
"""Nothing is wrong with the machine: nobody tells of it."""


def judge_point(
    point: Point, sample: Sample | None, now: datetime, stale_after_s: float, *, heard: datetime | None = None
) -> PointState:
    """What a newest sample says about a property.

    Machines that tell only what changes leave many values untouched for hours. So a value is stale when nothing
    at all has been heard from its machine (last at `heard`) for long enough, or when it has a patience of its own.
    """
    if sample is None:
        return PointState(point=point)
    prop = point.property
    age_s = max((now - sample.ts).total_seconds(), 0.0)
    silent_s = age_s if heard is None else max((now - heard).total_seconds(), 0.0)
    late = age_s > prop.stale_after_s if prop.stale_after_s is not None else silent_s > stale_after_s
    stale = sample.quality in _SILENT or late
    shown = prop.label(sample.value)
    outside = sample.quality is Quality.BAD_OUT_OF_RANGE or (
        sample.quality.grade is not Grade.BAD and prop.outside(sample.value)
    )
    return PointState(
        point=point,
        value=shown,
        number=None if sample.value is None or isinstance(sample.value, str) else float(sample.value),
        ts=sample.ts,
        age_s=age_s,
        quality=sample.quality,
        stale=stale,
        out_of_range=outside,
        trouble=_trouble(sample.quality, stale=stale, outside=outside, alarm=prop.alarm and bool(sample.value)),
    )


def _trouble(quality: Quality, *, stale: bool, outside: bool, alarm: bool) -> Trouble | None:
    if quality is Quality.BAD_NOT_CONNECTED:
        return Trouble.LOST
    if quality.grade is Grade.BAD and quality not in _SILENT and quality is not Quality.BAD_OUT_OF_RANGE:
        return Trouble.BAD
    if stale:
        return Trouble.STALE
    if alarm or outside:
        return Trouble.ALARM if alarm else Trouble.RANGE
    return Trouble.UNCERTAIN if quality.grade is Grade.UNCERTAIN else None


def activity_of(running: Running | None, points: Iterable[PointState]) -> tuple[Activity, tuple[PointState, ...]]:
    """Whether a twin works, and its properties with the fault marked at the one that tells it.

    Nobody knows when the value that tells it is missing, bad or stale.
    """
    known = tuple(points)
    told = next((p for p in known if running is not None and p.point.property.name == running.property), None)
    if running is None or told is None or told.stale or told.grade in (None, Grade.BAD):
        return Activity.UNKNOWN, known
    activity = running.judge(told.value)
    if activity is Activity.FAULTED:
        known = tuple(replace(p, trouble=Trouble.ALARM) if p is told else p for p in known)
    return activity, known


def worst(troubles: Iterable[Trouble | None]) -> Trouble | None:
    """The gravest of them, None when there is none."""
    return max((t for t in troubles if t is not None), key=lambda t: t.severity, default=None)


def condition_of(activity: Activity, trouble: Trouble | None) -> Condition:
    """Attention first; uncertain values alone do not call for it."""
    if trouble is not None and trouble is not Trouble.UNCERTAIN:
        return Condition.ATTENTION
    return Condition(activity.value)


def count(points: Sequence[PointState]) -> Counts:
    """How many values may be trusted."""
    tally = dict.fromkeys(("good", "uncertain", "bad", "stale", "waiting"), 0)
    for p in points:
        tally[_standing(p)] += 1
    return Counts(**tally, out_of_range=sum(p.out_of_range for p in points))


def leading(points: Iterable[PointState]) -> PointState | None:
    """The first measured quantity among them; without any, the first number, then the first value, that nobody sets."""
    known = [p for p in points if p.value is not None]
    numbers = [p for p in known if p.number is not None and p.point.property.kind is Kind.NUMBER]
    measured = (p for p in numbers if p.point.property.measured)
    given = (p for p in (*numbers, *known) if not p.point.property.writable)
    return next(measured, next(given, None))


def _standing(p: PointState) -> str:
    if p.grade is None:
        return "waiting"
    if p.trouble in (Trouble.LOST, Trouble.BAD):
        return "bad"
    return "stale" if p.stale else p.grade.value


def attention_of(brief: Brief, points: Iterable[PointState]) -> list[Attention]:
    """The reasons to look at a twin, one per kind of trouble, worst first."""
    by_trouble: dict[Trouble, list[PointState]] = {}
    for p in points:
        if p.trouble is not None:
            by_trouble.setdefault(p.trouble, []).append(p)
    return [
        Attention(
            path=brief.path,
            title=brief.title,
            trouble=trouble,
            properties=tuple(p.point.property.name for p in found),
            titles=tuple(p.point.property.title for p in found),
            values=tuple(p.value for p in found),
            units=tuple(p.point.property.unit for p in found),
            since=min((p.ts for p in found if p.ts is not None), default=None),
        )
        for trouble, found in sorted(by_trouble.items(), key=lambda item: -item[0].severity)
    ]
