"""What clients of others send: empty lists, nulls, weights in `Accept`, changes of what a file brought with faults."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from lineshaft.security import PLATFORM, Grant, Role
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind

from .conftest import V30, V31, A, S, Served
from .test_files_and_operations import FILE
from .test_packages import AASX
from .test_reading import is_result

OPEN: dict[str, Any] = {
    "modelType": "AssetAdministrationShell",
    "id": "urn:aas:open",
    "assetInformation": {"assetKind": "Instance", "globalAssetId": "urn:asset:open", "specificAssetIds": []},
    "submodels": [],
    "derivedFrom": None,
}
BARE: dict[str, Any] = {
    "modelType": "Submodel",
    "id": "urn:sm:bare",
    "idShort": "Bare",
    "description": [],
    "semanticId": None,
    "submodelElements": [
        {"modelType": "SubmodelElementCollection", "idShort": "Empty", "value": []},
        {"modelType": "Entity", "idShort": "Part", "entityType": "CoManagedEntity", "specificAssetIds": []},
    ],
}
FAULTY: dict[str, Any] = {
    "modelType": "Submodel",
    "id": "urn:sm:vendor",
    "idShort": "Vendor",
    "submodelElements": [
        {"modelType": "Property", "idShort": "X", "valueType": "xs:int", "value": "1"},
        {"modelType": "Property", "idShort": "Speed", "valueType": "xs:int", "value": "fast"},
        {"modelType": "Property", "idShort": "Level", "valueType": "xs:int", "value": "3"},
    ],
}
VENDOR = f"{V31}/submodels/{encode_id(FAULTY['id'])}"


def prop(name: str, value: str) -> dict[str, Any]:
    return {"modelType": "Property", "idShort": name, "valueType": "xs:int", "value": value}


@pytest.mark.parametrize("mount", [V30, V31])
async def test_members_that_say_nothing_are_left_out(ada: httpx.AsyncClient, mount: str) -> None:
    shell = await ada.post(f"{mount}/shells", json=OPEN)
    assert (shell.status_code, shell.json()) == (201, {
        "modelType": "AssetAdministrationShell", "id": "urn:aas:open",
        "assetInformation": {"assetKind": "Instance", "globalAssetId": "urn:asset:open"},
    })  # fmt: skip
    submodel = await ada.post(f"{mount}/submodels", json=BARE)
    assert (submodel.status_code, submodel.json()) == (201, {
        "modelType": "Submodel", "id": "urn:sm:bare", "idShort": "Bare", "submodelElements": [
            {"modelType": "SubmodelElementCollection", "idShort": "Empty"},
            {"modelType": "Entity", "idShort": "Part", "entityType": "CoManagedEntity"},
        ],
    })  # fmt: skip
    address = f"{mount}/submodels/{encode_id(BARE['id'])}"
    assert (await ada.put(address, json=BARE)).status_code == 204
    added = await ada.post(f"{address}/submodel-elements/Empty", json=prop("Speed", "1") | {"qualifiers": []})
    assert (added.status_code, added.json()) == (201, prop("Speed", "1"))


async def test_an_empty_list_in_a_patch_takes_the_list_away(ada: httpx.AsyncClient) -> None:
    address = f"{V31}/submodels/{S}/submodel-elements/AllKinds.Mlp"
    assert (await ada.patch(address, json={"value": []})).status_code == 204
    assert "value" not in (await ada.get(address)).json()


async def test_a_descriptor_may_have_empty_lists_too(ada: httpx.AsyncClient) -> None:
    body = {"id": "urn:aas:d", "description": None, "specificAssetIds": [], "submodelDescriptors": [], "endpoints": []}
    made = await ada.post(f"{V31}/shell-descriptors", json=body)
    assert (made.status_code, made.json()) == (201, {"id": "urn:aas:d"})


async def test_texts_in_languages_are_taken_as_an_object_too(ada: httpx.AsyncClient) -> None:
    address = f"{V31}/submodels/{S}/submodel-elements/AllKinds.Mlp/$value"
    assert (await ada.patch(address, json={"en": "pump", "zh": "泵"})).status_code == 204
    assert (await ada.get(address)).json() == [{"en": "pump"}, {"zh": "泵"}]


async def test_a_reference_to_nothing_has_no_value(ada: httpx.AsyncClient) -> None:
    body = BARE | {"submodelElements": [{"modelType": "ReferenceElement", "idShort": "Leads"}, prop("Speed", "1")]}
    assert (await ada.post(f"{V31}/submodels", json=body)).status_code == 201
    assert (await ada.get(f"{V31}/submodels/{encode_id(BARE['id'])}/$value")).json() == {"Speed": 1}


async def test_a_byte_order_mark_before_a_body_does_no_harm(ada: httpx.AsyncClient) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(BARE).encode()
    assert (await ada.post(f"{V31}/submodels", content=body)).status_code == 201


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/xml, */*;q=0.1", "application/xml"),
        ("application/json;q=0.1, application/xml;q=0.9", "application/xml"),
        (f"{AASX}, application/json;q=0.5", AASX),
        ("text/html, image/gif, */*; q=.2", "application/json"),
        ("image/png, application/*;q=0.5", "application/json"),
        ("", "application/json"),
    ],
)
async def test_the_format_wanted_most_is_made(eve: httpx.AsyncClient, accept: str, media: str) -> None:
    answer = await eve.get(f"{V31}/serialization?aasIds={A}", headers={"accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)


async def test_a_format_wanted_not_at_all_is_not_made(eve: httpx.AsyncClient) -> None:
    is_result(await eve.get(f"{V31}/serialization", headers={"accept": "application/json;q=0, image/png"}), 406)


async def test_the_name_of_a_file_may_stand_in_the_address(ada: httpx.AsyncClient) -> None:
    files = {"file": ("blob", b"content", "application/pdf")}
    assert (await ada.put(f"{FILE}/attachment?fileName=manual.pdf", files=files)).status_code == 204
    found = await ada.get(f"{FILE}/attachment")
    assert found.headers["content-disposition"] == "attachment; filename*=UTF-8''manual.pdf"


# ---- what a file brought with faults ----


@pytest.fixture
async def vendor(served: Served) -> Served:
    assert (await served.repository.take_in(PLATFORM, {"submodels": [FAULTY]})).created == 1
    return served


async def elements(client: httpx.AsyncClient) -> list[Any]:
    return list((await client.get(VENDOR)).json()["submodelElements"])


async def test_what_a_file_brought_with_faults_is_changed_beside_them(vendor: Served, ada: httpx.AsyncClient) -> None:
    at = f"{VENDOR}/submodel-elements"
    assert (await ada.post(at, json=prop("More", "5"))).status_code == 201
    assert (await ada.patch(f"{at}/Level", json={"category": "VARIABLE"})).status_code == 204
    assert (await ada.delete(f"{at}/More")).status_code == 204
    whole = (await ada.get(VENDOR)).json()
    whole["submodelElements"].insert(0, prop("First", "0"))
    assert (await ada.put(VENDOR, json=whole)).status_code == 204
    assert await elements(ada) == [
        prop("First", "0"), *FAULTY["submodelElements"][:2], prop("Level", "3") | {"category": "VARIABLE"},
    ]  # fmt: skip


async def test_elements_with_names_of_vendors_are_read_written_and_asked_for(
    served: Served, ada: httpx.AsyncClient
) -> None:
    motor = {"modelType": "SubmodelElementCollection", "idShort": "电机 1", "value": [prop("温度", "20")]}
    held = FAULTY | {"submodelElements": [motor, prop("转速", "5"), prop("1st", "9")]}
    assert (await served.repository.take_in(PLATFORM, {"submodels": [held]})).created == 1
    for path, value in (("电机 1.温度", 20), ("转速", 5), ("1st", 9)):
        address = f"{VENDOR}/submodel-elements/{quote(path)}/$value"
        assert (await ada.get(address)).json() == value
        assert (await ada.patch(address, json=value + 1)).status_code == 204
        assert (await ada.get(address)).json() == value + 1
    for field, value in (("$sme.转速#value", 6), ("$sme.1st#value", 10)):
        condition = {"$eq": [{"$field": field}, {"$numVal": value}]}
        found = await ada.post(f"{V31}/query/submodels", json={"$select": "id", "$condition": condition})
        assert found.json()["result"] == [FAULTY["id"]]


async def test_a_new_fault_beside_old_ones_is_refused_and_named(vendor: Served, ada: httpx.AsyncClient) -> None:
    at = f"{VENDOR}/submodel-elements"
    text = is_result(await ada.post(at, json=prop("More", "slow")), 400)
    assert "More" in text
    assert "more." not in text
    whole = (await ada.get(VENDOR)).json()
    whole["submodelElements"][2]["value"] = "low"
    assert "Level" in is_result(await ada.put(VENDOR, json=whole), 400)
    assert await elements(ada) == FAULTY["submodelElements"]


async def test_old_faults_are_mended_one_by_one(vendor: Served, ada: httpx.AsyncClient) -> None:
    at = f"{VENDOR}/submodel-elements/Speed"
    assert (await ada.patch(at, json={"value": "7"})).status_code == 204
    assert "Speed" in is_result(await ada.patch(at, json={"value": "fast"}), 400)
    assert (await elements(ada))[1] == prop("Speed", "7")


async def test_who_sees_nothing_of_a_document_may_not_borrow_its_faults(vendor: Served) -> None:
    stranger = await vendor.token(Grant(role=Role.ENGINEER, subtree="other"))
    async with vendor.client(stranger) as client:
        is_result(await client.put(VENDOR, json=FAULTY), 400)
    found = await vendor.repository.get(PLATFORM, Kind.SUBMODEL, FAULTY["id"])
    assert found.version == 1
