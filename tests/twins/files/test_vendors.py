"""Packages and documents as programs of the field write them: awkward, and read all the same."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from urllib.parse import quote

import pytest

from lineshaft.twins import files

from .conftest import ORIGIN, SPEC, SUPPLEMENTARY, aasx, environment_of, package, prop, rels

NS30 = "https://admin-shell.io/aas/3/0"
BASE = "http://admin-shell.io/aasx/relationships/"
FOUND = [b"%PDF"]


def manual(path: str) -> str:
    file = {"modelType": "File", "idShort": "Manual", "contentType": "application/pdf", "value": path}
    return json.dumps(environment_of(file))


def packed(path: str, part: str, target: str, **more: bytes | str) -> bytes:
    """A package whose one element says `path`, whose zip has `part`, and whose relationship leads to `target`."""
    parts = {part: b"%PDF", "aasx/odd/place/_rels/model.data.rels": rels((SUPPLEMENTARY, target))}
    return aasx(manual(path), {**parts, **more})


def led(data: bytes, path: str) -> list[bytes]:
    """The bytes the path of an element leads to."""
    found = files.read(data).named[path]
    return [found.read()] if found else []


@pytest.mark.parametrize(
    "path",
    [
        "/aasx/odd/place/files/doc.pdf", "files/doc.pdf", "./files/doc.pdf", "aasx/odd/place/files/doc.pdf",
        "file:///aasx/odd/place/files/doc.pdf", "file:/aasx/odd/place/files/doc.pdf", "/AASX/odd/place/Files/DOC.pdf",
        "/aasx/odd/../odd/place/files/doc.pdf",
    ],
)  # fmt: skip
def test_a_path_leads_to_its_part_however_it_is_written(path: str) -> None:
    assert led(packed(path, "aasx/odd/place/files/doc.pdf", "/aasx/odd/place/files/doc.pdf"), path) == FOUND


@pytest.mark.parametrize("path", ["https://example.com/doc.pdf", "urn:doc", "//host/doc.pdf", "/", "C:/doc.pdf"])
def test_a_path_that_leads_out_of_the_package_is_not_looked_for(path: str) -> None:
    read = files.read(packed(path, "aasx/odd/place/files/doc.pdf", "/aasx/odd/place/files/doc.pdf"))
    assert read.named == {}
    assert [one.read() for one in read.supplements] == FOUND


@pytest.mark.parametrize("name", ["a b.pdf", "说明书.pdf", "Prüfung (1).pdf"])
@pytest.mark.parametrize("zipped", [str, quote])
@pytest.mark.parametrize("linked", [str, quote])
@pytest.mark.parametrize("said", [str, quote])
def test_names_are_equal_whether_percent_encoded_or_not(name: str, zipped: Any, linked: Any, said: Any) -> None:
    path = f"/aasx/files/{said(name)}"
    data = packed(path, f"aasx/files/{zipped(name)}", f"/aasx/files/{linked(name)}")
    assert led(data, path) == FOUND
    (one,) = files.read(data).supplements
    assert one.name == f"/aasx/files/{name}"
    assert "package" not in files.read(data).report.counts


@pytest.mark.parametrize("spoken", ["gb18030", "utf-8"])
def test_names_in_a_zip_that_says_no_encoding_are_found(spoken: str) -> None:
    """Zip programs in China write GBK and no flag."""
    path = "/aasx/files/说明书.pdf"
    whole = packed(path, "aasx/files/PLACE.pdf", path)
    wanted = "说明书".encode(spoken)
    with zipfile.ZipFile(io.BytesIO(whole)) as zipped:
        parts = {name: zipped.read(name) for name in zipped.namelist()}
    target = io.BytesIO()
    stand_in = "Q" * len(wanted)
    with zipfile.ZipFile(target, "w") as zipped:
        for name, data in parts.items():
            zipped.writestr(name.replace("PLACE", stand_in), data)
    assert led(target.getvalue().replace(stand_in.encode(), wanted), path) == FOUND


def test_what_is_written_has_names_as_opc_has_them() -> None:
    name = "/aasx/files/Prüfung 1.pdf"
    attached = files.Attachment(name=name, content_type="application/pdf", data=b"%PDF")
    data = files.to_bytes(json.loads(manual(name)), supplements=[attached])[0]
    encoded = "aasx/files/Pr%C3%BCfung%201.pdf"
    with zipfile.ZipFile(io.BytesIO(data)) as zipped:
        assert encoded in zipped.namelist()
        assert f'Target="/{encoded}"' in zipped.read("aasx/_rels/environment.xml.rels").decode()
        assert f'PartName="/{encoded}"' in zipped.read("[Content_Types].xml").decode()
    assert led(data, name) == FOUND
    assert files.read(data).supplements[0].content_type == "application/pdf"


@pytest.mark.parametrize("base", ["http://www.admin-shell.io", "https://admin-shell.io", "https://www.admin-shell.io"])
def test_relationships_of_other_spellings_are_followed_and_named(base: str) -> None:
    old = f"{base}/aasx/relationships/"
    links = {"_rels/.rels": rels((old + "aasx-origin", "aasx/aasx-origin")),
             "aasx/_rels/aasx-origin.rels": rels((old + "aas-spec", "./odd/place/model.data"))}  # fmt: skip
    read = files.read(aasx(json.dumps(environment_of(prop("Speed"))), links))
    assert (read.environment, read.report.counts) == (environment_of(prop("Speed")), {"package": 2})


@pytest.mark.parametrize("source", ["aasx/_rels/aasx-origin.rels", "aasx/odd/place/_rels/model.data.rels"])
def test_an_environment_split_over_parts_is_read_as_one(source: str) -> None:
    second = {"submodels": [{"modelType": "Submodel", "id": "urn:second"}]}
    links = [(f"{BASE}aas-spec-split", "/aasx/second.json")]
    links += [(SPEC, "odd/place/model.data")] if "origin" in source else []
    data = aasx(
        json.dumps(environment_of(prop("Speed"))), {"aasx/second.json": json.dumps(second), source: rels(*links)}
    )
    assert [one["id"] for one in files.read(data).environment["submodels"]] == ["urn:sm", "urn:second"]


@pytest.mark.parametrize("types", ["", "<Types", "no XML"])
def test_broken_content_types_are_named_and_types_are_guessed(types: str) -> None:
    path = "/aasx/files/doc.pdf"
    read = files.read(packed(path, "aasx/files/doc.pdf", path, **{"[Content_Types].xml": types}))
    assert [one.content_type for one in read.supplements] == ["application/pdf"]
    assert [one.path for one in read.report.findings] == ["/[Content_Types].xml"]


def test_relationships_may_begin_with_a_byte_order_mark() -> None:
    plain = rels((ORIGIN, "/aasx/aasx-origin"))
    for text in (b"\xef\xbb\xbf" + plain.encode(), f'<?xml version="1.0" encoding="UTF-16"?>{plain}'.encode("utf-16")):
        read = files.read(aasx(json.dumps(environment_of(prop("Speed"))), {"_rels/.rels": text}))
        assert read.environment == environment_of(prop("Speed"))


def xml(text: str, encoding: str, before: str = "") -> bytes:
    named = f"<langStringNameType><language>zh</language><text>{text}</text></langStringNameType>"
    inside = f"<submodel><displayName>{named}</displayName><id>urn:sm</id></submodel>"
    return f"""{before}<?xml version="1.0" encoding="{encoding}" standalone="yes"?>
<a:environment xmlns:a="{NS30}"><a:submodels>{inside}</a:submodels></a:environment>""".replace(
        "<a:submodels>", f'<a:submodels xmlns="{NS30}">'
    ).encode(encoding)


def shown(data: bytes) -> str:
    return str(files.read(data).environment["submodels"][0]["displayName"][0]["text"])


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("GB2312", "说明书"), ("GBK", "鎔爐"), ("gb18030", "说明书𠮷"), ("Big5", "說明書"), ("Shift_JIS", "ポンプ"),
     ("EUC-JP", "ポンプ"), ("EUC-KR", "펌프"), ("windows-1252", "Prüfstand")],
)  # fmt: skip
def test_xml_in_the_encodings_of_east_asia_is_read(encoding: str, text: str) -> None:
    assert shown(xml(text, encoding)) == text
    long = text + " " * 300_000 + text
    assert shown(xml(long, encoding)) == long
    path = "aasx/odd/place/model.data"
    assert files.read(aasx(xml(text, encoding), {path: xml(text, encoding)})).version == "3.0"


def test_xml_that_is_not_in_the_encoding_it_declares_is_refused_in_one_sentence() -> None:
    broken = xml("X", "GB2312").replace(b"<text>X", b"<text>\xff\xff")
    with pytest.raises(files.BadFile, match="The XML is not in the encoding it declares") as refused:
        files.read(broken)
    assert refused.value.status == 400


def test_a_document_type_is_refused_in_every_encoding() -> None:
    told = xml("说明书", "GB2312").replace(b"?>\n", b'?>\n<!DOCTYPE e [<!ENTITY x "y">]>')
    with pytest.raises(files.BadFile, match="document type"):
        files.read(told)


@pytest.mark.parametrize("before", ["\n", "  \r\n\t", "\ufeff\n"])
def test_white_space_before_the_declaration_is_named_and_left_out(before: str) -> None:
    read = files.read(xml("Pump", "utf-8", before))
    assert [str(one) for one in read.report.findings] == [
        "structure at file: White space stands before the XML declaration."
    ]
    assert read.environment["submodels"][0]["id"] == "urn:sm"


def test_a_package_without_origin_thumbnail_and_types_is_read() -> None:
    picture = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
    parts: dict[str, bytes | str] = {
        "_rels/.rels": rels((ORIGIN, "/aasx/aasx-origin"), (picture, "/thumb.png")),
        "aasx/_rels/aasx-origin.rels": rels((SPEC, "model.json")),
        "aasx/model.json": json.dumps(environment_of(prop("Speed"))),
    }
    read = files.read(package(parts))
    assert (read.environment, read.thumbnail) == (environment_of(prop("Speed")), None)
    assert [(one.path, one.left_out) for one in read.report.findings] == [("/aasx/aasx-origin", False), ("/", True)]
