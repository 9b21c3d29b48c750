"""The conformance suite: every connector on the shelf against its own fake, on real sockets.

A connector takes part through `fake.stand(folder)`, which yields `.raw` (a connection as in plant.toml,
with tags) and `.unplug()` / `.plug_in()`.
"""

from __future__ import annotations

import asyncio
import importlib
import tomllib
from pathlib import Path

import pytest

from lineshaft.edge import SHELF, BadSettings, Host, Readings, build
from lineshaft.kernel.errors import PlatformError, Unavailable

NAMES = sorted(SHELF.plugins)


class Collector:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.flushed = 0
        self.got = asyncio.Event()

    async def put(self, readings: Readings) -> None:
        assert_sound(readings)
        self.paths |= {readings.paths[i] for i in readings.index}
        self.got.set()

    async def flush(self) -> None:
        self.flushed += 1

    def trouble(self, problem) -> None:
        raise AssertionError(f"no trouble expected: {problem}")


def assert_sound(readings: Readings) -> None:
    """Columns of equal length and the right types."""
    rows = len(readings.index)
    assert readings.index.dtype.str.endswith("i4")
    assert readings.ts.dtype.str.endswith("i8")
    assert (len(readings.ts), len(readings.number), len(readings.quality)) == (rows, rows, rows)
    assert readings.text is None or len(readings.text) == rows


def fake_of(name: str):
    return importlib.import_module(f"{SHELF.get(name).module}.fake")


def made(name: str, raw: dict, folder: Path):
    built = build(name, {"name": "one", "path": "acme/hall/one", **raw}, organisation="acme")
    connector = built.connector()
    connector.host = Host(folder=folder, connection="one")
    return connector


async def first_values(connector) -> set[str]:
    """Paths of the first values, polled or subscribed."""
    if not connector.subscribes:
        readings = await asyncio.wait_for(connector.read(connector.plan(connector.tags)), 10)
        assert_sound(readings)
        return {readings.paths[i] for i in readings.index}
    sink = Collector()
    task = asyncio.create_task(connector.subscribe(sink))
    got = asyncio.create_task(sink.got.wait())
    await asyncio.wait({task, got}, timeout=15, return_when=asyncio.FIRST_COMPLETED)
    for one in (task, got):
        one.cancel()
    results = await asyncio.gather(task, got, return_exceptions=True)
    if not sink.paths and isinstance(results[0], PlatformError):
        raise results[0]
    return sink.paths


@pytest.mark.parametrize("name", NAMES)
def test_the_folder_is_complete(name: str) -> None:
    plugin = SHELF.get(name)
    assert plugin.title
    assert plugin.manifest["summary"]
    assert plugin.tier in {"experimental", "beta", "stable"}
    assert plugin.manifest["licence"]
    assert {"browse", "write", "subscribe", "discover"} >= set(plugin.manifest.get("abilities", []))
    assert len(plugin.read("README.md")) > 200


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_is_right(name: str) -> None:
    tables = tomllib.loads(SHELF.get(name).read("sample.toml"))["edge"]
    assert set(tables) == {name}
    for raw in tables[name]:
        build(name, raw, organisation="plant")


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_setting_is_refused_without_network(name: str) -> None:
    with pytest.raises(BadSettings, match="unknown key 'tiemout_s'"):
        build(name, {"name": "x", "tiemout_s": 3}, organisation="acme")


@pytest.mark.parametrize("name", NAMES)
async def test_closing_is_safe_before_connecting_and_twice(name: str, tmp_path: Path) -> None:
    async with fake_of(name).stand(tmp_path) as stand:
        connector = made(name, stand.raw, tmp_path)
        await connector.close()
        await connector.connect()
        await connector.close()
        await connector.close()


@pytest.mark.parametrize("name", NAMES)
async def test_values_come(name: str, tmp_path: Path) -> None:
    async with fake_of(name).stand(tmp_path) as stand:
        connector = made(name, stand.raw, tmp_path)
        try:
            await connector.connect()
            paths = await first_values(connector)
        finally:
            await connector.close()
    assert paths
    assert all(path.startswith("acme/hall/one/") for path in paths)


@pytest.mark.parametrize("name", NAMES)
async def test_a_machine_that_is_away_is_unavailable_and_comes_back(name: str, tmp_path: Path) -> None:
    async with fake_of(name).stand(tmp_path) as stand:
        await stand.unplug()
        connector = made(name, stand.raw, tmp_path)
        with pytest.raises((Unavailable, TimeoutError)):
            await asyncio.wait_for(_open_and_read(connector), 20)
        await connector.close()
        await stand.plug_in()
        connector = made(name, stand.raw, tmp_path)
        try:
            await connector.connect()
            assert await first_values(connector)
        finally:
            await connector.close()


async def _open_and_read(connector) -> None:
    await connector.connect()
    if not await first_values(connector):
        raise Unavailable("nothing came")
