"""Looks around behind a link: units, their tables, pages of a hundred addresses, and what they hold.

Modbus has no directory. Units are found by asking, registers by reading: a refused page is halved
until what answers is known. Addresses of pages look like `3!holding:0-99`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lineshaft.edge.connectors import Node
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import Kind

from .address import Address, Table
from .errors import ExceptionCode, Refused, UnitFailed
from .settings import ModbusSettings
from .wire import Link
from .writer import words

PAGE = 100
_PAGES = 10
_SCAN = range(1, 11)
_SCAN_PATIENCE_S = 0.25
_PLACE = re.compile(r"(?:(\d{1,3})!)?(?:(coil|discrete|input|holding)(?::(\d{1,5})(?:-(\d{1,5}))?)?)?")
_NAMES = {
    Table.COIL: "Coils (bits, writable)",
    Table.DISCRETE: "Discrete inputs (bits)",
    Table.INPUT: "Input registers",
    Table.HOLDING: "Holding registers (writable)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where somebody looks: a unit, one of its tables, a range in it. `first` and `last` count from 0."""

    unit: int | None = None
    table: Table | None = None
    first: int | None = None
    last: int = 0

    @classmethod
    def parse(cls, text: str, settings: ModbusSettings) -> Spot:
        """Read `3!`, `3!holding`, `3!holding:0-99` or the empty text."""
        found = _PLACE.fullmatch(text.strip().lower())
        if found is None:
            raise Invalid(f"{text!r} is no place to look at.", hint="Look at 3!, 3!holding or 3!holding:0-99.")
        unit, table, first, last = found.groups()
        base = int(settings.one_based)
        start = None if first is None else int(first) - base
        end = int(last) - base if last else start or 0
        if start is not None and not 0 <= start <= end < 65536:
            raise Invalid(f"{text!r} is no range of addresses.", hint=f"They run from {base} to {65535 + base}.")
        implied = settings.unit if table else None
        return cls(unit=int(unit) if unit else implied, table=Table(table) if table else None, first=start, last=end)


class Browser:
    """Answers what lies below a place, over one link."""

    def __init__(self, settings: ModbusSettings, link: Link, known: Iterable[Address]) -> None:
        self._settings = settings
        self._link = link
        self._known = list(known)

    async def look(self, text: str) -> list[Node]:
        """The nodes below a place."""
        spot = Spot.parse(text, self._settings)
        if spot.unit is None:
            return await self._units()
        if spot.table is None:
            return await self._tables(spot.unit)
        if spot.first is None:
            return self._pages(spot.unit, spot.table)
        return await self._registers(spot.unit, spot.table, spot.first, spot.last)

    async def registers(self, text: str) -> tuple[int, list[int]]:
        """The registers of a range such as `3!holding:100-107`, with the address of the first."""
        spot = Spot.parse(text, self._settings)
        if spot.unit is None or spot.table is None or spot.table.bits or spot.first is None:
            raise Invalid(f"{text!r} names no registers.", hint="Write a range like 3!holding:100-107.")
        count = spot.last - spot.first + 1
        if count > self._settings.max_registers:
            raise Invalid(f"{text!r} is too long.", hint=f"At most {self._settings.max_registers} registers at once.")
        return spot.first, words(await self._read(spot.unit, spot.table, spot.first, count))

    async def _units(self) -> list[Node]:
        known = {self._settings.unit, *(a.unit for a in self._known)}
        nodes = []
        for unit in sorted(known.union(_SCAN)):
            about = await self._meet(unit, expected=unit in known)
            if about is not None:
                nodes.append(Node(address=f"{unit}!", name=f"Unit {unit}", has_children=True, description=about))
        return nodes

    async def _meet(self, unit: int, *, expected: bool) -> str | None:
        """What a unit says it is, '' when it only answers, None when it does not."""
        patience_s = self._settings.answer_timeout_s if expected else _SCAN_PATIENCE_S
        patience_s = min(patience_s, self._settings.answer_timeout_s)
        try:
            about = await self._link.identify(unit, patience_s=patience_s)
            return " ".join(about[key] for key in (0, 1, 2) if about.get(key))
        except Refused as refusal:
            return None if refusal.from_gateway else ""
        except UnitFailed:
            return "" if expected and await self._answers(unit) else None

    async def _answers(self, unit: int) -> bool:
        """Some devices keep silent on functions they do not know, but not on a read."""
        try:
            await self._read(unit, Table.HOLDING, 0, 1)
        except Refused as refusal:
            return not refusal.from_gateway
        except UnitFailed:
            return False
        return True

    async def _tables(self, unit: int) -> list[Node]:
        return [
            Node(address=f"{unit}!{table}", name=_NAMES[table], has_children=True)
            for table in Table
            if await self._offers(unit, table)
        ]

    async def _offers(self, unit: int, table: Table) -> bool:
        try:
            await self._read(unit, table, 0, 1)
        except Refused as refusal:
            return refusal.reason != ExceptionCode.ILLEGAL_FUNCTION
        return True

    def _pages(self, unit: int, table: Table) -> list[Node]:
        tagged = {a.start // PAGE for a in self._known if (a.unit, a.table) == (unit, table)}
        return [self._page(unit, table, page * PAGE) for page in sorted(tagged.union(range(_PAGES)))]

    def _page(self, unit: int, table: Table, start: int) -> Node:
        base = int(self._settings.one_based)
        span = f"{start + base}-{min(start + PAGE, 65536) - 1 + base}"
        return Node(address=f"{unit}!{table}:{span}", name=span, has_children=True)

    async def _registers(self, unit: int, table: Table, first: int, last: int) -> list[Node]:
        most = self._settings.max_coils if table.bits else self._settings.max_registers
        found: dict[int, int] = {}
        for start in range(first, last + 1, most):
            found.update(await self._readable(unit, table, start, min(most, last + 1 - start)))
        return [self._register(unit, table, start, value) for start, value in found.items()]

    def _register(self, unit: int, table: Table, start: int, value: int) -> Node:
        number = start + int(self._settings.one_based)
        return Node(
            address=f"{unit}!{table}:{number}",
            name=f"{table} {number}",
            readable=True,
            writable=table.writable,
            kind=Kind.BOOLEAN if table.bits else Kind.INTEGER,
            value=bool(value) if table.bits else value,
        )

    async def _readable(self, unit: int, table: Table, start: int, count: int) -> dict[int, int]:
        """Addresses that answer, with what they hold."""
        try:
            raw = await self._read(unit, table, start, count)
        except Refused as refusal:
            if count == 1 or not refusal.of_address or refusal.reason == ExceptionCode.ILLEGAL_FUNCTION:
                return {}
            half = count // 2
            left = await self._readable(unit, table, start, half)
            return left | await self._readable(unit, table, start + half, count - half)
        return dict(enumerate(raw if table.bits else words(raw), start))

    async def _read(self, unit: int, table: Table, start: int, count: int) -> bytes:
        return await self._link.read(unit, table, start, count, patience_s=self._settings.answer_timeout_s)
