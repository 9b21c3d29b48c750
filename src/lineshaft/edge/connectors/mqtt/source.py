"""Where messages come from: any broker over MQTT, or the platform's own front.

Both give feeds of batches. A batch counts as taken care of when the feed is asked for the next one;
only then is a QoS 1 message acknowledged. So the loop that reads a feed makes each batch durable first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from lineshaft.edge.broker import MOST_WAITING, Link, Message
from lineshaft.kernel.bus import Front, MqttMessage
from lineshaft.kernel.clock import now_us

_MIRROR = "uns/"


class MessageSource(Protocol):
    """Something that delivers what was published on some topics."""

    async def open(self) -> None:
        """Connect and subscribe; from now on nothing with QoS 1 is missed. Raises Unavailable."""

    def feeds(self) -> Sequence[AsyncIterator[list[Message]]]:
        """Streams of batches, each to be read by a task of its own."""

    def dropped(self) -> int:
        """QoS 0 messages given up since the start because the platform could not keep up."""

    async def close(self) -> None:
        """Let go; safe twice."""


class BrokerSource:
    """Messages from any broker, acknowledged by hand."""

    def __init__(self, link: Link, filters: Sequence[str], qos: int) -> None:
        self.link = link
        self._filters = filters
        self._qos = qos

    async def open(self) -> None:
        await self.link.open()
        try:
            await self.link.subscribe(self._filters, self._qos)
        except BaseException:
            await self.link.close()
            raise

    def feeds(self) -> Sequence[AsyncIterator[list[Message]]]:
        return [self._batches()]

    async def _batches(self) -> AsyncIterator[list[Message]]:
        while True:
            batch = await self.link.take()
            yield batch
            if self.link.is_open:
                self.link.ack(batch)

    def dropped(self) -> int:
        return self.link.dropped

    async def close(self) -> None:
        await self.link.close()


class FrontSource:
    """Messages devices published to the platform's own broker.

    QoS 1 and 2 come from the stream whose write is what the device's PUBACK means; QoS 0 comes as
    plain messages, bounded. The front reconnects by itself.
    """

    def __init__(self, front: Front, durable: str, filters: Sequence[str], qos: int) -> None:
        self._front = front
        self._durable = durable
        self._filters = filters
        self._qos = qos
        self._inbox: list[Message] = []
        self._arrived = asyncio.Event()
        self._dropped = 0
        self._stops: list[Callable[[], Awaitable[None]]] = []

    async def open(self) -> None:
        if self._qos:
            await self._front.ensure_taker(self._durable, self._filters)
        for topic in self._filters:
            self._stops.append(await self._front.listen(topic, self._plain))

    def feeds(self) -> Sequence[AsyncIterator[list[Message]]]:
        return [self._plain_batches(), *([self._stored_batches()] if self._qos else [])]

    async def _stored_batches(self) -> AsyncIterator[list[Message]]:
        async for batch in self._front.take(self._durable, self._filters):
            if batch:
                yield [(m.topic, m.payload, m.time_us, 1, False) for m in batch]

    async def _plain_batches(self) -> AsyncIterator[list[Message]]:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            taken, self._inbox = self._inbox, []
            yield taken

    def _plain(self, message: MqttMessage) -> None:
        if message.topic.startswith(_MIRROR):
            return  # our own unified namespace, which would come back as values of itself
        if len(self._inbox) >= MOST_WAITING:
            self._dropped += 1
            return
        self._inbox.append((message.topic, message.payload, now_us(), 0, False))
        self._arrived.set()

    def dropped(self) -> int:
        return self._dropped

    async def close(self) -> None:
        stops, self._stops = self._stops, []
        for stop in stops:
            await stop()
