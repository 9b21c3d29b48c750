"""Answers Modbus requests on TCP or a serial line, as well or as badly as it is told.

The wire side of every fake: written against the specification (Modbus application protocol 1.1b3,
Modbus over serial line 1.02) and independent of the client library, so that the two check each
other. Functions 1 to 6, 15, 16, 22, 23 and 43/14.

    TCP frame   transaction 2 · protocol 0 2 · length 2 · unit 1 · function 1 · data
    RTU frame   unit 1 · function 1 · data · CRC 2 (low byte first)
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from .address import Table

Heard: TypeAlias = tuple[int, int, int, int]
"""Unit, function, start and count of a request."""
Mangle: TypeAlias = Callable[[asyncio.WriteTransport, bytes], None]
"""Writes an answer frame, or something else, or closes."""

_READS = {1: Table.COIL, 2: Table.DISCRETE, 3: Table.HOLDING, 4: Table.INPUT}
_MOST = {1: 2000, 2: 2000, 3: 125, 4: 125}


class Refusal(Exception):
    """An exception code to answer with."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Unit:
    """The memory of one device and its manners."""

    def __init__(
        self,
        *,
        registers: int = 1000,
        bits: int = 1000,
        ranges: Mapping[Table, Iterable[range]] | None = None,
        identity: Mapping[int, str] | None = None,
    ) -> None:
        self.memory = {
            Table.COIL: bytearray(bits),
            Table.DISCRETE: bytearray(bits),
            Table.HOLDING: bytearray(registers * 2),
            Table.INPUT: bytearray(registers * 2),
        }
        self.ranges = None if ranges is None else {table: list(spans) for table, spans in ranges.items()}
        """Addresses that exist, when not all do."""
        self.identity = dict(identity or {})
        self.holes: set[tuple[Table, int]] = set()
        """Single addresses that do not exist."""
        self.refuses: set[int] = set()
        """Functions that do not exist."""
        self.fails_with = 0
        """Exception code of every answer, when not 0."""
        self.silent = False
        self.delay_s = 0.0
        self.on_write: Callable[[Table, int, int], None] | None = None
        """Told table, start and count after each write."""

    def put(self, table: Table, address: int, letter: str, *values: float, order: str = "ABCD") -> None:
        """Store numbers by their `struct` letter, one after the other."""
        raw = b"".join(reorder(struct.pack(f">{letter}", value), order) for value in values)
        self.memory[table][address * 2 : address * 2 + len(raw)] = raw

    def get(self, table: Table, address: int, letter: str, *, order: str = "ABCD") -> float | int:
        """Read one number by its `struct` letter."""
        raw = bytes(self.memory[table][address * 2 : address * 2 + struct.calcsize(f">{letter}")])
        number: float | int = struct.unpack(f">{letter}", reorder(raw, order))[0]
        return number

    def set_bits(self, table: Table, address: int, *values: bool) -> None:
        """Store coils or discrete inputs."""
        self.memory[table][address : address + len(values)] = bytes(map(bool, values))

    def answer(self, pdu: bytes) -> bytes:
        """The answer to one request, an exception where it cannot be served."""
        function = pdu[0]
        try:
            if self.fails_with:
                raise Refusal(self.fails_with)
            if function in self.refuses or function not in _FUNCTIONS:
                raise Refusal(1)
            return bytes([function]) + _FUNCTIONS[function](self, pdu)
        except Refusal as refusal:
            return bytes([function | 0x80, refusal.code])
        except (struct.error, IndexError):
            return bytes([function | 0x80, 3])

    def check(self, table: Table, start: int, count: int) -> None:
        """Raise illegal address unless every one of these exists."""
        width = table.width
        inside = (start + count) * width <= len(self.memory[table])
        if inside and self.ranges is not None:
            inside = any(start in span and start + count - 1 in span for span in self.ranges.get(table, ()))
        if not inside or (self.holes and any((table, a) in self.holes for a in range(start, start + count))):
            raise Refusal(2)

    def read(self, table: Table, start: int, count: int) -> bytes:
        self.check(table, start, count)
        if not table.bits:
            return bytes(self.memory[table][start * 2 : (start + count) * 2])
        number = sum(bit << place for place, bit in enumerate(self.memory[table][start : start + count]))
        return number.to_bytes((count + 7) // 8, "little")

    def write(self, table: Table, start: int, raw: bytes) -> None:
        count = len(raw) // table.width
        self.check(table, start, count)
        self.memory[table][start * table.width : start * table.width + len(raw)] = raw
        if self.on_write is not None:
            self.on_write(table, start, count)


def reorder(raw: bytes, order: str) -> bytes:
    """Between most significant byte first and the order named, either way."""
    pairs = [raw[i : i + 2] for i in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        pairs.reverse()
    if order in ("BADC", "DCBA"):
        pairs = [pair[::-1] for pair in pairs]
    return b"".join(pairs)


def _read(unit: Unit, pdu: bytes) -> bytes:
    start, count = struct.unpack(">HH", pdu[1:5])
    if not 1 <= count <= _MOST[pdu[0]]:
        raise Refusal(3)
    raw = unit.read(_READS[pdu[0]], start, count)
    return bytes([len(raw)]) + raw


def _write_coil(unit: Unit, pdu: bytes) -> bytes:
    start, value = struct.unpack(">HH", pdu[1:5])
    if value not in (0, 0xFF00):
        raise Refusal(3)
    unit.write(Table.COIL, start, bytes([value > 0]))
    return pdu[1:5]


def _write_register(unit: Unit, pdu: bytes) -> bytes:
    unit.write(Table.HOLDING, int.from_bytes(pdu[1:3], "big"), pdu[3:5])
    return pdu[1:5]


def _write_coils(unit: Unit, pdu: bytes) -> bytes:
    start, count, size = struct.unpack(">HHB", pdu[1:6])
    if not 1 <= count <= 1968 or size != (count + 7) // 8 or len(pdu) != 6 + size:
        raise Refusal(3)
    number = int.from_bytes(pdu[6:], "little")
    unit.write(Table.COIL, start, bytes(number >> place & 1 for place in range(count)))
    return pdu[1:5]


def _write_registers(unit: Unit, pdu: bytes) -> bytes:
    start, count, size = struct.unpack(">HHB", pdu[1:6])
    if not 1 <= count <= 123 or size != count * 2 or len(pdu) != 6 + size:
        raise Refusal(3)
    unit.write(Table.HOLDING, start, pdu[6:])
    return pdu[1:5]


def _mask_register(unit: Unit, pdu: bytes) -> bytes:
    start, keep, put = struct.unpack(">HHH", pdu[1:7])
    held = int.from_bytes(unit.read(Table.HOLDING, start, 1), "big")
    unit.write(Table.HOLDING, start, ((held & keep) | (put & ~keep & 0xFFFF)).to_bytes(2, "big"))
    return pdu[1:7]


def _exchange(unit: Unit, pdu: bytes) -> bytes:
    start, count, into, written, size = struct.unpack(">HHHHB", pdu[1:10])
    if not 1 <= count <= 125 or not 1 <= written <= 121 or size != written * 2 or len(pdu) != 10 + size:
        raise Refusal(3)
    unit.check(Table.HOLDING, start, count)
    unit.write(Table.HOLDING, into, pdu[10:])
    raw = unit.read(Table.HOLDING, start, count)
    return bytes([len(raw)]) + raw


def _identify(unit: Unit, pdu: bytes) -> bytes:
    if pdu[1] != 14 or not unit.identity:
        raise Refusal(1)
    objects = [(key, text.encode()) for key, text in sorted(unit.identity.items())]
    body = b"".join(bytes([key, len(raw)]) + raw for key, raw in objects)
    return bytes([14, pdu[2], 0x82, 0, 0, len(objects)]) + body


_FUNCTIONS: dict[int, Callable[[Unit, bytes], bytes]] = {
    **dict.fromkeys(_READS, _read),
    5: _write_coil,
    6: _write_register,
    15: _write_coils,
    16: _write_registers,
    22: _mask_register,
    23: _exchange,
    43: _identify,
}


class Bus:
    """All units behind one socket or line, what was heard, and how answers are spoilt."""

    def __init__(self, units: Mapping[int, Unit], *, gateway: bool = False) -> None:
        self.units = dict(units)
        self.gateway = gateway
        """Whether unknown units are answered for (exception 11) instead of met with silence."""
        self.heard: deque[Heard] = deque(maxlen=10_000)
        self.accepted = 0
        """Connections ever made."""
        self.mangle: Mangle | None = None

    def answer(self, unit_id: int, pdu: bytes) -> tuple[bytes | None, float]:
        """The answer, None for silence, and after how many seconds."""
        start, count = struct.unpack(">HH", pdu[1:5]) if len(pdu) >= 5 else (0, 0)
        self.heard.append((unit_id, pdu[0], start, count))
        unit = self.units.get(unit_id)
        if unit is None:
            return (bytes([pdu[0] | 0x80, 11]) if self.gateway else None), 0.0
        return (None if unit.silent else unit.answer(pdu)), unit.delay_s

    def reply(self, transport: asyncio.WriteTransport, frame: bytes, delay_s: float) -> None:
        """Send an answer frame, late or spoilt when told so."""
        send = self.mangle or _send
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, send, transport, frame)
        else:
            send(transport, frame)


def _send(transport: asyncio.WriteTransport, frame: bytes) -> None:
    if not transport.is_closing():
        transport.write(frame)


class TcpWire(asyncio.Protocol):
    """One accepted connection speaking Modbus TCP."""

    def __init__(self, bus: Bus, open_wires: set[asyncio.WriteTransport]) -> None:
        self.bus = bus
        self._open = open_wires
        self._buffer = b""
        self.transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport
        self.bus.accepted += 1
        self._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            self._open.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 8 and len(self._buffer) >= (size := 6 + int.from_bytes(self._buffer[4:6], "big")):
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            self._serve(frame)

    def _serve(self, frame: bytes) -> None:
        assert self.transport is not None
        pdu, delay_s = self.bus.answer(frame[6], frame[7:])
        if pdu is not None:
            head = frame[:4] + (len(pdu) + 1).to_bytes(2, "big") + frame[6:7]
            self.bus.reply(self.transport, head + pdu, delay_s)


class RtuWire(TcpWire):
    """The same with serial frames: over a socket, or on a line."""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer and (size := rtu_request_size(self._buffer)):
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            if crc16(frame[:-2]) == frame[-2:]:
                self._serve(frame)
            else:
                self._buffer = b""

    def _serve(self, frame: bytes) -> None:
        assert self.transport is not None
        pdu, delay_s = self.bus.answer(frame[0], frame[1:-2])
        if pdu is not None:
            body = frame[:1] + pdu
            self.bus.reply(self.transport, body + crc16(body), delay_s)


def rtu_request_size(data: bytes) -> int:
    """Bytes of the request that begins here, 0 while it is not all there."""
    function = data[1] if len(data) > 1 else 0
    counted = {15: 6, 16: 6, 23: 10}.get(function)
    if counted is not None:
        size = counted + 3 + data[counted] if len(data) > counted else 0
    else:
        size = {22: 10, 43: 7}.get(function, 8)
    return size if 0 < size <= len(data) else 0


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


class TcpResponder:
    """Serves a bus on a TCP port; 0 takes a free one."""

    def __init__(self, bus: Bus, *, host: str = "127.0.0.1", port: int = 0, rtu: bool = False) -> None:
        self.bus, self.host, self.port = bus, host, port
        self._wire = RtuWire if rtu else TcpWire
        self._server: asyncio.Server | None = None
        self.open: set[asyncio.WriteTransport] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self._wire(self.bus, self.open), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop every connection, as a device that loses power."""
        if self._server is not None:
            self._server.close()
            for transport in list(self.open):
                transport.abort()
            self._server = None
            await asyncio.sleep(0)

    async def __aenter__(self) -> TcpResponder:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class SerialResponder:
    """Serves a bus as RTU on one end of a pseudo terminal; `device` is the other end's name."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.device = ""
        self._transports: list[asyncio.BaseTransport] = []
        self._far = -1

    async def start(self) -> None:
        import tty

        near, self._far = os.openpty()
        tty.setraw(near)
        tty.setraw(self._far)
        self.device = os.ttyname(self._far)
        loop = asyncio.get_running_loop()
        reading, writing = os.fdopen(near, "rb", 0), os.fdopen(os.dup(near), "wb", 0)
        out, _ = await loop.connect_write_pipe(asyncio.Protocol, writing)
        wire = RtuWire(self.bus, set())
        wire.transport = out
        into, _ = await loop.connect_read_pipe(lambda: _Line(wire), reading)
        self._transports = [into, out]

    async def close(self) -> None:
        for transport in self._transports:
            transport.close()
        if self._transports:
            os.close(self._far)
        self._transports = []
        await asyncio.sleep(0)

    async def __aenter__(self) -> SerialResponder:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Line(asyncio.Protocol):
    """The receiving half of a serial line."""

    def __init__(self, wire: RtuWire) -> None:
        self.data_received = wire.data_received  # type: ignore[method-assign]
