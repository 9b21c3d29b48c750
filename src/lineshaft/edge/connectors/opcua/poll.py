"""Reads nodes on schedule: for servers that do not report changes, and for what they will not report."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from asyncua import ua

from lineshaft.edge.connectors import Readings, Sink

from . import wire
from .link import Link
from .table import Item, Report, Table


async def fetch(link: Link, nodes: Sequence[ua.NodeId], handles: Sequence[int]) -> wire.Raw:
    """Read the values of nodes, in portions the server takes, into rows with these handles."""
    raw = wire.Raw()
    while len(raw) < len(nodes):
        span = slice(len(raw), len(raw) + link.portion("read"))
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.NodesToRead = [
            ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value) for node in nodes[span]
        ]
        try:
            answer = await link.request(request)
        except ua.UaStatusCodeError as error:
            link.shrink("read", len(nodes[span]), error)
            continue
        wire.read(answer, handles[span], raw)
    return raw


class Poller:
    """Reads items through one link."""

    def __init__(self, link: Link, table: Table) -> None:
        self._link, self._table = link, table

    async def run(self, items: Sequence[Item], sink: Sink) -> None:
        """Poll every item at its pace until cancelled."""
        groups: dict[float, list[Item]] = defaultdict(list)
        for item in items:
            groups[item.every_ms].append(item)
        async with asyncio.TaskGroup() as tasks:
            for every_ms, group in groups.items():
                tasks.create_task(self._beat(group, every_ms / 1000, sink))

    async def read(self, items: Sequence[Item], report: Report) -> Readings:
        """Read items now."""
        raw = await fetch(self._link, [item.node for item in items], [item.handle for item in items])
        return self._table.readings(raw, report)

    async def _beat(self, items: Sequence[Item], every_s: float, sink: Sink) -> None:
        """Read on drift-free deadlines; a late round skips beats instead of piling them up."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await sink.put(await self.read(items, sink.trouble))
            due = max(due + every_s, loop.time())
            await asyncio.sleep(due - loop.time())
