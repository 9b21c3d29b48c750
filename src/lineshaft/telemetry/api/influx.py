"""InfluxDB's write address, version 2, so that Telegraf and every Influx client can write here unchanged.

    [[outputs.influxdb_v2]]
      urls = ["http://plant:8080"]
      token = "ls_…"
      organization = "acme"         # first part of the paths; empty is the plant's
      bucket = "telegraf"

Answers are Influx's, the gate's refusals included: 204 without a body, errors as `{"code", "message"}`. When
some lines are wrong the others are written and the answer is 400 with "partial write", which Telegraf logs and
does not repeat. `/ping` and `/health` answer as clients ask them before they write.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request

import lineshaft
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid, NotFound, PlatformError
from lineshaft.kernel.http import caller, speak
from lineshaft.kernel.tasks import in_thread
from lineshaft.telemetry.lineprotocol import Lines, Reader, placer
from lineshaft.telemetry.service import Intake

from .bodies import read_body

_CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    503: "unavailable",
    504: "unavailable",
}
_ADDRESS = "/api/v2/"
_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
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


def router(intake: Intake, *, template: str, organisation: str, most_mb: int, trouble: Callable[[], str]) -> APIRouter:
    """The routes with their whole addresses; `trouble` says why nothing is stored now, if so."""
    speak(_ADDRESS, _refusal)
    api = APIRouter(tags=["influx"])
    readers = _Readers(template)
    _add_signs_of_life(api, trouble)

    async def take(request: Request, org: str, bucket: str, precision: str) -> Lines:
        who = caller(request)
        body = await read_body(request, most_mb=most_mb)
        reader = readers.of(org or organisation, bucket)
        lines = await in_thread(_read, reader, body, precision)
        if lines.index:
            await intake.write(who, lines.batch())
        return lines

    @api.post(f"{_ADDRESS}write", status_code=204, response_class=Response)
    async def write(request: Request, bucket: str = "", org: str = "", precision: str = "ns") -> Response:
        """Write line protocol, plain or gzip; `precision` is ns, us, ms or s."""
        lines = await take(request, org, bucket, precision)
        return _partial(lines) if lines.rejected else Response(status_code=204)

    @api.api_route(_ADDRESS + "{rest:path}", methods=_EVERY_METHOD, include_in_schema=False)
    async def other(rest: str) -> None:
        raise NotFound(
            f"Of InfluxDB's addresses only {_ADDRESS}write is answered, not {_ADDRESS}{rest}.",
            hint="Read with /api/v1/query, and manage under /api/v1; see /api/docs.",
        )

    return api


def _add_signs_of_life(api: APIRouter, trouble: Callable[[], str]) -> None:
    @api.head("/ping", include_in_schema=False)
    @api.get("/ping", status_code=204, response_class=Response)
    async def ping() -> Response:
        """Whether somebody is here, and who."""
        who = {"X-Influxdb-Version": lineshaft.__version__, "X-Influxdb-Build": "Lineshaft"}
        return Response(status_code=204, headers=who)

    @api.get("/health")
    async def health() -> JSONResponse:
        """Whether what is written is stored."""
        why = trouble()
        told = {"status": "fail" if why else "pass", "message": why or "ready for writes"}
        who = {"name": "lineshaft", "version": lineshaft.__version__}
        return JSONResponse({**who, **told, "checks": []}, status_code=503 if why else 200)


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
    headers = {"Retry-After": _RETRY_S} if error.status in (503, 504) else None
    code = _CODES.get(error.status, "internal error")
    return JSONResponse({"code": code, "message": str(error)}, status_code=error.status, headers=headers)
