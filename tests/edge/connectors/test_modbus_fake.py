"""The fakes behave like machines, and the sample reads them."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib import resources
from typing import Any

import pytest

from lineshaft.edge.connectors import Tag
from lineshaft.edge.connectors.modbus import CONNECTOR, ModbusConnector
from lineshaft.edge.connectors.modbus.fake import COMPRESSOR, TANK, Plant, ReplayServer
from lineshaft.edge.connectors.modbus.machines import Compressor, CompressorState, EnergyMeter, Tank, Utilities
from lineshaft.edge.connectors.modbus.responder import TcpResponder, crc16
from lineshaft.kernel.errors import Unavailable
from lineshaft.kernel.terms import PlantPath, Quality

FOLDER = resources.files("lineshaft.edge.connectors.modbus")
COMMON = ("name", "path", "enabled", "tags")


def sample() -> tuple[dict[str, Any], list[Tag], PlantPath]:
    """Settings, tags and place of the sample's connection."""
    table = tomllib.loads((FOLDER / "sample.toml").read_text(encoding="utf-8"))["edge"]["modbus"][0]
    root = PlantPath.parse(table["path"])
    tags = []
    for given in table["tags"]:
        every = timedelta(seconds=float(given.pop("every", "1s").removesuffix("s")))
        tags.append(Tag(**given | {"path": PlantPath.parse(f"{root}/{given['path']}"), "every": every}))
    return {key: value for key, value in table.items() if key not in COMMON}, tags, root


@asynccontextmanager
async def demo(plant: Plant) -> AsyncIterator[tuple[ModbusConnector, dict[str, Tag]]]:
    settings, tags, root = sample()
    async with TcpResponder(plant.bus) as responder:
        connector = CONNECTOR(CONNECTOR.Settings(**settings | {"port": responder.port}), tags, root=root)
        await connector.connect()
        yield connector, {tag.path.removeprefix(f"{root}/"): tag for tag in tags}
        await connector.close()


async def values(connector: ModbusConnector) -> dict[str, float]:
    readings = await connector.read(connector.plan(connector.tags))
    assert not readings.quality.any()
    return {
        readings.paths[i].removeprefix(f"{connector.root}/"): float(number)
        for i, number in zip(readings.index, readings.number, strict=True)
    }


def test_the_sample_has_no_problems_and_the_manifest_says_what_it_is() -> None:
    settings, tags, root = sample()
    assert CONNECTOR(CONNECTOR.Settings(**settings), tags, root=root).check() == []
    manifest = tomllib.loads((FOLDER / "manifest.toml").read_text(encoding="utf-8"))
    assert (manifest["title"], manifest["tier"]) == ("Modbus", "stable")


async def test_the_sample_reads_the_fake_plant() -> None:
    plant = Plant()
    plant.step(0.1)
    u = plant.utilities
    async with demo(plant) as (connector, tags):
        found = await values(connector)
        assert len(found) == len(tags)
        assert found["meter-main/power"] == pytest.approx(u.main.power_kw, rel=1e-6)
        assert found["meter-main/energy"] == pytest.approx(u.main.energy_kwh, abs=0.001)
        assert found["meter-process/voltage-l1"] == pytest.approx(u.process.volts[0], rel=1e-6)
        assert found["compressor/pressure"] == pytest.approx(u.compressor.pressure_bar, abs=0.05)
        assert found["compressor/running-hours"] == pytest.approx(u.compressor.hours, abs=0.1)
        assert found["tank/level"] == pytest.approx(u.tank.percent, abs=0.5)
        assert connector.problems() == []


async def test_writing_the_setpoint_warms_the_tank_and_stopping_stops_the_compressor() -> None:
    plant = Plant()
    async with demo(plant) as (connector, tags):
        await connector.write(tags["tank/temperature-setpoint"], 75.0)
        await connector.write(tags["compressor/run"], False)
        for _ in range(6000):
            plant.step(0.5)
        found = await values(connector)
        assert plant.utilities.tank.setpoint_c == 75.0
        assert found["tank/temperature"] == pytest.approx(75.0, abs=4.0)
        assert found["compressor/state"] == CompressorState.STOPPED
        assert found["compressor/power"] == 0.0
        await connector.write(tags["tank/automatic"], False)
        await connector.write(tags["tank/inlet-valve"], True)
        assert (plant.utilities.tank.automatic, plant.utilities.tank.valve_open) == (False, True)


async def test_browsing_finds_units_tables_and_registers() -> None:
    async with demo(Plant()) as (connector, _):
        units = await connector.browse()
        assert [(node.address, node.description) for node in units] == [
            ("1!", "Lineshaft Fakes PM-320 1.4"),
            ("2!", "Lineshaft Fakes EM-24 1.4"),
            ("3!", "Lineshaft Fakes SC-55 2.0"),
            ("4!", "Lineshaft Fakes TK-400 1.0"),
        ]
        assert [n.address for n in await connector.browse("3!")] == ["3!coil", "3!discrete", "3!input", "3!holding"]
        pages = await connector.browse("3!input")
        assert [page.address for page in pages[:2]] == ["3!input:0-99", "3!input:100-199"]
        meter = await connector.browse("1!input:0-99")
        assert [node.name for node in meter] == [f"input {n}" for n in (*range(18), *range(72, 76))]
        coils = await connector.browse("4!coil:0-99")
        assert [(n.address, n.value, n.writable) for n in coils] == [
            ("4!coil:0", False, True),
            ("4!coil:1", True, True),
        ]
        voltage = {(d.type, d.order): d.value for d in await connector.decodings("1!input:0-1") if d.start == 0}
        assert 220 < voltage["float32", "ABCD"] < 240


async def test_a_replayed_row_is_read_back_exactly() -> None:
    async with ReplayServer(["current", "pressure", "flow"]) as server:
        tags = [Tag(path=PlantPath(f"p/{name}"), address=a) for name, a in server.addresses.items()]
        one = CONNECTOR(CONNECTOR.Settings(host="127.0.0.1", port=server.port), tags, root=PlantPath("p"))
        await one.connect()
        plan = one.plan(tags)
        assert (await one.read(plan)).quality.tolist() == [Quality.BAD_NO_DATA] * 3
        await server.set({"current": 1.5, "pressure": -0.25, "flow": 32.0})
        assert (await one.read(plan)).number.tolist() == [1.5, -0.25, 32.0]
        await server.set({"pressure": 2.0})
        assert (await one.read(plan)).number.tolist() == [1.5, 2.0, 32.0]
        with pytest.raises(KeyError):
            await server.set({"temperature": 1.0})
        await one.close()


@asynccontextmanager
async def fake_process(*flags: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """The fake as a process of its own, and what it says it serves; it must end cleanly unless it was killed."""
    module = "lineshaft.edge.connectors.modbus.fake"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *flags), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
    finally:
        if process.returncode is None:
            process.terminate()
        _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, errors) in {(0, b""), (-signal.SIGKILL, b"")}


@pytest.mark.parametrize("flags", [(), ("--rtu",), ("--rtu-over-tcp",)])
async def test_the_fake_runs_as_a_process_of_its_own(flags: tuple[str, ...]) -> None:
    async with fake_process("--speed", "20", *flags) as (_, served):
        mode = flags[0].removeprefix("--") if flags else "tcp"
        where = {"device": served["device"]} if mode == "rtu" else {"host": "127.0.0.1", "port": served["port"]}
        tags = [Tag(path=PlantPath("p/energy"), address="1!input:74:uint32")]
        one = CONNECTOR(CONNECTOR.Settings(mode=mode, baudrate=115200, **where), tags, root=PlantPath("p"))
        await one.connect()
        plan = one.plan(tags)
        first = (await one.read(plan)).number[0]
        await asyncio.sleep(0.8)
        assert (await one.read(plan)).number[0] > first
        await one.close()


async def connects_within(one: ModbusConnector, seconds: float) -> None:
    """Try to connect as the runner would, until it works."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await one.connect()
            except Unavailable:
                await asyncio.sleep(0.25)


async def test_a_frozen_and_a_killed_device_are_noticed_and_read_again() -> None:
    tags = [Tag(path=PlantPath("p/energy"), address="1!input:74:uint32")]
    async with fake_process() as (process, served):
        settings = CONNECTOR.Settings(host="127.0.0.1", port=served["port"], answer_timeout_s=0.3)
        one = CONNECTOR(settings, tags, root=PlantPath("p"))
        await one.connect()
        plan = one.plan(tags)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(Unavailable, match="No unit answers"):
            await one.read(plan)
        with pytest.raises(Unavailable, match="No unit answers"):
            await one.connect()  # the socket opens, the device does not speak
        process.send_signal(signal.SIGCONT)
        await connects_within(one, 5)
        assert (await one.read(plan)).quality.tolist() == [Quality.GOOD]
        process.kill()
        await process.wait()
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable, match="is lost"):
            await one.read(plan)
    async with fake_process("--port", str(served["port"])):
        await connects_within(one, 5)
        assert (await one.read(plan)).quality.tolist() == [Quality.GOOD]
        await one.close()


# ---- physics ----


def test_the_same_seed_gives_the_same_machines() -> None:
    one, two = Utilities(), Utilities()
    for _ in range(200):
        one.step(1.0)
        two.step(1.0)
    assert one == two
    assert Utilities(main=EnergyMeter(seed=99)).main.volts != one.main.volts


def test_energy_is_the_integral_of_power() -> None:
    meter = EnergyMeter(seed=5)
    start, work = meter.energy_kwh, 0.0
    for _ in range(3600):
        meter.step(1.0)
        work += meter.power_kw / 3600
        watts = sum(v * a for v, a in zip(meter.volts, meter.amps, strict=True)) * meter.power_factor
        assert watts == pytest.approx(meter.power_kw * 1000, rel=0.02)
        assert 215 < min(meter.volts) <= max(meter.volts) < 240
        assert 49.8 < meter.frequency_hz < 50.2
    assert meter.energy_kwh - start == pytest.approx(work)


def test_the_compressor_keeps_its_band_and_counts_hours_only_while_it_turns() -> None:
    machine = Compressor()
    states = set()
    for _ in range(7200):
        machine.step(0.5)
        states.add(machine.state)
    assert states == {CompressorState.IDLING, CompressorState.LOADED}
    assert 6.3 < machine.pressure_bar < 7.4
    machine.running = False
    machine.step(0.5)
    hours = machine.hours
    for _ in range(3600):
        machine.step(1.0)
    assert (machine.state, machine.power_kw, machine.hours) == (CompressorState.STOPPED, 0.0, hours)
    assert machine.pressure_bar < 1.0
    assert machine.temperature_c == pytest.approx(22.0, abs=0.1)


def test_a_worn_compressor_runs_hotter_until_it_trips_and_is_reset_when_cool() -> None:
    fresh, worn = Compressor(wear=0.0), Compressor(wear=0.5)
    dying = Compressor(wear=0.95, demand=Compressor().demand, setpoint_bar=9.0)
    for _ in range(3600):
        for machine in (fresh, worn, dying):
            machine.step(1.0)
    assert worn.temperature_c > fresh.temperature_c + 10
    assert dying.state is CompressorState.TRIPPED
    assert not dying.running
    for _ in range(1800):
        dying.step(1.0)
    dying.reset()
    assert dying.state is CompressorState.STOPPED


def test_the_tank_balances_what_flows_and_heats_to_its_setpoint() -> None:
    tank = Tank()
    for _ in range(3600):
        before = tank.level_l
        tank.step(1.0)
        assert tank.level_l - before == pytest.approx((tank.inflow_lpm - tank.outflow_lpm) / 60, abs=1e-9)
        assert 30 < tank.percent < 95
    assert tank.temperature_c == pytest.approx(60.0, abs=4.0)
    tank.automatic, tank.valve_open = False, False
    for _ in range(7200):
        tank.step(1.0)
    assert tank.percent < 5
    assert math.isfinite(tank.temperature_c)


def test_the_checksum_of_the_serial_line_is_the_standards() -> None:
    assert crc16(b"\x02\x07") == b"\x41\x12"  # Modbus over serial line 1.02, appendix B
    assert crc16(b"123456789") == b"\x37\x4b"


def test_units_keep_their_numbers() -> None:
    plant = Plant()
    assert sorted(plant.bus.units) == [1, 2, COMPRESSOR, TANK]
