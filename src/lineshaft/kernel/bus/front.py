"""The MQTT front: what devices published, retained topics, and who may connect.

A PUBACK of nats-server says that the message is in the stream `$MQTT_msgs`; whether another stream
captured it as well, nobody promises. So messages with QoS 1 and 2 are taken from that very stream
by a durable consumer and acknowledged after they are durable elsewhere; QoS 0 comes as plain messages.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import aiomqtt
import bcrypt
import msgspec

from lineshaft.kernel.errors import Timeout, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.log import get_log
from lineshaft.kernel.tasks import in_thread

from .client import Bus
from .server import Credentials, Embedded

log = get_log("kernel")
_STREAM = "$MQTT_msgs"
_PREFIX = "$MQTT.msgs."
_OURS = ("$JS.>", "$SYS.>", "$MQTT.msgs.>", "$MQTT.sess.>", "$MQTT.rmsgs.>")
"""What no device may touch, whatever it was granted: the server's own subjects."""
_ACKNOWLEDGED = re.compile(rb"Nmqtt-Pub: ?[12]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttMessage:
    """What a device published."""

    topic: str
    payload: bytes
    time_us: int = 0
    """When the server stored it, µs since 1970 UTC; 0 for plain messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttUser:
    """A device that may connect: its name, hashed password and topic filters."""

    name: str
    password_hash: str
    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


class Front:
    """The platform's side of the MQTT server."""

    def __init__(self, bus: Bus, *, host: str, mqtt_port: int, credentials: Credentials) -> None:
        self.bus = bus
        self.host = host
        self.mqtt_port = mqtt_port
        self.credentials = credentials

    @classmethod
    async def open(cls, embedded: Embedded) -> Front:
        """Connect to the embedded front and make sure its streams exist before devices may come."""
        await embedded.wait_ready()
        login = embedded.credentials
        bus = await Bus.connect(embedded.front_url, user=login.user, password=login.password, name="lineshaft-front")
        front = cls(bus, host=embedded.mqtt_host, mqtt_port=embedded.endpoints.mqtt, credentials=login)
        async with front.client("lineshaft-setup"):
            pass  # the server makes its MQTT streams when the first client of the account connects
        return front

    @classmethod
    async def connect(cls, url: str, *, host: str, mqtt_port: int, credentials: Credentials) -> Front:
        """Connect to an MQTT front that others run."""
        bus = await Bus.connect(url, user=credentials.user, password=credentials.password, name="lineshaft-front")
        front = cls(bus, host=host, mqtt_port=mqtt_port, credentials=credentials)
        async with front.client("lineshaft-setup"):
            pass
        return front

    async def close(self) -> None:
        await self.bus.close()

    def client(self, name: str) -> aiomqtt.Client:
        """An MQTT client signed in as the platform."""
        return aiomqtt.Client(
            self.host,
            self.mqtt_port,
            username=self.credentials.user,
            password=self.credentials.password,
            identifier=f"{name}-{new_id()[-8:]}",
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=5,
        )

    async def ensure_taker(self, durable: str, topics: Sequence[str]) -> None:
        """Register interest, so that from now on messages on these topics are kept until taken."""
        await self.bus.ensure_consumer(_STREAM, durable, subjects=_filters(topics), alone=True)

    async def take(
        self, durable: str, topics: Sequence[str], *, most: int = 2000, linger_s: float = 0.05
    ) -> AsyncIterator[list[MqttMessage]]:
        """QoS 1 and 2 messages in batches; a batch is acknowledged when the next one is asked for.

        Nobody else may take with the same name at the same time.
        """
        skip = len(_PREFIX)
        batches = self.bus.consume(
            _STREAM, durable, subjects=_filters(topics), most=most, linger_s=linger_s, alone=True
        )
        async for batch in batches:
            yield [
                MqttMessage(topic=topic_of(m.subject[skip:]), payload=m.data, time_us=m.time_ns // 1000) for m in batch
            ]

    async def shut(self) -> None:
        """Take no QoS 1 and 2 messages: devices get no PUBACK, are cut off when they insist, and keep their data."""
        await self.bus.shut(_STREAM)

    async def reopen(self) -> None:
        """Take messages again."""
        await self.bus.reopen(_STREAM)

    async def listen(
        self, topic: str, handler: Callable[[MqttMessage], None]
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """Call `handler` for each QoS 0 message; those with a QoS come through `take`. Returns how to stop."""

        def on_message(subject: bytes, headers: bytes, data: bytes) -> None:
            if not _ACKNOWLEDGED.search(headers):
                handler(MqttMessage(topic=topic_of(subject.decode()), payload=bytes(data)))

        stops = [await self.bus.tap(subject, on_message) for subject in subjects_of(topic)]

        async def stop() -> None:
            for one in stops:
                await one()

        return stop

    async def forget(self, durable: str) -> None:
        """Let go of what is kept for a taker that will not come back."""
        await self.bus.forget_consumer(_STREAM, durable)


def topic_of(subject: str) -> str:
    """The MQTT topic of a NATS subject: dots are slashes, a double slash was a dot."""
    return subject.replace("//", "\0").replace(".", "/").replace("\0", ".").replace("/ /", "//")


def subjects_of(topic: str) -> tuple[str, ...]:
    """The NATS subjects of an MQTT filter; `a/#` also means `a` itself, so it needs two."""
    subject = topic.replace(".", "\0").replace("/", ".").replace("\0", "//")
    subject = re.sub(r"(^|\.)\+(?=\.|$)", r"\1*", subject)
    if subject == "#":
        return (">",)
    if subject.endswith(".#"):
        return (subject[:-2], subject[:-1] + ">")
    return (subject,)


def _filters(topics: Sequence[str]) -> list[str]:
    return [_PREFIX + subject for topic in topics for subject in subjects_of(topic)]


def hash_password(password: str) -> str:
    """The form in which device passwords reach the server (bcrypt, the only one it reads)."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(8)).decode()


class Admission:
    """Decides which devices the running MQTT server lets in."""

    def __init__(self, embedded: Embedded) -> None:
        self._embedded = embedded
        self._read: list[str] | None = None
        """What the server is known to have read."""

    async def __call__(self, users: Sequence[MqttUser]) -> None:
        """Let in these and nobody else; the server does so from the moment this returns."""
        lines = [_render(user) for user in users]
        if lines == self._read:
            return  # who is just connecting would be cut off for nothing
        self._read = None
        await in_thread(self._embedded.write_front_users, lines)
        try:
            await self._have_it_read()
        except (Unavailable, Timeout) as error:  # it reads them when it comes back
            log.warning("the MQTT server has not confirmed who may connect", error=error.message)
        else:
            self._read = lines

    async def _have_it_read(self) -> None:
        """A signal would do the same, but not say when it is done."""
        url, login = self._embedded.front_url, self._embedded.system_login
        bus = await Bus.connect(url, user=login.user, password=login.password, name="admission", quiet=True)
        try:
            answer = msgspec.json.decode(await bus.ask(f"$SYS.REQ.SERVER.{bus.server_id}.RELOAD", b""))
        finally:
            await bus.close()
        if "error" in answer:
            raise Unavailable(f"It refuses its configuration: {answer['error'].get('description')}.")


def _render(user: MqttUser) -> str:
    publish = [s for t in user.publish for s in subjects_of(t)]
    subscribe = [s for t in user.subscribe for s in subjects_of(t)]
    return (
        f'{{ user: "{user.name}", password: "{user.password_hash}", permissions: {{ '
        f"publish: {{ allow: {_quoted(publish)}, deny: {_quoted(_OURS)} }}, "
        f"subscribe: {{ allow: {_quoted([*subscribe, '$MQTT.sub.>'])}, deny: {_quoted(_OURS)} }} }}, "
        f'allowed_connection_types: ["MQTT", "MQTT_WS"] }}'
    )


def _quoted(items: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{item}"' for item in items) + "]"
