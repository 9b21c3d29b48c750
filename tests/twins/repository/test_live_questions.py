"""Questions see what machines say now: elements bound to a series count with its newest value, which no table holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import MIGRATIONS, Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import Guard, Role
from lineshaft.telemetry import Live
from lineshaft.twins.metamodel import query
from lineshaft.twins.model.graph import Compare, Condition, Match
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store.repository_tables import BOUND

from .conftest import ADA, CONTEXTS, EVE, person, rows
from .test_graph import asset, bom, entity, external, ref

TEMPERATURE = "https://example.com/temperature"
Tell = Callable[..., Awaitable[int]]


@pytest.fixture
def repository(db: Database, guard: Guard, live: Live) -> Repository:
    return Repository(db, guard, "acme", live=live)


def sensor(number: int, *, type_: str = "xs:double", value: str = "", series: str = "") -> dict[str, Any]:
    """A submodel with one element that reads a series."""
    prop = {
        "modelType": "Property",
        "idShort": "Temperature",
        "semanticId": external(TEMPERATURE),
        "valueType": type_,
        "extensions": [{"name": "series", "valueType": "xs:string", "value": series or f"acme/s{number}/temperature"}],
    }
    held = {
        "modelType": "SubmodelElementCollection",
        "idShort": "Now",
        "value": [prop | ({"value": value} if value else {})],
    }
    return {"modelType": "Submodel", "id": f"urn:sm:{number}", "idShort": "Live", "submodelElements": [held]}


async def put(repository: Repository, *documents: dict[str, Any]) -> None:
    for one in documents:
        place = PlantPath(f"acme/s{one['id'].rsplit(':', 1)[-1]}")
        await repository.create(ADA, Kind.SUBMODEL, one, place=place)


def compared(op: str, value: float | str, *, path: str = "") -> dict[str, Any]:
    literal = {"$strVal": value} if isinstance(value, str) else {"$numVal": value}
    return {op: [{"$field": f"$sme{'.' + path if path else ''}#value"}, literal]}


def meant(op: str, value: float | str) -> dict[str, Any]:
    """An element of that meaning whose value compares."""
    return {"$match": [{"$eq": [{"$field": "$sme#semanticId"}, {"$strVal": TEMPERATURE}]}, compared(op, value)]}


async def ask(
    repository: Repository, condition: dict[str, Any], *, about: str = "submodels", who: Any = EVE
) -> list[str]:
    question = query.parse({"$condition": condition}, about)
    kind = Kind.SHELL if about == "shells" else Kind.SUBMODEL
    return [one.id for one in (await repository.ask(who, kind, question)).documents]


async def test_a_question_finds_what_a_series_says_now_and_writes_nothing(
    repository: Repository, db: Database, tell: Tell
) -> None:
    await put(repository, *(sensor(n) for n in range(3)))
    assert await ask(repository, meant("$gt", 50)) == []
    before = await rows(db)
    await tell({f"acme/s{n}/temperature": 40.0 + 10 * n for n in range(3)})
    assert await ask(repository, meant("$gt", 50)) == ["urn:sm:2"]
    assert await ask(repository, meant("$le", 50)) == ["urn:sm:0", "urn:sm:1"]
    assert await ask(repository, compared("$eq", 50, path="Now.Temperature")) == ["urn:sm:1"]
    await tell({"acme/s0/temperature": 99.5})
    assert await ask(repository, meant("$gt", 50)) == ["urn:sm:0", "urn:sm:2"]
    assert await rows(db) == before


async def test_what_stands_in_the_document_counts_only_until_the_series_speaks(
    repository: Repository, tell: Tell
) -> None:
    await put(repository, sensor(1, value="80"), sensor(2, value="80"))
    await tell({"acme/s1/temperature": 20.0})
    assert await ask(repository, meant("$eq", 80)) == ["urn:sm:2"]
    assert await ask(repository, meant("$eq", 20)) == ["urn:sm:1"]


@pytest.mark.parametrize(
    ("type_", "told", "op", "value", "fits"),
    [
        ("xs:string", "running", "$eq", "running", True),
        ("xs:string", "running", "$starts-with", "run", True),
        ("xs:string", "idle", "$starts-with", "run", False),
        ("xs:long", 50.9, "$eq", 50, True),
        ("xs:boolean", 3.0, "$gt", 0, False),
        ("xs:double", "off", "$eq", "off", False),
    ],
)
async def test_every_type_is_compared_as_its_document_shows_it(
    repository: Repository, tell: Tell, type_: str, told: float | str, op: str, value: float | str, fits: bool
) -> None:
    await put(repository, sensor(1, type_=type_))
    await tell({"acme/s1/temperature": told})
    assert await ask(repository, meant(op, value)) == (["urn:sm:1"] if fits else [])


async def test_either_of_two_conditions_and_shells_of_what_fits(repository: Repository, tell: Tell) -> None:
    await put(repository, sensor(1), sensor(2), sensor(3))
    for n in (1, 2):
        shell = {
            "modelType": "AssetAdministrationShell",
            "id": f"urn:aas:{n}",
            "assetInformation": {"assetKind": "Instance", "globalAssetId": f"urn:asset:{n}"},
            "submodels": [ref(("Submodel", f"urn:sm:{n}"))],
        }
        await repository.create(ADA, Kind.SHELL, shell, place=PlantPath(f"acme/s{n}"))
    await tell({"acme/s1/temperature": 10.0, "acme/s2/temperature": 60.0, "acme/s3/temperature": 61.0})
    either = {"$or": [meant("$eq", 10), meant("$gt", 60)]}
    assert await ask(repository, either) == ["urn:sm:1", "urn:sm:3"]
    assert await ask(repository, meant("$gt", 50), about="shells") == ["urn:aas:2"]
    narrow = {"$and": [meant("$gt", 50), {"$eq": [{"$field": "$sm#id"}, {"$strVal": "urn:sm:3"}]}]}
    assert await ask(repository, narrow) == ["urn:sm:3"]


async def test_t82_a_live_value_of_a_hidden_branch_is_not_found(repository: Repository, tell: Tell) -> None:
    await put(repository, sensor(1), sensor(2))
    await tell({"acme/s1/temperature": 60.0, "acme/s2/temperature": 60.0})
    kim = person("kim", Role.VIEWER, "acme/s2/Live/Now", "acme/s1/Live/Other")
    assert await ask(repository, meant("$gt", 50), who=kim) == ["urn:sm:2"]


async def test_binding_another_series_and_deleting_are_seen_at_once(repository: Repository, tell: Tell) -> None:
    await put(repository, sensor(1))
    await tell({"acme/s1/temperature": 60.0, "acme/other/temperature": 10.0})
    assert await ask(repository, meant("$gt", 50)) == ["urn:sm:1"]
    await repository.replace(ADA, Kind.SUBMODEL, "urn:sm:1", sensor(1, series="acme/other/temperature"))
    assert await ask(repository, meant("$gt", 50)) == []
    assert await ask(repository, meant("$eq", 10)) == ["urn:sm:1"]
    await repository.delete(ADA, Kind.SUBMODEL, "urn:sm:1")
    assert await ask(repository, meant("$eq", 10)) == []


@pytest.mark.parametrize("few", [20_000, 0])
@pytest.mark.parametrize("by", ["semantic", "path"])
async def test_t88_the_graph_compares_what_sensors_say_now(
    repository: Repository, db: Database, tell: Tell, monkeypatch: pytest.MonkeyPatch, few: int, by: str
) -> None:
    monkeypatch.setattr("lineshaft.twins.service.repository.graph.FEW", few)
    parts = [entity(f"Sensor{n}", asset=asset(f"s{n}")) for n in range(3)]
    line = bom("urn:bom/line", entity("EntryNode", entity("Cell", *parts, asset=asset("cell")), asset=asset("line")))
    await repository.create(ADA, Kind.SUBMODEL, line)
    for n in range(3):
        shell = {
            "modelType": "AssetAdministrationShell",
            "id": f"urn:aas:{n}",
            "assetInformation": {"assetKind": "Instance", "globalAssetId": asset(f"s{n}")},
            "submodels": [ref(("Submodel", f"urn:sm:{n}"))],
        }
        await repository.create(ADA, Kind.SHELL, shell, place=PlantPath(f"acme/s{n}"))
    await put(repository, sensor(0, value="90"), sensor(1), sensor(2, value="70"))
    before = await rows(db)
    await tell({"acme/s0/temperature": 20.0, "acme/s1/temperature": 61.5})
    named = {"semantic": TEMPERATURE} if by == "semantic" else {"path": "Now.Temperature"}
    hot = Condition(compare=Compare.GT, value=50, **named)
    told = Match(thing=asset("s1"), hops=2, submodel="urn:sm:1", path="Now.Temperature", text="61.5", number=61.5)
    still = Match(thing=asset("s2"), hops=2, submodel="urn:sm:2", path="Now.Temperature", text="70", number=70.0)
    assert await repository.graph.below(EVE, asset("line"), hops=2, condition=hot) == [told, still]
    assert await rows(db) == before


async def test_elements_bound_before_the_table_was_there_are_noted_when_it_is_made(
    repository: Repository, db: Database
) -> None:
    listed = sensor(2)
    listed["submodelElements"].append(
        {
            "modelType": "SubmodelElementList",
            "idShort": "Zones",
            "typeValueListElement": "Property",
            "valueTypeListElement": "xs:double",
            "value": [
                {
                    "modelType": "Property",
                    "valueType": "xs:double",
                    "extensions": [{"name": "series", "value": "acme/s2/zone"}],
                }
            ],
        }
    )
    await put(repository, sensor(1), listed)
    async with db.begin() as tx:
        noted = sorted((await tx.execute(sa.select(BOUND))).all())
        assert [row.path for row in noted] == ["Now.Temperature", "Now.Temperature", "Zones[0]"]
        await tx.execute(sa.text("DROP TABLE twins_bound"))
        await tx.execute(sa.delete(MIGRATIONS).where(MIGRATIONS.c.name.contains("bound")))
    await db.open(CONTEXTS)
    async with db.read() as tx:
        assert sorted((await tx.execute(sa.select(BOUND))).all()) == noted
