"""Pages stay right whatever happens between them, and the description says what is really there."""

from __future__ import annotations

import resource
from typing import Any

import httpx
import pytest

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM
from lineshaft.security.api import Gate
from lineshaft.twins.api.aas import Services, application, refusal, routes
from lineshaft.twins.api.aas.description import PROFILES
from lineshaft.twins.model.repository import Kind, Verb
from lineshaft.twins.service import Bulk, Operations, Repository

from .conftest import V30, V31, A, S, Served, served_at

NEEDED = {
    "AssetAdministrationShellRepositoryServiceSpecification": ("GET /shells", "GET /shells/{aasId}"),
    "SubmodelRepositoryServiceSpecification": (
        "GET /submodels", "GET /submodels/{smId}/submodel-elements/{path}/$value",
    ),
    "ConceptDescriptionRepositoryServiceSpecification": (
        "GET /concept-descriptions", "POST /query/concept-descriptions",
    ),
    "ConceptDescriptionServiceSpecification": ("GET /concept-descriptions/{cdId}",),
    "AssetAdministrationShellRegistryServiceSpecification": (
        "GET /shell-descriptors", "POST /bulk/shell-descriptors", "POST /query/shell-descriptors",
        "GET /bulk/result/{handle}",
    ),
    "SubmodelRegistryServiceSpecification": ("GET /submodel-descriptors", "DELETE /bulk/submodel-descriptors"),
    "DiscoveryServiceSpecification": ("POST /lookup/shellsByAssetLink", "DELETE /lookup/shells/{aasId}"),
    "AasxFileServerServiceSpecification": ("GET /packages", "PUT /packages/{packageId}"),
}  # fmt: skip


async def ids_of(client: httpx.AsyncClient, limit: int, cursor: str = "") -> tuple[list[str], str]:
    params: dict[str, Any] = {"limit": limit} | ({"cursor": cursor} if cursor else {})
    answer = (await client.get(f"{V31}/submodels", params=params)).json()
    return [one["id"] for one in answer["result"]], answer["paging_metadata"].get("cursor", "")


def submodel(number: int) -> dict[str, Any]:
    value = {"modelType": "Property", "idShort": "Value", "valueType": "xs:int", "value": "1"}
    return {"modelType": "Submodel", "id": f"sm:{number:03}", "submodelElements": [value]}


@pytest.fixture
async def many(served: Served) -> Served:
    await served.repository.in_bulk(PLATFORM, Kind.SUBMODEL, Verb.CREATED, [submodel(n) for n in range(60)])
    return served


OPERATIONS = {
    "/one/{id}/aas": (31, 50),
    "/one/{id}/submodel": (25, 39),
    "/shells": (33, 54),
    "/submodels": (30, 45),
    "/concept-descriptions": (4, 7),
    "/shell-descriptors": (5, 11),
    "/submodel-descriptors": (3, 6),
    "/lookup": (4, 6),
    "/packages": (3, 6),
}
"""Addresses and operations of the full profiles by the 3.1.2 OpenAPI files; a submodel alone can be deleted besides."""


def test_t24_every_full_profile_has_as_many_operations_as_its_openapi_file() -> None:
    there = [(route.method, route.address) for route in routes()]
    beside = {"/description", "/serialization"}
    found = {}
    for root in OPERATIONS:
        more = beside if root in ("/shells", "/submodels", "/concept-descriptions") else {"/description"}
        mine = [one for one in there if one[1].startswith(root) or (one[1] in more and not root.startswith("/one"))]
        found[root] = (len({address for _, address in mine}), len(mine))
    assert found == OPERATIONS


async def test_t31_no_entry_comes_twice_and_none_is_left_out_when_others_come_and_go(
    many: Served, ada: httpx.AsyncClient
) -> None:
    in_bulk = many.repository.in_bulk
    await in_bulk(PLATFORM, Kind.SUBMODEL, Verb.CREATED, [submodel(n) for n in range(60, 500)])
    seen, cursor = [], ""
    for _ in range(3):
        more, cursor = await ids_of(ada, 100, cursor)
        seen += more
    before, shown = {f"sm:{n:03}" for n in range(500)}, [one for one in seen if one.startswith("sm:")]
    unseen = sorted(before - set(seen))
    assert (len(shown), len(unseen)) == (298, 202)
    gone = [*shown[:50], *unseen[:50]]
    await in_bulk(PLATFORM, Kind.SUBMODEL, Verb.DELETED, [{"id": id_} for id_ in gone])
    await in_bulk(PLATFORM, Kind.SUBMODEL, Verb.CREATED, [submodel(n) for n in range(500, 550)])
    for id_ in [*shown[50:75], *unseen[50:75]]:
        await many.repository.write_values(PLATFORM, id_, {"Value": "2"})
    while cursor:
        more, cursor = await ids_of(ada, 100, cursor)
        assert not set(more) & set(seen)
        seen += more
    assert before - set(gone) <= set(seen)
    assert not set(unseen[:50]) & set(seen)


async def test_t34_a_limit_beyond_the_servers_maximum_is_that_maximum(served: Served, ada: httpx.AsyncClient) -> None:
    await served.repository.in_bulk(PLATFORM, Kind.SUBMODEL, Verb.CREATED, [submodel(n) for n in range(1_050)])
    before = memory_mb()
    shown, cursor = await ids_of(ada, 1_000_000)
    assert len(shown) == 1_000
    more, end = await ids_of(ada, 1_000_000, cursor)
    assert (len(more), end, len({*shown, *more})) == (52, "", 1_052)
    assert memory_mb() - before < 200


def memory_mb() -> float:
    """The most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def test_t33_a_cursor_outlives_the_server(many: Served, db: Database) -> None:
    async with many.client() as client:
        first, cursor = await ids_of(client, 10)
        whole, _ = await ids_of(client, 1000)
    repository = Repository(db, many.security.guard, "acme")
    operations = Operations(repository, many.security.guard)
    services = Services(repository=repository, operations=operations, bulk=Bulk(repository))
    async with served_at(Gate(application(services), many.security, refuse=refusal)) as url:
        headers = {"authorization": f"Bearer {many.viewer}"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            second, _ = await ids_of(client, 1000, cursor)
    assert first + second == whole


@pytest.mark.parametrize(("mount", "version"), [(V30, "3.0"), (V31, "3.1")])
async def test_t24_the_description_lists_what_is_served(eve: httpx.AsyncClient, mount: str, version: str) -> None:
    found = (await eve.get(f"{mount}/description")).json()["profiles"]
    minor = version[-1]
    assert all(one.startswith(f"https://admin-shell.io/aas/API/3/{minor}/") for one in found)
    assert {one.split("/")[-2] for one in found} == set(PROFILES[version])
    there = {f"{route.method} {route.address}" for route in routes()}
    assert [one for name in PROFILES[version] for one in NEEDED[name] if one not in there] == []
    for one in (A, S):
        alone = (await eve.get(f"{mount}/one/{one}/description")).json()["profiles"]
        assert f"https://admin-shell.io/aas/API/3/{minor}/SubmodelServiceSpecification/SSP-002" in alone
