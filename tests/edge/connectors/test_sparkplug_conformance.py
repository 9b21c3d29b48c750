"""The 89 assertions of the official kit's host profile, each judged on packets recorded on the wire.

One session is played per broker and MQTT version: connect, a false STATE, births, commands to a node
and a device, a gap that is filled and one that is not, deaths, a cut connection, a clean stop. The
checks then look at what the recording proxy saw, and at what came out of the connector.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from lineshaft.edge.broker import BrokerSettings, Link
from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.sparkplug import CONNECTOR, DataType, Payload, SparkplugSettings
from lineshaft.edge.connectors.sparkplug.edge import EdgeSide, Variable
from lineshaft.kernel.config import Secret
from lineshaft.kernel.terms import PlantPath, Quality

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


# ---- playing ----


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


@pytest.fixture(scope="module", params=["mosquitto/5", "mosquitto/3.1.1", "nats/auto"])
def evidence(request: pytest.FixtureRequest, recorder_class: Any, collector_class: Any) -> Evidence:
    name, protocol = request.param.split("/")
    brokers = {"mosquitto": "mosquitto", "nats": "nats_mqtt"}
    broker = request.getfixturevalue(brokers[name])
    other = request.getfixturevalue(brokers["nats" if name == "mosquitto" else "mosquitto"])
    if protocol == "5":
        other = request.getfixturevalue("second_mosquitto")
    play = Play(broker, other, protocol, recorder_class, collector_class)
    return asyncio.run(play.run())


# ---- judging ----

CHECKS: dict[str, Callable[[Evidence], None]] = {}
MORE: dict[str, Callable[[Evidence], None]] = {}


def judges(*ids: str, into: dict[str, Callable[[Evidence], None]] = CHECKS) -> Callable[[Any], Any]:
    def note(check: Callable[[Evidence], None]) -> Callable[[Evidence], None]:
        for name in ids:
            assert name not in into, name
            into[name] = check
        return check

    return note


_C = "operational-behavior-host-application-connect-"


@judges("message-flow-phid-sparkplug-clean-session-311", "message-flow-phid-sparkplug-clean-session-50")
def clean_session(e: Evidence) -> None:
    for session in (1, 2, 3):
        assert e.connect(session).clean is True
        if e.connect(session).level == 5:
            assert e.connect(session).session_expiry == 0
    assert e.connect().level == (5 if e.protocol == "5" else 4) or e.protocol == "auto"


@judges(
    f"{_C}will",
    "host-topic-phid-death-required",
    "payloads-state-will-message",
)
def will_is_there(e: Evidence) -> None:
    assert all(e.connect(session).will for session in (1, 2, 3))
    assert e.retained["cut"]["online"] is False, "the broker published it when the connection broke"


@judges(f"{_C}will-topic", "host-topic-phid-death-topic")
def will_topic(e: Evidence) -> None:
    assert {e.connect(session).will_topic for session in (1, 2, 3)} == {STATE}


@judges(f"{_C}will-qos", "host-topic-phid-death-qos", "payloads-state-will-message-qos")
def will_qos(e: Evidence) -> None:
    assert {e.connect(session).will_qos for session in (1, 2, 3)} == {1}


@judges(f"{_C}will-retained", "host-topic-phid-death-retain", "payloads-state-will-message-retain")
def will_retained(e: Evidence) -> None:
    assert {e.connect(session).will_retain for session in (1, 2, 3)} == {True}
    assert e.retained["cut"]["_retained"] is True


@judges(f"{_C}will-payload", "host-topic-phid-death-payload", "payloads-state-will-message-payload")
def will_payload(e: Evidence) -> None:
    for session in (1, 2, 3):
        said = e.will(session)
        assert set(said) == {"online", "timestamp"}
        assert said["online"] is False
        assert type(said["timestamp"]) is int
        assert abs(said["timestamp"] / 1000 - e.connect(session).at) < 5


@judges(
    "message-flow-phid-sparkplug-subscription",
    "payloads-state-subscribe",
    "host-topic-phid-birth-sub-required",
)
def subscribes_before_state(e: Evidence) -> None:
    for session in (1, 2, 3):
        ups = [p for p in e.host if p.up and p.session == session]
        kinds = [p.kind for p in ups if p.kind in {"CONNECT", "SUBSCRIBE", "PUBLISH"}]
        assert kinds[: kinds.index("PUBLISH")] == ["CONNECT", "SUBSCRIBE"]
        filters = dict(e.up("SUBSCRIBE", session)[0].filters)
        assert set(filters) == {STATE, "spBv1.0/#"}
        suback = next(p for p in e.host if p.kind == "SUBACK" and p.session == session)
        assert e.host.index(suback) < e.host.index(e.states(session)[0])


@judges(
    "message-flow-phid-sparkplug-state-publish",
    "principles-birth-certificates-order",
    "components-ph-state",
    "intro-sparkplug-host-state",
    "conformance-primary-host",
    "host-topic-phid-birth-required",
    "host-topic-phid-birth-message",
    "payloads-state-birth",
    f"{_C}birth",
)
def state_is_the_first_thing_said(e: Evidence) -> None:
    for session in (1, 2, 3):
        first = e.up("PUBLISH", session)[0]
        assert first.topic == STATE
        assert json.loads(first.payload)["online"] is True
    assert e.retained["online"]["online"] is True


@judges("host-topic-phid-birth-topic", f"{_C}birth-topic")
def state_topic(e: Evidence) -> None:
    said = [p.topic for session in (1, 2, 3) for p in e.up("PUBLISH", session) if b'"online"' in p.payload]
    assert len(said) >= 4
    assert set(said) == {STATE}


@judges("host-topic-phid-birth-qos", f"{_C}birth-qos")
def state_qos(e: Evidence) -> None:
    assert {p.qos for session in (1, 2, 3) for p in e.states(session)} == {1}


@judges("host-topic-phid-birth-retain", f"{_C}birth-retained")
def state_retained(e: Evidence) -> None:
    assert {p.retain for session in (1, 2, 3) for p in e.states(session)} == {True}
    assert e.retained["online"]["_retained"] is True


@judges(
    "host-topic-phid-birth-payload",
    "payloads-state-birth-payload",
    "message-flow-phid-sparkplug-state-publish-payload",
    f"{_C}birth-payload",
)
def state_payload(e: Evidence) -> None:
    said = json.loads(e.states()[0].payload.decode("utf-8"))
    assert said == {"online": True, "timestamp": e.will()["timestamp"]}


@judges("host-topic-phid-birth-payload-timestamp", "message-flow-phid-sparkplug-state-publish-payload-timestamp")
def state_has_the_timestamp_of_the_will(e: Evidence) -> None:
    for session in (1, 2, 3):
        assert json.loads(e.states(session)[0].payload)["timestamp"] == e.will(session)["timestamp"]
    stamps = [e.will(session)["timestamp"] for session in (1, 2, 3)]
    assert stamps == sorted(set(stamps)), "every CONNECT has a fresh one"


@judges("message-flow-hid-sparkplug-state-message-delivered")
def a_false_state_is_answered_at_once(e: Evidence) -> None:
    false = next(p for p in e.host if not p.up and p.kind == "PUBLISH" and p.topic == STATE and b"false" in p.payload)
    answer = e.states()[1]
    assert 0 <= answer.at - false.at < 1
    assert json.loads(answer.payload) == {"online": True, "timestamp": e.will()["timestamp"]}
    assert (answer.qos, answer.retain) == (1, True)


# ---- termination ----


def _goodbye(e: Evidence) -> tuple[Any, Any]:
    """The last STATE and the DISCONNECT of the session that was stopped on purpose."""
    (disconnect,) = e.up("DISCONNECT", 2)
    return e.states(2)[-1], disconnect


@judges(
    "operational-behavior-host-application-termination",
    "operational-behavior-host-application-disconnect-intentional",
)
def offline_is_said_before_the_goodbye(e: Evidence) -> None:
    death, disconnect = _goodbye(e)
    assert json.loads(death.payload)["online"] is False
    assert e.host.index(death) < e.host.index(disconnect)
    acked = next(p for p in e.host if not p.up and p.kind == "PUBACK" and p.session == 2 and p.mid == death.mid)
    assert e.host.index(acked) < e.host.index(disconnect)
    assert e.retained["stopped"]["online"] is False


@judges("operational-behavior-host-application-death-topic")
def death_topic(e: Evidence) -> None:
    assert _goodbye(e)[0].topic == STATE


@judges("operational-behavior-host-application-death-payload")
def death_payload(e: Evidence) -> None:
    said = json.loads(_goodbye(e)[0].payload)
    assert set(said) == {"online", "timestamp"}
    assert said["online"] is False


@judges("operational-behavior-host-application-death-qos")
def death_qos(e: Evidence) -> None:
    assert _goodbye(e)[0].qos == 1


@judges("operational-behavior-host-application-death-retained")
def death_retained(e: Evidence) -> None:
    assert _goodbye(e)[0].retain is True
    assert e.retained["stopped"]["_retained"] is True


@judges(
    "host-topic-phid-death-payload-timestamp-disconnect-clean",
    "host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet",
)
def death_has_the_time_of_the_stop(e: Evidence) -> None:
    stamp = json.loads(_goodbye(e)[0].payload)["timestamp"]
    assert abs(stamp / 1000 - e.marks["stop"]) < 2
    assert stamp > e.will(2)["timestamp"]
    for session in (2, 3):  # we never end a session on purpose without having said so, with or without DISCONNECT
        assert json.loads(e.states(session)[-1].payload)["online"] is False


# ---- commands ----


@judges(
    "topics-ncmd-topic",
    "operational-behavior-data-commands-ncmd-verb",
    "operational-behavior-data-commands-ncmd-rebirth-verb",
)
def ncmd_topic(e: Evidence) -> None:
    topics = {p.topic for p in e.sent("NCMD")}
    assert topics == {f"spBv1.0/{GROUP}/NCMD/Edge", f"spBv1.0/{GROUP}/NCMD/edge"}


@judges("topics-dcmd-topic", "operational-behavior-data-commands-dcmd-verb")
def dcmd_topic(e: Evidence) -> None:
    topics = {p.topic for p in e.sent("DCMD")}
    assert topics == {f"spBv1.0/{GROUP}/DCMD/Edge/drive", f"spBv1.0/{GROUP}/DCMD/edge/drive"}


@judges("topics-ncmd-mqtt", "payloads-ncmd-qos", "payloads-ncmd-retain")
def ncmd_qos_and_retain(e: Evidence) -> None:
    assert {(p.qos, p.retain) for p in e.sent("NCMD")} == {(0, False)}


@judges("topics-dcmd-mqtt", "payloads-dcmd-qos", "payloads-dcmd-retain")
def dcmd_qos_and_retain(e: Evidence) -> None:
    assert {(p.qos, p.retain) for p in e.sent("DCMD")} == {(0, False)}


def _has_time(packets: list[Any]) -> None:
    assert packets
    for packet in packets:
        payload = Payload.FromString(packet.payload)
        assert payload.HasField("timestamp")
        assert abs(payload.timestamp / 1000 - packet.at) < 2


@judges("topics-ncmd-timestamp", "payloads-ncmd-timestamp")
def ncmd_timestamp(e: Evidence) -> None:
    _has_time(e.sent("NCMD"))


@judges("topics-dcmd-timestamp", "payloads-dcmd-timestamp")
def dcmd_timestamp(e: Evidence) -> None:
    _has_time(e.sent("DCMD"))


@judges("payloads-ncmd-seq")
def ncmd_has_no_seq(e: Evidence) -> None:
    assert [Payload.FromString(p.payload).HasField("seq") for p in e.sent("NCMD")].count(True) == 0


@judges("payloads-dcmd-seq")
def dcmd_has_no_seq(e: Evidence) -> None:
    assert [Payload.FromString(p.payload).HasField("seq") for p in e.sent("DCMD")].count(True) == 0


@judges("topics-ncmd-payload", "operational-behavior-data-commands-ncmd-metric-value")
def ncmd_payload_has_the_value_in_the_type_of_the_birth(e: Evidence) -> None:
    for edge, value in (("Edge", 42), ("edge", 43)):
        _, payload, metric = e.command("NCMD", edge)
        assert len(payload.metrics) == 1
        assert (metric.datatype, metric.WhichOneof("value"), metric.int_value) == (DataType.INT32, "int_value", value)


@judges("topics-dcmd-payload", "operational-behavior-data-commands-dcmd-metric-value")
def dcmd_payload_has_the_value_in_the_type_of_the_birth(e: Evidence) -> None:
    for edge, value in (("Edge", 0.75), ("edge", 0.25)):
        _, payload, metric = e.command("DCMD", edge)
        assert len(payload.metrics) == 1
        assert (metric.datatype, metric.WhichOneof("value"), metric.float_value) == (
            DataType.FLOAT,
            "float_value",
            value,
        )


def _declared(e: Evidence, verb: str, edge: str) -> dict[str, int | None]:
    """name → alias as a birth on the wire declared them."""
    birth = next(p for p in e.edge if p.up and p.kind == "PUBLISH" and p.topic.split("/")[2:4] == [verb, edge])
    return {m.name: m.alias if m.HasField("alias") else None for m in Payload.FromString(birth.payload).metrics}


@judges("operational-behavior-data-commands-ncmd-metric-name")
def ncmd_names_what_the_nbirth_declared(e: Evidence) -> None:
    assert e.command("NCMD", "edge")[2].name == "Limit"
    assert "Limit" in _declared(e, "NBIRTH", "edge")
    metric = e.command("NCMD", "Edge")[2]
    assert (metric.name, metric.alias) == ("", _declared(e, "NBIRTH", "Edge")["Limit"])


@judges("operational-behavior-data-commands-dcmd-metric-name")
def dcmd_names_what_the_dbirth_declared(e: Evidence) -> None:
    assert e.command("DCMD", "edge")[2].name == "Setpoint"
    assert "Setpoint" in _declared(e, "DBIRTH", "edge")
    metric = e.command("DCMD", "Edge")[2]
    assert (metric.name, metric.alias) == ("", _declared(e, "DBIRTH", "Edge")["Setpoint"])


@judges("payloads-name-cmd-requirement")
def command_metrics_carry_a_time(e: Evidence) -> None:
    for packet in e.sent("NCMD") + e.sent("DCMD"):
        (metric,) = Payload.FromString(packet.payload).metrics
        assert abs(metric.timestamp / 1000 - packet.at) < 2


def _rebirth(e: Evidence) -> Any:
    packet = next(p for p in e.sent("NCMD") if _is_rebirth(p))
    (metric,) = Payload.FromString(packet.payload).metrics
    return metric


@judges("operational-behavior-data-commands-ncmd-rebirth-name")
def rebirth_name(e: Evidence) -> None:
    assert _rebirth(e).name == "Node Control/Rebirth"


@judges("operational-behavior-data-commands-ncmd-rebirth-value")
def rebirth_value(e: Evidence) -> None:
    assert _rebirth(e).WhichOneof("value") == "boolean_value"
    assert _rebirth(e).boolean_value is True


@judges("message-flow-edge-node-birth-publish-will-message-topic")
def edge_will_topic(e: Evidence) -> None:
    topics = {p.will_topic for p in e.edge if p.up and p.kind == "CONNECT"}
    assert topics == {f"spBv1.0/{GROUP}/NDEATH/Edge", f"spBv1.0/{GROUP}/NDEATH/edge"}


# ---- deaths of edge nodes ----

_D = "operational-behavior-edge-node-termination-host-action-"


def _stale(e: Evidence, phase: str) -> dict[str, Any]:
    rows = e.rows[phase]
    assert {row.quality for row in rows} == {int(Quality.BAD_STALE)}
    return {row.path.removeprefix(f"{ROOT}/"): row for row in rows}


@judges(f"{_D}ddeath-devices-offline")
def ddeath_takes_the_device_offline(e: Evidence) -> None:
    assert e.tree["born"][f"{GROUP}/Edge/drive"] == "online"
    assert e.tree["ddeath"][f"{GROUP}/Edge/drive"] == "offline"
    assert e.tree["ddeath"][f"{GROUP}/Edge"] == "online"
    assert e.tree["ddeath"][f"{GROUP}/edge/drive"] == "online"


@judges(f"{_D}ddeath-devices-tags-stale")
def ddeath_makes_its_metrics_stale_at_the_payloads_time(e: Evidence) -> None:
    rows = _stale(e, "ddeath")
    assert set(rows) == {"sp", f"{GROUP}/Edge/drive/Speed"}
    (heard,) = [p for p in e.host if not p.up and p.kind == "PUBLISH" and p.topic.split("/")[2] == "DDEATH"]
    stamp = Payload.FromString(heard.payload).timestamp
    assert {row.ts for row in rows.values()} == {stamp * 1000}
    if e.broker != "nats":  # which knows Sparkplug and puts its own time into deaths
        assert stamp == int(e.marks["ddeath said"])


@judges(f"{_D}ndeath-node-offline")
def ndeath_takes_the_node_offline(e: Evidence) -> None:
    assert e.tree["ddeath"][f"{GROUP}/edge"] == "online"
    assert e.tree["ndeath"][f"{GROUP}/edge"] == "offline"
    assert e.tree["ndeath"][f"{GROUP}/Edge"] == "online"
    assert e.tree["all dead"][f"{GROUP}/Edge"] == "offline"


@judges(f"{_D}ndeath-devices-offline")
def ndeath_takes_its_devices_offline(e: Evidence) -> None:
    assert e.tree["ndeath"][f"{GROUP}/edge/drive"] == "offline"


@judges(f"{_D}ndeath-node-tags-stale")
def ndeath_makes_the_nodes_metrics_stale_now(e: Evidence) -> None:
    row = _stale(e, "ndeath")["name2"]
    assert e.marks["ndeath"] - 0.1 <= row.ts / 1e6 <= e.marks["ndeath seen"]
    assert set(_stale(e, "all dead")) == {"name"}, "the device was stale already"


@judges(f"{_D}ndeath-devices-tags-stale")
def ndeath_makes_the_devices_metrics_stale_now(e: Evidence) -> None:
    rows = _stale(e, "ndeath")
    assert set(rows) == {"name2", "sp2", f"{GROUP}/edge/drive/Speed"}
    assert len({row.ts for row in rows.values()}) == 1


# ---- order ----


@judges("operational-behavior-host-reordering-param")
def the_reorder_time_can_be_set_and_is_kept(e: Evidence) -> None:
    asked = next(p for p in e.sent("NCMD") if _is_rebirth(p) and p.at > e.marks["gap"])
    assert REORDER_S - 0.05 <= asked.at - e.marks["gap"] < REORDER_S + 1
    assert SparkplugSettings(reorder_timeout_s=7).reorder_timeout_s == 7


@judges("operational-behavior-host-reordering-start")
def what_comes_out_of_order_waits(e: Evidence) -> None:
    assert e.rows["while waiting"] == []


@judges("operational-behavior-host-reordering-success")
def the_missing_message_ends_the_waiting(e: Evidence) -> None:
    assert [row.number for row in e.rows["reorder success"]] == [23.0, 24.0]
    assert e.rebirths["success"] == 0


@judges("operational-behavior-host-reordering-rebirth")
def without_it_the_node_is_asked_for_a_rebirth(e: Evidence) -> None:
    assert e.rebirths["rebirth"] == 1
    speeds = [row.number for row in e.rows["reorder rebirth"] if row.path.endswith("Speed")]
    assert speeds == [34.0, 34.0], "what waited, then the birth"


# ---- several brokers ----

_M = "operational-behavior-primary-application-state-with-multiple-servers-state"


@judges(f"{_M}-subs")
def the_host_listens_to_state_on_every_broker(e: Evidence) -> None:
    for packets, session in ((e.host, 3), (e.other, 1)):
        (subscribe,) = [p for p in packets if p.up and p.kind == "SUBSCRIBE" and p.session == session]
        assert STATE in dict(subscribe.filters)


@judges(_M)
def the_host_says_its_state_on_every_broker(e: Evidence) -> None:
    for packets, session in ((e.host, 3), (e.other, 1)):
        said = [p for p in packets if p.up and p.kind == "PUBLISH" and p.topic == STATE and p.session == session]
        *before, last = [json.loads(p.payload)["online"] for p in said]
        assert set(before) == {True}
        assert last is False


@judges("operational-behavior-host-application-multi-server-timestamp")
def every_broker_has_its_own_timestamp(e: Evidence) -> None:
    (there,) = [p for p in e.other if p.up and p.kind == "CONNECT"]
    state = next(p for p in e.other if p.up and p.kind == "PUBLISH")
    stamp = json.loads(there.will_payload)["timestamp"]
    assert json.loads(state.payload)["timestamp"] == stamp
    assert stamp != e.will(3)["timestamp"]


# ---- what the kit's monitor also asks of a host ----


@judges("host-topic-phid-death-payload-timestamp-connect", into=MORE)
def the_will_has_the_time_of_the_connect(e: Evidence) -> None:
    assert abs(e.will()["timestamp"] / 1000 - e.marks["connect"]) < 1


@judges("operational-behavior-host-application-host-id", into=MORE)
def the_host_id_is_the_one_set(e: Evidence) -> None:
    assert {p.topic for p in e.states()} | {e.connect().will_topic} == {f"spBv1.0/STATE/{HOST}"}


@judges("topic-structure", "topic-structure-namespace-a", into=MORE)
def every_topic_has_the_structure(e: Evidence) -> None:
    for packet in [p for p in e.host if p.up and p.kind == "PUBLISH"]:
        parts = packet.topic.split("/")
        assert parts[0] == "spBv1.0"
        assert packet.topic == STATE or (parts[2], len(parts)) in {("NCMD", 4), ("DCMD", 5)}


@judges(
    "topic-structure-namespace-valid-group-id",
    "topic-structure-namespace-valid-edge-node-id",
    "topic-structure-namespace-valid-device-id",
    into=MORE,
)
def ids_are_those_of_the_births(e: Evidence) -> None:
    for packet in e.sent("NCMD") + e.sent("DCMD"):
        parts = packet.topic.split("/")
        assert (parts[1], parts[3]) in {(GROUP, "Edge"), (GROUP, "edge")}
        assert parts[4:] in ([], ["drive"])


@judges("payloads-timestamp-in-UTC", into=MORE)
def times_are_utc(e: Evidence) -> None:
    for packet in e.sent("NCMD") + e.sent("DCMD"):
        assert abs(Payload.FromString(packet.payload).timestamp / 1000 - packet.at) < 2


@judges(
    "case-sensitivity-sparkplug-ids",
    "topic-structure-namespace-unique-edge-node-descriptor",
    "topic-structure-namespace-duplicate-device-id-across-edge-node",
    into=MORE,
)
def nodes_that_differ_by_case_and_devices_of_one_name_are_kept_apart(e: Evidence) -> None:
    assert {f"{GROUP}/Edge", f"{GROUP}/edge", f"{GROUP}/Edge/drive", f"{GROUP}/edge/drive"} == set(e.tree["born"])


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_tck_id(evidence: Evidence, name: str) -> None:
    CHECKS[name](evidence)


@pytest.mark.parametrize("name", sorted(MORE))
def test_tck_id_of_the_monitor(evidence: Evidence, name: str) -> None:
    MORE[name](evidence)


def test_all_89_ids_of_the_host_profile_are_judged() -> None:
    assert len(CHECKS) == 89
