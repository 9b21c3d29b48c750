"""What travels over HTTP: twins, changes, values as bodies."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime

from pydantic import BaseModel

from lineshaft.kernel.clock import from_us
from lineshaft.kernel.terms import Kind, Value
from lineshaft.twins.model import (
    Activity,
    Brief,
    Change,
    Condition,
    Counts,
    Deed,
    Draft,
    Found,
    Level,
    Point,
    PointState,
    Property,
    Running,
    Step,
    Trouble,
    Twin,
    TwinState,
    Words,
)


class PropertyOut(BaseModel):
    """A property at its place."""

    name: str
    path: str
    series: str
    own: bool
    title: Words
    kind: Kind
    unit: str
    low: float | None
    high: float | None
    values: tuple[str, ...]
    writable: bool
    interlock: str
    description: Words

    @classmethod
    def of(cls, point: Point) -> PropertyOut:
        said = {k: v for k, v in asdict(point.property).items() if k in cls.model_fields}
        return cls(path=point.path, series=point.series, own=point.own, **said)


class TwinOut(BaseModel):
    """A twin: what people said about it, and what follows."""

    id: str
    path: str
    version: int
    changed_at: datetime
    changed_by: str
    children: int
    icon: str
    draft: Draft
    properties: list[PropertyOut]

    @classmethod
    def of(cls, twin: Twin) -> TwinOut:
        return cls(
            id=twin.id,
            path=twin.path,
            version=twin.version,
            changed_at=from_us(twin.changed_us),
            changed_by=twin.changed_by,
            children=twin.children,
            icon=twin.icon,
            draft=twin.draft,
            properties=[PropertyOut.of(p) for p in twin.points],
        )


class Changes(BaseModel):
    """What should be different; what is left out stays."""

    level: Level | None = None
    title: Words | None = None
    description: Words | None = None
    type: str | None = None
    icon: str | None = None
    properties: tuple[Property, ...] | None = None
    without: tuple[str, ...] | None = None
    bindings: dict[str, str] | None = None
    running: Running | None = None

    def on(self, draft: Draft) -> Draft:
        said = {name: getattr(self, name) for name in self.model_fields_set}
        return replace(draft, **{k: v for k, v in said.items() if v is not None or k == "running"})


class Move(BaseModel):
    """Where a twin should go."""

    path: str
    to: str
    version: int | None = None


class FromTemplate(BaseModel):
    """A machine of a type."""

    template: str
    path: str
    title: Words = {}


class ChangeOut(BaseModel):
    """One change of the tree."""

    id: str
    at: datetime
    by: str
    deed: Deed
    path: str
    twins: int
    undone: bool
    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, change: Change) -> ChangeOut:
        names = ("id", "by", "deed", "path", "twins", "undone", "steps")
        return cls(at=from_us(change.at_us), **{name: getattr(change, name) for name in names})


class ValueOut(BaseModel):
    """A property now. Without any value yet `ts`, `age_s` and `quality` are null."""

    name: str
    path: str
    series: str
    value: Value | None
    number: float | None
    unit: str
    ts: datetime | None
    age_s: float | None
    quality: str | None
    quality_code: int | None
    stale: bool
    out_of_range: bool
    trouble: Trouble | None

    @classmethod
    def of(cls, state: PointState) -> ValueOut:
        point = state.point
        return cls(
            name=point.property.name,
            path=point.path,
            series=point.series,
            value=state.value,
            number=state.number,
            unit=point.property.unit,
            ts=state.ts,
            age_s=state.age_s,
            quality=state.grade,
            quality_code=None if state.quality is None else int(state.quality),
            stale=state.stale,
            out_of_range=state.out_of_range,
            trouble=state.trouble,
        )


class StateOut(BaseModel):
    """A twin now."""

    path: str
    at: datetime
    activity: str
    condition: Condition
    trouble: Trouble | None
    values: list[ValueOut]

    @classmethod
    def of(cls, now: TwinState) -> StateOut:
        names = ("path", "at", "activity", "condition", "trouble")
        return cls(values=[ValueOut.of(p) for p in now.points], **{name: getattr(now, name) for name in names})


class BriefOut(BaseModel):
    """A machine in short."""

    path: str
    title: Words
    level: Level
    type: str
    icon: str
    activity: Activity
    condition: Condition
    trouble: Trouble | None
    counts: Counts
    leading: ValueOut | None
    """The value that says most about it."""

    @classmethod
    def of(cls, brief: Brief) -> BriefOut:
        said = {name: getattr(brief, name) for name in cls.model_fields if name != "leading"}
        return cls(leading=None if brief.leading is None else ValueOut.of(brief.leading), **said)


class Ask(BaseModel):
    """Series to propose a place for; without any, all unplaced ones below `under`."""

    series: list[Found] | None = None
    under: str = ""


class Paths(BaseModel):
    """Some series."""

    paths: list[str]
    declined: bool = True
