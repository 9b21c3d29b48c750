"""Turns the bytes of registers into numbers, a whole block at a time, and values back into bytes.

Registers arrive big-endian. With A the most significant byte, a 32 bit value lies on the wire as
ABCD, CDAB (registers swapped), BADC (bytes swapped in each register) or DCBA (both); 64 bit values
follow the same four rules. Each rule undoes itself, so one permutation serves both directions.

Columns of equal type are gathered with one numpy index and viewed as their type: no Python per tag.
Integers beyond 2^53 lose their last digits, because the platform's numbers are float64.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lineshaft.edge.singles import decimals
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Quality

from .address import REGISTERS, Address

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")

_FORMAT = {
    "bool": "B",
    "int16": "h",
    "uint16": "H",
    "bcd16": "H",
    "int32": "i",
    "uint32": "I",
    "bcd32": "I",
    "float32": "f",
    "int64": "q",
    "uint64": "Q",
    "float64": "d",
}
_INTEGERS = {name for name, letter in _FORMAT.items() if letter not in "fd"}


def permutation(size: int, order: str) -> list[int]:
    """Positions on the wire of a value's bytes, most significant first; its own inverse."""
    places = list(range(size))
    if order in ("CDAB", "DCBA"):
        places = [p for word in range(size - 2, -2, -2) for p in (word, word + 1)]
    if order in ("BADC", "DCBA"):
        places = [p ^ 1 for p in places]
    return places


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One row of a poll: what it decodes, and where in the fetched bytes it begins."""

    row: int
    at: int
    address: Address
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """All cells of one type and order. `index` has one line of byte positions per cell."""

    type: str
    rows: NDArray[np.intp]
    index: NDArray[np.intp]
    shift: NDArray[np.uint64] | None = None
    mask: NDArray[np.uint64] | None = None

    def values(self, raw: NDArray[np.uint8]) -> NDArray[np.float64]:
        native = np.ascontiguousarray(raw[self.index]).view(f">{_FORMAT[self.type]}")[:, 0]
        if self.shift is not None and self.mask is not None:
            native = (native.astype(np.uint64) >> self.shift) & self.mask
        if self.type.startswith("bcd"):
            return _from_bcd(native)
        if self.type == "float32":
            return decimals(native)
        return native.astype(np.float64)


def _from_bcd(native: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
    """Four bits a digit; NaN where one is above nine."""
    rest, value, wrong = native.astype(np.uint64), np.zeros(len(native)), np.zeros(len(native), bool)
    for place in range(native.dtype.itemsize * 2):
        digit = rest & np.uint64(15)
        wrong |= digit > 9
        value += digit.astype(np.float64) * 10.0**place
        rest >>= np.uint64(4)
    value[wrong] = np.nan
    return value


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes all rows of one poll from the bytes its blocks fetched."""

    columns: list[_Column] = field(default_factory=list)
    strings: list[Cell] = field(default_factory=list)

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> Decoder:
        """Group cells into columns."""
        groups: dict[tuple[str, str, bool], list[Cell]] = {}
        strings = []
        for cell in cells:
            address = cell.address
            if address.type == "string":
                strings.append(cell)
            else:
                groups.setdefault((address.type, address.order, address.bits is not None), []).append(cell)
        return cls([_column(*key, group) for key, group in groups.items()], strings)

    def numbers(self, raw: NDArray[np.uint8], number: NDArray[np.float64], quality: NDArray[np.uint8]) -> None:
        """Fill the rows of numbers; what is no number becomes NaN with a bad quality."""
        for column in self.columns:
            values = column.values(raw)
            if column.type in _INTEGERS and not column.type.startswith("bcd"):
                number[column.rows] = values
                continue
            wrong = ~np.isfinite(values)
            if wrong.any():
                missing = Quality.BAD_TYPE if column.type.startswith("bcd") else Quality.BAD_NO_DATA
                reason = np.where(np.isnan(values), int(missing), int(Quality.BAD_OUT_OF_RANGE))
                quality[column.rows[wrong]] = reason[wrong]
                values[wrong] = np.nan
            number[column.rows] = values

    def texts(self, raw: NDArray[np.uint8]) -> dict[int, str]:
        """The strings by row."""
        return {
            cell.row: _text(raw[cell.at : cell.at + cell.address.count * 2].tobytes(), cell) for cell in self.strings
        }


def _column(kind: str, order: str, field_of_bits: bool, cells: list[Cell]) -> _Column:
    size = 1 if kind == "bool" else REGISTERS[kind] * 2
    offsets = np.array([0] if size == 1 else permutation(size, order), dtype=np.intp)
    starts = np.array([cell.at for cell in cells], dtype=np.intp)
    spans = [cell.address.bits or (0, 0) for cell in cells]
    return _Column(
        type=kind,
        rows=np.array([cell.row for cell in cells], dtype=np.intp),
        index=starts[:, None] + offsets[None, :],
        shift=np.array([low for low, _ in spans], dtype=np.uint64) if field_of_bits else None,
        mask=np.array([_ones(low, high) for low, high in spans], dtype=np.uint64) if field_of_bits else None,
    )


def _ones(low: int, high: int) -> int:
    return int((1 << (high - low + 1)) - 1)


def _text(raw: bytes, cell: Cell) -> str:
    if cell.address.order in ("BADC", "DCBA"):
        raw = _swap_pairs(raw)
    return raw[: cell.address.length].split(b"\0", 1)[0].decode(cell.encoding, "replace").rstrip()


def _swap_pairs(raw: bytes) -> bytes:
    return bytes(raw[place ^ 1] for place in range(len(raw)))


def encode(address: Address, value: float | str, *, encoding: str = "utf-8") -> bytes:
    """The registers that hold a value, as they go on the wire; Invalid when it does not fit."""
    if address.type == "string":
        return _encode_text(address, str(value), encoding)
    size = REGISTERS[address.type] * 2
    try:
        packed = struct.pack(f">{_FORMAT[address.type]}", _native(address, float(value), value))
    except (struct.error, OverflowError) as error:
        raise _does_not_fit(address, value) from error
    return bytes(packed[place] for place in permutation(size, address.order))


def _native(address: Address, number: float, value: float | str) -> float | int:
    if address.type not in _INTEGERS:
        return number
    if not np.isfinite(number):
        raise _does_not_fit(address, value)
    whole = value if isinstance(value, int) else round(number)
    if not address.type.startswith("bcd"):
        return whole
    digits = str(whole)
    if whole < 0 or len(digits) > REGISTERS[address.type] * 4:
        raise _does_not_fit(address, value)
    return int(digits, 16)


def _encode_text(address: Address, text: str, encoding: str) -> bytes:
    raw = text.encode(encoding, "replace")
    if len(raw) > address.length:
        raise _does_not_fit(address, text)
    raw = raw.ljust(address.count * 2, b"\0")
    return _swap_pairs(raw) if address.order in ("BADC", "DCBA") else raw


def _does_not_fit(address: Address, value: float | str) -> Invalid:
    kind = f"string[{address.length}]" if address.type == "string" else address.type
    return Invalid(f"{value!r} does not fit into {kind} at {address}.", hint="Mind scale and offset of the tag.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """One way to read the registers that begin at `start`."""

    start: int
    type: str
    order: str
    value: float | int


def decodings(registers: Sequence[int], start: int = 0) -> tuple[Decoding, ...]:
    """Every number these registers could mean, by place, type and order: for finding what a manual leaves out.

    Types are int16 … float64; 16 bit types come in two orders, the others in four.
    """
    raw = struct.pack(f">{len(registers)}H", *registers)
    return tuple(
        Decoding(start=start + at, type=kind, order=order, value=_one(raw[at * 2 : (at + size) * 2], kind, order))
        for at in range(len(registers))
        for kind, size in REGISTERS.items()
        if not kind.startswith("bcd") and at + size <= len(registers)
        for order in (ORDERS if size > 1 else ("ABCD", "BADC"))
    )


def _one(raw: bytes, kind: str, order: str) -> float | int:
    ordered = bytes(raw[place] for place in permutation(len(raw), order))
    value: float | int = struct.unpack(f">{_FORMAT[kind]}", ordered)[0]
    return value
