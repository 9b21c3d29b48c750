"""AAS files on their way in: taken leniently, with a report, and never as a way to foreign values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from lineshaft.kernel.db import Database
from lineshaft.kernel.errors import Forbidden
from lineshaft.kernel.terms import PlantPath
from lineshaft.security import PLATFORM, Grant, Guard, Role, Who, WhoKind
from lineshaft.telemetry import Live
from lineshaft.twins import Receiving, Repository, files
from lineshaft.twins.errors import BadFile, NoDocument, Stale
from lineshaft.twins.model.repository import Kind
from lineshaft.twins.settings import FileSettings

ADA = Who(id="ada", name="ada", kind=WhoKind.USER, grants=(Grant(role=Role.ENGINEER, subtree="acme"),), origin="t")
EVE = Who(id="eve", name="eve", kind=WhoKind.USER, grants=(Grant(role=Role.VIEWER, subtree="acme"),), origin="t")
HALL = PlantPath("acme/hall")


def submodel(id_: str, *, series: str = "") -> dict[str, Any]:
    prop: dict[str, Any] = {"modelType": "Property", "idShort": "speed", "valueType": "xs:double"}
    if series:
        prop["extensions"] = [{"name": "series", "valueType": "xs:string", "value": series}]
    return {"modelType": "Submodel", "id": id_, "idShort": "Data", "submodelElements": [prop]}


def file(*submodels: dict[str, Any]) -> bytes:
    return json.dumps({"submodels": submodels}).encode()


@pytest.fixture
def repository(db: Database, guard: Guard, live: Live) -> Repository:
    return Repository(db, guard, "acme", live=live)


@pytest.fixture
def receiving(repository: Repository, guard: Guard) -> Receiving:
    return Receiving(repository, guard, FileSettings())


async def test_a_file_stands_where_it_was_sent_and_the_second_time_changes_nothing(
    repository: Repository, receiving: Receiving
) -> None:
    first = await receiving.receive(ADA, file(submodel("urn:one")), place=HALL)
    assert (first.form, first.taken.created, first.taken.elements, first.report.clean) == ("json", 1, 1, True)
    assert (await repository.get(ADA, Kind.SUBMODEL, "urn:one")).place == "acme/hall/Data"
    before = await repository.feed(PLATFORM)
    again = await receiving.receive(ADA, file(submodel("urn:one")), place=HALL)
    assert (again.taken.created, again.taken.skipped) == (0, 1)
    assert await repository.feed(PLATFORM) == before


async def test_what_is_bound_to_values_of_others_is_named_and_left_out(
    repository: Repository, receiving: Receiving
) -> None:
    sent = file(submodel("urn:spy", series="other/hall/secret"), submodel("urn:ours", series="acme/hall/speed"))
    found = await receiving.receive(ADA, sent, place=HALL)
    assert found.taken.created == 1
    assert found.taken.refused == ("The submodel urn:spy is bound to other/hall/secret, which is not yours.",)
    with pytest.raises(NoDocument):
        await repository.get(PLATFORM, Kind.SUBMODEL, "urn:spy")


async def test_replacing_does_not_bind_to_values_of_others_either(repository: Repository, receiving: Receiving) -> None:
    await receiving.receive(ADA, file(submodel("urn:one")), place=HALL)
    sent = file(submodel("urn:one", series="other/hall/secret"))
    found = await receiving.receive(ADA, sent, place=HALL, replace=True)
    assert (found.taken.replaced, len(found.taken.refused)) == (0, 1)
    body = (await repository.get(PLATFORM, Kind.SUBMODEL, "urn:one")).body
    assert "extensions" not in orjson.loads(body)["submodelElements"][0]


async def test_an_imported_element_shows_the_values_of_its_series(
    repository: Repository, receiving: Receiving, tell: Callable[..., Any]
) -> None:
    await receiving.receive(ADA, file(submodel("urn:ours", series="acme/hall/speed")), place=HALL)
    await tell({"acme/hall/speed": 42.5})
    body = (await repository.get(EVE, Kind.SUBMODEL, "urn:ours")).body
    assert orjson.loads(body)["submodelElements"][0]["value"] == "42.5"


async def test_a_live_value_that_moved_on_does_not_make_a_writer_stale_but_another_writer_does(
    repository: Repository, receiving: Receiving, tell: Callable[..., Any]
) -> None:
    def named(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        return lambda document: document | {"category": name}

    await receiving.receive(ADA, file(submodel("urn:ours", series="acme/hall/speed")), place=HALL)
    await tell({"acme/hall/speed": 42.5})
    seen = (await repository.get(ADA, Kind.SUBMODEL, "urn:ours")).etag
    await tell({"acme/hall/speed": 43.5})
    assert (await repository.get(ADA, Kind.SUBMODEL, "urn:ours")).etag != seen, "readers see that it changed"
    await repository.change(ADA, Kind.SUBMODEL, "urn:ours", named("first"), if_match=f'"{seen}"')
    with pytest.raises(Stale):
        await repository.change(ADA, Kind.SUBMODEL, "urn:ours", named("second"), if_match=f'"{seen}"')


async def test_a_viewer_sends_nothing(repository: Repository, receiving: Receiving) -> None:
    with pytest.raises(Forbidden):
        await receiving.receive(EVE, file(submodel("urn:one")), place=HALL)
    assert await repository.feed(PLATFORM) == []


async def test_a_strict_reader_refuses_a_file_with_a_fault_and_keeps_nothing(
    repository: Repository, receiving: Receiving
) -> None:
    wrong = submodel("urn:one") | {"idShort": "1 wrong"}
    with pytest.raises(BadFile):
        await receiving.receive(ADA, file(wrong, submodel("urn:two")), place=HALL, strict=True)
    assert await repository.feed(PLATFORM) == []


# ---- the files of a package ----


def with_manual(path: str, part: str) -> bytes:
    named = {"modelType": "File", "idShort": "Manual", "contentType": "application/pdf", "value": path}
    lost = {"modelType": "File", "idShort": "Lost", "contentType": "application/pdf", "value": "/aasx/files/lost.pdf"}
    held = {"modelType": "Submodel", "id": "urn:docs", "idShort": "Docs", "submodelElements": [named, lost]}
    content = files.Attachment(name=part, content_type="application/pdf", data=b"%PDF")
    other = files.Attachment(name="/aasx/files/unused.txt", content_type="text/plain", data=b"nobody")
    return files.to_bytes({"submodels": [held]}, supplements=[content, other])[0]


@pytest.mark.parametrize(
    ("path", "name"),
    [("/aasx/files/说明书.pdf", "说明书.pdf"), ("/aasx/files/a%20b.pdf", "a b.pdf"), ("files/doc.pdf", "doc.pdf"),
     ("file:///aasx/files/doc.pdf", "doc.pdf"), ("/AASX/Files/doc.pdf", "doc.pdf")],
)  # fmt: skip
async def test_files_come_along_however_their_paths_are_written(
    repository: Repository, receiving: Receiving, path: str, name: str
) -> None:
    found = await receiving.receive(ADA, with_manual(path, f"/aasx/files/{name}"), place=HALL)
    assert found.taken.files == 1
    kept = await repository.get_file(ADA, Kind.SUBMODEL, "urn:docs", "Manual")
    assert (kept.name, kept.content_type, kept.content) == (
        path.rsplit("/", 1)[-1].replace("%20", " "),
        "application/pdf",
        b"%PDF",
    )
    told = [(one.path, one.message) for one in found.report.findings if one.constraint == "package"]
    assert told == [
        ("/aasx/files/lost.pdf", "A document names this file, which is not in the package."),
        ("/aasx/files/unused.txt", "No document names this file; it is left out."),
    ]


async def test_names_in_chinese_come_in_and_are_found_by_their_path(
    repository: Repository, receiving: Receiving
) -> None:
    held = submodel("urn:zh") | {"idShort": "技术数据", "displayName": [{"language": "zh", "text": "技术数据"}]}
    held["submodelElements"][0] |= {"idShort": "转速", "value": "1.5"}
    found = await receiving.receive(ADA, b"\xef\xbb\xbf" + file(held), place=HALL)
    assert found.taken.created == 1
    assert [one.path for one in found.report.findings] == ["urn:zh › idShort", "urn:zh › 转速 › idShort"]
    await repository.write_values(ADA, "urn:zh", {"转速": "2.5"})
    document = await repository.get(ADA, Kind.SUBMODEL, "urn:zh")
    assert (document.place, orjson.loads(document.body)["submodelElements"][0]["value"]) == (
        "acme/hall/技术数据",
        "2.5",
    )


async def test_the_second_file_with_an_id_changes_nothing_and_replaces_when_asked(
    repository: Repository, receiving: Receiving
) -> None:
    await receiving.receive(ADA, file(submodel("urn:one"), submodel("urn:two")), place=HALL)
    other = submodel("urn:one") | {"category": "CONSTANT"}
    again = await receiving.receive(ADA, file(other, submodel("urn:three")), place=HALL)
    assert (again.taken.created, again.taken.skipped, again.taken.replaced) == (1, 1, 0)
    assert b"CONSTANT" not in (await repository.get(ADA, Kind.SUBMODEL, "urn:one")).body
    replaced = await receiving.receive(ADA, file(other), place=HALL, replace=True)
    assert (replaced.taken.created, replaced.taken.replaced) == (0, 1)
    assert b"CONSTANT" in (await repository.get(ADA, Kind.SUBMODEL, "urn:one")).body
