"""The sample batch, the platform's spine, and the health of connections.

Samples travel in Arrow record batches (IPC stream format, LZ4 or uncompressed), schema version 1:

    path     dictionary<int32, utf8>   PlantPath of the property
    ts       timestamp[us, UTC]        source time
    number   float64                   null where the value is text or absent; never NaN
    text     utf8                      strings, enumerations, JSON; null where the value is a number
    quality  uint8                     kernel.terms.Quality

    metadata  v=1, edge, seq (per edge), received (µs UTC), history (1 for imports: any time since 1970 is meant),
              units (JSON object, path to unit in UCUM: of paths in this batch whose unit is news)

It lives here and not in telemetry because edge comes first in the flow and may not import what
follows. Two samples of one path with the same time are one sample: the one sent last counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Value

SAMPLES_STREAM = "SAMPLES"
SAMPLES_SUBJECT = "lineshaft.samples"
BATCH_VERSION = b"1"
MOST_SAMPLES = 1_000
"""Rows of one batch message: more would mean fewer disk syncs, and more to lose in memory in a crash."""

# A quarter of the size for a third more work. Threads would cost more than they save on a thousand rows.
_WRITE = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)

SCHEMA = pa.schema(
    [
        pa.field("path", pa.dictionary(pa.int32(), pa.utf8()), nullable=False),
        pa.field("ts", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("number", pa.float64()),
        pa.field("text", pa.utf8()),
        pa.field("quality", pa.uint8(), nullable=False),
    ]
)


def samples_subject(organisation: str, edge: str) -> str:
    """The subject on which an edge publishes its batches."""
    return f"{SAMPLES_SUBJECT}.{organisation}.{edge}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBatch:
    """Samples in columns. `paths` is the dictionary, `index` points into it; all other columns have its length."""

    paths: Sequence[str]
    index: NDArray[np.int32]
    ts: NDArray[np.int64]
    number: NDArray[np.float64]
    quality: NDArray[np.uint8]
    text: pa.Array | None = None
    edge: str = ""
    seq: int = 0
    received_us: int = 0
    history: bool = False
    units: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.index)

    def to_arrow(self) -> pa.RecordBatch:
        """As one Arrow record batch with the schema above."""
        rows = len(self.index)
        metadata = {"v": BATCH_VERSION, "edge": self.edge, "seq": str(self.seq), "received": str(self.received_us)}
        if self.history:
            metadata["history"] = "1"
        if self.units:
            metadata["units"] = msgspec.json.encode(dict(self.units)).decode()
        return pa.RecordBatch.from_arrays(
            [
                pa.DictionaryArray.from_arrays(pa.array(self.index, pa.int32()), pa.array(self.paths, pa.utf8())),
                pa.array(self.ts, pa.int64()).view(SCHEMA.field("ts").type),
                pa.array(self.number, pa.float64(), mask=np.isnan(self.number)),
                pa.nulls(rows, pa.utf8()) if self.text is None else self.text,
                pa.array(self.quality, pa.uint8()),
            ],
            schema=SCHEMA.with_metadata(metadata),
        )

    def encode(self) -> bytes:
        """As the bytes of one bus message."""
        batch = self.to_arrow()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=_WRITE) as writer:
            writer.write_batch(batch)
        return bytes(sink.getvalue())

    @classmethod
    def decode(cls, data: bytes) -> SampleBatch:
        """Read a bus message; Invalid when it is not a sample batch of a known version."""
        batch = read_columns(data)
        try:
            return cls.from_arrow(batch)
        except (pa.ArrowException, ValueError, LookupError) as error:
            raise Invalid(f"These {len(data)} bytes are no sample batch: {error}.") from error

    @classmethod
    def from_arrow(cls, batch: pa.RecordBatch) -> SampleBatch:
        """From a record batch with our schema; Invalid names the column that differs."""
        _is_ours(batch.schema)
        told = batch.schema.metadata or {}
        path, ts, number, text, quality = (batch.column(f.name) for f in SCHEMA)
        return cls(
            paths=path.dictionary.to_pylist(),
            index=path.indices.to_numpy(zero_copy_only=True),
            ts=ts.view(pa.int64()).to_numpy(zero_copy_only=True),
            number=number.to_numpy(zero_copy_only=False),
            quality=quality.to_numpy(zero_copy_only=True),
            text=None if text.null_count == len(text) else text,
            edge=told.get(b"edge", b"").decode(),
            seq=int(told.get(b"seq", b"0")),
            received_us=int(told.get(b"received", b"0")),
            history=told.get(b"history") == b"1",
            units=told_units(told),
        )


def told_units(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    """The units a batch tells; none where they cannot be read."""
    try:
        return msgspec.json.decode(metadata.get(b"units", b"{}"), type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def read_columns(data: bytes) -> pa.RecordBatch:
    """The columns of a bus message in the order of the schema; Invalid when it is no batch of a known version."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(data), options=_READ) as reader:
            batch = reader.read_next_batch()
        batch.validate(full=True)
        known = batch if _is_ours(batch.schema) else batch.select(SCHEMA.names)
    except (pa.ArrowException, StopIteration, OSError, ValueError, LookupError) as error:
        raise Invalid(f"These {len(data)} bytes are no sample batch: {error}.") from error
    return known


def _is_ours(schema: pa.Schema) -> bool:
    """Whether this is exactly our schema; False when more columns or another order came along, Invalid else."""
    version = (schema.metadata or {}).get(b"v", BATCH_VERSION)
    if version != BATCH_VERSION:
        raise Invalid(
            f"Sample batches of version {version.decode(errors='replace')} are not known here.",
            hint="Update Lineshaft.",
        )
    if schema.equals(SCHEMA, check_metadata=False):
        return True
    for column in SCHEMA:
        if column.name not in schema.names or schema.field(column.name).type != column.type:
            raise Invalid(f"The column {column.name!r} of a sample batch must be {column.type}.")
    return False


class State(StrEnum):
    """How a connection is."""

    UNKNOWN = "unknown"
    GOOD = "good"
    LOST = "lost"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A bad tag or message, named once until it is mended."""

    place: str
    message: str
    hint: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The health of one connection as the runner sees it."""

    connection: str
    connector: str
    state: State = State.UNKNOWN
    since: datetime | None = None
    error: str = ""
    hint: str = ""
    samples: int = 0
    rate: float = 0.0
    """Samples per second over the last ten seconds."""
    last_sample: datetime | None = None
    reconnects: int = 0
    late_polls: int = 0
    waiting: int = 0
    """Samples not yet durable on the bus."""
    dropped: int = 0
    """Samples given up because the buffer was full; each drop is also recorded as a gap."""
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxReport:
    """What an edge box tells of itself every second."""

    edge: str
    boot: str
    """Another one with every start."""
    rival: bool = False
    """Whether another box of the same name is on the bus."""
    blocked: str = ""
    """Why samples wait at the box; empty when they flow."""
    health: tuple[Health, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A configured link to one machine or broker. `raw` is what stands in plant.toml, name included."""

    name: str
    connector: str
    path: PlantPath
    enabled: bool
    raw: dict[str, Any]
    version: int = 0
    origin: str = "console"
    edge: str = ""
    """Name of the box that runs it; whoever saves a connection that names none gives it to their own."""

    @property
    def tag_count(self) -> int:
        return len(self.raw.get("tags", ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One value seen while testing a connection, before anything is saved."""

    path: str
    value: Value | None
    quality: int
    ts_us: int
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """What a method of a machine gave back."""

    path: str
    outputs: tuple[Value | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """What became of a write: the value asked for and the one the machine then reported."""

    path: str
    asked: Value
    read_back: Value | None
    applied: bool
    message: str = ""
