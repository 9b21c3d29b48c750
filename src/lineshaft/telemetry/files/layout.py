"""What the columns of a file mean: one row per sample, or one column per series.

long    path,ts,value[,quality]               or path,ts,number,text[,quality], as exports are
wide    ts,<series>,<series>,…
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import available_timezones

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, nearest

_PATHS = ("path", "series", "tag", "name", "series_path")
_TIMES = ("ts", "time", "timestamp", "datetime", "date_time", "date", "_time")
_VALUES = ("value", "val", "_value")
_QUALITIES = ("quality", "q", "status")
_UNITS = ("auto", "s", "ms", "us", "ns")


class Shape(StrEnum):
    """How samples lie in a table."""

    AUTO = "auto"
    """Long when there is a column of paths, else wide."""
    LONG = "long"
    WIDE = "wide"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What somebody says about a file; what is left empty is found out from the column names."""

    shape: Shape = Shape.AUTO
    path: str = ""
    """Column of the paths (long)."""
    ts: str = ""
    """Column of the times."""
    value: str = ""
    """Column of the values (long)."""
    quality: str = ""
    """Column of the qualities (long): 0 to 255, or good, uncertain, bad."""
    prefix: str = ""
    """Put before every path that is not in `columns`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Paths of columns (wide). When given, other columns are left out."""
    zone: str = "UTC"
    """IANA zone of times that name none."""
    unit: str = "auto"
    """Unit of times that are numbers since 1970: s, ms, us, ns, or auto, by their size."""
    format: str = ""
    """How times are written when not as in ISO 8601, in the words of strptime: %d.%m.%Y %H:%M:%S."""
    delimiter: str = ""
    """Between the columns of a CSV file; found out when empty."""
    decimal: str = "."
    """The decimal mark of numbers: '.' or ','."""

    def __post_init__(self) -> None:
        if self.zone not in available_timezones():
            near = nearest(self.zone, available_timezones())
            raise Invalid(f"{self.zone!r} is not a time zone.", hint=f"Did you mean {near!r}?" if near else "")
        if self.unit not in _UNITS:
            raise Invalid(f"{self.unit!r} is not a unit of time.", hint=f"Use one of {', '.join(_UNITS)}.")
        if self.decimal not in {".", ","} or len(self.delimiter) > 1:
            raise Invalid("The decimal mark is '.' or ',', and the delimiter is one character.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which column is what, decided for one file."""

    ts: str
    path: str = ""
    """Empty for wide files."""
    values: tuple[str, ...]
    """One column of values (long), number and text (long, as exported), or the columns of the series (wide)."""
    paths: tuple[str, ...] = ()
    """The path of each column of a wide file."""
    quality: str = ""

    @property
    def used(self) -> tuple[str, ...]:
        """Every column that is read."""
        return tuple(c for c in (self.path, self.ts, *self.values, self.quality) if c)


def plan_for(names: Sequence[str], layout: Layout) -> Plan:
    """Decide what each column is, or raise Invalid naming the column that is missing."""
    ts = _column(names, layout.ts, _TIMES, "times")
    path = _find(names, layout.path, _PATHS)
    if layout.shape is Shape.LONG or (layout.shape is Shape.AUTO and path):
        return _long(names, layout, ts, _column(names, layout.path, _PATHS, "paths"))
    wanted = layout.columns or {name: _made(layout.prefix, name) for name in names if name != ts}
    for name in wanted:
        _column(names, name, (), "values")
    paths = tuple(PlantPath.parse(path) for path in wanted.values())
    if len(set(paths)) != len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise Invalid(f"Two columns would become {twice}.", hint="Give the paths of the columns.")
    return Plan(ts=ts, values=tuple(wanted), paths=paths)


def _long(names: Sequence[str], layout: Layout, ts: str, path: str) -> Plan:
    exported = not layout.value and not _find(names, "", _VALUES) and "number" in names
    if exported:
        values = ("number", "text") if "text" in names else ("number",)
    else:
        values = (_column(names, layout.value, _VALUES, "values"),)
    return Plan(ts=ts, path=path, values=values, quality=_find(names, layout.quality, _QUALITIES))


def _made(prefix: str, name: str) -> str:
    return PlantPath.clean(prefix, name.replace("/", "-") if prefix else name)


def _find(names: Sequence[str], told: str, usual: Sequence[str]) -> str:
    if told:
        return told if told in names else ""
    lowered = {name.strip().lower(): name for name in names}
    return next((lowered[name] for name in usual if name in lowered), "")


def _column(names: Sequence[str], told: str, usual: Sequence[str], what: str) -> str:
    found = _find(names, told, usual)
    if not found:
        near = nearest(told, names) if told else None
        raise Invalid(
            f"The file has no column {told!r}." if told else f"No column of the file seems to hold the {what}.",
            hint=f"Did you mean {near!r}?" if near else f"Name one of its columns: {', '.join(names[:20])}.",
        )
    return found
