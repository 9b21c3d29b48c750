"""Life-cycle records: added to and never changed, each fact once, read as submodels now and at any past time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from lineshaft.kernel.clock import from_us, now_us
from lineshaft.kernel.db import Database, Transaction
from lineshaft.kernel.errors import Forbidden, NotFound
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, AuditFilter, Guard, Role
from lineshaft.twins import files
from lineshaft.twins.errors import BadTwin, NoDocument, Scrapped, Sealed, TakenId
from lineshaft.twins.metamodel import query
from lineshaft.twins.metamodel.checking import check
from lineshaft.twins.model.record import PART, RECORD, Entry, Happening, Life, Phase, filled, head_of
from lineshaft.twins.model.repository import Attachment, Filters, Kind, Verb
from lineshaft.twins.model.shell import made_for
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store import records

from .conftest import ADA, BOB, EVE, OTTO, person, rows, submodel
from .test_relations import PUMP, TANK, twin

MINE = made_for(PUMP, PART)
DAY = 86_400_000_000
ROOT = person("root", Role.ADMIN, "acme")
PLACE = PlantPath("acme/pump")


def entry(kind: Happening, text: str = "", *, at_us: int = DAY, **said: Any) -> Entry:
    return Entry(fact="", kind=kind, at_us=at_us, by="", text=text, **said)


def fact(number: int, kind: Happening = Happening.CHANGED, **said: Any) -> Entry:
    return Entry(fact=f"twin:{number}", kind=kind, at_us=number * DAY, by="ada", **said)


@pytest.fixture(autouse=True)
async def pump(repository: Repository) -> None:
    await twin(repository, PUMP)


async def read(repository: Repository, who: Any = EVE) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads((await repository.get(who, Kind.SUBMODEL, MINE)).body)
    return document


def values(document: dict[str, Any]) -> dict[str, Any]:
    """The properties at the top, and what happened in the entries."""
    told = {one["idShort"]: one["value"] for one in document["submodelElements"] if one["modelType"] == "Property"}
    (listed,) = [one for one in document["submodelElements"] if one["idShort"] == "Entries"]
    return told | {"Entries": [one["value"][0]["value"] for one in listed.get("value", ())]}


async def test_entries_of_people_and_facts_are_one_submodel_that_the_metamodel_admits(repository: Repository) -> None:
    await repository.records.tell(PUMP, PLACE, [fact(1, Happening.CREATED, now="acme/pump", text="pump")])
    await repository.records.add(ADA, PUMP, entry(Happening.COMMISSIONED))
    await repository.records.add(ADA, PUMP, entry(Happening.HANDED_OVER, party="Beta Ltd"))
    await repository.records.add(OTTO, PUMP, entry(Happening.MAINTAINED, "new seal", party="Otto"))
    document = await read(repository)
    assert check(document, "Submodel") == []
    assert values(document) == {
        "Phase": "operation", "Owner": "Beta Ltd", "Location": "acme/pump", "EntryCount": "4",
        "Entries": ["created", "commissioned", "handed over", "maintained"],
    }  # fmt: skip
    last = document["submodelElements"][-1]["value"][3]["value"]
    assert [(one["idShort"], one["value"]) for one in last][:5] == [
        ("Happening", "maintained"), ("At", "1970-01-02T00:00:00Z"), ("By", "otto"), ("Text", "new seal"),
        ("Party", "Otto"),
    ]  # fmt: skip
    shell = orjson.loads((await repository.get(EVE, Kind.SHELL, PUMP)).body)
    assert [one["keys"][0]["value"] for one in shell["submodels"]] == [MINE]
    page = await repository.page(EVE, Kind.SUBMODEL, Filters(semantic=RECORD))
    assert orjson.loads(page.documents[0].body) == document


async def test_a_fact_told_again_changes_nothing(repository: Repository, db: Database) -> None:
    told = [fact(n) for n in range(1, 4)]
    assert await repository.records.tell(PUMP, PLACE, told) == 3
    before = await rows(db)
    assert await repository.records.tell(PUMP, PLACE, told) == 0
    assert await repository.records.tell(PUMP, PLACE, told[1:2]) == 0
    assert await rows(db) == before
    assert await repository.records.tell(PUMP, PLACE, [*told, fact(4)]) == 1
    assert (await repository.records.of(EVE, PUMP)).life.entries == 4


async def test_a_fact_told_by_two_processes_at_once_is_there_once(repository: Repository) -> None:
    told = [fact(n) for n in range(1, 6)]
    done = await asyncio.gather(*(repository.records.tell(PUMP, PLACE, told[n % 3 :]) for n in range(8)))
    assert sum(done) == 5
    assert sorted(one.fact for one in (await repository.records.of(EVE, PUMP)).entries) == [one.fact for one in told]


async def test_what_somebody_sends_twice_with_one_key_is_added_once(repository: Repository) -> None:
    for _ in range(2):
        await repository.records.add(OTTO, PUMP, entry(Happening.NOTED, "leaks"), key="k1")
    await repository.records.add(ADA, PUMP, entry(Happening.NOTED, "leaks"), key="k1")
    assert [one.by for one in (await repository.records.of(EVE, PUMP)).entries] == ["ada", "otto"]


async def test_keys_that_differ_only_at_their_end_are_two_entries_however_long_they_are(repository: Repository) -> None:
    for end in "ab":
        await repository.records.add(OTTO, PUMP, entry(Happening.NOTED, end), key="k" * 300 + end)
    assert [one.text for one in (await repository.records.of(EVE, PUMP)).entries] == ["b", "a"]


async def test_a_key_answers_what_was_added_under_it_and_takes_nothing_else(
    repository: Repository, db: Database
) -> None:
    made = await repository.records.add(OTTO, PUMP, entry(Happening.NOTED, "leaks"), key="k1")
    before = await rows(db)
    later = entry(Happening.NOTED, "leaks", at_us=2 * DAY)
    assert await repository.records.add(OTTO, PUMP, later, key="k1") == made
    with pytest.raises(TakenId, match="Another entry was added under that key"):
        await repository.records.add(OTTO, PUMP, entry(Happening.NOTED, "burns"), key="k1")
    assert await rows(db) == before


async def test_a_write_asks_for_the_places_above_it_however_much_was_scrapped(
    repository: Repository, db: Database
) -> None:
    """Nothing of what was scrapped elsewhere is read: a plant of a hundred years writes as fast as a new one."""
    await repository.create(ADA, Kind.SUBMODEL, submodel(1), place=PLACE)
    for n in range(3):
        await twin(repository, f"urn:twin:old-{n}")
        await repository.records.add(ADA, f"urn:twin:old-{n}", entry(Happening.SCRAPPED))
    async with db.read() as tx:
        if tx.dialect != "sqlite":
            pytest.skip("PostgreSQL chooses by statistics, and scans a table as small as this one.")
        asked: list[sa.Select[Any]] = []

        async def execute(query: sa.Select[Any]) -> Any:
            asked.append(query)
            return await tx.execute(query)

        seen = cast("Transaction", SimpleNamespace(execute=execute, scalar=tx.scalar))
        assert await records.scrapped(seen, ["acme/pump/Sm1", "acme/old-1/Sm", "acme/old"]) == {"acme/old-1"}
        options = {"dialect": sqlite.dialect(paramstyle="named"), "compile_kwargs": {"render_postcompile": True}}
        told = asked[0].compile(**options)
        plan = sa.text(f"EXPLAIN QUERY PLAN {told}").bindparams(**told.params)
        steps = [row[-1] for row in await tx.execute(plan)]
    assert [step for step in steps if step.startswith(("SCAN", "SEARCH"))] == [
        "SEARCH twins_documents USING INDEX twins_documents_place (place=? AND kind=?)",
        "SEARCH twins_elements USING PRIMARY KEY (document=? AND path=?)",
        "SEARCH twins_records USING PRIMARY KEY (record=?)",
    ]


@pytest.mark.parametrize("place", ["acme", "acme/hall"])
async def test_what_shares_its_place_with_others_is_scrapped_alone(repository: Repository, place: str) -> None:
    """Files of vendors are brought to a hall, or to the organisation: one thing's end is not that of its neighbours."""
    for n in range(2):
        about = {"assetKind": "Instance", "globalAssetId": f"urn:asset:{n}"}
        shell = {"modelType": "AssetAdministrationShell", "id": f"urn:shared:{n}", "assetInformation": about}
        await repository.create(ADA, Kind.SHELL, shell, place=PlantPath(place))
    await repository.create(ADA, Kind.SUBMODEL, submodel(1), place=PlantPath(place))
    await repository.records.add(ADA, "urn:shared:0", entry(Happening.SCRAPPED))
    await repository.write_values(OTTO, "https://example.com/sm/1", {"Speed": "2"})
    await repository.records.add(ADA, "urn:shared:1", entry(Happening.NOTED, "runs on"))


async def test_a_record_that_came_under_another_name_seals_its_twin_as_well(
    repository: Repository, db: Database
) -> None:
    await repository.create(ADA, Kind.SUBMODEL, submodel(1), place=PLACE)
    named = filled(head_of(MINE, Life()), [], None) | {"idShort": "Lebenslauf"}
    await repository.take_in(ADA, {"submodels": [named]}, place=PLACE)
    await repository.records.add(ADA, PUMP, entry(Happening.SCRAPPED))
    with pytest.raises(Scrapped, match=r"acme/pump was scrapped"):
        await repository.write_values(OTTO, "https://example.com/sm/1", {"Speed": "2"})


async def test_what_a_record_that_was_brought_tells_already_is_told_once_and_answered(
    repository: Repository, db: Database
) -> None:
    """The file of the former owner holds what is sent again: nothing is written, until something new is."""
    noted = entry(Happening.NOTED, "leaks")
    brought = [replace(noted, fact="otto:k1", by="otto"), fact(1, Happening.CREATED, now="acme/pump")]
    await repository.take_in(ADA, {"submodels": [record_with(brought)]}, place=PLACE)
    before = await rows(db)
    for _ in range(2):
        assert await repository.records.add(OTTO, PUMP, noted, key="k1") == brought[0]
        assert await repository.records.tell(PUMP, PLACE, brought[1:]) == 0
        with pytest.raises(TakenId, match="Another entry was added under that key"):
            await repository.records.add(OTTO, PUMP, entry(Happening.NOTED, "burns"), key="k1")
    assert await rows(db) == before
    assert await repository.records.tell(PUMP, PLACE, [brought[1], fact(2), fact(2)]) == 1
    assert await repository.records.add(OTTO, PUMP, noted, key="k1") == brought[0]
    told = (await repository.records.of(EVE, PUMP)).entries
    assert [one.fact for one in told] == ["twin:2", "twin:1", "otto:k1"]


async def test_a_record_that_was_brought_with_one_fact_twice_goes_on(repository: Repository) -> None:
    brought = [fact(1), replace(fact(1), text="again"), replace(fact(1), text="and again")]
    await repository.take_in(ADA, {"submodels": [record_with(brought)]}, place=PLACE)
    assert await repository.records.tell(PUMP, PLACE, [fact(1), fact(2)]) == 1
    told = (await repository.records.of(EVE, PUMP)).entries
    assert [one.text for one in told] == ["", "and again", "again", ""]
    assert len({one.fact for one in told}) == 4


def record_with(entries: list[Entry]) -> dict[str, Any]:
    """A record as a file brings it, with its entries inside."""
    return filled(head_of(MINE, Life(entries=len(entries))), entries, None)


async def test_the_newest_come_first_page_by_page(repository: Repository) -> None:
    await repository.records.tell(PUMP, PLACE, [fact(n) for n in range(1, 8)])
    seen, before = [], None
    while True:
        page = await repository.records.of(EVE, PUMP, before=before, limit=3)
        seen.append([one.fact for one in page.entries])
        before = page.after
        if before is None:
            break
    assert seen == [["twin:7", "twin:6", "twin:5"], ["twin:4", "twin:3", "twin:2"], ["twin:1"]]


async def test_a_long_record_shows_its_newest_entries_and_all_of_them_only_to_who_asks(repository: Repository) -> None:
    await repository.records.tell(PUMP, PLACE, [fact(n) for n in range(1, 1_006)])
    said = {"$eq": [{"$field": "$sm#semanticId"}, {"$strVal": RECORD}]}
    shown = [
        await repository.get(EVE, Kind.SUBMODEL, MINE),
        await repository.at(EVE, Kind.SUBMODEL, MINE, now_us()),
        *(await repository.page(EVE, Kind.SUBMODEL, Filters(semantic=RECORD))).documents,
        *(await repository.ask(EVE, Kind.SUBMODEL, query.parse({"$condition": said}, "submodels"))).documents,
        await repository.get(EVE, Kind.SUBMODEL, MINE, newest=None),
        await repository.get(EVE, Kind.SUBMODEL, MINE, newest=0),
    ]
    told = [values(orjson.loads(one.body)) for one in shown]
    assert {one["EntryCount"] for one in told} == {"1005"}
    assert [len(one["Entries"]) for one in told] == [1_000, 1_000, 100, 100, 1_005, 0]
    last = orjson.loads(shown[2].body)["submodelElements"][-1]["value"][-1]["value"]
    assert {one["idShort"]: one["value"] for one in last}["Fact"] == "twin:1005"


async def test_t89_the_record_of_a_moment_is_what_it_told_then(repository: Repository) -> None:
    await repository.records.tell(PUMP, PLACE, [fact(1, Happening.CREATED, now="acme/pump")])
    moments = [now_us()]
    for kind in (Happening.COMMISSIONED, Happening.DECOMMISSIONED):
        await repository.records.add(ADA, PUMP, entry(kind))
        moments.append(now_us())
    told = [values(orjson.loads((await repository.at(EVE, Kind.SUBMODEL, MINE, at)).body)) for at in moments]
    assert [(one["Phase"], one["Entries"]) for one in told] == [
        ("engineering", ["created"]),
        ("operation", ["created", "commissioned"]),
        ("decommissioned", ["created", "commissioned", "decommissioned"]),
    ]


async def test_every_entry_is_in_feed_audit_and_etag(repository: Repository, guard: Guard) -> None:
    await repository.records.add(ADA, PUMP, entry(Happening.NOTED, "one"))
    first = await repository.get(EVE, Kind.SUBMODEL, MINE)
    await repository.records.add(OTTO, PUMP, entry(Happening.NOTED, "two"))
    second = await repository.get(EVE, Kind.SUBMODEL, MINE)
    assert (first.version, second.version, first.etag != second.etag) == (1, 2, True)
    feed = [(one.verb, one.by) for one in await repository.feed(EVE) if one.id == MINE]
    assert feed == [(Verb.CREATED, "ada"), (Verb.CHANGED, "otto")]
    told = await guard.entries(PLATFORM, AuditFilter(action="twins.documents.change"))
    assert [one.actor for one in told if one.subject == MINE] == ["otto"]


@pytest.mark.parametrize(
    "wrong",
    [
        entry(Happening.MOVED),
        entry(Happening.HANDED_OVER),
        entry(Happening.MAINTAINED, "  "),
        entry(Happening.NOTED, "x" * 2_001),
        entry(Happening.LEASED, party="Beta"),
        entry(Happening.LEASED, party="Beta", until_us=DAY),
        entry(Happening.NOTED, "later", until_us=2 * DAY),
        entry(Happening.NOTED, "to come", at_us=now_us() + 365 * DAY),
        entry(Happening.REINSTATED),
    ],
)
async def test_what_contradicts_itself_is_refused(repository: Repository, db: Database, wrong: Entry) -> None:
    before = await rows(db)
    with pytest.raises(BadTwin):
        await repository.records.add(ROOT, PUMP, wrong)
    assert await rows(db) == before


async def test_a_lease_says_from_when_until_when(repository: Repository) -> None:
    begins = now_us() + DAY
    await repository.records.add(
        ADA, PUMP, entry(Happening.LEASED, party="Beta", at_us=begins, until_us=begins + 30 * DAY)
    )
    told = (await read(repository))["submodelElements"][-1]["value"][0]["value"]
    assert {one["idShort"]: one["value"] for one in told}["Until"] == from_us(begins + 30 * DAY).isoformat().replace(
        "+00:00", "Z"
    )


async def test_who_may_add_what(repository: Repository, db: Database) -> None:
    before = (await rows(db))["twins_records"]
    for who, kind in ((EVE, Happening.NOTED), (OTTO, Happening.COMMISSIONED), (ADA, Happening.REINSTATED)):
        with pytest.raises(Forbidden):
            await repository.records.add(who, PUMP, entry(kind, "text", party="x"))
    with pytest.raises(NotFound):
        await repository.records.add(BOB, PUMP, entry(Happening.NOTED, "text"))
    with pytest.raises(NotFound):
        await repository.records.of(BOB, PUMP)
    assert (await rows(db))["twins_records"] == before == []


async def test_nobody_changes_what_was_told(repository: Repository, db: Database) -> None:
    await repository.records.add(ADA, PUMP, entry(Happening.NOTED, "true"))
    before = await rows(db)
    forged = await read(repository)
    forged["submodelElements"][-1]["value"][0]["value"][3]["value"] = "false"
    with pytest.raises(Sealed):
        await repository.replace(ROOT, Kind.SUBMODEL, MINE, forged)
    with pytest.raises(Sealed):
        await repository.change(ROOT, Kind.SUBMODEL, MINE, lambda document: document | {"category": "x"})
    with pytest.raises(Sealed):
        await repository.delete(ROOT, Kind.SUBMODEL, MINE)
    with pytest.raises(Sealed):
        await repository.write_values(ROOT, MINE, {"Phase": "engineering"})
    with pytest.raises(Sealed):
        await repository.in_bulk(ROOT, Kind.SUBMODEL, Verb.DELETED, [{"id": MINE}])
    taken = await repository.take_in(ROOT, {"submodels": [forged]}, replace=True)
    assert (taken.replaced, taken.skipped) == (0, 1)
    assert await rows(db) == before


async def test_after_scrap_writes_are_refused_with_a_sentence(repository: Repository, db: Database) -> None:
    await twin(repository, TANK)
    await repository.create(ADA, Kind.SUBMODEL, submodel(1), place=PLACE)
    await repository.records.add(ADA, PUMP, entry(Happening.SCRAPPED, "worn out"))
    before = await rows(db)
    shell = orjson.loads((await repository.get(EVE, Kind.SHELL, PUMP)).body)
    id_ = "https://example.com/sm/1"
    file = Attachment(name="a.pdf", content_type="application/pdf", content=b"x")
    refused = [
        repository.records.add(ROOT, PUMP, entry(Happening.MAINTAINED, "seal")),
        repository.records.add(ROOT, PUMP, entry(Happening.SCRAPPED)),
        repository.relations.add(ADA, PUMP, "feeds", TANK),
        repository.change(ADA, Kind.SUBMODEL, id_, lambda document: document | {"category": "x"}),
        repository.replace(ADA, Kind.SHELL, PUMP, shell | {"category": "x"}),
        repository.delete(ADA, Kind.SUBMODEL, id_),
        repository.create(ADA, Kind.SUBMODEL, submodel(2), place=PLACE),
        repository.write_values(OTTO, id_, {"Speed": "2"}),
        repository.put_file(ADA, Kind.SHELL, PUMP, "", file),
    ]
    for one in refused:
        with pytest.raises(Scrapped) as why:
            await one
        assert why.value.message == "acme/pump was scrapped; nothing of it is changed any more."
    taken = await repository.take_in(ADA, {"submodels": [submodel(3)]}, place=PLACE)
    assert (taken.created, taken.refused) == (
        0, ("The submodel https://example.com/sm/3 belongs to acme/pump/Sm3, which was scrapped.",)
    )  # fmt: skip
    assert await rows(db) == before
    assert values(await read(repository))["Phase"] == "scrapped"
    await repository.relations.add(ADA, TANK, "feeds", PUMP)


async def test_an_administrator_reinstates_what_was_scrapped_by_mistake(repository: Repository) -> None:
    await repository.create(ADA, Kind.SUBMODEL, submodel(1), place=PLACE)
    await repository.records.add(ADA, PUMP, entry(Happening.SCRAPPED))
    assert await repository.records.tell(PUMP, PLACE, [fact(9, Happening.RETIRED)]) == 1
    await repository.records.add(ROOT, PUMP, entry(Happening.REINSTATED, "wrong pump"))
    await repository.write_values(OTTO, "https://example.com/sm/1", {"Speed": "2"})
    account = await repository.records.of(EVE, PUMP)
    assert (account.life.phase, [one.kind for one in account.entries]) == (
        Phase.DECOMMISSIONED, [Happening.REINSTATED, Happening.RETIRED, Happening.SCRAPPED]
    )  # fmt: skip


async def test_a_file_brings_the_record_and_the_next_owner_continues_it(repository: Repository, tmp_path: Path) -> None:
    await repository.records.tell(PUMP, PLACE, [fact(1, Happening.CREATED, now="acme/pump")])
    await repository.records.add(ADA, PUMP, entry(Happening.HANDED_OVER, party="Beta Ltd"))
    shell = orjson.loads((await repository.get(EVE, Kind.SHELL, PUMP)).body)
    content, _ = files.to_bytes(
        {"assetAdministrationShells": [shell], "submodels": [await read(repository)]}, form="aasx"
    )
    package = files.read(content)
    assert package.report.clean
    other = Database.at(tmp_path / "beta")
    await other.open(["lineshaft.security", "lineshaft.twins"])
    try:
        beta = Repository(other, Guard(other), "acme")
        await beta.take_in(ADA, package.environment)
        assert await read(beta) == await read(repository)
        assert [one.kind for one in (await beta.records.of(EVE, PUMP)).entries] == [
            Happening.HANDED_OVER, Happening.CREATED
        ]  # fmt: skip
        await beta.records.add(ADA, PUMP, entry(Happening.COMMISSIONED))
        assert values(await read(beta)) == {
            "Phase": "operation", "Owner": "Beta Ltd", "Location": "acme/pump", "EntryCount": "3",
            "Entries": ["created", "handed over", "commissioned"],
        }  # fmt: skip
        assert await beta.records.tell(PUMP, PLACE, [fact(1, Happening.CREATED)]) == 0
    finally:
        await other.close()


async def test_a_question_finds_records_by_what_they_come_down_to(repository: Repository) -> None:
    await repository.records.add(ADA, PUMP, entry(Happening.SCRAPPED))
    said = {"$eq": [{"$field": "$sme.Phase#value"}, {"$strVal": "scrapped"}]}
    found = await repository.ask(EVE, Kind.SUBMODEL, query.parse({"$condition": said}, "submodels"))
    assert [one.id for one in found.documents] == [MINE]


async def test_who_sees_a_branch_only_sees_no_more_of_the_record(repository: Repository) -> None:
    await repository.records.add(ADA, PUMP, entry(Happening.NOTED, "secret"))
    kim = person("kim", Role.VIEWER, "acme/pump/LifeCycle/Phase")
    seen = await read(repository, kim)
    assert [one["idShort"] for one in seen["submodelElements"]] == ["Phase"]
    with pytest.raises(NoDocument):
        await read(repository, person("nora", Role.VIEWER, "acme/pump/Other"))
