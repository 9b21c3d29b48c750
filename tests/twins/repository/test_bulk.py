"""Environments taken in at once."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, AuditFilter, Guard, NotAllowed, Role
from lineshaft.twins.model.repository import Attachment, Filters, Kind, Taken, Verb
from lineshaft.twins.service.repository import Repository

from .conftest import ADA, ENVIRONMENT, EVE, everything, person, rows, shell, submodel

SM = Kind.SUBMODEL


async def test_an_environment_is_taken_as_if_each_document_had_been_created(
    repository: Repository, db: Database, guard: Guard
) -> None:
    told: list[tuple[int, int]] = []
    taken = await repository.take_in(ADA, ENVIRONMENT, progress=lambda done, of: told.append((done, of)))
    assert (taken.created, taken.refused, told[-1]) == (5, (), (5, 5))
    found = await repository.get(EVE, SM, everything()["id"])
    assert orjson.loads(found.body) == everything()
    [row] = await guard.entries(PLATFORM, AuditFilter(action="twins.documents.take_in"))
    assert row.after == {"documents": 5, "elements": taken.elements}
    bulk = {name: len(held) for name, held in (await rows(db)).items() if name != "outbox"}
    for kind, one in ((SM, everything()), (Kind.SHELL, shell())):
        await repository.delete(ADA, kind, one["id"])
        await repository.create(ADA, kind, one)
    again = {name: len(held) for name, held in (await rows(db)).items() if name != "outbox"}
    assert {name: n for name, n in again.items() if name != "twins_feed"} == {
        name: n for name, n in bulk.items() if name != "twins_feed"
    }


async def test_many_documents_go_in_several_transactions(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lineshaft.twins.service.repository.bulk.MOST_DOCUMENTS", 10)
    taken = await repository.take_in(ADA, {"submodels": [submodel(n) for n in range(35)]})
    assert taken == Taken(created=35, elements=35)
    assert [one.id for one in (await repository.page(EVE, SM)).documents] == [submodel(n)["id"] for n in range(35)]
    assert [one.verb for one in await repository.feed(EVE)] == [Verb.CREATED] * 35


async def test_what_stands_already_is_left_or_replaced(repository: Repository) -> None:
    await repository.take_in(ADA, {"submodels": [submodel(1), submodel(2)]})
    other = {"submodels": [submodel(1, Speed="7"), submodel(2)]}
    assert await repository.take_in(ADA, other) == Taken(skipped=2)
    assert await repository.take_in(ADA, other, replace=True) == Taken(skipped=1, replaced=1, elements=1)
    found = await repository.get(EVE, SM, submodel(1)["id"])
    assert (found.version, json.loads(found.body)) == (2, submodel(1, Speed="7"))


async def test_what_cannot_be_taken_is_named_and_the_rest_taken(repository: Repository) -> None:
    broken: list[Any] = [submodel(1), {"idShort": "NoId"}, "text", submodel(1), submodel(2) | {"semanticId": 7}]
    taken = await repository.take_in(ADA, {"submodels": broken})
    assert taken.created == 2
    assert [sentence.split(" ")[0:2] for sentence in taken.refused] == [
        ["The", "submodel"],
        ["A", "submodel"],
        ["There", "are"],
    ]


async def test_submodels_stand_below_their_shells(repository: Repository) -> None:
    await repository.create(ADA, Kind.SHELL, shell(), place=PlantPath("acme/berlin/press"))
    await repository.take_in(ADA, ENVIRONMENT)
    assert (await repository.get(EVE, SM, everything()["id"])).place == "acme/berlin/press/All"
    found = await repository.page(person("ben", Role.VIEWER, "acme/berlin"), SM)
    assert len(found.documents) == 2


async def test_who_may_not_write_takes_nothing_in(repository: Repository, db: Database) -> None:
    before = await rows(db)
    with pytest.raises(NotAllowed):
        await repository.take_in(EVE, ENVIRONMENT)
    assert await rows(db) == before


async def test_files_come_with_their_elements(repository: Repository) -> None:
    hello = Attachment(name="hello.txt", content_type="text/plain", content=b"hello")
    taken = await repository.take_in(ADA, ENVIRONMENT, files={"/aasx/files/hello.txt": hello, "/aasx/other": hello})
    assert taken.files == 1
    assert await repository.get_file(EVE, SM, everything()["id"], "AllKinds.Fil") == hello


async def test_elements_are_found_by_supplemental_semantics_too(repository: Repository) -> None:
    ref = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "urn:extra"}]}
    await repository.take_in(ADA, {"submodels": [submodel(1) | {"supplementalSemanticIds": [ref]}]})
    assert len((await repository.page(EVE, SM, Filters(semantic="urn:extra"))).documents) == 1
