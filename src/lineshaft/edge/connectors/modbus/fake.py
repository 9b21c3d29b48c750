"""Modbus devices without hardware: the demo's utilities, flat tables for benches, recordings replayed.

    python -m lineshaft.edge.connectors.modbus.fake --port 5020        two meters, compressor, tank: units 1 to 4
    python -m lineshaft.edge.connectors.modbus.fake --rtu              the same on a pseudo terminal
    python -m lineshaft.edge.connectors.modbus.fake --flat 10 --registers 20000   ten ports of moving float32

Prints one JSON line with what it serves once it serves it, and runs until it is told to stop.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from .address import Table
from .machines import Compressor, EnergyMeter, Tank, Utilities
from .responder import Bus, Heard, SerialResponder, TcpResponder, Unit

STEP_S = 0.1
METER_MAIN, METER_PROCESS, COMPRESSOR, TANK = 1, 2, 3, 4


class Plant:
    """The demo's utilities as four units of one bus. `speed` makes its time run faster than ours."""

    def __init__(self, utilities: Utilities | None = None, *, speed: float = 1.0) -> None:
        self.utilities = utilities or Utilities()
        self.speed = speed
        self.bus = Bus(
            {
                METER_MAIN: _meter_unit(Table.INPUT, "PM-320"),
                METER_PROCESS: _meter_unit(Table.HOLDING, "EM-24"),
                COMPRESSOR: _compressor_unit(),
                TANK: _tank_unit(),
            },
            gateway=True,
        )
        self.bus.units[COMPRESSOR].on_write = self._on_compressor_write
        self.bus.units[TANK].on_write = self._on_tank_write
        self._store_setpoints()
        self.step(0.0)

    def step(self, dt_s: float) -> None:
        """Move the machines on and show it in their registers."""
        self.utilities.step(dt_s)
        units, u = self.bus.units, self.utilities
        _show_meter(units[METER_MAIN], u.main, Table.INPUT, "ABCD")
        _show_meter(units[METER_PROCESS], u.process, Table.HOLDING, "CDAB")
        _show_compressor(units[COMPRESSOR], u.compressor)
        _show_tank(units[TANK], u.tank)

    async def run(self) -> None:
        """Step in real time until cancelled."""
        last = time.monotonic()
        while True:
            await asyncio.sleep(STEP_S)
            now = time.monotonic()
            self.step(min(now - last, 5.0) * self.speed)
            last = now

    def _store_setpoints(self) -> None:
        u, units = self.utilities, self.bus.units
        units[COMPRESSOR].put(Table.HOLDING, 0, "H", round(u.compressor.setpoint_bar * 100))
        units[TANK].put(Table.HOLDING, 0, "h", round(u.tank.setpoint_c * 10))

    def _on_compressor_write(self, table: Table, start: int, count: int) -> None:
        unit, machine = self.bus.units[COMPRESSOR], self.utilities.compressor
        machine.setpoint_bar = unit.get(Table.HOLDING, 0, "H") / 100
        if table is Table.COIL:
            machine.running = bool(unit.memory[Table.COIL][0])
            if unit.memory[Table.COIL][1]:
                machine.reset()
            unit.set_bits(Table.COIL, 1, False)

    def _on_tank_write(self, table: Table, start: int, count: int) -> None:
        unit, tank = self.bus.units[TANK], self.utilities.tank
        tank.setpoint_c = unit.get(Table.HOLDING, 0, "h") / 10
        if table is Table.COIL:
            tank.valve_open, tank.automatic = (bool(bit) for bit in unit.memory[Table.COIL][:2])


def _meter_unit(table: Table, model: str) -> Unit:
    identity = {0: "Lineshaft Fakes", 1: model, 2: "1.4"}
    return Unit(registers=80, ranges={table: [range(18), range(72, 76)]}, identity=identity)


def _show_meter(unit: Unit, meter: EnergyMeter, table: Table, order: str) -> None:
    values = (*meter.volts, *meter.amps, meter.power_kw, meter.power_factor, meter.frequency_hz)
    unit.put(table, 0, "f", *values, order=order)
    unit.put(table, 72, "f", meter.energy_kwh, order=order)
    unit.put(table, 74, "I", int(meter.energy_kwh * 1000) & 0xFFFFFFFF, order=order)


def _compressor_unit() -> Unit:
    ranges = {
        Table.INPUT: [range(9)],
        Table.HOLDING: [range(1)],
        Table.COIL: [range(2)],
        Table.DISCRETE: [range(3)],
    }
    return Unit(registers=9, bits=8, ranges=ranges, identity={0: "Lineshaft Fakes", 1: "SC-55", 2: "2.0"})


def _show_compressor(unit: Unit, c: Compressor) -> None:
    too_hot, low, service = c.state == 3, c.measured_bar < 5.5, c.hours % 4000 > 3900
    unit.put(Table.INPUT, 0, "H", round(c.measured_bar * 100))
    unit.put(Table.INPUT, 1, "h", round(c.measured_c * 10))
    unit.put(Table.INPUT, 2, "H", int(c.state), too_hot | low << 1 | service << 2)
    unit.put(Table.INPUT, 4, "I", int(c.hours * 10))
    unit.put(Table.INPUT, 6, "f", c.power_kw)
    unit.put(Table.INPUT, 8, "H", c.starts & 0xFFFF)
    unit.set_bits(Table.DISCRETE, 0, too_hot, low, service)
    unit.set_bits(Table.COIL, 0, c.running)


def _tank_unit() -> Unit:
    ranges = {
        Table.INPUT: [range(5)],
        Table.HOLDING: [range(1)],
        Table.COIL: [range(2)],
        Table.DISCRETE: [range(2)],
    }
    return Unit(registers=8, bits=8, ranges=ranges, identity={0: "Lineshaft Fakes", 1: "TK-400", 2: "1.0"})


def _show_tank(unit: Unit, tank: Tank) -> None:
    unit.put(Table.INPUT, 0, "h", round(tank.measured_percent * 100), round(tank.measured_c * 10))
    unit.put(Table.INPUT, 2, "H", round(tank.inflow_lpm * 10), round(tank.outflow_lpm * 10), round(tank.heater_kw * 10))
    unit.set_bits(Table.DISCRETE, 0, tank.percent < 20, tank.percent > 95)
    unit.set_bits(Table.COIL, 0, tank.valve_open, tank.automatic)


class ReplayServer:
    """Serves named columns as float32 holding registers of one unit, so that a recording becomes a machine."""

    def __init__(self, columns: Sequence[str], *, host: str = "127.0.0.1", port: int = 0, unit: int = 1) -> None:
        self.addresses = {name: f"{unit}!holding:{place * 2}:float32" for place, name in enumerate(columns)}
        """The tag address of each column."""
        self._places = {name: place * 2 for place, name in enumerate(columns)}
        self._unit = Unit(registers=max(1, len(columns) * 2))
        self._unit.put(Table.HOLDING, 0, "f", *([float("nan")] * len(columns)))
        self._responder = TcpResponder(Bus({unit: self._unit}), host=host, port=port)

    @property
    def port(self) -> int:
        return self._responder.port

    async def start(self) -> None:
        await self._responder.start()

    @property
    def heard(self) -> deque[Heard]:
        """What clients asked, the newest last."""
        return self._responder.bus.heard

    async def set(self, values: Mapping[str, float], ts: int | None = None) -> None:
        """Show new values; columns left out keep theirs, an unknown one raises KeyError. Registers carry no time."""
        for name, value in values.items():
            self._unit.put(Table.HOLDING, self._places[name], "f", value)

    def shown(self, name: str) -> float:
        """What a column shows now; a client may have written it."""
        return float(self._unit.get(Table.HOLDING, self._places[name], "f"))

    async def close(self) -> None:
        await self._responder.close()

    async def __aenter__(self) -> ReplayServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class FlatDevice:
    """Many float32 holding registers that all move every second: a load for benches."""

    def __init__(self, registers: int, *, port: int = 0) -> None:
        self.unit = Unit(registers=registers)
        self.responder = TcpResponder(Bus({1: self.unit}), port=port)
        self._count = registers // 2
        self.turn(0)

    def turn(self, number: int) -> None:
        """Store `number + place/8` at each place: exact in float32 for the sizes used."""
        values = [number % 1024 + place / 8 for place in range(self._count)]
        self.unit.memory[Table.HOLDING][: self._count * 4] = struct.pack(f">{self._count}f", *values)


class Stand:
    """Two values on one port that can be pulled out and put in again."""

    def __init__(self) -> None:
        self._server = ReplayServer(["pressure", "level"])

    @property
    def raw(self) -> dict[str, Any]:
        """The connection as it stands in plant.toml."""
        tags = [{"path": name, "address": address} for name, address in self._server.addresses.items()]
        return {"host": "127.0.0.1", "port": self._server.port, "answer_timeout_s": 0.5, "tags": tags}

    async def plug_in(self) -> None:
        self._server = ReplayServer(["pressure", "level"], port=self._server.port)
        await self._server.start()
        await self._server.set({"pressure": 2.5, "level": 40.0})

    async def unplug(self) -> None:
        await self._server.close()


@asynccontextmanager
async def stand(_folder: Path) -> AsyncIterator[Stand]:
    """What the conformance suite runs every connector against."""
    served = Stand()
    await served.plug_in()
    try:
        yield served
    finally:
        await served.unplug()


async def _serve_plant(stack: AsyncExitStack, options: argparse.Namespace) -> tuple[dict[str, object], Plant]:
    plant = Plant(speed=options.speed)
    for unit in options.silent:
        plant.bus.units[unit].silent = True
    if options.rtu:
        line = await stack.enter_async_context(SerialResponder(plant.bus))
        return {"device": line.device, "units": sorted(plant.bus.units)}, plant
    responder = TcpResponder(plant.bus, host=options.host, port=options.port, rtu=options.rtu_over_tcp)
    await stack.enter_async_context(responder)
    return {"port": responder.port, "units": sorted(plant.bus.units)}, plant


async def _serve_flat(
    stack: AsyncExitStack, options: argparse.Namespace
) -> tuple[dict[str, object], Callable[[int], None]]:
    devices = [FlatDevice(options.registers) for _ in range(options.flat)]
    for device in devices:
        await stack.enter_async_context(device.responder)

    def turn(number: int) -> None:
        devices[number % len(devices)].turn(number // len(devices))

    return {"ports": [d.responder.port for d in devices], "registers": options.registers}, turn


async def _turn_forever(turn: Callable[[int], None], devices: int) -> None:
    number = 0
    while True:
        await asyncio.sleep(1 / devices)
        turn(number := number + 1)


async def _main(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with AsyncExitStack() as stack:
        if options.flat:
            served, turn = await _serve_flat(stack, options)
            moving = asyncio.create_task(_turn_forever(turn, options.flat))
        else:
            served, plant = await _serve_plant(stack, options)
            moving = asyncio.create_task(plant.run())
        print(json.dumps(served), flush=True)
        await stop.wait()
        moving.cancel()
        await asyncio.gather(moving, return_exceptions=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    words = argparse.ArgumentParser(
        prog="lineshaft.edge.connectors.modbus.fake", description=(__doc__ or "").split("\n")[0]
    )
    words.add_argument("--host", default="127.0.0.1")
    words.add_argument("--port", type=int, default=0, help="0 takes a free one")
    words.add_argument("--rtu", action="store_true", help="serve on a pseudo terminal instead of a port")
    words.add_argument("--rtu-over-tcp", action="store_true", help="serve serial frames on the port")
    words.add_argument("--speed", type=float, default=1.0, help="how much faster than ours the plant's time runs")
    words.add_argument(
        "--silent", type=int, action="append", default=[], metavar="UNIT", help="a unit that never answers"
    )
    words.add_argument("--flat", type=int, default=0, metavar="DEVICES", help="serve flat tables on that many ports")
    words.add_argument("--registers", type=int, default=20_000, help="registers of each flat table")
    asyncio.run(_main(words.parse_args(arguments)))


if __name__ == "__main__":
    main()
