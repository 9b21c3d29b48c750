"""The query language over HTTP: one element must fit a whole `$match`, patterns cannot run away, rights count."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from lineshaft.security import PLATFORM, Grant, Role
from lineshaft.twins.model.repository import Kind

from .conftest import AAS, SM, TWO, V31, Served
from .test_reading import is_result

WIDTH = "0173-1#02-BAF016#006"


def meaning(text: str) -> dict[str, Any]:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": text}]}


def number(name: str, value: str, semantic: str = "") -> dict[str, Any]:
    told = {"modelType": "Property", "idShort": name, "valueType": "xs:double", "value": value}
    return told | ({"semanticId": meaning(semantic)} if semantic else {})


def text(name: str, value: str) -> dict[str, Any]:
    return {"modelType": "Property", "idShort": name, "valueType": "xs:string", "value": value}


def starter(id_: str, product_class: str, *elements: dict[str, Any]) -> dict[str, Any]:
    """A submodel of technical data with a list of classifications."""
    classes = [
        {
            "modelType": "SubmodelElementCollection",
            "value": [text("System", "ECLASS"), text("ProductClassId", product_class)],
        },
        {
            "modelType": "SubmodelElementCollection",
            "value": [text("System", "UNSPSC"), text("ProductClassId", "39121529")],
        },
    ]
    listed = {"modelType": "SubmodelElementList", "idShort": "ProductClassifications",
              "typeValueListElement": "SubmodelElementCollection", "value": classes}  # fmt: skip
    return {"modelType": "Submodel", "id": id_, "idShort": "TechnicalData", "submodelElements": [listed, *elements]}


STARTERS = [
    starter("sm:narrow", "27-37-09-05", number("Width", "45", WIDTH)),
    starter("sm:wide", "27-37-09-05", number("Width", "150", WIDTH), number("Depth", "45", "other")),
    starter("sm:pump", "36-41-01-01", number("Width", "45", WIDTH)),
]


def eq(field: str, value: str) -> dict[str, Any]:
    return {"$eq": [{"$field": field}, {"$strVal": value}]}


MATCHING = {
    "$and": [
        {"$match": [eq("$sm#idShort", "TechnicalData"),
                    eq("$sme.ProductClassifications[].ProductClassId#value", "27-37-09-05")]},
        {"$match": [eq("$sm#idShort", "TechnicalData"), eq("$sme#semanticId", WIDTH),
                    {"$lt": [{"$field": "$sme#value"}, {"$numVal": 100}]}]},
    ]
}  # fmt: skip


@pytest.fixture
async def filled(served: Served) -> Served:
    for one in STARTERS:
        await served.repository.create(PLATFORM, Kind.SUBMODEL, one)
    return served


async def ask(client: httpx.AsyncClient, condition: Any, about: str = "submodels", **more: Any) -> list[str]:
    answer = await client.post(f"{V31}/query/{about}", json={"$select": "id", "$condition": condition} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


async def test_t45_a_match_wants_one_element_that_fits_everything(filled: Served, eve: httpx.AsyncClient) -> None:
    answer = await eve.post(f"{V31}/query/submodels", json={"$condition": MATCHING})
    assert answer.json() == {"paging_metadata": {"resultType": "Submodel"}, "result": [STARTERS[0]]}
    apart = {"$and": [eq("$sme#semanticId", WIDTH), {"$lt": [{"$field": "$sme#value"}, {"$numVal": 100}]}]}
    assert await ask(eve, apart) == ["sm:narrow", "sm:wide", "sm:pump"]


async def test_t45_a_match_wants_one_member_of_a_list(filled: Served, eve: httpx.AsyncClient) -> None:
    def both(system: str) -> list[dict[str, Any]]:
        at = "$sme.ProductClassifications[]"
        return [eq(f"{at}.System#value", system), eq(f"{at}.ProductClassId#value", "36-41-01-01")]

    assert await ask(eve, {"$match": both("ECLASS")}) == ["sm:pump"]
    assert await ask(eve, {"$match": both("UNSPSC")}) == []
    assert await ask(eve, {"$and": both("UNSPSC")}) == ["sm:pump"]


async def test_t46_ids_can_be_selected_and_nothing_else(filled: Served, eve: httpx.AsyncClient) -> None:
    body = {"$select": "id", "$condition": MATCHING}
    answer = await eve.post(f"{V31}/query/submodels", json=body)
    assert answer.json() == {"paging_metadata": {"resultType": "Identifier"}, "result": ["sm:narrow"]}
    is_result(await eve.post(f"{V31}/query/submodels", json=body | {"$select": "idShort"}), 400)


@pytest.mark.parametrize(
    "condition",
    [
        eq("$foo#x", "1"),
        eq("$sm#nothing", "1"),
        eq("$sm.Path#idShort", "1"),
        eq("$cd#id", "1"),
        {},
        [],
        None,
        {"$eq": []},
        {"$and": []},
        {"$xor": []},
        {"$eq": [{"$strVal": 5}, {"$strVal": "a"}]},
        {"$not": {}},
        {"$boolean": "yes"},
        {"$regex": [{"$field": "$sm#idShort"}, {"$strVal": "("}]},
        {"$regex": [{"$field": "$sm#id"}, {"$field": "$sm#id"}]},
        {"$regex": [{"$field": "$sm#idShort"}, {"$strVal": "(?=a)b"}]},
        {"$numVal": 1},
        {"$or": [{"$boolean": True}] * 600},
    ],
)
async def test_t46_what_is_not_in_the_language_is_400(eve: httpx.AsyncClient, condition: Any) -> None:
    is_result(await eve.post(f"{V31}/query/submodels", json={"$condition": condition}), 400)


async def test_t46_a_question_is_bounded_in_depth_and_size(eve: httpx.AsyncClient) -> None:
    condition: Any = {"$boolean": True}
    for _ in range(40):
        condition = {"$not": condition}
    is_result(await eve.post(f"{V31}/query/submodels", json={"$condition": condition}), 400)
    is_result(await eve.post(f"{V31}/query/submodels", json={"$condition": eq("$sm#id", "x" * 70_000)}), 413)


async def test_t47_a_catastrophic_pattern_answers_within_a_second(served: Served, eve: httpx.AsyncClient) -> None:
    hostile = {"modelType": "Submodel", "id": "sm:hostile", "submodelElements": [text("Text", "a" * 5000 + "!")]}
    await served.repository.create(PLATFORM, Kind.SUBMODEL, hostile)
    start = time.process_time()
    found = await ask(eve, {"$regex": [{"$field": "$sme.Text#value"}, {"$strVal": "^(a+)+$"}]})
    assert (found, time.process_time() - start < 1) == ([], True)
    assert await ask(eve, {"$regex": [{"$field": "$sme.Text#value"}, {"$strVal": "^(a+)+!$"}]}) == ["sm:hostile"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"$boolean": True}, [SM, TWO, "sm:narrow", "sm:wide", "sm:pump"]),
        ({"$not": eq("$sm#idShort", "TechnicalData")}, [SM, TWO]),
        ({"$or": [eq("$sm#id", SM), eq("$sm#idShort", "Two")]}, [SM, TWO]),
        (eq("$sm#semanticId", "https://example.com/st/all/1/0"), [SM]),
        (eq("$sme.AllKinds.Coll.Speed#semanticId", "0173-1#02-BAA120#008"), [SM]),
        ({"$eq": [{"$numVal": 5000}, {"$field": "$sme.AllKinds.Coll.Speed#value"}]}, [SM]),
        ({"$gt": [{"$numVal": 100}, {"$field": "$sme.Width#value"}]}, ["sm:narrow", "sm:pump"]),
        ({"$contains": [{"$field": "$sm#idShort"}, {"$strVal": "echnical"}]}, ["sm:narrow", "sm:wide", "sm:pump"]),
        ({"$starts-with": [{"$field": "$sme#value"}, {"$strVal": "36-"}]}, ["sm:pump"]),
        ({"$ends-with": [{"$field": "$sme#value"}, {"$strVal": "-05"}]}, ["sm:narrow", "sm:wide"]),
        ({"$eq": [{"$numCast": {"$field": "$sme.Second.Remark#value"}}, {"$numVal": 1}]}, []),
        ({"$match": [eq("$sme.AllKinds.Mlp#language", "en"), eq("$sme.AllKinds.Mlp#value", "hello")]}, [SM]),
        (eq("$aas#assetInformation.globalAssetId", "https://example.com/asset/1"), [SM, TWO]),
        ({"$ne": [{"$field": "$sm#idShort"}, {"$strVal": "All"}]}, [TWO, "sm:narrow", "sm:wide", "sm:pump"]),
    ],
)
async def test_conditions_find_what_they_say(
    filled: Served, eve: httpx.AsyncClient, condition: Any, expected: list[str]
) -> None:
    assert await ask(eve, condition) == expected


async def test_shells_are_found_by_their_assets_and_by_what_is_in_their_submodels(eve: httpx.AsyncClient) -> None:
    pair = [eq("$aas#assetInformation.specificAssetIds[].name", "serialNumber"),
            eq("$aas#assetInformation.specificAssetIds[].value", "SN1")]  # fmt: skip
    assert await ask(eve, {"$match": pair}, "shells") == [AAS]
    assert await ask(eve, eq("$sme.AllKinds.Prop#idShort", "Prop"), "shells") == [AAS, "https://example.com/aas/2"]
    assert await ask(eve, eq("$cd#idShort", "MaxRotationSpeed"), "concept-descriptions") == ["0173-1#02-BAA120#008"]


async def test_a_question_sees_hot_values(served: Served, ada: httpx.AsyncClient) -> None:
    await served.repository.write_values(PLATFORM, SM, {"AllKinds.Coll.Speed": "7"})
    fast = {
        "$match": [eq("$sme#semanticId", "0173-1#02-BAA120#008"), {"$eq": [{"$field": "$sme#value"}, {"$numVal": 7}]}]
    }
    assert await ask(ada, fast) == [SM]


async def test_t82_a_question_finds_nothing_in_branches_one_may_not_see(served: Served) -> None:
    place = (await served.repository.get(PLATFORM, Kind.SUBMODEL, SM)).place
    async with served.client(await served.token(Grant(role=Role.VIEWER, subtree=f"{place}/AllKinds/Prop"))) as client:
        assert await ask(client, eq("$sme.AllKinds.Prop#idShort", "Prop")) == [SM]
        assert await ask(client, eq("$sme.AllKinds.Rng#idShort", "Rng")) == []
        assert await ask(client, eq("$sme.Second.Remark#value", "q")) == []


async def test_t35_answers_are_paged_and_a_cursor_belongs_to_its_question(
    filled: Served, eve: httpx.AsyncClient
) -> None:
    body = {"$select": "id", "$condition": eq("$sm#idShort", "TechnicalData")}
    found, cursor = [], ""
    while True:
        answer = await eve.post(f"{V31}/query/submodels?limit=1" + (f"&cursor={cursor}" if cursor else ""), json=body)
        found += answer.json()["result"]
        if (cursor := answer.json()["paging_metadata"].get("cursor")) is None:
            break
        last = cursor
    assert found == ["sm:narrow", "sm:wide", "sm:pump"]
    other = {"$select": "id", "$condition": {"$boolean": True}}
    is_result(await eve.post(f"{V31}/query/submodels?cursor={last}", json=other), 400)
