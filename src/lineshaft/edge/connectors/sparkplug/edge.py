"""The other end: an edge node that speaks Sparkplug B, for fakes, recordings and tests.

    node = EdgeSide("mqtt://127.0.0.1:1883", group="plant", edge="line-1")
    node.add("drive-1", [Variable("Speed", DataType.DOUBLE, 0.0, unit="m/s", writable=True)])
    async with node:
        await node.tell("drive-1", {"Speed": 1.2})

CONNECT carries the death with this session's bdSeq; births say names, aliases and types; data says
aliases only. A rebirth command is answered, others go to `on_command`. `close` says the death itself;
`crash` lets the broker say it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from lineshaft.edge.broker import BrokerSettings, Link, Will
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.config import Secret
from lineshaft.kernel.errors import Invalid, Unavailable
from lineshaft.kernel.terms import Value

from .metrics import BD_SEQ, REBIRTH
from .schema import DataType, Payload
from .topics import NAMESPACE, Topic, parse_topic
from .values import put_value, scalar_of

Command = Callable[[str, str, Value], None]
"""device (empty for the node), metric name, value."""


@dataclass(slots=True)
class Variable:
    """One metric as the edge node knows it."""

    name: str
    datatype: DataType
    value: Value | None
    unit: str = ""
    writable: bool = False
    alias: int = 0


class EdgeSide:
    """An edge node with its devices. The device `` is the node itself."""

    def __init__(
        self,
        broker: str,
        *,
        group: str,
        edge: str,
        user: str = "",
        password: str = "",
        aliases: bool = True,
        on_command: Command | None = None,
    ) -> None:
        self.group = group
        self.edge = edge
        self.aliases = aliases
        self.devices: dict[str, dict[str, Variable]] = {"": {}}
        self.on_command = on_command or self._set
        self.bd_seq = -1
        self.seq = 0
        self.births = 0
        """How often it was born, on its own or when asked."""
        self._settings = BrokerSettings(broker=broker, user=user, password=Secret(password), protocol="3.1.1")
        self._link: Link | None = None
        self._listener: asyncio.Task[None] | None = None
        self._next_alias = 1
        self._talking = asyncio.Lock()
        self.add("", [Variable(REBIRTH, DataType.BOOLEAN, False, writable=True)])

    def add(self, device: str, variables: Sequence[Variable]) -> None:
        """Declare metrics; told at the next birth."""
        for variable in variables:
            variable.alias = self._next_alias
            self._next_alias += 1
            self.devices.setdefault(device, {})[variable.name] = variable

    # ---- life ----

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def is_open(self) -> bool:
        return self._link is not None and self._link.is_open

    async def connect(self) -> None:
        """Connect with the death as Will and listen for commands; nothing is born yet."""
        self.bd_seq = (self.bd_seq + 1) & 255
        will = Will(topic=self._topic("NDEATH"), payload=self._death(), qos=1, retain=False)
        link = Link(self._settings, self._settings.endpoint(None), will=will)
        await link.open()
        await link.subscribe([self._topic("NCMD"), f"{NAMESPACE}/{self.group}/DCMD/{self.edge}/#"], 1)
        self._link = link
        self._listener = asyncio.create_task(self._listen(link))

    async def open(self) -> None:
        """Connect and be born."""
        await self.connect()
        await self.birth()

    async def close(self) -> None:
        """Say the death, then goodbye."""
        link = await self._let_go()
        if link is not None:
            with contextlib.suppress(Unavailable):
                await link.publish(self._topic("NDEATH"), self._death(), qos=1)
            await link.close()

    async def crash(self) -> None:
        """Be gone without a word; the broker says the death."""
        link = await self._let_go()
        if link is not None:
            link.cut()

    async def _let_go(self) -> Link | None:
        link, self._link = self._link, None
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            await asyncio.wait([listener], timeout=5)
        return link

    # ---- saying ----

    async def birth(self) -> None:
        """NBIRTH and a DBIRTH of every device; no data comes between them."""
        async with self._talking:
            self.seq = 0
            self.births += 1
            payload = self._payload()
            at = payload.timestamp
            payload.metrics.add(name=BD_SEQ, datatype=int(DataType.INT64), long_value=self.bd_seq, timestamp=at)
            self._declare(payload, "")
            await self.send("NBIRTH", "", payload)
            for device in [name for name in self.devices if name]:
                await self._device_birth(device)

    async def device_birth(self, device: str) -> None:
        """DBIRTH of one device with all its values."""
        async with self._talking:
            await self._device_birth(device)

    async def _device_birth(self, device: str) -> None:
        payload = self._payload()
        self._declare(payload, device)
        await self.send("DBIRTH", device, payload)

    async def device_death(self, device: str, at_ms: int | None = None) -> None:
        """DDEATH of one device."""
        async with self._talking:
            await self.send("DDEATH", device, self._payload(at_ms))

    async def tell(self, device: str, values: Mapping[str, Value | None], at_ms: int | None = None) -> None:
        """NDATA or DDATA with new values."""
        async with self._talking:
            await self.send("DDATA" if device else "NDATA", device, self.data(device, values, at_ms))

    def data(self, device: str, values: Mapping[str, Value | None], at_ms: int | None = None) -> Any:
        """The payload of a data message; takes the next number of the sequence."""
        payload = self._payload(at_ms)
        for name, value in values.items():
            variable = self.devices[device][name]
            variable.value = value
            metric = payload.metrics.add(timestamp=payload.timestamp)
            if self.aliases:
                metric.alias = variable.alias
            else:
                metric.name = name
            _put(metric, variable)
            metric.ClearField("datatype")
        return payload

    async def send(self, verb: str, device: str, payload: Any) -> None:
        """Publish a payload as it is."""
        if self._link is None:
            raise Unavailable(f"The edge node {self.edge} is not connected.", hint="Open it first.")
        await self._link.publish(self._topic(verb, device), payload.SerializeToString())

    def _payload(self, at_ms: int | None = None) -> Any:
        payload = Payload(timestamp=now_us() // 1000 if at_ms is None else at_ms, seq=self.seq)
        self.seq = (self.seq + 1) & 255
        return payload

    def _declare(self, payload: Any, device: str) -> None:
        for variable in self.devices[device].values():
            metric = payload.metrics.add(name=variable.name, timestamp=payload.timestamp)
            if self.aliases:
                metric.alias = variable.alias
            _put(metric, variable)
            if variable.unit:
                metric.properties.keys.append("engUnit")
                metric.properties.values.add(type=int(DataType.STRING), string_value=variable.unit)

    def _death(self) -> bytes:
        payload = Payload(timestamp=now_us() // 1000)
        payload.metrics.add(name=BD_SEQ, datatype=int(DataType.INT64), long_value=self.bd_seq)
        data: bytes = payload.SerializeToString()
        return data

    def _topic(self, verb: str, device: str = "") -> str:
        return str(Topic(self.group, verb, self.edge, device))

    # ---- hearing ----

    async def _listen(self, link: Link) -> None:
        with contextlib.suppress(Unavailable):
            while True:
                for topic, data, *_ in await link.take():
                    await self._obey(topic, data)

    async def _obey(self, topic_text: str, data: bytes) -> None:
        topic = parse_topic(topic_text)
        if topic is None or topic.device not in self.devices:
            return
        variables = self.devices[topic.device]
        by_alias = {v.alias: v for v in variables.values()}
        for metric in Payload.FromString(data).metrics:
            variable = variables.get(metric.name) if metric.name else by_alias.get(metric.alias)
            if variable is None or not variable.writable:
                continue
            if variable.name == REBIRTH:
                await self.birth()
                continue
            value = scalar_of(metric, variable.datatype)
            if value is not None:
                self.on_command(topic.device, variable.name, value)

    def _set(self, device: str, name: str, value: Value) -> None:
        self.devices[device][name].value = value


def _put(metric: Any, variable: Variable) -> None:
    if variable.value is None:
        metric.datatype, metric.is_null = int(variable.datatype), True
        return
    try:
        put_value(metric, variable.datatype, variable.value)
    except Invalid:
        metric.is_null = True
