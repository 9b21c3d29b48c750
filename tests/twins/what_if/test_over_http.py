"""What-if over HTTP: columns as they travel, however many instants, while others are answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import numpy as np
import orjson
import pytest
import sqlalchemy as sa
from fastapi import FastAPI, Request, Response

from lineshaft.kernel import http
from lineshaft.kernel.db import Database
from lineshaft.twins.api import scenarios_router, simulation_router
from lineshaft.twins.api.simulations import ComputedOut, columns_of
from lineshaft.twins.model.simulation import Altered
from lineshaft.twins.service.running import Series
from lineshaft.twins.store.scenarios import SCENARIOS

from .conftest import OLLI, Plant

AT = "/api/v1/simulation"


@pytest.fixture
async def olli(plant: Plant) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    http.install(app)
    app.include_router(simulation_router(plant.simulations), prefix="/api/v1")
    app.include_router(scenarios_router(plant.simulations, plant.scenarios), prefix="/api/v1")

    @app.middleware("http")
    async def sign_in(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.who = OLLI
        return await call_next(request)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://plant") as client:
        yield client


def asked(plant: Plant) -> dict[str, Any]:
    model, span = plant.model, plant.span(600, 603)
    named = {"path": str(model.path), "name": model.name, "mechanism": model.mechanism}
    bound = {"inputs": model.inputs, "compares": model.compares}
    return {"model": named | bound, "start": span.start.isoformat(), "end": span.end.isoformat()}


async def test_what_a_run_gives_is_columns_of_its_instants(olli: httpx.AsyncClient, plant: Plant) -> None:
    done = (await olli.post(f"{AT}/what-if", json=asked(plant))).json()
    assert list(done) == list(ComputedOut.model_fields)
    first = plant.span(600, 603).start
    assert [(datetime.fromisoformat(ts) - first).total_seconds() for ts in done["ts"]] == [0, 1, 2]
    assert done["inputs"]["inflow"] == [20.0, 20.0, 20.0]
    kept = (await olli.post(f"{AT}/scenarios", json=asked(plant) | {"name": "as it was"})).json()
    found = (await olli.get(f"{AT}/scenarios/{kept['id']}")).json()
    assert (found["scenario"], found["ts"]) == (kept, done["ts"])
    assert found["outputs"] == found["before"] == done["outputs"]


async def test_what_was_asked_in_a_run_is_told_without_reading_what_it_gave(
    olli: httpx.AsyncClient, plant: Plant, db: Database
) -> None:
    kept = (await olli.post(f"{AT}/scenarios", json=asked(plant) | {"name": "as it was"})).json()
    whole = (await olli.get(f"{AT}/scenarios/{kept['id']}")).json()
    some = (await olli.get(f"{AT}/scenarios/{kept['id']}", params={"part": ["before", "inputs"]})).json()
    assert some == whole | {"outputs": {}, "measured": {}}
    assert (await olli.get(f"{AT}/scenarios/{kept['id']}", params={"part": "everything"})).status_code == 400
    async with db.begin() as tx:
        await tx.execute(sa.update(SCENARIOS).values(columns=b"unreadable"))
    assert (await olli.get(f"{AT}/scenarios/{kept['id']}/head")).json() == kept
    assert (await olli.get(f"{AT}/scenarios/nothing/head")).status_code == 404


def test_instants_are_utc_and_what_is_no_number_is_null() -> None:
    ts_us = np.array([1_500_000, 2_000_000])
    answer = columns_of(ts_us, {"outputs": {"level": np.array([np.nan, 0.1])}}, scenario=b'{"id":"x"}')
    assert answer.media_type == "application/json"
    assert answer.body == orjson.dumps(
        {
            "scenario": {"id": "x"},
            "ts": ["1970-01-01T00:00:01.500000Z", "1970-01-01T00:00:02Z"],
            "outputs": {"level": [None, 0.1]},
        }
    )


def _long(columns: Series) -> Series:
    return {name: np.resize(column, 300_000) for name, column in columns.items()}


async def test_hundreds_of_thousands_of_instants_do_not_hold_up_the_others(
    olli: httpx.AsyncClient, plant: Plant
) -> None:
    found = await plant.scenarios.run(OLLI, plant.model, plant.span(600, 603), Altered())
    columns = {part: _long(getattr(found, part)) for part in ("outputs", "before", "measured", "inputs")}
    kept = await plant.scenarios.keep(OLLI, replace(found, ts_us=np.arange(300_000), **columns), "fine steps")
    gaps: list[float] = []

    async def beat() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - begun)

    beating, begun = asyncio.create_task(beat()), time.perf_counter()
    answer = await olli.get(f"{AT}/scenarios/{kept.id}")
    took = time.perf_counter() - begun
    beating.cancel()
    assert answer.content.count(b"T") >= 300_000
    assert max(gaps) < took / 2, f"the loop stood still for {max(gaps):.2f} of {took:.2f} s"
