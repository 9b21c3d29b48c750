"""Builds a process in the order data flows, runs it, and stops it in the opposite order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lineshaft import security, telemetry, twins
from lineshaft.edge import SAMPLES_STREAM, SAMPLES_SUBJECT, ConnectionStore, Edge, EdgeSettings
from lineshaft.edge.worker import EdgeBox
from lineshaft.kernel.bus import Admission, Bus, Credentials, Embedded, Front, Nurse, StreamSpec
from lineshaft.kernel.config import BusSettings, Config, DatabaseSettings, Section, load
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.keeper import guard_keeper
from lineshaft.kernel.log import get_log
from lineshaft.kernel.outbox import FACTS, relay
from lineshaft.kernel.processes import note_self
from lineshaft.kernel.tasks import Crew
from lineshaft.kernel.terms import nearest

from .memory import Memory
from .things import Things

log = get_log("app")
SECTIONS: dict[str, type[Section]] = {
    "security": security.SecuritySettings,
    "edge": EdgeSettings,
    "telemetry": telemetry.TelemetrySettings,
    "twins": twins.TwinsSettings,
}
CONTEXTS = ("lineshaft.security", "lineshaft.edge", "lineshaft.telemetry", "lineshaft.twins")
ROLES = ("edge", "telemetry", "twins", "console")


def load_config(file: Path | None, *, known_right: bool = False) -> Config:
    """Read and check everything there is to set; ConfigError names every fault."""
    return load(file, SECTIONS, known_right=known_right)


def check_roles(roles: Sequence[str]) -> None:
    """Refuse a role that does not exist, naming the nearest."""
    for role in roles:
        if role not in ROLES:
            near = nearest(role, ROLES)
            hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(ROLES)}."
            raise Invalid(f"There is no role called {role!r}.", hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The services of one process, built in the order data flows."""

    config: Config
    db: Database
    bus: Bus
    front: Front | None
    embedded: Embedded | None
    security: security.Security
    edge: Edge
    memory: Memory
    things: Things


async def assemble(config: Config, roles: Sequence[str], stack: AsyncExitStack) -> Platform:
    """Open the engines and build every service; leaving the stack closes them in the opposite order."""
    data = config.data.resolve()
    url = config.get(DatabaseSettings).url
    db = Database(url) if url else Database.at(data)
    await db.open(CONTEXTS)
    stack.push_async_callback(db.close)
    bus, front, embedded = await _open_bus(config, stack)
    guarded = security.Security.over(
        db,
        config.get(security.SecuritySettings),
        admit=Admission(embedded) if embedded else None,
        mqtt=f"{front.host}:{front.mqtt_port}" if front else "",
    )
    edge_settings = config.get(EdgeSettings)
    organisation = config.plant.organisation
    edge = Edge(edge_settings, organisation=organisation, store=ConnectionStore(db), guard=guarded.guard, bus=bus)
    await edge.listen()
    owner = not roles or "telemetry" in roles
    memory = await Memory.open(config, data=data, db=db, bus=bus, front=front, guard=guarded.guard, owner=owner)
    stack.push_async_callback(memory.close)
    things = Things.over(config, data=data, db=db, guard=guarded.guard, edge=edge, memory=memory)
    stack.push_async_callback(things.close)
    return Platform(
        config=config,
        db=db,
        bus=bus,
        front=front,
        embedded=embedded,
        security=guarded,
        edge=edge,
        memory=memory,
        things=things,
    )


async def _open_bus(config: Config, stack: AsyncExitStack) -> tuple[Bus, Front | None, Embedded | None]:
    settings = config.get(BusSettings)
    if settings.url:
        login = Credentials(user=settings.user, password=settings.password.get_secret_value())
        bus = await Bus.connect(settings.url, user=login.user, password=login.password)
        embedded, front = None, None
        if settings.mqtt_url:
            front = await Front.connect(
                settings.mqtt_url, host=settings.mqtt_host, mqtt_port=settings.mqtt_port, credentials=login
            )
    else:
        embedded = Embedded(settings, config.data)
        front = await Front.open(embedded)
        login = embedded.credentials
        bus = await Bus.connect(embedded.hub_url, user=login.user, password=login.password)
    stack.push_async_callback(bus.close)
    if front is not None:
        stack.push_async_callback(front.close)
    await bus.ensure_stream(FACTS)
    await bus.ensure_stream(_samples(config))
    return bus, front, embedded


def _samples(config: Config) -> StreamSpec:
    most = int(config.get(BusSettings).max_stream_gb * 1e9)
    return StreamSpec(name=SAMPLES_STREAM, subjects=(f"{SAMPLES_SUBJECT}.>",), max_bytes=most, together=True)


async def serve(config: Config, roles: Sequence[str]) -> None:
    """Run the roles (all without any) until SIGTERM or SIGINT."""
    from .site import build_site
    from .web import run_web

    check_roles(roles)
    active = set(roles) or set(ROLES)
    run_folder = config.data.resolve() / "run"
    note_self(run_folder, "worker")
    enough = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        platform = await assemble(config, roles, stack)
        first = await platform.security.users.ensure_admin()
        await declare(platform)
        site = build_site(platform, active)
        consumers, producers = Crew("consumers"), Crew("producers")
        stack.push_async_callback(consumers.stop)
        stack.push_async_callback(producers.stop)
        consumers.keep("keeper", partial(guard_keeper, run_folder))
        consumers.keep("outbox", partial(relay, platform.db, platform.bus))
        consumers.keep("caretaker", security.Caretaker(platform.security).run)
        if platform.embedded is not None:
            least = config.get(BusSettings).min_free_disk_gb
            consumers.keep("nurse", Nurse(platform.embedded, run_folder, min_free_gb=least).run)
            consumers.keep("doorkeeper", security.Doorkeeper(platform.security.devices, platform.bus).run)
        for name, work in platform.memory.jobs():
            consumers.keep(name, work, most_s=2)
        if "twins" in active:
            jobs = platform.things.jobs(
                bus=platform.bus, edge=platform.edge, memory=platform.memory, front=platform.front
            )
            for name, work in jobs:
                consumers.keep(name, work)
        if "edge" in active:
            box = EdgeBox(
                config.get(EdgeSettings),
                organisation=config.plant.organisation,
                bus=platform.bus,
                front=platform.front,
                db=platform.db,
                folder=config.data.resolve() / "edge",
            )
            producers.keep("edge", box.run)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, enough.set)
        await run_web(site, platform, run_folder, first, enough)


async def declare(platform: Platform) -> None:
    """Bring what plant.toml declares into the catalogue: what is new, or was changed in the file since."""
    declared = platform.config.get(EdgeSettings).declared(platform.config.plant)
    await platform.edge.declare(security.PLATFORM, declared)
