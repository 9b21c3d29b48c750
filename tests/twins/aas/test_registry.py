"""Registry and discovery: what is ours describes itself, what is not can be registered."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM
from lineshaft.twins.metamodel.identifiers import encode_id

from .conftest import AAS, ENVIRONMENT, SM, TWO, V31, A, S, Served
from .test_reading import SERIAL, encoded, is_result, pages

FOREIGN = encode_id("https://example.com/aas/foreign")


def descriptor(served_at: str, id_: str = "https://example.com/aas/1") -> dict[str, Any]:
    about = {
        "href": f"{served_at}{V31}/submodels/{S}",
        "endpointProtocol": "HTTP",
        "endpointProtocolVersion": ["1.1"],
        "subprotocol": "DSP",
        "subprotocolBody": "id=asset-1;dspEndpoint=https://h/dsp",
        "subprotocolBodyEncoding": "plain",
        "securityAttributes": [{"type": "NONE", "key": "NONE", "value": "NONE"}],
    }
    key = {"type": "GlobalReference", "value": "https://example.com/st/all/1/0"}
    submodel = {
        "id": SM,
        "semanticId": {"type": "ExternalReference", "keys": [key]},
        "endpoints": [{"interface": "SUBMODEL-3.1", "protocolInformation": about}],
    }
    return {
        "id": id_,
        "idShort": "Aas1",
        "assetKind": "Instance",
        "assetType": "https://example.com/type/press",
        "globalAssetId": "https://example.com/asset/1",
        "specificAssetIds": [SERIAL],
        "submodelDescriptors": [submodel],
    }


def hrefs(thing: Any) -> list[str]:
    if isinstance(thing, dict):
        return [text for name, part in thing.items() for text in ([part] if name == "href" else hrefs(part))]
    return [text for part in thing for text in hrefs(part)] if isinstance(thing, list) else []


async def test_our_own_shells_and_submodels_describe_themselves(eve: httpx.AsyncClient) -> None:
    found = (await eve.get(f"{V31}/shell-descriptors")).json()["result"]
    shell = ENVIRONMENT["assetAdministrationShells"][0]
    assert [one["id"] for one in found] == [AAS, "https://example.com/aas/2"]
    names = ("assetKind", "globalAssetId", "specificAssetIds")
    assert found[0]["idShort"] == "Aas1"
    assert [found[0][name] for name in names] == [shell["assetInformation"][name] for name in names]
    assert [one["id"] for one in found[0]["submodelDescriptors"]] == [SM, TWO]
    submodels = (await eve.get(f"{V31}/submodel-descriptors")).json()["result"]
    assert (
        submodels[0] == found[0]["submodelDescriptors"][0] == (await eve.get(f"{V31}/submodel-descriptors/{S}")).json()
    )
    addresses = {*hrefs(found), *hrefs(submodels)}
    assert len(addresses) == 4
    assert {(await eve.get(address)).status_code for address in addresses} == {200}


async def test_t42_a_page_of_our_own_costs_as_many_statements_for_forty_as_for_four(
    served: Served, eve: httpx.AsyncClient, db: Database
) -> None:
    """Shells, their submodels and what is registered before them are looked up together."""
    for n in range(40):
        submodels = [{"modelType": "Submodel", "id": f"urn:sm:{n}:{m}", "idShort": f"Sm{n}-{m}x"} for m in range(3)]
        keys = [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": one["id"]}]} for one in submodels]
        about = {"assetKind": "Instance", "globalAssetId": f"urn:asset:{n}"}
        shell = {"modelType": "AssetAdministrationShell", "id": f"urn:aas:{n}", "assetInformation": about}
        environment = {"assetAdministrationShells": [shell | {"submodels": keys}], "submodels": submodels}
        assert (await served.repository.take_in(PLATFORM, environment)).created == 4
    await eve.get(f"{V31}/shell-descriptors")
    for address, held in (("shell-descriptors", 3), ("submodel-descriptors", 0)):
        counted = []
        for limit in (4, 40):
            with statements(db) as told:
                page = (await eve.get(f"{V31}/{address}", params={"limit": limit})).json()["result"]
            assert len(page) == limit
            assert [len(one.get("submodelDescriptors", ())) for one in page[2:]] == [held] * (limit - 2)
            counted.append(len(told))
        assert counted[0] == counted[1] > 0, counted


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """What is asked of the catalogue meanwhile."""
    told: list[str] = []

    def hear(*args: Any) -> None:
        told.append(args[2])

    assert db._reader is not None
    sa.event.listen(db._reader, "before_cursor_execute", hear)
    yield told
    sa.event.remove(db._reader, "before_cursor_execute", hear)


async def test_t40_a_registered_descriptor_goes_before_our_own(served: Served, ada: httpx.AsyncClient) -> None:
    body = descriptor(served.url)
    made = await ada.post(f"{V31}/shell-descriptors", json=body)
    assert (made.status_code, made.headers["location"]) == (201, f"{V31}/shell-descriptors/{A}")
    is_result(await ada.post(f"{V31}/shell-descriptors", json=body), 409)
    for query in (f"assetKind=Instance&assetType={encode_id('https://example.com/type/press')}", "limit=1"):
        assert (await ada.get(f"{V31}/shell-descriptors?{query}")).json()["result"] == [body]
    assert (await ada.get(f"{V31}/shell-descriptors?assetKind=Type")).json()["result"] == []
    is_result(await ada.get(f"{V31}/shell-descriptors?assetKind=Thing"), 400)
    assert {(await ada.get(address)).status_code for address in hrefs(body)} == {200}
    listed = [one async for page in pages(ada, f"{V31}/shell-descriptors") for one in page]
    assert [one["id"] for one in listed] == [AAS, "https://example.com/aas/2"]
    assert listed[0] == body
    assert (await ada.delete(f"{V31}/shell-descriptors/{A}")).status_code == 204
    assert "submodelDescriptors" in (await ada.get(f"{V31}/shell-descriptors/{A}")).json()
    assert "derived" in is_result(await ada.delete(f"{V31}/shell-descriptors/{A}"), 409)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"assetKind": "Thing"}, "assetKind"),
        ({"endpoints": {}}, "endpoints"),
        ({"endpoints": [{"interface": "AAS-3.1"}]}, "endpoints/0"),
        ({"specificAssetIds": [{"name": "x"}]}, "specificAssetIds/0"),
        ({"submodelDescriptors": [{"id": "x"}]}, "submodelDescriptors/0/endpoints"),
        ({"submodelDescriptors": 5}, "submodelDescriptors/0"),
    ],
)
async def test_a_wrong_descriptor_is_refused_with_its_place(ada: httpx.AsyncClient, change: Any, says: str) -> None:
    body = descriptor("http://h", "https://example.com/aas/foreign") | change
    assert says in is_result(await ada.post(f"{V31}/shell-descriptors", json=body), 400)
    is_result(await ada.get(f"{V31}/shell-descriptors/{FOREIGN}"), 404)


async def test_submodel_descriptors_of_a_registered_shell_are_kept(served: Served, ada: httpx.AsyncClient) -> None:
    body = descriptor(served.url, "https://example.com/aas/foreign")
    below = f"{V31}/shell-descriptors/{FOREIGN}/submodel-descriptors"
    assert (await ada.put(f"{V31}/shell-descriptors/{FOREIGN}", json=body)).status_code == 201
    assert (await ada.put(f"{V31}/shell-descriptors/{FOREIGN}", json=body)).status_code == 204
    new = copy.deepcopy(body["submodelDescriptors"][0]) | {"id": "sm:new"}
    assert (await ada.post(below, json=new)).status_code == 201
    is_result(await ada.post(below, json=new), 409)
    assert [one["id"] for one in (await ada.get(below)).json()["result"]] == [SM, "sm:new"]
    address = f"{below}/{encode_id('sm:new')}"
    assert (await ada.put(address, json=new | {"idShort": "Anew"})).status_code == 204
    assert (await ada.get(address)).json()["idShort"] == "Anew"
    assert (await ada.delete(address)).status_code == 204
    is_result(await ada.get(address), 404)
    is_result(await ada.post(f"{V31}/shell-descriptors/{A}/submodel-descriptors", json=new), 409)


# ---- discovery ----


async def test_t43_shells_are_looked_up_by_all_given_asset_ids(eve: httpx.AsyncClient) -> None:
    lookup = f"{V31}/lookup/shellsByAssetLink"
    right = {"name": "globalAssetId", "value": "https://example.com/asset/1"}
    wrong = right | {"value": "https://example.com/asset/2"}
    assert (await eve.post(lookup, json=[SERIAL])).json() == {"paging_metadata": {}, "result": [AAS]}
    assert (await eve.post(lookup, json=[SERIAL, right])).json()["result"] == [AAS]
    assert (await eve.post(lookup, json=[SERIAL, wrong])).json()["result"] == []
    old = await eve.get(f"{V31}/lookup/shells?assetIds={encoded(SERIAL)}")
    assert old.json() == {"paging_metadata": {}, "result": [AAS]}
    for body in ({}, [{}], [{"name": "x"}], [5], "x"):
        is_result(await eve.post(lookup, json=body), 400)


async def test_the_discovery_service_is_told_of_shells_elsewhere(ada: httpx.AsyncClient) -> None:
    address = f"{V31}/lookup/shells/{FOREIGN}"
    link = {"name": "batch", "value": "B7"}
    made = await ada.post(address, json=[link])
    assert (made.status_code, made.json()) == (201, [link])
    assert (await ada.get(address)).json() == [link]
    found = (await ada.post(f"{V31}/lookup/shellsByAssetLink", json=[link])).json()["result"]
    assert found == ["https://example.com/aas/foreign"]
    assert (await ada.delete(address)).status_code == 204
    is_result(await ada.get(address), 404)


async def test_t35_a_lookup_is_paged(ada: httpx.AsyncClient) -> None:
    found = [one async for page in pages(ada, f"{V31}/lookup/shells") for one in page]
    assert found == [AAS, "https://example.com/aas/2"]


# ---- bulk ----


async def bulk(client: httpx.AsyncClient, method: str, body: Any, address: str = "shell-descriptors") -> httpx.Response:
    """Send a bulk request and follow it to its result."""
    begun = await client.request(method, f"{V31}/bulk/{address}", json=body)
    assert begun.status_code == 202, begun.text
    async with asyncio.timeout(60):
        while (status := await client.get(begun.headers["location"])).status_code == 200:
            assert status.json() == {"executionState": "Running"}
            await asyncio.sleep(0.02)
    assert status.status_code == 302
    return await client.get(status.headers["location"])


async def registered(client: httpx.AsyncClient) -> int:
    asked = f"{V31}/shell-descriptors?limit=1000&assetType={encode_id('https://example.com/type/press')}"
    return len((await client.get(asked)).json()["result"])


async def test_t41_one_wrong_descriptor_of_a_thousand_stores_none(served: Served, ada: httpx.AsyncClient) -> None:
    many = [descriptor(served.url, f"https://example.com/aas/many/{n}") for n in range(1000)]
    many[516] |= {"assetKind": "Thing"}
    text = is_result(await bulk(ada, "POST", many), 400)
    assert "Number 517 (https://example.com/aas/many/516)" in text
    assert "assetKind" in text
    assert await registered(ada) == 0


async def test_many_descriptors_are_registered_replaced_and_taken_out(
    served: Served, ada: httpx.AsyncClient, eve: httpx.AsyncClient
) -> None:
    many = [descriptor(served.url, f"https://example.com/aas/many/{n}") for n in range(50)]
    assert (await bulk(ada, "POST", many)).status_code == 204
    assert await registered(ada) == 50
    is_result(await bulk(ada, "POST", many[:1]), 409)
    assert (await bulk(ada, "PUT", [many[0] | {"idShort": "Anew"}, *many[1:]])).status_code == 204
    first = f"{V31}/shell-descriptors/{encode_id(many[0]['id'])}"
    assert (await ada.get(first)).json()["idShort"] == "Anew"
    is_result(await bulk(ada, "DELETE", [many[0]["id"], "none"]), 404)
    is_result(await eve.request("DELETE", f"{V31}/bulk/shell-descriptors", json=[many[0]["id"]]), 403)
    assert await registered(ada) == 50
    assert (await bulk(ada, "DELETE", [one["id"] for one in many])).status_code == 204
    assert await registered(ada) == 0


async def test_a_bulk_request_is_shown_to_its_sender_only(
    served: Served, ada: httpx.AsyncClient, eve: httpx.AsyncClient
) -> None:
    begun = await ada.post(f"{V31}/bulk/shell-descriptors", json=[descriptor(served.url, "x:y")])
    is_result(await eve.get(begun.headers["location"]), 404)
    is_result(await ada.get(f"{V31}/bulk/result/none"), 404)
    for body in ({}, [], 5):
        is_result(await ada.post(f"{V31}/bulk/shell-descriptors", json=body), 400)
    assert (await bulk(ada, "DELETE", ["x:y"])).status_code == 204
