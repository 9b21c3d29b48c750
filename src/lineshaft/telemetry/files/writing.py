"""Writes tables as CSV, Parquet or Arrow, at once or as a stream of bounded memory."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from lineshaft.kernel.tasks import in_thread

RAW = pa.schema(
    [
        ("path", pa.utf8()),
        ("ts", pa.timestamp("us", "UTC")),
        ("number", pa.float64()),
        ("text", pa.utf8()),
        ("quality", pa.uint8()),
    ]
)
"""Raw rows as they leave, and as imports read them."""


class Format(StrEnum):
    """How a table leaves."""

    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"

    @property
    def media_type(self) -> str:
        return {
            "csv": "text/csv; charset=utf-8",
            "parquet": "application/vnd.apache.parquet",
            "arrow": "application/vnd.apache.arrow.stream",
        }[self.value]


class _Drain(io.RawIOBase):
    """A file that only remembers what was written since it was last emptied."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(self._pieces[-1])

    def empty(self) -> bytes:
        body, self._pieces = b"".join(self._pieces), []
        return body


async def streamed(tables: AsyncIterator[pa.Table], schema: pa.Schema, kind: Format) -> AsyncIterator[bytes]:
    """The bytes of one file made of many tables; never holds more than one of them."""
    drain = _Drain()
    schema = _plain(schema)
    with pa.PythonFile(drain, mode="w") as sink:
        writer = await in_thread(_writer, sink, schema, kind)
        async for table in tables:
            await in_thread(writer.write_table, table.cast(schema))
            if body := drain.empty():
                yield body
        await in_thread(writer.close)
    yield drain.empty()


def encoded(table: pa.Table, kind: Format) -> bytes:
    """The bytes of one table."""
    drain = _Drain()
    plain = table.cast(_plain(table.schema))
    with pa.PythonFile(drain, mode="w") as sink, _writer(sink, plain.schema, kind) as writer:
        writer.write_table(plain)
    return drain.empty()


def _writer(sink: pa.NativeFile, schema: pa.Schema, kind: Format) -> Any:
    match kind:
        case Format.CSV:
            return pyarrow.csv.CSVWriter(sink, schema)
        case Format.PARQUET:
            return pyarrow.parquet.ParquetWriter(sink, schema, compression="zstd")
        case Format.ARROW:
            return pa.ipc.new_stream(sink, schema)


def _plain(schema: pa.Schema) -> pa.Schema:
    """Paths as plain text: every program reads that, and Parquet makes its own dictionaries."""
    return pa.schema(
        [f.with_type(f.type.value_type) if pa.types.is_dictionary(f.type) else f for f in schema],
        metadata=schema.metadata,
    )
