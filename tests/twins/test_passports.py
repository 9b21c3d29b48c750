"""T67: a passport over HTTP is its metadata and the values of submodels as the AAS API tells them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI, Request, Response

from lineshaft.kernel import http
from lineshaft.kernel.db import Database
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Guard, Role, Who
from lineshaft.twins import Bulk, Operations, PassportDesk, Repository
from lineshaft.twins.api import passports_router
from lineshaft.twins.api.aas import Services, application
from lineshaft.twins.errors import Ambiguous, NoDocument, TakenId
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind, Link
from lineshaft.twins.submodels.passport import metadata_submodel

from .conftest import BOB, EVE, person
from .submodels.test_passport import META, NOW, PASSPORT, PLATE, PRODUCT, STUFF, battery, modules, scanned

SHELL = "https://example.com/aas/7"
DPP = f"/api/v1/dpp/{encode_id(PRODUCT)}"


async def product(repository: Repository) -> None:
    """A battery whose shell refers to three submodels, and to the metadata of its passport."""
    parts = battery()
    held = [*parts, metadata_submodel("urn:dpp", PASSPORT, parts)]
    shell = {
        "modelType": "AssetAdministrationShell",
        "id": SHELL,
        "assetInformation": {"assetKind": "Instance", "globalAssetId": PRODUCT},
        "submodels": [references.to_identifiable("Submodel", one["id"]) for one in held],
    }
    await repository.create(PLATFORM, Kind.SHELL, shell)
    for one in held:
        await repository.create(PLATFORM, Kind.SUBMODEL, one)


@pytest.fixture
def repository(db: Database, guard: Guard) -> Repository:
    return Repository(db, guard, "acme")


@pytest.fixture
async def eve(repository: Repository, guard: Guard) -> AsyncIterator[httpx.AsyncClient]:
    """A viewer's client; `x-who` makes it somebody else."""
    app = FastAPI()
    http.install(app)
    app.include_router(passports_router(PassportDesk(repository)), prefix="/api/v1")
    operations = Operations(repository, guard)
    app.mount("/", application(Services(repository=repository, operations=operations, bulk=Bulk(repository))))

    @app.middleware("http")
    async def sign_in(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        request.state.who = {"eve": EVE, "bob": BOB}.get(request.headers["x-who"])
        return await call_next(request)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plant", headers={"x-who": "eve"}) as client:
        yield client


async def test_t67_every_member_equals_the_value_the_aas_api_tells(
    repository: Repository, eve: httpx.AsyncClient
) -> None:
    await product(repository)
    made = (await eve.get(f"{DPP}?tier=authority")).json()
    assert set(made) == META | {PLATE, NOW, STUFF}
    for id_, submodel in zip(made["contentSpecificationIds"], battery(), strict=True):
        told = await eve.get(f"/api/v3.1/submodels/{encode_id(submodel['id'])}/$value")
        assert made[id_] == told.json()


async def test_t67_the_public_sees_less_than_those_with_an_interest(
    repository: Repository, eve: httpx.AsyncClient
) -> None:
    await product(repository)
    public, legitimate = [(await eve.get(f"{DPP}{tier}")).json() for tier in ("", "?tier=legitimate")]
    assert set(public) == META | {PLATE, STUFF}
    assert set(legitimate) == META | {PLATE, NOW, STUFF}
    assert "LifeCycleStage" not in public[PLATE]


async def test_t67_the_code_of_a_product_leads_to_it(repository: Repository, eve: httpx.AsyncClient) -> None:
    await product(repository)
    answer = await eve.get(f"{DPP}/code")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert scanned(modules(answer.text)) == PRODUCT


async def test_without_rights_or_metadata_there_is_no_passport(repository: Repository, eve: httpx.AsyncClient) -> None:
    assert (await eve.get(DPP)).status_code == 404
    await product(repository)
    for tail in ("", "?tier=authority", "/code"):
        assert (await eve.get(f"{DPP}{tail}", headers={"x-who": "bob"})).status_code == 404
        assert (await eve.get(f"{DPP}{tail}", headers={"x-who": ""})).status_code == 401
    assert (await eve.get(f"{DPP}?tier=everything")).status_code == 400
    await repository.delete(PLATFORM, Kind.SUBMODEL, "urn:dpp")
    refused: dict[str, Any] = (await eve.get(DPP)).json()
    assert (refused["status"], refused["code"]) == (404, "twins.document_not_found")


ANN = person("ann", Role.ENGINEER, "acme/a")
BEN = person("ben", Role.ENGINEER, "acme/b")


async def shell_of(repository: Repository, who: Who, id_: str, product: str, *held: dict[str, Any]) -> None:
    """A shell of somebody, in their part of the plant, that refers to submodels."""
    shell = {
        "modelType": "AssetAdministrationShell",
        "id": id_,
        "assetInformation": {"assetKind": "Instance", "globalAssetId": product},
        "submodels": [references.to_identifiable("Submodel", one["id"]) for one in held],
    }
    shell = {name: value for name, value in shell.items() if value}
    await repository.create(who, Kind.SHELL, shell, place=PlantPath(who.grants[0].subtree))


async def test_a_passport_shows_no_submodel_of_another_part_of_the_plant(repository: Repository) -> None:
    secret, desk = battery()[0], PassportDesk(repository)
    await repository.create(BEN, Kind.SUBMODEL, secret, place=PlantPath("acme/b"))
    mine = metadata_submodel("urn:dpp", PASSPORT, [secret])
    await shell_of(repository, ANN, "urn:a", PRODUCT, secret, mine)
    await repository.create(ANN, Kind.SUBMODEL, mine)
    with pytest.raises(NoDocument):
        await desk.read(None, PRODUCT)
    with pytest.raises(NoDocument):
        await desk.read(PLATFORM, PRODUCT)


async def test_the_passport_of_a_product_cannot_be_made_or_told_of_anew_elsewhere(repository: Repository) -> None:
    desk, plate = PassportDesk(repository), battery()[0]
    await shell_of(repository, BEN, "urn:b", "urn:asset", plate)
    await repository.create(BEN, Kind.SUBMODEL, plate)
    await desk.make(BEN, "urn:b", PASSPORT)
    await shell_of(repository, ANN, "urn:a", PRODUCT)
    with pytest.raises(TakenId, match="product of another shell"):
        await desk.make(ANN, "urn:a", PASSPORT)
    with pytest.raises(TakenId):
        await repository.put_links(ANN, "urn:a", [Link(name="uniqueProductIdentifier", value=PRODUCT)])
    assert "submodels" not in orjson.loads((await repository.get(ANN, Kind.SHELL, "urn:a")).body)
    assert [one.name for one in await repository.links_of(ANN, "urn:a")] == ["globalAssetId"]


async def test_a_shell_that_only_calls_itself_the_product_does_not_take_its_passport(repository: Repository) -> None:
    desk, plate = PassportDesk(repository), battery()[0]
    await shell_of(repository, BEN, "urn:b", "urn:asset", plate)
    await repository.create(BEN, Kind.SUBMODEL, plate)
    await desk.make(BEN, "urn:b", PASSPORT)
    forged = metadata_submodel("urn:forged", PASSPORT, [])
    await shell_of(repository, ANN, "urn:a", PRODUCT, forged)
    await repository.create(ANN, Kind.SUBMODEL, forged)
    assert (await desk.read(None, PRODUCT)).shell["id"] == "urn:b"


async def test_a_broken_claim_takes_no_other_passport_down(repository: Repository) -> None:
    broken = metadata_submodel("urn:broken", PASSPORT, battery()[1:])
    await shell_of(repository, ANN, "a:1", PRODUCT, broken)
    await repository.create(ANN, Kind.SUBMODEL, broken)
    await product(repository)
    assert (await PassportDesk(repository).read(None, PRODUCT)).shell["id"] == SHELL


async def claimed(repository: Repository, who: Who, id_: str) -> None:
    """A shell whose document says it is the product, with an active passport of it."""
    metadata = metadata_submodel(f"{id_}:dpp", PASSPORT, [])
    await shell_of(repository, who, id_, PRODUCT, metadata)
    await repository.create(who, Kind.SUBMODEL, metadata)


async def test_of_two_passports_that_nobody_made_here_none_is_shown_and_those_in_sight_are_named(
    repository: Repository, eve: httpx.AsyncClient
) -> None:
    desk = PassportDesk(repository)
    await claimed(repository, ANN, "urn:a")
    assert (await desk.read(None, PRODUCT)).shell["id"] == "urn:a"
    await claimed(repository, BEN, "urn:b")
    both = f"Two or more shells have an active passport of '{PRODUCT}'"
    for who, told in ((None, both), (ANN, f"{both}; of yours: urn:a"), (PLATFORM, f"{both}; of yours: urn:a, urn:b")):
        with pytest.raises(Ambiguous) as refused:
            await desk.read(who, PRODUCT)
        assert refused.value.message == f"{told}."
    answer = await eve.get(DPP)
    assert (answer.status_code, answer.json()["code"]) == (409, "twins.ambiguous")
    assert "uniqueProductIdentifier" in answer.json()["hint"]


async def test_the_shell_that_discovery_was_told_is_the_product_has_its_passport(repository: Repository) -> None:
    desk, root = PassportDesk(repository), person("root", Role.ENGINEER, "acme")
    await claimed(repository, ANN, "urn:a")
    await claimed(repository, BEN, "urn:b")
    await repository.put_links(root, "urn:b", [Link(name="uniqueProductIdentifier", value=PRODUCT)])
    for who in (None, BEN, PLATFORM):
        assert (await desk.read(who, PRODUCT)).shell["id"] == "urn:b"
    with pytest.raises(NoDocument):
        await desk.read(ANN, PRODUCT)
    await repository.put_links(root, "urn:a", [Link(name="uniqueProductIdentifier", value=PRODUCT)])
    with pytest.raises(Ambiguous):
        await desk.read(None, PRODUCT)
