"""Lets a server report changes: subscriptions, their items, and the loop that takes what they publish.

    open    as many subscriptions as it takes to hold all items; what the server will not hold is polled
    take    publish requests lie ready at the server; whatever has arrived leaves as one batch, every 50 ms at most
    watch   a heartbeat, and a look at namespaces, missing and silent nodes every `recheck_s`

A slow sink slows the publish requests down, so the server's queues fill, not our memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from contextlib import suppress

from asyncua import ua
from asyncua.ua import ua_binary

from lineshaft.edge.connectors import Readings, Sink
from lineshaft.kernel.errors import Unavailable

from . import wire
from .link import Codes, Link
from .poll import Poller
from .settings import OpcUaSettings
from .table import Item, Table
from .values import meaning

BATCH_S = 0.05
_KEEP_ALIVE_S = 2.0
_LIFETIME_S = 600.0
"""Long, so that a sink that waits does not cost the subscription; the session ends earlier when we are gone."""
_MOST_PER_PUBLISH = 10_000
_FULL = {Codes.BadTooManyMonitoredItems, Codes.BadOutOfMemory, Codes.BadResourceUnavailable}
_NO_SUBSCRIPTIONS = {
    Codes.BadServiceUnsupported,
    Codes.BadNotSupported,
    Codes.BadNotImplemented,
    Codes.BadTooManySubscriptions,
    Codes.BadResourceUnavailable,
    Codes.BadOutOfMemory,
}
_VANISHED = {Codes.BadNodeIdUnknown, Codes.BadNodeIdInvalid, Codes.BadAttributeIdInvalid}
_DEAD = {Codes.BadTimeout, Codes.BadShutdown, Codes.BadServerHalted, Codes.GoodSubscriptionTransferred}


class Stream:
    """The subscriptions of one connection."""

    def __init__(self, link: Link, table: Table, items: Sequence[Item], settings: OpcUaSettings, sink: Sink) -> None:
        self._link, self._table, self._items = link, table, items
        self._settings, self._sink = settings, sink
        self._subscriptions: list[int] = []
        self._watched: dict[int, tuple[int, int]] = {}
        """Subscription and monitored item of each handle the server reports."""
        self._missing: dict[int, int] = {}
        """Status of each handle whose node the server does not serve."""
        self._news: dict[int, float] = {}
        self._acknowledge: list[ua.SubscriptionAcknowledgement] = []
        self._depth = 2
        self._keep_alive_s = _KEEP_ALIVE_S
        self._published = time.monotonic()

    async def run(self) -> None:
        """Deliver until cancelled; whatever ends the link is raised."""
        try:
            polled = await self._open()
            await self._announce(self._missing)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._link.beat())
                group.create_task(self._recheck())
                if self._subscriptions:
                    group.create_task(self._take())
                if polled:
                    poller = Poller(self._link, self._table)
                    group.create_task(poller.run([self._items[handle] for handle in polled], self._sink))
        finally:
            await self._delete()

    # --- setting up ---

    async def _open(self) -> list[int]:
        """Subscribe to all items; returns the handles that have to be polled."""
        pending = [item.handle for item in self._items]
        while pending and self._settings.mode == "subscribe":
            subscription = await self._create()
            if subscription is None:
                break
            waiting = len(pending)
            pending = await self._fill(subscription, pending)
            if len(pending) == waiting:
                break
        self._depth = len(self._subscriptions) + 1
        return pending

    async def _create(self) -> int | None:
        """A new subscription; None when the server grants no more."""
        interval = self._settings.publishing_s
        request = ua.CreateSubscriptionRequest()
        request.Parameters.RequestedPublishingInterval = interval * 1000
        request.Parameters.RequestedMaxKeepAliveCount = max(1, round(_KEEP_ALIVE_S / interval))
        request.Parameters.RequestedLifetimeCount = max(3, round(_LIFETIME_S / interval))
        request.Parameters.MaxNotificationsPerPublish = _MOST_PER_PUBLISH
        request.Parameters.PublishingEnabled = True
        try:
            answer = await self._link.request(request)
        except ua.UaStatusCodeError as error:
            if error.code in _NO_SUBSCRIPTIONS:
                return None
            raise
        made = ua_binary.struct_from_binary(ua.CreateSubscriptionResponse, answer).Parameters
        keep_alive = made.RevisedPublishingInterval / 1000 * made.RevisedMaxKeepAliveCount
        self._keep_alive_s = max(self._keep_alive_s, keep_alive)
        self._subscriptions.append(made.SubscriptionId)
        return int(made.SubscriptionId)

    async def _fill(self, subscription: int, handles: Sequence[int]) -> list[int]:
        """Watch the items in one subscription; returns those it has no room for."""

        async def create(part: Sequence[int]) -> Sequence[ua.MonitoredItemCreateResult]:
            params = ua.CreateMonitoredItemsParameters()
            params.SubscriptionId = subscription
            params.ItemsToCreate = [self._wish(self._items[handle]) for handle in part]
            params.TimestampsToReturn = ua.TimestampsToReturn.Both
            results: Sequence[ua.MonitoredItemCreateResult] = await self._link.session.create_monitored_items(params)
            return results

        full = []
        results = await self._link.portioned("monitor", handles, create)
        for handle, result in zip(handles, results, strict=True):
            if not result.StatusCode.is_bad():
                self._watched[handle] = subscription, result.MonitoredItemId
                self._missing.pop(handle, None)
            elif result.StatusCode.value in _FULL:
                full.append(handle)
            else:
                self._missing[handle] = result.StatusCode.value
        return full

    def _wish(self, item: Item) -> ua.MonitoredItemCreateRequest:
        request = ua.MonitoredItemCreateRequest()
        request.ItemToMonitor = ua.ReadValueId(NodeId=item.node, AttributeId=ua.AttributeIds.Value)
        request.MonitoringMode = ua.MonitoringMode.Reporting
        request.RequestedParameters = ua.MonitoringParameters(
            ClientHandle=item.handle,
            SamplingInterval=item.every_ms,
            QueueSize=self._settings.queue,
            DiscardOldest=True,
        )
        return request

    # --- taking what is published ---

    async def _take(self) -> None:
        waiting: deque[asyncio.Task[ua_binary.Buffer]] = deque()
        given = 0.0
        try:
            while True:
                self._refill(waiting)
                await self._arrival(waiting[0])
                await asyncio.sleep(max(0.0, given + BATCH_S - time.monotonic()))
                raw = wire.Raw()
                while waiting and waiting[0].done():
                    self._open_letter(waiting.popleft(), raw)
                    self._refill(waiting)
                if raw:
                    given = time.monotonic()
                    await self._sink.put(self._readings(raw))
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _refill(self, waiting: deque[asyncio.Task[ua_binary.Buffer]]) -> None:
        while len(waiting) < max(1, self._depth):
            request = ua.PublishRequest()
            request.Parameters.SubscriptionAcknowledgements = self._acknowledge
            self._acknowledge = []
            waiting.append(asyncio.create_task(self._link.request(request, patience_s=0)))

    async def _arrival(self, task: asyncio.Task[ua_binary.Buffer]) -> None:
        """Wait for an answer; Unavailable when not even signs of life are published any more."""
        patience = max(self._settings.lost_after_s, self._keep_alive_s * 2 + 1)
        done, _ = await asyncio.wait([task], timeout=patience)
        if not done:
            raise Unavailable(
                f"{self._settings.url} has published nothing for {patience:.0f} s.",
                hint="The server lives but has forgotten the subscription; it is made anew by itself.",
            )

    def _open_letter(self, task: asyncio.Task[ua_binary.Buffer], raw: wire.Raw) -> None:
        try:
            said = wire.published(task.result(), raw)
        except ua.UaStatusCodeError as error:
            if error.code == Codes.BadTooManyPublishRequests and self._depth > 1:
                self._depth -= 1
            elif error.code != Codes.BadTimeout:
                raise
            return
        if said.notified:
            self._acknowledge.append(
                ua.SubscriptionAcknowledgement(SubscriptionId=said.subscription, SequenceNumber=said.sequence)
            )
        if said.status is not None and said.status in _DEAD:
            raise Unavailable(f"{self._settings.url} has ended the subscription: {meaning(said.status)}.")

    def _readings(self, raw: wire.Raw) -> Readings:
        now = time.monotonic()
        self._news.update(dict.fromkeys(raw.handle, now))
        return self._table.readings(raw, self._sink.trouble)

    # --- nodes that come and go ---

    async def _recheck(self) -> None:
        """Look for missing nodes again, and ask silent ones whether they still exist."""
        while True:
            await asyncio.sleep(self._settings.recheck_s)
            await self._link.ensure_namespaces()
            await self._lose_vanished()
            await self._find_again()

    async def _lose_vanished(self) -> None:
        since = time.monotonic() - self._settings.recheck_s
        silent = [handle for handle in self._watched if self._news.get(handle, 0.0) < since]
        nodes = [self._items[handle].node for handle in silent]
        found = await self._link.attributes(nodes, ua.AttributeIds.NodeClass)
        gone = {h: dv.StatusCode.value for h, dv in zip(silent, found, strict=True) if _vanished(dv)}
        await self._release(gone)
        for handle in gone:
            del self._watched[handle]
        self._missing.update(gone)
        await self._announce(gone)

    async def _release(self, handles: Iterable[int]) -> None:
        """Give monitored items back; a server that stumbles over a node that is gone keeps them."""
        held: dict[int, list[int]] = defaultdict(list)
        for subscription, item in (self._watched[handle] for handle in handles):
            held[subscription].append(item)
        for subscription, items in held.items():
            params = ua.DeleteMonitoredItemsParameters(SubscriptionId=subscription, MonitoredItemIds=items)
            with suppress(ua.UaStatusCodeError):
                await self._link.session.delete_monitored_items(params)

    async def _find_again(self) -> None:
        if self._missing and self._subscriptions:
            await self._fill(self._subscriptions[-1], list(self._missing))

    async def _announce(self, handles: Iterable[int]) -> None:
        for handle in list(handles):
            await self._sink.put(self._table.missing(self._items[handle], self._missing[handle], self._sink.trouble))

    async def _delete(self) -> None:
        """Tell the server to forget the subscriptions, when it still listens."""
        if not self._subscriptions or self._link.lost:
            return
        with suppress(Exception):
            async with asyncio.timeout(1):
                await self._link.session.delete_subscriptions(self._subscriptions)


def _vanished(value: ua.DataValue) -> bool:
    return value.StatusCode is not None and value.StatusCode.value in _VANISHED
