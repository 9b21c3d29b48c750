"""Real brokers for the connectors that speak MQTT, a proxy that records every packet, and a sink that keeps."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lineshaft.edge.connectors import Problem, Readings

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A running broker and who may sign in."""

    name: str
    port: int
    user: str = ""
    password: str = ""
    host: str = "127.0.0.1"
    websocket: int = 0

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    @property
    def login(self) -> dict[str, str]:
        return {"user": self.user, "password": self.password} if self.user else {}


@dataclass(slots=True)
class Row:
    """One value as it left a connector."""

    path: str
    ts: int
    number: float
    quality: int
    text: str | None


class Collector:
    """A sink that keeps everything; `gate` closed makes `flush` wait, as a full platform does."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.problems: list[Problem] = []
        self.flushes = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, readings: Readings) -> None:
        columns = (readings.index, readings.ts, readings.number, readings.quality)
        assert len({len(c) for c in columns}) == 1
        text = readings.text or [None] * len(readings)
        for (i, ts, number, quality), words in zip(zip(*(c.tolist() for c in columns), strict=True), text, strict=True):
            self.rows.append(Row(str(readings.paths[i]), ts, number, quality, words))

    async def flush(self) -> None:
        await self.gate.wait()
        self.flushes += 1

    def trouble(self, problem: Problem) -> None:
        self.problems.append(problem)

    def of(self, path: str) -> list[Row]:
        return [row for row in self.rows if row.path == path]

    def last(self, path: str) -> Row:
        return self.of(path)[-1]

    async def until(self, check: Callable[[], Any], within_s: float = 8.0) -> None:
        """Wait until something holds."""
        end = asyncio.get_running_loop().time() + within_s
        while not check():
            if asyncio.get_running_loop().time() > end:
                seen = "\n".join(map(str, self.rows[-20:]))
                raise AssertionError(f"did not happen within {within_s} s; rows:\n{seen}\nproblems: {self.problems}")
            await asyncio.sleep(0.01)


@pytest.fixture
def sink() -> Collector:
    return Collector()


# ---- brokers ----


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the broker ended with code {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.01)
    raise RuntimeError("the broker did not open its port")


@contextlib.contextmanager
def _running(*argv: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_port(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


@contextlib.contextmanager
def run_mosquitto(folder: Path, port: int | None = None, extra: str = "") -> Iterator[Broker]:
    """A mosquitto of its own on a free port."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    port = port or _free_port()
    conf = folder / f"mosquitto-{port}.conf"
    conf.write_text(
        f"user root\nlistener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n{extra}\n"
    )
    with _running(MOSQUITTO, "-c", str(conf), port=port):
        yield Broker(name="mosquitto", port=port)


@contextlib.contextmanager
def run_nats(folder: Path) -> Iterator[Broker]:
    """A nats-server with MQTT, as the platform embeds it."""
    port, client, websocket = _free_port(), _free_port(), _free_port()
    conf = folder / f"nats-{port}.conf"
    conf.write_text(
        f"server_name: t\nlisten: 127.0.0.1:{client}\n"
        f'jetstream {{ store_dir: "{folder / f"js-{port}"}" }}\n'
        f"mqtt {{ listen: 127.0.0.1:{port} }}\n"
        f"websocket {{ listen: 127.0.0.1:{websocket}, no_tls: true }}\n"
        "accounts { D { jetstream: enabled, users: [\n"
        "  { user: u, password: secret }\n"
        "  { user: guest, password: guest, permissions: {\n"
        '    publish: [], subscribe: ["allowed", "allowed.>", "$MQTT.sub.>"] } }\n'
        "] } }\n"
    )
    with _running(str(Path(sys.executable).parent / "nats-server"), "-c", str(conf), port=port):
        yield Broker(name="nats", port=port, user="u", password="secret", websocket=websocket)


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One mosquitto for all tests that leave it as they found it."""
    with run_mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@pytest.fixture(scope="session")
def second_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Another one, for those who are at two brokers at once."""
    with run_mosquitto(tmp_path_factory.mktemp("mosquitto-2")) as broker:
        yield broker


@pytest.fixture(scope="session")
def nats_mqtt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One nats-server with MQTT for all tests."""
    with run_nats(tmp_path_factory.mktemp("nats")) as broker:
        yield broker


@pytest.fixture(params=["mosquitto", "nats"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn."""
    found: Broker = request.getfixturevalue("mosquitto" if request.param == "mosquitto" else "nats_mqtt")
    return found


@pytest.fixture
def own_mosquitto(tmp_path: Path) -> Callable[..., Any]:
    """Start a mosquitto for this test alone: `with own_mosquitto() as broker:`."""

    def start(port: int | None = None, extra: str = "") -> Any:
        return run_mosquitto(tmp_path, port, extra)

    return start


# ---- the recording proxy ----


@dataclass(slots=True)
class Packet:
    """One MQTT packet as it went by. `up` is from the client to the broker."""

    up: bool
    kind: str
    at: float
    session: int
    fields: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name == "fields" or name not in self.fields:
            raise AttributeError(name)
        return self.fields[name]


_KINDS = {
    1: "CONNECT",
    2: "CONNACK",
    3: "PUBLISH",
    4: "PUBACK",
    5: "PUBREC",
    6: "PUBREL",
    7: "PUBCOMP",
    8: "SUBSCRIBE",
    9: "SUBACK",
    10: "UNSUBSCRIBE",
    11: "UNSUBACK",
    12: "PINGREQ",
    13: "PINGRESP",
    14: "DISCONNECT",
    15: "AUTH",
}


class Recorder:
    """A TCP proxy in front of a broker that notes every packet of every connection, in order."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.packets: list[Packet] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._versions: dict[int, int] = {}
        self._sessions = 0
        self.refuse = False

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Break every connection without a word."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def up(self, *kinds: str) -> list[Packet]:
        """Packets of these kinds from the client, all without any."""
        return [p for p in self.packets if p.up and (not kinds or p.kind in kinds)]

    def sent(self, topic: str) -> list[Packet]:
        """What the client published on a topic."""
        return [p for p in self.up("PUBLISH") if p.topic == topic]

    def down(self, *kinds: str) -> list[Packet]:
        return [p for p in self.packets if not p.up and (not kinds or p.kind in kinds)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuse:
            writer.transport.abort()
            return
        self._sessions += 1
        session = self._sessions
        there_reader, there = await asyncio.open_connection(self.broker.host, self.broker.port)
        self._writers += [writer, there]
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await asyncio.gather(
                self._copy(reader, there, True, session), self._copy(there_reader, writer, False, session)
            )
        for one in (writer, there):
            one.transport.abort()

    async def _copy(self, source: asyncio.StreamReader, to: asyncio.StreamWriter, up: bool, session: int) -> None:
        try:
            while True:
                head = await source.readexactly(1)
                size, raw = await _remaining(source)
                body = await source.readexactly(size)
                self._note(head[0], body, up, session)
                to.write(head + raw + body)
                await to.drain()
        finally:
            with contextlib.suppress(OSError):
                to.close()

    def _note(self, head: int, body: bytes, up: bool, session: int) -> None:
        kind = _KINDS[head >> 4]
        packet = Packet(up=up, kind=kind, at=time.time(), session=session)
        if kind == "CONNECT":
            packet.fields = _connect(body)
            self._versions[session] = packet.fields["level"]
        elif kind == "PUBLISH":
            packet.fields = _publish(head, body, self._versions.get(session, 4))
        elif kind == "SUBSCRIBE":
            packet.fields = _subscribe(body, self._versions.get(session, 4))
        elif kind in {"PUBACK", "SUBACK"}:
            packet.fields = {"mid": int.from_bytes(body[:2], "big")}
        self.packets.append(packet)


async def _remaining(source: asyncio.StreamReader) -> tuple[int, bytes]:
    raw = b""
    size = shift = 0
    while True:
        byte = await source.readexactly(1)
        raw += byte
        size |= (byte[0] & 127) << shift
        shift += 7
        if not byte[0] & 128:
            return size, raw


def _varint(body: bytes, at: int) -> tuple[int, int]:
    size = shift = 0
    while True:
        byte = body[at]
        at += 1
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return size, at


def _text(body: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(body[at : at + 2], "big")
    return body[at + 2 : at + 2 + size], at + 2 + size


def _connect(body: bytes) -> dict[str, Any]:
    name, at = _text(body, 0)
    level, flags = body[at], body[at + 1]
    at += 4
    found: dict[str, Any] = {
        "protocol": name.decode(),
        "level": level,
        "clean": bool(flags & 2),
        "session_expiry": None,
    }
    if level == 5:
        size, at = _varint(body, at)
        properties = body[at : at + size]
        at += size
        spot = properties.find(b"\x11")
        found["session_expiry"] = int.from_bytes(properties[spot + 1 : spot + 5], "big") if spot >= 0 else 0
    client, at = _text(body, at)
    found |= {"client_id": client.decode(), "will": bool(flags & 4), "will_qos": flags >> 3 & 3}
    found["will_retain"] = bool(flags & 32)
    if flags & 4:
        if level == 5:
            size, at = _varint(body, at)
            at += size
        topic, at = _text(body, at)
        payload, at = _text(body, at)
        found |= {"will_topic": topic.decode(), "will_payload": payload}
    return found


def _publish(head: int, body: bytes, level: int) -> dict[str, Any]:
    topic, at = _text(body, 0)
    qos = head >> 1 & 3
    mid = 0
    if qos:
        mid = int.from_bytes(body[at : at + 2], "big")
        at += 2
    if level == 5:
        size, at = _varint(body, at)
        at += size
    return {"topic": topic.decode(), "qos": qos, "retain": bool(head & 1), "mid": mid, "payload": body[at:]}


def _subscribe(body: bytes, level: int) -> dict[str, Any]:
    at = 2
    if level == 5:
        size, at = _varint(body, at)
        at += size
    filters = []
    while at < len(body):
        topic, at = _text(body, at)
        filters.append((topic.decode(), body[at] & 3))
        at += 1
    return {"filters": filters}


@pytest.fixture(scope="session")
def recorder_class() -> type[Recorder]:
    return Recorder


@pytest.fixture(scope="session")
def collector_class() -> type[Collector]:
    return Collector


@pytest.fixture
async def record() -> AsyncIterator[Callable[[Broker], Any]]:
    """Put a recording proxy in front of a broker: `recorder = await record(broker)`."""
    started: list[Recorder] = []

    async def put_before(broker: Broker) -> Recorder:
        recorder = Recorder(broker)
        await recorder.start()
        started.append(recorder)
        return recorder

    yield put_before
    for recorder in started:
        await recorder.stop()
    await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def working(connector: Any, sink: Any) -> AsyncIterator[asyncio.Task[None]]:
    """The connector connected and subscribed, closed afterwards."""
    await asyncio.wait_for(connector.connect(), 10)
    task = asyncio.create_task(connector.subscribe(sink))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(connector.close(), 5)
