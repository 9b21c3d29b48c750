"""InfluxDB's write address, version 2, so that Telegraf and every Influx client can write here unchanged.

    [[outputs.influxdb_v2]]
      urls = ["http://plant:8080"]
      token = "ls_…"
      organization = "acme"         # first part of the paths; empty is the plant's
      bucket = "telegraf"

Answers are Influx's: 204 without a body, errors as `{"code", "message"}`. When some lines are wrong the
others are written and the answer is 400 with "partial write", which Telegraf logs and does not repeat.
"""

from __future__ import annotations

from collections import OrderedDict

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Forbidden, Internal, Invalid, NotFound, PlatformError, Unauthorised, Unavailable
from lineshaft.kernel.http import caller
from lineshaft.kernel.tasks import in_thread
from lineshaft.telemetry.errors import TooLarge
from lineshaft.telemetry.lineprotocol import Lines, Reader, placer
from lineshaft.telemetry.service import Intake

from .bodies import read_body

_CODES: tuple[tuple[type[PlatformError], str], ...] = (
    (TooLarge, "request too large"),
    (Invalid, "invalid"),
    (Unauthorised, "unauthorized"),
    (Forbidden, "forbidden"),
    (NotFound, "not found"),
    (Unavailable, "unavailable"),
    (Internal, "internal error"),
)
_MOST_TARGETS = 100
_RETRY_S = "5"


class _Readers:
    """One reader for each organisation and bucket lately written to."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._readers: OrderedDict[tuple[str, str], Reader] = OrderedDict()

    def of(self, org: str, bucket: str) -> Reader:
        key = org, bucket
        if key not in self._readers:
            self._readers[key] = Reader(placer(self._template, org=org, bucket=bucket))
            if len(self._readers) > _MOST_TARGETS:
                self._readers.popitem(last=False)
        self._readers.move_to_end(key)
        return self._readers[key]


def router(intake: Intake, *, template: str, organisation: str, most_mb: int) -> APIRouter:
    """The routes with their whole addresses."""
    api = APIRouter(tags=["influx"])
    readers = _Readers(template)

    async def take(request: Request, org: str, bucket: str, precision: str) -> Lines:
        who = caller(request)
        body = await read_body(request, most_mb=most_mb)
        reader = readers.of(org or organisation, bucket)
        lines = await in_thread(_read, reader, body, precision)
        if lines.index:
            await intake.write(who, lines.batch())
        return lines

    @api.post("/api/v2/write", status_code=204, response_class=Response)
    async def write(request: Request, bucket: str = "", org: str = "", precision: str = "ns") -> Response:
        """Write line protocol, plain or gzip; `precision` is ns, us, ms or s."""
        try:
            lines = await take(request, org, bucket, precision)
        except PlatformError as error:
            return _refusal(error)
        return _partial(lines) if lines.rejected else Response(status_code=204)

    return api


def _read(reader: Reader, body: bytes, precision: str) -> Lines:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"The body is not UTF-8: {error.reason} at byte {error.start}.") from error
    return reader.read(text, precision=precision, now_us=now_us())


def _partial(lines: Lines) -> JSONResponse:
    first = lines.errors[0]
    told = "; ".join(f"line {bad.line}: {bad.message}" for bad in lines.errors)
    message = f"partial write: {lines.rejected} lines rejected, {len(lines.index)} values written: {told}"
    return JSONResponse({"code": "invalid", "message": message, "line": first.line}, status_code=400)


def _refusal(error: PlatformError) -> JSONResponse:
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "internal error")
    headers = {"Retry-After": _RETRY_S} if error.status == 503 else None
    return JSONResponse({"code": code, "message": str(error)}, status_code=error.status, headers=headers)
