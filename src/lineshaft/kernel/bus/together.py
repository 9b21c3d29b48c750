"""Group commit: messages that wait at the same time become durable with one disk sync.

The server syncs every message on its own, and one after the other, which bounds a stream at what the disk
can sync a second. An atomic batch (NATS ADR-50) is synced once, but costs a fixed amount to stage. So
messages that are waiting in numbers go as one batch, and a few go alone.

    publish ──▶ waiting ──▶ few: alone, as ever
                        └─▶ many: one batch; whatever goes wrong with it, its messages then go alone

A message keeps its id either way, so one that was stored with a batch whose answer got lost is stored once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import msgspec
import nats.errors

from lineshaft.kernel.ids import new_id

from .fast import FastClient

MANY = 16
"""From here on a batch is faster than syncs of their own: it costs about ten of them."""
_MOST = 128
_MOST_BYTES = 8_000_000
_ANSWER_S = 5.0


@dataclass(slots=True, kw_only=True)
class _Waiting:
    subject: str
    data: bytes
    msg_id: str
    stored: asyncio.Future[int | None]


class Together:
    """Sends the messages of one connection that are waiting at the same moment."""

    def __init__(self, client: FastClient) -> None:
        self._nc = client
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def publish(self, subject: str, data: bytes, *, msg_id: str) -> int | None:
        """The stream sequence once the message is on disk; None when it is to be sent alone."""
        stored: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(subject=subject, data=data, msg_id=msg_id, stored=stored))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await stored

    async def _run(self) -> None:
        """Started by the first message; by the time it runs, all that were sent in the same turn are waiting."""
        while self._waiting:
            some = self._take()
            last = await self._commit(some) if len(some) >= MANY else None
            for before, waiting in enumerate(reversed(some)):
                if not waiting.stored.done():
                    waiting.stored.set_result(None if last is None else last - before)

    def _take(self) -> list[_Waiting]:
        some: list[_Waiting] = []
        size = 0
        while self._waiting and len(some) < _MOST and size < _MOST_BYTES:
            waiting = self._waiting.popleft()
            if not waiting.stored.done():  # else its sender gave up
                some.append(waiting)
                size += len(waiting.data)
        return some

    async def _commit(self, some: list[_Waiting]) -> int | None:
        """The sequence of the last message, once all are on disk; None when none of them may be."""
        batch = new_id()
        try:
            for number, waiting in enumerate(some[:-1], 1):
                await self._nc.publish(waiting.subject, waiting.data, headers=_headers(batch, number, waiting))
            commit = _headers(batch, len(some), some[-1]) | {"Nats-Batch-Commit": "1"}
            msg = await self._nc.request(some[-1].subject, some[-1].data, timeout=_ANSWER_S, headers=commit)
            ack = msgspec.json.decode(msg.data)
        except (nats.errors.Error, TimeoutError, msgspec.DecodeError):
            return None
        return None if "error" in ack else int(ack["seq"])


def _headers(batch: str, number: int, waiting: _Waiting) -> dict[str, str]:
    return {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number), "Nats-Msg-Id": waiting.msg_id}
