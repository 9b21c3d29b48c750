"""A number is indexed as a number alone, and is found by its text all the same."""

from __future__ import annotations

from typing import Any

import pytest

from lineshaft.kernel.db import Database
from lineshaft.twins.metamodel import query
from lineshaft.twins.model.graph import Compare, Condition
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.service.repository import Repository
from lineshaft.twins.store import elements

from .conftest import ADA, EVE

VALUES = {
    "Width": ("xs:double", "07.50"),
    "Count": ("xs:int", "75"),
    "On": ("xs:boolean", "true"),
    "Day": ("xs:date", "2026-02-03"),
    "At": ("xs:dateTime", "2026-02-03T04:05:06Z"),
    "Hour": ("xs:time", "04:05:06"),
    "Code": ("xs:string", "75"),
    "Odd": ("xs:double", "NaN"),
}


@pytest.fixture
async def written(repository: Repository) -> None:
    for number, (name, (type_, value)) in enumerate(VALUES.items()):
        element = {"modelType": "Property", "idShort": name, "valueType": type_, "value": value}
        document = {
            "modelType": "Submodel",
            "id": f"urn:{name}",
            "idShort": f"S{number}",
            "submodelElements": [element],
        }
        await repository.create(ADA, Kind.SUBMODEL, document)


def asked(op: str, text: str) -> Any:
    return query.parse({"$condition": {op: [{"$field": "$sme#value"}, {"$strVal": text}]}}, "submodels")


@pytest.mark.parametrize(
    ("op", "text", "found"),
    [
        ("$eq", "07.50", ["urn:Width"]),
        ("$eq", "7.5", []),
        ("$eq", "75", ["urn:Count", "urn:Code"]),
        ("$eq", "true", ["urn:On"]),
        ("$eq", "1", []),
        ("$eq", "2026-02-03", ["urn:Day"]),
        ("$eq", "2026-02-03T04:05:06Z", ["urn:At"]),
        ("$eq", "04:05:06", ["urn:Hour"]),
        ("$eq", "NaN", ["urn:Odd"]),
        ("$starts-with", "7", ["urn:Count", "urn:Code"]),
        ("$starts-with", "2026", ["urn:Day", "urn:At"]),
    ],
)
@pytest.mark.usefixtures("written")
async def test_whatever_the_type_a_value_is_found_by_its_text(
    repository: Repository, op: str, text: str, found: list[str]
) -> None:
    question = asked(op, text)
    page = await repository.ask(EVE, Kind.SUBMODEL, question, limit=10)
    assert [one.id for one in page.documents] == found


@pytest.mark.parametrize(
    ("compare", "found"), [(Compare.EQ, {"Count", "Code"}), (Compare.GE, {"Count", "Code", "On", "Odd"})]
)
@pytest.mark.usefixtures("written")
async def test_the_graph_compares_texts_of_numbers_too(db: Database, compare: Compare, found: set[str]) -> None:
    async with db.read() as tx:
        hits = [hit async for hit in elements.matching(tx, Condition(compare=compare, value="75"), None)]
    assert {hit.path for hit in hits} == found
