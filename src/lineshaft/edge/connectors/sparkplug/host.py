"""The host application on the wire: Will, subscriptions, STATE, commands, clean stop.

CONNECT, Will offline@T ─▶ SUBSCRIBE STATE and namespace ─▶ STATE online@T ─▶ … ─▶ STATE offline@now ─▶ DISCONNECT

T is the time of this CONNECT in milliseconds. Whoever says that we are offline while we are not,
usually the Will of our own broken session, is answered with online@T at once. Sparkplug 3.0.0, clause 5.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lineshaft.edge.broker import Endpoint, Link, Message, Will
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable

from .metrics import REBIRTH
from .schema import DataType, Payload
from .settings import SparkplugSettings
from .topics import NAMESPACE, Topic, state_topic


class HostApplication:
    """One session with one broker."""

    def __init__(self, settings: SparkplugSettings, endpoint: Endpoint, *, announce: bool) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._announce = announce
        self._state = state_topic(settings.host_id)
        self._link: Link | None = None
        self._born_ms = 0

    async def open(self) -> None:
        """Connect, subscribe, say that we are online; raises Unavailable."""
        await self.close()
        self._born_ms = now_us() // 1000
        will = Will(topic=self._state, payload=_state(False, self._born_ms)) if self._announce else None
        client_id = "" if self._announce else f"onlooker-{now_us():x}"
        link = Link(self._settings, self._endpoint, will=will, client_id=client_id)
        await link.open()
        self._link = link
        try:
            await link.subscribe(self._filters(), 1)
            await self._say_online()
        except BaseException:
            await self.close()
            raise

    def _filters(self) -> list[str]:
        groups = [f"{NAMESPACE}/{group}/#" for group in self._settings.groups]
        return [self._state, *(groups or [f"{NAMESPACE}/#"])]

    async def _say_online(self) -> None:
        if self._announce and self._link is not None:
            await self._link.publish(self._state, _state(True, self._born_ms), qos=1, retain=True)

    async def take(self, within_s: float | None) -> list[Message]:
        """Messages that have arrived, without our own STATE; raises Unavailable when the link is lost."""
        others = []
        for message in await self._open_link().take(within_s):
            if message[0] == self._state:
                await self._defend(message[1])
            else:
                others.append(message)
        return others

    async def _defend(self, payload: bytes) -> None:
        """Somebody says we are offline: say that we are not."""
        try:
            said = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            return
        if isinstance(said, dict) and said.get("online") is False:
            await self._say_online()

    async def ask_rebirth(self, group: str, edge: str) -> None:
        """Have a node say everything again."""

        def fill(metric: Any) -> None:
            metric.name, metric.datatype, metric.boolean_value = REBIRTH, int(DataType.BOOLEAN), True

        await self.command(Topic(group, "NCMD", edge), fill)

    async def command(self, topic: Topic, fill: Callable[[Any], None]) -> None:
        """Send one metric to a node or device: QoS 0, not retained, with a time and without a seq."""
        now_ms = now_us() // 1000
        payload = Payload(timestamp=now_ms)
        metric = payload.metrics.add(timestamp=now_ms)
        fill(metric)
        await self._open_link().publish(str(topic), payload.SerializeToString(), qos=0, retain=False)

    def _open_link(self) -> Link:
        if self._link is None:
            raise Unavailable("The Sparkplug session is closed.", hint="It is opened again by itself.")
        return self._link

    @property
    def dropped(self) -> int:
        return self._link.dropped if self._link else 0

    async def close(self) -> None:
        """Say that we are offline, then say goodbye; safe twice."""
        link, self._link = self._link, None
        if link is None:
            return
        try:
            if self._announce and link.is_open:
                await link.publish(self._state, _state(False, now_us() // 1000), qos=1, retain=True)
        finally:
            await link.close()


def _state(online: bool, at_ms: int) -> bytes:
    return msgspec.json.encode({"online": online, "timestamp": at_ms})
