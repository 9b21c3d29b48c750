"""The memory of the plant over HTTP.

GET    /api/v1/series, /series/latest        which series there are, their newest values
GET    /api/v1/query, POST                   raw rows, buckets, points of charts, as JSON, CSV, Arrow or Parquet
GET    /api/v1/export                        everything, as a file of any size
POST   /api/v1/samples                       write, as JSON or Arrow
POST   /api/v1/import, GET /api/v1/jobs      files in the background
POST   /api/v2/write, GET /ping, /health     InfluxDB's words, for Telegraf and its kind
GET    /api/v1/live (WebSocket), /live/events (server-sent events)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import HTTPConnection

from lineshaft.security import Who
from lineshaft.telemetry.service import Historian, Imports, Intake, Live
from lineshaft.telemetry.settings import TelemetrySettings

from . import files, influx, live, query, samples

__all__ = ["router"]

Identify = Callable[[HTTPConnection], Awaitable[Who | None]]


def router(
    *,
    historian: Historian,
    live_values: Live,
    intake: Intake,
    imports: Imports,
    settings: TelemetrySettings,
    organisation: str,
    timezone: str,
    identify: Identify,
    trouble: Callable[[], str],
) -> APIRouter:
    """All routes of telemetry with their whole addresses.

    `identify` tells who comes with a token in a message, `trouble` why nothing is stored now, if so.
    """
    routes = APIRouter(tags=["telemetry"])
    routes.include_router(query.router(historian, live_values, zone=timezone), prefix="/api/v1")
    routes.include_router(samples.router(intake, most_mb=settings.write_most_mb), prefix="/api/v1")
    routes.include_router(files.router(historian, imports, zone=timezone), prefix="/api/v1")
    routes.include_router(live.router(live_values, identify), prefix="/api/v1")
    influx_routes = influx.router(
        intake,
        template=settings.influx_path,
        organisation=organisation,
        most_mb=settings.write_most_mb,
        trouble=trouble,
    )
    routes.include_router(influx_routes)
    return routes
