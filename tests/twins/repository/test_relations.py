"""Relations that people make: documents and edges at once, without cycles, undone, and exported with their twin."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import MIGRATIONS, Database
from lineshaft.kernel.errors import Forbidden, Invalid, NotFound
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, AuditFilter, Guard, Role
from lineshaft.twins import files
from lineshaft.twins.errors import BadTwin, Cyclic, NoChange, NoRelation, NoTwin, Superseded, Taken
from lineshaft.twins.model.graph import Compare, Condition
from lineshaft.twins.model.relations import RELATIONS, Relation, meant
from lineshaft.twins.model.repository import Edge, Filters, Kind
from lineshaft.twins.model.shell import made_for
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store.repository_tables import RELATIONS as EDGES

from .conftest import ADA, BOB, CONTEXTS, EVE, OTTO, person, rows, submodel

PUMP, TANK, HALL = "urn:twin:pump", "urn:twin:tank", "urn:twin:hall"
MINE = made_for(PUMP, "Relations")


async def twin(repository: Repository, id_: str, *submodels: str, asset: bool = True) -> None:
    """A shell at `acme/<last part of its id>`, with an asset of its own."""
    name = id_.rsplit(":", 1)[-1]
    told = {
        "modelType": "AssetAdministrationShell",
        "id": id_,
        "idShort": name.capitalize(),
        "assetInformation": {"assetKind": "Instance", "globalAssetId": f"urn:asset:{name}"},
    }
    keys = [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": one}]} for one in submodels]
    await repository.create(
        ADA, Kind.SHELL, told | ({"submodels": keys} if keys else {}), place=PlantPath(f"acme/{name}")
    )


@pytest.fixture(autouse=True)
async def three(repository: Repository) -> None:
    for one in (PUMP, TANK, HALL):
        await twin(repository, one)


def said(found: list[Relation]) -> list[tuple[str, str, str, str]]:
    return [(one.id, str(one.source), one.name, str(one.target)) for one in found]


async def test_a_relation_is_told_at_both_ends_and_is_an_element_of_its_source(repository: Repository) -> None:
    made = await repository.relations.add(ADA, PUMP, "feeds", TANK)
    own = await repository.relations.add(ADA, PUMP, "is cooled by", HALL)
    assert (made.version, own.version) == (1, 2)
    feeds = ("Feeds_1", "acme/pump", "Feeds", "acme/tank")
    assert said(await repository.relations.of(EVE, TANK)) == [feeds]
    assert said(await repository.relations.of(EVE, PUMP)) == [
        feeds, ("is_cooled_by_1", "acme/pump", "is cooled by", "acme/hall")
    ]  # fmt: skip
    assert made.relation is not None
    assert made.relation.target.name == "Tank"
    page = await repository.page(EVE, Kind.SUBMODEL, Filters(semantic=RELATIONS))
    assert [(one.id, one.place) for one in page.documents] == [(MINE, "acme/pump/Relations")]
    shell = orjson.loads((await repository.get(EVE, Kind.SHELL, PUMP)).body)
    assert [one["keys"][0]["value"] for one in shell["submodels"]] == [MINE]
    first = orjson.loads(page.documents[0].body)["submodelElements"][0]
    assert (first["modelType"], first["first"]["keys"], first["second"]["keys"]) == (
        "RelationshipElement",
        [{"type": "AssetAdministrationShell", "value": PUMP}],
        [{"type": "AssetAdministrationShell", "value": TANK}],
    )


async def test_a_place_of_the_tree_names_its_twin(repository: Repository, db: Database, guard: Guard) -> None:
    from lineshaft.twins.model import Deed, Draft, Level
    from lineshaft.twins.model.shell import shell_id
    from lineshaft.twins.service.edit import Edit

    async with db.begin() as tx:
        edit = Edit(tx, ADA, Deed.CREATED, "acme")
        edit.make(Draft(path=PlantPath("acme"), level=Level.ORGANISATION))
        made = edit.make(Draft(path=PlantPath("acme/mixer"), level=Level.ASSET))
        await edit.finish(guard)
    with pytest.raises(NoTwin):  # its shell is not there yet
        await repository.relations.add(ADA, "acme/mixer", "feeds", TANK)
    shell = {
        "modelType": "AssetAdministrationShell",
        "id": shell_id(made.id),
        "assetInformation": {"assetKind": "Instance", "globalAssetId": "urn:asset:mixer"},
    }
    await repository.create(ADA, Kind.SHELL, shell, place=PlantPath("acme/mixer"))
    await repository.relations.add(ADA, "acme/mixer", "located in", HALL)
    assert said(await repository.relations.of(EVE, "acme/mixer")) == [
        ("LocatedIn_1", "acme/mixer", "LocatedIn", "acme/hall")
    ]


@pytest.mark.parametrize(
    ("said", "meant_"),
    [("part of", "IsPartOf"), ("Is_part-of", "IsPartOf"), ("FEEDS", "Feeds"), (" located  in", "LocatedIn"),
     ("producedBy", "ProducedBy"), ("feeds back to", "feeds back to"), ("供水", "供水")],
)  # fmt: skip
def test_the_relations_of_the_graph_go_by_any_spelling(said: str, meant_: str) -> None:
    assert meant(said) == meant_


@pytest.mark.parametrize("name", ["", "  ", "12", "x" * 65])
async def test_what_is_no_name_is_refused(repository: Repository, db: Database, name: str) -> None:
    before = await rows(db)
    with pytest.raises(BadTwin):
        await repository.relations.add(ADA, PUMP, name, TANK)
    assert await rows(db) == before


async def test_the_graph_follows_them_at_once(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, submodel(1, Level="80"))
    await repository.change(
        ADA, Kind.SHELL, TANK,
        lambda shell: shell | {"submodels": [{"type": "ModelReference", "keys": [
            {"type": "Submodel", "value": "https://example.com/sm/1"}]}]},
    )  # fmt: skip
    full = Condition(path="Level", compare=Compare.GT, value=50)
    await repository.relations.add(ADA, PUMP, "part of", HALL)
    assert await repository.graph.below(EVE, "urn:asset:hall", hops=2, condition=full) == []
    await repository.relations.add(ADA, PUMP, "feeds", TANK)
    found = await repository.graph.below(EVE, "urn:asset:hall", hops=2, condition=full)
    assert [(one.thing, one.hops) for one in found] == [("urn:asset:tank", 2)]
    assert (await repository.graph.explode(EVE, HALL)).parts == ["urn:asset:pump"]
    located = await repository.relations.add(ADA, TANK, "located in", HALL)
    assert located.relation is not None
    kinds = [Edge.LOCATED]
    assert await repository.graph.below(EVE, TANK, hops=1, condition=full, kinds=kinds) != []


async def test_a_name_of_ones_own_is_no_edge_of_another_kind(repository: Repository) -> None:
    await repository.relations.add(ADA, PUMP, "feeds back to", TANK)
    full = Condition(path="Level", compare=Compare.GT, value=0)
    assert await repository.graph.below(EVE, PUMP, hops=3, condition=full, kinds=[Edge.FEEDS]) == []
    assert [one.name for one in await repository.relations.of(EVE, PUMP)] == ["feeds back to"]


async def test_what_would_be_a_part_of_itself_is_refused_and_named(repository: Repository, db: Database) -> None:
    await repository.relations.add(ADA, PUMP, "part of", TANK)
    await repository.relations.add(ADA, TANK, "part of", HALL)
    before = await rows(db)
    with pytest.raises(Cyclic) as refused:
        await repository.relations.add(ADA, HALL, "part of", PUMP)
    assert refused.value.details["ring"] == ["acme/hall", "acme/pump", "acme/tank", "acme/hall"]
    with pytest.raises(Cyclic):
        await repository.relations.add(ADA, TANK, "part of", PUMP)
    with pytest.raises(BadTwin):
        await repository.relations.add(ADA, TANK, "part of", TANK)
    assert await rows(db) == before
    assert await repository.relations.add(ADA, HALL, "feeds", PUMP)


async def test_a_bill_of_materials_counts_for_cycles_too(repository: Repository) -> None:
    part = {"modelType": "Entity", "idShort": "Tank", "entityType": "SelfManagedEntity",
            "globalAssetId": "urn:asset:tank"}  # fmt: skip
    top = {"modelType": "Entity", "idShort": "EntryNode", "entityType": "SelfManagedEntity",
           "globalAssetId": "urn:asset:hall", "statements": [part]}  # fmt: skip
    bill = {"modelType": "Submodel", "id": "urn:bom", "idShort": "Bill", "submodelElements": [top]}
    await repository.create(ADA, Kind.SUBMODEL, bill)
    with pytest.raises(Cyclic) as refused:
        await repository.relations.add(ADA, HALL, "part of", TANK)
    assert refused.value.details["ring"] == ["acme/hall", "acme/tank", "acme/hall"]


async def test_two_who_close_a_ring_together_cannot_both(repository: Repository) -> None:
    asked = [
        repository.relations.add(ADA, PUMP, "part of", TANK),
        repository.relations.add(ADA, TANK, "part of", PUMP),
    ]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Cyclic", "Related"]


async def test_a_ring_tells_no_place_that_may_not_be_seen(repository: Repository) -> None:
    await repository.relations.add(ADA, PUMP, "part of", TANK)
    await repository.relations.add(ADA, TANK, "part of", HALL)
    half = person("nora", Role.ENGINEER, "acme/pump", "acme/hall")
    with pytest.raises(Cyclic) as refused:
        await repository.relations.add(half, HALL, "part of", PUMP)
    assert refused.value.details["ring"] == ["acme/hall", "acme/pump", "something you may not see", "acme/hall"]


async def test_undo_takes_the_last_change_back_and_itself(repository: Repository) -> None:
    await repository.relations.add(ADA, PUMP, "feeds", TANK)
    second = await repository.relations.add(ADA, PUMP, "part of", HALL)
    gone = await repository.relations.remove(ADA, PUMP, "Feeds_1")
    assert (gone.version, [one.id for one in await repository.relations.of(EVE, PUMP)]) == (3, ["IsPartOf_1"])
    with pytest.raises(Superseded):
        await repository.relations.undo(ADA, PUMP, second.version)
    back = await repository.relations.undo(ADA, PUMP, gone.version)
    assert [one.id for one in await repository.relations.of(EVE, PUMP)] == ["Feeds_1", "IsPartOf_1"]
    await repository.relations.undo(ADA, PUMP, back.version)
    assert [one.id for one in await repository.relations.of(EVE, PUMP)] == ["IsPartOf_1"]
    with pytest.raises(NoChange):
        await repository.relations.undo(ADA, PUMP, 9)


async def test_undo_of_the_first_relation_leaves_none(repository: Repository) -> None:
    made = await repository.relations.add(ADA, PUMP, "feeds", TANK)
    await repository.relations.undo(ADA, PUMP, made.version)
    assert await repository.relations.of(EVE, PUMP) == []


async def test_undo_closes_no_ring_either(repository: Repository) -> None:
    await repository.relations.add(ADA, PUMP, "part of", TANK)
    gone = await repository.relations.remove(ADA, PUMP, "IsPartOf_1")
    await repository.relations.add(ADA, TANK, "part of", PUMP)
    with pytest.raises(Cyclic):
        await repository.relations.undo(ADA, PUMP, gone.version)
    assert await repository.relations.of(EVE, PUMP) == await repository.relations.of(EVE, TANK)


async def test_who_may_not_change_a_twin_does_not_relate_it(repository: Repository, guard: Guard, db: Database) -> None:
    before = (await rows(db))["twins_documents"]
    for who in (EVE, OTTO):
        with pytest.raises(Forbidden):
            await repository.relations.add(who, PUMP, "feeds", TANK)
    with pytest.raises(NotFound):
        await repository.relations.add(BOB, PUMP, "feeds", TANK)
    with pytest.raises(NotFound):
        await repository.relations.add(person("kim", Role.ENGINEER, "acme/pump"), PUMP, "feeds", TANK)
    assert (await rows(db))["twins_documents"] == before
    await repository.relations.add(person("kim", Role.ENGINEER, "acme/pump", "acme/tank"), PUMP, "feeds", TANK)
    told = await guard.entries(PLATFORM, AuditFilter(action="twins.documents.create"))
    assert (told[0].actor, told[0].subject) == ("kim", MINE)


async def test_the_other_end_is_not_described_to_whom_may_not_see_it(repository: Repository) -> None:
    await repository.relations.add(ADA, PUMP, "feeds", TANK)
    (seen,) = await repository.relations.of(person("kim", Role.VIEWER, "acme/pump"), PUMP)
    assert (str(seen.source), seen.target.place, seen.target.name) == ("acme/pump", None, "")


async def test_the_same_is_said_once(repository: Repository, db: Database) -> None:
    await repository.relations.add(ADA, PUMP, "feeds", TANK)
    before = await rows(db)
    with pytest.raises(Taken):
        await repository.relations.add(ADA, PUMP, "FEEDS", TANK)
    with pytest.raises(NoRelation):
        await repository.relations.remove(ADA, PUMP, "Feeds_2")
    assert await rows(db) == before


async def test_a_file_keeps_them_and_another_plant_reads_them(repository: Repository, tmp_path: Path) -> None:
    await repository.relations.add(ADA, PUMP, "feeds", TANK)
    await repository.relations.add(ADA, PUMP, "被…冷却", HALL)
    shells = [orjson.loads((await repository.get(EVE, Kind.SHELL, one)).body) for one in (PUMP, TANK, HALL)]
    mine = orjson.loads((await repository.get(EVE, Kind.SUBMODEL, MINE)).body)
    content, _ = files.to_bytes({"assetAdministrationShells": shells, "submodels": [mine]}, form="aasx")
    package = files.read(content)
    assert package.report.clean
    other = Database.at(tmp_path / "other")
    await other.open(["lineshaft.security", "lineshaft.twins"])
    try:
        there = Repository(other, Guard(other), "acme")
        await there.take_in(ADA, package.environment)
        found = await there.relations.of(EVE, PUMP)
        assert [(one.name, one.target.shell) for one in found] == [("Feeds", TANK), ("被…冷却", HALL)]
        await there.relations.add(ADA, PUMP, "part of", HALL)
        assert len(await there.relations.of(EVE, PUMP)) == 3
    finally:
        await other.close()
    with pytest.raises(Invalid):
        await repository.relations.add(ADA, PUMP, "feeds", PUMP)


async def test_own_names_noted_before_they_were_kept_are_read_from_the_documents(
    repository: Repository, db: Database
) -> None:
    await repository.relations.add(ADA, PUMP, "is cooled by", HALL)
    await repository.relations.add(ADA, PUMP, "feeds", TANK)
    assert await repository.graph.own_names(EVE) == ["is cooled by"]
    async with db.begin() as tx:
        noted = sorted((await tx.execute(sa.select(EDGES))).all())
        await tx.execute(sa.text("ALTER TABLE twins_relations DROP COLUMN name"))
        await tx.execute(sa.delete(MIGRATIONS).where(MIGRATIONS.c.name.contains("names_of_relations")))
    await db.open(CONTEXTS)
    async with db.read() as tx:
        assert sorted((await tx.execute(sa.select(EDGES))).all()) == noted
    assert "is cooled by" in {row.name for row in noted}
