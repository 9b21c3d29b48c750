"""Topics that keep their last message on the MQTT front, written by the platform.

    async with Retained(front, "twins-mirror") as shelf:
        await shelf.clear(await shelf.topics("uns") - wanted)
        await shelf.put("uns/acme/pump/speed", b"…")

Messages travel with QoS 0: the server keeps the last one of a topic all the same, and whoever writes
looks at `topics` and writes everything anew after a lost connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import aiomqtt

from lineshaft.kernel.errors import Unavailable

from .front import Front


class Retained:
    """One connection that writes retained topics; raises Unavailable when it is lost, then open a new one."""

    def __init__(self, front: Front, name: str) -> None:
        self._front = front
        self._name = name
        self._stack = AsyncExitStack()
        self._client: aiomqtt.Client | None = None

    async def __aenter__(self) -> Self:
        async with _told():
            self._client = await self._stack.enter_async_context(self._front.client(self._name))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            await self._stack.aclose()

    async def put(self, topic: str, payload: bytes) -> None:
        """Make this the message of a topic; an empty one makes the topic forgotten."""
        assert self._client is not None
        async with _told():
            await self._client.publish(topic, payload, qos=0, retain=True)

    async def clear(self, topics: Iterable[str]) -> None:
        """Forget these topics."""
        for topic in topics:
            await self.put(topic, b"")

    async def topics(self, prefix: str, *, quiet_s: float = 0.5, within_s: float = 30.0) -> set[str]:
        """Every topic below a prefix that keeps a message now; known once nothing more came for `quiet_s`."""
        found: set[str] = set()
        async with _told(), self._front.client(f"{self._name}-look") as client:
            await client.subscribe(f"{prefix}/#", qos=0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await _gather(client, found, quiet_s)
        return found


async def _gather(client: aiomqtt.Client, found: set[str], quiet_s: float) -> None:
    messages = aiter(client.messages)
    while True:
        async with asyncio.timeout(quiet_s):
            message = await anext(messages)
        if message.retain and message.payload:
            found.add(str(message.topic))


@contextlib.asynccontextmanager
async def _told() -> AsyncIterator[None]:
    try:
        yield
    except aiomqtt.MqttError as error:
        raise Unavailable(f"The MQTT front is away: {error}.", hint="It is usually back within seconds.") from error
