"""A packaging line that speaks OPC UA: filler, capper, labeller and palletiser on a real socket.

    Objects/PackagingLine/<Machine>/<Signal>        ns=2;s=Filler.Speed, ns=2;s=Filler.FillVolumes[3] …
    Objects/PackagingLine/<Machine>/Halt            a method: stops the machine for a while
    Objects/Extra                                   ns=2;s=Extra.0 …  as many as a bench asks for, all changing
                                                    ns=2;s=Extra.Hz   times per second, which can be written

`python -m lineshaft.edge.connectors.opcua.fake --port 4840` runs it on its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from asyncua import Node, ua, uamethod
from asyncua.common.structures104 import new_enum

from .line import LineModel, Machine, Mode, Reading, Signal, State
from .replay import ReplayServer
from .serving import DeviceServer, Limits, Security, describe, folders

__all__ = ["Limits", "PackagingLine", "ReplayServer", "Security", "Stand", "stand"]

URI = "urn:lineshaft:packaging-line"
_LONGEST_HALT_S = 600.0
_BURST = 100
"""Values set between two looks at the sockets."""


class PackagingLine:
    """The line model behind an OPC UA server; a speed that a client writes changes the line."""

    def __init__(
        self,
        *,
        seed: int = 1,
        tick_s: float = 0.5,
        pace: float = 1.0,
        security: Security | None = None,
        limits: Limits | None = None,
        extra: int = 0,
        extra_hz: float = 1.0,
    ) -> None:
        self.model = LineModel(seed)
        self.device = DeviceServer(URI, name="Lineshaft packaging line", security=security, limits=limits)
        self._tick_s, self._pace = tick_s, pace
        self._extra, self._extra_hz = [f"Extra.{number}" for number in range(extra)], extra_hz
        self._shown: dict[str, Reading] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        return self.device.url

    def address(self, name: str) -> str:
        """The address of a value such as `Filler.Speed`."""
        return self.device.address(name)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen and run; port 0 takes a free one, which `url` then names."""
        objects = await self.device.prepare(host, port)
        index = self.device.index
        line = await objects.add_folder(ua.NodeId("PackagingLine", index), f"{index}:PackagingLine")
        words = {"State": await self._enumeration("PackMLState", State), "Mode": await self._enumeration("Mode", Mode)}
        for machine in self.model.machines:
            folder = await line.add_object(ua.NodeId(machine.name, index), f"{index}:{machine.name}")
            for shown in machine.signals:
                await self._add(folder, machine.name, shown, words.get(shown.name))
            await self._add_halt(folder, machine)
        if self._extra:
            await self._add_extra(objects)
        await self.device.open()
        self._tasks.append(asyncio.create_task(self._run()))
        if self._extra:
            self._tasks.append(asyncio.create_task(self._churn()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self.device.stop()

    async def _enumeration(self, name: str, members: type[State | Mode]) -> ua.NodeId:
        index = self.device.index
        node = await new_enum(self.device.server, index, name, [member.name.capitalize() for member in members])
        texts = [ua.LocalizedText(member.name.capitalize()) for member in members]
        await node.add_property(0, "EnumStrings", texts)
        return node.nodeid

    async def _add(self, folder: Node, machine: str, shown: Signal, words: ua.NodeId | None) -> None:
        key = f"{machine}.{shown.name}"
        value = self.model.readings()[key]
        kind = _type_of(value, counter=shown.name in {"Good", "Reject", "Total", "Pallets"}, enumeration=bool(words))
        node = await self.device.add(folder, key, shown.name, value, kind=kind, datatype=words)
        if shown.description:
            text = ua.LocalizedText(shown.description)
            await node.write_attribute(ua.AttributeIds.Description, ua.DataValue(text))
        await describe(node, unit=shown.unit, low=shown.low, high=shown.high)
        if shown.writable:
            await node.set_writable()

    async def _add_halt(self, folder: Node, machine: Machine) -> None:
        """`Halt(Reason, Seconds) -> State`: an operator stops the machine for a while."""

        @uamethod  # type: ignore[untyped-decorator]
        def halt(_parent: ua.NodeId, reason: str, seconds: float) -> int | ua.StatusCode:
            if not 0 < seconds <= _LONGEST_HALT_S:
                return ua.StatusCode(ua.StatusCodes.BadOutOfRange)
            machine.stop(reason, seconds)
            return int(machine.state)

        inputs = [_argument("Reason", ua.ObjectIds.String), _argument("Seconds", ua.ObjectIds.Double)]
        index = self.device.index
        await folder.add_method(
            ua.NodeId(f"{machine.name}.Halt", index),
            f"{index}:Halt",
            halt,
            inputs,
            [_argument("State", ua.ObjectIds.Int32)],
        )

    async def _add_extra(self, objects: Node) -> None:
        parent = await objects.add_folder(self.device.index, "Extra")
        for folder, name in await folders(parent, self.device.index, self._extra):
            await self.device.add(folder, name, name, 0.0, kind=ua.VariantType.Double)
        rate = await self.device.add(parent, "Extra.Hz", "Hz", self._extra_hz, kind=ua.VariantType.Double)
        await rate.set_writable()

    async def _run(self) -> None:
        """Let the line live: one step each tick, and only what changed is set."""
        while True:
            for machine in self.model.machines:
                self.model.set_speed(machine.name, float(await self.device.get(f"{machine.name}.SpeedSetpoint")))
            self.model.step(self._tick_s * self._pace)
            now = self.model.readings()
            changed = {key: value for key, value in now.items() if self._shown.get(key) != value}
            await self.device.set({key: value for key, value in changed.items() if not key.endswith(".SpeedSetpoint")})
            self._shown = now
            await asyncio.sleep(self._tick_s)

    async def _churn(self) -> None:
        """Change every extra value at its rate, evenly spread; a server that is too slow does what it can."""
        due = time.monotonic()
        bursts = [self._extra[at : at + _BURST] for at in range(0, len(self._extra), _BURST)]
        number = 0.0
        while True:
            number += 1
            for burst in bursts:
                await self.device.set(dict.fromkeys(burst, number))
                pause = 1 / max(0.001, await self.device.get("Extra.Hz")) / len(bursts)
                due = max(due + pause, time.monotonic() - 1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))


class Stand:
    """A packaging line on one port that can be pulled out and put in again."""

    def __init__(self) -> None:
        self._line, self._port = PackagingLine(), 0

    @property
    def raw(self) -> dict[str, Any]:
        """The connection as it stands in plant.toml."""
        named = [("speed", "Filler.Speed"), ("bearing-temperature", "Capper.BearingTemperature")]
        tags = [{"path": path, "address": self._line.address(name)} for path, name in named]
        state = {"path": "state", "address": self._line.address("Capper.State"), "kind": "enum"}
        return {"url": f"opc.tcp://127.0.0.1:{self._port}", "tags": [*tags, state]}

    async def plug_in(self) -> None:
        self._line = PackagingLine()
        await self._line.start(port=self._port)
        self._port = self._line.device.port

    async def unplug(self) -> None:
        await self._line.stop()


@asynccontextmanager
async def stand(_folder: Path) -> AsyncIterator[Stand]:
    """What the conformance suite runs every connector against."""
    served = Stand()
    await served.plug_in()
    try:
        yield served
    finally:
        await served.unplug()


def _argument(name: str, data_type: int) -> ua.Argument:
    return ua.Argument(Name=name, DataType=ua.NodeId(data_type), ValueRank=-1, ArrayDimensions=[])


def _type_of(value: Reading, *, counter: bool, enumeration: bool) -> ua.VariantType:
    if isinstance(value, bool):
        return ua.VariantType.Boolean
    if isinstance(value, int):
        return ua.VariantType.Int64 if counter else ua.VariantType.Int32 if enumeration else ua.VariantType.Int16
    return ua.VariantType.String if isinstance(value, str) else ua.VariantType.Double


async def _serve(options: argparse.Namespace) -> None:
    security = Security(certificates=options.certificates, open=not options.secure_only)
    limits = Limits(subscriptions=0) if options.no_subscriptions else Limits()
    line = PackagingLine(
        seed=options.seed,
        pace=options.pace,
        tick_s=options.tick,
        security=security,
        limits=limits,
        extra=options.extra,
        extra_hz=options.extra_hz,
    )
    await line.start(options.host, options.port)
    print(json.dumps({"port": line.device.port, "url": line.url}), flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await line.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the packaging line until it is told to stop."""
    parser = argparse.ArgumentParser(prog="opcua.fake", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4840, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pace", type=float, default=1.0, help="seconds of the line per second")
    parser.add_argument("--tick", type=float, default=0.5, help="seconds between two steps")
    parser.add_argument("--certificates", type=Path, help="folder of the server's certificate, for secure endpoints")
    parser.add_argument("--secure-only", action="store_true", help="serve no endpoint without security")
    parser.add_argument("--no-subscriptions", action="store_true", help="refuse every subscription")
    parser.add_argument("--extra", type=int, default=0, help="values besides the line's, for benches")
    parser.add_argument("--extra-hz", type=float, default=1.0, help="changes of each extra value per second")
    asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
