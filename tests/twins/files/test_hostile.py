"""T54: files made to do harm are refused in one sentence, quickly, with little memory, and the process lives on."""

from __future__ import annotations

import io
import json
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from lineshaft.twins import files
from lineshaft.twins.settings import FileSettings

from .conftest import ALL_KINDS, aasx, environment_of, package, prop, rels

NS31 = "https://admin-shell.io/aas/3/1"
GOOD = json.dumps(environment_of(prop("Speed")))


def xml(inside: str, before: str = "") -> bytes:
    return f'<?xml version="1.0"?>{before}<environment xmlns="{NS31}">{inside}</environment>'.encode()


def bomb() -> bytes:
    """200 MB of zeros in 200 kB."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("_rels/.rels", rels(("x", "y")))
        with zipped.open("aasx/environment.json", "w", force_zip64=True) as part:
            for _ in range(200):
                part.write(bytes(1024 * 1024))
    return target.getvalue()


def lying() -> bytes:
    """A part whose directory entry claims 10 bytes and which unpacks to 8 MB."""
    data = bytearray(aasx(b" " * 8_000_000 + GOOD.encode()))
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"aasx/odd/place/model.data"))
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    return bytes(data)


def linked() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as zipped:
        info = zipfile.ZipInfo("aasx/link")
        info.external_attr = 0o120777 << 16
        zipped.writestr(info, "/etc/passwd")
    return target.getvalue()


def twice() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as zipped:
        zipped.writestr("a.txt", "1")
        zipped.writestr("b.txt", "2")
    return target.getvalue().replace(b"b.txt", b"a.txt")


def overlapping() -> bytes:
    """Two directory entries that share one part's bytes."""
    data = package({"a.txt": b"x" * 100, "b.txt": b"y" * 100})
    second = data.rindex(b"PK\x01\x02")
    return data[: second + 42] + struct.pack("<I", 0) + data[second + 46 :]


def crowded() -> bytes:
    return package({f"p{i}": b"" for i in range(10_001)})


def deep_json(levels: int) -> bytes:
    inner = '{"modelType":"SubmodelElementCollection","idShort":"Aa","value":['
    head = '{"submodels":[{"modelType":"Submodel","id":"urn:sm","submodelElements":['
    return (head + inner * levels + "]}" * levels + "]}]}").encode()


def deep_xml(levels: int) -> bytes:
    inner = "<submodelElementCollection><idShort>Aa</idShort><value>"
    close = "</value></submodelElementCollection>"
    return xml(f"<submodels><submodel><id>u</id><submodelElements>{inner * levels}{close * levels}"
               "</submodelElements></submodel></submodels>")  # fmt: skip


def deep_reference(levels: int) -> bytes:
    inner = '{"type":"ExternalReference","keys":[{"type":"GlobalReference","value":"u"}],"referredSemanticId":'
    return (
        f'{{"submodels":[{{"modelType":"Submodel","id":"u","semanticId":{inner * levels}1{"}" * levels}}}]}}'.encode()
    )


def unknown_depth(levels: int) -> bytes:
    return xml("<submodels><submodel><id>u</id>" + "<foo>" * levels + "</foo>" * levels + "</submodel></submodels>")


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
REFUSED: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "zip bomb": (bomb, 413, "unpacks to more than 200 times its packed size"),
    "size that lies": (lying, 400, "package is a broken zip: Bad CRC-32"),
    "too many parts": (crowded, 413, "has 10001 parts and 10000 are allowed"),
    "path upwards": (lambda: package({"../../evil.txt": b"x"}), 400, "whose name leads elsewhere"),
    "path upwards inside": (lambda: package({"aasx/../../evil.txt": b"x"}), 400, "whose name leads elsewhere"),
    "absolute path": (lambda: package({"/etc/passwd": b"x"}), 400, "part with a forbidden name"),
    "drive": (lambda: package({"C:/evil.txt": b"x"}), 400, "part with a forbidden name"),
    "backslash": (lambda: package({"aasx\\..\\evil.txt": b"x"}), 400, "part with a forbidden name"),
    "duplicate": (twice, 400, "two parts named /a.txt"),
    "duplicate but for case": (lambda: package({"a.txt": b"1", "A.TXT": b"2"}), 400, "two parts named /A.TXT"),
    "symbolic link": (linked, 400, "package has a symbolic link, /aasx/link"),
    "overlap": (overlapping, 400, "parts that overlap"),
    "truncated zip": (lambda: aasx(GOOD)[:-40], 400, "package is a broken zip"),
    "zip of nothing": (lambda: b"PK\x03\x04" + bytes(100), 400, "package is a broken zip"),
    "no origin": (lambda: package({"aasx/aas.xml": xml("")}), 400, "so it is no AASX"),
    "no spec": (lambda: aasx(GOOD, {"aasx/_rels/aasx-origin.rels": rels()}), 400, "leads to no aas-spec part"),
    "doctype in relationships": (
        lambda: aasx(GOOD, {"_rels/.rels": "<!DOCTYPE a [<!ENTITY b 'c'>]>" + rels()}), 400, "document type in /_rels"),
    "entity expansion": (lambda: xml("&l9;", f"<!DOCTYPE e [<!ENTITY l0 'ha'>{LAUGHS}]>"), 400, "document type"),
    "external entity": (
        lambda: xml("&x;", '<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), 400, "document type"),
    "external subset": (lambda: xml("", '<!DOCTYPE e SYSTEM "http://192.0.2.1/evil.dtd">'), 400, "document type"),
    "deep json": (lambda: deep_json(10_000), 413, "nested more than 64 levels"),
    "deep json that decodes": (lambda: deep_json(200), 413, "nested more than 64 levels"),
    "deep xml": (lambda: deep_xml(10_000), 413, "nested more than 64 levels"),
    "deep references": (lambda: deep_reference(400), 413, "nested more than 64 levels"),
    "deep nonsense": (lambda: unknown_depth(10_000), 413, "nested more than 64 levels"),
    "deep brackets": (lambda: b"[" * 1_000_000, 413, "nested more than 64 levels"),
    "utf-16 json": (lambda: GOOD.encode("utf-16"), 400, "JSON is encoded in UTF-16"),
    "wrong utf-8": (lambda: GOOD.replace("Speed", "Sp\u00e9").encode("latin-1"), 400, "JSON is broken at line 1"),
    "wrong utf-8 in xml": (lambda: xml("\u00e9").decode().encode("latin-1"), 400, "XML is broken at line 1"),
    "unknown encoding": (lambda: b'<?xml version="1.0" encoding="EBCDIC-9"?><environment/>', 400, "XML "),
    "nul bytes": (lambda: GOOD.replace("urn:sm", "urn\0sm").encode(), 400, "JSON is broken at line 1"),
    "nul bytes in xml": (lambda: xml("\0"), 400, "XML is broken at line 1"),
    "nothing": (lambda: b"", 400, "file is empty"),
    "blanks": (lambda: b" \n" * 9, 400, "file is empty"),
    "a picture": (lambda: b"\x89PNG\r\n", 400, "neither AASX, JSON nor XML"),
    "half a document": (lambda: xml("<submodels>")[:-20], 400, "XML is broken"),
    "a list": (lambda: b"[]", 400, "JSON holds a list, not an environment object"),
    "one submodel": (lambda: b'{"modelType":"Submodel","id":"u"}', 400, "one Submodel, not an environment"),
    "metamodel 2 json": (lambda: b'{"assets":[]}', 400, "metamodel 2.0"),
    "metamodel 2 xml": (
        lambda: b'<aasenv xmlns="http://www.admin-shell.io/aas/2/0"/>', 400, "XML is of metamodel 2.0"),
    "foreign xml": (lambda: b"<html/>", 400, "XML begins with <html>"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_t54_it_is_refused_in_one_sentence(case: str) -> None:
    make, status, sentence = REFUSED[case]
    data = make()
    tracemalloc.start()
    started = time.monotonic()
    with pytest.raises(files.BadFile) as refused:
        files.read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.status == status
    assert sentence in refused.value.message
    assert len(refused.value.message) < 300
    assert refused.value.hint
    assert peak < 64 * 1024 * 1024
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("limits", "data", "sentence"),
    [
        ({"file": 100}, GOOD.encode() + b" " * 100, "and 100 are allowed"),
        ({"unpacked": 1_000}, aasx(GOOD + " " * 1_000), "unpacks to more than 1000 bytes"),
        ({"part": 500}, aasx(GOOD + " " * 500), "and 500 are allowed"),
        ({"nodes": 5}, GOOD.encode(), "more than 5 members and items"),
        ({"nodes": 2}, deep_xml(1), "more than 2 elements"),
        ({"depth": 3}, deep_json(4), "more than 3 levels"),
        ({"text": 65_536}, xml("<submodels><submodel><id>" + "x" * 200_000), "longer than 65536 characters"),
    ],
)
def test_every_limit_is_a_setting(limits: dict[str, int], data: bytes, sentence: str) -> None:
    with pytest.raises(files.FileTooLarge, match=sentence):
        files.read(data, limits=files.Limits(**limits))


def test_a_tag_that_never_ends_is_given_up_early() -> None:
    data = xml("<submodels a='" + "x" * 30_000_000)
    started = time.monotonic()
    with pytest.raises(files.FileTooLarge, match="longer than 4 MiB"):
        files.read(data)
    assert time.monotonic() - started < 20


def test_a_directory_larger_than_memory_should_give_is_not_read() -> None:
    data = bytearray(package({"a": b"1"}))
    end = data.rindex(b"PK\x05\x06")
    filler = bytes(9 * 1024 * 1024)
    data[end + 12 : end + 16] = struct.pack("<I", len(filler) + end - 30)
    with pytest.raises(files.BadFile):
        files.read(filler[:0] + b"PK\x03\x04" + filler + bytes(data))


def test_depths_just_inside_the_limit_are_read() -> None:
    for data in (deep_json(64), deep_xml(64)):
        assert files.read(data).environment["submodels"][0]["submodelElements"][0]["idShort"] == "Aa"


def test_a_target_outside_the_package_is_not_followed() -> None:
    links = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    spec = (
        '<Relationship Type="http://admin-shell.io/aasx/relationships/aas-spec" Target="odd/place/model.data" Id="a"/>'
    )
    out = '<Relationship Type="http://admin-shell.io/aasx/relationships/aas-suppl" Target="{}" Id="b" {}/>'
    for target, mode in (("file:///etc/passwd", 'TargetMode="External"'), ("http://192.0.2.1/x", ""),
                         ("../../../../etc/passwd", "")):  # fmt: skip
        data = aasx(GOOD, {"aasx/_rels/aasx-origin.rels": links.format(spec),
                           "aasx/odd/place/_rels/model.data.rels": links.format(out.format(target, mode))})  # fmt: skip
        read = files.read(data)
        assert read.supplements == ()
        assert read.report.counts == {"package": 1}


def test_a_refused_file_leaves_the_next_one_untouched() -> None:
    for make, _, _ in REFUSED.values():
        with pytest.raises(files.BadFile):
            files.read(make())
    data: Any = files.to_bytes(ALL_KINDS)[0]
    assert files.read(data).environment == ALL_KINDS


def test_the_limits_of_the_configuration_are_those_of_the_reader() -> None:
    assert files.Limits.of(FileSettings()) == files.Limits()
    assert files.Limits.of(FileSettings(file_mb=1, depth=3)).file == 1024 * 1024
    assert files.Limits.of(FileSettings(file_mb=1, depth=3)).depth == 3


@pytest.mark.parametrize("member", ["id", "idShort", "modelType"])
def test_a_name_without_end_does_not_multiply_in_the_report(member: str) -> None:
    endless = "x" * 5_000_000
    elements = [prop(f"Bad {at}") for at in range(2_000)]
    environment = environment_of({"modelType": "SubmodelElementCollection", "idShort": "Aa", "value": elements})
    submodel = environment["submodels"][0]
    (submodel if member == "id" else submodel["submodelElements"][0])[member] = endless
    data = json.dumps(environment).encode()
    tracemalloc.start()
    report = files.read(data).report
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.total >= 1
    assert max(len(finding.path) + len(finding.value) for finding in report.findings) < 500
    assert peak < 128 * 1024 * 1024


def test_a_refusal_is_a_sentence_however_long_the_name_in_it_is() -> None:
    for data in (package({"a/../" + "x" * 60_000: b""}), package({"x" * 60_000: b"", "X" * 60_000: b""}),
                 b'<e xmlns="' + b"x" * 1_000_000 + b'"/>', b'{"modelType":"' + b"x" * 1_000_000 + b'"}'):  # fmt: skip
        with pytest.raises(files.BadFile) as refused:
            files.read(data)
        assert len(refused.value.message) < 300
