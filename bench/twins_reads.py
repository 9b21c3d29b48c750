"""Reads of one 5 kB submodel over HTTP, from a running platform, by a client that costs little itself."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import numpy as np
import uvloop

import twins_made as made
from lineshaft.app.trial import platform
from report import figure

CONNECTIONS = 32


class Reader(asyncio.Protocol):
    """Asks again as soon as the answer is there."""

    def __init__(self, request: bytes, until: float) -> None:
        self._request, self._until = request, until
        self._need, self._have, self._began = 0, 0, 0.0
        self.took: list[float] = []
        self.wrong = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._ask()

    def _ask(self) -> None:
        self._need = self._have = 0
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self._need:
            head, _, _ = data.partition(b"\r\n\r\n")
            self.wrong += not head.startswith(b"HTTP/1.1 200")
            length = next(x for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:"))
            self._need = len(head) + 4 + int(length.split(b":")[1])
        self._have += len(data)
        if self._have < self._need:
            return
        self.took.append(time.perf_counter() - self._began)
        if time.perf_counter() < self._until:
            self._ask()
        elif not self.done.done():
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionResetError("closed by the server"))


async def client(address: str, path: str, token: str, seconds: float) -> None:
    """The client process: prints how many answers, how many wrong, and the p99 in ms."""
    at = urlsplit(address)
    request = f"GET {path} HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    loop, until = asyncio.get_running_loop(), time.perf_counter() + seconds
    made_ = [
        await loop.create_connection(lambda: Reader(request, until), at.hostname, at.port) for _ in range(CONNECTIONS)
    ]
    readers = [reader for _, reader in made_]
    await asyncio.gather(*(reader.done for reader in readers))
    took = [one for reader in readers for one in reader.took]
    print(json.dumps([len(took), sum(reader.wrong for reader in readers), float(np.percentile(took, 99)) * 1e3]))


async def reads(seconds: float) -> tuple[list[tuple[object, ...]], list[str]]:
    """Rows of the table; the figures are printed with it."""
    submodel = made.submodel(0, 24)
    async with platform() as rig, rig.client() as http:
        answer = await http.post("/api/v3.1/submodels", json=submodel)
        answer.raise_for_status()
        name = base64.urlsafe_b64encode(submodel["id"].encode()).decode().rstrip("=")
        path = f"/api/v3.1/submodels/{name}"
        size = len((await http.get(path)).content)
        words = json.dumps([rig.address, path, rig.token, seconds])
        child = await asyncio.create_subprocess_exec(sys.executable, __file__, words, stdout=asyncio.subprocess.PIPE)
        told, _ = await child.communicate()
    count, wrong, p99_ms = json.loads(told)
    assert wrong == 0, f"{wrong} of {count} answers were not 200"
    figure("per_s", count / seconds, "1/s")
    figure("p99_ms", p99_ms, "ms")
    told_ = f"p99 {p99_ms:.1f} ms with {CONNECTIONS} connections"
    return [(f"GET of a submodel of {size / 1e3:.1f} kB", f"{count / seconds:,.0f}/s", told_)], []


if __name__ == "__main__":
    uvloop.run(client(*json.loads(sys.argv[1])))
