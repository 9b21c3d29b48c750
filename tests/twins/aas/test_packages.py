"""AASX, XML and JSON in and out: serialization and the file server."""

from __future__ import annotations

import httpx
import pytest

from lineshaft.kernel.terms import PlantPath
from lineshaft.twins import files
from lineshaft.twins.metamodel.identifiers import encode_id
from lineshaft.twins.model.record import PART, Entry, Happening
from lineshaft.twins.model.shell import made_for

from .conftest import AAS, ENVIRONMENT, V30, V31, A, S, Served
from .test_files_and_operations import FILE, upload
from .test_reading import is_result

AASX = "application/asset-administration-shell-package+xml"


@pytest.mark.parametrize(("mount", "version"), [(V30, "3.0"), (V31, "3.1")])
@pytest.mark.parametrize(("media", "form"), [("application/xml", "xml"), (AASX, "aasx"), ("application/json", "json")])
async def test_t23_every_format_reads_back_as_the_same_environment(
    ada: httpx.AsyncClient, mount: str, version: str, media: str, form: str
) -> None:
    assert (await ada.put(f"{FILE}/attachment", **upload(b"hello", "hello.txt", "text/plain"))).status_code == 204
    expected = {
        "assetAdministrationShells": [ENVIRONMENT["assetAdministrationShells"][0]],
        "submodels": [(await ada.get(f"{V31}/submodels/{S}?extent=withBlobValue")).json()],
        "conceptDescriptions": ENVIRONMENT["conceptDescriptions"],
    }
    answer = await ada.get(f"{mount}/serialization?aasIds={A}&submodelIds={S}", headers={"accept": media})
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    package = files.read(answer.content)
    assert (package.form, package.report.findings) == (form, package.report.findings[:0])
    assert package.environment == expected
    if form == "aasx":
        assert package.version == version
        assert [one.read() for one in package.supplements] == [b"hello"]


async def test_a_file_carries_all_entries_of_a_record(ada: httpx.AsyncClient, served: Served) -> None:
    told = [Entry(fact=f"twin:{n}", kind=Happening.CHANGED, at_us=n, by="ada") for n in range(1_005)]
    await served.repository.records.tell(AAS, PlantPath("acme"), told)
    record = encode_id(made_for(AAS, PART))
    for asked in (f"submodelIds={record}", ""):
        found = (await ada.get(f"{V31}/serialization?{asked}", headers={"accept": "application/json"})).json()
        [held] = [one for one in found["submodels"] if one["idShort"] == PART]
        assert len(held["submodelElements"][-1]["value"]) == 1_005


async def test_the_picture_of_the_first_shell_is_that_of_the_package(ada: httpx.AsyncClient) -> None:
    assert files.read(await package_of(ada)).thumbnail is None
    address = f"{V31}/shells/{A}/asset-information/thumbnail"
    assert (await ada.put(address, **upload(b"\x89PNG", "press.png", "image/png"))).status_code == 204
    package = files.read(await package_of(ada))
    assert package.thumbnail is not None
    assert (package.thumbnail.content_type, package.thumbnail.read()) == ("image/png", b"\x89PNG")
    assert [one.read() for one in package.supplements] == [b"\x89PNG"]
    assert package.report.clean


async def package_of(client: httpx.AsyncClient) -> bytes:
    return (await client.get(f"{V31}/serialization?aasIds={A}&submodelIds={S}", headers={"accept": AASX})).content


async def test_t48_a_package_is_kept_listed_read_replaced_and_forgotten(ada: httpx.AsyncClient) -> None:
    content = await package_of(ada)
    made = await ada.post(f"{V31}/packages", **upload(content, "press.aasx", AASX))
    assert made.status_code == 201
    id_ = made.json()["packageId"]
    assert made.json() == {"packageId": id_, "aasIds": [AAS]}
    address = f"{V31}/packages/{encode_id(id_)}"
    assert made.headers["location"] == address
    is_result(await ada.post(f"{V31}/packages", **upload(content, "press.aasx", AASX)), 409)
    for query, count in ((f"?aasId={A}", 1), (f"?aasId={encode_id('https://example.com/aas/2')}", 0), ("", 1)):
        found = (await ada.get(f"{V31}/packages{query}")).json()["result"]
        assert found == [made.json()][:count]
    read = await ada.get(address)
    assert (read.content, read.headers["content-disposition"]) == (content, "attachment; filename*=UTF-8''press.aasx")
    other = files.to_bytes({"assetAdministrationShells": [ENVIRONMENT["assetAdministrationShells"][1]]})[0]
    assert (await ada.put(address, **upload(other, "two.aasx", AASX))).status_code == 204
    assert (await ada.get(address)).content == other
    listed = (await ada.get(f"{V31}/packages")).json()["result"]
    assert listed == [{"packageId": id_, "aasIds": ["https://example.com/aas/2"]}]
    assert (await ada.delete(address)).status_code == 204
    is_result(await ada.get(address), 404)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"{}", b"<x/>"])
async def test_t54_what_is_no_package_is_refused(ada: httpx.AsyncClient, content: bytes) -> None:
    is_result(await ada.post(f"{V31}/packages", **upload(content, "x.aasx", AASX)), 400)
    assert (await ada.get(f"{V31}/packages")).json()["result"] == []


async def test_a_viewer_keeps_no_package(ada: httpx.AsyncClient, eve: httpx.AsyncClient) -> None:
    is_result(await eve.post(f"{V31}/packages", **upload(await package_of(ada), "x.aasx", AASX)), 403)
    assert (await eve.get(f"{V31}/packages")).json()["result"] == []
