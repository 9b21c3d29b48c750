"""T35: every listing keeps the rules of T31 and T33: each entry once while others come and go, and over restarts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from lineshaft.kernel.db import Database
from lineshaft.security import PLATFORM
from lineshaft.security.api import Gate
from lineshaft.twins.api.aas import Services, application, refusal
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.repository import Kind, Link
from lineshaft.twins.service import Bulk, Operations, Repository

from .conftest import AAS, V31, A, Served, served_at

Do = Callable[[Repository, int], Awaitable[Any]]
HOLDER = "urn:sm:holder"
H = encode_id(HOLDER)
QUESTION = {"$select": "id", "$condition": {"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "Listed"}]}}


def reference(number: int) -> dict[str, Any]:
    return {"type": "ModelReference", "keys": [{"type": "Submodel", "value": f"urn:listed:{number:02}"}]}


def document(kind: Kind, number: int) -> dict[str, Any]:
    id_ = f"urn:listed:{number:02}"
    match kind:
        case Kind.SHELL:
            asset = {"assetKind": "Instance", "globalAssetId": f"urn:asset:{number}"}
            return {"modelType": "AssetAdministrationShell", "id": id_, "assetInformation": asset}
        case Kind.SUBMODEL:
            return {"modelType": "Submodel", "id": id_, "idShort": "Listed"}
        case Kind.CONCEPT:
            return {"modelType": "ConceptDescription", "id": id_}
        case Kind.SUBMODEL_DESCRIPTOR:
            return {
                "id": id_,
                "endpoints": [{"interface": "SUBMODEL-3.1", "protocolInformation": {"href": "http://h"}}],
            }
    return {"id": id_} | ({"packageId": id_, "aasIds": []} if kind is Kind.PACKAGE else {})


def documents(kind: Kind) -> tuple[Do, Do]:
    return (
        lambda repository, n: repository.create(PLATFORM, kind, document(kind, n)),
        lambda repository, n: repository.delete(PLATFORM, kind, f"urn:listed:{n:02}"),
    )


def inside(kind: Kind, holder: str, slot: str, make: Callable[[int], Any]) -> tuple[Do, Do]:
    """Entries that stand in one document."""

    async def add(repository: Repository, n: int) -> None:
        await repository.change(PLATFORM, kind, holder, lambda d: d | {slot: [*d.get(slot, ()), make(n)]})

    async def drop(repository: Repository, n: int) -> None:
        await repository.change(PLATFORM, kind, holder, lambda d: d | {slot: [o for o in d[slot] if o != make(n)]})

    return add, drop


async def linked(repository: Repository, n: int) -> None:
    await repository.put_links(PLATFORM, f"urn:listed:{n:02}", [Link(name="batch", value="B7")])


async def unlinked(repository: Repository, n: int) -> None:
    await repository.drop_links(PLATFORM, f"urn:listed:{n:02}")


def element(number: int) -> dict[str, Any]:
    return {"modelType": "Capability", "idShort": f"Listed{number:02}"}


ELEMENTS = inside(Kind.SUBMODEL, HOLDER, "submodelElements", element)
LISTED: dict[str, tuple[str, str, tuple[Do, Do]]] = {
    "shells": ("GET", "/shells", documents(Kind.SHELL)),
    "references to shells": ("GET", "/shells/$reference", documents(Kind.SHELL)),
    "submodels": ("GET", "/submodels", documents(Kind.SUBMODEL)),
    "concepts": ("GET", "/concept-descriptions", documents(Kind.CONCEPT)),
    "shell descriptors": ("GET", "/shell-descriptors", documents(Kind.SHELL_DESCRIPTOR)),
    "submodel descriptors": ("GET", "/submodel-descriptors", documents(Kind.SUBMODEL_DESCRIPTOR)),
    "packages": ("GET", "/packages", documents(Kind.PACKAGE)),
    "references of a shell": ("GET", f"/shells/{A}/submodel-refs", inside(Kind.SHELL, AAS, "submodels", reference)),
    "elements": ("GET", f"/submodels/{H}/submodel-elements", ELEMENTS),
    "paths": ("GET", f"/submodels/{H}/submodel-elements/$path", ELEMENTS),
    "references to elements": ("GET", f"/submodels/{H}/submodel-elements/$reference", ELEMENTS),
    "lookup": ("POST", "/lookup/shellsByAssetLink", (linked, unlinked)),
    "answers": ("POST", "/query/submodels", documents(Kind.SUBMODEL)),
}


def body(address: str) -> dict[str, Any]:
    told: Any = QUESTION if "query" in address else [{"name": "batch", "value": "B7"}]
    return {"json": told}


async def page(client: httpx.AsyncClient, listed: str, cursor: str, limit: int) -> tuple[list[int], str]:
    """The numbers of the entries of a page, and where the next one begins."""
    method, address, _ = LISTED[listed]
    params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
    more = body(address) if method == "POST" else {}
    answer = await client.request(method, f"{V31}{address}", params=params, **more)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return [n for one in told["result"] if (n := number_of(one)) >= 0], told["paging_metadata"].get("cursor", "")


def number_of(entry: Any) -> int:
    """The number an entry was made with, -1 for what the environment brought."""
    if isinstance(entry, dict):
        keys = entry.get("keys") or [{"value": entry.get("packageId") or entry.get("id") or entry.get("idShort")}]
        entry = keys[-1]["value"]
    return int(entry[-2:]) if "isted" in entry else -1


@pytest.fixture
async def holder(served: Served) -> Served:
    body = {"modelType": "Submodel", "id": HOLDER, "idShort": "Holder"}
    await served.repository.create(PLATFORM, Kind.SUBMODEL, body)
    return served


@pytest.mark.parametrize("listed", LISTED)
async def test_t35_each_entry_comes_once_while_others_come_and_go(
    holder: Served, eve: httpx.AsyncClient, listed: str
) -> None:
    add, drop = LISTED[listed][2]
    for number in range(12):
        await add(holder.repository, number)
    seen, cursor = [], ""
    for _ in range(3):
        more, cursor = await page(eve, listed, cursor, 2)
        seen += more
    gone = [seen[0], next(n for n in range(11, -1, -1) if n not in seen)]
    for number in gone:
        await drop(holder.repository, number)
    await add(holder.repository, 50)
    before = set(seen)
    while cursor:
        more, cursor = await page(eve, listed, cursor, 2)
        seen += more
    assert len(seen) == len(set(seen))
    assert set(range(12)) - set(gone) <= set(seen)
    assert gone[1] not in set(seen) - before


@pytest.mark.parametrize("listed", LISTED)
async def test_t35_a_cursor_of_every_listing_outlives_the_server(holder: Served, db: Database, listed: str) -> None:
    add, _ = LISTED[listed][2]
    for number in range(6):
        await add(holder.repository, number)
    async with holder.client(holder.viewer) as client:
        whole, end = await page(client, listed, "", 100)
        assert (len(whole), end) == (6, "")
        first, cursor = await page(client, listed, "", 3)
    repository = Repository(db, holder.security.guard, "acme")
    services = Services(
        repository=repository, operations=Operations(repository, holder.security.guard), bulk=Bulk(repository)
    )
    async with served_at(Gate(application(services), holder.security, refuse=refusal)) as url:
        headers = {"authorization": f"Bearer {holder.viewer}"}
        async with httpx.AsyncClient(base_url=url, headers=headers) as client:
            rest, end = await page(client, listed, cursor, 100)
    assert (first + rest, end) == (whole, "")
