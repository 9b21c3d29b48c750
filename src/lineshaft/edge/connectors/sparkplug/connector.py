"""A Sparkplug B 3.0 host application: follows births, data and deaths of edge nodes, and commands them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from lineshaft.edge.connectors import Connector, Node, Problem, Readings, Sink, Tag
from lineshaft.kernel.clock import now_us
from lineshaft.kernel.errors import Invalid, NotFound, Unavailable
from lineshaft.kernel.terms import Kind, PlantPath, Value

from .browser import below
from .fleet import Fleet
from .host import HostApplication
from .metrics import Metric, is_control
from .settings import SparkplugSettings
from .topics import Address, Topic, parse_address
from .values import put_value

_LONGEST_WAIT_S = 1.0


class SparkplugConnector(Connector[SparkplugSettings]):
    """All edge nodes behind one broker. Tag addresses are `group/node|metric` or `group/node/device|metric`."""

    name: ClassVar[str] = "sparkplug"
    Settings: ClassVar[type[SparkplugSettings]] = SparkplugSettings
    subscribes: ClassVar[bool] = True
    discovers: ClassVar[bool] = True
    asks: ClassVar[bool] = False

    def __init__(self, settings: SparkplugSettings, tags: Sequence[Tag], *, root: PlantPath) -> None:
        super().__init__(settings, tags, root=root)
        self._good = tuple(tag for tag in tags if not _address_problem(tag))
        self.fleet = self._fresh_fleet()
        self._host: HostApplication | None = None
        self._running = False
        self._written: dict[Address, Value] = {}

    def check(self) -> list[Problem]:
        """Addresses that name no metric."""
        return [problem for tag in self.tags if (problem := _address_problem(tag))]

    async def connect(self) -> None:
        """Connect, subscribe and say that the host is online."""
        endpoint = self.settings.endpoint(self.host.front)
        announce = self.settings.announce and not self.host.trial
        self._host = HostApplication(self.settings, endpoint, announce=announce)
        self.fleet = self._fresh_fleet()
        await self._host.open()

    async def subscribe(self, sink: Sink) -> None:
        """Deliver values until cancelled; raise Unavailable when the broker is lost."""
        self._running = True
        dropped = 0
        try:
            while True:
                await self._turn(_LONGEST_WAIT_S)
                readings = self.fleet.drain()
                if len(readings) or readings.units:
                    await sink.put(readings)
                for problem in self.fleet.troubles():
                    sink.trouble(problem)
                lost = self._host.dropped if self._host else 0
                if lost > dropped:
                    dropped = lost
                    message = "Messages came faster than they could be stored; some were lost."
                    sink.trouble(Problem(path=self.root, message=message, hint="Listen to fewer groups."))
        finally:
            self._running = False

    async def write(self, tag: Tag, value: Value) -> None:
        """Send an NCMD or DCMD; Sparkplug has no answer, the machine's next data shows what it did."""
        address = parse_address(tag.address)
        metric = self._known(address)
        scaled = not isinstance(value, bool | str) and (tag.scale != 1.0 or tag.offset != 0.0)
        raw = (float(value) - tag.offset) / tag.scale if scaled else value

        def fill(wire: Any) -> None:
            if metric.alias is not None and not is_control(address.metric):
                wire.alias = metric.alias
            else:
                wire.name = address.metric
            put_value(wire, metric.datatype, raw)

        self._written[address] = raw
        verb = "DCMD" if address.device else "NCMD"
        await self._session().command(Topic(address.group, verb, address.edge, address.device), fill)

    async def read_now(self, tags: Sequence[Tag]) -> Readings:
        """What the machine says of these tags; one that was just written has `echo_s` to tell its new value."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.settings.echo_s
        addresses = [parse_address(tag.address) for tag in tags]
        while loop.time() < until and not all(self._echoed(address) for address in addresses):
            await asyncio.sleep(0.02)
        for address in addresses:
            self._written.pop(address, None)
        values = [_scaled(tag, self._known(a).last) for tag, a in zip(tags, addresses, strict=True)]
        return Readings.of([tag.path for tag in tags], values, now_us())

    async def browse(self, address: str = "") -> list[Node]:
        """Groups, nodes, devices and metrics below an address, as their births declared them."""
        if not self._running and (address == "" or not self.fleet.nodes):
            await self._listen(self.settings.browse_s)
        return below(self.fleet, address)

    async def close(self) -> None:
        """Say offline and let go of the broker."""
        host, self._host = self._host, None
        if host is not None:
            await host.close()

    # ---- inside ----

    def _echoed(self, address: Address) -> bool:
        said, wanted = self._known(address).last, self._written.get(address)
        if wanted is None or isinstance(wanted, str) or isinstance(said, str) or said is None:
            return wanted is None or said == wanted
        return math.isclose(said, wanted, rel_tol=1e-6, abs_tol=1e-9)

    def _session(self) -> HostApplication:
        if self._host is None:
            raise Unavailable("The Sparkplug connection is closed.", hint="Connect first.")
        return self._host

    def _fresh_fleet(self) -> Fleet:
        return Fleet(self.settings, self._good, self.root, self.paths)

    async def _turn(self, longest_s: float) -> None:
        """Take what has arrived, let time pass, ask for rebirths that are due."""
        host, fleet = self._session(), self.fleet
        deadline = fleet.deadline()
        wait_s = longest_s if deadline is None else min(longest_s, max(0.0, deadline - time.monotonic()))
        for topic, data, received_us, _, _ in await host.take(wait_s):
            fleet.take(topic, data, received_us)
        fleet.tick(now_us())
        for group, edge in fleet.rebirths():
            await host.ask_rebirth(group, edge)

    async def _listen(self, span_s: float) -> None:
        until = asyncio.get_running_loop().time() + span_s
        while (left := until - asyncio.get_running_loop().time()) > 0:
            await self._turn(left)

    def _known(self, address: Address) -> Metric:
        """The metric to write to; Unavailable while its node or device is offline, NotFound without one."""
        node = self.fleet.nodes.get((address.group, address.edge))
        unit = None if node is None else node.devices.get(address.device) if address.device else node.unit
        place = "/".join(part for part in address[:3] if part)
        if node is None or unit is None or not node.unit.online or not unit.online:
            raise Unavailable(f"{place} is offline, so nothing can be written to it.", hint="Wait for its birth.")
        metric = unit.by_name.get(address.metric)
        if metric is None:
            raise NotFound(f"{place} has no metric {address.metric!r}.", hint="Browse it for what it has.")
        return metric


def _scaled(tag: Tag, value: Value | None) -> Value | None:
    return value if value is None or isinstance(value, str) else value * tag.scale + tag.offset


def _address_problem(tag: Tag) -> Problem | None:
    try:
        parse_address(tag.address)
    except Invalid as error:
        return Problem(path=tag.path, message=error.message, hint=error.hint)
    if tag.kind is Kind.BOOLEAN and tag.scale != 1.0:
        return Problem(path=tag.path, message="A boolean cannot have a scale.")
    return None
