"""Real engines for every test: two nats-servers, a catalogue, on free ports and fresh folders.

And patience: a bound in seconds holds on an idle machine, and grows with the load of a busy one.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from lineshaft.edge.model import SAMPLES_STREAM, SAMPLES_SUBJECT
from lineshaft.kernel.bus import Bus, Embedded, Front, StreamSpec
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.outbox import FACTS
from lineshaft.kernel.processes import Keeper

ANY_PORT = BusSettings(port=0, websocket_port=0, monitoring_port=0, mqtt_port=0, front_port=0)
Check = Callable[[], Any | Awaitable[Any]]
Until = Callable[..., Awaitable[Any]]


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Keeper]:
    """Keeps the processes a test starts, and ends them with it."""
    keeper = Keeper(tmp_path / "run")
    yield keeper
    await keeper.stop()


@pytest.fixture
async def embedded(tmp_path: Path, keeper: Keeper) -> Embedded:
    """The two running embedded servers."""
    embedded = Embedded(ANY_PORT, tmp_path)
    for program in embedded.programs():
        await keeper.start(program)
    await embedded.wait_ready()
    return embedded


@pytest.fixture
async def bus(embedded: Embedded) -> AsyncIterator[Bus]:
    """A connection to the hub with the platform's streams made."""
    login = embedded.credentials
    bus = await Bus.connect(embedded.hub_url, user=login.user, password=login.password)
    await bus.ensure_stream(FACTS)
    await bus.ensure_stream(StreamSpec(name=SAMPLES_STREAM, subjects=(f"{SAMPLES_SUBJECT}.>",), max_bytes=1 << 30))
    yield bus
    await bus.close()


@pytest.fixture
async def front(embedded: Embedded) -> AsyncIterator[Front]:
    """The platform's side of the MQTT front."""
    front = await Front.open(embedded)
    yield front
    await front.close()


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """An open, empty catalogue; open it again with the contexts a test needs."""
    db = Database.at(tmp_path)
    await db.open()
    yield db
    await db.close()


def patience() -> float:
    """How many times slower than an idle machine this one is now."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.fixture(scope="session")
def slowness() -> Callable[[], float]:
    """The factor by which a bound in seconds is stretched on a machine that has other work to do."""
    return patience


@pytest.fixture(scope="session")
def until() -> Until:
    """`await until(check, within_s=10)`: what `check` returns once that is true; what it last said otherwise."""

    async def wait(check: Check, *, within_s: float = 10.0) -> Any:
        loop = asyncio.get_running_loop()
        end = loop.time() + within_s * patience()
        while True:
            try:
                found = check()
                found = await found if inspect.isawaitable(found) else found
                if found:
                    return found
                said: object = found
            except (AssertionError, PlatformError, OSError) as error:
                said = error
            if loop.time() > end:
                raise AssertionError(f"not true after {within_s * patience():.0f} s; at the end: {said!r}")
            await asyncio.sleep(0.1)

    return wait
