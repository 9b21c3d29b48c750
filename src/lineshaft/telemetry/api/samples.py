"""Writing samples over HTTP, as JSON or as an Arrow stream."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from lineshaft.edge import SampleBatch
from lineshaft.kernel.clock import now_us, to_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.http import caller
from lineshaft.kernel.tasks import in_thread
from lineshaft.kernel.terms import Grade, Quality
from lineshaft.security import Who
from lineshaft.telemetry.files import columns
from lineshaft.telemetry.files.layout import Layout
from lineshaft.telemetry.service import Intake, batch_of

from .bodies import read_body

Caller = Annotated[Who, Depends(caller)]
ARROW = "application/vnd.apache.arrow.stream"
_GRADES = {Grade.GOOD.value: Quality.GOOD, Grade.UNCERTAIN.value: Quality.UNCERTAIN, Grade.BAD.value: Quality.BAD}


class Sample(msgspec.Struct, kw_only=True):
    """One sample as JSON."""

    path: str
    value: float | int | bool | str | None = None
    ts: datetime | float | None = None
    """RFC 3339, or milliseconds since 1970; now when left out."""
    quality: str | int = 0
    """good, uncertain, bad, or a byte."""


class Samples(msgspec.Struct, kw_only=True):
    """A batch as JSON."""

    samples: list[Sample]


class Written(BaseModel):
    """How many samples are safe now."""

    written: int


_EXAMPLE = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["samples"],
                    "properties": {
                        "samples": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["path", "value"],
                                "properties": {
                                    "path": {"type": "string"},
                                    "value": {"type": ["number", "boolean", "string", "null"]},
                                    "ts": {"type": ["string", "number"], "description": "RFC 3339 or ms since 1970"},
                                    "quality": {"type": ["string", "integer"]},
                                },
                            },
                        }
                    },
                },
                "example": {"samples": [{"path": "acme/hall/oven/temperature", "value": 181.5}]},
            },
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def router(intake: Intake, *, most_mb: int) -> APIRouter:
    """Routes below /api/v1."""
    api = APIRouter()

    @api.post("/samples", openapi_extra=_EXAMPLE)
    async def write(who: Caller, request: Request) -> Written:
        """Write samples; answered once all are on disk. All or, when one path is not yours, none.

        JSON, or an Arrow stream with columns path, ts and value (or number and text), and quality if any.
        """
        body = await read_body(request, most_mb=most_mb)
        kind = request.headers.get("content-type", "application/json").split(";")[0].strip()
        if kind == ARROW:
            batches = await in_thread(from_arrow, body)
        else:
            batches = [await in_thread(_from_json, body)]
        await intake.permit(who, sorted({path for batch in batches for path in batch.paths}))
        return Written(written=sum([await intake.write(who, batch) for batch in batches if len(batch)]))

    return api


def _from_json(body: bytes) -> SampleBatch:
    try:
        told = msgspec.json.decode(body, type=Samples)
    except msgspec.DecodeError as error:
        hint = 'Send {"samples": [{"path": "a/b", "value": 1.5, "ts": "2026-01-31T08:00:00Z"}]}.'
        raise Invalid(f"The body is not a batch of samples: {error}.", hint=hint) from error
    moment = now_us()
    return batch_of(
        [one.path for one in told.samples],
        [_micros(one.ts, moment, at) for at, one in enumerate(told.samples)],
        [one.value for one in told.samples],
        [_quality(one.quality, at) for at, one in enumerate(told.samples)],
    )


def _micros(ts: datetime | float | None, moment: int, at: int) -> int:
    if ts is None:
        return moment
    if isinstance(ts, datetime):
        if ts.tzinfo is None:
            raise Invalid(f"samples[{at}].ts has no zone.", hint="Write 2026-01-31T08:00:00Z.")
        return to_us(ts)
    return round(ts * 1000)


def _quality(quality: str | int, at: int) -> int:
    if isinstance(quality, int) and 0 <= quality < 256:
        return quality
    if isinstance(quality, str) and quality in _GRADES:
        return int(_GRADES[quality])
    raise Invalid(f"samples[{at}].quality is {quality!r}.", hint="Use good, uncertain, bad, or 0 to 255.")


def from_arrow(body: bytes) -> list[SampleBatch]:
    """Batches of an Arrow stream; Invalid names the column that is missing or wrong."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            batches = list(reader)
    except (pa.ArrowException, OSError) as error:
        raise Invalid(f"The body is not an Arrow stream: {error}.") from error
    return [_from_batch(batch) for batch in batches]


def _from_batch(batch: pa.RecordBatch) -> SampleBatch:
    names = batch.schema.names
    for wanted in ("path", "ts"):
        if wanted not in names or batch.column(wanted).null_count:
            raise Invalid(
                f"The stream needs a column {wanted!r} without nulls.", hint="Columns: path, ts, value, quality."
            )
    number, text = _told(batch, names)
    path = batch.column("path")
    named = path if pa.types.is_dictionary(path.type) else path.cast(pa.utf8()).dictionary_encode()
    ts = columns.times(batch.column("ts"), Layout(unit="ms"))
    quality = columns.qualities(batch.column("quality")) if "quality" in names else np.zeros(len(batch), dtype=np.int64)
    if ts.null_count or (quality < 0).any():
        raise Invalid("A time or a quality in the stream cannot be read.", hint="ts: timestamps; quality: 0 to 255.")
    return SampleBatch(
        paths=named.dictionary.cast(pa.utf8()).to_pylist(),
        index=named.indices.cast(pa.int32()).to_numpy(),
        ts=ts.cast(pa.int64()).to_numpy(),
        number=number,
        quality=quality.astype(np.uint8),
        text=None if text.null_count == len(text) else text,
    )


def _told(batch: pa.RecordBatch, names: list[str]) -> tuple[Any, pa.Array]:
    if "value" in names:
        column = batch.column("value")
        if pa.types.is_string(column.type):
            return np.full(len(batch), np.nan), column
        return columns.values(column)
    if "number" not in names:
        raise Invalid("The stream needs a column 'value', or 'number' and 'text'.")
    number, text = columns.values(batch.column("number"))
    return number, batch.column("text").cast(pa.utf8()) if "text" in names else text
