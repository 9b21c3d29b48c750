"""The examples are plants that could be started: their configuration is right, their programs say what they serve."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

import lineshaft
from lineshaft.app import load_config
from lineshaft.edge import EdgeSettings, build

EXAMPLES = Path(lineshaft.__file__).parents[2] / "examples"
FOLDERS = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())


def test_there_are_examples() -> None:
    assert {"packaging-line", "pump-station"} <= set(FOLDERS)


@pytest.mark.parametrize("name", FOLDERS)
def test_an_example_is_right_and_explained(name: str) -> None:
    loaded = load_config(EXAMPLES / name / "plant.toml")
    assert loaded.get(EdgeSettings).declared(loaded.plant)
    assert f"examples/{name}/plant.toml" in (EXAMPLES / name / "README.md").read_text(encoding="utf-8")


async def test_the_pump_station_answers_what_its_configuration_asks() -> None:
    loaded = load_config(EXAMPLES / "pump-station" / "plant.toml")
    controller = next(c for c in loaded.get(EdgeSettings).declared(loaded.plant) if c.name == "controller")
    station = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / "pump-station" / "station.py"), "0", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert station.stdout
        said = await asyncio.wait_for(station.stdout.readline(), 20)
        port = int(said.decode().strip().rstrip(".").rpartition(":")[2])
        built = build("modbus", {**controller.raw, "port": port}, organisation="waterworks")
        connector = built.connector()
        await asyncio.wait_for(connector.connect(), 10)
        readings = await asyncio.wait_for(connector.read(connector.plan(connector.tags)), 10)
        await connector.close()
    finally:
        station.terminate()
        await asyncio.wait_for(station.wait(), 10)
    values = {readings.paths[i]: v for i, v in zip(readings.index, readings.number, strict=True)}
    assert set(values) == {tag.path for tag in built.tags}
    assert 0.2 <= values["waterworks/west/well/level"] <= 3.3
    assert values["waterworks/west/pump-1/bearing-temperature"] > 18
