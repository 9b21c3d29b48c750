"""Writing over HTTP: create, replace, patch and delete; a refused write changes nothing."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest

from lineshaft.security import PLATFORM, AuditFilter
from lineshaft.twins.metamodel import forms
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind

from .conftest import AAS, ENVIRONMENT, SM, V30, V31, A, S, Served, T
from .test_reading import is_result

SUBMODEL = f"{V31}/submodels/{S}"
ELEMENTS = f"{SUBMODEL}/submodel-elements"
NEW: dict[str, Any] = {
    "modelType": "Submodel",
    "id": "https://example.com/sm/new",
    "idShort": "New",
    "kind": "Instance",
}
TEXT: dict[str, Any] = {"modelType": "Property", "idShort": "Text", "valueType": "xs:string", "value": "t"}
MOTOR = {"modelType": "SubmodelElementCollection", "idShort": "Motor", "value": [TEXT, TEXT]}


async def state(served: Served, id_: str = SM) -> bytes:
    return (await served.repository.get(PLATFORM, Kind.SUBMODEL, id_)).body


async def test_t13_a_submodel_is_created_once(ada: httpx.AsyncClient) -> None:
    made = await ada.post(f"{V31}/submodels", json=NEW)
    assert (made.status_code, made.json()) == (201, NEW)
    assert made.headers["location"] == f"{V31}/submodels/{encode_id(NEW['id'])}"
    assert (await ada.get(made.headers["location"])).headers["etag"] == made.headers["etag"]
    is_result(await ada.post(f"{V31}/submodels", json=NEW), 409)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"modelType": "Submodel", "idShort": "New"}, "id"),
        (NEW | {"submodelElements": [TEXT, TEXT]}, "wrong at Text: AASd-022: an idShort stands only once"),
        (NEW | {"submodelElements": [MOTOR]}, "wrong at Motor.Text: AASd-022"),
        (NEW | {"submodelElements": [TEXT | {"value": 5}]}, "Text/value"),
        (NEW | {"idShort": "9"}, "idShort"),
        (NEW | {"modelType": "AssetAdministrationShell"}, "AssetAdministrationShell"),
        ([NEW], "not a JSON object"),
    ],
)
async def test_t13_a_wrong_submodel_is_refused_with_its_place(ada: httpx.AsyncClient, body: Any, says: str) -> None:
    assert says in is_result(await ada.post(f"{V31}/submodels", json=body), 400)
    is_result(await ada.get(f"{V31}/submodels/{encode_id(NEW['id'])}"), 404)


async def test_t14_put_replaces_or_creates(ada: httpx.AsyncClient) -> None:
    changed = ENVIRONMENT["submodels"][1] | {"idShort": "Zwei"}
    answer = await ada.put(f"{V31}/submodels/{T}", json=changed)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await ada.get(f"{V31}/submodels/{T}")).json() == changed
    address = f"{V31}/submodels/{encode_id(NEW['id'])}"
    made = await ada.put(address, json=NEW)
    assert (made.status_code, made.headers["location"]) == (201, address)
    assert "never changes" in is_result(await ada.put(f"{V31}/submodels/{T}", json=NEW), 400)


async def test_t84_a_change_of_an_outdated_document_is_412(served: Served, ada: httpx.AsyncClient) -> None:
    old = (await ada.get(SUBMODEL)).headers["etag"]
    assert (await ada.patch(SUBMODEL, json={"idShort": "Anew"}, headers={"if-match": old})).status_code == 204
    before = await state(served)
    for method, address, body in (
        ("PUT", SUBMODEL, ENVIRONMENT["submodels"][0]),
        ("PATCH", SUBMODEL, {"idShort": "Other"}),
        ("DELETE", SUBMODEL, None),
        ("PUT", f"{ELEMENTS}/Second", {"modelType": "Capability", "idShort": "Second"}),
        ("PATCH", f"{ELEMENTS}/AllKinds.Prop/$value", 3),
        ("DELETE", f"{ELEMENTS}/Second", None),
    ):
        is_result(await ada.request(method, address, json=body, headers={"if-match": old}), 412)
    assert await state(served) == before


async def test_t15_a_value_is_patched(served: Served, ada: httpx.AsyncClient) -> None:
    address = f"{ELEMENTS}/AllKinds.Prop"
    described = (await ada.get(f"{address}/$metadata")).json()
    answer = await ada.patch(f"{address}/$value", json=2.5)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await ada.get(f"{address}/$value")).json() == 2.5
    assert (await ada.get(f"{address}/$metadata")).json() == described
    before = await state(served)
    assert "xs:double" in is_result(await ada.patch(f"{address}/$value", json="abc"), 400)
    is_result(await ada.patch(f"{address}/$value", json={"Prop": 2.5}), 400)
    assert await state(served) == before
    old = address.replace(V31, V30)
    for body in (3.5, {"Prop": 4.5}):
        assert (await ada.patch(f"{old}/$value", json=body)).status_code == 204
    assert (await ada.get(f"{old}/$value")).json() == {"Prop": 4.5}


async def test_t16_values_of_a_submodel_are_patched_all_or_none(served: Served, ada: httpx.AsyncClient) -> None:
    before = (await ada.get(SUBMODEL)).json()
    answer = await ada.patch(f"{SUBMODEL}/$value", json={"AllKinds": {"Prop": 3, "Rng": {"min": 0, "max": 9}}})
    assert answer.status_code == 204
    after = (await ada.get(SUBMODEL)).json()
    kinds = {one["idShort"]: one for one in after["submodelElements"][0]["value"]}
    assert (kinds["Prop"]["value"], kinds["Rng"]["min"], kinds["Rng"]["max"]) == ("3", "0", "9")
    kinds["Prop"]["value"], kinds["Rng"]["min"], kinds["Rng"]["max"] = "1.5", "1", "2"
    assert after == before
    kept = await state(served)
    wrong = {"AllKinds": {"Prop": 4, "Nothing": 1}}
    assert "Nothing" in is_result(await ada.patch(f"{SUBMODEL}/$value", json=wrong), 400)
    is_result(await ada.patch(f"{SUBMODEL}/$value", json={"AllKinds": {"Prop": 4, "List": ["a", 5]}}), 400)
    assert await state(served) == kept


async def test_t17_metadata_is_patched_and_the_value_stays(ada: httpx.AsyncClient) -> None:
    address = f"{ELEMENTS}/AllKinds.Prop"
    named = [{"language": "en", "text": "A property"}]
    body = (await ada.get(f"{address}/$metadata")).json() | {"displayName": named}
    assert (await ada.patch(f"{address}/$metadata", json=body)).status_code == 204
    found = (await ada.get(address)).json()
    assert (found["displayName"], found["value"]) == (named, "1.5")
    whole = (await ada.get(f"{SUBMODEL}/$metadata")).json() | {"displayName": named}
    assert (await ada.patch(f"{SUBMODEL}/$metadata", json=whole)).status_code == 204
    assert len((await ada.get(SUBMODEL)).json()["submodelElements"]) == 2
    is_result(await ada.patch(f"{SUBMODEL}/$metadata?level=core", json=whole), 400)


async def test_t18_elements_are_added_to_a_list_and_move_down(ada: httpx.AsyncClient) -> None:
    address = f"{ELEMENTS}/AllKinds.List"
    member = {"modelType": "Property", "valueType": "xs:string", "value": "c"}
    made = await ada.post(address, json=member)
    assert (made.status_code, made.json()) == (201, member)
    assert made.headers["location"].endswith("AllKinds.List%5B2%5D")
    assert (await ada.get(made.headers["location"])).json() == member
    assert (await ada.delete(f"{address}%5B0%5D")).status_code == 204
    assert (await ada.get(f"{address}/$value")).json() == ["b", "c"]


async def test_elements_are_added_replaced_patched_and_deleted(ada: httpx.AsyncClient) -> None:
    made = await ada.post(ELEMENTS, json=TEXT)
    assert (made.status_code, made.headers["location"]) == (201, f"{ELEMENTS}/Text")
    is_result(await ada.post(ELEMENTS, json=TEXT), 409)
    made = await ada.put(f"{ELEMENTS}/Second.More", json=TEXT | {"idShort": "More"})
    assert (made.status_code, made.headers["location"]) == (201, f"{ELEMENTS}/Second.More")
    assert (await ada.put(f"{ELEMENTS}/Second.More", json=TEXT | {"idShort": "More", "value": "u"})).status_code == 204
    assert (await ada.patch(f"{ELEMENTS}/Second.More", json={"category": "PARAMETER"})).status_code == 204
    assert (await ada.get(f"{ELEMENTS}/Second.More")).json() == TEXT | {
        "idShort": "More", "value": "u", "category": "PARAMETER",
    }  # fmt: skip
    assert (await ada.delete(f"{ELEMENTS}/Second.More")).status_code == 204
    is_result(await ada.get(f"{ELEMENTS}/Second.More"), 404)
    is_result(await ada.delete(f"{ELEMENTS}/Second.More"), 404)


async def test_a_wrong_element_changes_nothing(served: Served, ada: httpx.AsyncClient) -> None:
    before = await state(served)
    for method, tail, body in (
        ("POST", "", {"modelType": "Nonsense"}),
        ("POST", "", {"modelType": "Capability"}),
        ("POST", "/AllKinds.Prop", TEXT),
        ("POST", "/Second", TEXT | {"valueType": "xs:int"}),
        ("PUT", "/Second.Other", TEXT),
        ("PATCH", "/Second", {"modelType": "Capability"}),
        ("PATCH", "/Second", {"idShort": "AllKinds"}),
        ("PUT", "/AllKinds.List%5B0%5D", {"modelType": "Capability"}),
    ):
        answer = await ada.request(method, f"{ELEMENTS}{tail}", json=body)
        is_result(answer, 409 if "AllKinds" in str(body) else 400)
    assert await state(served) == before


async def test_a_submodel_is_patched_by_its_parts(ada: httpx.AsyncClient) -> None:
    body = {"idShort": "Every", "submodelElements": [{"idShort": "Second", "modelType": "SubmodelElementCollection",
            "category": "PARAMETER"}, TEXT]}  # fmt: skip
    assert (await ada.patch(SUBMODEL, json=body)).status_code == 204
    found = (await ada.get(SUBMODEL)).json()
    assert found["idShort"] == "Every"
    assert [one["idShort"] for one in found["submodelElements"]] == ["AllKinds", "Second", "Text"]
    assert found["submodelElements"][1]["value"][0]["value"] == "q"
    is_result(await ada.patch(SUBMODEL, json={"id": "other"}), 400)


async def test_a_submodel_deleted_below_a_shell_takes_the_reference_along(ada: httpx.AsyncClient) -> None:
    assert (await ada.delete(f"{V31}/shells/{A}/submodels/{T}")).status_code == 204
    is_result(await ada.get(f"{V31}/submodels/{T}"), 404)
    refs = (await ada.get(f"{V31}/shells/{A}/submodel-refs")).json()["result"]
    assert [one["keys"][0]["value"] for one in refs] == [SM]


async def test_references_to_submodels_are_added_once_and_taken_back(ada: httpx.AsyncClient) -> None:
    refs = f"{V31}/shells/{A}/submodel-refs"
    new = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": "https://example.com/sm/new"}]}
    assert (await ada.post(refs, json=new)).status_code == 201
    is_result(await ada.post(refs, json=new), 409)
    is_result(await ada.post(refs, json={"type": "ModelReference", "keys": []}), 400)
    assert len((await ada.get(refs)).json()["result"]) == 3
    assert (await ada.delete(f"{refs}/{encode_id('https://example.com/sm/new')}")).status_code == 204
    is_result(await ada.delete(f"{refs}/{encode_id('https://example.com/sm/new')}"), 404)


async def test_asset_information_is_replaced(ada: httpx.AsyncClient) -> None:
    address = f"{V31}/shells/{A}/asset-information"
    body = (await ada.get(address)).json() | {"assetType": "https://example.com/type/press"}
    assert (await ada.put(address, json=body)).status_code == 204
    assert (await ada.get(f"{V31}/shells/{A}")).json()["assetInformation"] == body
    is_result(await ada.put(address, json={"assetKind": "Nonsense"}), 400)
    assert (await ada.get(address)).json() == body


async def test_concept_descriptions_are_created_read_replaced_and_deleted(ada: httpx.AsyncClient) -> None:
    case = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "https://example.com/case"}]}
    body = {"modelType": "ConceptDescription", "id": "https://example.com/cd/1", "idShort": "Depth", "isCaseOf": [case]}
    address = f"{V31}/concept-descriptions/{encode_id(body['id'])}"
    assert (await ada.post(f"{V31}/concept-descriptions", json=body)).headers["location"] == address
    for query in ("idShort=Depth", f"isCaseOf={encode_id(str(case).replace(chr(39), chr(34)))}"):
        found = (await ada.get(f"{V31}/concept-descriptions?{query}")).json()["result"]
        assert found == [body]
    assert (await ada.put(address, json=body | {"idShort": "Deeper"})).status_code == 204
    assert (await ada.delete(address)).status_code == 204
    is_result(await ada.get(address), 404)


async def test_a_viewer_writes_nothing_and_the_refusal_is_audited(served: Served, eve: httpx.AsyncClient) -> None:
    before = await state(served)
    for method, address, body in (
        ("POST", f"{V31}/submodels", NEW),
        ("PUT", SUBMODEL, NEW | {"id": SM}),
        ("DELETE", SUBMODEL, None),
        ("PATCH", f"{ELEMENTS}/AllKinds.Prop/$value", 9),
        ("POST", ELEMENTS, TEXT),
        ("DELETE", f"{V31}/shells/{A}", None),
    ):
        is_result(await eve.request(method, address, json=body), 403)
    assert await state(served) == before
    denied = await served.security.guard.entries(PLATFORM, AuditFilter(action="twins."))
    assert sum(one.count for one in denied if one.outcome == "denied") == 6


async def test_a_shell_is_written_alone_as_in_its_repository(ada: httpx.AsyncClient) -> None:
    shell = copy.deepcopy(ENVIRONMENT["assetAdministrationShells"][0]) | {"idShort": "Renamed"}
    assert (await ada.put(f"{V31}/one/{A}/aas", json=shell)).status_code == 204
    assert (await ada.get(f"{V31}/shells/{A}")).json() == shell
    assert shell["id"] == AAS


async def test_a_submodel_written_back_as_it_was_read_stays_the_same(ada: httpx.AsyncClient) -> None:
    value = (await ada.get(f"{SUBMODEL}/$value?extent=withBlobValue")).json()
    assert (await ada.patch(f"{SUBMODEL}/$value", json=value)).status_code == 204
    found = (await ada.get(f"{SUBMODEL}?extent=withBlobValue")).json()
    assert found == ENVIRONMENT["submodels"][0]
    assert forms.value(found, blobs=True) == value
