"""Reads a recording (CSV or Parquet) so that it can be played as a machine.

The time column is found by its type or name; every numeric column becomes a value. Time moves to now:
a recording of last spring plays as if it happened today, at its own pace or faster, and starts again at its end.
"""

from __future__ import annotations

import asyncio
import csv
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath

_TIME_NAMES = ("datetime", "timestamp", "time", "date", "ts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Columns of a recording: `ts` in µs, ascending, and one row of `values` per column name."""

    name: str
    columns: tuple[str, ...]
    ts: NDArray[np.int64]
    values: NDArray[np.float64]
    """Shape (columns, rows)."""

    async def play(self, show: Callable[[dict[str, float], int], Awaitable[None]], *, speed: float = 1.0) -> None:
        """Call `show(values, ts_us)` for every row at its moment, for ever; NaN cells are left out."""
        loop = asyncio.get_running_loop()
        while True:
            began, offset = loop.time(), self.ts - self.ts[0]
            for row, passed in enumerate(offset):
                due = began + passed / 1e6 / speed
                if (pause := due - loop.time()) > 0:
                    await asyncio.sleep(pause)
                cells = self.values[:, row]
                await show({n: float(v) for n, v in zip(self.columns, cells, strict=True) if not np.isnan(v)}, now_us())
            await asyncio.sleep(1.0 / speed)

    async def rows(self) -> AsyncIterator[tuple[int, dict[str, float]]]:
        """Every row as (µs, values), again and again, its time moving on; for those who keep the pace themselves."""
        length = int(self.ts[-1] - self.ts[0]) + 1_000_000
        for turn in itertools.count():
            for row, ts in enumerate(self.ts):
                cells = self.values[:, row]
                yield (
                    int(ts) + turn * length,
                    {n: float(v) for n, v in zip(self.columns, cells, strict=True) if not np.isnan(v)},
                )


def load(file: Path) -> Recording:
    """Read a recording; Invalid says what is missing."""
    if not file.is_file():
        raise Invalid(f"There is no file {file}.", hint="Give a CSV or Parquet file with a time column.")
    try:
        table = pyarrow.parquet.read_table(file) if file.suffix == ".parquet" else _read_csv(file)
    except (pa.ArrowInvalid, csv.Error, UnicodeDecodeError) as error:
        raise Invalid(
            f"{file.name} cannot be read: {error}.", hint="Is it CSV with a header line, or Parquet?"
        ) from error
    time_name = _time_column(table, file)
    ts = _micros(table.column(time_name), file)
    order = np.argsort(ts, kind="stable")
    numeric = [f.name for f in table.schema if f.name != time_name and _is_number(f.type)]
    if not numeric or len(order) < 2:
        raise Invalid(
            f"{file.name} holds no numbers over time.", hint="A recording needs two rows and one numeric column."
        )
    values = np.array([table.column(n).cast(pa.float64()).to_numpy()[order] for n in numeric])
    names = tuple(str(PlantPath.clean(n)).replace("/", "-") for n in numeric)
    return Recording(name=str(PlantPath.clean(file.stem)), columns=names, ts=ts[order], values=values)


def _read_csv(file: Path) -> pa.Table:
    with file.open(encoding="utf-8-sig") as lines:
        delimiter = csv.Sniffer().sniff(lines.readline(), delimiters=",;\t|").delimiter
    return pyarrow.csv.read_csv(file, parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter))


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
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        seconds = column.cast(pa.float64()).to_numpy()
        scaled: NDArray[np.int64] = (seconds * (1e3 if np.nanmax(seconds) > 1e11 else 1e6)).astype(np.int64)
        return scaled
    try:
        moment = column if pa.types.is_timestamp(column.type) else pc.strptime(column, "%Y-%m-%d %H:%M:%S", "us")
        micros: NDArray[np.int64] = moment.cast(pa.timestamp("us", tz=moment.type.tz)).cast(pa.int64()).to_numpy()
        return micros
    except pa.ArrowInvalid as error:
        raise Invalid(f"The times of {file.name} cannot be read.", hint="Write 2026-01-31 08:00:00.") from error


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind))
