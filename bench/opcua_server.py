"""An OPC UA server that is not the bottleneck: asyncua, but the bodies of its notifications are made by numpy.

    python opcua_server.py --values 1000

Serves doubles `ns=2;s=Extra.0` … that count up `ns=2;s=Extra.Hz` times a second. Session, subscription, monitored
items and transport are asyncua's; what it would make value by value (OPC UA part 4, 7.25.2 DataChangeNotification)
is one array here, several changes of each value to a notification. Prints its address and serves until it is killed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from typing import Any

import numpy as np
from asyncua import Server, ua
from asyncua.server.internal_subscription import InternalSubscription

ITEM = np.dtype([("handle", "<u4"), ("has", "u1"), ("type", "u1"), ("value", "<f8"), ("source", "<i8"), ("at", "<i8")])
HAS_VALUE_AND_TIMES, DOUBLE = 0x01 | 0x04 | 0x08, 11
BINARY = ua.NodeId(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary)
SINCE_1601_S = 11_644_473_600
MOST_STEPS = 20
"""Changes of each value in one notification."""


class Counting:
    """What one subscription is told: every value counts up together."""

    def __init__(self) -> None:
        self.number, self.due = 0, time.monotonic()

    def steps(self, hz: float) -> int:
        now = time.monotonic()
        count = min(int((now - self.due) * hz), MOST_STEPS)
        self.due = max(self.due + count / hz, now - 1)
        return count

    def body(self, handles: np.ndarray[Any, Any], count: int) -> bytes:
        ticks = int((time.time() + SINCE_1601_S) * 1e7)
        items = np.empty((count, len(handles)), dtype=ITEM)
        items["handle"], items["has"], items["type"] = handles, HAS_VALUE_AND_TIMES, DOUBLE
        items["value"] = np.arange(self.number + 1, self.number + count + 1)[:, None]
        items["source"] = items["at"] = ticks + np.arange(count)[:, None]
        self.number += count
        return int(items.size).to_bytes(4, "little") + items.tobytes() + b"\xff\xff\xff\xff"


class Loaded(InternalSubscription):
    """A subscription whose items change at the rate of the server."""

    hz: Any
    """The value node of the rate."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counting = Counting()

    def _handles(self) -> np.ndarray[Any, Any]:
        return np.array([item.client_handle for item in self.monitored_item_srv._monitored_items.values()], "<u4")

    def has_published_results(self) -> bool:
        return super().has_published_results() or len(self.monitored_item_srv._monitored_items) > 1

    def _pop_triggered_datachanges(self, result: ua.PublishResult) -> None:
        first = bool(self._triggered_datachanges)
        super()._pop_triggered_datachanges(result)
        handles = self._handles()
        if first or len(handles) < 2:
            self.counting.due = time.monotonic()
            return
        count = self.counting.steps(max(0.001, float(type(self).hz())))
        if count:
            body = self.counting.body(handles, count)
            result.NotificationMessage.NotificationData.append(ua.ExtensionObject(TypeId=BINARY, Body=body))


async def serve(values: int) -> None:
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    index = await server.register_namespace("urn:lineshaft:bench")
    folder = await server.nodes.objects.add_folder(ua.NodeId("Extra", index), "Extra")
    for number in range(values):
        await folder.add_variable(ua.NodeId(f"Extra.{number}", index), str(number), 0.0)
    rate = await folder.add_variable(ua.NodeId("Extra.Hz", index), "Hz", 1.0)
    await rate.set_writable()
    Loaded.hz = lambda: server.iserver.aspace.read_attribute_value(rate.nodeid, ua.AttributeIds.Value).Value.Value
    await server.start()
    port = server.bserver._server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"opc.tcp://127.0.0.1:{port}"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--values", type=int, default=1000)
    import asyncua.server.subscription_service as service

    service.InternalSubscription = Loaded
    asyncio.run(serve(words.parse_args().values))
