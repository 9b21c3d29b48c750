"""The state of all edge nodes behind one broker, and the values they send. No I/O.

message ─▶ Fleet.take ─▶ order by seq ─▶ births declare · data is decoded by name or alias · deaths make stale
                │
                └─▶ readings, troubles, and nodes to ask for a rebirth

Sparkplug 3.0.0, clauses 5.4 to 5.13. One gap in a node's sequence starts the reorder time; what comes
meanwhile is kept. When the missing message comes everything goes on; else the kept ones are taken and
the node is asked to be born again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from google.protobuf.message import DecodeError

from lineshaft.edge.broker import Troubles, believable
from lineshaft.edge.connectors import Problem, Readings, Tag
from lineshaft.kernel.terms import PlantPath, Quality

from .columns import Columns
from .metrics import BD_SEQ, Bucket, Catalogue, Metric, Unit
from .reader import Reader, property_of
from .rebirths import NodeKey, Rebirths
from .schema import DataType, Payload
from .settings import SparkplugSettings
from .topics import Address, Topic, parse_topic

_HELD_MOST = 250
_TOPICS_MOST = 100_000
_DEVICES_DUE_S = 10.0


class EdgeNode:
    """One edge node: its session, its devices, what is waiting for a missing message."""

    __slots__ = ("bd_seq", "devices", "devices_due", "expected", "held", "hold_until", "key", "unit")

    def __init__(self, key: NodeKey, unit: Unit) -> None:
        self.key = key
        self.unit = unit
        self.devices: dict[str, Unit] = {}
        self.bd_seq: int | None = None
        self.expected = 0
        self.held: dict[int, tuple[Topic, Any, int]] = {}
        self.hold_until: float | None = None
        self.devices_due: float | None = None
        """Until when devices online before a rebirth have time to be born again."""

    def units(self) -> Iterator[Unit]:
        yield self.unit
        yield from self.devices.values()


class Fleet:
    """Takes messages in, gives readings out; `tick` lets time pass."""

    def __init__(
        self,
        settings: SparkplugSettings,
        tags: Sequence[Tag],
        root: PlantPath,
        paths: list[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.nodes: dict[NodeKey, EdgeNode] = {}
        self._settings = settings
        self._clock = clock
        self._troubles = Troubles(root)
        self._catalogue = Catalogue(settings, tags, root, paths, self._troubles)
        self._columns = Columns(tags, paths)
        self._reader = Reader(self._columns, self._troubles, max_ahead_us=int(settings.max_ahead_s * 1e6))
        self._rebirths = Rebirths(every_s=settings.rebirth_every_s, jitter_s=settings.rebirth_jitter_s)
        self._topics: dict[str, Topic | None] = {}
        self._timed: set[NodeKey] = set()
        self._units = 0
        self._told_units: dict[str, str] = {}
        self._ahead_us = int(settings.max_ahead_s * 1e6)

    # ---- what comes out ----

    def drain(self) -> Readings:
        """The readings since the last call, and the units births told since."""
        units, self._told_units = self._told_units, {}
        return replace(self._columns.drain(), units=units)

    def troubles(self) -> list[Problem]:
        """The problems named since the last call."""
        return self._troubles.drain()

    def rebirths(self) -> list[NodeKey]:
        """The nodes to ask for a rebirth now."""
        due = self._rebirths.due(self._clock())
        for (group, edge), unanswered in due:
            if unanswered:
                message = f"The node {group}/{edge} was asked for a rebirth and was not born; its data cannot be read."
                self._name(("deaf", group, edge), (group, edge), message, "Restart it, or look at its NCMD rights.")
        return [node for node, _ in due]

    def deadline(self) -> float | None:
        """When `tick` or `rebirths` has something to do, on the steady clock."""
        times = [self._rebirths.next_due()]
        for key in self._timed:
            node = self.nodes[key]
            times += [node.hold_until, node.devices_due]
        return min((t for t in times if t is not None), default=None)

    # ---- what comes in ----

    def take(self, topic_text: str, data: bytes, received_us: int) -> None:
        """Take one message of the namespace; never raises."""
        topic = self._parse(topic_text)
        if topic is None or topic.verb in {"NCMD", "DCMD"}:
            return
        if len(data) > self._settings.max_payload_bytes:
            self._bad(topic, f"its {len(data)} bytes are more than max_payload_bytes")
            return
        try:
            payload = Payload.FromString(data)
        except DecodeError:
            self._bad(topic, "it is no Sparkplug B payload")
            return
        if topic.verb == "NDEATH":
            self._ndeath(topic, payload, received_us)
        elif topic.verb == "NBIRTH":
            self._nbirth(topic, payload, received_us)
        else:
            self._in_order(topic, payload, received_us)

    def tick(self, received_us: int) -> None:
        """Give up on messages that did not come, and on devices that were not born again."""
        now = self._clock()
        for key in list(self._timed):
            node = self.nodes[key]
            if node.hold_until is not None and now >= node.hold_until:
                self._give_up(node)
            if node.devices_due is not None and now >= node.devices_due:
                node.devices_due = None
                for unit in node.devices.values():
                    if unit.online and not unit.born:
                        self._make_stale(unit, received_us)
            self._retime(node)

    def _parse(self, text: str) -> Topic | None:
        if text in self._topics:
            return self._topics[text]
        topic = parse_topic(text)
        if len(self._topics) < _TOPICS_MOST:
            self._topics[text] = topic
        if topic is None:
            self._troubles.name("topic", "", f"{text!r} is no Sparkplug topic; its messages are left out.")
        return topic

    # ---- births and deaths ----

    def _nbirth(self, topic: Topic, payload: Any, received_us: int) -> None:
        node = self._node(topic, make=True)
        if node is None:
            return
        self._release(node)
        if not payload.HasField("seq"):
            self._name(("seq", *node.key), node.key, f"The node {topic.group}/{topic.edge} sends no seq.")
        before, node.bd_seq = node.bd_seq, _bd_seq(payload)
        node.expected = (payload.seq + 1) & 255
        self._rebirths.answered(node.key)
        if not self._allowed(node, node.unit, topic):
            return
        if node.unit.online and before == node.bd_seq:
            node.devices_due = self._clock() + _DEVICES_DUE_S
            for unit in node.devices.values():
                unit.born = False
        else:
            for unit in node.devices.values():
                self._make_stale(unit, received_us)
        if node.bd_seq is None:
            message = f"The birth of {topic.group}/{topic.edge} has no bdSeq; any death is taken for its own."
            self._name(("bdSeq", *node.key), node.key, message)
        self._declare(node, node.unit, payload, received_us)
        self._retime(node)

    def _ndeath(self, topic: Topic, payload: Any, received_us: int) -> None:
        """The node is offline and all it has is stale, now; a death of an older session is none."""
        node = self._node(topic, make=False)
        if node is None or not node.unit.online:
            return
        if node.bd_seq is not None and _bd_seq(payload) != node.bd_seq:
            return
        self._release(node)
        for unit in node.units():
            self._make_stale(unit, received_us)
        node.devices_due = None
        self._retime(node)

    def _dbirth(self, node: EdgeNode, topic: Topic, payload: Any, received_us: int) -> None:
        unit = node.devices.get(topic.device)
        if unit is None:
            if not self._room(topic):
                return
            unit = node.devices[topic.device] = Unit(topic.device, Bucket(self._settings.births_burst))
        if self._allowed(node, unit, topic):
            self._declare(node, unit, payload, received_us)

    def _ddeath(self, node: EdgeNode, topic: Topic, payload: Any, received_us: int) -> None:
        """The device is offline and all it has is stale, since the time its node says."""
        unit = node.devices.get(topic.device)
        if unit is None:
            self._ask(node)
        elif unit.online:
            ts = payload.timestamp * 1000
            self._make_stale(unit, ts if believable(ts, received_us, self._ahead_us) else received_us)

    def _make_stale(self, unit: Unit, ts_us: int) -> None:
        if unit.online:
            for metric in unit.by_name.values():
                self._stale(metric, ts_us)
        unit.online = unit.born = False

    def _stale(self, metric: Metric, ts_us: int) -> None:
        if metric.index >= 0:
            self._columns.add(metric.index, math.nan, ts_us, Quality.BAD_STALE)
            metric.stale_us = ts_us

    def _declare(self, node: EdgeNode, unit: Unit, payload: Any, received_us: int) -> None:
        """Learn names, aliases and types from a birth, then take its values."""
        before = unit.by_name
        unit.by_name, unit.by_alias = {}, {}
        for wire in payload.metrics:
            if not wire.name:
                message = f"A birth of {_place(node, unit)} holds a metric without a name."
                self._name(("nameless", *node.key, unit.device), node.key, message)
                continue
            metric = before.get(wire.name)
            if metric is None or metric.datatype != wire.datatype:
                metric = self._catalogue.metric(Address(*node.key, unit.device, wire.name), wire.datatype)
                if wire.datatype == DataType.TEMPLATE and wire.template_value.is_definition:
                    metric.index = -1
            self._learn(node, unit, metric, wire)
        for name in before.keys() - unit.by_name.keys():
            self._stale(before[name], received_us)
        unit.online = unit.born = True
        self._read(node, unit, payload, received_us)

    def _learn(self, node: EdgeNode, unit: Unit, metric: Metric, wire: Any) -> None:
        unit.by_name[wire.name] = metric
        metric.alias = wire.alias if wire.HasField("alias") else None
        if metric.alias is not None:
            if metric.alias in unit.by_alias:
                message = f"{_place(node, unit)} gives the alias {metric.alias} to two metrics."
                self._name(("alias", *node.key, unit.device), node.key, message)
            unit.by_alias[metric.alias] = metric
        if wire.HasField("properties"):
            said = str(property_of(wire, "engUnit") or "")
            if said != metric.unit and metric.index >= 0:
                self._told_units[self._catalogue.paths[metric.index]] = said
            metric.unit = said

    def _allowed(self, node: EdgeNode, unit: Unit, topic: Topic) -> bool:
        """Whether one more birth is unfolded; a storm is named, and asked about when it is over."""
        if unit.bucket.take(self._clock()):
            return True
        message = f"{_place(node, unit)} is born too often; only some of its births are taken."
        self._name(("storm", *node.key, unit.device), node.key, message, f"Look why it repeats {topic.verb}.")
        self._ask(node)
        return False

    # ---- order ----

    def _in_order(self, topic: Topic, payload: Any, received_us: int) -> None:
        node = self._node(topic, make=True)
        if node is None:
            return
        if not node.unit.born:
            self._ask(node)
        elif not payload.HasField("seq"):
            self._name(("seq", *node.key), node.key, f"The node {topic.group}/{topic.edge} sends no seq.")
            self._process(node, topic, payload, received_us)
        elif payload.seq == node.expected:
            node.expected = (payload.seq + 1) & 255
            self._process(node, topic, payload, received_us)
            if node.held:
                self._catch_up(node)
        elif payload.seq not in node.held:
            node.held[payload.seq & 255] = (topic, payload, received_us)
            if node.hold_until is None:
                node.hold_until = self._clock() + self._settings.reorder_timeout_s
                self._timed.add(node.key)
            if self._settings.reorder_timeout_s == 0 or len(node.held) > _HELD_MOST:
                self._give_up(node)

    def _catch_up(self, node: EdgeNode) -> None:
        """The missing message came: take what follows it without a gap."""
        while node.expected in node.held:
            held = node.held.pop(node.expected)
            node.expected = (node.expected + 1) & 255
            self._process(node, *held)
        if not node.held:
            node.hold_until = None
            self._retime(node)

    def _give_up(self, node: EdgeNode) -> None:
        """The missing message did not come: take what is there and ask for a rebirth."""
        group, edge = node.key
        message = f"Messages of the node {group}/{edge} are missing in its sequence; it was asked for a rebirth."
        self._name(("gap", group, edge), node.key, message, "Look at its network and at the broker's limits.")
        self._release(node)
        self._ask(node)

    def _release(self, node: EdgeNode) -> None:
        """Take everything that is held, in order."""
        held, node.held, node.hold_until = node.held, {}, None
        for seq in sorted(held, key=lambda seq: (seq - node.expected) & 255):
            node.expected = (seq + 1) & 255
            self._process(node, *held[seq])
        self._retime(node)

    def _retime(self, node: EdgeNode) -> None:
        if node.hold_until is None and node.devices_due is None:
            self._timed.discard(node.key)
        else:
            self._timed.add(node.key)

    def _process(self, node: EdgeNode, topic: Topic, payload: Any, received_us: int) -> None:
        match topic.verb:
            case "NDATA":
                self._read(node, node.unit, payload, received_us)
            case "DBIRTH":
                self._dbirth(node, topic, payload, received_us)
            case "DDEATH":
                self._ddeath(node, topic, payload, received_us)
            case _:
                unit = node.devices.get(topic.device)
                if unit is None or not unit.born:
                    self._ask(node)
                else:
                    self._read(node, unit, payload, received_us)

    def _read(self, node: EdgeNode, unit: Unit, payload: Any, received_us: int) -> None:
        if not self._reader.read(unit, payload, received_us):
            self._ask(node)

    # ---- nodes ----

    def _node(self, topic: Topic, *, make: bool) -> EdgeNode | None:
        key = (topic.group, topic.edge)
        node = self.nodes.get(key)
        if node is None and make and self._room(topic):
            node = self.nodes[key] = EdgeNode(key, Unit("", Bucket(self._settings.births_burst)))
        return node

    def _room(self, topic: Topic) -> bool:
        if self._units >= self._settings.max_nodes:
            message = f"More than {self._settings.max_nodes} nodes and devices; {topic.group}/{topic.edge} is left out."
            self._troubles.name("nodes", "", message, "Listen to fewer groups, or raise max_nodes.")
            return False
        self._units += 1
        return True

    def _ask(self, node: EdgeNode) -> None:
        if self._settings.request_rebirth:
            self._rebirths.ask(node.key, self._clock())

    def _bad(self, topic: Topic, why: str) -> None:
        message = f"A {topic.verb} of {topic.group}/{topic.edge} was left out: {why}."
        self._name(("bad", topic), (topic.group, topic.edge), message, "Look at what sends it.")

    def _name(self, key: Any, node: NodeKey, message: str, hint: str = "") -> None:
        self._troubles.name(key, "/".join(node), message, hint)


def _place(node: EdgeNode, unit: Unit) -> str:
    return "/".join((*node.key, unit.device)) if unit.device else "/".join(node.key)


def _bd_seq(payload: Any) -> int | None:
    for wire in payload.metrics:
        if wire.name == BD_SEQ:
            return int(wire.long_value or wire.int_value)
    return None
