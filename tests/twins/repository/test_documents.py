"""Documents: kept as they came, changed by version, refused without a trace, seen by rights."""

from __future__ import annotations

import asyncio
import json

import orjson
import pytest

from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Invalid
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, AuditFilter, Guard, NotAllowed, Role, Who
from lineshaft.twins.errors import BadDocument, NoDocument, Stale, TakenId
from lineshaft.twins.model.repository import Filters, Kind, Link
from lineshaft.twins.service.repository import Repository

from .conftest import ADA, BOB, ENVIRONMENT, EVE, everything, person, rows, shell, submodel

SM = Kind.SUBMODEL
ALL = "https://example.com/sm/all"


async def test_a_document_comes_back_as_it_was_given(repository: Repository) -> None:
    made = await repository.create(ADA, SM, everything())
    found = await repository.get(EVE, SM, ALL)
    assert found == made
    assert orjson.loads(found.body) == ENVIRONMENT["submodels"][0]
    assert (found.version, found.place, found.changed_by) == (1, "acme/All", "ada")


async def test_reading_twice_gives_the_very_same_bytes_until_something_changes(repository: Repository) -> None:
    await repository.create(ADA, SM, everything())
    first, second = await repository.get(ADA, SM, ALL), await repository.get(ADA, SM, ALL)
    assert first.body is second.body


async def test_an_id_is_taken_once(repository: Repository, db: Database) -> None:
    await repository.create(ADA, SM, everything())
    before = await rows(db)
    with pytest.raises(TakenId):
        await repository.create(ADA, SM, everything())
    assert await rows(db) == before


async def test_two_creators_of_one_id_at_once_leave_one_document(repository: Repository) -> None:
    done = await asyncio.gather(*(repository.create(ADA, SM, submodel(1)) for _ in range(8)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Document", *["TakenId"] * 7]
    assert len((await repository.page(ADA, SM)).documents) == 1


@pytest.mark.parametrize(
    ("wrong", "constraint", "path"),
    [
        ({"id": ""}, "", "id"),
        ({"idShort": "9lives"}, "AASd-002", "idShort"),
        ({"submodelElements": [{"modelType": "Property", "idShort": "Pp"}]}, "", "Pp"),
    ],
)
async def test_what_breaks_the_metamodel_is_refused_with_constraint_and_path(
    repository: Repository, db: Database, wrong: dict[str, object], constraint: str, path: str
) -> None:
    before = await rows(db)
    with pytest.raises(BadDocument) as refused:
        await repository.create(ADA, SM, everything() | wrong)
    assert (refused.value.findings[0].constraint, refused.value.findings[0].path) == (constraint, path)
    assert await rows(db) == before


async def test_a_viewer_changes_nothing(repository: Repository, db: Database, guard: Guard) -> None:
    await repository.create(ADA, SM, everything())
    before = await rows(db)
    for refused in (
        repository.create(EVE, SM, submodel(1)),
        repository.replace(EVE, SM, ALL, everything() | {"idShort": "Other"}),
        repository.change(EVE, SM, ALL, lambda document: document | {"idShort": "Other"}),
        repository.delete(EVE, SM, ALL),
    ):
        with pytest.raises(NotAllowed):
            await refused
    assert await rows(db) == before
    denied = await guard.entries(PLATFORM, AuditFilter(action="twins.documents"))
    assert {(one.action, one.outcome.value, one.actor) for one in denied if one.actor == "eve"} == {
        ("twins.documents.create", "denied", "eve"),
        ("twins.documents.change", "denied", "eve"),
        ("twins.documents.delete", "denied", "eve"),
    }


async def test_what_somebody_may_not_see_does_not_exist_for_them(repository: Repository) -> None:
    await repository.create(ADA, SM, everything())
    assert (await repository.page(BOB, SM)).documents == ()
    for refused in (repository.get(BOB, SM, ALL), repository.delete(BOB, SM, ALL), repository.get(BOB, SM, "nothing")):
        with pytest.raises(NoDocument):
            await refused


async def test_t84_a_change_on_an_old_state_is_refused(repository: Repository, db: Database) -> None:
    made = await repository.create(ADA, SM, submodel(1))
    changed, created = await repository.replace(ADA, SM, made.id, submodel(1, Speed="2.5"), if_match=made.etag)
    assert (changed.version, created, changed.etag != made.etag) == (2, False, True)
    before = await rows(db)
    with pytest.raises(Stale) as refused:
        await repository.replace(ADA, SM, made.id, submodel(1, Speed="3.5"), if_match=f'"{made.etag}"')
    assert refused.value.status == 412
    with pytest.raises(Stale):
        await repository.delete(ADA, SM, made.id, if_match=made.etag)
    assert await rows(db) == before
    await repository.delete(ADA, SM, made.id, if_match=f'W/"other", "{changed.etag}"')


async def test_replacing_what_is_not_there_creates_it(repository: Repository) -> None:
    made, created = await repository.replace(ADA, SM, submodel(1)["id"], submodel(1))
    assert (created, made.version) == (True, 1)
    with pytest.raises(BadDocument):
        await repository.replace(ADA, SM, "https://example.com/other", submodel(1))


async def test_changes_of_many_at_once_are_all_kept(repository: Repository) -> None:
    made = await repository.create(ADA, SM, submodel(1, Count="0"))

    def count(document: dict[str, object]) -> dict[str, object]:
        [element] = document["submodelElements"]  # type: ignore[misc]
        element["value"] = str(int(element["value"]) + 1)
        return document

    await asyncio.gather(*(repository.change(ADA, SM, made.id, count) for _ in range(20)))
    found = await repository.get(ADA, SM, made.id)
    assert (found.version, json.loads(found.body)["submodelElements"][0]["value"]) == (21, "20")


async def test_a_change_that_fails_or_changes_nothing_writes_nothing(repository: Repository, db: Database) -> None:
    made = await repository.create(ADA, SM, submodel(1))
    before = await rows(db)
    same = await repository.change(ADA, SM, made.id, lambda document: document)
    assert same.version == 1
    with pytest.raises(BadDocument):
        await repository.change(ADA, SM, made.id, lambda document: document | {"idShort": "-"})
    with pytest.raises(BadDocument):
        await repository.change(ADA, SM, made.id, lambda document: document | {"id": "https://example.com/other"})
    assert await rows(db) == before


async def test_a_deleted_document_is_gone_with_all_it_was_found_by(repository: Repository, db: Database) -> None:
    await repository.create(ADA, SM, everything())
    await repository.create(ADA, Kind.SHELL, shell())
    await repository.delete(ADA, SM, ALL)
    await repository.delete(ADA, Kind.SHELL, shell()["id"])
    with pytest.raises(NoDocument):
        await repository.get(ADA, SM, ALL)
    left = await rows(db)
    assert {name for name, held in left.items() if held} == {"twins_feed", "outbox"}


async def test_another_process_sees_changes_at_once(repository: Repository, db: Database, guard: Guard) -> None:
    other = Repository(db, guard, "acme")
    made = await other.create(ADA, SM, submodel(1))
    assert (await repository.get(ADA, SM, made.id)).version == 1
    for version in range(2, 12):
        await other.change(ADA, SM, made.id, lambda d, v=version: submodel(1, Speed=str(v)))  # type: ignore[misc]
        assert (await repository.get(ADA, SM, made.id)).version == version
    await other.delete(ADA, SM, made.id)
    with pytest.raises(NoDocument):
        await repository.get(ADA, SM, made.id)


# ---- places and rights ----


async def test_a_submodel_stands_below_its_shell(repository: Repository) -> None:
    await repository.create(ADA, Kind.SHELL, shell(), place=PlantPath("acme/berlin/press-1"))
    assert (await repository.create(ADA, SM, everything())).place == "acme/berlin/press-1/All"
    berlin = person("ben", Role.ENGINEER, "acme/berlin")
    assert (await repository.get(berlin, SM, ALL)).version == 1
    assert (await repository.create(berlin, SM, submodel(1))).place == "acme/berlin/Sm1"


async def test_t82_only_granted_branches_are_shown(repository: Repository) -> None:
    await repository.create(ADA, SM, everything())
    await repository.create(ADA, SM, submodel(1))
    narrow = person("nora", Role.VIEWER, "acme/All/AllKinds/Prop", "acme/All/AllKinds/List/1")
    found = await repository.get(narrow, SM, ALL)
    [coll] = json.loads(found.body)["submodelElements"]
    assert [one.get("idShort") for one in coll["value"]] == ["List", "Prop"]
    assert coll["value"][0]["value"] == [
        {"modelType": "Property", "valueType": "xs:string"},
        {"modelType": "Property", "valueType": "xs:string", "value": "b"},
    ]
    assert [one.id for one in (await repository.page(narrow, SM)).documents] == [ALL]
    assert (await repository.page(narrow, Kind.SHELL)).documents == ()
    with pytest.raises(NoDocument):
        await repository.get(narrow, SM, submodel(1)["id"])
    with pytest.raises(NoDocument):
        await repository.get(person("noah", Role.VIEWER, "acme/All/Nothing"), SM, ALL)


async def test_an_engineer_of_a_branch_changes_that_branch_only(repository: Repository, db: Database) -> None:
    await repository.create(ADA, SM, everything())
    narrow = person("nora", Role.ENGINEER, "acme/All/Second")

    def set_(name: str, inner: str) -> object:
        def edit(document: dict[str, object]) -> dict[str, object]:
            top = next(e for e in document["submodelElements"] if e["idShort"] == name)  # type: ignore[attr-defined]
            next(e for e in top["value"] if e["idShort"] == inner)["value"] = "7"
            return document

        return edit

    changed = await repository.change(narrow, SM, ALL, set_("Second", "Remark"))  # type: ignore[arg-type]
    assert [one["idShort"] for one in json.loads(changed.body)["submodelElements"]] == ["Second"]
    before = await rows(db)
    with pytest.raises(NotAllowed):
        await repository.change(narrow, SM, ALL, set_("AllKinds", "Prop"))  # type: ignore[arg-type]
    assert await rows(db) == before


# ---- pages ----


async def test_pages_hold_each_document_once_in_order(repository: Repository) -> None:
    for number in range(25):
        await repository.create(ADA, SM, submodel(number))
    seen, after, sizes = [], None, []
    while True:
        page = await repository.page(EVE, SM, after=after, limit=10)
        seen += [one.id for one in page.documents]
        sizes.append(len(page.documents))
        after = page.after
        if after is None:
            break
    assert seen == [submodel(number)["id"] for number in range(25)]
    assert sizes == [10, 10, 5]


async def test_t30_a_last_page_that_is_full_has_no_cursor(repository: Repository) -> None:
    for number in range(4):
        await repository.create(ADA, SM, submodel(number))
    first = await repository.page(EVE, SM, limit=2)
    last = await repository.page(EVE, SM, after=first.after, limit=2)
    assert (first.after is not None, len(last.documents), last.after) == (True, 2, None)


async def test_t31_pages_stay_right_while_documents_come_and_go(repository: Repository) -> None:
    for number in range(40):
        await repository.create(ADA, SM, submodel(number))
    seen, after = [], None
    for turn in range(100):
        page = await repository.page(EVE, SM, after=after, limit=5)
        seen += [one.id for one in page.documents]
        if (after := page.after) is None:
            break
        if turn == 2:
            for number in (*range(5), *range(20, 25)):
                await repository.delete(ADA, SM, submodel(number)["id"])
            for number in range(100, 105):
                await repository.create(ADA, SM, submodel(number))
            for number in range(30, 35):
                await repository.change(ADA, SM, submodel(number)["id"], lambda d: d | {"category": "CONSTANT"})
    kept = [*range(20), *range(25, 40), *range(100, 105)]
    assert seen == [submodel(number)["id"] for number in kept]


async def test_t32_a_page_of_nothing_is_refused(repository: Repository) -> None:
    for limit in (0, -1):
        with pytest.raises(Invalid):
            await repository.page(EVE, SM, limit=limit)


async def test_t33_a_cursor_outlives_the_process(repository: Repository, db: Database, guard: Guard) -> None:
    for number in range(5):
        await repository.create(ADA, SM, submodel(number))
    first = await repository.page(EVE, SM, limit=3)
    again = await Repository(db, guard, "acme").page(EVE, SM, after=first.after, limit=3)
    assert [one.id for one in again.documents] == [submodel(3)["id"], submodel(4)["id"]]


async def test_t34_a_page_is_bounded_whatever_is_asked(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineshaft.twins.service.repository.repository.MOST", 3)
    for number in range(5):
        await repository.create(ADA, SM, submodel(number))
    page = await repository.page(EVE, SM, limit=1_000_000)
    assert (len(page.documents), page.after is not None) == (3, True)
    monkeypatch.setattr("lineshaft.twins.service.repository.repository.MOST_BYTES", 300)
    assert len((await repository.page(EVE, SM, limit=3)).documents) == 2


async def test_filters_all_hold(repository: Repository) -> None:
    await repository.create(ADA, SM, everything())
    for number in range(3):
        await repository.create(
            ADA,
            SM,
            submodel(number)
            | {"semanticId": external("urn:a"), "supplementalSemanticIds": [external(f"urn:{number}")]},
        )
    for number in range(2):
        await repository.create(ADA, Kind.SHELL, shell(number))
    case = {"modelType": "ConceptDescription", "id": "urn:cd:1", "idShort": "Speed", "isCaseOf": [external("urn:case")]}
    await repository.create(ADA, Kind.CONCEPT, case)
    asset = {"id": "urn:d", "assetKind": "Instance", "assetType": "urn:press"}
    await repository.create(ADA, Kind.SHELL_DESCRIPTOR, asset)
    await repository.create(ADA, Kind.PACKAGE, {"id": "p1", "packageId": "p1", "aasIds": ["urn:x", "urn:y"]})

    async def ids(kind: Kind, **filters: object) -> list[str]:
        return [one.id for one in (await repository.page(EVE, kind, Filters(**filters))).documents]  # type: ignore[arg-type]

    assert await ids(SM, id_short="All") == [ALL]
    assert await ids(SM, semantic="https://example.com/st/all/1/0") == [ALL]
    assert await ids(SM, semantic=" urn:a\n") == [submodel(number)["id"] for number in range(3)]
    assert await ids(SM, semantic="urn:2") == [submodel(2)["id"]]
    assert await ids(SM, semantic="urn:2", id_short="Sm1") == []
    assert await ids(Kind.SHELL, links=(Link(name="serialNumber", value="SN2"),)) == [shell(1)["id"]]
    both = (Link(name="serialNumber", value="SN1"), Link(name="globalAssetId", value="https://example.com/asset/1"))
    assert await ids(Kind.SHELL, links=both) == [shell(0)["id"]]
    assert await ids(Kind.SHELL, links=(both[0], Link(name="globalAssetId", value="x"))) == []
    assert await ids(Kind.CONCEPT, is_case_of="urn:case", id_short="Speed") == ["urn:cd:1"]
    assert await ids(Kind.SHELL_DESCRIPTOR, asset_kind="Instance", asset_type="urn:press") == ["urn:d"]
    assert await ids(Kind.SHELL_DESCRIPTOR, asset_kind="Type") == []
    assert await ids(Kind.PACKAGE, shell="urn:y") == ["p1"]


def external(value: str) -> dict[str, object]:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


async def test_rights_narrow_pages_the_same_with_few_and_with_many_documents(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        await repository.create(ADA, SM, submodel(number), place=PlantPath(f"acme/line-{number % 2}"))
    half = person("nora", Role.VIEWER, "acme/line-1")
    wanted = [submodel(number)["id"] for number in range(1, 20, 2)]
    for few in (5_000, 3):
        monkeypatch.setattr("lineshaft.twins.store.documents.FEW", few)
        first = await repository.page(half, SM, limit=6)
        rest = await repository.page(half, SM, after=first.after, limit=6)
        assert [one.id for one in (*first.documents, *rest.documents)] == wanted
        assert rest.after is None


async def test_words_find_shells_by_id_name_place_and_asset_and_only_what_may_be_seen(repository: Repository) -> None:
    for name, place in (("Pump", "acme/hall"), ("Tank", "acme/yard_1")):
        told = {"modelType": "AssetAdministrationShell", "id": f"urn:shell:{name}", "idShort": f"The{name}",
                "assetInformation": {"assetKind": "Instance", "globalAssetId": f"urn:asset:{name}-7"}}  # fmt: skip
        await repository.create(ADA, Kind.SHELL, told, place=PlantPath(place))

    async def found(words: str, who: Who = EVE) -> list[str]:
        return [one.id for one in (await repository.page(who, Kind.SHELL, Filters(words=words))).documents]

    assert await found("the") == ["urn:shell:Pump", "urn:shell:Tank"]
    assert await found("thepump") == await found("HALL asset:pump-7") == await found("shell:p") == ["urn:shell:Pump"]
    assert await found("yard_1") == ["urn:shell:Tank"]
    assert await found("hall tank") == await found("yard%") == []
    assert await found("the", person("hal", Role.VIEWER, "acme/hall")) == ["urn:shell:Pump"]
