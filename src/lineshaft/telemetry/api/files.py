"""Whole files over HTTP: exports of any size, imports in the background."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.http import Slice, caller, pack_cursor, unpack_cursor
from lineshaft.security import Who
from lineshaft.telemetry.files import RAW, Format, Layout, Shape, streamed
from lineshaft.telemetry.model import Grades, Job, Selection
from lineshaft.telemetry.service import Historian, Imports

from .bodies import unpacked
from .query import span_of

Caller = Annotated[Who, Depends(caller)]
_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


class LayoutShape(BaseModel):
    """What the columns of a file mean; what is left empty is found out."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: str = ""
    """What to call the import."""
    shape: Shape = Shape.AUTO
    path_column: str = ""
    ts_column: str = ""
    value_column: str = ""
    quality_column: str = ""
    prefix: str = ""
    """Put before every path."""
    columns: str = ""
    """Paths of columns, as a JSON object; other columns are then left out."""
    zone: str = ""
    """IANA zone of times without one; empty is the plant's."""
    unit: str = "auto"
    """Of times that are numbers since 1970: s, ms, us or ns."""
    format: str = ""
    """How times are written when not as in ISO 8601: %d.%m.%Y %H:%M:%S."""
    delimiter: str = ""
    decimal: str = "."

    def layout(self, zone: str) -> Layout:
        """The layout; Invalid says what is wrong with it."""
        try:
            chosen = msgspec.json.decode(self.columns or "{}", type=dict[str, str])
        except msgspec.DecodeError as error:
            raise Invalid(f"`columns` is not JSON: {error}.", hint='Send {"column": "acme/path"}.') from error
        return Layout(
            shape=self.shape,
            path=self.path_column,
            ts=self.ts_column,
            value=self.value_column,
            quality=self.quality_column,
            prefix=self.prefix,
            columns=chosen,
            zone=self.zone or zone,
            unit=self.unit,
            format=self.format,
            delimiter=self.delimiter,
            decimal=self.decimal,
        )


def router(historian: Historian, imports: Imports, *, zone: str) -> APIRouter:
    """Routes below /api/v1."""
    api = APIRouter()

    @api.get("/export", response_class=StreamingResponse)
    async def export(
        who: Caller,
        path: Annotated[list[str] | None, Query()] = None,
        subtree: str | None = None,
        pattern: str = "",
        series_limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
        start: str = "-1h",
        end: str = "now",
        quality: Grades = Grades.ALL,
        kind: Annotated[Format, Query(alias="format")] = Format.CSV,
    ) -> StreamingResponse:
        """All samples of some series as one file, series after series; the answer may be of any size."""
        asked = Selection(paths=tuple(path or ()), subtree=subtree, pattern=pattern, limit=series_limit)
        tables = await historian.export(who, asked, span_of(start, end, zone), grades=quality)
        return StreamingResponse(
            streamed(tables, RAW, kind),
            media_type=kind.media_type,
            headers={"content-disposition": f'attachment; filename="lineshaft.{kind.value}"'},
        )

    @api.post("/import", status_code=202, openapi_extra=_BODY)
    async def import_(who: Caller, request: Request, told: Annotated[LayoutShape, Query()]) -> Job:
        """Import the CSV or Parquet file in the body, in the background; look at /jobs/{id} for how far it is.

        Rows are samples (`path,ts,value`) or columns are series (`ts,a,b,c`, put below `prefix` or where
        `columns` says). Bad rows are left out and named by their line.
        """
        return await imports.start(who, told.name, unpacked(request), told.layout(zone))

    @api.get("/jobs")
    async def jobs(who: Caller, cursor: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> Slice[Job]:
        """Your imports, newest first."""
        before = str(unpack_cursor(cursor)[0]) if cursor else ""
        found = await imports.list_(who, before=before, limit=limit)
        return Slice(items=found, next=pack_cursor(found[-1].id) if len(found) == limit else None)

    @api.get("/jobs/{job_id}")
    async def job(who: Caller, job_id: str) -> Job:
        """How far an import is, and the first rows that were left out."""
        return await imports.get(who, job_id)

    @api.delete("/jobs/{job_id}")
    async def cancel(who: Caller, job_id: str) -> Job:
        """Stop an import; what was written stays."""
        return await imports.cancel(who, job_id)

    return api
