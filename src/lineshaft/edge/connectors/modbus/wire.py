"""One Modbus link: one request at a time, answered, refused, or silent. The only file that knows pymodbus.

pymodbus builds and parses the frames. Four things are arranged here because a plant needs them:

- Only the answer to the last request is let through: function code, unit, transaction id and byte
  count must match. What is late, doubled or garbled is dropped without closing the socket.
- On a serial line, which has no transaction ids, the two requests after one that was given up
  wait a moment, so that its answer, or the answer to its repetition, cannot pass for theirs.
- A link that breaks ends the waiting request at once, not at its time-out.
- Registers stay bytes: the codec reads whole blocks.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from .address import Table
from .errors import LinkLost, Refused, UnitGarbled, UnitSilent
from .settings import ModbusSettings

# The runner says "lost" and "back" once each; pymodbus would say it with every request.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

_READ = {
    Table.COIL: ReadCoilsRequest,
    Table.DISCRETE: ReadDiscreteInputsRequest,
    Table.HOLDING: ReadHoldingRegistersRequest,
    Table.INPUT: ReadInputRegistersRequest,
}
_CARRIES_BYTES = {1, 2, 3, 4, 23}
"""Functions whose answer is a byte count and that many bytes."""
_NEVER = 1 << 30


class _Bytes(ModbusPDU):  # type: ignore[misc]
    """An answer whose bytes are kept as they came."""

    rtu_byte_count_pos = 2
    raw = b""


class _Garbled(ModbusPDU):  # type: ignore[misc]
    """A whole frame that cannot be parsed."""


class _Expecting(DecodePDU):  # type: ignore[misc]
    """Parses the answer to the request in flight, and nothing else."""

    def __init__(self) -> None:
        super().__init__(False)
        self.unit = 0
        self.function = 0
        self.size = 0
        """Bytes the answer must carry; 0 when that is not known beforehand."""

    def lookupPduClass(self, data: bytes) -> Any:  # noqa: N802
        """Where serial frames are hunted for: None moves on by one byte."""
        function = data[1]
        if function & 0x7F != self.function or (self.unit and data[0] != self.unit):
            return None
        if function & 0x80 or function not in _CARRIES_BYTES:
            return super().lookupPduClass(data)
        return _Bytes if not self.size or data[2] == self.size else None

    def decode(self, frame: bytes) -> Any:
        if not frame or frame[0] & 0x7F != self.function:
            return _Garbled()
        if frame[0] & 0x80 or frame[0] not in _CARRIES_BYTES:
            return super().decode(frame) or _Garbled()
        if len(frame) < 2 or len(frame) < 2 + frame[1] or (self.size and frame[1] != self.size):
            return _Garbled()
        answer = _Bytes()
        answer.raw = frame[2 : 2 + frame[1]]
        return answer


class Link:
    """A connection to one device, gateway or serial line."""

    def __init__(self, settings: ModbusSettings) -> None:
        self.settings = settings
        self._lock = asyncio.Lock()
        self._client: Any = None
        self._expecting = _Expecting()
        self._in_flight = False
        self._doubts = 0
        self._last_s = 0.0
        self.requests = 0

    @property
    def up(self) -> bool:
        return self._client is not None and bool(self._client.connected)

    async def connect(self) -> None:
        """Open the link, or raise LinkLost."""
        self.close()
        client = self._make_client()
        client.ctx.framer.decoder = self._expecting
        client.set_max_no_responses(_NEVER)
        if not await client.connect():
            client.close()
            what = "cannot be opened" if self.settings.mode == "rtu" else "does not answer"
            raise LinkLost(f"{self.settings.place} {what}.", hint=self._hint)
        self._client = client
        await asyncio.sleep(0)  # a serial transport finishes setting up in the next turn of the loop

    def close(self) -> None:
        """Let go of the link; safe at any moment and twice."""
        if self._client is not None:
            self._client.close()
            self._fail_waiting()
            self._client = None

    async def read(self, unit: int, table: Table, start: int, count: int, *, patience_s: float) -> bytes:
        """Two bytes for each register, or one for each bit (functions 1 to 4)."""
        request = _READ[table](address=start, count=count, dev_id=unit)
        size = (count + 7) // 8 if table.bits else count * 2
        answer = await self._ask(request, f"to read {count} at {table}:{start}", size=size, patience_s=patience_s)
        if not table.bits:
            return bytes(answer.raw)
        return np.unpackbits(np.frombuffer(answer.raw, np.uint8), count=count, bitorder="little").tobytes()

    async def write_coil(self, unit: int, start: int, value: bool) -> None:
        """Function 5."""
        await self._ask(WriteSingleCoilRequest(address=start, bits=[value], dev_id=unit), f"to write coil:{start}")

    async def write_coils(self, unit: int, start: int, values: Sequence[bool]) -> None:
        """Function 15."""
        request = WriteMultipleCoilsRequest(address=start, bits=list(values), dev_id=unit)
        await self._ask(request, f"to write {len(values)} at coil:{start}")

    async def write_register(self, unit: int, start: int, value: int) -> None:
        """Function 6."""
        request = WriteSingleRegisterRequest(address=start, registers=[value], dev_id=unit)
        await self._ask(request, f"to write holding:{start}")

    async def write_registers(self, unit: int, start: int, values: Sequence[int]) -> None:
        """Function 16."""
        request = WriteMultipleRegistersRequest(address=start, registers=list(values), dev_id=unit)
        await self._ask(request, f"to write {len(values)} at holding:{start}")

    async def mask_register(self, unit: int, start: int, *, keep: int, put: int) -> None:
        """Function 22: the register becomes (register & keep) | (put & ~keep)."""
        request = MaskWriteRegisterRequest(address=start, and_mask=keep, or_mask=put, dev_id=unit)
        await self._ask(request, f"to write bits of holding:{start}")

    async def exchange_registers(self, unit: int, start: int, values: Sequence[int]) -> bytes:
        """Function 23: write registers and read the same ones back in one request."""
        request = ReadWriteMultipleRegistersRequest(
            read_address=start, read_count=len(values), write_address=start, write_registers=list(values), dev_id=unit
        )
        what = f"to write and read back {len(values)} at holding:{start}"
        return bytes((await self._ask(request, what, size=len(values) * 2)).raw)

    async def identify(self, unit: int, *, patience_s: float) -> dict[int, str]:
        """Function 43/14: what the unit says it is; 0 vendor, 1 product code, 2 revision, 4 product name, 5 model."""
        request = ReadDeviceInformationRequest(read_code=2, dev_id=unit)
        answer = await self._ask(request, "to say what it is", patience_s=patience_s)
        return {key: bytes(value).decode("utf-8", "replace") for key, value in answer.information.items()}

    async def update_registers(
        self, unit: int, start: int, count: int, change: Callable[[bytes], Sequence[int]]
    ) -> None:
        """Read, change and write registers with nobody else on this link in between (functions 3 and 16)."""
        fetch = ReadHoldingRegistersRequest(address=start, count=count, dev_id=unit)
        async with self._lock:
            answer = await self._ask_now(fetch, f"to read {count} at holding:{start}", size=count * 2)
            values = list(change(bytes(answer.raw)))
            store = WriteMultipleRegistersRequest(address=start, registers=values, dev_id=unit)
            await self._ask_now(store, f"to write {count} at holding:{start}")

    async def _ask(self, request: Any, what: str, *, size: int = 0, patience_s: float | None = None) -> Any:
        async with self._lock:
            return await self._ask_now(request, what, size=size, patience_s=patience_s)

    async def _ask_now(self, request: Any, what: str, *, size: int = 0, patience_s: float | None = None) -> Any:
        patience = self.settings.answer_timeout_s if patience_s is None else patience_s
        await self._keep_quiet()
        expecting = self._expecting
        expecting.unit, expecting.function, expecting.size = request.dev_id, request.function_code, size
        answer = await self._transact(request, what, patience)
        if isinstance(answer, ExceptionResponse):
            raise Refused(request.dev_id, what, answer.exception_code)
        if isinstance(answer, _Garbled):
            raise UnitGarbled(f"Unit {request.dev_id} at {self.settings.place} answers nonsense when asked {what}.")
        return answer

    async def _transact(self, request: Any, what: str, patience_s: float) -> Any:
        if not self.up:
            raise self._lost()
        doubts, self._in_flight, self._doubts = self._doubts, True, 2
        self.requests += 1
        try:
            async with asyncio.timeout(patience_s):
                answer = await self._client.execute(False, request)
        except TimeoutError as error:
            raise UnitSilent(
                f"Unit {request.dev_id} at {self.settings.place} did not answer within {patience_s:.3g} s "
                f"when asked {what}."
            ) from error
        except (ModbusException, OSError, struct.error) as error:
            raise self._lost() from error
        else:
            self._doubts = max(0, doubts - 1)
            return answer
        finally:
            self._in_flight = False
            self._last_s = time.monotonic()

    async def _keep_quiet(self) -> None:
        """Wait as long as the line must be silent before the next request."""
        quiet = self.settings.quiet_s
        if self._doubts and self.settings.mode != "tcp":
            quiet = max(quiet, min(0.25, self.settings.answer_timeout_s))
        wait = self._last_s + quiet - time.monotonic()
        if quiet and wait > 0:
            await asyncio.sleep(wait)

    def _make_client(self) -> Any:
        s = self.settings
        # Our own time-outs, retries and reconnects replace pymodbus's, which would close a shared socket.
        shared: dict[str, Any] = {
            "timeout": s.timeout_s,
            "retries": 0,
            "reconnect_delay": 0,
            "trace_connect": self._on_connect,
        }
        if s.mode == "rtu":
            return AsyncModbusSerialClient(
                s.device, baudrate=s.baudrate, parity=s.parity, stopbits=s.stopbits, framer=FramerType.RTU, **shared
            )
        framer = FramerType.SOCKET if s.mode == "tcp" else FramerType.RTU
        return AsyncModbusTcpClient(s.host, port=s.port, framer=framer, **shared)

    def _on_connect(self, up: bool) -> None:
        if not up:
            self._fail_waiting()

    def _fail_waiting(self) -> None:
        future = self._client.ctx.response_future if self._client is not None else None
        if self._in_flight and future is not None and not future.done():
            future.set_exception(ModbusException("the link broke"))

    def _lost(self) -> LinkLost:
        return LinkLost(f"The link to {self.settings.place} is lost.", hint=self._hint)

    @property
    def _hint(self) -> str:
        if self.settings.mode == "rtu":
            return "Check that the serial device exists, that nobody else holds it, and your right to open it."
        return "Check host and port, the cable, and whether the device allows another connection."
