"""Every operation of the API, asked by those who should not: what is refused changes nothing, what is hidden is 404.

The same requests are made by an engineer, so that a refusal is one of rights and not of a wrong request.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from lineshaft.security import PLATFORM, Grant, Role
from lineshaft.twins.api.aas import routes
from lineshaft.twins.model.repository import Attachment, Kind, Link

from .conftest import AAS, SM, V30, V31, S, Served
from .requests_table import REGISTERED, REGISTERED_SUBMODEL, SPEED, Asked, table
from .test_files_and_operations import Doubler

EVERYBODY = {"/description", "/one/{id}/description"}


TEXT = Attachment(name="a.txt", content_type="text/plain", content=b"kept")


async def prepare(served: Served) -> None:
    """What the table asks for besides the environment."""
    repository = served.repository
    await repository.create(PLATFORM, Kind.SHELL_DESCRIPTOR, dict(REGISTERED))
    await repository.create(PLATFORM, Kind.SUBMODEL_DESCRIPTOR, dict(REGISTERED_SUBMODEL))
    await repository.create(PLATFORM, Kind.PACKAGE, {"id": "kept", "aasIds": [AAS]}, file=TEXT)
    await beside(served)


async def beside(served: Served) -> None:
    """What is kept besides documents."""
    await served.repository.put_links(PLATFORM, AAS, [Link(name="told", value="1")])
    await served.repository.put_file(PLATFORM, Kind.SHELL, AAS, "", TEXT)
    await served.repository.put_file(PLATFORM, Kind.SUBMODEL, SM, "AllKinds.Fil", TEXT)


async def documents(served: Served) -> dict[tuple[Kind, str], dict[str, Any]]:
    pages = [(await served.repository.page(PLATFORM, kind)).documents for kind in Kind]
    return {(one.kind, one.id): json.loads(one.body) for page in pages for one in page}


async def restore(served: Served, before: dict[tuple[Kind, str], dict[str, Any]]) -> None:
    """Documents and what is kept besides, as they were."""
    after = await documents(served)
    for kind, id_ in after.keys() - before.keys():
        await served.repository.delete(PLATFORM, kind, id_)
    for (kind, id_), document in before.items():
        if after.get((kind, id_)) != document:
            await served.repository.replace(PLATFORM, kind, id_, document, file=TEXT if kind is Kind.PACKAGE else None)
    await beside(served)


@pytest.fixture
async def requests(served: Served) -> list[Asked]:
    """The table, over a plant that holds all it asks for."""
    served.operations.add(Doubler())
    await prepare(served)
    operation = f"{V31}/submodels/{S}/submodel-elements/AllKinds.Op/invoke-async"
    async with served.client() as ada:
        started = await ada.post(operation, json={"inputArguments": [{"value": SPEED}]})
        job = await ada.post(f"{V31}/bulk/shell-descriptors", json=[REGISTERED])
        assert (await ada.get(job.headers["location"].replace("status", "result"))).status_code == 409
    found = list(table(*(one.headers["location"].rpartition("/")[2] for one in (started, job))))
    assert len(found) == len(list(routes())) == 231
    return found


@dataclass
class Kept:
    """What the catalogue holds of twins."""

    file: Path

    def rows(self) -> dict[str, list[Any]]:
        with sqlite3.connect(self.file) as db:
            tables = db.execute("select name from sqlite_master where type = 'table' and name like 'twins_%'")
            return {name: db.execute(f"select * from {name}").fetchall() for (name,) in tables.fetchall()}


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "catalogue.db")


@pytest.mark.parametrize("mount", [V30, V31])
async def test_nobody_is_answered_without_a_token(
    served: Served, requests: list[Asked], kept: Kept, mount: str
) -> None:
    before = kept.rows()
    async with httpx.AsyncClient(base_url=served.url) as nobody:
        told = {one.name: (await one.by(nobody, mount)).status_code for one in requests}
    assert set(told.values()) == {401}
    assert kept.rows() == before


@pytest.mark.parametrize("mount", [V30, V31])
async def test_a_viewer_reads_everything_and_changes_nothing(
    served: Served, requests: list[Asked], kept: Kept, mount: str
) -> None:
    before, wrong = kept.rows(), {}
    async with served.client(served.viewer) as eve:
        for one in requests:
            status = (await one.by(eve, mount)).status_code
            foreign = one.route in ("/bulk/status/{handle}", "/bulk/result/{handle}")
            allowed = (404,) if foreign else (200, 302) if one.reads else (403,)
            same = one.reads or kept.rows() == before
            if status not in allowed or not same:
                wrong[one.name] = (status, same)
    assert (wrong, kept.rows()) == ({}, before)


async def test_an_operator_changes_values_and_nothing_else(served: Served, requests: list[Asked], kept: Kept) -> None:
    token, wrong = await served.token(Grant(role=Role.OPERATOR, subtree="acme")), {}
    async with served.client(token) as olga:
        for one in (request for request in requests if not request.reads):
            before = kept.rows()
            answer = await one.by(olga, V31)
            if one.operates:
                fits = answer.status_code in (200, 202, 204)
            else:
                fits = answer.status_code == 403 and kept.rows() == before
            if not fits:
                wrong[one.name] = (answer.status_code, kept.rows() == before)
    assert wrong == {}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ENGINEER])
async def test_another_organisation_sees_nothing_and_changes_nothing(
    served: Served, requests: list[Asked], kept: Kept, role: Role
) -> None:
    token, wrong, before = await served.token(Grant(role=role, subtree="other")), {}, kept.rows()
    async with served.client(token) as mallory:
        for one in sorted(requests, key=lambda one: not one.reads):
            answer = await one.by(mallory, V31)
            if one.route in EVERYBODY:
                fits = answer.status_code == 200
            elif one.lists:
                fits = answer.status_code == 200 and not (answer.json().get("result") or "AllKinds" in answer.text)
            else:
                own = (201, 202) if role is Role.ENGINEER else ()
                fits = answer.status_code in ((404,) if one.reads else (403, 404, *own))
            if not fits:
                wrong[one.name] = (answer.status_code, answer.content[:200])
    assert wrong == {}
    after = kept.rows()
    if role is not Role.ENGINEER:
        assert after == before
    made = [row for row in after["twins_documents"] if row not in before["twins_documents"]]
    assert [row for row in made if not str(row[4]).startswith("other")] == []


async def test_an_engineer_may_do_all_of_it(served: Served, requests: list[Asked], kept: Kept) -> None:
    wrong, there = {}, await documents(served)
    async with served.client() as ada:
        for one in requests:
            before = kept.rows()
            answer = await one.by(ada, V31)
            changed = one.reads or "invoke" in one.route or "/bulk/" in one.route or kept.rows() != before
            ended = one.route == "/bulk/result/{handle}" and answer.status_code == 409
            if not changed or not (ended or answer.status_code in (200, 201, 202, 204, 302)):
                wrong[one.name] = (answer.status_code, answer.text[:300])
            if not one.reads:
                await restore(served, there)
    assert wrong == {}
