"""One MQTT connection: MQTT 5 with fall back to 3.1.1, batches of messages, acknowledgement by hand.

The only file here that knows the MQTT library. It reaches past aiomqtt's queue to the client below,
for two things aiomqtt does not offer: to leave QoS 1 messages unacknowledged until told otherwise,
and to take messages in batches instead of one task per message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.ids import new_id

from .settings import BrokerSettings, Endpoint

T = TypeVar("T")
Message: TypeAlias = tuple[str, bytes, int, int, bool]
"""topic, payload, arrival in µs since 1970, token for the acknowledgement (0 needs none), whether it was retained."""
MOST_WAITING = 100_000
"""Messages that may wait to be taken; more with QoS 0 are given up and counted."""
RECEIVE_MAXIMUM = 20_000
"""QoS 1 messages an MQTT 5 broker may have under way to us."""
_QUIET = logging.getLogger("lineshaft.mqtt")
"""Where the library complains of every strange byte; whoever holds the link is told once, by Unavailable."""
_QUIET.setLevel(logging.CRITICAL + 1)
_UNKNOWN_VERSION = {1, 132}
"""CONNACK codes of brokers that do not speak the version asked for: 3.1.1 and 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker publishes for us when the connection breaks."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class Link:
    """A connection to a broker; made closed, opened and closed once."""

    def __init__(
        self,
        settings: BrokerSettings,
        endpoint: Endpoint,
        *,
        will: Will | None = None,
        manual_ack: bool = False,
        persistent: bool = False,
        client_id: str = "",
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._settings = settings
        self._endpoint = endpoint
        self._will = will
        self._manual_ack = manual_ack
        self._persistent = persistent
        self._client_id = client_id or settings.client_id or f"lineshaft-{new_id()[-12:]}"
        self._most_waiting = most_waiting
        self._client: aiomqtt.Client | None = None
        self._arrived = asyncio.Event()
        self._inbox: list[Message] = []
        self._lost: BaseException | None = None
        self.protocol = ""
        """The version spoken, `5` or `3.1.1`, once open."""
        self.dropped = 0
        """QoS 0 messages given up because nobody took them in time."""

    async def open(self) -> None:
        """Connect, or raise Unavailable saying what does not answer."""
        asked = self._settings.protocol
        try:
            await self._try("5" if asked == "auto" else asked)
        except _WrongVersion as error:
            if asked != "auto":
                raise self._unavailable(f"it does not speak MQTT {asked}") from error
            try:
                await self._try("3.1.1")
            except _WrongVersion as again:
                raise self._unavailable("it speaks neither MQTT 5 nor 3.1.1") from again

    async def subscribe(self, filters: Sequence[str], qos: int = 1) -> None:
        """Listen to topic filters; raises Unavailable naming the one the broker refuses."""
        if not filters:
            return
        try:
            asked = self._open_client().subscribe([(f, qos) for f in filters], timeout=self._settings.timeout_s)
            codes = await _cancellable(asked)
        except aiomqtt.MqttError as error:
            raise self._unavailable(error) from error
        refused = [f for f, code in zip(filters, codes, strict=True) if _code(code) >= 128]
        if refused:
            raise Unavailable(
                f"The MQTT broker at {self._endpoint} refuses to tell us about {', '.join(refused)}.",
                hint="Give the user the right to subscribe to these topics.",
            )

    async def publish(self, topic: str, payload: bytes | str, *, qos: int = 0, retain: bool = False) -> None:
        """Publish; with QoS 1 return when the broker has it."""
        try:
            within = self._settings.timeout_s
            await _cancellable(self._open_client().publish(topic, payload, qos, retain, timeout=within))
        except (aiomqtt.MqttError, ValueError) as error:
            raise self._unavailable(error) from error
        if self._lost is not None:
            raise self._unavailable(self._lost) from self._lost

    async def take(self, within_s: float | None = None) -> list[Message]:
        """All messages that have arrived, at least one unless the time is over; Unavailable when the link is lost."""
        if not self._inbox and self._lost is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._arrived.wait()
        if not self._inbox and self._lost is not None:
            raise self._unavailable(self._lost) from self._lost
        taken, self._inbox = self._inbox, []
        if self._lost is None:
            self._arrived.clear()
        return taken

    def ack(self, messages: Sequence[Message]) -> None:
        """Acknowledge QoS 1 messages, in the order they came."""
        paho = self._open_client()._client
        for _, _, _, token, _ in messages:
            if token:
                paho.ack(token, 1)

    @property
    def is_open(self) -> bool:
        return self._client is not None and self._lost is None

    async def close(self) -> None:
        """Say goodbye; safe when never opened, when lost, and twice."""
        client, self._client = self._client, None
        if client is None:
            return
        with contextlib.suppress(aiomqtt.MqttError, OSError):
            await _cancellable(client.__aexit__(None, None, None))
        _scrap(client)

    def cut(self) -> None:
        """Drop the connection without goodbye, as a crash would; the broker then publishes the will."""
        client, self._client = self._client, None
        if client is not None:
            _scrap(client)

    # ---- inside ----

    async def _try(self, protocol: str) -> None:
        self._lost = None
        self._arrived.clear()
        context = await self._tls() if self._endpoint.tls else None
        client = self._make(protocol, context)
        entering = asyncio.ensure_future(client.__aenter__())
        try:
            await asyncio.shield(entering)
        except asyncio.CancelledError:
            entering.add_done_callback(lambda done: _abandon(client, done))
            raise
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            _scrap(client)
            if _is_version_fault(error, protocol):
                raise _WrongVersion from error
            raise self._unavailable(error) from error
        if not client._client.is_connected():
            _scrap(client)
            raise self._unavailable("the connection was closed")
        client._disconnected.add_done_callback(lambda done: self._on_lost(client, done))
        self._client = client
        self.protocol = protocol

    def _make(self, protocol: str, context: ssl.SSLContext | None) -> aiomqtt.Client:
        s, e = self._settings, self._endpoint
        five = protocol == "5"
        will = self._will
        client = aiomqtt.Client(
            e.host,
            e.port,
            username=e.user or None,
            password=e.password or None,
            identifier=self._client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
            will=None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
            clean_session=None if five else not self._persistent,
            clean_start=not self._persistent if five else MQTT_CLEAN_START_FIRST_ONLY,
            properties=self._properties() if five else None,
            transport="tcp" if e.websocket_path is None else "websockets",
            websocket_path=e.websocket_path,
            tls_context=context,
            timeout=s.timeout_s,
            keepalive=s.keepalive_s,
            logger=_QUIET,
        )
        client.pending_calls_threshold = 1_000_000
        paho = client._client
        paho.connect_timeout = s.timeout_s
        paho.manual_ack_set(self._manual_ack)
        paho.on_message = self._on_message
        paho.on_disconnect = _early(client, paho.on_disconnect)
        return client

    def _properties(self) -> Properties:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.SessionExpiryInterval = 7 * 86_400 if self._persistent else 0
        return properties

    async def _tls(self) -> ssl.SSLContext:
        """The TLS settings, tried out first: the library leaks the socket of a failed handshake."""
        s, e = self._settings, self._endpoint
        try:
            context = ssl.create_default_context(cafile=s.ca_file or None)
            if s.cert_file:
                context.load_cert_chain(s.cert_file, s.key_file or None)
        except OSError as error:
            raise self._unavailable(f"the TLS files cannot be used: {error}") from error
        if not s.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            async with asyncio.timeout(s.timeout_s):
                _, writer = await asyncio.open_connection(e.host, e.port, ssl=context)
        except OSError as error:
            raise self._unavailable(error) from error
        writer.transport.abort()
        return context

    def _on_message(self, _client: Any, _userdata: Any, message: MQTTMessage) -> None:
        qos = message.qos
        if qos == 0 and len(self._inbox) >= self._most_waiting:
            self.dropped += 1
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        token = message.mid if qos else 0
        self._inbox.append((topic, bytes(message.payload), now_us(), token, message.retain))
        self._arrived.set()

    def _on_lost(self, client: aiomqtt.Client, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        self._lost = error or ConnectionError("the connection was closed")
        self._arrived.set()
        for waiting in client._pending_publishes.values():
            waiting.set()  # nobody will confirm these any more

    def _open_client(self) -> aiomqtt.Client:
        if self._client is None:
            raise self._unavailable("the connection is closed")
        return self._client

    def _unavailable(self, why: object) -> Unavailable:
        return Unavailable(
            f"The MQTT broker at {self._endpoint} does not answer: {str(why) or type(why).__name__}.",
            hint="Check address, port, TLS and login, and that the broker runs.",
        )


class _WrongVersion(Exception):
    """The broker does not speak this version of MQTT."""


class _ClosedEarly(aiomqtt.MqttError):
    """The broker closed the connection before it answered our greeting."""


def _early(client: aiomqtt.Client, then: Any) -> Any:
    """Brokers that know no MQTT 5 may close without a word; aiomqtt alone would wait for its time-out."""

    def on_disconnect(*told: Any) -> None:
        if not client._connected.done():
            client._loop.call_soon_threadsafe(_refuse, client)
        then(*told)

    return on_disconnect


def _refuse(client: aiomqtt.Client) -> None:
    if not client._connected.done():
        client._connected.set_exception(_ClosedEarly("it closed the connection without an answer"))


def _is_version_fault(error: Exception, protocol: str) -> bool:
    """Whether another version of MQTT is worth a try."""
    if isinstance(error, MqttConnectError):
        return _code(error.rc) in _UNKNOWN_VERSION
    return isinstance(error, _ClosedEarly) and protocol == "5"


async def _cancellable(call: Coroutine[Any, Any, T]) -> T:
    """Await the library; it uses `wait_for`, which in Python 3.11 swallows a cancellation that meets the result."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    result = await call
    if task and task.cancelling() > before:
        raise asyncio.CancelledError
    return result


def _code(code: Any) -> int:
    """The number of a reason code, which the library gives as a number or as an object."""
    return int(getattr(code, "value", code))


def _scrap(client: aiomqtt.Client) -> None:
    """Close the socket below, whatever state it is in."""
    paho = client._client
    sock = paho.socket()
    if sock is not None:
        paho._sock_close()
    if client._misc_task is not None:
        client._misc_task.cancel()


def _abandon(client: aiomqtt.Client, done: asyncio.Future[Any]) -> None:
    """A connection that came up after nobody wanted it any more."""
    if not done.cancelled():
        done.exception()
    _scrap(client)
