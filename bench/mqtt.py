"""MQTT messages with QoS 1 from the socket to queryable rows, none lost.

The whole platform runs as users run it. A load generator on the same machine keeps a window of
unacknowledged messages per connection; each message is a small JSON document with three values.
A message counts when its rows can be queried. Every acknowledged message must be there.

    python bench/mqtt.py [--quick] [--seconds 30] [--connections 4]
"""

from __future__ import annotations

import argparse
import asyncio
import struct
import time

import httpx

from lineshaft.app.trial import Trial, platform
from report import figure, table

WINDOW = 500
PLANT = {
    "edge": {
        "mqtt": [
            {
                "name": "bench",
                "path": "bench",
                "broker": "builtin",
                "rules": [{"topic": "bench/{device}", "path": "{device}"}],
            }
        ]
    }
}


class Device:
    """An MQTT 3.1.1 client that only publishes: packets are made by hand so that the generator stays small."""

    def __init__(self, number: int, user: str, password: str) -> None:
        self.number, self.user, self.password = number, user, password
        self.sent = self.acked = 0
        self._room = asyncio.Event()

    async def run(self, port: int, until: float) -> None:
        """Publish as fast as acknowledgements come, until the moment."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(self._connect())
        assert (await reader.readexactly(4))[3] == 0, "the front refuses the device"
        acks = asyncio.create_task(self._count(reader))
        topic = f"bench/d{self.number}".encode()
        head = struct.pack(">H", len(topic)) + topic
        while time.monotonic() < until:
            burst = bytearray()
            for _ in range(min(50, WINDOW - (self.sent - self.acked))):
                self.sent += 1
                burst += self._publish(head)
            if burst:
                writer.write(burst)
                await writer.drain()
            if self.sent - self.acked >= WINDOW:
                self._room.clear()
                await self._room.wait()
            else:
                await asyncio.sleep(0)
        while self.acked < self.sent:
            await asyncio.sleep(0.01)
        acks.cancel()
        writer.close()

    def _publish(self, head: bytes) -> bytes:
        # The source time makes every message a moment of its own, so that none can stand for another.
        stamp = 1_700_000_000_000_000 + self.sent * 1000
        body = b'{"ts_us":%d,"t":%d.5,"p":%d.25,"rpm":%d}' % (stamp, self.sent % 100, self.sent % 10, self.sent % 3000)
        rest = head + struct.pack(">H", self.sent % 65_535 + 1) + body
        length = len(rest)
        size = bytes([length]) if length < 128 else bytes([length % 128 | 128, length // 128])
        return b"\x32" + size + rest

    def _connect(self) -> bytes:
        def text(word: str) -> bytes:
            raw = word.encode()
            return struct.pack(">H", len(raw)) + raw

        rest = text("MQTT") + b"\x04\xc2\x00\x3c" + text(f"bench-{self.number}") + text(self.user) + text(self.password)
        return b"\x10" + bytes([len(rest)]) + rest

    async def _count(self, reader: asyncio.StreamReader) -> None:
        left = 0
        while data := await reader.read(65536):
            whole = left + len(data)
            self.acked += whole // 4
            left = whole % 4
            self._room.set()


async def stored(client: httpx.AsyncClient, rig: Trial, devices: int) -> int:
    """Rows of the first value of every device that can be queried now."""
    body = {
        "path": [f"acme/bench/d{n}/rpm" for n in range(devices)],
        "start": "2023-11-14T00:00:00Z",
        "end": "2024-06-01T00:00:00Z",
        "aggregate": ["count"],
        "every": "year",
    }
    answer = await client.post(f"{rig.address}/api/v1/query", json=body, headers=rig.headers, timeout=30)
    answer.raise_for_status()
    return sum(sum(series["count"]) for series in answer.json()["series"])


async def main(seconds: float, connections: int) -> None:
    plant = {
        **PLANT,
        "edge": {
            "mqtt": [
                {
                    **PLANT["edge"]["mqtt"][0],
                    "rules": [{"topic": "bench/{device}", "path": "{device}", "time": "$.ts_us", "time_unit": "us"}],
                }
            ]
        },
    }
    async with platform(plant) as rig, httpx.AsyncClient() as client:
        user, password = await rig.device("bench", "bench/#")
        await asyncio.sleep(2)
        devices = [Device(n, user, password) for n in range(connections)]
        began = time.monotonic()
        until = began + seconds
        await asyncio.gather(*(d.run(rig.ports["mqtt"], until) for d in devices))
        acked_s = time.monotonic() - began
        acked = sum(d.acked for d in devices)
        found = 0
        while found < acked and time.monotonic() - began < seconds + 60:
            found = await stored(client, rig, connections)
            await asyncio.sleep(0.2)
        stored_s = time.monotonic() - began
    rows = [
        ("acknowledged", acked, acked / acked_s),
        ("queryable", found, found / stored_s),
        ("values queryable", found * 3, found * 3 / stored_s),
    ]
    method = f"QoS 1, 3 values a message, {connections} connections, {seconds:g} s, load on the same machine"
    table("MQTT from socket to queryable rows", ("what", "number", "per second"), rows, method=method)
    figure("messages_per_s", found / stored_s, "messages/s")
    figure("lost", acked - found, "messages")


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true")
    words.add_argument("--seconds", type=float, default=30)
    words.add_argument("--connections", type=int, default=4)
    told = words.parse_args()
    asyncio.run(main(8 if told.quick else told.seconds, told.connections))
