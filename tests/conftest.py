"""Real engines for every test: two nats-servers, a catalogue, on free ports and fresh folders.

And patience: a bound in seconds holds on an idle machine, and grows with the load of a busy one.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from lineshaft.edge.model import SAMPLES_STREAM, SAMPLES_SUBJECT
from lineshaft.kernel.bus import Bus, Embedded, Front, StreamSpec
from lineshaft.kernel.bus.server import free_port
from lineshaft.kernel.config import BusSettings
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import PlatformError
from lineshaft.kernel.outbox import FACTS
from lineshaft.kernel.processes import Keeper

hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=500, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("LINESHAFT_HYPOTHESIS", "steady"))
"""The suite says the same of the same code every time; `LINESHAFT_HYPOTHESIS=search` looks for what it has missed."""
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


_POSTGRES = os.pathsep.join([*map(str, Path("/usr/lib/postgresql").glob("*/bin")), os.environ.get("PATH", "")])


def _as_other(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    return [*drop, *command] if os.geteuid() == 0 else command


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a running PostgreSQL; left out, with the reason, where it or its driver is missing."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    server, initdb = (shutil.which(name, path=_POSTGRES) for name in ("postgres", "initdb"))
    if not server or not initdb:
        pytest.skip("PostgreSQL is not installed")
    # Not below pytest's own folder: other runs of pytest close that for everybody but its owner.
    with tempfile.TemporaryDirectory(prefix="lineshaft-postgres-") as temporary:
        folder = Path(temporary)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        make = [initdb, "-D", str(folder / "data"), "-A", "trust", "-U", "plant", "--no-sync"]
        made = subprocess.run(_as_other(make), capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stderr
        port = free_port()
        run = [server, "-D", str(folder / "data"), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"]
        with subprocess.Popen(_as_other(run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            try:
                url = f"postgresql://plant@127.0.0.1:{port}/postgres"
                _wait_for(url)
                yield url
            finally:
                _end(running)


def _end(server: subprocess.Popen[bytes]) -> None:
    """At once, whoever is still connected: SIGTERM would wait for them for ever."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)


def _wait_for(url: str) -> None:
    """A PostgreSQL that has just started may need a moment, on a busy machine a minute."""
    import psycopg

    end = time.monotonic() + 90
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.fixture
def empty_postgres(postgres: str) -> Callable[[], Awaitable[Database]]:
    """`await empty_postgres()`: an open catalogue on PostgreSQL with nothing in it, not even tables."""

    async def emptied() -> Database:
        db = Database(postgres)
        await db.open()
        async with db.begin() as tx:
            await tx.execute(sa.text("DROP SCHEMA public CASCADE"))
            await tx.execute(sa.text("CREATE SCHEMA public"))
        return db

    return emptied


@pytest.fixture(scope="module")
def chrome() -> Iterator[webdriver.Chrome]:
    """A real Chromium without a screen, 1440 by 900; what its console says can be asked."""
    options = webdriver.ChromeOptions()
    flags = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-dev-shm-usage"
    for flag in [*flags.split(), "--window-size=1440,900"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()


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
