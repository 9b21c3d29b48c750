"""T67: a passport over HTTP is its metadata and the values of submodels as the AAS API tells them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from lineshaft.kernel import http
from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM, Guard
from lineshaft.twins import Bulk, Operations, PassportDesk, Repository
from lineshaft.twins.api import passports_router
from lineshaft.twins.api.aas import Services, application
from lineshaft.twins.metamodel import references
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.submodels.passport import metadata_submodel

from .conftest import BOB, EVE
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
