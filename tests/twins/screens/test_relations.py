"""Relations of a twin on screen: both directions, made by search, removed and taken back, and who may."""

from __future__ import annotations

from typing import Any

from lineshaft.console import Table
from lineshaft.kernel.terms import PlantPath
from lineshaft.twins import Repository
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.pages.naming import twin_address
from lineshaft.twins.submodels import new_shell

from .conftest import (
    ADA,
    EVE,
    HALL,
    PUMP,
    Role,
    Visit,
    eventually,
    field,
    labels,
    part,
    person,
    put,
    tell_browser,
    undo,
    until,
)

TANK, COOLER = "urn:acme:shell:tank", "urn:acme:shell:cooler"


async def three(repository: Repository) -> None:
    """The pump and the tank in the hall, a cooler in the yard."""
    await put(repository)
    await put(repository, shell=TANK, asset="urn:acme:tank-1")
    shell = new_shell(COOLER, "urn:acme:cooler-1", submodels=[])
    await repository.create(ADA, Kind.SHELL, shell | {"idShort": "Cooler"}, place=PlantPath("acme/yard"))


def shown(table: Table) -> list[tuple[str, str]]:
    return [(str(row["relation"]), str(row["address"])) for row in table.rows]


async def said(repository: Repository, twin: str) -> list[tuple[str, str, str]]:
    found = await repository.relations.of(ADA, twin)
    return [(one.source.shell, one.name, one.target.shell) for one in found]


async def test_both_directions_are_said_as_the_twin_says_them(repository: Repository, visit: Visit) -> None:
    await three(repository)
    await repository.relations.add(ADA, PUMP, "feeds", TANK)
    await repository.relations.add(ADA, COOLER, "cools", PUMP)
    async with visit(twin_address(PUMP, "relations")) as user:
        table = await part(user, Table, "Relations")
        assert shown(table) == [
            ("feeds", twin_address(TANK, "relations")), ("← cools", twin_address(COOLER, "relations"))
        ]  # fmt: skip
    async with visit(twin_address(TANK, "relations")) as user:
        assert shown(await part(user, Table, "Relations")) == [("is fed by", twin_address(PUMP, "relations"))]


async def test_a_twin_is_found_related_and_the_relation_taken_back(repository: Repository, visit: Visit) -> None:
    await three(repository)
    async with visit(twin_address(PUMP, "relations")) as user:
        await user.should_see("Nothing is related to it yet", retries=50)
        user.find("Add a relation").click()
        finder = await part(user, Table, "Twins")
        await until(lambda: len(finder.rows) == 3)
        tell_browser(user, finder, "want", {"filter": "yard", "sort": "", "descending": False})
        await until(lambda: [row["id"] for row in finder.rows] == [COOLER])
        field(user, "own").value = "is cooled by"
        tell_browser(user, finder, "row", COOLER)
        await eventually(lambda: said(repository, PUMP))
        assert await said(repository, PUMP) == [(PUMP, "is cooled by", COOLER)]
        await until(lambda: shown_now(user) == [("is cooled by", twin_address(COOLER, "relations"))])
        undo(user)
        await until(lambda: shown_now(user) == [])
    assert await said(repository, PUMP) == []


def shown_now(user: Any) -> list[tuple[str, str]]:
    from .conftest import parts

    tables = [one for one in parts(user, Table) if one.state["label"] == "Relations"]
    return shown(tables[-1])


async def test_a_relation_can_be_made_from_the_other_end_and_removed(repository: Repository, visit: Visit) -> None:
    await three(repository)
    async with visit(twin_address(TANK, "relations")) as user:
        await user.should_see("Nothing is related to it yet", retries=50)
        user.find("Add a relation").click()
        finder = await part(user, Table, "Twins")
        await until(lambda: len(finder.rows) == 3)
        field(user, "how").value = "<Feeds"
        tell_browser(user, finder, "row", PUMP)
        await until(lambda: shown_now(user) == [("is fed by", twin_address(PUMP, "relations"))])
        assert await said(repository, TANK) == [(PUMP, "Feeds", TANK)]
        table = await part(user, Table, "Relations")
        tell_browser(user, table, "act", {"action": 0, "key": f"{PUMP} Feeds_1"})
        await until(lambda: shown_now(user) == [])
        undo(user)
        await until(lambda: shown_now(user) == [("is fed by", twin_address(PUMP, "relations"))])


async def test_who_may_only_look_is_offered_nothing_and_sees_no_name_of_what_is_hidden(
    repository: Repository, visit: Visit
) -> None:
    await three(repository)
    await repository.relations.add(ADA, PUMP, "feeds", COOLER)
    async with visit(twin_address(PUMP, "relations"), who=EVE) as user:
        table = await part(user, Table, "Relations")
        assert (table.state["actions"], "Add a relation" in labels(user)) == ([], False)
    async with visit(twin_address(PUMP, "relations"), who=person("hal", Role.ENGINEER, HALL)) as user:
        table = await part(user, Table, "Relations")
        [row] = table.rows
        assert (row["name"], row["place"], row["address"]) == ("Not kept here, or not yours to see", COOLER, "")


async def test_what_a_file_of_the_vendor_says_is_shown_and_left_to_it(repository: Repository, visit: Visit) -> None:
    await three(repository)
    ends = [
        {"type": "ModelReference", "keys": [{"type": "AssetAdministrationShell", "value": one}]} for one in (PUMP, TANK)
    ]
    meaning = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "urn:vendor/Feeds/1/0"}]}
    element = {"modelType": "RelationshipElement", "idShort": "Feeds", "semanticId": meaning,
               "first": ends[0], "second": ends[1]}  # fmt: skip
    flow = {"modelType": "Submodel", "id": "urn:vendor:flow", "idShort": "Flow", "submodelElements": [element]}
    await repository.create(ADA, Kind.SUBMODEL, flow, place=HALL)
    async with visit(twin_address(TANK, "relations")) as user:
        table = await part(user, Table, "Relations")
        assert shown(table) == [("is fed by", twin_address(PUMP, "relations"))]
        assert table.state["actions"] == []
