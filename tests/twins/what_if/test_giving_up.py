"""A run of an FMU that is given up ends at once, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from time import monotonic

import pytest
from tests.twins.simulation.test_fmu import build

from lineshaft.twins.model.simulation import Altered, Model

from .conftest import ADA, EVE, TANK, Plant


def running(file: str) -> list[int]:
    """The processes that run an FMU, by the name of its file, and what they started."""
    leaders = {int(one.name) for one in Path("/proc").glob("[0-9]*") if file in _read(one / "cmdline")}
    stats = {int(one.name): _read(one / "stat").rpartition(") ")[2].split() for one in Path("/proc").glob("[0-9]*")}
    return [pid for pid, stat in stats.items() if stat and stat[0] != "Z" and int(stat[2]) in leaders]


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def endless(plant: Plant, tmp_path: Path) -> Model:
    """A model whose FMU starts a program of its own and waits for it for a minute."""
    folder = tmp_path / "lag"
    folder.mkdir()
    name, _ = await plant.simulations.add_fmu(ADA, TANK, build(2, folder).read_bytes())
    return Model(path=TANK, name="lag", mechanism=name, inputs={"u": "inflow"}, parameters={"tau": -1.0})


async def begun(model: Model, temporary: Path) -> str:
    """Wait until the FMU is unpacked and the program it starts runs; returns how its processes are known."""
    file = f"{model.mechanism.removeprefix('fmu:')}.fmu"
    async with asyncio.timeout(30):
        while len(running(file)) < 2 or not list(temporary.glob("*/*/binaries")):
            await asyncio.sleep(0.02)
    return file


async def test_a_cancelled_run_of_an_fmu_ends_within_a_second_and_leaves_nothing(
    plant: Plant, tmp_path: Path, temporary: Path
) -> None:
    model = await endless(plant, tmp_path)
    run = asyncio.create_task(plant.scenarios.run(EVE, model, plant.span(600, 700), Altered()))
    file = await begun(model, temporary)
    began = monotonic()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert monotonic() - began < 1.0
    assert running(file) == []
    assert list(temporary.iterdir()) == []
