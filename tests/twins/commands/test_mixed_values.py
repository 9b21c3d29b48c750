"""`PATCH $value` over elements of which some show machines and some do not: all of it, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
from tests.twins.aas.conftest import served_at
from tests.twins.commands.conftest import OLGA, TANK, Floor, place
from tests.twins.commands.test_ways import Ways, ways  # noqa: F401 - a fixture
from tests.twins.conftest import audited

from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Grant, Role, Security
from lineshaft.security.api import Gate
from lineshaft.twins import Bulk, Operations, Repository
from lineshaft.twins.api.aas import Services, application, refusal
from lineshaft.twins.errors import Stale
from lineshaft.twins.metamodel import V31
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Document, Json, Kind
from lineshaft.twins.service.commands import ElementValues, Written

RECIPE = "urn:acme:tank:recipe"
ROLES = {"engineer": Role.ENGINEER, "operator": Role.OPERATOR}


def prop(name: str, value: str = "", *, series: str = "", kind: str = "xs:double") -> Json:
    said: Json = {"modelType": "Property", "valueType": kind} | ({"idShort": name} if name else {})
    said |= {"extensions": [{"name": "series", "value": place(series)}]} if series else {}
    return said | ({"value": value} if value else {})


def submodel() -> Json:
    return {
        "modelType": "Submodel",
        "id": RECIPE,
        "idShort": "Recipe",
        "submodelElements": [
            prop("Setpoint", series="setpoint"),
            prop("Measured", series="temperature"),
            prop("Batch", "1", kind="xs:int"),
            {"modelType": "Range", "idShort": "Limits", "valueType": "xs:double", "min": "0", "max": "90"},
            {
                "modelType": "SubmodelElementCollection",
                "idShort": "Drive",
                "value": [prop("Speed", series="speed"), prop("Remark", "none", kind="xs:string")],
            },
            {
                "modelType": "SubmodelElementList",
                "idShort": "Both",
                "typeValueListElement": "Property",
                "valueTypeListElement": "xs:double",
                "value": [prop("", series="speed"), prop("", "7")],
            },
            {
                "modelType": "Entity",
                "idShort": "Mixer",
                "entityType": "CoManagedEntity",
                "statements": [prop("Turns", series="speed"), prop("Blades", "3", kind="xs:int")],
            },
        ],
    }


class Line:
    """Two clients of a served API, and what stands behind it."""

    def __init__(self, floor: Floor, repository: Repository, clients: dict[str, httpx.AsyncClient]) -> None:
        self.floor, self.repository, self.clients = floor, repository, clients

    async def patch(self, said: Any, path: str = "", *, who: str = "engineer", api: str = "3.1", **headers: str) -> Any:
        at = f"/api/v{api}/submodels/{encode_id(RECIPE)}{f'/submodel-elements/{path}' if path else ''}/$value"
        return await self.clients[who].patch(at, json=said, headers=headers)

    async def stored(self) -> Document:
        return await self.repository.get(PLATFORM, Kind.SUBMODEL, RECIPE)

    async def values(self) -> dict[str, Any]:
        """What no machine shows."""
        made: Json = orjson.loads((await self.stored()).body)
        by = {one["idShort"]: one for one in made["submodelElements"]}
        return {
            "Batch": by["Batch"]["value"],
            "Limits": (by["Limits"]["min"], by["Limits"]["max"]),
            "Remark": by["Drive"]["value"][1]["value"],
            "Both": by["Both"]["value"][1]["value"],
            "Blades": by["Mixer"]["statements"][1]["value"],
        }

    def machine(self) -> tuple[float, float]:
        return self.floor.machine.holds("setpoint"), self.floor.machine.holds("speed")


BEFORE = {"Batch": "1", "Limits": ("0", "90"), "Remark": "none", "Both": "7", "Blades": "3"}


@asynccontextmanager
async def clients(floor: Floor, app: Any, security: Security) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    found: dict[str, httpx.AsyncClient] = {}
    async with served_at(app) as url:
        for name, role in ROLES.items():
            grants = [Grant(role=role, subtree="acme")]
            secret = (await security.tokens.create(PLATFORM, name=name, grants=grants)).secret
            told = {"Authorization": f"Bearer {secret}"}
            found[name] = httpx.AsyncClient(base_url=url, headers=told, timeout=30)
        yield found
        for one in found.values():
            await one.aclose()


@pytest.fixture
async def line(ways: Ways) -> AsyncIterator[Line]:  # noqa: F811
    await ways.repository.create(PLATFORM, Kind.SUBMODEL, submodel(), place=PlantPath(TANK))
    security = Security.over(ways.floor.db)
    services = Services(
        repository=ways.repository,
        operations=Operations(ways.repository, ways.floor.guard),
        bulk=Bulk(ways.repository),
        setpoints=ways.setpoints,
    )
    app = Gate(application(services), security, refuse=refusal)
    async with clients(ways.floor, app, security) as found:
        yield Line(ways.floor, ways.repository, found)


@pytest.mark.parametrize("api", ["3.0", "3.1"])
async def test_t16_what_machines_show_and_what_they_do_not_are_written_together(line: Line, api: str) -> None:
    said = {
        "Setpoint": 71.5,
        "Batch": 12,
        "Limits": {"min": 5, "max": 80},
        "Drive": {"Speed": 120, "Remark": "slow"},
        "Mixer": {"statements": {"Turns": 120, "Blades": 4}},
    }
    done = await line.patch(said, api=api)
    assert (done.status_code, done.content) == (204, b"")
    assert line.machine() == (71.5, 120)
    assert await line.values() == BEFORE | {
        "Batch": "12", "Limits": ("5", "80"), "Remark": "slow", "Blades": "4",
    }  # fmt: skip
    stored = await line.stored()
    speed = orjson.loads(stored.body)["submodelElements"][4]["value"][0]
    assert speed["extensions"] == [{"name": "series", "value": place("speed")}]
    done = await line.patch([90, 8], "Both", api=api)
    assert (done.status_code, line.machine(), (await line.values())["Both"]) == (204, (71.5, 90), "8")


async def test_values_of_properties_alone_stay_hot_beside_a_machine_and_need_no_engineer(line: Line) -> None:
    version = (await line.stored()).version
    done = await line.patch({"Setpoint": 66, "Batch": 2, "Drive": {"Remark": "hot"}}, who="operator")
    assert (done.status_code, line.machine()[0]) == (204, 66)
    assert await line.values() == BEFORE | {"Batch": "2", "Remark": "hot"}
    assert (await line.stored()).version == version
    rows = await audited(line.floor.guard, "twins.values.write")
    assert [row.after for row in rows] == [{"submodels": [RECIPE], "values": 2}]


REFUSED = [
    ({"Batch": 2, "Drive": {"Speed": 9_000}}, 400, "Drive.Speed: "),
    ({"Batch": 2, "Setpoint": 70, "Measured": 5}, 403, f"Measured: {place('temperature')} is measured"),
    ({"Setpoint": 70, "Batch": "two"}, 400, "Batch: "),
    ({"Setpoint": 70, "Limits": {"min": "low"}}, 400, "Limits: "),
    ({"Setpoint": "warm", "Limits": {"min": 1}}, 400, "Setpoint: "),
    ({"Setpoint": None, "Batch": 2}, 400, "Setpoint: a machine's value cannot be taken away"),
    ({"Setpoint": 70, "Nothing": 1}, 400, "'Nothing'"),
    ({"Mixer": {"statements": {"Turns": 500, "Blades": 4}}}, 400, "Mixer.Turns: "),
    ({"Drive": {"Speed": 90}, "Both": [100, 8]}, 400, "'Drive.Speed' shows the same as 'Both[0]'"),
]


@pytest.mark.parametrize("api", ["3.0", "3.1"])
async def test_t16_one_wrong_value_keeps_all_others_from_being_written_and_is_named(line: Line, api: str) -> None:
    before, held = await line.stored(), line.machine()
    for said, status, tells in REFUSED:
        answer = await line.patch(said, api=api)
        text = answer.json()["messages"][0]["text"]
        assert (answer.status_code, tells in text) == (status, True), (said, text)
    whole = await line.patch([100, "x"], "Both", api=api)
    assert (whole.status_code, "Both[1]" in whole.json()["messages"][0]["text"]) == (400, True)
    assert await line.values() == BEFORE
    after = await line.stored()
    assert (after.version, after.etag.partition(".")[0]) == (before.version, before.etag.partition(".")[0])
    assert line.machine() == held
    assert await audited(line.floor.guard, "edge.write") == []


async def test_who_may_write_only_one_half_writes_neither(line: Line) -> None:
    held = line.machine()
    answer = await line.patch({"Setpoint": 70, "Limits": {"min": 3}}, who="operator")
    assert answer.status_code == 403
    assert (await line.values(), line.machine()) == (BEFORE, held)
    assert [row.after["value"] for row in await audited(line.floor.guard, "twins.desire") if "value" in row.after] == []


async def test_an_outdated_document_takes_no_value_and_moves_no_machine(line: Line) -> None:
    held = line.machine()
    answer = await line.patch({"Setpoint": 70, "Batch": 3}, **{"if-match": '"old"'})
    assert (answer.status_code, await line.values(), line.machine()) == (412, BEFORE, held)
    etag = (await line.stored()).etag
    done = await line.patch({"Setpoint": 70, "Batch": 3}, **{"if-match": f'"{etag}"'})
    assert (done.status_code, line.machine()[0], (await line.values())["Batch"]) == (204, 70, "3")


async def test_a_machine_that_is_away_keeps_nothing_else_waiting(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineshaft.twins.api.aas.submodels.ACKNOWLEDGE_S", 0.5)
    await line.floor.machine.unplug()
    answer = await line.patch({"Setpoint": 70, "Batch": 3})
    assert (answer.status_code, (await line.values())["Batch"]) == (202, "3")
    await line.floor.machine.plug_in()
    async with asyncio.timeout(20):
        while line.floor.machine.holds("setpoint") != 70:
            await asyncio.sleep(0.05)


async def test_an_element_that_is_bound_between_looking_and_writing_is_not_written_over(line: Line) -> None:
    repository, held = line.repository, line.machine()

    class Faster(Repository):
        """Somebody binds the element as soon as it was looked at."""

        async def get(self, *asked: Any, **more: Any) -> Document:
            found = await repository.get(*asked, **more)
            await repository.change(PLATFORM, Kind.SUBMODEL, RECIPE, bind)
            return found

    def bind(there: Json) -> Json:
        there["submodelElements"][2] = prop("Batch", series="speed", kind="xs:int")
        return there

    faster = Faster(line.floor.db, line.floor.guard, "acme", live=line.floor.live)
    written = Written(path="", value={"Batch": 30, "Limits": {"min": 3}}, dialect=V31)
    with pytest.raises(Stale):
        await ElementValues(faster).write(OLGA, RECIPE, written)
    limits = orjson.loads((await line.stored()).body)["submodelElements"][3]
    assert (limits["min"], line.machine()) == ("0", held)
