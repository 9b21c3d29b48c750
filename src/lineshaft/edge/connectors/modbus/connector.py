"""Reads and writes the units of one Modbus link: the shelf's contract, put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lineshaft.edge.connectors import Connector, Node, Problem, Readings, Tag
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath, Quality, Value

from .address import Address
from .browser import Browser
from .codec import Decoding, decodings
from .errors import LinkLost
from .planner import Layout, Lessons, Limits, Span, lay_out, spans_of
from .reader import Image, Reader
from .settings import ModbusSettings
from .tags import address_of, encoding_of, never_writable, problems_of, unscaled
from .units import Units
from .wire import Link
from .writer import Writer

_UNFIT = "Look at the machine, and check type and byte order of the address."
_SAME_US = 10_000
"""Readings this near are told apart; more than that is a clock that was set back, and is followed."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """One poll group: which rows it fills, how they scale, and the requests that fetch them."""

    tags: tuple[Tag, ...]
    index: NDArray[np.int32]
    addresses: dict[int, Address]
    encodings: dict[int, str]
    wrong: NDArray[np.intp]
    """Rows whose address cannot be read."""
    scale: NDArray[np.float64] | None
    offset: NDArray[np.float64] | None
    layout: Layout
    last: int = 0
    """When it was read last, in µs."""

    def moment(self) -> int:
        """Now, in whole milliseconds but later than the reading before: of one moment the store keeps one value."""
        now = (now_us() + 500) // 1000 * 1000
        self.last = self.last + 1000 if now <= self.last < now + _SAME_US else now
        return self.last

    def __len__(self) -> int:
        return len(self.tags)

    def __str__(self) -> str:
        return f"{len(self.tags)} tags → {len(self.layout.blocks)} requests"


class ModbusConnector(Connector[ModbusSettings]):
    """Polls the units behind one TCP device, gateway or serial line."""

    name = "modbus"
    Settings = ModbusSettings

    def __init__(self, settings: ModbusSettings, tags: Sequence[Tag], *, root: PlantPath) -> None:
        super().__init__(settings, tags, root=root)
        self._limits = Limits(
            max_gap=settings.max_gap, max_registers=settings.max_registers, max_coils=settings.max_coils
        )
        self._places = {path: place for place, path in enumerate(self.paths)}
        self._addresses = {tag.path: a for tag in self.tags if (a := self._find_address(tag)) is not None}
        self._asked = {a.unit for a in self._addresses.values()}
        self._unfit: set[PlantPath] = set()
        self._lessons = Lessons()
        self._units = Units(longest_wait_s=settings.retry_max_s)
        self._links = [Link(settings) for _ in range(settings.connections)]
        self._reader = Reader(settings, self._links, self._lessons, self._units)
        self._writer = Writer(self._links[0], verify=settings.verify_writes)

    def check(self) -> list[Problem]:
        """Addresses that cannot be read, kinds that do not fit, tags that can never be written."""
        return [problem for tag in self.tags for problem in problems_of(tag, self.settings)]

    async def connect(self) -> None:
        """Open the link and hear one unit; raises Unavailable when nothing answers."""
        await self.close()
        self._units.forget()
        try:
            for link in self._links:
                await link.connect()
            firsts = self._first_spans()
            if not await self._reader.greet(firsts):
                raise self._nobody(self._asked)
        except BaseException:
            await self.close()
            raise

    def plan(self, tags: Sequence[Tag]) -> Plan:
        """Group the tags' registers into requests; `str(plan)` tells how many."""
        addresses = {row: a for row, tag in enumerate(tags) if (a := self._find_address(tag)) is not None}
        scale = np.array([tag.scale for tag in tags], dtype=np.float64)
        offset = np.array([tag.offset for tag in tags], dtype=np.float64)
        encodings = {row: encoding_of(tag) for row, tag in enumerate(tags) if "encoding" in tag.options}
        return Plan(
            tags=tuple(tags),
            index=np.array([self._place(tag.path) for tag in tags], dtype=np.int32),
            addresses=addresses,
            encodings=encodings,
            wrong=np.array([row for row in range(len(tags)) if row not in addresses], dtype=np.intp),
            scale=scale if (scale != 1).any() else None,
            offset=offset if offset.any() else None,
            layout=lay_out(addresses, self._limits, self._lessons, encodings=encodings),
        )

    async def read(self, plan: object) -> Readings:
        """Read one poll group; every value carries the poll's time, whole milliseconds."""
        if not isinstance(plan, Plan):
            raise TypeError("read wants what plan returned")
        if plan.layout.version != self._lessons.version:
            plan.layout = lay_out(plan.addresses, self._limits, self._lessons, encodings=plan.encodings)
        ts = plan.moment()
        layout = plan.layout
        image = await self._reader.fetch(layout, len(plan))
        if self._units.all_silent(self._asked):
            raise self._nobody(self._asked)
        return self._readings(plan, layout, image, ts)

    async def write(self, tag: Tag, value: Value) -> None:
        """Set one value, scaled back; raises Invalid or Refused with nothing changed."""
        address = address_of(tag, self.settings)
        if refusal := never_writable(address):
            raise refusal
        await self._writer.write(address, unscaled(tag, address, value), encoding=encoding_of(tag))

    async def browse(self, address: str = "") -> list[Node]:
        """Units (''), tables (`3!`), pages (`3!holding`) and registers with values (`3!holding:0-99`)."""
        return await self._browser().look(address)

    async def decodings(self, registers: str) -> tuple[Decoding, ...]:
        """Every number that a range such as `3!holding:100-107` could mean, read now."""
        start, values = await self._browser().registers(registers)
        return decodings(values, start)

    def problems(self) -> list[Problem]:
        """What is wrong now: silent units and refused registers, by tag; empty when all is well."""
        silent = self._units.troubled()
        graves = self._lessons.graves
        found = []
        for tag in self.tags:
            a = self._addresses.get(tag.path)
            if a is None:
                found += problems_of(tag, self.settings)
            elif a.unit in silent:
                found.append(Problem(path=tag.path, message=silent[a.unit].message, hint=silent[a.unit].hint))
            elif grave := graves.get(Span(a.unit, a.table, a.start, a.count)):
                found.append(Problem(path=tag.path, message=grave.message, hint=grave.hint))
            elif tag.path in self._unfit:
                found.append(Problem(path=tag.path, message=f"{tag.address} holds no finite number.", hint=_UNFIT))
        return found

    async def close(self) -> None:
        await self._reader.rest()
        for link in self._links:
            link.close()

    def _readings(self, plan: Plan, layout: Layout, image: Image, ts: int) -> Readings:
        rows = len(plan)
        raw = np.frombuffer(image.raw, np.uint8)
        number, quality = np.full(rows, np.nan), np.zeros(rows, np.uint8)
        layout.decoder.numbers(raw, number, quality)
        texts = layout.decoder.texts(raw)
        self._note_unfit(plan, quality)
        image.blame(plan.wrong, Quality.BAD_CONFIG_ERROR)
        failed = image.quality != 0
        if failed.any():
            quality[failed], number[failed] = image.quality[failed], np.nan
        if plan.scale is not None:
            number *= plan.scale
        if plan.offset is not None:
            number += plan.offset
        return Readings(
            paths=self.paths,
            index=plan.index,
            ts=np.full(rows, ts, np.int64),
            number=number,
            quality=quality,
            text=[None if failed[row] else texts.get(row) for row in range(rows)] if texts else None,
        )

    def _note_unfit(self, plan: Plan, quality: NDArray[np.uint8]) -> None:
        """Remember whose registers hold what is no number."""
        if quality.any() or self._unfit:
            self._unfit -= {tag.path for tag in plan.tags}
            self._unfit |= {plan.tags[row].path for row in np.flatnonzero(quality).tolist()}

    def _find_address(self, tag: Tag) -> Address | None:
        try:
            return address_of(tag, self.settings)
        except Invalid:
            return None

    def _place(self, path: PlantPath) -> int:
        if path not in self._places:
            self._places[path] = len(self.paths)
            self.paths.append(path)
        return self._places[path]

    def _first_spans(self) -> list[Span]:
        firsts: dict[int, Span] = {}
        for span in spans_of(enumerate(self._addresses.values())):
            firsts.setdefault(span.unit, span)
        return list(firsts.values())

    def _browser(self) -> Browser:
        return Browser(self.settings, self._links[0], self._addresses.values())

    def _nobody(self, units: Iterable[int]) -> LinkLost:
        state = next(iter(self._units.troubled().values()), None)
        asked = ", ".join(str(unit) for unit in sorted(units))
        return LinkLost(f"No unit answers at {self.settings.place} (asked {asked}).", hint=state.hint if state else "")
