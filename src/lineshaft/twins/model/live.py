"""A value asked for now: what it is, how old, and whether the machine or the twin says so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lineshaft.kernel.terms import PlantPath, Quality, Value


class Source(StrEnum):
    """Who says a value."""

    LIVE = "live"
    """The machine, asked for it just now."""
    TWIN = "twin"
    """The twin: what the machine told last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One value of a property. From the twin `message` tells why the machine did not answer."""

    path: PlantPath
    source: Source
    value: Value | None
    """As people read it: an enumeration by its name."""
    unit: str
    ts: datetime | None
    age_s: float | None
    quality: Quality | None
    message: str = ""


def same(reported: Value | None, wanted: Value) -> bool:
    """Whether a machine reports what is wanted; numbers to the precision of a 32-bit float."""
    if reported is None or isinstance(reported, str) or isinstance(wanted, str):
        return reported == wanted
    return math.isclose(reported, wanted, rel_tol=1e-6, abs_tol=1e-9)
