"""One connection to a NATS server, with the few verbs the platform needs.

Streams are read in batches through plain pull requests. Messages of a pull skip the header parsing
and the per-subscription task of the client library: on the sample path that is most of its cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from lineshaft.kernel.errors import Internal, Invalid, NotFound, PlatformError, Timeout, Unavailable
from lineshaft.kernel.ids import new_id
from lineshaft.kernel.log import get_log

from .fast import FastClient, Message, Pull, Tap
from .refusals import pack_error, refused, unpack_error
from .together import Together

log = get_log("kernel")
Handler = Callable[["Message"], Awaitable[None]]
Answerer = Callable[[bytes], Awaitable[bytes]]
_OLDEST = (2, 14)
"""The first nats-server that can set a consumer back to what it has acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSpec:
    """A durable stream. When it is full it refuses new messages: senders wait, nothing is dropped."""

    name: str
    subjects: tuple[str, ...]
    max_bytes: int = -1
    max_age_s: float = 0
    keep_newest: bool = False
    """Drop the oldest instead of refusing the newest, for streams that may forget."""
    duplicate_window_s: float = 120
    replicas: int = 1
    together: bool = False
    """Let messages that wait at the same time share a disk sync; see `Bus.publish`."""


class Bus:
    """A connection that comes back by itself; made by `Bus.connect`."""

    def __init__(self, client: FastClient) -> None:
        self._nc = client
        self._together = Together(client)
        self._quiet = False
        self.on_back: list[Callable[[], None]] = []

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        user: str = "",
        password: str = "",
        name: str = "lineshaft",
        within_s: float = 5.0,
        quiet: bool = False,
    ) -> Bus:
        """Connect, and reconnect for ever after; raises Unavailable when the first try fails.

        A `quiet` connection is lost without a word: it is one of several to the same server.

        TLS addresses shake hands first: the library would otherwise send the password in clear to a
        server that does not offer TLS.
        """
        client = FastClient()
        bus = cls(client)
        bus._quiet = quiet
        options: dict[str, Any] = {"user": user, "password": password} if user else {}
        if url.startswith(("tls://", "wss://")):
            options |= {"tls": ssl.create_default_context(), "tls_handshake_first": True}
        last: list[Exception] = []

        async def failed(error: Exception) -> None:
            last[:] = [error]
            log.debug("bus client", error=str(error), kind=type(error).__name__)

        try:
            connecting = client.connect(
                url,
                name=name,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,
                connect_timeout=5,
                ping_interval=5,
                max_outstanding_pings=2,
                allow_reconnect=True,
                error_cb=failed,
                disconnected_cb=bus._lost,
                reconnected_cb=bus._back,
                pending_size=64 * 1024 * 1024,
                **options,
            )
            await asyncio.wait_for(connecting, within_s)
        except (OSError, nats.errors.Error, TimeoutError) as error:
            await client.close()
            raise Unavailable(
                f"The message bus at {url} does not answer: {(last or [error])[0] or 'time-out'}.",
                hint="Is it running, and are [bus] url, user and password in plant.toml right?",
            ) from error
        version = client.connected_server_version
        if (version.major, version.minor) < _OLDEST:
            await bus.close()
            raise Unavailable(
                f"The message bus at {url} is nats-server {version.major}.{version.minor}, which is too old.",
                hint=f"Lineshaft needs {'.'.join(map(str, _OLDEST))} or newer.",
            )
        return bus

    async def close(self) -> None:
        self._quiet = True
        with contextlib.suppress(Exception):
            await self._nc.flush(1)
        await self._nc.close()

    @property
    def connected(self) -> bool:
        return bool(self._nc.is_connected)

    @property
    def server_id(self) -> str:
        """What the server calls itself in its system subjects."""
        return str(self._nc._server_info["server_id"])

    async def _lost(self) -> None:
        if self._quiet:
            return
        log.warning("the bus is lost", url=str(self._nc.connected_url.netloc if self._nc.connected_url else ""))

    async def _back(self) -> None:
        if not self._quiet:
            log.info("the bus is back")
        for call in self.on_back:
            call()

    # ---- plain messages ----

    async def send(self, subject: str, data: bytes) -> None:
        """Tell whoever listens now; nobody may."""
        await self._nc.publish(subject, data)

    async def listen(self, subject: str, handler: Handler, *, queue: str = "") -> Subscription:
        """Call `handler` for each plain message; a failing handler is logged and goes on."""

        async def on_message(msg: Msg) -> None:
            try:
                await handler(Message(msg.subject, msg.data, msg.reply, headers=msg.headers))
            except Exception as error:
                log.error("a listener failed", subject=msg.subject, error=str(error), kind=type(error).__name__)

        return await self._nc.subscribe(subject, queue=queue, cb=on_message, pending_bytes_limit=256 * 1024 * 1024)

    async def tap(self, subject: str, tap: Tap) -> Callable[[], Coroutine[Any, Any, None]]:
        """Hand plain messages over raw, without a task and a parsed header for each; returns how to stop."""
        sub = await self._nc.subscribe(subject)
        self._nc.taps[sub._id] = tap

        async def stop() -> None:
            self._nc.taps.pop(sub._id, None)
            with contextlib.suppress(nats.errors.Error):
                await sub.unsubscribe()

        return stop

    async def forget_consumer(self, stream: str, durable: str) -> None:
        """Remove a durable consumer, so that nothing is kept for it any more."""
        with contextlib.suppress(NotFound):
            await self._api(f"CONSUMER.DELETE.{stream}.{durable}", {})

    async def ask(self, subject: str, data: bytes, *, within_s: float = 5.0) -> bytes:
        """Put a question and return the answer; errors of the other side are raised here as they were there."""
        try:
            msg = await self._nc.request(subject, data, timeout=within_s)
        except nats.errors.NoRespondersError as error:
            raise Unavailable(f"Nobody answers on {subject}.", hint="Is that role running?") from error
        except (nats.errors.TimeoutError, TimeoutError) as error:
            raise Timeout(
                f"No answer on {subject} within {within_s:g} s.", hint="Try again; look at its health."
            ) from error
        except nats.errors.Error as error:
            raise Unavailable(
                f"The message bus is away: {error}.", hint="It is usually back within seconds."
            ) from error
        if msg.headers and "Lineshaft-Error" in msg.headers:
            raise unpack_error(msg.data)
        return bytes(msg.data)

    async def answer(self, subject: str, answerer: Answerer, *, queue: str = "") -> Subscription:
        """Answer questions on a subject; a raised PlatformError travels to the asker."""
        running: set[asyncio.Task[None]] = set()

        async def reply(msg: Msg) -> None:
            try:
                body, headers = await answerer(msg.data), None
            except PlatformError as error:
                body, headers = pack_error(error), {"Lineshaft-Error": error.code}
            except Exception as error:
                log.error("an answer failed", subject=msg.subject, error=str(error), kind=type(error).__name__)
                body, headers = (
                    pack_error(Internal(f"{type(error).__name__}: {error}")),
                    {"Lineshaft-Error": "internal"},
                )
            if msg.reply:
                await self._nc.publish(msg.reply, body, headers=headers)

        async def on_message(msg: Msg) -> None:
            task = asyncio.get_running_loop().create_task(reply(msg))
            running.add(task)
            task.add_done_callback(running.discard)

        return await self._nc.subscribe(subject, queue=queue, cb=on_message)

    # ---- streams ----

    async def ensure_stream(self, spec: StreamSpec) -> None:
        """Create the stream, or bring it to this description; always files, never less than acknowledged."""
        config: dict[str, Any] = {
            "name": spec.name,
            "subjects": list(spec.subjects),
            "storage": "file",
            "retention": "limits",
            "discard": "old" if spec.keep_newest else "new",
            "max_bytes": spec.max_bytes,
            "max_age": int(spec.max_age_s * 1e9),
            "duplicate_window": int(spec.duplicate_window_s * 1e9),
            "num_replicas": spec.replicas,
            "allow_direct": True,
            "allow_atomic": spec.together,
        }
        try:
            await self._api(f"STREAM.CREATE.{spec.name}", config)
        except Invalid:
            await self._api(f"STREAM.UPDATE.{spec.name}", config)

    async def stream_state(self, name: str) -> dict[str, Any]:
        """The server's words on a stream: created, messages, bytes, first_seq, last_seq."""
        info = await self._api(f"STREAM.INFO.{name}", {})
        return {"created": info["created"], **info["state"]}

    async def shut(self, stream: str) -> None:
        """Let a stream take nothing more, by making its limit what it holds now; senders keep their messages."""
        await self._limit(stream, held=True)

    async def reopen(self, stream: str, *, max_bytes: int = -1) -> None:
        """Let a stream take messages again, up to a size."""
        await self._limit(stream, max_bytes=max_bytes)

    async def _limit(self, stream: str, *, max_bytes: int = -1, held: bool = False) -> None:
        info = await self._api(f"STREAM.INFO.{stream}", {})
        most = max(1, info["state"]["bytes"]) if held else max_bytes
        await self._api(f"STREAM.UPDATE.{stream}", {**info["config"], "discard": "new", "max_bytes": most})

    async def publish(
        self, subject: str, data: bytes, *, msg_id: str = "", within_s: float = 10.0, together: bool = False
    ) -> int:
        """Publish into a stream and return its sequence once it is on disk.

        A repeated `msg_id` within the stream's duplicate window is stored once. `together` lets it share a
        disk sync with others that wait at the same time, for streams made so. Raises Unavailable when the
        stream is full, nobody stores the subject or the bus is away, and Invalid when the message is larger
        than the bus takes.
        """
        if len(data) > self._nc.max_payload > 0:
            raise Invalid(f"A message of {len(data):,} bytes on {subject} is more than the bus takes.")
        msg_id = msg_id or new_id()  # an id of its own makes a repeat after a lost connection safe
        stored = await self._together.publish(subject, data, msg_id=msg_id) if together else None
        return stored or await self._publish_alone(subject, data, {"Nats-Msg-Id": msg_id}, within_s)

    async def _publish_alone(self, subject: str, data: bytes, headers: dict[str, str], within_s: float) -> int:
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while True:
            try:
                msg = await self._nc.request(subject, data, timeout=min(2.0, within_s), headers=headers)
                break
            except nats.errors.NoRespondersError as error:
                raise Unavailable(
                    f"Nothing stores messages on {subject}.", hint="Is the bus up and its stream made?"
                ) from error
            except (nats.errors.Error, TimeoutError) as error:
                if loop.time() >= until:
                    raise Unavailable(
                        f"The bus did not confirm a message on {subject}: {error or 'time-out'}.",
                        hint="It is sent again.",
                    ) from error
                await asyncio.sleep(0.1)
        ack = msgspec.json.decode(msg.data)
        if "error" in ack:
            raise refused(subject, ack["error"])
        return int(ack["seq"])

    async def read(
        self, stream: str, *, start_seq: int, most: int = 500, linger_s: float = 0.2, subject: str = ""
    ) -> AsyncIterator[list[Message]]:
        """Read a stream in order from a sequence on, for ever, in batches; an empty list is a quiet moment.

        Keeps its own place: after a lost connection or a restarted server it goes on with the next message.
        """
        at = max(start_seq, 1)
        while True:
            config: dict[str, Any] = {
                "ack_policy": "none",
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": at,
                "max_deliver": 1,
                "inactive_threshold": int(60e9),
                "mem_storage": True,
                "num_replicas": 1,
            }
            if subject:
                config["filter_subject"] = subject
            try:
                made = await self._api(
                    f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": config}, wrap=False
                )
                async with self._pull() as pull:
                    while True:
                        batch = await self._fetch(stream, made["name"], pull, most, linger_s)
                        if batch and batch[0].seq < at:
                            raise Unavailable("the stream went back in time")
                        yield batch
                        if batch:
                            at = batch[-1].seq + 1
            except (Unavailable, NotFound, Timeout):
                await asyncio.sleep(0.2)

    async def consume(
        self,
        stream: str,
        durable: str,
        *,
        subjects: Sequence[str] = (),
        most: int = 500,
        linger_s: float = 0.2,
        ack_wait_s: float = 30,
        alone: bool = False,
    ) -> AsyncIterator[list[Message]]:
        """Take messages as the durable consumer `durable`; a batch is acknowledged when the next is asked for.

        If the loop's body raises, or the process dies, the batch comes again: after `ack_wait_s`, while
        several processes with one name may share the work. Whoever is `alone` with the name gets it at
        once and in order, and acknowledges a batch in one word.
        """
        while True:
            try:
                await self.ensure_consumer(stream, durable, subjects=subjects, ack_wait_s=ack_wait_s, alone=alone)
                if alone:
                    # Else one word for a later batch would also acknowledge what died with our predecessor.
                    await self._api(f"CONSUMER.RESET.{stream}.{durable}", {})
                async with self._pull() as pull:
                    while True:
                        batch = await self._fetch(stream, durable, pull, most, linger_s)
                        yield batch
                        await self._acknowledge(batch[-1:] if alone else batch)
            except (Unavailable, NotFound, Timeout):
                await asyncio.sleep(0.2)

    async def ensure_consumer(
        self,
        stream: str,
        durable: str,
        *,
        subjects: Sequence[str] = (),
        ack_wait_s: float = 30,
        most_pending: int = 65_536,
        alone: bool = False,
    ) -> None:
        """Create a durable consumer for `consume`; subjects may not overlap."""
        config: dict[str, Any] = {
            "durable_name": durable,
            "ack_policy": "all" if alone else "explicit",
            "deliver_policy": "all",
            "ack_wait": int(ack_wait_s * 1e9),
            "max_ack_pending": most_pending,
        }
        if subjects:
            config["filter_subjects"] = list(subjects)
        body = {"stream_name": stream, "config": config}
        await self._api(f"CONSUMER.DURABLE.CREATE.{stream}.{durable}", body, wrap=False)

    async def _acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledge messages, and wait until the server has noted the last."""
        if not messages:
            return
        try:
            for message in messages[:-1]:
                await self._nc.publish(message.reply, b"+ACK")
            await self._nc.request(messages[-1].reply, b"+ACK", timeout=5)
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable(f"The bus did not note an acknowledgement: {error}.") from error

    async def purge(self, stream: str, *, before_seq: int) -> None:
        """Forget messages that every reader is done with."""
        await self._api(f"STREAM.PURGE.{stream}", {"seq": before_seq})

    @contextlib.asynccontextmanager
    async def _pull(self) -> AsyncIterator[tuple[str, Pull]]:
        inbox = self._nc.new_inbox()
        pull = Pull()
        sub = await self._nc.subscribe(inbox)
        self._nc.pulls[sub._id] = pull
        try:
            yield inbox, pull
        finally:
            self._nc.pulls.pop(sub._id, None)
            with contextlib.suppress(nats.errors.Error):
                await sub.unsubscribe()

    async def _fetch(
        self, stream: str, consumer: str, pull: tuple[str, Pull], most: int, linger_s: float
    ) -> list[Message]:
        inbox, box = pull
        box.messages, box.wanted, box.status = [], most, b""
        box.done.clear()
        request = msgspec.json.encode({"batch": most, "expires": int(linger_s * 1e9)})
        try:
            await self._nc.publish(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}", request, reply=inbox)
            async with asyncio.timeout(linger_s + 5):  # wait_for of 3.11 can swallow a cancellation here
                await box.done.wait()
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable(f"The stream {stream} does not answer.") from error
        if box.status in {b"503", b"409"} and not box.messages:
            raise Unavailable(f"The reader of stream {stream} is gone.")
        return box.messages

    async def _api(self, verb: str, body: dict[str, Any], *, wrap: bool = True) -> dict[str, Any]:
        try:
            msg = await self._nc.request(f"$JS.API.{verb}", msgspec.json.encode(body), timeout=5)
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable(
                f"The bus does not answer ({verb}): {error}.", hint="It is usually back within seconds."
            ) from error
        answer: dict[str, Any] = msgspec.json.decode(msg.data)
        if "error" in answer:
            said = answer["error"]
            kind = NotFound if said.get("code") == 404 else Unavailable if said.get("code", 0) >= 500 else Invalid
            raise kind(f"The bus refuses {verb}: {said.get('description')}.")
        return answer
