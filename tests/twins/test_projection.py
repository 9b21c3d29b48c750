"""Every twin of the tree has its shell, which is alive: values come from the series, never from the document."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from lineshaft.kernel.bus import Bus
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden
from lineshaft.kernel.outbox import relay
from lineshaft.kernel.terms import Kind as Sort
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Grant, Guard, Role, Who, WhoKind
from lineshaft.telemetry import Live
from lineshaft.twins import Draft, Level, Projection, Property, Repository, Twins
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.model.repository import Filters, Kind, Link
from lineshaft.twins.model.shell import OPERATIONAL_DATA, part_id, shell_id
from lineshaft.twins.worker import Projector

from .conftest import settle

FILLER = Draft(
    path=PlantPath("acme/berlin/line-1/filler"),
    level=Level.ASSET,
    title={"en": "Filler"},
    properties=(Property(name="speed", unit="{bottles}/min"), Property(name="running", kind=Sort.BOOLEAN)),
)
SAY = Callable[..., Awaitable[object]]


@pytest.fixture
def repository(db: Database, guard: Guard, live: Live) -> Repository:
    return Repository(db, guard, "acme", live=live)


@pytest.fixture
def projection(twins: Twins, repository: Repository) -> Projection:
    return Projection(twins, repository)


async def read(repository: Repository, kind: Kind, id_: str, who: Who = PLATFORM) -> dict[str, Any]:
    return dict(orjson.loads((await repository.get(who, kind, id_)).body))


def values(document: dict[str, Any]) -> dict[str, str | None]:
    return {e["idShort"]: e.get("value") for e in document["submodelElements"]}


async def test_every_twin_that_stands_gets_a_shell_found_by_its_place(
    twins: Twins, repository: Repository, projection: Projection
) -> None:
    made = await twins.create(PLATFORM, FILLER)
    assert await projection.all() == 4
    found, _ = await repository.shells_of(PLATFORM, [Link(name="plantPath", value=FILLER.path)])
    assert found == [shell_id(made.id)]
    page = await repository.page(PLATFORM, Kind.SUBMODEL, Filters(semantic=OPERATIONAL_DATA))
    assert len(page.documents) == 4


async def test_projecting_again_changes_nothing(twins: Twins, repository: Repository, projection: Projection) -> None:
    await twins.create(PLATFORM, FILLER)
    await projection.all()
    before = await repository.feed(PLATFORM)
    await projection.all()
    assert await repository.feed(PLATFORM) == before


async def test_a_value_of_the_machine_is_read_through_its_document(
    twins: Twins, repository: Repository, projection: Projection, tell: SAY
) -> None:
    made = await twins.create(PLATFORM, FILLER)
    await projection.all()
    data = part_id(made.id, "OperationalData")
    assert values(await read(repository, Kind.SUBMODEL, data)) == {"speed": None, "running": None}
    first = await repository.get(PLATFORM, Kind.SUBMODEL, data)
    await tell({"acme/berlin/line-1/filler/speed": 118.25, "acme/berlin/line-1/filler/running": 1.0})
    assert values(await read(repository, Kind.SUBMODEL, data)) == {"speed": "118.25", "running": "true"}
    second = await repository.get(PLATFORM, Kind.SUBMODEL, data)
    assert (second.version, second.etag != first.etag) == (first.version, True)
    assert [d.verb for d in await repository.feed(PLATFORM) if d.id == data] == ["created"]


async def test_who_may_not_see_a_series_cannot_bind_an_element_to_it(repository: Repository) -> None:
    ada = Who(id="ada", name="ada", kind=WhoKind.USER, grants=(Grant(role=Role.ENGINEER, subtree="acme"),), origin="t")
    spy = {
        "modelType": "Submodel",
        "id": "urn:spy",
        "idShort": "Spy",
        "submodelElements": [
            {
                "modelType": "Property",
                "idShort": "theirs",
                "valueType": "xs:double",
                "extensions": [{"name": "series", "valueType": "xs:string", "value": "other/hall/secret"}],
            }
        ],
    }
    with pytest.raises(Forbidden):
        await repository.create(ada, Kind.SUBMODEL, spy)
    with pytest.raises(NoDocument):
        await repository.get(PLATFORM, Kind.SUBMODEL, "urn:spy")


async def test_what_happens_in_the_tree_reaches_the_shells(
    twins: Twins, repository: Repository, projection: Projection, bus: Bus, db: Database
) -> None:
    work = [asyncio.create_task(Projector(projection, bus).run()), asyncio.create_task(relay(db, bus))]
    try:
        made = await twins.create(PLATFORM, FILLER)

        async def found() -> tuple[str | None, bool]:
            """Where the shell stands, and whether the line's structure names it."""
            line = await twins.get(PLATFORM, "acme/berlin/line-1")
            named = "filler" in str(await read(repository, Kind.SUBMODEL, part_id(line.id, "Structure")))
            try:
                return (await repository.get(PLATFORM, Kind.SHELL, shell_id(made.id))).place, named
            except NoDocument:
                return None, named

        await settle(found, ("acme/berlin/line-1/filler", True))
        await twins.move(PLATFORM, FILLER.path, "acme/berlin/filler")
        await settle(found, ("acme/berlin/filler", False))
        await twins.retire(PLATFORM, "acme/berlin/filler")
        await settle(found, (None, False))
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def test_submodels_that_people_added_stay(twins: Twins, repository: Repository, projection: Projection) -> None:
    made = await twins.create(PLATFORM, FILLER)
    await projection.all()

    def add(shell: dict[str, Any]) -> dict[str, Any]:
        shell["submodels"].append({"type": "ModelReference", "keys": [{"type": "Submodel", "value": "urn:plate"}]})
        return shell

    await repository.change(PLATFORM, Kind.SHELL, shell_id(made.id), add)
    await projection.all()
    shell = await read(repository, Kind.SHELL, shell_id(made.id))
    assert [r["keys"][0]["value"] for r in shell["submodels"]][-1] == "urn:plate"
