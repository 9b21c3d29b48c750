"""The web side of a process: API routes, screens, health and metrics on one address."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

import lineshaft
from lineshaft import security
from lineshaft.edge import State
from lineshaft.edge.api import router as edge_routes
from lineshaft.kernel import http
from lineshaft.kernel.bus.server import free_port
from lineshaft.kernel.config import HttpSettings
from lineshaft.kernel.log import get_log
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import api as security_web
from lineshaft.telemetry import Latest, Selection, TelemetrySettings
from lineshaft.telemetry.api import router as telemetry_routes
from lineshaft.twins import TwinsSettings
from lineshaft.twins.api import (
    commands_router,
    files_router,
    footprints_router,
    graph_router,
    interfaces_router,
    passports_router,
    pictures_router,
    record_router,
    relations_router,
    scenarios_router,
    scenes_router,
    simulation_router,
    templates_router,
)
from lineshaft.twins.api import router as twins_routes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from starlette.types import ASGIApp

    from .assembly import Platform

    UnitsOf = Callable[[security.Who, Sequence[str]], Awaitable[dict[str, str]]]
    Listen = Callable[[security.Who, Sequence[str], str], Awaitable[dict[str, Latest]]]

log = get_log("web")
_API = "/api/v1/"


def build_web(platform: Platform, roles: set[str]) -> FastAPI:
    """The application with everything these roles serve."""
    app: FastAPI = FastAPIOffline(
        title="Lineshaft",
        version=lineshaft.__version__,
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
        static_url="/api/docs-assets",
    )
    http.install(app)
    public = platform.config.get(HttpSettings).public_url
    app.add_middleware(http.BodyLimit, prefix=_API, larger=_larger(platform))
    security_web.install(app, platform.security, public_url=public)
    app.include_router(security_web.router(platform.security, public_url=public), prefix="/api/v1")
    app.include_router(edge_routes(platform.edge), prefix="/api/v1")
    app.include_router(_telemetry(platform))
    app.include_router(twins_routes(platform.things.twins), prefix="/api/v1")
    app.include_router(commands_router(platform.things.live_reads, platform.things.setpoints), prefix="/api/v1")
    app.include_router(simulation_router(platform.things.simulations), prefix="/api/v1")
    app.include_router(scenarios_router(platform.things.simulations, platform.things.scenarios), prefix="/api/v1")
    app.include_router(passports_router(platform.things.passport_desk), prefix="/api/v1")
    app.include_router(footprints_router(platform.things.passport_desk.footprints), prefix="/api/v1")
    app.include_router(pictures_router(platform.things.pictures), prefix="/api/v1")
    app.include_router(scenes_router(platform.things.scenes), prefix="/api/v1")
    app.include_router(files_router(platform.things.receiving), prefix="/api/v1")
    app.include_router(templates_router(platform.things.receiving, platform.things.repository), prefix="/api/v1")
    app.include_router(interfaces_router(platform.things.interfacing), prefix="/api/v1")
    app.include_router(relations_router(platform.things.repository), prefix="/api/v1")
    app.include_router(graph_router(platform.things.repository), prefix="/api/v1")
    app.include_router(record_router(platform.things.repository), prefix="/api/v1")
    _add_health(app, platform)
    if "console" in roles:
        _add_console(app, platform)
    return app


def _larger(platform: Platform) -> dict[str, int | None]:
    """What single addresses take: imports and samples are read in pieces, and files may be as large as is set."""
    files = platform.config.get(TwinsSettings).files.file_mb
    return {f"{_API}import": None, f"{_API}samples": None, f"{_API}twins/files": files, f"{_API}twins/templates": files}


def _telemetry(platform: Platform) -> APIRouter:
    memory, plant = platform.memory, platform.config.plant
    return telemetry_routes(
        historian=memory.historian,
        live_values=memory.live,
        intake=memory.intake,
        imports=memory.imports,
        settings=platform.config.get(TelemetrySettings),
        organisation=plant.organisation,
        timezone=plant.timezone,
        identify=security_web.identifier(platform.security),
        trouble=memory.trouble,
    )


def _add_health(app: FastAPI, platform: Platform) -> None:
    with contextlib.suppress(KeyError):
        if _Gauges.current is not None:
            http.METRICS.unregister(_Gauges.current)
    _Gauges.current = _Gauges(platform)
    http.METRICS.register(_Gauges.current)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> JSONResponse:
        """Whether this process can do its work; 503 when not, with the reason."""
        parts = {"bus": platform.bus.connected, "historian": not platform.memory.trouble()}
        body = {"ok": all(parts.values()), **parts, "why": platform.memory.trouble() or platform.edge.blocked}
        return JSONResponse(body, status_code=200 if body["ok"] else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request, who: Annotated[security.Who, Depends(http.caller)]) -> Response:
        """Counters and gauges for Prometheus; scrape with a token of somebody who may see the whole platform."""
        await platform.security.guard.require(who, security.Role.VIEWER, "", "metrics.read")
        written, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(written(http.METRICS), headers={"Content-Type": content_type})


class _Gauges(Collector):
    """What the platform knows of itself, in Prometheus's words."""

    current: _Gauges | None = None

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("lineshaft_connection_up", "1 when a connection is good", labels=["connection"])
        rate = GaugeMetricFamily("lineshaft_connection_rate", "Values per second", labels=["connection"])
        for health in self._platform.edge.health():
            up.add_metric([health.connection], float(health.state is State.GOOD))
            rate.add_metric([health.connection], health.rate)
        yield from (up, rate)
        for name, meaning, number in self._platform.memory.measures():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield kind(f"lineshaft_{name}", meaning, value=number)


def _add_console(app: FastAPI, platform: Platform) -> None:
    import lineshaft.edge.pages
    import lineshaft.security.pages
    import lineshaft.telemetry.pages
    import lineshaft.twins.pages  # noqa: F401
    from lineshaft.console import mount

    plant = platform.config.plant
    identify = security_web.identifier(platform.security)
    services: dict[str, Any] = {
        "security": platform.security,
        "guard": platform.security.guard,
        "users": platform.security.users,
        "sessions": platform.security.sessions,
        "tokens": platform.security.tokens,
        "devices": platform.security.devices,
        "edge": platform.edge,
        "historian": platform.memory.historian,
        "live": platform.memory.live,
        "twins": platform.things.twins,
        "simulations": platform.things.simulations,
        "pictures": platform.things.pictures,
        "scenarios": platform.things.scenarios,
        "setpoints": platform.things.setpoints,
        "scenes": platform.things.scenes,
        "operations": platform.things.operations,
        "interfacing": platform.things.interfacing,
        "repository": platform.things.repository,
        "receiving": platform.things.receiving,
        "passport_desk": platform.things.passport_desk,
        "units": _units(platform),
        "heard": _heard(platform),
        "config": platform.config,
    }
    mount(
        app,
        identify=identify,
        services=services,
        plant=plant.name,
        timezone=plant.timezone,
        language=plant.language,
        search=[_find_twins(platform), _find_series(platform)],
        health=_overall(platform),
    )


def _find_twins(platform: Platform) -> Any:
    from lineshaft.console import Hit

    async def find(who: Any, words: str, limit: int) -> list[Hit]:
        found = await platform.things.twins.list_(who, words=words, limit=limit)
        return [Hit(title=t.title(), address=f"/assets/{t.path}", subtitle=t.path, symbol=t.icon) for t in found]

    return find


def _units(platform: Platform) -> UnitsOf:
    """Units of series by path, as the twins know them; for screens of contexts that come before twins."""

    async def look(who: security.Who, paths: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for place in {PlantPath(path).parent for path in paths}:
            twin = await platform.things.twins.find(who, place) if place else None
            found |= {p.series: p.property.unit for p in twin.points if p.property.unit} if twin else {}
        return found

    return look


def _heard(platform: Platform) -> Listen:
    """Newest values of series named, or below a place; for screens of contexts that come before telemetry."""

    async def look(who: security.Who, paths: Sequence[str], under: str) -> dict[str, Latest]:
        wanted = Selection(paths=tuple(paths), subtree=under or None) if paths or under else None
        return {one.path: one for one in await platform.memory.live.latest(who, wanted)} if wanted else {}

    return look


def _find_series(platform: Platform) -> Any:
    from lineshaft.console import Hit

    async def find(who: Any, words: str, limit: int) -> list[Hit]:
        found = await platform.memory.historian.list_series(who, search=words, limit=limit)
        return [
            Hit(title=s.path.name, address=f"/explore?series={s.path}", subtitle=s.path, symbol="show_chart")
            for s in found
        ]

    return find


def _overall(platform: Platform) -> Any:
    from lineshaft.console import Health

    async def look(who: Any) -> Health:
        found = await platform.edge.list_(who)
        lost = [v.connection.name for v in found if v.health.state is State.LOST]
        if trouble := platform.memory.trouble():
            return Health(state="alarm", label="Storage", message=trouble, address="/connections")
        if lost:
            label, message = f"{len(lost)} of {len(found)} lost", f"Lost: {', '.join(lost)}."
            return Health(state="lost", label=label, message=message, address="/connections")
        label = f"{len(found)} connected" if found else "Ready"
        return Health(state="good", label=label, message="The platform and all its connections work.",
                      address="/connections")  # fmt: skip

    return look


async def run_web(
    app: ASGIApp, platform: Platform, run_folder: Path, first: security.FirstLogin | None, enough: asyncio.Event
) -> None:
    """Serve until told to stop, and say where once it is ready."""
    settings = platform.config.get(HttpSettings)
    port = settings.port or _remembered_port(run_folder)
    server = uvicorn.Server(
        uvicorn.Config(
            app, host=settings.host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=3
        )
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    address = settings.public_url or f"http://{settings.host}:{port}"
    if not serving.done():
        _tell(run_folder, address, first)
    ended = asyncio.create_task(enough.wait())
    await asyncio.wait({serving, ended}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    with contextlib.suppress(asyncio.TimeoutError, TimeoutError):
        await asyncio.wait_for(serving, 6)
    ended.cancel()


def _remembered_port(run_folder: Path) -> int:
    kept = run_folder / "http-port.txt"
    if not kept.exists():
        kept.write_text(str(free_port()))
    return int(kept.read_text())


def _tell(run_folder: Path, address: str, first: security.FirstLogin | None) -> None:
    (run_folder / "address.txt").write_text(address)
    welcome = run_folder / "welcome.txt"
    if welcome.exists():
        text = welcome.read_text().replace("{address}", address)
    else:
        text = f"Lineshaft is ready: {address}\n"
        if first is not None:
            text += f"First login: {first.login} / {first.password}   (change it under My account)\n"
    temporary = run_folder / ".ready.txt"
    temporary.write_text(text)
    temporary.chmod(0o600)
    temporary.replace(run_folder / "ready.txt")
    log.info("ready", address=address)
