"""OPC UA servers that die, freeze, forget, refuse or talk nonsense; and what the connector does about it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.opcua import OpcUa, OpcUaSettings
from lineshaft.edge.connectors.opcua.fake import Limits, ReplayServer
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import PlantPath, Quality

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAKE = "lineshaft.edge.connectors.opcua.fake"
LINE = [
    Tag(path=PlantPath(f"acme/{name}"), address=f"nsu=urn:lineshaft:packaging-line;s={name}")
    for name in ("Filler.Speed", "Filler.TankLevel", "Capper.BearingTemperature")
]


class Process:
    """The packaging line in a process of its own, always on the same port."""

    def __init__(self) -> None:
        self.port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", FAKE, "--port", str(self.port), "--tick", "0.1"), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.port = json.loads(await asyncio.wait_for(self._process.stdout.readline(), 30))["port"]

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await asyncio.wait_for(self._process.wait(), 10)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def process() -> AsyncIterator[Process]:
    started = Process()
    await started.start()
    yield started
    await started.end()


class Keeper:
    """What the runner does: connect, subscribe, and after a loss close, wait and begin anew."""

    def __init__(self, url: str, tags: list[Tag], sink: Any, **settings: Any) -> None:
        self._settings, self._tags, self._sink = OpcUaSettings(url=url, **settings), tags, sink
        self.lost: list[tuple[float, str]] = []
        self.closing_s: list[float] = []

    async def run(self) -> None:
        while True:
            connector = OpcUa(self._settings, self._tags, root=PlantPath("acme"))
            try:
                await connector.connect()
                await connector.subscribe(self._sink)
            except Unavailable as error:
                self.lost.append((time.monotonic(), error.message))
            finally:
                began = time.monotonic()
                await connector.close()
                self.closing_s.append(time.monotonic() - began)
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def kept(url: str, tags: list[Tag], sink: Any, **settings: Any) -> AsyncIterator[Keeper]:
    keeper = Keeper(url, tags, sink, **settings)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def connect(url: str, **settings: Any) -> None:
    """Connect and close again."""
    connector = OpcUa(OpcUaSettings(url=url, **settings), [], root=PlantPath("acme"))
    try:
        await asyncio.wait_for(connector.connect(), 10)
    finally:
        await connector.close()


# ---- dying and freezing ----


async def test_a_killed_server_is_noticed_at_once_and_data_resumes_by_itself(process: Process, sink: Any) -> None:
    async with kept(process.url, LINE, sink) as keeper:
        await sink.until(lambda: len({row.path for row in sink.rows}) == 3, 10)
        process.send(signal.SIGKILL)
        killed = time.monotonic()
        await sink.until(lambda: keeper.lost)
        assert keeper.lost[0][0] - killed < 1
        await process.end()
        await process.start()
        before, ready = len(sink.rows), time.monotonic()
        await sink.until(lambda: len({row.path for row in sink.rows[before:]}) == 3, 5)
        assert time.monotonic() - ready < 5
    assert all(process.url in message for _, message in keeper.lost)


@pytest.mark.parametrize("mode", ["subscribe", "poll"])
async def test_a_frozen_server_is_noticed_within_five_seconds(process: Process, sink: Any, mode: str) -> None:
    async with kept(process.url, LINE, sink, mode=mode) as keeper:
        await sink.until(lambda: len({row.path for row in sink.rows}) == 3, 10)
        process.send(signal.SIGSTOP)
        frozen = time.monotonic()
        await sink.until(lambda: keeper.lost, 5)
        assert 2 < keeper.lost[0][0] - frozen < 5
        assert "has said nothing for" in keeper.lost[0][1]
        await sink.until(lambda: keeper.closing_s)
        assert keeper.closing_s[0] < 0.5
        process.send(signal.SIGCONT)
        before = len(sink.rows)
        await sink.until(lambda: len(sink.rows) > before + 10, 10)


class Proxy:
    """Passes everything on to a server, until it is told otherwise."""

    def __init__(self, port: int) -> None:
        self.there, self.port = port, 0
        self.spoil: Callable[[bytes], bytes | None] = lambda data: data
        """Changes what the server sends; None closes the connection."""
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(0.05)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", self.there)
        self._writers += [writer, there]
        await asyncio.gather(
            self._copy(reader, there, lambda data: data),
            self._copy(there_reader, writer, lambda data: self.spoil(data)),
        )

    async def _copy(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, change: Callable[[bytes], bytes | None]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                changed = change(data)
                if changed is None:
                    break
                to.write(changed)
                await to.drain()
        to.transport.abort()


COLUMNS = ["a", "b", "c", *(f"c{number}" for number in range(330))]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machine() -> AsyncIterator[ReplayServer]:
    async with ReplayServer(COLUMNS) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def proxy(machine: ReplayServer) -> AsyncIterator[Proxy]:
    started = Proxy(machine.device.port)
    await started.start()
    yield started
    await started.stop()


def tags_of(server: ReplayServer, names: Iterable[str] = ("a", "b", "c")) -> list[Tag]:
    every = timedelta(milliseconds=50)
    return [Tag(path=PlantPath(f"acme/{name}"), address=server.addresses[name], every=every) for name in names]


def _cut(data: bytes) -> bytes | None:
    return data[: len(data) // 2] if len(data) > 40 else None


FAULTS: dict[str, Callable[[bytes], bytes | None]] = {
    "nothing comes any more": lambda _: b"",
    "the connection breaks": lambda _: None,
    "messages are cut": _cut,
    "bytes are noise": lambda data: bytes(byte ^ 0x5A for byte in data),
    "messages are mixed up inside": lambda data: data[:24] + data[24:][::-1],
    "the length is huge": lambda data: data[:4] + b"\xff\xff\xff\x7f" + data[8:],
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_broken_line_is_noticed_and_comes_back(
    machine: ReplayServer, proxy: Proxy, sink: Any, fault: str
) -> None:
    await machine.set({"a": 1.0, "b": 2.0, "c": 3.0})
    async with kept(proxy.url, tags_of(machine), sink, lost_after_s=1.0, timeout_s=1.0) as keeper:
        await sink.until(lambda: len(sink.rows) == 3)
        proxy.spoil = FAULTS[fault]
        await machine.set({"a": 4.0})
        await sink.until(lambda: keeper.lost, 5)
        proxy.spoil = lambda data: data
        before = len(sink.rows)
        await sink.until(lambda: len({row.path for row in sink.rows[before:]}) == 3)
        await machine.set({"a": 5.0})
        await sink.until(lambda: sink.last("acme/a").number == 5.0)
    assert {row.number for row in sink.rows} <= {1.0, 2.0, 3.0, 4.0, 5.0}
    assert all(message.startswith(proxy.url) or proxy.url in message for _, message in keeper.lost)


async def test_a_server_that_forgets_the_subscription_is_asked_again(machine: ReplayServer, sink: Any) -> None:
    await machine.set({"a": 1.0, "b": 2.0, "c": 3.0})
    async with kept(machine.url, tags_of(machine), sink, lost_after_s=1.0) as keeper:
        await sink.until(lambda: len(sink.rows) == 3)
        service = machine.device.server.iserver.subscription_service
        await service.delete_subscriptions(list(service.subscriptions))
        await sink.until(lambda: keeper.lost, 7)
        await sink.until(lambda: len(sink.rows) >= 6)
        await machine.set({"b": 9.0})
        await sink.until(lambda: sink.last("acme/b").number == 9.0)


async def test_a_namespace_that_comes_later_is_noticed(machine: ReplayServer, sink: Any) -> None:
    late = Tag(path=PlantPath("acme/late"), address="nsu=urn:late;s=late")
    async with kept(machine.url, [late], sink, recheck_s=0.2) as keeper:
        await sink.until(lambda: sink.rows)
        assert sink.rows[0].quality == Quality.BAD_CONFIG_ERROR
        server = machine.device.server
        index = await server.register_namespace("urn:late")
        await server.nodes.objects.add_variable(ua.NodeId("late", index), "late", 6.5)
        await sink.until(lambda: sink.rows[-1].number == 6.5)
    assert [message for _, message in keeper.lost] == [f"{machine.url} has changed its namespaces."]


# ---- talking nonsense ----

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _say(words: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(words)
    await writer.drain()
    await reader.read()


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"MSGF\xff\xff\xff\x7f")
    with contextlib.suppress(OSError):
        while True:
            writer.write(b"x" * 200_000)
            await writer.drain()


NONSENSE: dict[str, Answer] = {
    "http": lambda r, w: _say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", r, w),
    "noise": lambda r, w: _say(bytes(range(256)) * 40, r, w),
    "half a header": lambda r, w: _say(b"ACKF\x1c", r, w),
    "a huge length": lambda r, w: _say(b"ACKF\xff\xff\xff\x7f" + b"\0" * 100, r, w),
    "an error": lambda r, w: _say(b"ERRF\x10\0\0\0\0\0\x7d\x80\xff\xff\xff\xff", r, w),
    "silence": lambda r, w: _say(b"", r, w),
    "goodbye": _close,
    "a flood": _flood,
}


async def _longest_pause() -> float:
    """How long everybody else had to wait, at worst, until this is cancelled."""
    worst = 0.0
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            worst = max(worst, time.monotonic() - began)
    return worst


@pytest.mark.parametrize("kind", NONSENSE)
async def test_a_port_that_talks_nonsense_is_unavailable_in_time(kind: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await NONSENSE[kind](reader, writer)
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    began = time.monotonic()
    watch = asyncio.create_task(_longest_pause())
    try:
        with pytest.raises(Unavailable) as caught:
            await connect(url, timeout_s=1.0)
    finally:
        watch.cancel()
        server.close()
        await asyncio.sleep(0.05)
    assert time.monotonic() - began < 2.5
    assert await watch < 0.25, "nobody else could work"
    if kind == "a flood":
        assert time.monotonic() - began < 0.9, "a flood is collected until the time-out"
    assert url in caught.value.message
    assert caught.value.hint


async def test_nobody_there_is_said_plainly() -> None:
    with pytest.raises(Unavailable, match=r"Nothing listens at opc\.tcp://127\.0\.0\.1:1\."):
        await connect("opc.tcp://127.0.0.1:1")
    with pytest.raises(Unavailable, match=r"The name in opc\.tcp://no-such-host\.invalid:4840 is not known"):
        await connect("opc.tcp://no-such-host.invalid")


# ---- small servers ----


async def served(machine: ReplayServer, sink: Any, count: int, limits: Limits) -> None:
    """Everything arrives from a server with these limits, first and changed."""
    names = COLUMNS[3 : 3 + count]
    machine.device.limits = limits
    try:
        await machine.set({name: float(number) for number, name in enumerate(names)})
        async with kept(machine.url, tags_of(machine, names), sink) as keeper:
            await sink.until(lambda: len({row.path for row in sink.rows}) == count)
            await machine.set({name: number + 0.5 for number, name in enumerate(names)})
            changed = {(f"acme/{name}", number + 0.5) for number, name in enumerate(names)}
            await sink.until(lambda: changed <= {(row.path, row.number) for row in sink.rows})
            await asyncio.sleep(0.2)
    finally:
        machine.device.limits = Limits()
    assert keeper.lost == []
    assert {row.quality for row in sink.rows} == {Quality.GOOD}
    assert sink.problems == []


async def test_a_server_that_takes_few_items_per_call_is_served(machine: ReplayServer, sink: Any) -> None:
    await served(machine, sink, 330, Limits(items_per_call=100, nodes_per_read=100))
    assert len(sink.of("acme/c0")) == 2


async def test_items_are_spread_over_subscriptions_and_the_rest_is_polled(machine: ReplayServer, sink: Any) -> None:
    await served(machine, sink, 25, Limits(items_per_subscription=10, subscriptions=2))
    counts = {name: len(sink.of(f"acme/{name}")) for name in ("c0", "c10", "c24")}
    assert counts["c0"] == counts["c10"] == 2
    assert counts["c24"] > 2


async def test_a_server_without_subscriptions_is_polled(machine: ReplayServer, sink: Any) -> None:
    await served(machine, sink, 130, Limits(subscriptions=0, nodes_per_read=50))
    assert len(sink.of("acme/c0")) > 2


async def test_a_missing_node_among_limited_ones_stops_nobody(machine: ReplayServer, sink: Any) -> None:
    await machine.set({"a": 1.0, "b": 2.0})
    machine.device.limits = Limits(items_per_call=1, subscriptions=1)
    gone = Tag(path=PlantPath("acme/gone"), address="ns=2;s=gone")
    first, second = tags_of(machine, ["a", "b"])
    try:
        async with kept(machine.url, [first, gone, second], sink) as keeper:
            await sink.until(lambda: len(sink.rows) == 3)
    finally:
        machine.device.limits = Limits()
    assert keeper.lost == []
    assert {(row.path, row.quality) for row in sink.rows} == {
        ("acme/a", Quality.GOOD),
        ("acme/b", Quality.GOOD),
        ("acme/gone", Quality.BAD_CONFIG_ERROR),
    }
    assert [problem.path for problem in sink.problems] == ["acme/gone"]
