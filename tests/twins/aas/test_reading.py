"""Reading over HTTP: forms, identifiers, filters, modifiers, pages, conditions and the description."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from lineshaft.security import PLATFORM, Grant, Role
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind

from .conftest import AAS, ENVIRONMENT, HERE, SM, TWO, V30, V31, A, S, Served, T

GOLDEN = json.loads((HERE / "golden_forms.json").read_text())
SUFFIX = {"normal": "", "metadata": "/$metadata", "value": "/$value", "reference": "/$reference", "path": "/$path"}
ELEMENTS = f"{V31}/submodels/{S}/submodel-elements"
ROOTS = (
    f"{V31}/submodels/{S}",
    f"{V31}/shells/{A}/submodels/{S}",
    f"{V31}/one/{A}/aas/submodels/{S}",
    f"{V31}/one/{S}/submodel",
)


def encoded(thing: Any) -> str:
    return encode_id(json.dumps(thing))


def is_result(answer: httpx.Response, status: int) -> str:
    """Check that an answer is an error exactly as the specification has it; returns its text."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"messages"}
    (message,) = answer.json()["messages"]
    assert set(message) == {"messageType", "text", "code", "timestamp", "correlationId"}
    assert (message["messageType"], message["code"]) == ("Error", str(status))
    return str(message["text"])


async def pages(client: httpx.AsyncClient, address: str, limit: int = 1) -> AsyncIterator[list[Any]]:
    """Every page of a listing."""
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        answer = await client.get(address, params={"limit": limit, **more})
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"paging_metadata", "result"}
        cursor = answer.json()["paging_metadata"].get("cursor")
        assert cursor != ""
        yield answer.json()["result"]


async def test_t25_seventy_calls_answer_as_the_golden_file_says(eve: httpx.AsyncClient) -> None:
    for name, forms in GOLDEN.items():
        for form, expected in forms.items():
            answer = await eve.get(f"{ELEMENTS}/AllKinds.{name}{SUFFIX[form]}")
            if expected == 400:
                is_result(answer, 400)
            else:
                assert (answer.status_code, answer.json()) == (200, expected), f"{name} {form}"


@pytest.mark.parametrize("root", ROOTS)
async def test_the_tree_of_a_submodel_is_the_same_under_every_root(eve: httpx.AsyncClient, root: str) -> None:
    below = ("", "/$value", "/AllKinds.List%5B1%5D", "/AllKinds.Prop/$value")
    for tail in (*SUFFIX.values(), *(f"/submodel-elements{one}" for one in below)):
        answers = [await eve.get(f"{one}{tail}") for one in (root, ROOTS[0])]
        assert [a.status_code for a in answers] == [200, 200]
        assert answers[0].content == answers[1].content


async def test_t05_the_31_mount_answers_a_bare_scalar(eve: httpx.AsyncClient) -> None:
    tail = f"/submodels/{S}/submodel-elements/AllKinds.Prop/$value"
    assert (await eve.get(V31 + tail)).text == "1.5"
    assert (await eve.get(V30 + tail)).json() == {"Prop": 1.5}


async def test_t06_a_page_of_values_is_one_object_in_version_31(eve: httpx.AsyncClient) -> None:
    found = (await eve.get(f"{ELEMENTS}/$value")).json()
    assert found["paging_metadata"] == {}
    assert list(found["result"]) == ["AllKinds", "Second"]
    assert found["result"]["Second"] == {"Remark": "q"}
    old = (await eve.get(f"{V30}/submodels/{S}/submodel-elements/$value")).json()["result"]
    assert old[1] == {"Second": {"Remark": "q"}}


async def test_t07_a_capability_has_metadata_and_no_value(eve: httpx.AsyncClient) -> None:
    assert (await eve.get(f"{ELEMENTS}/AllKinds.Cap/$metadata")).status_code == 200
    assert "no value-only form" in is_result(await eve.get(f"{ELEMENTS}/AllKinds.Cap/$value"), 400)


async def test_t08_padding_of_an_id_does_not_matter(eve: httpx.AsyncClient) -> None:
    answers = [await eve.get(f"{V31}/shells/{A}{padding}") for padding in ("", "==", "%3D%3D")]
    assert [a.status_code for a in answers] == [200] * 3
    assert {a.content for a in answers} == {answers[0].content}
    assert answers[0].json() == ENVIRONMENT["assetAdministrationShells"][0]


@pytest.mark.parametrize(
    ("text", "status"), [("abc!", 400), ("a", 400), ("_w", 400), (encode_id("https://example.com/none"), 404)]
)
async def test_t09_a_wrong_id_is_400_and_an_unknown_one_404(eve: httpx.AsyncClient, text: str, status: int) -> None:
    is_result(await eve.get(f"{V31}/shells/{text}"), status)


SERIAL = {"name": "serialNumber", "value": "SN1"}


async def ids(client: httpx.AsyncClient, address: str, **params: Any) -> list[str]:
    answer = await client.get(f"{V31}{address}", params=params)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["result"]]


async def test_t10_shells_are_found_by_an_asset_id(eve: httpx.AsyncClient) -> None:
    told = "eyJuYW1lIjoic2VyaWFsTnVtYmVyIiwidmFsdWUiOiJTTjEifQ"
    assert await ids(eve, "/shells", assetIds=told) == [AAS]
    assert await ids(eve, "/shells", idShort="Aas2") == ["https://example.com/aas/2"]
    assert await ids(eve, "/shells", idShort="Aas2", assetIds=told) == []


async def test_t11_all_asset_ids_must_hold(eve: httpx.AsyncClient) -> None:
    right = encoded({"name": "globalAssetId", "value": "https://example.com/asset/1"})
    wrong = encoded({"name": "globalAssetId", "value": "https://example.com/asset/2"})
    assert await ids(eve, "/shells", assetIds=[encoded(SERIAL), right]) == [AAS]
    assert await ids(eve, "/shells", assetIds=[encoded(SERIAL), wrong]) == []
    assert await ids(eve, "/shells", assetIds=f"{encoded(SERIAL)},{right}") == [AAS]


async def test_t12_submodels_are_found_by_semantic_id_main_or_supplemental(
    served: Served, eve: httpx.AsyncClient
) -> None:
    told = {
        "type": "ExternalReference",
        "keys": [{"type": "GlobalReference", "value": "https://example.com/st/all/1/0"}],
    }
    assert await ids(eve, "/submodels", semanticId=encoded(told)) == [SM]
    other = {
        "type": "ExternalReference",
        "keys": [{"type": "GlobalReference", "value": "https://example.com/st/other"}],
    }
    document = ENVIRONMENT["submodels"][1] | {"semanticId": other, "supplementalSemanticIds": [told]}
    await served.repository.replace(PLATFORM, Kind.SUBMODEL, TWO, document)
    assert await ids(eve, "/submodels", semanticId=encoded(told)) == [SM, TWO]


@pytest.mark.parametrize(
    "query", ["assetIds=%%%", "assetIds=" + encoded([]), "assetIds=" + encoded({"name": "x"}), "semanticId=abc",
              "semanticId=" + "A" * 3073, "level=x", "extent=x", "idShort=a&idShort=b"],
)  # fmt: skip
async def test_a_filter_that_cannot_be_read_is_400(eve: httpx.AsyncClient, query: str) -> None:
    is_result(await eve.get(f"{V31}/{'shells' if 'assetIds' in query else 'submodels'}?{query}"), 400)


async def test_t19_level_and_extent_shape_the_answer(eve: httpx.AsyncClient) -> None:
    core = (await eve.get(f"{V31}/submodels/{S}?level=core")).json()
    assert [list(one) for one in core["submodelElements"]] == [["modelType", "idShort"]] * 2
    blob = f"{ELEMENTS}/AllKinds.Blb"
    assert "value" not in (await eve.get(blob)).json()
    assert (await eve.get(f"{blob}?extent=withBlobValue")).json()["value"] == "aGVsbG8="
    is_result(await eve.get(f"{V31}/submodels/{S}/$metadata?level=core"), 400)
    assert (await eve.get(f"{V30}/submodels/{S}/submodel-elements/AllKinds.Prop?level=core")).status_code == 200


LISTINGS = [
    ("/shells", 2), ("/shells/$reference", 2), ("/submodels", 2), ("/submodels/$metadata", 2), ("/submodels/$value", 2),
    ("/submodels/$reference", 2), ("/submodels/$path", 23), ("/concept-descriptions", 1),
    (f"/shells/{A}/submodel-refs", 2),
    (f"/submodels/{S}/submodel-elements", 2), (f"/submodels/{S}/submodel-elements/$path", 22),
    (f"/submodels/{S}/submodel-elements/$reference", 2), (f"/submodels/{S}/submodel-elements/$metadata", 2),
    ("/shell-descriptors", 2), ("/submodel-descriptors", 2), (f"/shell-descriptors/{A}/submodel-descriptors", 2),
    ("/lookup/shells", 2), ("/packages", 2), (f"/one/{T}/submodel/shells", 2),
]  # fmt: skip


@pytest.fixture
async def packages(served: Served) -> None:
    for id_ in ("one", "two"):
        await served.repository.create(PLATFORM, Kind.PACKAGE, {"id": id_, "aasIds": []})


async def test_t32_a_cursor_of_another_filter_is_400(eve: httpx.AsyncClient) -> None:
    def asked(**filters: str) -> str:
        return f"{V31}/shells?" + "&".join(f"{name}={value}" for name, value in filters.items())

    told = (await eve.get(asked(limit="1"))).json()["paging_metadata"]["cursor"]
    assert len((await eve.get(asked(limit="1", cursor=told))).json()["result"]) == 1
    is_result(await eve.get(asked(limit="1", cursor=told, idShort="Aas2")), 400)
    is_result(await eve.get(asked(cursor=told, assetIds=encoded(SERIAL))), 400)


@pytest.mark.parametrize(("address", "count"), LISTINGS)
async def test_t35_every_listing_shows_each_entry_once_and_then_ends(
    eve: httpx.AsyncClient, packages: None, address: str, count: int
) -> None:
    found = [one async for page in pages(eve, V31 + address) for one in page]
    whole = (await eve.get(V31 + address)).json()["result"]
    assert len(whole) == count
    assert found == whole


@pytest.mark.parametrize(("address", "count"), LISTINGS)
async def test_t32_wrong_limits_and_cursors_are_400(eve: httpx.AsyncClient, address: str, count: int) -> None:
    other = (await eve.get(f"{V31}/shells?limit=1&idShort=Aas1")).json()["paging_metadata"]
    foreign = (await eve.get(f"{V31}/submodels/$path?limit=1")).json()["paging_metadata"]["cursor"]
    assert other == {}
    for query in (
        "limit=0",
        "limit=-1",
        "limit=x",
        "limit=",
        "cursor=",
        "cursor=AAAA",
        "cursor=%00",
        f"cursor={foreign}x",
    ):
        is_result(await eve.get(f"{V31}{address}?{query}"), 400)
    if address != "/submodels/$path":
        is_result(await eve.get(f"{V31}{address}?cursor={foreign}"), 400)


async def test_t34_a_page_is_never_larger_than_the_servers_maximum(eve: httpx.AsyncClient) -> None:
    assert (await eve.get(f"{V31}/shells?limit=1000000")).status_code == 200
    assert (await eve.get(f"{V31}/shells?limit=99999999999")).status_code == 400


async def test_t84_who_has_a_document_already_gets_304(eve: httpx.AsyncClient) -> None:
    first = await eve.get(f"{V31}/submodels/{S}")
    etag = first.headers["etag"]
    for told in (etag, f'"x", {etag}', f"W/{etag}", "*"):
        again = await eve.get(f"{V31}/submodels/{S}", headers={"if-none-match": told})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await eve.get(f"{V31}/submodels/{S}", headers={"if-none-match": '"x"'})).status_code == 200


async def test_head_answers_without_a_body(eve: httpx.AsyncClient) -> None:
    head, get = await eve.head(f"{V31}/shells/{A}"), await eve.get(f"{V31}/shells/{A}")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(get.content)))


async def test_a_wrong_method_is_405_and_says_which_are_right(eve: httpx.AsyncClient) -> None:
    answer = await eve.post(f"{V31}/shells/{A}", json={})
    is_result(answer, 405)
    assert answer.headers["allow"] == "DELETE, GET, PUT"
    is_result(await eve.get(f"{V31}/nothing/here"), 404)
    is_result(await eve.get("/api/v3.2/shells"), 404)


async def test_without_a_token_the_answer_is_a_result_of_401(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url) as nobody:
        answer = await nobody.get(f"{V31}/shells")
        assert "Authorization" in is_result(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        is_result(await nobody.get(f"{V31}/shells", headers={"authorization": "Bearer ls_wrong"}), 401)


async def test_a_shell_of_another_part_of_the_plant_does_not_exist(served: Served) -> None:
    stranger = await served.token(Grant(role=Role.ADMIN, subtree="other"))
    async with served.client(stranger) as client:
        is_result(await client.get(f"{V31}/shells/{A}"), 404)
        assert (await client.get(f"{V31}/shells")).json() == {"paging_metadata": {}, "result": []}


async def test_t82_a_viewer_of_one_branch_sees_that_branch_only(served: Served) -> None:
    found = await served.repository.get(PLATFORM, Kind.SUBMODEL, SM)
    token = await served.token(Grant(role=Role.VIEWER, subtree=f"{found.place}/AllKinds/Prop"))
    async with served.client(token) as client:
        seen = (await client.get(f"{V31}/submodels/{S}")).json()["submodelElements"]
        assert [one["idShort"] for one in seen] == ["AllKinds"]
        assert [one["idShort"] for one in seen[0]["value"]] == ["Prop"]
        is_result(await client.get(f"{ELEMENTS}/AllKinds.Rng"), 404)
        assert (await client.get(f"{ELEMENTS}/AllKinds.Prop/$value")).text == "1.5"


async def test_a_submodel_the_shell_does_not_refer_to_is_not_in_its_tree(
    served: Served, eve: httpx.AsyncClient
) -> None:
    new = ENVIRONMENT["submodels"][1] | {"id": "https://example.com/sm/three"}
    await served.repository.create(PLATFORM, Kind.SUBMODEL, new)
    third = encode_id("https://example.com/sm/three")
    assert (await eve.get(f"{V31}/submodels/{third}")).status_code == 200
    is_result(await eve.get(f"{V31}/shells/{A}/submodels/{third}"), 404)
    is_result(await eve.get(f"{V31}/one/{A}/aas/submodels/{third}"), 404)


# ---- stand-alone services ----


async def test_a_stand_alone_service_shows_one_shell_and_nothing_around_it(eve: httpx.AsyncClient) -> None:
    one = f"{V31}/one/{A}"
    shell = ENVIRONMENT["assetAdministrationShells"][0]
    assert (await eve.get(one)).json() == (await eve.get(f"{one}/aas")).json() == shell
    assert (await eve.get(f"{one}/aas/shells")).json()["result"] == [shell]
    assert (await eve.get(f"{one}/aas/$reference")).json()["keys"][-1]["value"] == AAS
    bundle = (await eve.get(f"{one}/aas/serialization")).json()
    assert [s["id"] for s in bundle["assetAdministrationShells"]] == [AAS]
    assert [s["id"] for s in bundle["submodels"]] == [SM, TWO]
    second = encode_id("https://example.com/aas/2")
    is_result(await eve.get(f"{one}/aas/serialization?aasIds={second}"), 404)


async def test_a_stand_alone_service_shows_one_submodel_and_who_refers_to_it(eve: httpx.AsyncClient) -> None:
    one = f"{V31}/one/{T}"
    assert (await eve.get(one)).json() == (await eve.get(f"{one}/submodel")).json() == ENVIRONMENT["submodels"][1]
    shells = (await eve.get(f"{one}/submodel/shells")).json()["result"]
    assert [s["id"] for s in shells] == [AAS, "https://example.com/aas/2"]
    bundle = (await eve.get(f"{one}/submodel/serialization")).json()
    assert ([s["id"] for s in bundle["submodels"]], "assetAdministrationShells" in bundle) == ([TWO], False)


async def test_t23_the_serialization_holds_what_was_asked_for(eve: httpx.AsyncClient) -> None:
    asked = f"{V31}/serialization?aasIds={A}&submodelIds={S}"
    found = (await eve.get(asked)).json()
    assert {group: [one["id"] for one in documents] for group, documents in found.items()} == {
        "assetAdministrationShells": [AAS], "submodels": [SM], "conceptDescriptions": ["0173-1#02-BAA120#008"],
    }  # fmt: skip
    assert "conceptDescriptions" not in (await eve.get(f"{asked}&includeConceptDescriptions=false")).json()
    assert (await eve.get(f"{V31}/serialization")).json() == ENVIRONMENT
    is_result(await eve.get(asked, headers={"accept": "image/png"}), 406)
    is_result(await eve.get(f"{V31}/serialization?includeConceptDescriptions=maybe"), 400)
