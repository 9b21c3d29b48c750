"""Templates that users load: offered by rights, kept, in place of older ones, and taken away again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from typing import Any

import httpx
import orjson
import pytest
import sqlalchemy as sa
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint
from tests.twins.conftest import audited, person
from tests.twins.submodels.conftest import published_submodel

from lineshaft.kernel import http
from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden, Invalid, NotFound
from lineshaft.security import Guard, Role
from lineshaft.twins import Receiving, Repository
from lineshaft.twins.api import templates_router
from lineshaft.twins.files import BadFile, to_bytes
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Json, Kind
from lineshaft.twins.settings import FileSettings
from lineshaft.twins.store.documents import templates
from lineshaft.twins.submodels import BadTemplate, check, new, template_for

ADA, EVE = person("ada", Role.ENGINEER), person("eve", Role.VIEWER)
HAL = person("hal", Role.ENGINEER, "acme/hall")
OLGA = person("olga", Role.OPERATOR)
CURVE = "https://vendor.example/templates/pump-curve"


def element(name: str, many: str, kind: str = "Property", **more: Any) -> Json:
    said = {"modelType": kind, "idShort": name, **more}
    said |= {"valueType": "xs:double"} if kind == "Property" else {}
    return said | {"qualifiers": [{"type": "SMT/Cardinality", "valueType": "xs:string", "value": many}]}


def curve(**more: Any) -> Json:
    """A vendor's own template, without a semantic id of its submodel as three published ones are."""
    return {
        "modelType": "Submodel",
        "id": CURVE,
        "idShort": "PumpCurve",
        "kind": "Template",
        "displayName": [{"language": "en", "text": "Pump curve"}, {"language": "zh", "text": "泵曲线"}],
        "submodelElements": [
            element("Speed", "One"),
            element("Remark", "ZeroToOne"),
            element("Sheet", "One", "File", contentType="application/pdf"),
            element("Points", "One", "SubmodelElementList", typeValueListElement="SubmodelElementCollection", value=[
                element("", "OneToMany", "SubmodelElementCollection", value=[
                    element("Head", "One"), element("Flow", "One"), element("Power", "ZeroToOne")
                ]) | {"idShort": None}
            ]),
        ],
    } | more  # fmt: skip


def cleaned(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {name: cleaned(part) for name, part in thing.items() if part is not None}
    return [cleaned(one) for one in thing] if isinstance(thing, list) else thing


def packed(*submodels: Json, form: str = "aasx") -> bytes:
    return to_bytes({"submodels": [cleaned(one) for one in submodels]}, form=form)[0]


@pytest.fixture
def repository(db: Database, guard: Guard) -> Repository:
    return Repository(db, guard, "acme")


@pytest.fixture
def receiving(repository: Repository, guard: Guard) -> Receiving:
    return Receiving(repository, guard, FileSettings())


@pytest.mark.parametrize("form", ["aasx", "json", "xml"])
async def test_a_template_of_a_file_is_offered_and_makes_proper_submodels(
    repository: Repository, receiving: Receiving, form: str
) -> None:
    (loaded,) = await receiving.load_templates(ADA, packed(curve(), form=form))
    (offered,) = await repository.templates.all(EVE)
    assert (offered.id, offered.template) == (CURVE, loaded.template)
    assert (str(offered.place), offered.by) == ("acme/PumpCurve", "ada")
    made = new(offered.template)
    assert [one["idShort"] for one in made["submodelElements"]] == ["Speed", "Sheet", "Points"]
    assert [one["idShort"] for one in made["submodelElements"][2]["value"][0]["value"]] == ["Head", "Flow"]
    assert template_for(made, [offered.template]) == offered.template
    await repository.create(ADA, Kind.SUBMODEL, made)
    made["submodelElements"][2]["value"][0]["value"].pop()
    (finding,) = check(made, offered.template)
    assert (finding.rule.value, finding.path) == ("missing", "Points[0].Flow")


async def test_a_loaded_template_outlives_its_process_and_is_taken_away_again(
    repository: Repository, receiving: Receiving, db: Database, guard: Guard
) -> None:
    await receiving.load_templates(ADA, packed(curve()))
    again = Repository(db, guard, "acme")
    assert [one.id for one in await again.templates.all(ADA)] == [CURVE]
    gone = await again.templates.unload(ADA, CURVE)
    assert await again.templates.all(ADA) == []
    assert await repository.templates.all(ADA) == []
    assert [one.id for one in await again.templates.load(ADA, [gone])] == [CURVE]
    assert [row.subject for row in await audited(guard, "twins.documents.delete")] == [CURVE]


async def test_loading_again_puts_the_newer_in_the_place_of_the_older(
    repository: Repository, receiving: Receiving
) -> None:
    await receiving.load_templates(ADA, packed(curve()))
    newer = curve(administration={"version": "2"})
    newer["submodelElements"] = newer["submodelElements"][:1]
    await receiving.load_templates(ADA, packed(newer))
    (offered,) = await repository.templates.all(ADA)
    assert (offered.template.version, [one.name for one in offered.template.elements]) == ("2", ["Speed"])
    deeds = [deed.verb.value for deed in await repository.feed(ADA)]
    await receiving.load_templates(ADA, packed(newer))
    assert [deed.verb.value for deed in await repository.feed(ADA)] == deeds == ["created", "changed"]


async def test_rights_decide_who_loads_sees_and_unloads(repository: Repository, receiving: Receiving) -> None:
    for who in (EVE, OLGA):
        with pytest.raises(Forbidden):
            await receiving.load_templates(who, packed(curve()))
    assert await repository.templates.all(ADA) == []
    (mine,) = await receiving.load_templates(HAL, packed(curve()))
    assert str(mine.place) == "acme/hall/PumpCurve"
    assert [one.id for one in await repository.templates.all(ADA)] == [CURVE]
    assert await repository.templates.all(person("pat", Role.ENGINEER, "acme/yard")) == []
    with pytest.raises(Forbidden):
        await repository.templates.unload(EVE, CURVE)
    with pytest.raises(NotFound):
        await repository.templates.unload(person("pat", Role.ENGINEER, "acme/yard"), CURVE)
    await receiving.load_templates(ADA, packed(curve(id="urn:of:ada")))
    assert [one.id for one in await repository.templates.all(HAL)] == [CURVE]


def deep(levels: int) -> Json:
    inner: Json = element("Aa", "One")
    for _ in range(levels):
        inner = element("Aa", "One", "SubmodelElementCollection", value=[inner])
    return curve(submodelElements=[inner])


INSTANCE = {"modelType": "Submodel", "id": "urn:used", "idShort": "Used", "submodelElements": [element("Aa", "One")]}
REFUSED: list[tuple[bytes, type[Exception], str]] = [
    (b"", BadFile, "empty"),
    (b"PK\x03\x04 broken", BadFile, ""),
    (b"a picture", BadFile, "neither AASX, JSON nor XML"),
    (b'<!DOCTYPE x [<!ENTITY a "b">]><environment/>', BadFile, ""),
    (json.dumps({"submodels": [INSTANCE]}).encode(), BadTemplate, "The file holds no submodel whose kind is Template."),
    (json.dumps({"submodels": [curve(idShort=None)]}).encode(), BadTemplate, "The template has no idShort"),
    (json.dumps({"submodels": [curve(submodelElements=[])]}).encode(), BadTemplate, "PumpCurve has no elements"),
    (packed(curve(submodelElements=[element("Aa!", "One")])), BadTemplate, "No proper submodel can be made"),
    (packed(curve(), curve(id="urn:used", idShort="Other")), BadTemplate, "Other has the id of a submodel"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "kind", "says"), REFUSED)
async def test_a_wrong_or_hostile_file_is_refused_in_one_sentence_and_leaves_nothing(
    repository: Repository, receiving: Receiving, content: bytes, kind: type[Exception], says: str
) -> None:
    await repository.create(ADA, Kind.SUBMODEL, deepcopy(INSTANCE))
    before = (await repository.get(ADA, Kind.SUBMODEL, "urn:used")).etag
    with pytest.raises(kind) as refused:
        await receiving.load_templates(ADA, content)
    assert isinstance(refused.value, Invalid)
    assert says in refused.value.message
    assert refused.value.message.count(". ") <= 1
    assert await repository.templates.all(ADA) == []
    assert (await repository.get(ADA, Kind.SUBMODEL, "urn:used")).etag == before


async def test_elements_without_end_are_refused(repository: Repository, receiving: Receiving) -> None:
    with pytest.raises(Invalid):
        await receiving.load_templates(ADA, json.dumps({"submodels": [deep(200)]}).encode())
    many = curve(submodelElements=[element(f"Ee{n}", "ZeroToOne") for n in range(20_001)])
    with pytest.raises(BadTemplate) as refused:
        await receiving.load_templates(ADA, json.dumps({"submodels": [many]}).encode())
    assert "has 20,001 elements, more than 20,000" in refused.value.message
    assert await repository.templates.all(ADA) == []


async def test_a_published_template_can_be_loaded_unless_the_platform_brings_it(
    repository: Repository, receiving: Receiving
) -> None:
    plate = published_submodel("nameplate")
    with pytest.raises(BadTemplate) as refused:
        await receiving.load_templates(ADA, orjson.dumps({"submodels": [plate]}))
    assert refused.value.message == "Nameplate 3.0 comes with the platform already."
    newer = deepcopy(plate) | {"administration": plate["administration"] | {"revision": "7"}}
    (loaded,) = await receiving.load_templates(ADA, orjson.dumps({"submodels": [newer]}))
    made = new(loaded.template)
    assert template_for(made, [loaded.template]) == loaded.template
    assert getattr(template_for(made), "name", "") == "nameplate"


async def test_templates_are_found_by_their_index_among_all_documents(repository: Repository, db: Database) -> None:
    for n in range(20):
        await repository.create(ADA, Kind.SUBMODEL, INSTANCE | {"id": f"urn:{n}"})
    await repository.templates.load(ADA, [cleaned(curve())])
    async with db.read() as tx:
        assert [id_ for _, id_ in await templates(tx, ["acme"], 5)] == [CURVE]
        if tx.dialect == "sqlite":
            how = "EXPLAIN QUERY PLAN SELECT number FROM twins_documents WHERE template IS 1 ORDER BY number"
            assert "twins_documents_template" in str((await tx.execute(sa.text(how))).all())


@pytest.fixture
async def client(repository: Repository, receiving: Receiving) -> AsyncIterator[httpx.AsyncClient]:
    app, people = FastAPI(), {"ada": ADA, "eve": EVE}
    http.install(app)
    app.include_router(templates_router(receiving, repository), prefix="/api/v1")

    @app.middleware("http")
    async def sign_in(request: Request, call_next: RequestResponseEndpoint) -> Response:
        request.state.who = people[request.headers.get("x-who", "ada")]
        return await call_next(request)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://plant") as client:
        yield client


async def test_templates_are_loaded_listed_and_unloaded_over_http(client: httpx.AsyncClient) -> None:
    at, file = "/api/v1/twins/templates", {"file": ("pump.aasx", packed(curve()))}
    refused = await client.post(at, files=file, headers={"x-who": "eve"})
    assert refused.status_code == 403
    answer = await client.post(at, files=file)
    assert (answer.status_code, [one["name"] for one in answer.json()]) == (201, [CURVE])
    listed = (await client.get(at, headers={"x-who": "eve"})).json()
    assert [one["name"] for one in listed if one["loaded"]] == [CURVE]
    mine = next(one for one in listed if one["loaded"])
    assert (mine["title"]["zh"], mine["mandatory"], mine["elements"], mine["by"]) == ("泵曲线", 6, 8, "ada")
    assert sum(not one["loaded"] for one in listed) == 18
    assert (await client.delete(f"{at}/{encode_id(CURVE)}")).status_code == 204
    assert [one for one in (await client.get(at)).json() if one["loaded"]] == []
    wrong = await client.post(at, files={"file": ("pump.pdf", b"%PDF-1.7")})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "twins.file_invalid")
