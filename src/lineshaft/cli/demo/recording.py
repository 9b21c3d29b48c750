"""Reads a recording (CSV or Parquet) so that it can be played as a machine.

The time column is found by its type or name; every numeric column with a name becomes a value. Time moves to now:
a recording of last spring plays as if it happened today, at its own pace or faster, and starts again at its end.
"""

from __future__ import annotations

import asyncio
import csv
import itertools
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath

Show: TypeAlias = Callable[[dict[str, float], int], Awaitable[None]]
"""Makes values the machine's present ones; their time is in µs."""

_TIME_NAMES = ("datetime", "timestamp", "time", "date", "ts")
_PER_US = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (np.inf, 1e-3))
"""Numbers below each bound, times this, are µs: seconds, milliseconds, microseconds, nanoseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Columns of a recording: `ts` in µs, ascending, and one row of `values` per column name."""

    name: str
    columns: tuple[str, ...]
    ts: NDArray[np.int64]
    values: NDArray[np.float64]
    """Shape (columns, rows)."""

    @property
    def step_s(self) -> float:
        """Seconds between two rows, as a rule."""
        return float(np.median(np.diff(self.ts))) / 1e6

    def rows(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Every row as µs after the first one, and its values; empty cells are left out."""
        for passed, cells in zip(self.ts - self.ts[0], self.values.T, strict=True):
            yield int(passed), {n: float(v) for n, v in zip(self.columns, cells, strict=True) if not np.isnan(v)}

    async def play(self, show: Show, *, speed: float = 1.0, turns: int | None = None) -> None:
        """Show every row at its moment, from now on, that many times over; for ever without a number."""
        loop = asyncio.get_running_loop()
        for _ in itertools.count() if turns is None else range(turns):
            began, began_us = loop.time(), now_us()
            for passed_us, values in self.rows():
                if (pause := began + passed_us / 1e6 / speed - loop.time()) > 0:
                    await asyncio.sleep(pause)
                await show(values, began_us + round(passed_us / speed))
            await asyncio.sleep(self.step_s / speed)


def load(file: Path) -> Recording:
    """Read a recording; Invalid says what is missing."""
    table = _read(file)
    time_name = _time_column(table, file)
    ts = _micros(table.column(time_name), file)
    order = np.argsort(ts, kind="stable")
    numeric = [n for n, f in enumerate(table.schema) if f.name not in ("", time_name) and _is_number(f.type)]
    if not numeric or len(order) < 2:
        raise Invalid(
            f"{file.name} holds no numbers over time.", hint="A recording needs two rows and one numeric column."
        )
    columns = _names([table.schema.field(n).name for n in numeric], file)
    values = np.array([table.column(n).cast(pa.float64()).to_numpy()[order] for n in numeric])
    return Recording(name=_plain(file.stem), columns=columns, ts=ts[order], values=values)


def _read(file: Path) -> pa.Table:
    if not file.is_file():
        raise Invalid(f"There is no file {file}.", hint="Give a CSV or Parquet file with a time column.")
    try:
        return pyarrow.parquet.read_table(file) if file.suffix == ".parquet" else _read_csv(file)
    except (pa.ArrowInvalid, csv.Error, UnicodeDecodeError, OSError) as error:
        why = ((error.strerror if isinstance(error, OSError) else "") or str(error).splitlines()[0]).rstrip(".")
        raise Invalid(f"{file} cannot be read: {why}.", hint="Is it CSV with a header line, or Parquet?") from error


def _read_csv(file: Path) -> pa.Table:
    with file.open(encoding="utf-8-sig") as lines:
        delimiter = csv.Sniffer().sniff(lines.readline(), delimiters=",;\t|").delimiter
    return pyarrow.csv.read_csv(file, parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter))


def _names(numeric: Iterable[str], file: Path) -> tuple[str, ...]:
    """What the columns are called as values."""
    found: dict[str, str] = {}
    for column in numeric:
        name = _plain(column)
        if name in found:
            raise Invalid(
                f"Two columns of {file.name} would both be called {name!r}: {found[name]!r} and {column!r}.",
                hint="Rename one of them.",
            )
        found[name] = column
    return tuple(found)


def _plain(text: str) -> str:
    """A name every protocol can carry: letters, digits and a few signs."""
    return str(PlantPath.clean(re.sub(r"[^\w%°]+", "-", text))) or "unnamed"


def _time_column(table: pa.Table, file: Path) -> str:
    typed = [f.name for f in table.schema if pa.types.is_timestamp(f.type)]
    named = [f.name for f in table.schema if f.name.lower() in _TIME_NAMES]
    found = [*typed, *named]
    if not found:
        raise Invalid(
            f"{file.name} has no time column.", hint=f"Name one of its columns {' or '.join(_TIME_NAMES[:3])}."
        )
    return str(found[0])


def _micros(column: pa.ChunkedArray, file: Path) -> NDArray[np.int64]:
    unreadable = Invalid(f"The times of {file.name} cannot be read.", hint="Write 2026-01-31 08:00:00 in every row.")
    if column.null_count:
        raise unreadable
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return _scaled(column.cast(pa.float64()).to_numpy())
    try:
        moment = pc.strptime(column, "%Y-%m-%d %H:%M:%S", "us") if pa.types.is_string(column.type) else column
        if not pa.types.is_timestamp(moment.type):
            moment = moment.cast(pa.timestamp("us"))
        whole = moment.cast(pa.timestamp("us", tz=moment.type.tz), safe=False)
        micros: NDArray[np.int64] = whole.cast(pa.int64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise unreadable from error
    return micros


def _scaled(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Seconds, or what their size says they are, as µs."""
    size = float(np.max(np.abs(numbers), initial=0.0))
    factor = next(factor for bound, factor in _PER_US if size < bound)
    return np.rint(numbers * factor).astype(np.int64)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))
