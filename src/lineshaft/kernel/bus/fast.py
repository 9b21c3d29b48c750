"""The library's client with short ways for what comes in great numbers.

Messages of pulls and taps skip the parsing of headers and the task per subscription.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

Tap = Callable[[bytes, bytes, bytes], None]
"""Gets subject, raw headers and payload of a plain message, at once and on the reader's own time: it must be quick."""


@dataclass(slots=True)
class Message:
    """One message of a stream or subject; `seq` and `time_ns` are 0 outside streams, headers None inside."""

    subject: str
    data: bytes
    reply: str = ""
    seq: int = 0
    time_ns: int = 0
    headers: dict[str, str] | None = None


class FastClient(Client):  # type: ignore[misc]
    """The library's client, with a short way for the messages of pulls."""

    def __init__(self) -> None:
        super().__init__()
        self.pulls: dict[int, Pull] = {}
        self.taps: dict[int, Tap] = {}

    async def request(self, *args: Any, **kwargs: Any) -> Msg:
        """As the library's, but a cancellation that meets the answer is kept; `wait_for` of 3.11 swallows it."""
        task = asyncio.current_task()
        before = task.cancelling() if task else 0
        msg = await super().request(*args, **kwargs)
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
        return msg

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        pull = self.pulls.get(sid)
        if (tap := self.taps.get(sid)) is not None:
            tap(subject, headers, data)
        elif pull is None:
            await super()._process_msg(sid, subject, reply, data, headers)
        elif headers and headers[8:9] == b" ":
            pull.ended(bytes(headers[9:12]))
        else:
            pull.arrived(subject, reply, data)


class Pull:
    """The inbox of one pull consumer."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.wanted = 0
        self.done = asyncio.Event()
        self.status = b""

    def arrived(self, subject: bytes, reply: bytes, data: bytes) -> None:
        ack = reply.decode()
        parts = ack.split(".")
        seq, stamp = (parts[5], parts[7]) if len(parts) == 9 else (parts[7], parts[9])
        self.messages.append(Message(subject.decode(), bytes(data), ack, int(seq), int(stamp)))
        if len(self.messages) >= self.wanted:
            self.done.set()

    def ended(self, status: bytes) -> None:
        if status != b"100":
            self.status = status
            self.done.set()
