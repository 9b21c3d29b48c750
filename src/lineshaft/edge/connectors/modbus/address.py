"""Reads a tag's address: which unit, table and registers, and how their bits make a value.

    address  = [unit "!"] place ["." bit ["-" bit]] [":" type [":" order]]
    place    = table ":" number | reference
    table    = "coil" | "discrete" | "input" | "holding"
    number   = decimal or 0x…, counted from 0 (from 1 with `one_based`)
    reference= "4x00101" | "40101" | "400101"   first digit names the table, counted from 1
    type     = int16 uint16 int32 uint32 int64 uint64 float32 float64 bcd16 bcd32 string[n]
    order    = ABCD (default) | CDAB | BADC | DCBA, or AB | BA, or eight letters for 64 bits

`holding:100:float32` · `3!input:5:int16` · `coil:7` · `holding:10.3` · `holding:10.4-7` ·
`4x00101:uint32:CDAB` · `holding:200:string[16]`. Bit 0 is the least significant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import nearest

from .settings import ModbusSettings


class Table(StrEnum):
    """The four tables of a unit (Modbus application protocol 1.1b3, §4.3)."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def bits(self) -> bool:
        """Whether one address holds one bit, not a register of 16."""
        return self in (Table.COIL, Table.DISCRETE)

    @property
    def width(self) -> int:
        """Bytes one address takes in a fetched block: bits are unpacked to a byte each."""
        return 1 if self.bits else 2

    @property
    def writable(self) -> bool:
        return self in (Table.COIL, Table.HOLDING)


REGISTERS = {
    "int16": 1,
    "uint16": 1,
    "bcd16": 1,
    "int32": 2,
    "uint32": 2,
    "float32": 2,
    "bcd32": 2,
    "int64": 4,
    "uint64": 4,
    "float64": 4,
}
"""Registers each type takes; `string` takes half its length, `bool` one bit."""

_REFERENCE = {"0": Table.COIL, "1": Table.DISCRETE, "3": Table.INPUT, "4": Table.HOLDING}
_ORDERS = {"AB": "ABCD", "BA": "BADC", "ABCD": "ABCD", "CDAB": "CDAB", "BADC": "BADC", "DCBA": "DCBA"} | {
    "ABCDEFGH": "ABCD",
    "GHEFCDAB": "CDAB",
    "BADCFEHG": "BADC",
    "HGFEDCBA": "DCBA",
}
_GRAMMAR = re.compile(
    r"(?:(?P<unit>\d{1,3})!)?"
    r"(?:(?P<table>[a-z]+):(?P<number>0x[0-9a-f]{1,4}|\d{1,5})|(?P<digit>[0134])(?:x(?P<long>\d{1,5})|(?P<short>\d{4,5})))"
    r"(?:\.(?P<low>\d{1,2})(?:-(?P<high>\d{1,2}))?)?"
    r"(?::(?P<type>[a-z]+\d*)(?:\[(?P<length>\d{1,3})\])?(?::(?P<order>[a-h]{2,8}))?)?",
    re.IGNORECASE,
)
_EXAMPLE = "Write it like holding:100:float32, 3!input:5:int16, coil:7 or holding:10.3."


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a value lies and how it is coded. `start` counts from 0; `count` is registers, or bits of a bit table."""

    unit: int
    table: Table
    start: int
    count: int = 1
    type: str = "uint16"
    order: str = "ABCD"
    length: int = 0
    """Bytes of a string."""
    bits: tuple[int, int] | None = None
    """Lowest and highest bit of a bit field."""

    def __str__(self) -> str:
        field = "" if self.bits is None else ".{}-{}".format(*self.bits)
        return f"{self.unit}!{self.table}:{self.start}{field}" + ("" if self.table.bits else f":{self.type}")


def parse(text: str, settings: ModbusSettings, *, order: str = "") -> Address:
    """The address a text means, or Invalid saying what is wrong with it. `order` overrides the link's default."""
    found = _GRAMMAR.fullmatch(text.strip().lower())
    if found is None:
        raise Invalid(f"{text!r} is not a Modbus address.", hint=_EXAMPLE)
    part = found.groupdict()
    unit = int(part["unit"]) if part["unit"] else settings.unit
    if unit > 255:
        raise Invalid(f"{text!r} names unit {unit}; unit ids end at 255.", hint=_EXAMPLE)
    table, start = _place(text, part, settings)
    if table.bits:
        _refuse_bit_detail(text, part, table)
        return Address(unit=unit, table=table, start=start, type="bool")
    kind, length = _type(text, part)
    count = (length + 1) // 2 if kind == "string" else REGISTERS[kind]
    if start + count > 65536:
        raise Invalid(f"{text!r} runs past the last register, 65535.", hint=_EXAMPLE)
    return Address(
        unit=unit,
        table=table,
        start=start,
        count=count,
        type=kind,
        order=_order(text, part["order"] or order or settings.order),
        length=length,
        bits=_field(text, part, kind, count),
    )


def _place(text: str, part: dict[str, str | None], settings: ModbusSettings) -> tuple[Table, int]:
    if part["digit"]:
        table, first = _REFERENCE[part["digit"]], 1
        number = int(part["long"] or part["short"] or 0)
    else:
        word = part["table"] or ""
        if word not in set(Table):
            near = nearest(word, [table.value for table in Table])
            raise Invalid(f"{text!r} names no Modbus table.", hint=f"Did you mean {near!r}?" if near else _EXAMPLE)
        table, first = Table(word), int(settings.one_based)
        number = int(part["number"] or "0", 0 if (part["number"] or "").startswith("0x") else 10)
    if not first <= number <= 65535 + first:
        raise Invalid(f"{text!r} lies outside the table.", hint=f"Numbers here run from {first} to {65535 + first}.")
    return table, number - first


def _refuse_bit_detail(text: str, part: dict[str, str | None], table: Table) -> None:
    if part["low"] or part["type"] not in (None, "bool") or part["order"]:
        raise Invalid(f"{text!r}: a {table} is one bit and has no type or bits.", hint=f"Write {table}:7.")


def _type(text: str, part: dict[str, str | None]) -> tuple[str, int]:
    kind, length = part["type"] or "uint16", int(part["length"] or 0)
    if kind not in REGISTERS and kind != "string":
        near = nearest(kind, [*REGISTERS, "string"])
        hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(REGISTERS)}, string[n]."
        raise Invalid(f"{text!r} names the unknown type {kind!r}.", hint=hint)
    if (kind == "string") != bool(length):
        raise Invalid(f"{text!r}: a string needs its length, and only a string has one.", hint="Write string[16].")
    return kind, length


def _order(text: str, letters: str) -> str:
    if letters.upper() not in _ORDERS:
        raise Invalid(f"{text!r} names the unknown order {letters!r}.", hint="There are ABCD, CDAB, BADC and DCBA.")
    return _ORDERS[letters.upper()]


def _field(text: str, part: dict[str, str | None], kind: str, count: int) -> tuple[int, int] | None:
    if part["low"] is None:
        return None
    low = int(part["low"])
    high = int(part["high"] or low)
    if not kind.startswith("uint"):
        raise Invalid(f"{text!r}: bits can be taken of uint16, uint32 and uint64 only.", hint="Write holding:10.3.")
    if not low <= high < count * 16:
        raise Invalid(f"{text!r}: bits of {kind} run from 0 to {count * 16 - 1}, lowest first.", hint=_EXAMPLE)
    return low, high
