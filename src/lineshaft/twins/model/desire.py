"""What somebody wants a property to be, beside what its machine reports: desired and reported state.

    pending ──▶ acknowledged   the machine reports the value
       │  ├───▶ refused        the machine, its range, an interlock or a lost right says no
       │  ├───▶ timed_out      it ended without an acknowledgement; it is never written afterwards
       │  └───▶ withdrawn      nobody wants it any more
       └ overdue               no acknowledgement after a while: told once, and still pending

A series has one desire at a time: the newest. Each has a number above the one before; a withdrawal takes one too, so
that what is still on its way to a machine is never taken for a later desire.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind, PlantPath, Value
from lineshaft.security import Who

from .live import same
from .nodes import Point
from .types import Property


class Stage(StrEnum):
    """How far a desire is."""

    PENDING = "pending"
    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a desire waits: until it is overdue, and until it ends unwritten."""

    acknowledge: timedelta
    expires: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Desire:
    """What one series should be."""

    series: PlantPath
    path: PlantPath
    """The property as it was asked for."""
    number: int
    value: Value
    """As the machine takes it."""
    shown: Value
    """As people read it."""
    by: Who
    asked_us: int
    alarm_us: int
    """When it is overdue."""
    expires_us: int
    stage: Stage = Stage.PENDING
    stage_us: int = 0
    """Since when."""
    attempts: int = 0
    sent_us: int = 0
    """When a machine took it without an error; 0 for never."""
    reported: Value | None = None
    """What the machine reported last about it, as people read it."""
    message: str = ""
    """Why it is not acknowledged."""

    def overdue(self, now_us: int) -> bool:
        """Whether its acknowledgement is late."""
        return self.stage is Stage.PENDING and now_us >= self.alarm_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Settable:
    """A property that can be set: what it is, what it should be, and what it is now."""

    point: Point
    desire: Desire | None
    reported: Value | None
    """What the machine says now, as people read it; None when nobody knows."""

    @property
    def delta(self) -> bool:
        """Whether what is reported differs from what is desired."""
        wanted = self.desire
        return wanted is not None and wanted.stage is not Stage.REFUSED and not same(self.reported, wanted.shown)


def meant(prop: Property, path: str, value: Value) -> Value:
    """A value as the machine takes it: enumerations by their number; Invalid says what may be set."""
    if prop.kind is Kind.ENUM and prop.values:
        return _member(prop, path, value)
    if prop.kind is Kind.TEXT:
        return str(value)
    if isinstance(value, str):
        raise Invalid(f"{path} takes {_kind(prop)}, not {value!r}.")
    if prop.kind is Kind.BOOLEAN:
        if value not in (0, 1):
            raise Invalid(f"{path} takes true or false, not {value!r}.")
        return bool(value)
    return _number(prop, path, value)


def _number(prop: Property, path: str, value: float) -> Value:
    if isinstance(value, bool) or not math.isfinite(value):
        raise Invalid(f"{path} takes {_kind(prop)}, not {value!r}.")
    if prop.kind is Kind.INTEGER and not float(value).is_integer():
        raise Invalid(f"{path} takes a whole number, not {value:g}.")
    if prop.outside(value):
        raise Invalid(f"{value:g} is outside what {path} may be.", hint=_range(prop))
    return int(value) if prop.kind is Kind.INTEGER else value


def _member(prop: Property, path: str, value: Value) -> int:
    if isinstance(value, str):
        if value in prop.values:
            return prop.values.index(value)
    elif not isinstance(value, bool) and float(value).is_integer() and 0 <= value < len(prop.values):
        return int(value)
    raise Invalid(f"{path} cannot be {value!r}.", hint=f"It can be: {', '.join(prop.values)}.")


def _kind(prop: Property) -> str:
    return {Kind.BOOLEAN: "true or false", Kind.INTEGER: "a whole number"}.get(prop.kind, "a number")


def _range(prop: Property) -> str:
    low = "any" if prop.low is None else f"{prop.low:g}"
    high = "any" if prop.high is None else f"{prop.high:g}"
    return f"Give a value from {low} to {high} {prop.unit}".rstrip() + "."


def told(desire: Desire | None) -> Mapping[str, Value] | None:
    """A desire as the audit log keeps it."""
    return None if desire is None else {"value": desire.shown, "number": desire.number, "by": desire.by.name}
