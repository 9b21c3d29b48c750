"""One play of a host with edge nodes before real brokers, every packet recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lineshaft.edge.broker import BrokerSettings, Link
from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.sparkplug import CONNECTOR, DataType, Payload, SparkplugSettings
from lineshaft.edge.connectors.sparkplug.edge import EdgeSide, Variable
from lineshaft.kernel.config import Secret
from lineshaft.kernel.terms import PlantPath

ROOT = PlantPath("acme/berlin")


HOST = "scada-1"


STATE = f"spBv1.0/STATE/{HOST}"


GROUP = "tck"


REORDER_S = 0.4


@dataclass
class Evidence:
    """What was seen while the session was played."""

    broker: str
    protocol: str
    host: list[Any] = field(default_factory=list)
    """Packets of the host's connections, up and down."""
    edge: list[Any] = field(default_factory=list)
    marks: dict[str, float] = field(default_factory=dict)
    rows: dict[str, list[Any]] = field(default_factory=dict)
    """Rows that came out during a phase."""
    tree: dict[str, dict[str, str]] = field(default_factory=dict)
    """Online or offline by address, at the end of a phase."""
    births: dict[str, Any] = field(default_factory=dict)
    retained: dict[str, dict[str, Any]] = field(default_factory=dict)
    other: list[Any] = field(default_factory=list)
    """Packets of the same host at a second broker."""
    rebirths: dict[str, int] = field(default_factory=dict)

    def up(self, kind: str, session: int = 1) -> list[Any]:
        return [p for p in self.host if p.up and p.kind == kind and p.session == session]

    def states(self, session: int = 1) -> list[Any]:
        return [p for p in self.up("PUBLISH", session) if p.topic == STATE]

    def sent(self, verb: str) -> list[Any]:
        return [p for p in self.host if p.up and p.kind == "PUBLISH" and p.topic.split("/")[2] == verb]

    def command(self, verb: str, edge: str) -> tuple[Any, Any, Any]:
        """The packet, payload and metric of the last command to a node that is no rebirth."""
        for packet in reversed(self.sent(verb)):
            payload = Payload.FromString(packet.payload)
            if packet.topic.split("/")[3] == edge and payload.metrics[0].name != "Node Control/Rebirth":
                return packet, payload, payload.metrics[0]
        raise AssertionError(f"no {verb} to {edge}")

    def connect(self, session: int = 1) -> Any:
        (packet,) = self.up("CONNECT", session)
        return packet

    def will(self, session: int = 1) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.connect(session).will_payload)
        return found


async def _until(check: Callable[[], Any], within_s: float = 8.0) -> None:
    end = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.01)


class Play:
    """Plays the session and gathers the evidence."""

    def __init__(self, broker: Any, other: Any, protocol: str, recorder: Any, collector: Any) -> None:
        self.broker = broker
        self.other = other
        self.evidence = Evidence(broker.name, protocol)
        self.recorder = recorder(broker)
        self.second = recorder(other)
        self.edge_recorder = recorder(broker)
        self.sink = collector()
        self.names = {"aliased": "Edge", "named": "edge"}
        self._collector = collector

    def connector(self, url: str, broker: Any) -> Any:
        tags = (
            Tag(path=PlantPath(f"{ROOT}/sp"), address=f"{GROUP}/Edge/drive|Setpoint", writable=True),
            Tag(path=PlantPath(f"{ROOT}/name"), address=f"{GROUP}/Edge|Limit", writable=True),
            Tag(path=PlantPath(f"{ROOT}/sp2"), address=f"{GROUP}/edge/drive|Setpoint", writable=True),
            Tag(path=PlantPath(f"{ROOT}/name2"), address=f"{GROUP}/edge|Limit", writable=True),
        )
        settings = SparkplugSettings(
            broker=url,
            host_id=HOST,
            protocol=self.evidence.protocol,
            reorder_timeout_s=REORDER_S,
            rebirth_every_s=1,
            rebirth_jitter_s=0.05,
            **broker.login,
        )
        connector = CONNECTOR(settings, tags, root=ROOT)
        assert connector.check() == []
        return connector

    def side(self, name: str, *, aliases: bool) -> EdgeSide:
        side = EdgeSide(self.edge_recorder.url, group=GROUP, edge=name, aliases=aliases, **self.broker.login)
        side.add("", [Variable("Limit", DataType.INT32, 5, writable=True)])
        speed = Variable("Speed", DataType.DOUBLE, 1.0)
        side.add("drive", [speed, Variable("Setpoint", DataType.FLOAT, 0.5, writable=True)])
        return side

    async def run(self) -> Evidence:
        for recorder in (self.recorder, self.second, self.edge_recorder):
            await recorder.start()
        try:
            await asyncio.wait_for(self._play(), 60)
        finally:
            for recorder in (self.recorder, self.second, self.edge_recorder):
                await recorder.stop()
            await asyncio.sleep(0.05)
        e = self.evidence
        e.host, e.other = _sessions(self.recorder.packets), _sessions(self.second.packets)
        e.edge = self.edge_recorder.packets
        return e

    async def _play(self) -> None:
        e = self.evidence
        connector = self.connector(self.recorder.url, self.broker)
        e.marks["connect"] = time.time()
        await connector.connect()
        task = asyncio.create_task(connector.subscribe(self.sink))
        await _until(lambda: len(self.recorder.sent(STATE)) == 1)
        await self._retained("online")
        await self._false_state()
        first, second = self.side("Edge", aliases=True), self.side("edge", aliases=False)
        await first.open()
        await second.open()
        await _until(lambda: len(self.sink.rows) >= 6)
        await self._phase("born", connector)
        await self._commands(connector, first, second)
        await self._reorder_success(first)
        await self._reorder_rebirth(first)
        await self._deaths(connector, first, second)
        await self._cut(connector, task)
        await self._clean_stop()
        await self._two_brokers()

    async def _phase(self, name: str, connector: Any) -> None:
        e = self.evidence
        e.rows[name], self.sink.rows = self.sink.rows, []
        e.tree[name] = {}
        for node in await connector.browse(GROUP):
            e.tree[name][node.address] = node.description
            for below in await connector.browse(node.address):
                if below.description:
                    e.tree[name][below.address] = below.description

    async def _stranger(self) -> Link:
        b = self.broker
        settings = BrokerSettings(broker=b.url, user=b.user, password=Secret(b.password), protocol="3.1.1")
        link = Link(settings, settings.endpoint(None))
        await link.open()
        return link

    async def _retained(self, name: str) -> None:
        link = await self._stranger()
        await link.subscribe([STATE], 1)
        found = await link.take(5)
        self.evidence.retained[name] = json.loads(found[0][1]) | {"_retained": found[0][4]}
        await link.close()

    async def _false_state(self) -> None:
        """Somebody, as the Will of an old session would, says that the host is offline."""
        link = await self._stranger()
        stamp = json.loads(self.recorder.sent(STATE)[0].payload)["timestamp"]
        await link.publish(STATE, json.dumps({"online": False, "timestamp": stamp}), qos=1)
        await link.close()
        await _until(lambda: len(self.recorder.sent(STATE)) >= 2)

    async def _commands(self, connector: Any, first: EdgeSide, second: EdgeSide) -> None:
        for tag, value in zip(connector.tags, (0.75, 42, 0.25, 43), strict=True):
            await asyncio.wait_for(connector.write(tag, value), 5)
        await _until(lambda: first.devices["drive"]["Setpoint"].value == 0.75)
        await _until(lambda: first.devices[""]["Limit"].value == 42)
        await _until(lambda: second.devices["drive"]["Setpoint"].value == 0.25)
        await _until(lambda: second.devices[""]["Limit"].value == 43)

    async def _reorder_success(self, side: EdgeSide) -> None:
        before = len(self.evidence_rebirths())
        late = side.data("drive", {"Speed": 23.0})
        await side.tell("drive", {"Speed": 24.0})
        await asyncio.sleep(REORDER_S / 4)
        held = [row.number for row in self.sink.rows]
        await side.send("DDATA", "drive", late)
        await _until(lambda: [r.number for r in self.sink.of(f"{ROOT}/{GROUP}/Edge/drive/Speed")] == [23.0, 24.0])
        await asyncio.sleep(REORDER_S * 2)
        self.evidence.rows["reorder success"], self.sink.rows = self.sink.rows, []
        self.evidence.rows["while waiting"] = held
        self.evidence.rebirths["success"] = len(self.evidence_rebirths()) - before

    async def _reorder_rebirth(self, side: EdgeSide) -> None:
        births, before = side.births, len(self.evidence_rebirths())
        side.data("drive", {"Speed": 33.0})
        self.evidence.marks["gap"] = time.time()
        await side.tell("drive", {"Speed": 34.0})
        await _until(lambda: side.births == births + 1)
        await _until(lambda: len(self.sink.of(f"{ROOT}/{GROUP}/Edge/drive/Speed")) >= 2)
        await asyncio.sleep(0.2)
        self.evidence.rows["reorder rebirth"], self.sink.rows = self.sink.rows, []
        self.evidence.rebirths["rebirth"] = len(self.evidence_rebirths()) - before

    def evidence_rebirths(self) -> list[Any]:
        return [p for p in self.recorder.up("PUBLISH") if p.topic == f"spBv1.0/{GROUP}/NCMD/Edge" and _is_rebirth(p)]

    async def _deaths(self, connector: Any, first: EdgeSide, second: EdgeSide) -> None:
        e = self.evidence
        e.marks["ddeath said"] = int(time.time() * 1000) - 1500
        await first.device_death("drive", at_ms=int(e.marks["ddeath said"]))
        await _until(lambda: len(self.sink.rows) >= 2)
        await self._phase("ddeath", connector)
        e.marks["ndeath"] = time.time()
        await second.crash()
        await _until(lambda: len(self.sink.rows) >= 3)
        e.marks["ndeath seen"] = time.time()
        await self._phase("ndeath", connector)
        await first.close()
        await _until(lambda: len(self.sink.rows) >= 1)
        await self._phase("all dead", connector)

    async def _cut(self, connector: Any, task: asyncio.Task[None]) -> None:
        """The connection breaks: the broker publishes the Will; the next connector starts a new session."""
        self.recorder.cut()
        await asyncio.gather(task, return_exceptions=True)
        await connector.close()
        await asyncio.sleep(0.3)
        await self._retained("cut")

    async def _clean_stop(self) -> None:
        connector = self.connector(self.recorder.url, self.broker)
        await connector.connect()
        task = asyncio.create_task(connector.subscribe(self._collector()))
        await _until(lambda: self._said_in(self.recorder, 2, "PUBLISH"))
        await asyncio.sleep(0.1)
        self.evidence.marks["stop"] = time.time()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connector.close()
        await _until(lambda: self._said_in(self.recorder, 2, "DISCONNECT"))
        await self._retained("stopped")

    async def _two_brokers(self) -> None:
        here, there = self.connector(self.recorder.url, self.broker), self.connector(self.second.url, self.other)
        await here.connect()
        await asyncio.sleep(0.05)
        await there.connect()
        await _until(lambda: self._said_in(self.second, 1, "PUBLISH") and self._said_in(self.recorder, 3, "PUBLISH"))
        await here.close()
        await there.close()

    @staticmethod
    def _said_in(recorder: Any, session: int, kind: str) -> bool:
        return any(p.up and p.kind == kind and p.session == session for p in _sessions(recorder.packets))


def _sessions(packets: list[Any]) -> list[Any]:
    """The packets of connections that came about, counted from 1; a refused version is none."""
    real = sorted({p.session for p in packets if p.kind == "SUBSCRIBE"})
    return [replace(p, session=real.index(p.session) + 1) for p in packets if p.session in real]


def _is_rebirth(packet: Any) -> bool:
    return any(m.name == "Node Control/Rebirth" for m in Payload.FromString(packet.payload).metrics)
