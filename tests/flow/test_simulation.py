"""A model beside a machine, from measured values to series of its own, over the real platform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from lineshaft.app.trial import Trial, platform
from lineshaft.kernel.clock import now_us

pytestmark = pytest.mark.asyncio(loop_scope="module")
TANK = "acme/hall/tank"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plant() -> AsyncIterator[Trial]:
    async with platform({"twins": {"auto_adopt": False}}) as trial:
        yield trial


@pytest_asyncio.fixture(loop_scope="module")
async def api(plant: Trial) -> AsyncIterator[httpx.AsyncClient]:
    async with plant.client() as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tank(plant: Trial, until: Any) -> str:
    """Twenty minutes of a tank of 400 l that loses 3 l/min which no meter sees."""
    async with plant.client() as api:
        made = await api.post("/api/v1/twins/from-template", json={"template": "tank", "path": TANK})
        assert made.status_code == 201, made.text
        start = now_us() // 1000 - 1_200_000
        values = {"inflow": lambda s: 20.0, "outflow": lambda s: 20.0, "level": lambda s: 60 - 100 * 3 / 60 * s / 400}
        samples = [
            {"path": f"{TANK}/{name}", "ts": start + 1000 * s, "value": value(s)}
            for name, value in values.items()
            for s in range(1200)
        ]
        assert (await api.post("/api/v1/samples", json={"samples": samples})).status_code == 200

        async def stored() -> bool:
            found = (await api.get("/api/v1/query", params={"path": f"{TANK}/level", "start": "-1h"})).json()
            return bool(found["series"]) and len(found["series"][0]["number"]) == 1200

        await until(stored, within_s=20)
    return TANK


async def test_a_model_that_fits_is_suggested_bound_to_the_twins_properties(api: httpx.AsyncClient, tank: str) -> None:
    [found] = (await api.get("/api/v1/simulation/suggestions", params={"path": tank})).json()
    assert found["mechanism"] == "tank"
    assert found["inputs"] == {"inflow": "inflow", "outflow": "outflow", "level_measured": "level"}
    assert found["compares"] == {"level": "level"}


async def test_results_stand_next_to_what_is_measured(api: httpx.AsyncClient, tank: str, until: Any) -> None:
    model = {
        "path": tank,
        "name": "balance",
        "mechanism": "tank",
        "inputs": {"inflow": "inflow", "outflow": "outflow", "level_measured": "level"},
        "compares": {"level": "level"},
    }
    saved = await api.put("/api/v1/simulation/models", json=model)
    assert saved.status_code == 200, saved.text
    assert saved.json()["version"] == 1

    async def leak() -> list[float]:
        found = await api.get("/api/v1/query", params={"path": f"{tank}/balance/leak", "start": "-1h"})
        return found.json()["series"][0]["number"] if found.json()["series"] else []

    values = await until(leak, within_s=20)
    assert values[-1] == pytest.approx(3.0, abs=0.05)
    found = await api.get("/api/v1/query", params={"path": f"{tank}/balance/level-residual", "start": "-1h"})
    assert max(abs(v) for v in found.json()["series"][0]["number"][-100:]) < 0.1
    assert (await api.put("/api/v1/simulation/models", json=model)).status_code == 409


async def test_a_what_if_answers_and_writes_nothing(api: httpx.AsyncClient, tank: str) -> None:
    [model] = (await api.get("/api/v1/simulation/models", params={"path": tank})).json()
    del model["inputs"]["level_measured"]
    end = now_us() // 1_000_000 - 300
    question = {
        "model": {**model, "name": "asked", "compares": {}, "parameters": {"level_start": 50}},
        "start": f"{end - 600}",
        "end": f"{end}",
        "altered": {"values": {"inflow": 60}},
    }
    answer = await api.post("/api/v1/simulation/what-if", json=question)
    assert answer.status_code == 200, answer.text
    level = answer.json()["outputs"]["level"]
    assert len(level) == 600
    assert level[60] - level[0] == pytest.approx(10.0, abs=1e-6)
    found = await api.get("/api/v1/series", params={"subtree": tank})
    assert not [s for s in found.json()["items"] if "/asked/" in s["path"]]


async def test_a_what_if_is_kept_looked_at_renamed_and_discarded(api: httpx.AsyncClient, tank: str) -> None:
    [model] = (await api.get("/api/v1/simulation/models", params={"path": tank})).json()
    end = now_us() // 1_000_000 - 300
    question = {
        "name": "More in",
        "model": model,
        "start": f"{end - 300}",
        "end": f"{end}",
        "altered": {"ramps": {"inflow": 8}, "free": ["level_measured"]},
    }
    made = await api.post("/api/v1/simulation/scenarios", json=question)
    assert made.status_code == 201, made.text
    one = f"/api/v1/simulation/scenarios/{made.json()['id']}"
    found = (await api.get(one)).json()
    assert found["scenario"] == made.json()
    assert found["outputs"]["level"][-1] - found["before"]["level"][-1] == pytest.approx(8 / 2 * 299 / 60 / 4, rel=0.01)
    assert (await api.patch(one, json={"name": "Much more in"})).json()["name"] == "Much more in"
    listed = (await api.get("/api/v1/simulation/scenarios", params={"path": tank})).json()
    assert [kept["name"] for kept in listed] == ["Much more in"]
    assert (await api.delete(one)).status_code == 204
    assert (await api.get(one)).status_code == 404


async def test_the_models_of_a_twin_stand_with_their_faults(api: httpx.AsyncClient, tank: str) -> None:
    [standing] = (await api.get("/api/v1/simulation/standings", params={"path": tank})).json()
    assert (standing["model"]["name"], standing["fault"], standing["fault_since"]) == ("balance", "", None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"inputs": {"inflow": "inflow"}}, "The input 'outflow' is not bound"),
        ({"inputs": {"inflw": "inflow"}}, "tank has no input 'inflw'"),
        ({"mechanism": "tnk"}, "There is no mechanism called 'tnk'"),
        ({"mechanism": "fmu:00"}, "There is no FMU 00"),
        ({"every_s": 0}, "computes every 0 s"),
        ({"name": "a b"}, "The model name 'a b' is not allowed"),
        ({"path": "acme/hall/nowhere"}, "There is no twin at acme/hall/nowhere"),
    ],
)
async def test_a_model_that_could_not_run_is_not_saved(
    api: httpx.AsyncClient, tank: str, changes: dict[str, Any], says: str
) -> None:
    before = (await api.get("/api/v1/simulation/models")).json()
    model = {
        "path": tank,
        "name": "wrong",
        "mechanism": "tank",
        "inputs": {"inflow": "inflow", "outflow": "outflow"},
        **changes,
    }
    refused = await api.put("/api/v1/simulation/models", json=model)
    assert refused.status_code in (400, 404), refused.text
    assert says in refused.text
    assert (await api.get("/api/v1/simulation/models")).json() == before


async def test_a_viewer_looks_and_asks_but_saves_nothing(plant: Trial, tank: str) -> None:
    from lineshaft.security import Grant, Role

    token = await plant.token_of(Grant(role=Role.VIEWER, subtree="acme"), name="eve")
    async with plant.client(token) as eve:
        [model] = (await eve.get("/api/v1/simulation/models", params={"path": tank})).json()
        assert (await eve.put("/api/v1/simulation/models", json={**model, "every_s": 2})).status_code == 403
        gone = await eve.delete("/api/v1/simulation/models", params={"path": tank, "name": "balance"})
        assert gone.status_code == 403
        assert (await eve.get("/api/v1/simulation/models", params={"path": tank})).json() == [model]
