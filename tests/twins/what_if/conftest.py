"""A tank of 400 l with an hour of history in a real store, and what asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.kernel.clock import MICROS, from_us, now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath, TimeRange, series_id
from lineshaft.security import PLATFORM, AuditEntry, AuditFilter, Grant, Guard, Role, Who, WhoKind
from lineshaft.telemetry import Historian
from lineshaft.telemetry.store import Catalogue, Engine, LocalStore
from lineshaft.telemetry.store.positions import create_tables
from lineshaft.telemetry.store.series import NewSeries, SeriesBook
from lineshaft.twins import Draft, Level, Model, Scenarios, Simulations, Twins

TANK = PlantPath("acme/berlin/line-1/tank")
CONTEXTS = ["lineshaft.security", "lineshaft.twins", "lineshaft.telemetry"]


def person(name: str, role: Role, tree: str = "acme") -> Who:
    return Who(id=name, name=name, kind=WhoKind.USER, grants=(Grant(role=role, subtree=tree),), origin="test")


ADA, OLLI, EVE = person("ada", Role.ENGINEER), person("olli", Role.OPERATOR), person("eve", Role.VIEWER)
BOB = person("bob", Role.ADMIN, "other")
HOUR_S = 3600
LEAK = 3.0
"""Litres a minute that no meter sees."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(f"chdb://{tmp_path / 'telemetry'}")
    create_tables(engine)
    yield engine
    engine.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What a test asks, and the hour it asks about."""

    simulations: Simulations
    scenarios: Scenarios
    historian: Historian
    start_us: int

    @property
    def model(self) -> Model:
        bound: dict[str, str | float] = {"inflow": "inflow", "outflow": "outflow", "level_measured": "level"}
        return Model(path=TANK, name="balance", mechanism="tank", inputs=bound, compares={"level": "level"})

    def span(self, start_s: float, end_s: float) -> TimeRange:
        """A part of the hour."""
        first = from_us(self.start_us)
        return TimeRange(start=first + timedelta(seconds=start_s), end=first + timedelta(seconds=end_s))


@pytest.fixture
async def plant(tmp_path: Path, engine: Engine, db: Database, guard: Guard, twins: Twins) -> Plant:
    """Twenty litres a minute flow in and out, the level falls by the leak."""
    await db.open(CONTEXTS)
    await twins.create(PLATFORM, Draft(path=TANK, level=Level.ASSET, type="tank"))
    start_us = (now_us() // MICROS - HOUR_S - 60) * MICROS
    at = np.arange(HOUR_S, dtype=np.int64)
    level = 60 - 100 * LEAK / 60 * at / 400
    for name, column in {"inflow": np.full(HOUR_S, 20.0), "outflow": np.full(HOUR_S, 20.0), "level": level}.items():
        await remember(engine, db, f"{TANK}/{name}", start_us + at * MICROS, column)
    historian = Historian(LocalStore(engine), Catalogue(db), guard)
    simulations = Simulations(db, guard, historian, tmp_path / "models")
    return Plant(
        simulations=simulations, scenarios=Scenarios(db, guard, simulations), historian=historian, start_us=start_us
    )


async def remember(engine: Engine, db: Database, path: str, ts_us: np.ndarray, numbers: np.ndarray) -> None:
    """Put samples of one series into the store."""
    await SeriesBook(db).add([NewSeries(id=series_id(path), path=path, kind="number")])
    columns = {
        "series": pa.array(np.full(len(ts_us), series_id(path), np.uint64)),
        "ts": pa.array(ts_us, pa.int64()).view(pa.timestamp("us", tz="UTC")),
        "number": pa.array(numbers, pa.float64()),
        "quality": pa.array(np.zeros(len(ts_us), np.uint8), pa.uint8()),
        "seq": pa.array(np.arange(len(ts_us)), pa.uint64()),
    }
    engine.insert("samples", pa.table(columns))


async def audited(guard: Guard, action: str) -> list[AuditEntry]:
    return await guard.entries(PLATFORM, AuditFilter(action=action))
