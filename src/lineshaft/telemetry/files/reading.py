"""Reads a file block by block: each a batch of samples, and the rows that are none, with their line.

CSV is UTF-8 with a header and one line per row. Lines are counted from 1, the header included; rows of
Parquet are counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from lineshaft.edge import SampleBatch
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Quality
from lineshaft.telemetry.model import RowTrouble

from . import columns
from .layout import Layout, Plan, plan_for

BLOCK_BYTES = 4 << 20
BLOCK_ROWS = 50_000
_MAGIC = b"PAR1"
_LATEST_US = 4_291_747_200_000_000  # 2106: the store counts seconds in 32 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some rows of a file."""

    batch: SampleBatch
    rows: int
    bad: tuple[RowTrouble, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What a file holds, found by reading it once without keeping anything."""

    rows: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """A part of the table with the line of each row."""

    table: pa.RecordBatch
    lines: NDArray[np.int64]
    bad: tuple[RowTrouble, ...] = ()


@dataclass(slots=True)
class _Cells:
    """The columns of one block, grown piece by piece."""

    index: list[NDArray[np.int32]] = field(default_factory=list)
    ts: list[NDArray[np.int64]] = field(default_factory=list)
    number: list[NDArray[np.float64]] = field(default_factory=list)
    text: list[pa.Array] = field(default_factory=list)
    quality: list[NDArray[np.uint8]] = field(default_factory=list)

    def add(
        self,
        slots: NDArray[np.int32],
        ts: NDArray[np.int64],
        number: NDArray[np.float64],
        text: pa.Array,
        quality: NDArray[np.uint8],
    ) -> None:
        self.index.append(slots)
        self.ts.append(ts)
        self.number.append(number)
        self.text.append(text)
        self.quality.append(quality)

    def batch(self, paths: tuple[str, ...]) -> SampleBatch:
        text = pa.concat_arrays(self.text) if self.text else pa.nulls(0, pa.utf8())
        return SampleBatch(
            paths=paths,
            index=np.concatenate(self.index or [np.empty(0, np.int32)]),
            ts=np.concatenate(self.ts or [np.empty(0, np.int64)]),
            number=np.concatenate(self.number or [np.empty(0)]),
            quality=np.concatenate(self.quality or [np.empty(0, np.uint8)]),
            text=None if text.null_count == len(text) else text,
            history=True,
        )


def read_blocks(file: Path, layout: Layout) -> Iterator[Block]:
    """Read a CSV or Parquet file; raises Invalid when it is neither, or lacks a column."""
    for rows, plan in _open(file, layout):
        yield _wide(rows, plan, layout) if not plan.path else _long(rows, plan, layout)


def survey(file: Path, layout: Layout) -> Sheet:
    """Count the rows and name every path, so that permission is checked before anything is written."""
    count, paths = 0, dict[str, None]()
    for rows, plan in _open(file, layout):
        count += len(rows.lines) + len(rows.bad)
        if plan.path:
            found = _texts(rows.table.column(plan.path)).unique().to_pylist()
            paths |= dict.fromkeys(_placed(layout.prefix, text) for text in found if text)
        else:
            paths |= dict.fromkeys(plan.paths)
    return Sheet(rows=count, paths=tuple(path for path in paths if not _fault(path)))


def _open(file: Path, layout: Layout) -> Iterator[tuple[_Rows, Plan]]:
    with file.open("rb") as opened:
        magic = opened.read(4)
    try:
        yield from _parquet(file, layout) if magic == _MAGIC else _csv(file, layout)
    except pa.ArrowInvalid as error:
        raise Invalid(f"The file cannot be read: {error}.", hint="Give a CSV file in UTF-8, or Parquet.") from error


def _parquet(file: Path, layout: Layout) -> Iterator[tuple[_Rows, Plan]]:
    with pyarrow.parquet.ParquetFile(file) as source:
        plan = plan_for(source.schema_arrow.names, layout)
        first = 1
        for table in source.iter_batches(batch_size=BLOCK_ROWS, columns=list(plan.used)):
            yield _Rows(table, np.arange(first, first + len(table))), plan
            first += len(table)


def _csv(file: Path, layout: Layout) -> Iterator[tuple[_Rows, Plan]]:
    names, delimiter = _header(file, layout)
    plan = plan_for(names, layout)
    skipped: list[RowTrouble] = []

    def on_bad(row: pyarrow.csv.InvalidRow) -> str:
        message = f"The row has {row.actual_columns} columns instead of {row.expected_columns}."
        skipped.append(RowTrouble(line=row.number, message=message))
        return "skip"

    reader = pyarrow.csv.open_csv(
        file,
        read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=on_bad
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.utf8()), include_columns=list(plan.used)
        ),
    )
    line, told = 2, 0
    with reader:
        for table in reader:
            lines, bad = _lines(line, len(table), skipped, told)
            told += len(bad)
            line = int(lines[-1]) + 1 if len(lines) else line
            yield _Rows(table, lines, bad), plan
    if told < len(skipped):
        empty = pa.RecordBatch.from_pylist([], schema=pa.schema([(name, pa.utf8()) for name in plan.used]))
        yield _Rows(empty, np.empty(0, np.int64), tuple(skipped[told:])), plan


def _lines(
    first: int, rows: int, skipped: list[RowTrouble], told: int
) -> tuple[NDArray[np.int64], tuple[RowTrouble, ...]]:
    """The lines of the next `rows` good rows, and the bad ones among them (the reader looks further ahead)."""
    gaps = {bad.line for bad in skipped[told:]}
    lines = np.arange(first, first + rows + len(gaps))
    good = lines[~np.isin(lines, list(gaps))][:rows] if gaps else lines
    last = int(good[-1]) if len(good) else first
    return good, tuple(bad for bad in skipped[told:] if bad.line < last)


def _header(file: Path, layout: Layout) -> tuple[list[str], str]:
    with file.open("rb") as opened:
        raw = opened.readline(1 << 20)
    try:
        line = raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Invalid("The file is no text in UTF-8.", hint="Save it as CSV UTF-8, or give Parquet.") from error
    if not line.strip():
        raise Invalid("The file has no header line.", hint="The first line names the columns.")
    delimiter = layout.delimiter or max(",;\t|", key=line.count)
    try:
        table = pyarrow.csv.read_csv(
            pa.py_buffer(line.encode() + b"\n"), parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter)
        )
    except pa.ArrowInvalid as error:
        raise Invalid(f"The header line cannot be read: {error}.") from error
    names: list[str] = table.schema.names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Invalid(f"The file has two columns {twice!r}.", hint="Every column needs a name of its own.")
    return names, delimiter


def _wide(rows: _Rows, plan: Plan, layout: Layout) -> Block:
    table, bad = rows.table, list(rows.bad)
    ts, timed = _times(table.column(plan.ts), layout)
    cells, blank = _Cells(), _blank(table.column(plan.ts))
    for slot, name in enumerate(plan.values):
        number, text = columns.values(table.column(name), decimal=layout.decimal)
        told = _told(number, text)
        blank &= ~told
        good = np.flatnonzero(timed & told)
        slots, quality = np.full(len(good), slot, dtype=np.int32), np.zeros(len(good), dtype=np.uint8)
        cells.add(slots, ts[good], number[good], text.take(pa.array(good)), quality)
    bad += _bad(rows, ~timed & ~blank, table.column(plan.ts), "{!r} is not a time")
    return _block(rows, cells.batch(plan.paths), bad)


def _long(rows: _Rows, plan: Plan, layout: Layout) -> Block:
    table, bad = rows.table, list(rows.bad)
    ts, timed = _times(table.column(plan.ts), layout)
    number, text = columns.values(table.column(plan.values[0]), decimal=layout.decimal)
    if len(plan.values) == 2:
        text = pc.coalesce(text, _texts(table.column(plan.values[1])))
        text = pc.if_else(pc.equal(text, ""), None, text)
    quality = columns.qualities(table.column(plan.quality)) if plan.quality else np.zeros(len(table), dtype=np.int64)
    named = _texts(table.column(plan.path)).dictionary_encode()
    paths = [_placed(layout.prefix, name) for name in named.dictionary.to_pylist()]
    faults = np.array([_fault(path) != "" for path in paths], dtype=bool)
    slots = named.indices.fill_null(-1).to_numpy().astype(np.int32)
    placed = (slots >= 0) & ~(faults[slots] if len(faults) else np.zeros(len(slots), dtype=bool))
    told = _told(number, text) | (quality >= int(Quality.BAD))
    blank = _blank(table.column(plan.ts)) & _blank(table.column(plan.path)) & ~told
    bad += _bad(rows, ~placed & ~blank, table.column(plan.path), "{!r} is not a plant path")
    bad += _bad(rows, placed & ~timed, table.column(plan.ts), "{!r} is not a time")
    bad += _bad(rows, placed & timed & ~told, table.column(plan.values[0]), "the row has no value")
    if plan.quality:
        bad += _bad(rows, placed & timed & told & (quality < 0), table.column(plan.quality), "{!r} is not a quality")
    cells, good = _Cells(), np.flatnonzero(placed & timed & told & (quality >= 0))
    cells.add(slots[good], ts[good], number[good], text.take(pa.array(good)), quality[good].astype(np.uint8))
    return _block(rows, cells.batch(tuple(paths)), bad)


def _block(rows: _Rows, batch: SampleBatch, bad: list[RowTrouble]) -> Block:
    ordered = tuple(sorted(bad, key=lambda row: row.line))
    return Block(batch=batch, rows=len(rows.lines) + len(rows.bad), bad=ordered)


def _times(column: pa.Array, layout: Layout) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """µs since 1970, and where they are a time that can be stored."""
    found = columns.times(column, layout).cast(pa.int64())
    ts: NDArray[np.int64] = found.fill_null(-1).to_numpy()
    return ts, (ts >= 0) & (ts < _LATEST_US)


def _told(number: NDArray[np.float64], text: pa.Array) -> NDArray[np.bool_]:
    """Where there is a value."""
    told: NDArray[np.bool_] = ~np.isnan(number) | text.is_valid().to_numpy(zero_copy_only=False)
    return told


def _blank(column: pa.Array) -> NDArray[np.bool_]:
    """Where a cell is empty: a row of nothing but empty cells is passed over."""
    empty = pc.equal(pc.utf8_trim_whitespace(_texts(column)), "").fill_null(True)
    blank: NDArray[np.bool_] = np.array(empty.to_numpy(zero_copy_only=False))
    return blank


def _bad(rows: _Rows, where: NDArray[np.bool_], column: pa.Array, message: str) -> list[RowTrouble]:
    at = np.flatnonzero(where)
    cells = _texts(column.take(pa.array(at))).to_pylist()
    return [
        RowTrouble(line=int(line), message=message.format((cell or "")[:80]))
        for line, cell in zip(rows.lines[at], cells, strict=True)
    ]


def _texts(column: pa.Array) -> pa.Array:
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    return plain.cast(pa.utf8())


def _placed(prefix: str, name: str) -> str:
    return f"{prefix.rstrip('/')}/{name.strip()}" if prefix else name.strip()


def _fault(path: str) -> str:
    try:
        PlantPath.parse(path)
    except Invalid as error:
        return error.message
    return ""
