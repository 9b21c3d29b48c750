"""Hot values: durable, seen at once, folded into the document by its next change, told by the feed."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
import sqlalchemy as sa

from lineshaft.kernel.clock import now_us
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, AuditFilter, Guard, NotAllowed, Role
from lineshaft.twins.errors import NoDocument
from lineshaft.twins.metamodel.errors import BadValue, NoElement
from lineshaft.twins.metamodel.paths import find
from lineshaft.twins.model.repository import Document, Kind, Verb
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store.repository_tables import DOCUMENTS, ELEMENTS, HOT

from .conftest import ADA, BOB, EVE, OTTO, everything, person, rows, submodel

SM = Kind.SUBMODEL
ALL = "https://example.com/sm/all"


def value(document: Document, path: str) -> Any:
    return find(json.loads(document.body), path).get("value")


async def test_a_written_value_is_read_at_once_and_leaves_the_document_alone(
    repository: Repository, db: Database
) -> None:
    made = await repository.create(ADA, SM, everything())
    await repository.write_values(OTTO, ALL, {"AllKinds.Prop": "2.5", "AllKinds.List[1]": "c"})
    found = await repository.get(EVE, SM, ALL)
    assert (value(found, "AllKinds.Prop"), value(found, "AllKinds.List[1]"), found.version) == ("2.5", "c", 1)
    assert found.etag != made.etag
    async with db.read() as tx:
        kept = (await tx.execute(sa.select(DOCUMENTS.c.body, DOCUMENTS.c.digest))).one()
        index = (
            await tx.execute(sa.select(ELEMENTS.c.text, ELEMENTS.c.number).where(ELEMENTS.c.path == "AllKinds.Prop"))
        ).one()
    assert (kept.body, kept.digest) == (made.body, made.etag)
    assert tuple(index) == ("2.5", 2.5)


async def test_t83_a_query_after_a_write_finds_it(repository: Repository, db: Database) -> None:
    await repository.create(ADA, SM, submodel(1, Speed="1"))
    hot = sa.select(ELEMENTS.c.path).where(ELEMENTS.c.shape == "Speed", ELEMENTS.c.number > 50)
    for written, found in (("51", ["Speed"]), ("49", []), ("60", ["Speed"])):
        await repository.write_values(OTTO, submodel(1)["id"], {"Speed": written})
        async with db.read() as tx:
            assert list((await tx.execute(hot)).scalars()) == found


async def test_none_takes_a_value_away(repository: Repository) -> None:
    await repository.create(ADA, SM, submodel(1))
    await repository.write_values(OTTO, submodel(1)["id"], {"Speed": None})
    assert "value" not in find(json.loads((await repository.get(EVE, SM, submodel(1)["id"])).body), "Speed")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"AllKinds.Prop": "1", "AllKinds.Coll.Speed": "fast"}, BadValue),
        ({"AllKinds.Prop": "1", "AllKinds.Coll": "1"}, BadValue),
        ({"AllKinds.Prop": "1", "AllKinds.Mlp@en": "hello"}, BadValue),
        ({"AllKinds.Prop": "1", "AllKinds.Nothing": "1"}, NoElement),
        ({"AllKinds.Prop": "1", "AllKinds.List[2]": "1"}, NoElement),
    ],
)
async def test_one_wrong_value_and_none_is_written(
    repository: Repository, db: Database, values: dict[str, str], error: type[Exception]
) -> None:
    await repository.create(ADA, SM, everything())
    before = await rows(db)
    with pytest.raises(error):
        await repository.write_values(OTTO, ALL, values)
    assert await rows(db) == before


async def test_rights_on_values(repository: Repository, db: Database) -> None:
    await repository.create(ADA, SM, everything())
    before = await rows(db)
    branch = person("nora", Role.OPERATOR, "acme/All/AllKinds/List")
    for who, path, error in (
        (EVE, "AllKinds.Prop", NotAllowed),
        (BOB, "AllKinds.Prop", NoDocument),
        (branch, "AllKinds.Prop", NoElement),
    ):
        with pytest.raises(error):
            await repository.write_values(who, ALL, {path: "2"})
    assert await rows(db) == before
    await repository.write_values(branch, ALL, {"AllKinds.List[0]": "z"})
    assert value(await repository.get(ADA, SM, ALL), "AllKinds.List[0]") == "z"


async def test_writes_that_wait_together_are_one_transaction_and_a_wrong_one_fails_alone(
    repository: Repository, db: Database, guard: Guard
) -> None:
    for number in range(30):
        await repository.create(ADA, SM, submodel(number))
    writes = [repository.write_values(OTTO, submodel(n)["id"], {"Speed": str(n)}) for n in range(30)]
    wrong = repository.write_values(OTTO, submodel(7)["id"], {"Speed": "x"})
    foreign = repository.write_values(EVE, submodel(8)["id"], {"Speed": "1"})
    done = await asyncio.gather(*writes, wrong, foreign, return_exceptions=True)
    assert [type(one).__name__ for one in done if one is not None] == ["BadValue", "NotAllowed"]
    for number in range(30):
        assert value(await repository.get(EVE, SM, submodel(number)["id"]), "Speed") == str(number)
    [row] = [e for e in await guard.entries(PLATFORM, AuditFilter(action="twins.values")) if e.outcome.value == "done"]
    assert row.after is not None
    assert (row.subject, row.after["values"], row.actor) == ("30 submodels", 30, "otto")


async def test_values_written_together_are_audited_where_all_of_them_stand(
    repository: Repository, guard: Guard
) -> None:
    for number, place in enumerate(("acme/site/a", "acme/site/a-b", "acme/site/a/c")):
        await repository.create(ADA, SM, submodel(number), place=PlantPath(place))
    await asyncio.gather(*(repository.write_values(OTTO, submodel(n)["id"], {"Speed": "2"}) for n in range(3)))
    seen = {
        tree: len(await guard.entries(person("eve", Role.ADMIN, tree), AuditFilter(action="twins.values")))
        for tree in ("acme", "acme/site", "acme/site/a")
    }
    assert seen == {"acme": 1, "acme/site": 1, "acme/site/a": 0}


async def test_a_change_of_the_document_takes_hot_values_in(repository: Repository, db: Database) -> None:
    await repository.create(ADA, SM, submodel(1, Speed="1", Level="2"))
    id_ = submodel(1)["id"]
    await repository.write_values(OTTO, id_, {"Speed": "10"})
    changed = await repository.change(ADA, SM, id_, lambda d: d | {"category": "CONSTANT"})
    assert (value(changed, "Speed"), value(changed, "Level"), changed.version) == ("10", "2", 2)
    async with db.read() as tx:
        assert (await tx.execute(sa.select(HOT))).all() == []
        found = {r.path: r.number for r in await tx.execute(sa.select(ELEMENTS.c.path, ELEMENTS.c.number))}
    assert found == {"Speed": 10.0, "Level": 2.0}
    await repository.write_values(OTTO, id_, {"Level": "20"})
    replaced, _ = await repository.replace(ADA, SM, id_, submodel(1, Speed="5"))
    assert json.loads(replaced.body) == submodel(1, Speed="5")
    async with db.read() as tx:
        assert [tuple(r) for r in await tx.execute(sa.select(ELEMENTS.c.path, ELEMENTS.c.number))] == [("Speed", 5.0)]


async def test_writes_and_changes_at_once_lose_nothing(repository: Repository) -> None:
    id_ = submodel(1)["id"]
    await repository.create(ADA, SM, submodel(1, **{f"Pp{n}": "0" for n in range(20)}))

    async def grow(document: int) -> None:
        await repository.change(ADA, SM, id_, lambda d: d | {"category": ("CONSTANT", "VARIABLE")[document % 2]})

    writes = [repository.write_values(OTTO, id_, {f"Pp{n}": str(n + 1)}) for n in range(20)]
    await asyncio.gather(*writes, *(grow(n) for n in range(5)))
    found = await repository.get(EVE, SM, id_)
    assert [value(found, f"Pp{n}") for n in range(20)] == [str(n + 1) for n in range(20)]


# ---- feed and history ----


async def test_t85_a_reader_that_resumes_sees_every_change_once_in_order(repository: Repository) -> None:
    ids = [submodel(n)["id"] for n in range(5)]
    for n in range(5):
        await repository.create(ADA, SM, submodel(n))
    seen: list[tuple[str, str]] = []
    writing = True

    async def write(id_: str) -> None:
        for n in range(200):
            await repository.write_values(OTTO, id_, {"Speed": str(n)})

    async def read() -> None:
        after, dice = 0, random.Random(3)
        while True:
            done = not writing
            lines = await repository.feed(EVE, after=after, limit=dice.randint(1, 40))
            kept = lines[: dice.randint(0, len(lines))] if not done else lines  # stopped in the middle
            for line in kept:
                assert line.seq > after
                after = line.seq
                if line.verb is Verb.VALUES and line.values:
                    seen.append((line.id, line.values["Speed"]))
            if done and not lines:
                return
            await asyncio.sleep(0)

    reader = asyncio.create_task(read())
    await asyncio.gather(*map(write, ids))
    writing = False
    await asyncio.wait_for(reader, 30)
    for id_ in ids:
        assert [told for of, told in seen if of == id_] == [str(n) for n in range(200)]


async def test_the_feed_keeps_every_version_and_the_deletion(repository: Repository) -> None:
    await repository.create(ADA, SM, submodel(1, Speed="1"))
    id_ = submodel(1)["id"]
    await repository.change(ADA, SM, id_, lambda d: submodel(1, Speed="2"))
    await repository.write_values(OTTO, id_, {"Speed": "3"})
    await repository.delete(ADA, SM, id_)
    told = await repository.feed(EVE)
    assert [(one.verb, one.version, one.by) for one in told] == [
        (Verb.CREATED, 1, "ada"),
        (Verb.CHANGED, 2, "ada"),
        (Verb.VALUES, 2, "otto"),
        (Verb.DELETED, 2, "ada"),
    ]
    assert [json.loads(one.body) if one.body else one.values for one in told] == [
        submodel(1, Speed="1"),
        submodel(1, Speed="2"),
        {"Speed": "3"},
        None,
    ]


async def test_t82_the_feed_tells_only_of_granted_branches(repository: Repository) -> None:
    await repository.create(ADA, SM, everything())
    await repository.create(ADA, SM, submodel(1))
    await repository.write_values(OTTO, ALL, {"AllKinds.Prop": "2", "AllKinds.List[0]": "x"})
    await repository.write_values(OTTO, ALL, {"AllKinds.List[0]": "y"})
    narrow = person("nora", Role.VIEWER, "acme/All/AllKinds/Prop")
    told = await repository.feed(narrow)
    assert [(one.verb, one.values) for one in told] == [(Verb.CREATED, None), (Verb.VALUES, {"AllKinds.Prop": "2"})]
    [coll] = json.loads(told[0].body or b"")["submodelElements"]
    assert [one["idShort"] for one in coll["value"]] == ["Prop"]
    assert await repository.feed(BOB) == []


async def test_t89_the_state_at_any_time_is_what_was_read_then(repository: Repository) -> None:
    id_, dice = submodel(1)["id"], random.Random(5)
    seen: list[tuple[int, bytes | None, str]] = [(now_us(), None, "")]
    there = False
    for n in range(40):
        await asyncio.sleep(0.002)
        deed = dice.choice(["values", "values", "values", "change", "delete"]) if there else "create"
        if deed == "create":
            await repository.create(ADA, SM, submodel(1, Speed=str(n), Level="0"))
        elif deed == "values":
            await repository.write_values(OTTO, id_, {dice.choice(["Speed", "Level"]): str(n)})
        elif deed == "change":
            await repository.change(
                ADA,
                SM,
                id_,
                lambda d: d | {"category": "CONSTANT"} if "category" not in d else submodel(1, Speed="0", Level="7"),
            )
        else:
            await repository.delete(ADA, SM, id_)
        there = deed != "delete"
        now = await repository.get(ADA, SM, id_) if there else None
        seen.append((now_us(), now.body if now else None, now.etag if now else ""))
    for moment, body, etag in seen:
        if body is None:
            with pytest.raises(NoDocument):
                await repository.at(EVE, SM, id_, moment)
        else:
            was = await repository.at(EVE, SM, id_, moment)
            assert (json.loads(was.body), was.etag) == (json.loads(body), etag)
    with pytest.raises(NoDocument):
        await repository.at(BOB, SM, id_, now_us())


async def test_t87_a_hundred_writers_of_one_twin(repository: Repository) -> None:
    await repository.create(ADA, SM, submodel(1, **{f"Pp{n}": "0" for n in range(100)}))
    await asyncio.gather(
        *(repository.write_values(OTTO, submodel(1)["id"], {f"Pp{n}": str(n)}) for n in range(100) for _ in range(3))
    )
    found = await repository.get(EVE, SM, submodel(1)["id"])
    assert [value(found, f"Pp{n}") for n in range(100)] == [str(n) for n in range(100)]


async def test_t85_writers_of_several_processes_leave_no_gap_for_a_reader(
    repository: Repository, db: Database, guard: Guard
) -> None:
    """PostgreSQL shows rows in the order of commits, not of numbers, unless writers queue."""
    others = [Repository(db, guard, "acme") for _ in range(4)]
    seen: list[int] = []
    writing = True

    async def read() -> None:
        after = 0
        while True:
            done = not writing
            lines = await repository.feed(EVE, after=after)
            seen.extend(line.seq for line in lines)
            after = seen[-1] if seen else 0
            if done and not lines:
                return

    async def write(by: Repository, first: int) -> None:
        for n in range(first, first + 15):
            await by.create(ADA, SM, submodel(n))
            await by.write_values(OTTO, submodel(n)["id"], {"Speed": "2"})

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(by, 100 * n) for n, by in enumerate(others)))
    writing = False
    await asyncio.wait_for(reader, 30)
    assert sorted(seen) == seen
    assert len(seen) == 4 * 15 * 2
