"""What is written reads back equal, in every form and version, and other readers take it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import aas_core3_1.jsonization as jsonization31
import aas_core3_1.verification as verification31
import aas_core3_1.xmlization as xmlization31
import pytest
from aas_test_engines import file as engine

from lineshaft.twins import files

from .conftest import ALL_KINDS, SPEC, SUPPLEMENTARY, aasx, environment_of, prop, rels

FORMS = [("json", "xml"), ("xml", "xml"), ("aasx", "xml"), ("aasx", "json")]


def read_by_engine(data: bytes, form: str) -> list[str]:
    """What the official test engine has against a file of metamodel 3.0."""
    if form == "aasx":
        result = engine.check_aasx_file(io.BytesIO(data), "3.0")
    elif form == "xml":
        result = engine.check_xml_file(io.StringIO(data.decode()), "3.0")
    else:
        result = engine.check_json_file(io.StringIO(data.decode()), "3.0")
    return [] if result.ok() else list(failures(result))


def failures(result: Any) -> list[str]:
    below = [line for sub in result.sub_results for line in failures(sub)]
    return below if below or result.ok() else [str(result.message)]


@pytest.mark.parametrize("version", ["3.0", "3.1"])
@pytest.mark.parametrize(("form", "inside"), FORMS)
def test_all_fourteen_kinds_come_back_equal(form: str, inside: str, version: str) -> None:
    data, losses = files.to_bytes(ALL_KINDS, form=form, inside=inside, version=version)
    package = files.read(data)
    assert losses.findings == []
    assert package.environment == ALL_KINDS
    assert package.report.findings == []
    assert package.form == form
    assert package.version == (version if "xml" in (form, inside) and form != "json" else "")


@pytest.mark.parametrize(("form", "inside"), FORMS)
def test_t51_a_published_template_comes_back_equal(template: Path, form: str, inside: str) -> None:
    read = files.read(template)
    data, _ = files.to_bytes(read.environment, form=form, inside=inside)
    assert files.read(data).environment == read.environment


def test_t51_json_of_a_template_without_faults_is_taken_over_to_the_letter(template: Path) -> None:
    read = files.read(template)
    if not any(finding.left_out for finding in read.report.findings):
        assert read.environment == json.loads(template.read_text())


@pytest.mark.parametrize(("form", "inside"), FORMS)
def test_t52_the_engine_accepts_what_is_written_as_30(form: str, inside: str) -> None:
    data, _ = files.to_bytes(ALL_KINDS, form=form, inside=inside, version="3.0")
    assert read_by_engine(data, form) == []


def test_t52_the_engine_accepts_a_template_written_as_30_when_its_report_is_clean(template: Path) -> None:
    read = files.read(template)
    data, _ = files.to_bytes(read.environment, form="json", version="3.0")
    if read.report.clean:
        assert read_by_engine(data, "json") == []


def test_t52_aas_core_verifies_what_is_written_as_31() -> None:
    as_json, _ = files.to_bytes(ALL_KINDS, form="json", version="3.1")
    as_xml, _ = files.to_bytes(ALL_KINDS, form="xml", version="3.1")
    from_json = jsonization31.environment_from_jsonable(json.loads(as_json))
    from_xml = xmlization31.environment_from_str(as_xml.decode())
    assert list(verification31.verify(from_json)) == list(verification31.verify(from_xml)) == []
    assert jsonization31.to_jsonable(from_xml) == ALL_KINDS


def test_files_of_a_package_come_back_with_type_and_bytes() -> None:
    manual = files.Attachment(name="/aasx/files/Anleitung ä%.pdf", content_type="application/pdf", data=b"%PDF" * 999)
    face = files.Attachment(name="/thumb.png", content_type="image/png", data=b"\x89PNG")
    data, losses = files.to_bytes(ALL_KINDS, supplements=[manual], thumbnail=face)
    package = files.read(data)
    assert losses.clean
    assert [(s.name, s.content_type, s.size, s.read()) for s in package.supplements] == [
        (manual.name, "application/pdf", 3996, manual.data)
    ]
    assert package.thumbnail is not None
    assert (package.thumbnail.name, package.thumbnail.read()) == ("/thumb.png", b"\x89PNG")


def test_a_package_read_from_a_path_holds_no_file_open(tmp_path: Path) -> None:
    manual = files.Attachment(name="/aasx/files/a.txt", content_type="text/plain", data=b"hello")
    path = tmp_path / "a.aasx"
    path.write_bytes(files.to_bytes(ALL_KINDS, supplements=[manual])[0])
    package = files.read(path)
    assert package.supplements[0].read() == b"hello"
    path.unlink()


def test_parts_are_found_by_relationship_and_not_by_name() -> None:
    wanted = json.dumps(environment_of(prop("Speed")))
    decoy = json.dumps(environment_of(prop("Wrong")))
    package = files.read(
        aasx(
            wanted,
            {
                "aasx/environment.json": decoy,
                "aasx/aas.xml": decoy,
                "aasx/odd/place/_rels/model.data.rels": rels((SUPPLEMENTARY, "../up/notes.txt")),
                "aasx/odd/up/notes.txt": "kept",
                "aasx/files/unrelated.txt": "not asked for",
            },
        )
    )
    assert package.environment == environment_of(prop("Speed"))
    assert [(s.name, s.read()) for s in package.supplements] == [("/aasx/odd/up/notes.txt", b"kept")]


def test_relationships_of_the_old_form_are_followed_and_named() -> None:
    old = "http://www.admin-shell.io/aasx/relationships/"
    data = aasx(
        json.dumps(environment_of(prop("Speed"))),
        {
            "_rels/.rels": rels((old + "aasx-origin", "/aasx/aasx-origin")),
            "aasx/_rels/aasx-origin.rels": rels((old + "aas-spec", "odd/place/model.data")),
        },
    )
    package = files.read(data)
    assert package.environment == environment_of(prop("Speed"))
    assert package.report.counts == {"package": 2}


def test_the_same_environment_as_xml_and_json_is_taken_once() -> None:
    as_json, as_xml = (files.to_bytes(ALL_KINDS, form=form)[0] for form in ("json", "xml"))
    links = rels((SPEC, "odd/place/model.data"), (SPEC, "/second.xml"))
    package = files.read(aasx(as_json, {"second.xml": as_xml, "aasx/_rels/aasx-origin.rels": links}))
    assert package.environment == ALL_KINDS
    assert package.report.counts == {"identifier": 5}


def test_a_file_element_brings_its_part_though_no_relationship_leads_to_it() -> None:
    file = {"modelType": "File", "idShort": "Doc", "contentType": "text/plain", "value": "/aasx/files/a.txt"}
    package = files.read(aasx(json.dumps(environment_of(file)), {"aasx/files/a.txt": "hello"}))
    assert [s.read() for s in package.supplements] == [b"hello"]
    assert [str(f) for f in package.report.findings] == [
        "package at /aasx/files/a.txt: No aas-suppl relationship leads to this file of an element."
    ]


def test_the_same_environment_makes_the_same_package() -> None:
    assert files.to_bytes(ALL_KINDS)[0] == files.to_bytes(ALL_KINDS)[0]


def test_a_written_package_is_a_zip_others_open() -> None:
    with zipfile.ZipFile(io.BytesIO(files.to_bytes(ALL_KINDS)[0])) as zipped:
        assert zipped.testzip() is None
        assert zipped.namelist()[0] == "_rels/.rels"


@pytest.mark.parametrize(("inside", "type_"), [("xml", "text/xml"), ("json", "application/json")])
def test_the_environment_in_a_package_has_a_type_that_others_read(inside: str, type_: str) -> None:
    """basyx-python-sdk 2.2.0 reads text/xml, application/xml, text/json and application/json, and refuses the rest."""
    with zipfile.ZipFile(io.BytesIO(files.to_bytes(ALL_KINDS, inside=inside)[0])) as zipped:
        types = zipped.read("[Content_Types].xml").decode()
    assert f'<Override PartName="/aasx/environment.{inside}" ContentType="{type_}"/>' in types


def test_writing_an_unknown_version_is_refused() -> None:
    with pytest.raises(files.BadFile, match=r"not written as xml 4\.0"):
        files.to_bytes(ALL_KINDS, form="xml", version="4.0")


@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_empty_blob_and_an_empty_text_come_back(form: str) -> None:
    blob = {"modelType": "Blob", "idShort": "Blob", "value": ""}
    environment = environment_of(blob, prop("Note", "", "xs:string"))
    assert files.read(files.to_bytes(environment, form=form)[0]).environment == environment
