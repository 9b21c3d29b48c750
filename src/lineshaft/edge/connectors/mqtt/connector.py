"""Takes values from MQTT messages of any broker or the built-in one, and publishes setpoints."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar

import msgspec
import xxhash

from lineshaft.edge.broker import BUILTIN, Link, Message
from lineshaft.edge.connectors import Connector, Node, Problem, Sink, Tag
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.terms import Kind, PlantPath, Value

from .browser import Heard
from .decoder import Decoder
from .plan import CompiledRule
from .settings import MqttSettings
from .source import BrokerSource, FrontSource, MessageSource
from .topics import covers, filter_fault, fits, json_path, names_of, overlap, template_filter

_PAYLOAD = "{value}"
_HEARD_FOR_S = 60.0


class MqttConnector(Connector[MqttSettings]):
    """One connection to a broker. Tag addresses are `topic` or `topic|json.path`."""

    name: ClassVar[str] = "mqtt"
    Settings: ClassVar[type[MqttSettings]] = MqttSettings
    subscribes: ClassVar[bool] = True
    discovers: ClassVar[bool] = True
    asks: ClassVar[bool] = False

    def __init__(self, settings: MqttSettings, tags: Sequence[Tag], *, root: PlantPath) -> None:
        super().__init__(settings, tags, root=root)
        self.filters = listening(settings, tags)
        self._source: MessageSource | None = None
        self._writer: Link | None = None
        self._heard: tuple[float, Heard] | None = None

    # ---- before anything is opened ----

    def check(self) -> list[Problem]:
        """Rules, filters and addresses that cannot work."""
        s = self.settings
        problems = [p for i, rule in enumerate(s.rules) for p in self._rule_problems(i, rule)]
        faults = {topic: filter_fault(topic) for topic in (*s.subscriptions, *s.ignore)}
        problems += [self._problem(f"The topic filter {t!r} is wrong: {why}.") for t, why in faults.items() if why]
        if s.session == "persistent" and not s.client_id and s.broker != BUILTIN:
            hint = "Choose one that no other client has."
            problems.append(self._problem('session = "persistent" needs a client_id.', hint))
        if s.broker == BUILTIN:
            pairs = [(a, b) for a, b in itertools.combinations(self.filters, 2) if overlap(a, b)]
            hint = "Subscribe to one wider filter, and let rules or discover = false choose."
            problems += [self._problem(f"The topics {a!r} and {b!r} overlap.", hint) for a, b in pairs]
        if not problems and not self.filters:
            hint = 'Set subscriptions, such as ["sensors/#"], or rules.'
            problems.append(self._problem("Nothing to listen to.", hint))
        return problems + [p for tag in self.tags for p in _tag_problems(tag)]

    def _rule_problems(self, number: int, rule: Any) -> list[Problem]:
        try:
            compiled = CompiledRule(rule)
        except Invalid as error:
            return [self._problem(f"Rule {number + 1}: {error.message}", error.hint)]
        unknown = names_of(rule.path) - {"topic", *compiled.template.names}
        if unknown:
            names = ", ".join(f"{{{name}}}" for name in sorted(unknown))
            hint = f"Its topic {rule.topic!r} must name it."
            return [self._problem(f"Rule {number + 1}: the path uses {names}, which stands nowhere.", hint)]
        if rule.value and rule.values:
            hint = "`value` is for one value a message, `values` for several."
            return [self._problem(f"Rule {number + 1} has both value and values.", hint)]
        return []

    def _problem(self, message: str, hint: str = "") -> Problem:
        return Problem(path=self.root, message=message, hint=hint)

    # ---- at work ----

    async def connect(self) -> None:
        """Connect and subscribe; from here on QoS 1 messages are kept for us."""
        self._source = self._make_source()
        await self._source.open()

    async def subscribe(self, sink: Sink) -> None:
        """Deliver values until cancelled; a QoS 1 message is acknowledged after its values are durable."""
        source = self._source
        if source is None:
            await self.connect()
            source = self._source
        assert source is not None
        decoder = Decoder(self.settings, self.tags, self.root, self.paths)
        try:
            async with asyncio.TaskGroup() as group:
                for feed in source.feeds():
                    group.create_task(self._pump(feed, source, decoder, sink))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def _pump(
        self, feed: AsyncIterator[list[Message]], source: MessageSource, decoder: Decoder, sink: Sink
    ) -> None:
        dropped = 0
        async for batch in feed:
            readings = decoder.decode(batch)
            if len(readings):
                await sink.put(readings)
            for problem in decoder.troubles.drain():
                sink.trouble(problem)
            if not self.host.trial and any(message[3] for message in batch):
                await sink.flush()
            if source.dropped() > dropped:
                dropped = source.dropped()
                message = "QoS 0 messages came faster than they could be stored; some were lost."
                sink.trouble(self._problem(message, "Publish with QoS 1, or fewer messages."))

    async def write(self, tag: Tag, value: Value) -> None:
        """Publish a setpoint and return when the broker has it."""
        topic = tag.options.get("write_topic")
        if not topic:
            raise Invalid(
                f"{tag.path} has no topic to write to.",
                hint='Add options = { write_topic = "…/set" } to its tag.',
            )
        payload = str(tag.options.get("write_payload", _PAYLOAD)).replace("{value}", _encode(tag, value))
        link = await self._write_link()
        own = tag.address.partition("|")[0]
        await link.publish(
            str(topic).replace("{topic}", own),
            payload,
            qos=int(tag.options.get("write_qos", 1)),
            retain=bool(tag.options.get("write_retain")),
        )

    async def browse(self, address: str = "") -> list[Node]:
        """Topics and JSON keys below an address, heard while listening for `browse_s`."""
        now = asyncio.get_running_loop().time()
        if (
            self._heard is None
            or (address == "" and now - self._heard[0] > self.settings.browse_s)
            or (now - self._heard[0] > _HEARD_FOR_S)
        ):
            self._heard = (asyncio.get_running_loop().time(), await self._listen())
        return self._heard[1].below(address)

    async def close(self) -> None:
        """Let go of the broker; unacknowledged messages come again."""
        source, self._source = self._source, None
        writer, self._writer = self._writer, None
        for one in (source, writer):
            if one is not None:
                await one.close()

    # ---- inside ----

    def _make_source(self) -> MessageSource:
        s, front = self.settings, self.host.front
        if s.broker == BUILTIN and front is not None and not self.host.trial:
            return FrontSource(front, self._durable(), self.filters, s.qos)
        trial = self.host.trial
        link = Link(
            s,
            s.endpoint(front),
            manual_ack=not trial,
            persistent=s.session == "persistent" and not trial,
            client_id=_passer_by() if trial else "",
        )
        return BrokerSource(link, self.filters, 0 if trial else s.qos)

    async def forget(self) -> None:
        """Nobody will take the messages the front keeps for this connection."""
        if self.settings.broker == BUILTIN and self.host.front is not None:
            await self.host.front.forget(self._durable())

    def _durable(self) -> str:
        """The name under which the front keeps messages for this connection."""
        name = f"{self.host.edge}/{self.host.connection or self.settings.client_id or self.root}"
        return f"mqtt-{xxhash.xxh64_hexdigest(name.encode())}"

    async def _write_link(self) -> Link:
        if isinstance(self._source, BrokerSource) and self._source.link.is_open:
            return self._source.link
        if self._writer is None or not self._writer.is_open:
            self._writer = Link(self.settings, self.settings.endpoint(self.host.front), client_id=_passer_by())
            await self._writer.open()
        return self._writer

    async def _listen(self) -> Heard:
        """A look at the broker beside whatever runs."""
        heard = Heard()
        loop = asyncio.get_running_loop()
        until = loop.time() + self.settings.browse_s
        link = Link(self.settings, self.settings.endpoint(self.host.front), client_id=_passer_by())
        await link.open()
        try:
            await link.subscribe(self.filters or ("#",), 0)
            while (left := until - loop.time()) > 0:
                heard.note([m for m in await link.take(left) if not any(fits(f, m[0]) for f in self.settings.ignore)])
        finally:
            await link.close()
        return heard


def listening(settings: MqttSettings, tags: Sequence[Tag]) -> tuple[str, ...]:
    """The topic filters needed: those set, or those of the rules, and the tags' topics they miss; none twice."""
    wanted = list(settings.subscriptions)
    if not wanted and settings.discover:
        wanted = [template_filter(rule.topic) for rule in settings.rules]
    wanted += [tag.address.partition("|")[0] for tag in tags]
    kept: list[str] = []
    for topic in wanted:
        if not any(covers(other, topic) for other in kept):
            kept = [other for other in kept if not covers(topic, other)] + [topic]
    return tuple(kept)


def _tag_problems(tag: Tag) -> list[Problem]:
    topic, _, path = tag.address.partition("|")
    if not topic or "+" in topic or "#" in topic:
        hint = "Write topic|json.path, such as sensors/hall-1/climate|temperature."
        return [Problem(path=tag.path, message=f"{tag.address!r} is no address of one value.", hint=hint)]
    try:
        json_path(path)
    except Invalid as error:
        return [Problem(path=tag.path, message=error.message, hint=error.hint)]
    if tag.writable and not tag.options.get("write_topic"):
        hint = 'Add options = { write_topic = "…/set" }.'
        return [Problem(path=tag.path, message="It is writable but has no topic to write to.", hint=hint)]
    known = {"write_topic", "write_payload", "write_qos", "write_retain"}
    if unknown := set(tag.options) - known:
        hint = f"Known: {', '.join(sorted(known))}."
        return [Problem(path=tag.path, message=f"Unknown options: {', '.join(sorted(unknown))}.", hint=hint)]
    return []


def _encode(tag: Tag, value: Value) -> str:
    """A value as JSON, in the machine's own unit."""
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    if tag.kind is Kind.BOOLEAN:
        return "true" if value else "false"
    raw = (float(value) - tag.offset) / tag.scale
    if tag.kind is Kind.INTEGER or (tag.scale == 1.0 and isinstance(value, int)):
        return str(round(raw))
    return msgspec.json.encode(raw).decode()


def _passer_by() -> str:
    return f"lineshaft-{new_id()[-12:]}"
