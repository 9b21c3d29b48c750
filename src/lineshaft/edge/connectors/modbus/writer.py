"""Sets coils, registers and bits with the function each device understands.

    one coil            5, or 15 where 5 is refused
    one register        6, or 16 where 6 is refused
    several registers   16
    bits of a register  22, or read-change-write (3 and 16) where 22 is refused or the value is wider
    with verify_writes  23, which reads back what it wrote, or a write and a read where 23 is refused

What a unit refuses as an unknown function is remembered and not tried again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from lineshaft.kernel.errors import Conflict
from lineshaft.kernel.terms import Value

from .address import Address
from .codec import encode, permutation
from .errors import ExceptionCode, Refused
from .wire import Link


class Writer:
    """Writes values over one link."""

    def __init__(self, link: Link, *, verify: bool) -> None:
        self._link = link
        self._verify = verify
        self._unknown: set[tuple[int, int]] = set()

    async def write(self, address: Address, raw: Value, *, encoding: str = "utf-8") -> None:
        """Set a value, already unscaled; raises Invalid, Refused, Conflict, UnitFailed or LinkLost."""
        if address.table.bits:
            await self._write_coil(address, bool(raw))
        elif address.bits is not None:
            await self._write_bits(address, address.bits, int(raw))
        else:
            await self._write_registers(address, words(encode(address, raw, encoding=encoding)))

    async def _write_coil(self, a: Address, value: bool) -> None:
        await self._first_of(
            a.unit,
            (5, lambda: self._link.write_coil(a.unit, a.start, value)),
            (15, lambda: self._link.write_coils(a.unit, a.start, [value])),
        )
        if self._verify:
            await self._read_back(a, bytes([value]))

    async def _write_registers(self, a: Address, values: Sequence[int]) -> None:
        if self._verify and (a.unit, 23) not in self._unknown:
            await self._first_of(a.unit, (23, lambda: self._exchange(a, values)), (16, lambda: self._plain(a, values)))
        else:
            await self._plain(a, values)

    async def _plain(self, a: Address, values: Sequence[int]) -> None:
        several = (16, lambda: self._link.write_registers(a.unit, a.start, values))
        single = (6, lambda: self._link.write_register(a.unit, a.start, values[0]))
        await self._first_of(a.unit, *((single, several) if len(values) == 1 else (several,)))
        if self._verify:
            await self._read_back(a, octets(values))

    async def _exchange(self, a: Address, values: Sequence[int]) -> None:
        self._compare(a, octets(values), await self._link.exchange_registers(a.unit, a.start, values))

    async def _read_back(self, a: Address, wanted: bytes) -> None:
        patience_s = self._link.settings.answer_timeout_s
        self._compare(a, wanted, await self._link.read(a.unit, a.table, a.start, a.count, patience_s=patience_s))

    def _compare(self, a: Address, wanted: bytes, found: bytes) -> None:
        if wanted != found:
            raise Conflict(
                f"{a} took the write but holds {found.hex(' ')} instead of {wanted.hex(' ')}.",
                hint="The device may limit the value, or be switched to local control.",
            )

    async def _write_bits(self, a: Address, bits: tuple[int, int], value: int) -> None:
        low, high = bits
        mask = ((1 << (high - low + 1)) - 1) << low

        def change(raw: bytes) -> Sequence[int]:
            held = int.from_bytes(_ordered(raw, a.order), "big")
            changed = (held & ~mask) | (value << low)
            return words(_ordered(changed.to_bytes(len(raw), "big"), a.order))

        fallback = (16, lambda: self._link.update_registers(a.unit, a.start, a.count, change))
        if a.count > 1:
            await self._first_of(a.unit, fallback)
            return
        keep, put = (words(_ordered(n.to_bytes(2, "big"), a.order))[0] for n in (0xFFFF & ~mask, value << low))
        mask_write = (22, lambda: self._link.mask_register(a.unit, a.start, keep=keep, put=put))
        await self._first_of(a.unit, mask_write, fallback)

    async def _first_of(self, unit: int, *ways: tuple[int, Callable[[], Awaitable[None]]]) -> None:
        """Use the first function the unit knows."""
        *others, last = [way for way in ways if (unit, way[0]) not in self._unknown] or [ways[-1]]
        for function, act in others:
            try:
                await act()
            except Refused as refusal:
                if refusal.reason != ExceptionCode.ILLEGAL_FUNCTION:
                    raise
                self._unknown.add((unit, function))
            else:
                return
        await last[1]()


def words(raw: bytes) -> list[int]:
    """Bytes from the wire as registers."""
    return [int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2)]


def octets(registers: Sequence[int]) -> bytes:
    """Registers as they go on the wire."""
    return b"".join(r.to_bytes(2, "big") for r in registers)


def _ordered(raw: bytes, order: str) -> bytes:
    return bytes(raw[place] for place in permutation(len(raw), order))
